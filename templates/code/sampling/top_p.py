# equals: r("playground").prompts[0].effects[2].candidates
with torch.no_grad():
    shares = model(ids).logits[0, -1].softmax(dim=-1)
largest_first = shares.sort(descending=True).values
reached_before = largest_first.cumsum(dim=-1) - largest_first
int((reached_before < 0.9).sum())
