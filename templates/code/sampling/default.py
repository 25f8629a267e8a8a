# equals: r("playground").prompts[0].effects[3].candidates
out = model.generate(
    ids, do_sample=True, top_p=0.9, max_new_tokens=1,
    output_scores=True, return_dict_in_generate=True,
)
int(out.scores[0].isfinite().sum())  # the tokens that were left
