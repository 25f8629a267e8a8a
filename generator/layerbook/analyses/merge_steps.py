"""Merge steps: how byte-pair encoding puts the tokens of a text together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.figures import Figure, Label, Table
from layerbook.core.prompts import PromptText, shorten_prompt
from layerbook.core.requests import ActivationCaches, Encode, Prompt, Request
from layerbook.core.text import pluralize
from layerbook.core.tokens import Token

Pair = tuple[str, str]
Words = list[list[str]]


class Merge(Record):
    """One merge: everywhere in the text, two neighboring pieces become one."""

    rank: int = Field(description="Place of the pair in the tokenizer's list, from 1.")
    left: Token = Field(description="The left piece.")
    right: Token = Field(description="The right piece.")
    pieces: tuple[Token, ...] = Field(description="The text after the merge.")


class MergeStepsResult(Result):
    """A text from its single characters or bytes to its tokens."""

    text: str = Field(description="The text.")
    tokens: tuple[Token, ...] = Field(description="Its tokens [T].")
    pair_count: int = Field(description="Number of pairs in the tokenizer's list, possibly 0.")
    start: tuple[Token, ...] = Field(description="The pieces before the first merge.")
    merges: tuple[Merge, ...] = Field(description="The merges, in order; the last leaves `tokens`.")


class MergeSteps(Analysis[MergeStepsResult]):
    """The merges that make the tokens of a text: always the pair that is first in the list.

    Shapes: a text of N characters or bytes becomes T tokens by at most N - T merges.
    Units: a rank is a place in the list of pairs; the lower, the earlier the pair was learned.
    Limits: no merge crosses the end of a token, so the cut into words that comes first is not
        shown; a tokenizer that keeps no list of pairs (Unigram) has no merges.
    Source: Sennrich et al. 2016 (arXiv:1508.07909), section 3.2, algorithm 1.
    """

    text: PromptText = Field(description="The text, without a chat template.")

    def runs(self) -> dict[str, Request]:
        """Request the tokens of the text; the model does not run."""
        return {"text": Encode(Prompt(text=self.text))}

    def measure(self, captures: ActivationCaches) -> MergeStepsResult:
        """Split each token into its characters, and merge until none of the pairs is listed."""
        run = captures["text"]
        model = run.vocabulary.tokenizer_json()["model"]
        ids = model["vocab"] if model.get("merges") else {}
        ranks = {(left, right): i for i, (left, right) in enumerate(model.get("merges", []), 1)}
        spelled = {id: piece for piece, id in ids.items()}

        def as_tokens(words: Words) -> tuple[Token, ...]:
            return tuple(run.vocabulary.token(ids[piece]) for word in words for piece in word)

        words = [characters(spelled.get(token.id, ""), ids) for token in run.tokens]
        steps = merge_all(words, ranks)
        merged_words = steps[-1][1] if steps else words
        if as_tokens(merged_words) != run.tokens:  # special tokens, or no pairs: nothing to show
            return MergeStepsResult(
                text=run.text, tokens=run.tokens, pair_count=len(ranks), start=run.tokens, merges=()
            )
        return MergeStepsResult(
            text=run.text,
            tokens=run.tokens,
            pair_count=len(ranks),
            start=as_tokens(words),
            merges=tuple(
                Merge(
                    rank=ranks[pair],
                    left=run.vocabulary.token(ids[pair[0]]),
                    right=run.vocabulary.token(ids[pair[1]]),
                    pieces=as_tokens(merged),
                )
                for pair, merged in steps
            ),
        )

    def figures(self, result: MergeStepsResult) -> dict[str, Figure]:
        """`steps`: the text before the first merge, and after each."""
        rows: list[tuple[Label, ...]] = [("start", "", result.start)]
        rows += [(str(m.rank), (m.left, " + ", m.right), m.pieces) for m in result.merges]
        pieces = pluralize(len(result.start), "piece")
        tokens = pluralize(len(result.tokens), "token")
        merges = pluralize(len(result.merges), "merge")
        return {
            "steps": Table(
                ("merge", "pair", "pieces"),
                tuple(rows),
                title=f"“{shorten_prompt(result.text)}”, merge by merge",
                alt=f"From {pieces} to {tokens} by {merges}.",
            )
        }


def characters(piece: str, ids: Mapping[str, int]) -> list[str]:
    """Split a piece into its characters, or keep it whole if one of them has no entry."""
    split = list(piece)
    return split if all(char in ids for char in split) else [piece]


def merge_all(words: Words, ranks: Mapping[Pair, int]) -> list[tuple[Pair, Words]]:
    """Merge the pair of the lowest rank, everywhere, until no pair has a rank.

    Returns each pair and the words after it.
    """
    steps = []
    while pairs := {pair for word in words for pair in pairwise(word) if pair in ranks}:
        best = min(pairs, key=ranks.__getitem__)
        words = [merge(word, best) for word in words]
        steps.append((best, words))
    return steps


def merge(word: Sequence[str], pair: Pair) -> list[str]:
    """Replace each occurrence of the pair, from the left, by one piece."""
    merged: list[str] = []
    i = 0
    while i < len(word):
        is_pair = tuple(word[i : i + 2]) == pair
        merged.append("".join(pair) if is_pair else word[i])
        i += 2 if is_pair else 1
    return merged
