# equals: r("outputs").value_length
# within: 0.01
values = run.past_key_values.layers[23].values[0]  # [key head, token, number]
heads_per_key = model.config.num_attention_heads // len(values)
lengths = values[4 // heads_per_key].norm(dim=-1)
[round(length, 2) for length in lengths.tolist()]
