# equals: [len(r("rope").tokens), r("rope").d_head]
block = model.model.layers[16]
with torch.no_grad():
    x = model(ids, output_hidden_states=True).hidden_states[16][0]
    x = block.input_layernorm(x)
    q = block.self_attn.q_proj(x)[:, :64]  # head 0
    k = block.self_attn.k_proj(x)[:, :64]
list(q.shape)
