"""Sums of token vectors, such as king - man + woman, and the entries nearest to the result."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.figures import Axis, Bars, Figure, Frame, Frames
from layerbook.core.parameters import TopK
from layerbook.core.prompts import PromptText, as_prompt
from layerbook.core.requests import EMBED, ActivationCaches, EmbeddingMatrix, Encode, Request
from layerbook.core.rounding import descending
from layerbook.core.text import listed, pluralize
from layerbook.core.tokens import Token, Vocabulary, visible
from layerbook.core.vectors import cosines, mean_pool

Words = tuple[PromptText, PromptText, PromptText]


class NearEntry(Record):
    """An entry of the vocabulary near the result of a sum."""

    token: Token = Field(description="The token.")
    cosine: float = Field(description="Cosine of its vector with the sum.")
    is_summand: bool = Field(description="True for a word of the sum, in any case and spacing.")


class EmbeddingSum(Record):
    """One sum, start - minus + plus."""

    start: str = Field(description="The word that the sum starts from.")
    minus: str = Field(description="The word that is subtracted.")
    plus: str = Field(description="The word that is added.")
    nearest: tuple[NearEntry, ...] = Field(description="The nearest entries; ties by lower id.")
    answer: NearEntry = Field(description="The nearest entry that is no word of the sum.")
    without_minus: NearEntry = Field(description="The same for start + plus alone.")


class EmbeddingArithmeticResult(Result):
    """The sums, in the order of the spec."""

    size: int = Field(description="Number of entries compared: the whole vocabulary.")
    sums: tuple[EmbeddingSum, ...] = Field(description="One entry per sum.")


class EmbeddingArithmetic(Analysis[EmbeddingArithmeticResult]):
    """The entries nearest to start - minus + plus, among all rows of the embedding matrix.

    Shapes: three rows [D] -> their sum [D]; the matrix E [V, D] -> a cosine for each entry [V]; a
        word of several tokens is the mean of their rows.
    Units: none; cosines are in -1..1.
    Limits: the usual answer leaves out the three words themselves, and so does `answer`; `nearest`
        does not. A few sums that come out do not make a rule.
    Source: Mikolov, Yih and Zweig 2013 (Proceedings of NAACL, 746-751); on leaving out the words:
        Linzen 2016 (arXiv:1606.07736).
    """

    sums: tuple[Words, ...] = Field(min_length=1, description="The sums: start, minus and plus.")
    top_k: TopK = Field(default=6, description="Number of nearest entries to list.")

    def runs(self) -> dict[str, Request]:
        """Request the whole embedding matrix, and the tokens of each word."""
        words: dict[str, Request] = {
            f"{name}-{n}": Encode(as_prompt(word))
            for n, words in enumerate(self.sums)
            for name, word in zip(("start", "minus", "plus"), words, strict=True)
        }
        return words | {"matrix": EmbeddingMatrix()}

    def measure(self, captures: ActivationCaches) -> EmbeddingArithmeticResult:
        """Add up each sum, and compare the result with every row."""
        vocabulary = captures["matrix"].vocabulary
        E = captures["matrix"][EMBED].astype(np.float64)  # [V, D]

        sums = []
        for n, words in enumerate(self.sums):
            start, minus, plus = (
                mean_pool(E[[token.id for token in captures[f"{name}-{n}"].tokens]])  # [D]
                for name in ("start", "minus", "plus")
            )
            total = start - minus + plus  # [D]
            sums.append(
                EmbeddingSum(
                    start=words[0],
                    minus=words[1],
                    plus=words[2],
                    nearest=tuple(islice(by_cosine(E, total, words, vocabulary), self.top_k)),
                    answer=first_outside_sum(by_cosine(E, total, words, vocabulary)),
                    without_minus=first_outside_sum(by_cosine(E, start + plus, words, vocabulary)),
                )
            )
        return EmbeddingArithmeticResult(size=len(E), sums=tuple(sums))

    def figures(self, result: EmbeddingArithmeticResult) -> dict[str, Figure]:
        """`sum-N`: the entries nearest to one sum; `pick`: a sum to choose."""
        figures: dict[str, Figure] = {
            f"sum-{n}": _bars(total) for n, total in enumerate(result.sums)
        }
        sums = pluralize(len(result.sums), "sum")
        figures["pick"] = Frames(
            tuple(Frame(_formula(total), _bars(total)) for total in result.sums),
            f"The entries nearest to {sums} of token vectors.",
            f"The nearest of {result.size:,} entries",
            step="word",
        )
        return figures


def by_cosine(E: Array, vector: Array, words: Words, vocabulary: Vocabulary) -> Iterator[NearEntry]:
    """Yield the entries of the matrix E [V, D], from the nearest to a vector [D] on."""
    spellings = {word.strip().casefold() for word in words}
    cosine = cosines(E, vector)  # [V]
    for id in descending(cosine):
        token = vocabulary.token(int(id))
        is_summand = token.text.strip().casefold() in spellings
        yield NearEntry(token=token, cosine=float(cosine[id]), is_summand=is_summand)


def first_outside_sum(entries: Iterator[NearEntry]) -> NearEntry:
    """Return the first entry that is not a word of the sum."""
    return next(entry for entry in entries if not entry.is_summand)


def _formula(total: EmbeddingSum) -> str:
    return f"{total.start.strip()} − {total.minus.strip()} + {total.plus.strip()}"


def _bars(total: EmbeddingSum) -> Bars:
    """Draw the nearest entries of a sum; those that are not words of the sum stand out."""
    values = [f"{visible(entry.token)} {entry.cosine:.2f}" for entry in total.nearest]
    return Bars(
        tuple(entry.token for entry in total.nearest),
        tuple(entry.cosine for entry in total.nearest),
        Axis("token"),
        Axis("cosine"),
        f"Nearest to {_formula(total)}: {listed(values)}.",
        f"Nearest to {_formula(total)}",
        highlight=tuple(i for i, entry in enumerate(total.nearest) if not entry.is_summand),
    )
