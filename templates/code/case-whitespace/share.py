# equals: r("whitespace").total[-1]
def blank(ids):  # which tokens are nothing but whitespace?
    texts = [tokenizer.decode([id]) for id in ids.tolist()]
    return torch.tensor([text.isspace() for text in texts])

with torch.no_grad():
    run = model(text, output_attentions=True)
pattern = run.attentions[-1][0].mean(dim=0)  # last layer, all heads
pattern = pattern[1:]  # the first token can only look at itself
round(pattern[:, blank(text[0])].sum(dim=1).mean().item(), 4)
