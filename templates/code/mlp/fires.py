# equals: r("neuron").activation
# within: 0.001
seen = []
mlp = model.model.layers[24].mlp
hook = mlp.register_forward_pre_hook(
    lambda module, inputs: seen.append(inputs[0][0, -1])
)
with torch.no_grad():
    model(ids)
hook.remove()
x = seen[0]  # what *is* brings to its desk, after the norm
gate = mlp.gate_proj.weight[1005] @ x
up = mlp.up_proj.weight[1005] @ x
round((gate * torch.sigmoid(gate) * up).item(), 3)
