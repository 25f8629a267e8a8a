# equals: r("cache").same_tokens
settings = {"max_new_tokens": 10, "do_sample": False}
kept = model.generate(ids, use_cache=True, **settings)
anew = model.generate(ids, use_cache=False, **settings)
torch.equal(kept, anew)
