# equals: [one.answer_rank for one in r("lens").layers]
with torch.no_grad():
    streams = model(ids, output_hidden_states=True).hidden_states
    # The last entry has been through the final norm already.
    sketches = [model.model.norm(x[0, -1]) for x in streams[1:-1]]
    scores = model.lm_head(torch.stack([*sketches, streams[-1][0, -1]]))
answer = scores[-1].argmax()
[1 + int((row > row[answer]).sum()) for row in scores]
