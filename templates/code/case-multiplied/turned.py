# equals: r("multiplied").reversed_list_change
sentences = ["The cat sat on the table.", "The hamster lay on the mat.",
             "Birds fly high in the sky.", "Cats fly high in the sky.",
             "Machine Learning is cool."]
ids = tokenizer(sentences, padding=True, return_tensors="pt").input_ids
means = E[ids].mean(dim=1)  # one row per sentence, padding included
time = torch.arange(5, dtype=torch.float64)[:, None]  # C = 1: one clock
even = torch.arange(means.shape[1]) % 2 == 0
PE = torch.where(even, time.sin(), time.cos())
turned = (means.flip(0) * PE).flip(0)  # the list from last to first
round((turned - means * PE).norm(dim=1).max().item(), 4)
