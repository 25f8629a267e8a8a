# equals: r("rope").ahead.pattern[-1]
scores = turn(q, position + 1) @ turn(k, position).T / 8
[round(share, 4) for share in scores[-1].softmax(dim=0).tolist()]
