"""The tokenizer itself, small enough to travel inside the book: a few pieces, and which pairs are joined, in order."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, BigArray, PromptText, Result, shorten_prompt
from layerbook.core.figures import Figure, TokenStrip
from layerbook.core.requests import ActivationCaches, Encode, Prompt, Request
from layerbook.core.tokens import Token


class TokenizerFileResult(Result):
    """A byte-pair tokenizer, whole: whoever joins the pairs in order has the vocabulary."""

    text: str = Field(
        description="The text that stands in the figure before the reader types another."
    )
    tokens: tuple[Token, ...] = Field(description="Its tokens [T].")
    size: int = Field(description="How many entries the vocabulary has, special ones included.")
    given: dict[str, int] = Field(
        description="The entries to begin with and their ids, spelt as in tokenizer.json: those that no join makes, "
        "each join making the entry with the lowest free id; all entries, where ids do not follow the joins."
    )
    joins: BigArray = Field(description="The pairs that are joined, first to last, as ids [M, 2].")
    rest: dict[str, Any] = Field(
        description="What else tokenizer.json says: how text is split before anything is joined, the special tokens, "
        "and the settings of the model, under the names it has there."
    )


class TokenizerFile(Analysis[TokenizerFileResult]):
    """The whole tokenizer: the pieces it begins with and the pairs it joins, from which its vocabulary follows.

    Shapes: M joins of two ids each make the vocabulary of V entries from those given.
    Units: ids are row numbers of the embedding matrix; a join's place in the list is its rank, the first goes first.
    Limits: byte-pair encoding only; texts are cut by it as the model's own tokenizer cuts them, chats are not laid out.
    Source: Sennrich et al. 2016 (arXiv:1508.07909), section 3.2, algorithm 1.
    """

    result_type = TokenizerFileResult

    text: PromptText = Field(description="A text to begin with; the reader replaces it by another.")

    def runs(self) -> dict[str, Request]:
        """The ids of the text, and with them the vocabulary; the model does not run."""
        return {"text": Encode(Prompt(text=self.text))}

    def measure(self, captures: ActivationCaches) -> TokenizerFileResult:
        """Leave out of the vocabulary what the joins make again."""
        run = captures["text"]
        written = run.vocabulary.tokenizer_json()
        model = written["model"]
        if model["type"] != "BPE":
            raise ValueError(f"this tokenizer is {model['type']}, and only BPE has joins")
        vocabulary, merges = model["vocab"], model["merges"]  # V ids by piece; M pairs of pieces
        joins = np.array([(vocabulary[left], vocabulary[right]) for left, right in merges]).reshape(
            -1, 2
        )  # [M, 2]
        made = {left + right for left, right in merges}
        given = {piece: id for piece, id in vocabulary.items() if piece not in made}
        if apply_merges(given, joins) != vocabulary:
            given = vocabulary
        settings = {name: value for name, value in model.items() if name not in ("vocab", "merges")}
        return TokenizerFileResult(
            text=run.text,
            tokens=run.tokens,
            size=run.vocabulary.size,
            given=given,
            joins=joins.astype(np.min_scalar_type(run.vocabulary.size)),
            rest=written | {"model": settings},
        )

    def figures(self, result: TokenizerFileResult) -> dict[str, Figure]:
        """The text as chips, and the tokenizer that makes them live."""
        data = {
            "text": result.text,
            "given": list(result.given.items()),
            "joins": result.joins.ravel().tolist(),
            "rest": result.rest,
        }
        alt = f"Cut into tokens: “{shorten_prompt(result.text)}” is {len(result.tokens)} tokens."
        rows = ((result.text, result.tokens),)
        return {"tokens": TokenStrip(rows, alt=alt, tokenizer_json=json.dumps(data, separators=(",", ":")))}


def apply_merges(given: Mapping[str, int], joins: NDArray[np.integer]) -> dict[str, int]:
    """The vocabulary that the joins make, each new piece with the lowest free id; up to a join that lacks a part."""
    vocabulary = dict(given)
    pieces = {id: piece for piece, id in given.items()}
    free = (id for id in count() if id not in pieces)
    for left, right in joins.tolist():
        if left not in pieces or right not in pieces:
            break
        piece = pieces[left] + pieces[right]
        if piece not in vocabulary:
            vocabulary[piece] = id = next(free)
            pieces[id] = piece
    return vocabulary
