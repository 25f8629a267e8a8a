# equals: r("whitespace").on_whitespace[-1]
ids = tokenizer(" 2 + 2 - 3 = ", return_tensors="pt").input_ids
text = model.generate(ids, do_sample=False, max_new_tokens=15)
with torch.no_grad():
    run = model(text, output_attentions=True)
pattern = run.attentions[-1][0].mean(dim=0)  # last layer, all heads
pattern = pattern[1:]  # the first token can only look at itself
round(pattern[:, blank(text[0])].sum(dim=1).mean().item(), 4)
