# equals: [n.token.text for n in r("nearest").tokens[0].cosine]
def nearest(vector, count):
    cosines = E @ vector / (E.norm(dim=1) * vector.norm())
    return [tokenizer.decode([i]) for i in cosines.topk(count).indices]

nearest(row(" Paris"), 9)[1:]  # the first is Paris itself
