"""Rotary position embedding: queries and keys turned by their positions, and their scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import (
    Analysis,
    Array,
    Head,
    PromptText,
    Result,
    RopeLayer,
    shorten_prompt,
)
from layerbook.core.distributions import softmax
from layerbook.core.figures import (
    Axis,
    Clock,
    Figure,
    Frame,
    Frames,
    Hand,
    Lines,
    Panels,
    Series,
    attention_heatmap,
)
from layerbook.core.requests import (
    ActivationCaches,
    Describe,
    Forward,
    Prompt,
    Request,
    RotaryEmbedding,
    Site,
)
from layerbook.core.rounding import Exact, Gap, Rounding
from layerbook.core.text import listed
from layerbook.core.tokens import Token
from layerbook.core.vectors import apply_rope, causal_mask

POSITION_SHIFT = 1000


class RopeResult(Result):
    """One head's queries and keys by position. Scores are q·k / sqrt(d_head), after RoPE."""

    prompt: str = Field(description="The prompt.")
    tokens: tuple[Token, ...] = Field(description="Its T tokens.")
    layer: int = Field(description="The layer, from 0.")
    head: int = Field(description="The query head, from 0.")
    d_head: int = Field(description="Length of a query or key.")
    pairs: int = Field(description="Pairs of dimensions that turn together: i and i + pairs.")
    theta: Exact = Field(description="Base of the frequencies, from the model's configuration.")
    wavelengths: Annotated[Array, Rounding(own_digits=True)] = Field(
        description="Positions per full turn, by pair: [pairs]."
    )
    pattern: Array = Field(
        description="The head's attention, as the model has it: [T, T], rows sum to 1."
    )
    previous_share: float = Field(
        description="Share of attention on the token just before, mean over queries."
    )
    pattern_difference: Gap = Field(
        description="Largest gap, over all heads, of our softmax(scores) and the pattern."
    )
    shift: int = Field(
        description="Positions by which the prompt is moved for the next two fields."
    )
    shift_difference: Gap = Field(
        description="Largest change of any score of any head if all tokens move."
    )
    query_shift_difference: float = Field(description="The same if only the queries move.")
    by_distance: Array = Field(
        description="Mean score of the head's queries with its keys, by distance: [distances]."
    )
    heads_by_distance: Array = Field(
        description="The same for every head of the layer: [heads, distances]."
    )
    equal_by_distance: Array = Field(
        description="Mean of cos(distance x speed) over pairs, the ideal: [distances]."
    )
    peak: int = Field(description="The distance at which `by_distance` is highest.")
    rises: int = Field(
        description="Number of distances at which `by_distance` is higher than one step nearer."
    )


