# equals: r("blocked").texts[0].blocked.whitespace.loss
# within: 0.001
story = """The old clock in the hall was built in 1887 by two brothers.

It has 3 hands: one for the hours, one for the minutes, and one for the moon. \
Every evening at 9 my grandmother turns the key 12 times, and then she listens.
"""
ids = tokenizer(story, return_tensors="pt").input_ids
n = ids.shape[1]
seen = torch.ones(n, n).tril().bool() & ~blank(ids[0]) | torch.eye(n).bool()
mask = torch.zeros(n, n).double().masked_fill(~seen, float("-inf"))
with torch.no_grad():
    logits = model(ids, attention_mask=mask[None, None]).logits[0]
loss = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:])
round(loss.item(), 3)
