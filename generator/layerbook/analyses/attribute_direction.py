"""A property such as being a country: in one column of the embedding matrix, or in a direction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.figures import Axis, Bars, Figure, Panels, Point, Scatter
from layerbook.core.parameters import TopK
from layerbook.core.prompts import PromptText, as_prompt
from layerbook.core.requests import EMBED, ActivationCaches, EmbeddingMatrix, Encode, Request
from layerbook.core.rounding import descending, snap
from layerbook.core.text import listed
from layerbook.core.tokens import Token, visible
from layerbook.core.vectors import cosines, mean_pool

Words = Annotated[tuple[PromptText, ...], Field(min_length=2)]


class ProbedWord(Record):
    """A word that played no part in choosing the column and the direction."""

    text: str = Field(description="The word.")
    member: bool = Field(description="True if it has the property.")
    column_value: float = Field(
        description="Its number in the column, times the sign that gives members the larger ones."
    )
    direction_value: float = Field(description="Its coordinate along the direction.")


class PointingEntry(Record):
    """An entry of the vocabulary that points far in some direction."""

    token: Token = Field(description="The token.")
    cosine: float = Field(description="Cosine of its vector with the direction.")
    is_member: bool = Field(description="True for a member of the spec, in any case and spacing.")


class AttributeDirectionResult(Result):
    """The best column and the direction, tried on words that did not choose them."""

    name: str = Field(description="The property.")
    d_model: int = Field(description="Number of columns.")
    column: int = Field(description="The column that separates the fitted words best, from 0.")
    sign: int = Field(description="1 if members have larger numbers there, else -1.")
    fitted: int = Field(description="Number of words that chose the column and the direction.")
    words: tuple[ProbedWord, ...] = Field(description="The other words, members first.")
    column_correct: float = Field(description="Share of them on their side of the middle, 0..1.")
    direction_correct: float = Field(description="The same along the direction, 0..1.")
    direction: Array = Field(description="The direction, of length 1: [d_model].")
    columns_for_half: int = Field(description="Number of columns with half of its squared length.")
    column_top: tuple[PointingEntry, ...] = Field(description="The top entries along the column.")
    direction_top: tuple[PointingEntry, ...] = Field(description="The same along the direction.")


class AttributeDirection(Analysis[AttributeDirectionResult]):
    """A property of words, looked for in single columns and as a direction across all columns.

    Shapes: members [M, D] and others [N, D], every second one fitted -> a column number and a
        direction [D], the difference of the two means; a word of several tokens is their mean.
    Units: none; shares are in 0..1, cosines in -1..1.
    Limits: a few words and one property; a direction that tells words apart need not be what the
        layers read.
    Source: Bolukbasi et al. 2016 (arXiv:1607.06520), section 4, on directions of word vectors;
        the difference of means is the numerator of Fisher's discriminant (Fisher 1936).
    """

    name: str = Field(min_length=1, description="The property in a few words, as labels show it.")
    members: Words = Field(description="Words with the property; every second is held out.")
    others: Words = Field(description="Words without it; every second is held out.")
    top_k: TopK = Field(default=10, description="Number of entries to list.")

    def runs(self) -> dict[str, Request]:
        """Request the whole embedding matrix, and the tokens of each word."""
        words: dict[str, Request] = {
            f"{kind}-{i}": Encode(as_prompt(word))
            for kind, texts in (("member", self.members), ("other", self.others))
            for i, word in enumerate(texts)
        }
        return words | {"matrix": EmbeddingMatrix()}

    def measure(self, captures: ActivationCaches) -> AttributeDirectionResult:
        """Choose a column and a direction from every second word, and try both on the rest."""
        members = word_vectors(captures, "member", len(self.members))  # [M, D]
        others = word_vectors(captures, "other", len(self.others))  # [N, D]

        fitted_members, fitted_others = members[::2], others[::2]  # every second word
        column, sign = best_column(fitted_members, fitted_others)
        axis = sign * np.eye(members.shape[1])[column]  # [D]: along one column alone
        difference = fitted_members.mean(axis=0) - fitted_others.mean(axis=0)  # [D]
        direction = difference / max(np.linalg.norm(difference), np.finfo(float).tiny)

        probes = np.stack([axis, direction], axis=1)  # [D, 2]
        correct = share_correct(members @ probes, others @ probes)  # [2]
        squares = np.sort(direction**2)[::-1].cumsum()  # [D]
        return AttributeDirectionResult(
            name=self.name,
            d_model=len(direction),
            column=column,
            sign=sign,
            fitted=len(fitted_members) + len(fitted_others),
            words=(
                *held_out(self.members, members @ probes, member=True),
                *held_out(self.others, others @ probes, member=False),
            ),
            column_correct=float(correct[0]),
            direction_correct=float(correct[1]),
            direction=direction,
            columns_for_half=1 + int((squares < squares[-1] / 2).sum()),
            column_top=tuple(self.pointing(captures, axis)),
            direction_top=tuple(self.pointing(captures, direction)),
        )

    def pointing(self, captures: ActivationCaches, direction: Array) -> Iterator[PointingEntry]:
        """Yield the entries of the matrix [V, D] that point most along a direction [D]."""
        matrix = captures["matrix"]
        members = {word.strip().casefold() for word in self.members}
        cosine = cosines(matrix[EMBED].astype(np.float64), direction)  # [V]
        for id in descending(cosine)[: self.top_k]:
            token = matrix.vocabulary.token(int(id))
            is_member = token.text.strip().casefold() in members
            yield PointingEntry(token=token, cosine=float(cosine[id]), is_member=is_member)

    def figures(self, result: AttributeDirectionResult) -> dict[str, Figure]:
        """`words`: the held-out words by column and direction; `top`: where each of them leads."""
        return {"words": _word_scatter(result), "top": _top_panels(result)}


def word_vectors(captures: ActivationCaches, kind: str, count: int) -> Array:
    """Return the vectors [count, D] of the words of a kind; of several tokens, the mean."""
    E = captures["matrix"][EMBED]
    words = [captures[f"{kind}-{i}"].tokens for i in range(count)]
    return np.array([mean_pool(E[[token.id for token in tokens]]) for tokens in words])


def best_column(members: Array, others: Array) -> tuple[int, int]:
    """Find the column that best separates members [M, D] from others [N, D], and its sign.

    It has the area under the ROC curve that differs most from one half: the share of pairs in which
    the member has more, where equal numbers count half.
    """
    above = (members[:, None] > others).mean(axis=(0, 1))  # [D]
    equal = (members[:, None] == others).mean(axis=(0, 1))  # [D]
    share = above + equal / 2 - 1 / 2  # [D]: 0 if a column says nothing
    column = int(snap(np.abs(share)).argmax())
    return column, 1 if share[column] >= 0 else -1


def share_correct(members: Array, others: Array) -> Array:
    """Return the share of held-out words on the right side, by probe: [M, P], [N, P] -> [P].

    The middle is that of the fitted means. Members and others count equally.
    """
    middle = (members[::2].mean(axis=0) + others[::2].mean(axis=0)) / 2  # [P]
    right = (members[1::2] > middle).mean(axis=0) + (others[1::2] <= middle).mean(axis=0)
    return right / 2


def held_out(texts: tuple[str, ...], scores: Array, *, member: bool) -> Iterator[ProbedWord]:
    """Yield every second word with its scores [words, 2]: in the column, along the direction."""
    for text, (x, y) in zip(texts[1::2], scores[1::2].tolist(), strict=True):
        yield ProbedWord(text=text, member=member, column_value=x, direction_value=y)


def _word_scatter(result: AttributeDirectionResult) -> Scatter:
    points = tuple(
        Point(
            word.text.strip(),
            word.column_value,
            word.direction_value,
            result.name if word.member else f"not {result.name}",
        )
        for word in result.words
    )
    return Scatter(
        points,
        Axis(f"column {result.column}"),
        Axis("direction across all columns"),
        f"{len(points)} words that were held out. By column {result.column} alone, "
        f"{result.column_correct:.0%} are on the right side; along the direction, "
        f"{result.direction_correct:.0%}.",
        f"{len(points)} new words: {result.name} or not?",
        equal=False,
    )


def _top_panels(result: AttributeDirectionResult) -> Panels:
    panels = tuple(
        Bars(
            tuple(entry.token for entry in top),
            tuple(entry.cosine for entry in top),
            Axis("token"),
            Axis("cosine"),
            f"{title}: {listed([visible(entry.token) for entry in top])}.",
            title,
            highlight=tuple(i for i, entry in enumerate(top) if entry.is_member),
        )
        for title, top in (
            (f"along column {result.column}", result.column_top),
            ("along the direction", result.direction_top),
        )
    )
    return Panels(
        panels,
        " ".join(panel.alt for panel in panels),
        "The entries that point most along each",
        columns=2,
    )
