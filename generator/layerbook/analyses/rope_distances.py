"""RoPE by distance: the scores of a layer's queries and keys, put at other distances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Result
from layerbook.core.charts import line
from layerbook.core.figures import Axis, Figure, Lines
from layerbook.core.parameters import Head, RopeLayer
from layerbook.core.prompts import PromptText
from layerbook.core.requests import ActivationCaches, Describe, Forward, Prompt, Request, Site
from layerbook.core.rope import QueriesAndKeys, read_queries_and_keys
from layerbook.core.text import listed, pluralize


class RopeDistancesResult(Result):
    """Mean scores by distance. Scores are q·k / sqrt(d_head), after RoPE."""

    layer: int = Field(description="The layer, from 0.")
    head: int = Field(description="The query head, from 0.")
    by_distance: Array = Field(
        description="Mean score of the head's queries with its keys, by distance: [distances]."
    )
    heads_by_distance: Array = Field(
        description="The same for every head of the layer: [heads, distances]."
    )
    ideal_by_distance: Array = Field(
        description="Mean of cos(distance x speed) over pairs, the ideal: [distances]."
    )
    peak_distance: int = Field(description="The distance at which `by_distance` is highest.")
    rises: int = Field(
        description="Number of distances at which `by_distance` is higher than one step nearer."
    )


class RopeDistances(Analysis[RopeDistancesResult]):
    """The scores of a layer's queries and keys, turned as if they were some distance apart.

    Shapes: q [H, T, d] and k [K, T, d], turned to the distance r -> scores [H, T, T] -> their mean
        over all queries and keys, by distance [H, distances].
    Units: scores q·k / sqrt(d), before the softmax; distances in positions.
    Limits: an average over one prompt's tokens; not for models that scale or bound their scores
        otherwise.
    Source: Su et al. 2021 (arXiv:2104.09864), section 3.4.3, which bounds the decay.
    """

    requires = frozenset({"rope", "plain scores"})
    prompt: PromptText = Field(description="The prompt whose queries and keys are turned.")
    layer: RopeLayer
    head: Head = Field(description="The query head to show.")
    distances: int = Field(
        default=64, ge=2, le=2048, description="Number of distances to try, from 0."
    )

    def runs(self) -> dict[str, Request]:
        """Request one pass keeping q and k; the model's facts."""
        keep = frozenset({Site("q", self.layer), Site("k", self.layer)})
        return {"model": Describe(), "prompt": Forward(Prompt(text=self.prompt), keep)}

    def measure(self, captures: ActivationCaches) -> RopeDistancesResult:
        """Score every query with every key at each distance."""
        run = captures["prompt"]
        qk = read_queries_and_keys(run, captures["model"].facts, self.layer)
        curves = mean_scores_by_distance(qk, len(run.tokens), self.distances)  # [H, distances]
        curve = curves[self.head]
        return RopeDistancesResult(
            layer=self.layer,
            head=self.head,
            by_distance=curve,
            heads_by_distance=curves,
            ideal_by_distance=ideal_curve(np.array(qk.rope.speeds), self.distances),
            peak_distance=int(curve.argmax()),
            rises=int((np.diff(curve) > 0).sum()),
        )

    def figures(self, result: RopeDistancesResult) -> dict[str, Figure]:
        """Curves by distance: `score` of the head, `heads` of the layer, `equal` vectors."""
        return {
            "score": score_lines(result),
            "heads": score_lines_of_all_heads(result),
            "equal": cosine_lines(result),
        }


def mean_scores_by_distance(qk: QueriesAndKeys, T: int, distances: int) -> NDArray[np.float64]:
    """Return the mean score of every query with every key, put at each distance: [H, distances]."""
    key = np.zeros(T, dtype=int)
    return np.array([qk.scores(key + r, key).mean(axis=(1, 2)) for r in range(distances)]).T


def ideal_curve(speeds: NDArray[np.float64], distances: int) -> NDArray[np.float64]:
    """Average cos(distance x speed) over the pairs, by distance: speeds [pairs] -> [distances]."""
    angles = np.outer(np.arange(distances), speeds)  # [distances, pairs], radians
    return np.cos(angles).mean(axis=1)


def score_lines(result: RopeDistancesResult) -> Lines:
    """Draw the mean score of the head in question by distance."""
    curve, times = result.by_distance, pluralize(result.rises, "time")
    peak = result.peak_distance
    return Lines(
        (line(f"head {result.head}", curve),),
        Axis("distance from query to key", "tokens"),
        Axis("score", "q·k / √d"),
        f"The score is highest at distance {peak}, {curve[peak]:.2f}. "
        f"At distance 1 it is {curve[1]:.2f}, at distance {len(curve) - 1} {curve[-1]:.2f}; "
        f"on the way it rises {times}.",
        f"The same queries and keys, set at other distances: "
        f"layer {result.layer}, head {result.head}",
    )


def score_lines_of_all_heads(result: RopeDistancesResult) -> Lines:
    """Draw the mean score of each head of the layer by distance."""
    curves = [line(f"head {h}", c) for h, c in enumerate(result.heads_by_distance)]
    peaks = [f"head {h} at {int(c.argmax())}" for h, c in enumerate(result.heads_by_distance)]
    return Lines(
        tuple(curves),
        Axis("distance from query to key", "tokens"),
        Axis("score", "q·k / √d"),
        f"Where each head's score is highest: {listed(peaks, 32)}.",
        f"All heads of layer {result.layer}",
    )


def cosine_lines(result: RopeDistancesResult) -> Lines:
    """Draw the score of two equal vectors by distance, as a cosine."""
    last = len(result.ideal_by_distance) - 1
    return Lines(
        (line("equal", result.ideal_by_distance),),
        Axis("distance from query to key", "tokens"),
        Axis("cosine"),
        f"Falls from 1 at distance 0 to {result.ideal_by_distance[-1]:.2f} at {last}, in waves.",
        "Two equal vectors, all pairs alike",
    )
