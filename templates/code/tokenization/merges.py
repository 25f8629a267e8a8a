from collections import Counter
from itertools import pairwise

words = [list(word) for word in "the the the the then then hen".split()]
for _ in range(3):
    pairs = Counter(pair for word in words for pair in pairwise(word))
    best = max(pairs, key=pairs.get)
    for word in words:
        for i in reversed(range(len(word) - 1)):
            if (word[i], word[i + 1]) == best:
                word[i : i + 2] = ["".join(best)]
words  # the, the, the, the, then, then, he n
