"""The tokenizer itself, small enough for the book: its first pieces, and the pairs it joins."""

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
    """A tokenizer; of a byte-pair one, joining the pairs in order gives the vocabulary."""

    text: str = Field(description="The text in the figure before the reader types another.")
    tokens: tuple[Token, ...] = Field(description="Its tokens [T].")
    size: int = Field(description="Number of entries in the vocabulary, special ones included.")
    given: dict[str, int] = Field(
        description="The first entries and their ids, spelt as in tokenizer.json: those that no "
        "join makes. Each join makes the entry with the lowest free id. All entries, if the ids "
        "do not follow the joins, or if the tokenizer joins no pairs."
    )
    joins: BigArray = Field(description="The pairs that are joined, first to last, as ids [M, 2].")
    rest: dict[str, Any] = Field(
        description="The rest of tokenizer.json: how text is split before joining, the "
        "special tokens, and the settings of the model, under their own names."
    )


class TokenizerFile(Analysis[TokenizerFileResult]):
    """The whole tokenizer: its first pieces and the pairs it joins, which give its vocabulary.

    Shapes: M joins of two ids each make the vocabulary of V entries from the first pieces.
    Units: ids are row numbers of the embedding matrix; a join's place in the list is its rank.
    Limits: plain texts, no chat template. Of a tokenizer that scores pieces instead of joining
        pairs (Unigram), the figure shows the text of the spec only.
    Source: Sennrich et al. 2016 (arXiv:1508.07909), section 3.2, algorithm 1.
    """

    result_type = TokenizerFileResult

    text: PromptText = Field(description="The first text; the reader can replace it.")

    def runs(self) -> dict[str, Request]:
        """The ids of the text and the vocabulary; the model does not run."""
        return {"text": Encode(Prompt(text=self.text))}

    def measure(self, captures: ActivationCaches) -> TokenizerFileResult:
        """Remove from the vocabulary what the joins make."""
        run = captures["text"]
        file = run.vocabulary.tokenizer_json()
        model = file["model"]
        vocabulary, merges = model["vocab"], model.get("merges", [])  # V ids by piece; M pairs
        if isinstance(vocabulary, list):  # of Unigram: pairs of a piece and its score
            vocabulary = {piece: id for id, (piece, _) in enumerate(vocabulary)}
        joins = np.array([(vocabulary[left], vocabulary[right]) for left, right in merges])
        joins = joins.reshape(-1, 2)  # [M, 2]
        joined = {left + right for left, right in merges}
        given = {piece: id for piece, id in vocabulary.items() if piece not in joined}
        if apply_merges(given, joins) != vocabulary:
            given = vocabulary
        settings = {name: value for name, value in model.items() if name not in ("vocab", "merges")}
        return TokenizerFileResult(
            text=run.text,
            tokens=run.tokens,
            size=run.vocabulary.size,
            given=given,
            joins=joins.astype(np.min_scalar_type(run.vocabulary.size)),
            rest=file | {"model": settings},
        )

    def figures(self, result: TokenizerFileResult) -> dict[str, Figure]:
        """The tokens of the text, and the byte-pair tokenizer that cuts the reader's own."""
        live = result.rest["model"]["type"] == "BPE"
        data = {
            "text": result.text,
            "given": list(result.given.items()),
            "joins": result.joins.ravel().tolist(),
            "rest": result.rest,
        }
        alt = f"Cut into tokens: “{shorten_prompt(result.text)}” is {len(result.tokens)} tokens."
        rows = ((result.text, result.tokens),)
        return {
            "tokens": TokenStrip(
                rows,
                alt=alt,
                tokenizer_json=json.dumps(data, separators=(",", ":")) if live else "",
            )
        }


def apply_merges(given: Mapping[str, int], joins: NDArray[np.integer]) -> dict[str, int]:
    """The vocabulary after all joins, each new piece with the lowest free id.

    Stops at a join of which a part is missing.
    """
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
