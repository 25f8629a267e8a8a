# equals: r("surprise").texts[0].perplexity
# within: 0.01
text = "The capital of France is Paris, a city full of penguins."
tokens = tokenizer(text, return_tensors="pt").input_ids
with torch.no_grad():
    nats = model(tokens, labels=tokens).loss  # the mean surprise
round(nats.exp().item(), 2)
