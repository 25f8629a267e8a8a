"""The rows of the embedding matrix nearest to a token's, by the cosine and by the dot product."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.figures import Axis, Bars, Figure, Frame, Frames, Panels
from layerbook.core.parameters import TopK
from layerbook.core.prompts import Texts
from layerbook.core.requests import (
    EMBED,
    ActivationCaches,
    EmbeddingMatrix,
    Encode,
    Prompt,
    Request,
)
from layerbook.core.rounding import descending
from layerbook.core.text import listed, pluralize
from layerbook.core.tokens import Token, visible

Measure = Literal["cosine", "dot"]
MEASURE_NAMES: dict[Measure, str] = {"cosine": "cosine", "dot": "dot product"}


class VectorLength(Record):
    """An entry and the length of its vector."""

    token: Token = Field(description="The token.")
    norm: float = Field(description="Length of its vector.")


class Neighbor(VectorLength):
    """Another entry of the vocabulary, by one measure."""

    value: float = Field(description="Its cosine or dot product, no unit.")
    same_word: bool = Field(description="True if only case and surrounding spaces differ.")


class Neighborhood(Record):
    """A token and the entries nearest to it, without itself; ties by the lower id."""

    token: Token = Field(description="The token.")
    norm: float = Field(description="Length of its vector.")
    cosine: tuple[Neighbor, ...] = Field(description="By the cosine of their angle.")
    dot: tuple[Neighbor, ...] = Field(description="By the dot product of the vectors.")
    larger_dot_products: int = Field(
        description="Number of entries whose dot product with the token exceeds its own."
    )


class NearestTokensResult(Result):
    """Neighborhoods in the whole vocabulary."""

    size: int = Field(description="Number of entries compared: the whole vocabulary.")
    d_model: int = Field(description="Dimensions of a vector.")
    norm_median: float = Field(description="Median length of all vectors.")
    longest: tuple[VectorLength, ...] = Field(description="The entries with the longest vectors.")
    shortest: tuple[VectorLength, ...] = Field(description="The entries with the shortest vectors.")
    tokens: tuple[Neighborhood, ...] = Field(
        description="The different tokens of the spec's texts, in their order."
    )


class NearestTokens(Analysis[NearestTokensResult]):
    """The nearest neighbors of tokens among all rows of the embedding matrix.

    Shapes: the matrix E [V, D], the tokens' rows [Q, D] -> scores [V, Q]; V entries of the
        vocabulary, D is d_model.
    Units: none; cosines are in -1..1, dot products in squared units of the embedding's numbers.
    Limits: neighbors show how tokens are used, not what they mean; no context has been read yet.
    Source: Mikolov et al. 2013 (arXiv:1301.3781), section 4, on cosines between word vectors.
    """

    prompts: Texts = Field(description="The texts; each of their tokens is looked up once.")
    top_k: TopK = Field(default=8, description="Number of neighbors to list.")

    def runs(self) -> dict[str, Request]:
        """Request the whole embedding matrix, and the tokens of each text."""
        texts: dict[str, Request] = {
            f"text-{i}": Encode(Prompt(text=text)) for i, text in enumerate(self.prompts)
        }
        return texts | {"matrix": EmbeddingMatrix()}

    def measure(self, captures: ActivationCaches) -> NearestTokensResult:
        """Compare the row of each token with all rows, by both measures."""
        vocabulary = captures["matrix"].vocabulary
        E = captures["matrix"][EMBED].astype(np.float64)  # [V, D]
        texts = [captures[f"text-{i}"] for i in range(len(self.prompts))]
        tokens = {token.id: token for text in texts for token in text.tokens}
        ids = list(tokens)  # Q of them

        dot = E @ E[ids].T  # [V, Q]
        norms = np.sqrt(np.einsum("vd,vd->v", E, E))  # [V]
        lengths = norms[:, None] * norms[ids]  # [V, Q]
        cosine = dot / np.maximum(lengths, np.finfo(float).tiny)  # [V, Q]: the angle alone

        def nearest(token: Token, scores: NDArray[np.float64]) -> tuple[Neighbor, ...]:
            order = descending(scores)  # [V]
            return tuple(
                as_neighbor(token, vocabulary.token(int(i)), float(scores[i]), float(norms[i]))
                for i in order[order != token.id][: self.top_k]
            )

        def extremes(order: NDArray[np.intp]) -> tuple[VectorLength, ...]:
            return tuple(
                VectorLength(token=vocabulary.token(int(i)), norm=float(norms[i]))
                for i in order[: self.top_k]
            )

        return NearestTokensResult(
            size=len(E),
            d_model=E.shape[1],
            norm_median=float(np.median(norms)),
            longest=extremes(descending(norms)),
            shortest=extremes(descending(-norms)),
            tokens=tuple(
                Neighborhood(
                    token=token,
                    norm=float(norms[id]),
                    cosine=nearest(token, cosine[:, q]),
                    dot=nearest(token, dot[:, q]),
                    larger_dot_products=int((np.delete(dot[:, q], id) > dot[id, q]).sum()),
                )
                for q, (id, token) in enumerate(tokens.items())
            ),
        )

    def figures(self, result: NearestTokensResult) -> dict[str, Figure]:
        """`cosine-N`, `dot-N`: neighbors; `pick` a token; `lengths`: extremes."""
        figures: dict[str, Figure] = {}
        for n, token in enumerate(result.tokens):
            figures |= {f"{name}-{n}": _bars(token, name) for name in MEASURE_NAMES}
        count = pluralize(len(result.tokens), "token")
        figures["pick"] = Frames(
            tuple(_frame(token, result.norm_median) for token in result.tokens),
            f"The nearest neighbors of {count}, by cosine and by dot product.",
            f"The nearest of {result.size:,} entries",
            step="word",
        )
        figures["lengths"] = _length_panels(result)
        return figures


def as_neighbor(token: Token, other: Token, value: float, norm: float) -> Neighbor:
    """Return another entry as a neighbor of the token, by one measure."""
    word, other_word = (t.text.strip().casefold() for t in (token, other))
    same_word = other_word == word and word.isalnum()
    return Neighbor(token=other, value=value, norm=norm, same_word=same_word)


def _frame(token: Neighborhood, norm_median: float) -> Frame:
    panels = tuple(
        replace(_bars(token, measure), title=f"by {MEASURE_NAMES[measure]}")
        for measure in MEASURE_NAMES
    )
    note = f"Its vector is {token.norm:.2f} long; half of all are longer than {norm_median:.2f}."
    if token.larger_dot_products:
        note += (
            " Number of entries with which it has a larger dot product than with itself: "
            f"{token.larger_dot_products:,}."
        )
    alt = " ".join(panel.alt for panel in panels)
    return Frame(token.token, Panels(panels, alt, columns=2), note)


def _length_panels(result: NearestTokensResult) -> Panels:
    panels = tuple(
        Bars(
            tuple(entry.token for entry in entries),
            tuple(entry.norm for entry in entries),
            Axis("token"),
            Axis("length"),
            f"{title}: {listed([f'{visible(e.token)} {e.norm:.2f}' for e in entries], 8)}.",
            title,
        )
        for title, entries in (
            ("the shortest vectors", result.shortest),
            ("the longest vectors", result.longest),
        )
    )
    title = f"The extremes of {result.size:,} vectors"
    return Panels(panels, " ".join(panel.alt for panel in panels), title, columns=2)


def _bars(token: Neighborhood, measure: Measure) -> Bars:
    """Draw the neighbors by one measure; other spellings of the same word are highlighted."""
    neighbors = token.cosine if measure == "cosine" else token.dot
    name = MEASURE_NAMES[measure]
    values = [f"{visible(n.token)} {n.value:.2f}" for n in neighbors]
    return Bars(
        tuple(n.token for n in neighbors),
        tuple(n.value for n in neighbors),
        Axis("token"),
        Axis(name),
        f"Nearest to {visible(token.token)} by {name}: {listed(values)}.",
        f"Nearest to {visible(token.token)} by {name}",
        highlight=tuple(i for i, n in enumerate(neighbors) if n.same_word),
    )
