"""Which rows of the embedding matrix lie nearest to a token's, by three ways to measure it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result, Texts, TopK
from layerbook.core.figures import Axis, Bars, Figure, Frame, Frames, Panels
from layerbook.core.requests import (
    EMBED,
    ActivationCaches,
    EmbeddingMatrix,
    Encode,
    Prompt,
    Request,
)
from layerbook.core.text import listed
from layerbook.core.tokens import Token, Vocabulary, visible

Measure = Literal["cosine", "dot", "distance"]
MEASURE_NAMES: dict[Measure, str] = {"cosine": "cosine", "dot": "dot product", "distance": "distance"}


class Neighbour(Record):
    """Another entry of the vocabulary."""

    token: Token = Field(description="The token.")
    value: float = Field(description="Its cosine, dot product or distance, no unit.")
    norm: float = Field(description="Length of its vector.")
    same_word: bool = Field(
        description="The same letters and digits, but for case and the spaces around?"
    )


class Neighbourhood(Record):
    """A token and the entries nearest to it, best first, itself left out; ties by the lower id."""

    token: Token = Field(description="The token.")
    norm: float = Field(description="Length of its vector.")
    cosine: tuple[Neighbour, ...] = Field(
        description="By the cosine of the angle between the vectors."
    )
    dot: tuple[Neighbour, ...] = Field(description="By the dot product of the vectors.")
    distance: tuple[Neighbour, ...] = Field(
        description="By the Euclidean distance, the smallest first."
    )
    ahead: int = Field(
        description="Entries with a larger dot product with the token than its own with itself."
    )


class VectorLength(Record):
    """An entry and how long its vector is."""

    token: Token = Field(description="The token.")
    norm: float = Field(description="Length of its vector.")


class NearestTokensResult(Result):
    """Neighbourhoods in the whole vocabulary."""

    size: int = Field(description="Entries that were compared: the whole vocabulary.")
    d_model: int = Field(description="Dimensions of a vector.")
    norm_median: float = Field(description="The middle one of all vectors' lengths.")
    longest: tuple[VectorLength, ...] = Field(description="The entries with the longest vectors.")
    shortest: tuple[VectorLength, ...] = Field(description="The entries with the shortest vectors.")
    tokens: tuple[Neighbourhood, ...] = Field(
        description="The different tokens of the spec's texts, in their order."
    )


class NearestTokens(Analysis[NearestTokensResult]):
    """The nearest neighbours of tokens among all rows of the embedding matrix.

    Shapes: the matrix E [V, D], the tokens' rows q [Q, D] -> scores [V, Q]; V entries of the vocabulary, D is d_model.
    Units: none; cosines lie in -1..1, dot products and distances are in (squared) units of the embedding's numbers.
    Limits: neighbours in the embedding tell how tokens are used, not what they mean; no context has been read yet.
    Source: Mikolov et al. 2013 (arXiv:1301.3781), section 4, on cosines between word vectors.
    """

    result_type = NearestTokensResult
    prompts: Texts = Field(description="The texts whose tokens are looked up, each token once.")
    top_k: TopK = Field(default=8, description="How many neighbours to list.")

    def runs(self) -> dict[str, Request]:
        """The whole embedding matrix, and the tokens of each text."""
        texts: dict[str, Request] = {
            f"text-{i}": Encode(Prompt(text=text)) for i, text in enumerate(self.prompts)
        }
        return texts | {"matrix": EmbeddingMatrix()}

    def measure(self, captures: ActivationCaches) -> NearestTokensResult:
        """Compare the row of each token with all rows, in three ways."""
        vocabulary = captures["matrix"].vocabulary
        E = captures["matrix"][EMBED].astype(np.float64)  # [V, D]
        wanted = {
            token.id: token
            for i in range(len(self.prompts))
            for token in captures[f"text-{i}"].tokens
        }
        ids = list(wanted)  # Q of them
        dot = E @ E[ids].T  # [V, Q]
        norms = np.sqrt(np.einsum("vd,vd->v", E, E))  # [V]
        cosine = dot / np.maximum(
            norms[:, None] * norms[ids], np.finfo(float).tiny
        )  # [V, Q]: the angle alone
        distance = np.sqrt(np.maximum(norms[:, None] ** 2 + norms[ids] ** 2 - 2 * dot, 0))  # [V, Q]
        found = []
        for q, id in enumerate(ids):
            by: dict[Measure, NDArray[np.float64]] = {
                "cosine": cosine,
                "dot": dot,
                "distance": distance,
            }
            near = {
                name: tuple(
                    _neighbour(vocabulary, wanted[id], int(i), float(score[i, q]), float(norms[i]))
                    for i in _lowest_ids(
                        score[:, q] if name == "distance" else -score[:, q], self.top_k, id
                    )
                )
                for name, score in by.items()
            }
            ahead = int((np.delete(dot[:, q], id) > dot[id, q]).sum())
            found.append(
                Neighbourhood(token=wanted[id], norm=float(norms[id]), ahead=ahead, **near)
            )
        by_length = np.argsort(norms, kind="stable")
        ends = (by_length[::-1][: self.top_k], by_length[: self.top_k])
        longest, shortest = (
            tuple(VectorLength(token=vocabulary.token(int(i)), norm=float(norms[i])) for i in end)
            for end in ends
        )
        return NearestTokensResult(
            size=len(E),
            d_model=E.shape[1],
            norm_median=float(np.median(norms)),
            longest=longest,
            shortest=shortest,
            tokens=tuple(found),
        )

    def figures(self, result: NearestTokensResult) -> dict[str, Figure]:
        """`cosine-N`, `dot-N`, `distance-N`: the neighbours of one token; `pick`: those of each, to choose from."""
        charts: dict[str, Figure] = {}
        for n, one in enumerate(result.tokens):
            charts |= {f"{name}-{n}": _bars(one, name) for name in MEASURE_NAMES}
        frames = []
        for one in result.tokens:
            panels = tuple(
                replace(_bars(one, name), title=f"by {MEASURE_NAMES[name]}") for name in ("cosine", "dot")
            )
            note = f"Its vector is {one.norm:.2f} long; half of all are longer than {result.norm_median:.2f}."
            if one.ahead:
                note += f" Entries with a larger dot product with it than its own with itself: {one.ahead:,}."
            frames.append(
                Frame(
                    visible(one.token),
                    Panels(panels, " ".join(p.alt for p in panels), columns=2),
                    note,
                )
            )
        alt = f"The nearest neighbours of {len(frames)} tokens, by cosine and by dot product."
        title = f"The nearest of {result.size:,} entries"
        return charts | {"pick": Frames(tuple(frames), alt, title, step="word")}


def _lowest_ids(cost: NDArray[np.float64], count: int, itself: int) -> NDArray[np.intp]:
    """The ids of the `count` smallest costs [V], smallest first, the token itself left out."""
    order = cost.argsort(kind="stable")
    best: NDArray[np.intp] = order[order != itself][:count]
    return best


def _neighbour(
    vocabulary: Vocabulary, token: Token, id: int, value: float, norm: float
) -> Neighbour:
    other = vocabulary.token(id)
    bare, wanted = (t.text.strip().casefold() for t in (other, token))
    same = bare == wanted and bare.isalnum()
    return Neighbour(token=other, value=value, norm=norm, same_word=same)


def _bars(one: Neighbourhood, measure: Measure) -> Bars:
    """Neighbours by one measure; those that are the same word otherwise written stand out."""
    near: Sequence[Neighbour] = getattr(one, measure)
    name = MEASURE_NAMES[measure]
    said = [f"{visible(n.token)} {n.value:.2f}" for n in near]
    return Bars(
        tuple(n.token for n in near),
        tuple(n.value for n in near),
        Axis("token"),
        Axis(name),
        f"Nearest to {visible(one.token)} by {name}: {listed(said)}.",
        f"Nearest to {visible(one.token)} by {name}",
        highlight=tuple(i for i, n in enumerate(near) if n.same_word),
    )
