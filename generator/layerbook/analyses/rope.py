"""Rotary position embedding: queries and keys turned by their positions, and what that does to their scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Head, Layer, PromptText, Result, shorten_prompt
from layerbook.core.distributions import softmax
from layerbook.core.figures import Axis, Figure, Heatmap, Lines, Panels, Point, Scatter, Series
from layerbook.core.requests import ActivationCaches, Describe, Forward, Prompt, Request, Site
from layerbook.core.text import listed
from layerbook.core.tokens import Token
from layerbook.core.vectors import apply_rope

POSITION_SHIFT = 1000


class RopeResult(Result):
    """How one head's queries and keys depend on position. Scores are q·k / sqrt(d_head), after RoPE."""

    prompt: str = Field(description="The prompt.")
    tokens: tuple[Token, ...] = Field(description="Its T tokens.")
    layer: int = Field(description="The layer, from 0.")
    head: int = Field(description="The query head, from 0.")
    d_head: int = Field(description="Length of a query or key.")
    pairs: int = Field(description="Pairs of dimensions that turn together: i and i + pairs.")
    theta: float = Field(description="Base of the frequencies, from the model's configuration.")
    wavelengths: Array = Field(description="Positions per full turn, by pair: [pairs].")
    pattern: Array = Field(
        description="The head's attention, as the model has it: [T, T], rows sum to 1."
    )
    previous_share: float = Field(
        description="Share of attention on the token just before, mean over queries."
    )
    pattern_difference: float = Field(
        description="Largest gap, over all heads, of our softmax(scores) and the model's."
    )
    shift: int = Field(
        description="How many positions the prompt is moved on, for the next two fields."
    )
    shift_difference: float = Field(
        description="Largest change of any score of any head if all tokens move."
    )
    query_shift_difference: float = Field(
        description="The same if the queries move and the keys stay."
    )
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
        description="At how many distances `by_distance` is higher than one step nearer."
    )


