# equals: r("outputs").pattern[-1]
with torch.no_grad():
    run = model(ids, output_attentions=True)
pattern = run.attentions[23][0, 4]  # layer 23, head 4: [query, key]
[round(share, 4) for share in pattern[-1].tolist()]
