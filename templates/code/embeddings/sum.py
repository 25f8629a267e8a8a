# equals: [e.token.text for e in r("sums").sums[0].nearest]
nearest(row(" Paris") - row(" France") + row(" Germany"), 6)