class Rope(Analysis[RopeResult]):
    """Queries and keys of one layer turned by their positions, and the scores they then have.

    Shapes: q [H, T, d] and k [K, T, d]; dimensions i and i + d/2 turn together, by pos * theta^(-2i/d) radians.
    Units: scores q·k / sqrt(d), before the softmax; wavelengths in positions; attention in shares, 0 to 1.
    Limits: the distance curve averages over one prompt's tokens; frequencies that a model rescales are not known here.
    Source: Su et al. 2021 (arXiv:2104.09864), equations 14, 15 and 34; section 3.4.3 bounds the decay.
    """

    result_type = RopeResult
    prompt: PromptText = Field(description="The prompt whose queries and keys are turned.")
    layer: Layer = Field(description="The layer; negative numbers count from the last.")
    head: Head = Field(description="The query head that is shown.")
    distances: int = Field(
        default=64, ge=2, le=2048, description="How many distances, from 0, are tried."
    )

    def runs(self) -> dict[str, Request]:
        """One pass that keeps a layer's queries and keys before RoPE, and its pattern; and the model's facts."""
        keep = frozenset(Site(name, self.layer) for name in ("q", "k", "pattern"))
        return {"model": Describe(), "prompt": Forward(Prompt(text=self.prompt), keep)}

    def measure(self, captures: ActivationCaches) -> RopeResult:
        """Turn queries and keys as the model does; move them; set every query at every distance from every key."""
        facts, run = captures["model"].facts, captures["prompt"]
        d, pairs, here = (
            facts.d_head,
            facts.d_head // 2,
            np.arange(len(run.tokens)),
        )  # positions [T]
        speed = facts.rope_theta ** (-2 * np.arange(pairs) / d)  # [pairs], radians per position
        q, k = run[Site("q", self.layer)], run[Site("k", self.layer)]  # [H, T, d] and [K, T, d]
        k = k.repeat(
            facts.heads // facts.kv_heads, axis=0
        )  # [H, T, d]: a few queries share each key

        def scores(q_at: NDArray[np.integer], k_at: NDArray[np.integer]) -> NDArray[np.float64]:
            turned_q, turned_k = (
                apply_rope(q, q_at, facts.rope_theta),
                apply_rope(k, k_at, facts.rope_theta),
            )
            scaled: NDArray[np.float64] = (
                turned_q @ turned_k.swapaxes(1, 2) / d**0.5
            )  # [H, T, T]: queries by keys
            return scaled

        before = scores(here, here)
        visible = np.where(
            np.tri(len(here), dtype=bool), before, -np.inf
        )  # a query sees no later key
        pattern = run[Site("pattern", self.layer)]  # [H, T, T], the model's own
        curves = np.array(
            [scores(here * 0 + r, here * 0).mean(axis=(1, 2)) for r in range(self.distances)]
        ).T
        mine = curves[self.head]  # [distances], out of [H, distances]
        return RopeResult(
            prompt=self.prompt,
            tokens=run.tokens,
            layer=self.layer,
            head=self.head,
            d_head=d,
            pairs=pairs,
            theta=facts.rope_theta,
            wavelengths=2 * np.pi / speed,
            pattern=pattern[self.head],
            previous_share=float(np.diag(pattern[self.head], -1).mean()) if len(here) > 1 else 0.0,
            pattern_difference=float(np.abs(softmax(visible) - pattern).max()),
            shift=POSITION_SHIFT,
            shift_difference=float(np.abs(scores(here + POSITION_SHIFT, here + POSITION_SHIFT) - before).max()),
            query_shift_difference=float(np.abs(scores(here + POSITION_SHIFT, here) - before).max()),
            by_distance=mine,
            heads_by_distance=curves,
            equal_by_distance=np.cos(np.outer(np.arange(self.distances), speed)).mean(axis=1),
            peak=int(mine.argmax()),
            rises=int((np.diff(mine) > 0).sum()),
        )

    def figures(self, result: RopeResult) -> dict[str, Figure]:
        """`angles`, the clock hands; `score-by-distance`, this head; `heads`, its layer; `equal`; `pattern`."""
        where = f"layer {result.layer}, head {result.head}"
        x = Axis("distance from query to key", "tokens")
        near, far = result.by_distance[1], result.by_distance[-1]
        steps = tuple(float(r) for r in range(len(result.by_distance)))
        curve = Series(f"head {result.head}", steps, tuple(result.by_distance.tolist()))
        every = [
            Series(f"head {h}", steps, tuple(c.tolist()))
            for h, c in enumerate(result.heads_by_distance)
        ]
        peaks = [f"head {h} at {int(c.argmax())}" for h, c in enumerate(result.heads_by_distance)]
        equal = Series("equal", steps, tuple(result.equal_by_distance.tolist()))
        token = (
            Axis("token that looks", labels=result.tokens),
            Axis("token it looks at", labels=result.tokens),
        )
        return {
            "angles": _clock_panels(result),
            "score-by-distance": Lines(
                (curve,),
                x,
                Axis("score", "q·k / √d"),
                f"The score is highest at distance {result.peak}, {result.by_distance[result.peak]:.2f}. At distance 1 "
                f"it is {near:.2f}, at distance {len(steps) - 1} {far:.2f}; on the way it rises {result.rises} times.",
                f"The same queries and keys, set at other distances: {where}",
            ),
            "heads": Lines(
                tuple(every),
                x,
                Axis("score", "q·k / √d"),
                f"Where each head's score is highest: {listed(peaks, 32)}.",
                f"All heads of layer {result.layer}",
            ),
            "equal": Lines(
                (equal,),
                x,
                Axis("cosine"),
                f"Falls from 1 at distance 0 to {result.equal_by_distance[-1]:.2f} at {len(steps) - 1}, in waves.",
                "Two equal vectors, all pairs alike",
            ),
            "pattern": Heatmap(
                result.pattern,
                *token,
                "attention",
                f"On average {result.previous_share:.0%} of a token's attention goes to the token before it.",
                "share",
                f"{where}, {shorten_prompt(result.prompt)}",
                scale=(0, 1),
                causal=True,
            ),
        }


def _clock_panels(result: RopeResult) -> Panels:
    """A clock face for some pairs: where the hand is at each position; hands too close to tell apart are one dot."""
    panels, turns = [], []
    last = min(len(result.tokens), 12) - 1
    for i in sorted({min(i, result.pairs - 1) for i in (0, 3, 6, 9, 12)} | {result.pairs - 1}):
        wave = float(result.wavelengths[i])
        every = max(1, int(0.02 * wave))  # positions within 2 % of a turn
        starts = range(0, last + 1, every)
        dots = []
        for n, p in enumerate(starts):
            end, angle = min(p + every - 1, last), 2 * np.pi * p / wave
            name = str(p) if end == p else f"{p} to {end}"
            dots.append(
                Point(
                    name,
                    float(np.cos(angle)),
                    float(np.sin(angle)),
                    arrow_to=n + 1 if end < last else None,
                )
            )
        shown = f"{wave:,.1f}" if wave < 100 else f"{wave:,.0f}"
        turns.append(f"pair {i} in {shown}")
        alt = f"Dimensions {i} and {i + result.pairs} turn once in {shown} positions."
        x, y = Axis("first of the pair"), Axis("second of the pair")
        panels.append(Scatter(tuple(dots), x, y, alt, f"pair {i}: a turn in {shown}"))
    alt = f"Where a hand stands at positions 0 to {last}. Positions per full turn: {listed(turns)}."
    return Panels(tuple(panels), alt, f"How far RoPE turns, θ = {result.theta:,.15g}")
