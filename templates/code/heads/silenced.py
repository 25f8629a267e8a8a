# equals: r("silenced").most_needed[0].answer_prob
def silence(module, inputs):
    heads = inputs[0].clone()  # 64 numbers from each head, end to end
    heads[..., 4 * 64 : 5 * 64] = 0
    return (heads,)

attention = model.model.layers[23].self_attn
hook = attention.o_proj.register_forward_pre_hook(silence)
with torch.no_grad():
    probabilities = model(ids).logits[0, -1].softmax(dim=-1)
hook.remove()
round(probabilities[tokenizer.encode(" Paris")[0]].item(), 4)
