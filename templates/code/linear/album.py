# equals: [r("answer").prompts[0].top[i].prob for i in [0, 1, 2]]
with torch.no_grad():
    sketch = model.model(ids).last_hidden_state[0, -1]  # after the final norm
    album = model.lm_head.weight  # one row for each token
    logits = album @ sketch
shares = logits.softmax(dim=-1)
[round(share, 4) for share in shares.topk(3).values.tolist()]
