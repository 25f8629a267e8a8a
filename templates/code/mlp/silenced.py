# equals: r("neuron").ablations[0].prob_without
def silence(module, inputs):
    neurons = inputs[0].clone()
    neurons[..., 1005] = 0
    return (neurons,)

hook = mlp.down_proj.register_forward_pre_hook(silence)
with torch.no_grad():
    probabilities = model(ids).logits[0, -1].softmax(dim=-1)
hook.remove()
round(probabilities[tokenizer.encode(" Paris")[0]].item(), 4)
