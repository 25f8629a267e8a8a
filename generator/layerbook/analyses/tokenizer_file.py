"""The tokenizer itself, small enough for the book: its first pieces, and the pairs it merges."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, BigArray, Record, Result
from layerbook.core.figures import Figure, TokenStrip
from layerbook.core.prompts import PromptText, shorten_prompt
from layerbook.core.requests import ActivationCaches, Encode, Prompt, Request
from layerbook.core.text import listed, pluralize
from layerbook.core.tokens import Token


class Example(Record):
    """One text and its tokens."""

    text: str = Field(description="The text.")
    tokens: tuple[Token, ...] = Field(description="Its tokens.")


class TokenizerFileResult(Result):
    """A tokenizer; of a byte-pair one, merging the pairs in order gives the vocabulary."""

    text: str = Field(description="The text in the figure before the reader types another.")
    tokens: tuple[Token, ...] = Field(description="Its tokens [T].")
    examples: tuple[Example, ...] = Field(description="More texts to begin with.")
    size: int = Field(description="Number of entries in the vocabulary, special ones included.")
    base_vocabulary: dict[str, int] = Field(
        description="The first entries and their ids, spelled as in tokenizer.json: those that no "
        "merge makes. Each merge makes the entry with the lowest free id. All entries, if the ids "
        "do not follow the merges, or if the tokenizer merges no pairs."
    )
    merges: BigArray = Field(description="The pairs that are merged, first to last, as ids [M, 2].")
    settings: dict[str, Any] = Field(
        description="The rest of tokenizer.json: how text is split before merging, the "
        "special tokens, and the settings of the model, under their own names."
    )


class TokenizerFile(Analysis[TokenizerFileResult]):
    """The whole tokenizer: its first pieces and the pairs it merges, which give its vocabulary.

    Shapes: M merges of two ids each make the vocabulary of V entries from the first pieces.
    Units: ids are row numbers of the embedding matrix; a merge's place in the list is its rank.
    Limits: plain texts, no chat template. Of a tokenizer that scores pieces instead of merging
        pairs (Unigram), the figure shows the texts of the spec only.
    Source: Sennrich et al. 2016 (arXiv:1508.07909), section 3.2, algorithm 1.
    """

    text: PromptText = Field(description="The first text; the reader can replace it.")
    examples: tuple[PromptText, ...] = Field(
        default=(), description="More texts, each with a button."
    )

    def runs(self) -> dict[str, Request]:
        """Request the ids of the texts and the vocabulary; the model does not run."""
        examples: dict[str, Request] = {
            f"example-{i}": Encode(Prompt(text=text)) for i, text in enumerate(self.examples)
        }
        return {"text": Encode(Prompt(text=self.text))} | examples

    def measure(self, captures: ActivationCaches) -> TokenizerFileResult:
        """Remove from the vocabulary what the merges make."""
        run = captures["text"]
        file = run.vocabulary.tokenizer_json()
        model = file["model"]
        vocabulary, pairs = model["vocab"], model.get("merges", [])  # V ids by piece; M pairs
        if isinstance(vocabulary, list):  # of Unigram: pairs of a piece and its score
            vocabulary = {piece: id for id, (piece, _) in enumerate(vocabulary)}
        merges = np.array([(vocabulary[left], vocabulary[right]) for left, right in pairs])
        merges = merges.reshape(-1, 2)  # [M, 2]
        merged = {left + right for left, right in pairs}
        base = {piece: id for piece, id in vocabulary.items() if piece not in merged}
        if apply_merges(base, merges) != vocabulary:
            base = vocabulary
        settings = {name: value for name, value in model.items() if name not in ("vocab", "merges")}
        others = [captures[f"example-{i}"] for i in range(len(self.examples))]
        return TokenizerFileResult(
            text=run.text,
            tokens=run.tokens,
            examples=tuple(
                Example(text=text_tokens.text, tokens=text_tokens.tokens) for text_tokens in others
            ),
            size=run.vocabulary.size,
            base_vocabulary=base,
            merges=merges.astype(np.min_scalar_type(run.vocabulary.size)),
            settings=file | {"model": settings},
        )

    def figures(self, result: TokenizerFileResult) -> dict[str, Figure]:
        """The tokens of the texts, and the byte-pair tokenizer that cuts the reader's own."""
        live = result.settings["model"]["type"] == "BPE"
        rows = ((result.text, result.tokens), *((e.text, e.tokens) for e in result.examples))
        data = {
            "texts": [text for text, _ in rows],
            "base": list(result.base_vocabulary.items()),
            "merges": result.merges.ravel().tolist(),
            "settings": result.settings,
        }
        counts = [pluralize(len(tokens), "token") for _, tokens in rows]
        names = [f"“{shorten_prompt(text)}”" for text, _ in rows]
        cuts = [f"{name} is {count}" for name, count in zip(names, counts, strict=True)]
        return {
            "tokens": TokenStrip(
                rows,
                alt=f"Cut into tokens: {listed(cuts)}.",
                tokenizer_json=json.dumps(data, separators=(",", ":")) if live else "",
            )
        }


def apply_merges(base: Mapping[str, int], merges: NDArray[np.integer]) -> dict[str, int]:
    """Return the vocabulary after all merges, each new piece with the lowest free id.

    Stops at a merge of which a part is missing.
    """
    vocabulary = dict(base)
    pieces = {id: piece for piece, id in base.items()}
    free = (id for id in count() if id not in pieces)
    for left, right in merges.tolist():
        if left not in pieces or right not in pieces:
            break
        piece = pieces[left] + pieces[right]
        if piece not in vocabulary:
            vocabulary[piece] = id = next(free)
            pieces[id] = piece
    return vocabulary
