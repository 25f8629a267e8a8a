# equals: r("whitespace").total[-1]
with torch.no_grad():
    run = model(text, output_attentions=True)
pattern = run.attentions[-1][0].mean(dim=0)  # last layer, mean of its heads
space = torch.tensor([not tokenizer.decode([id]).strip() for id in text[0].tolist()])
seen = pattern[1:, space].sum(dim=1)  # the first token can only look at itself
round(seen.mean().item(), 4)
