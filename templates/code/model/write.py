# equals: [step.top[0].text for step in r("writing").steps]
ids = tokenizer.encode("The capital of France is")
written = []
for _ in range(14):
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits  # reads it all again
    best = int(logits[0, -1].argmax())
    ids.append(best)
    written.append(tokenizer.decode(best))
written