class Rope(Analysis[RopeResult]):
    """Queries and keys of one layer turned by their positions, and their scores.

    Shapes: q [H, T, d] and k [K, T, d]; dimensions i and i + d/2 turn together, by
        pos * speed_i radians; speed_i is theta^(-2i/d), or slower where the model says so.
    Units: scores q·k / sqrt(d), before the softmax; wavelengths in positions; attention in shares,
        0 to 1.
    Limits: the distance curve averages over one prompt's tokens; not for models that scale or bound
        their scores otherwise.
    Source: Su et al. 2021 (arXiv:2104.09864), equations 14, 15 and 34; section 3.4.3
        bounds the decay.
    """

    result_type = RopeResult
    requires = frozenset({"rope", "plain scores"})
    prompt: PromptText = Field(description="The prompt whose queries and keys are turned.")
    layer: RopeLayer = Field(description="The layer; negative numbers count from the last.")
    head: Head = Field(description="The query head to show.")
    distances: int = Field(
        default=64, ge=2, le=2048, description="Number of distances to try, from 0."
    )

    def runs(self) -> dict[str, Request]:
        """One pass keeping q, k and the pattern; the model's facts."""
        keep = frozenset(Site(name, self.layer) for name in ("q", "k", "pattern"))
        return {"model": Describe(), "prompt": Forward(Prompt(text=self.prompt), keep)}

    def measure(self, captures: ActivationCaches) -> RopeResult:
        """Score queries and keys at their positions, moved, and at each distance."""
        facts, run = captures["model"].facts, captures["prompt"]
        q = run[Site("q", self.layer)]  # [H, T, d]
        k = run[Site("k", self.layer)]  # [K, T, d]
        k = k.repeat(facts.heads // facts.kv_heads, axis=0)  # [H, T, d]: queries share keys
        pattern = run[Site("pattern", self.layer)]  # [H, T, T], the model's own
        rope = facts.rope[self.layer]
        if rope is None:
            raise ValueError(f"layer {self.layer} does not turn queries and keys")
        rotated = RotatedScores(q, k, rope)

        T, d = q.shape[1:]
        pos = np.arange(T)
        moved = pos + POSITION_SHIFT
        scores = rotated(pos, pos)  # [H, T, T]
        curves = mean_scores_by_distance(rotated, T, self.distances)  # [H, distances]
        curve = curves[self.head]
        speed = np.array(rope.speeds)  # [pairs], radians per position
        visible = causal_mask(T, facts.windows[self.layer])  # [T, T]

        return RopeResult(
            prompt=self.prompt,
            tokens=run.tokens,
            layer=self.layer,
            head=self.head,
            d_head=d,
            pairs=len(speed),
            theta=rope.theta,
            wavelengths=2 * np.pi / speed,
            pattern=pattern[self.head],
            previous_share=share_on_previous(pattern[self.head]),
            pattern_difference=float(np.abs(masked_softmax(scores, visible) - pattern).max()),
            shift=POSITION_SHIFT,
            shift_difference=float(np.abs(rotated(moved, moved) - scores).max()),
            query_shift_difference=float(np.abs(rotated(moved, pos) - scores).max()),
            by_distance=curve,
            heads_by_distance=curves,
            equal_by_distance=np.cos(np.outer(np.arange(self.distances), speed)).mean(axis=1),
            peak=int(curve.argmax()),
            rises=int((np.diff(curve) > 0).sum()),
        )

    def figures(self, result: RopeResult) -> dict[str, Figure]:
        """`angles`, clock hands that turn; `score-by-distance`; `heads`; `equal`; `pattern`."""
        where = f"layer {result.layer}, head {result.head}"
        return {
            "angles": _turning_clocks(result),
            "score-by-distance": _score_by_distance(result, where),
            "heads": _scores_of_all_heads(result),
            "equal": _cosine_by_distance(result),
            "pattern": attention_heatmap(
                result.pattern,
                result.tokens,
                alt=f"On average {result.previous_share:.0%} of a token's attention "
                "goes to the token before it.",
                title=f"{where}, {shorten_prompt(result.prompt)}",
            ),
        }


@dataclass(frozen=True)
class RotatedScores:
    """Scores q·k / sqrt(d) of queries and keys [H, T, d], turned for any positions."""

    q: NDArray[np.floating]
    k: NDArray[np.floating]
    rope: RotaryEmbedding

    def __call__(
        self, q_pos: NDArray[np.integer], k_pos: NDArray[np.integer]
    ) -> NDArray[np.float64]:
        """Scores [H, T, T], queries by keys, with queries and keys [T] at these positions."""
        q = apply_rope(self.q, q_pos, self.rope.speeds, self.rope.scale)
        k = apply_rope(self.k, k_pos, self.rope.speeds, self.rope.scale)
        scores: NDArray[np.float64] = q @ k.swapaxes(1, 2) / q.shape[-1] ** 0.5
        return scores


def masked_softmax(scores: NDArray[np.float64], visible: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The pattern [H, T, T] of scores, with no share for keys that a query may not see [T, T]."""
    return softmax(np.where(visible, scores, -np.inf))


def mean_scores_by_distance(rotated: RotatedScores, T: int, distances: int) -> NDArray[np.float64]:
    """The mean score of every query with every key, put at each distance: [H, distances]."""
    key = np.zeros(T, dtype=int)
    return np.array([rotated(key + r, key).mean(axis=(1, 2)) for r in range(distances)]).T


def share_on_previous(pattern: NDArray[np.floating]) -> float:
    """Attention on the token just before, mean over queries 1..T-1 of a pattern [T, T]."""
    return float(np.diag(pattern, -1).mean()) if len(pattern) > 1 else 0.0


def _by_distance(name: str, values: NDArray[np.floating]) -> Series:
    return Series(name, tuple(map(float, range(len(values)))), tuple(values.tolist()))


def _score_by_distance(result: RopeResult, where: str) -> Lines:
    curve = result.by_distance
    return Lines(
        (_by_distance(f"head {result.head}", curve),),
        Axis("distance from query to key", "tokens"),
        Axis("score", "q·k / √d"),
        f"The score is highest at distance {result.peak}, {curve[result.peak]:.2f}. "
        f"At distance 1 it is {curve[1]:.2f}, at distance {len(curve) - 1} {curve[-1]:.2f}; "
        f"on the way it rises {result.rises} times.",
        f"The same queries and keys, set at other distances: {where}",
    )


def _scores_of_all_heads(result: RopeResult) -> Lines:
    curves = [_by_distance(f"head {h}", c) for h, c in enumerate(result.heads_by_distance)]
    peaks = [f"head {h} at {int(c.argmax())}" for h, c in enumerate(result.heads_by_distance)]
    return Lines(
        tuple(curves),
        Axis("distance from query to key", "tokens"),
        Axis("score", "q·k / √d"),
        f"Where each head's score is highest: {listed(peaks, 32)}.",
        f"All heads of layer {result.layer}",
    )


def _cosine_by_distance(result: RopeResult) -> Lines:
    last = len(result.equal_by_distance) - 1
    return Lines(
        (_by_distance("equal", result.equal_by_distance),),
        Axis("distance from query to key", "tokens"),
        Axis("cosine"),
        f"Falls from 1 at distance 0 to {result.equal_by_distance[-1]:.2f} at {last}, in waves.",
        "Two equal vectors, all pairs alike",
    )


def _turning_clocks(result: RopeResult) -> Frames:
    """Clock faces of some pairs, whose hands turn from position to position."""
    last = min(len(result.tokens), 12) - 1
    pairs = sorted({min(i, result.pairs - 1) for i in (0, 3, 6, 9, 12)} | {result.pairs - 1})
    turns = [f"pair {i} in {_positions(float(result.wavelengths[i]))}" for i in pairs]
    frames = tuple(
        Frame(
            f"position {position}",
            Panels(
                tuple(_clock(result, pair, position) for pair in pairs),
                f"The hands of {len(pairs)} pairs at position {position}.",
            ),
            f"At position {position}, pair {pairs[0]} has turned by "
            f"{position / result.wavelengths[pairs[0]]:.2f} of a turn, pair {pairs[-1]} by "
            f"{position / result.wavelengths[pairs[-1]]:.2g}.",
        )
        for position in range(last + 1)
    )
    alt = f"Hands that turn from position 0 to {last}. Positions per full turn: {listed(turns)}."
    return Frames(frames, alt, f"How far RoPE turns, θ = {result.theta:,.15g}", step="position")


def _clock(result: RopeResult, pair: int, position: int) -> Clock:
    """The face of a pair: its hand at a position, dots where it was at those before."""
    wave = float(result.wavelengths[pair])
    speed = 2 * np.pi / wave  # radians per position
    return Clock(
        (Hand(position * speed),),
        f"Dimensions {pair} and {pair + result.pairs} turn once in {_positions(wave)} positions.",
        f"pair {pair}",
        past=tuple(earlier * speed for earlier in range(position)),
        note=f"a turn in {_positions(wave)}",
    )


def _positions(wave: float) -> str:
    return f"{wave:,.1f}" if wave < 100 else f"{wave:,.0f}"
