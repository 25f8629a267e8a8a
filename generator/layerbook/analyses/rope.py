"""Rotary position embedding: queries and keys turned by their positions, and their scores."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.charts import attention_heatmap, line
from layerbook.core.distributions import softmax
from layerbook.core.figures import (
    Axis,
    Clock,
    Figure,
    Frame,
    Frames,
    Hand,
    Heatmap,
    Lines,
    Panels,
    Widget,
)
from layerbook.core.parameters import Head, RopeLayer
from layerbook.core.prompts import PromptText
from layerbook.core.requests import (
    ActivationCaches,
    Describe,
    Forward,
    Prompt,
    Request,
    Site,
)
from layerbook.core.rope import read_queries_and_keys
from layerbook.core.rounding import Exact, Gap, Rounding, snap
from layerbook.core.text import listed, pluralize
from layerbook.core.tokens import Token, visible
from layerbook.core.vectors import causal_mask, cosines

Floats = NDArray[np.floating]

POSITION_SHIFT = 1000
MAX_ANNOTATED = 12  # tokens of a pattern with its numbers in the cells
MAX_CLOCKS = 6  # keys with a clock of their own
MAX_POSITION = 24  # last position to which a reader can move a token
MINUS = "\N{MINUS SIGN}"


class RotatedPattern(Record):
    """The head's attention with its queries and keys turned in some way."""

    pattern: Array = Field(description="Shares [query][key]; each row sums to 1.")
    itself: float = Field(
        description="Share on the token itself, 0 to 1, mean over queries 2..T-1. Queries 0 and 1 "
        "are left out: they see hardly more than the first token, which attracts attention anyway."
    )
    previous_token: float = Field(description="Share on the token just before, likewise.")


class RopeResult(Result):
    """One head's queries and keys by position. Scores are q·k / sqrt(d_head), after RoPE."""

    tokens: tuple[Token, ...] = Field(description="The T tokens of the prompt.")
    layer: int = Field(description="The layer, from 0.")
    head: int = Field(description="The query head, from 0.")
    d_head: int = Field(description="Length of a query or key.")
    pairs: int = Field(description="Pairs of dimensions that turn together: i and i + pairs.")
    theta: Exact = Field(description="Base of the frequencies, from the model's configuration.")
    wavelengths: Annotated[Array, Rounding(own_digits=True)] = Field(
        description="Positions per full turn, by pair: [pairs]."
    )
    original: RotatedPattern = Field(description="The head's attention, as the model has it.")
    ahead: RotatedPattern = Field(
        description="The same queries and keys, the queries turned one position further."
    )
    unrotated: RotatedPattern = Field(description="The same queries and keys, none turned.")
    previous_token_by_pairs: Array = Field(
        description="Share on the token just before if only the 0, 1, 2 ... fastest pairs turn: "
        "[pairs + 1]."
    )
    pair: int = Field(
        description="The pair that adds most to the score of the last query and the key before it."
    )
    query_pair: Array = Field(description="The last query's two numbers of that pair, turned: [2].")
    key_pairs: Array = Field(description="Those of each key, turned: [T, 2].")
    pair_scores: Array = Field(
        description="What that pair adds to the score of the last query and each key: [T]."
    )
    pattern_difference: Gap = Field(
        description="Largest gap, over all heads, between the softmax of these scores and the "
        "model's own pattern."
    )
    shift: int = Field(description="Positions by which the prompt is moved for the next field.")
    shift_difference: Gap = Field(
        description="Largest change of any head's score if all tokens move."
    )

    @property
    def speeds(self) -> Floats:
        """Radians per position, by pair: [pairs]."""
        return 2 * np.pi / self.wavelengths

    @property
    def fewest_pairs(self) -> int:
        """The fewest fastest pairs that give nine tenths of the share on the token before."""
        enough = self.previous_token_by_pairs >= 0.9 * self.original.previous_token
        return int(enough.argmax())

    @property
    def key_turns(self) -> Floats:
        """Turn from the arrow of each key to that of the next, clockwise, -π to π: [T - 1]."""
        angles = np.arctan2(self.key_pairs[:, 1], self.key_pairs[:, 0])  # [T], from twelve o'clock
        return (np.diff(angles) + np.pi) % (2 * np.pi) - np.pi

    @property
    def arrow_cosines(self) -> Floats:
        """Cosine of the angle between the query's arrow and that of each key, -1 to 1: [T]."""
        return cosines(self.key_pairs, self.query_pair)


class Rope(Analysis[RopeResult]):
    """Queries and keys of one layer turned by their positions, and their scores.

    Shapes: q [H, T, d] and k [K, T, d]; dimensions i and i + d/2 turn together, by
        pos * speed_i radians; speed_i is theta^(-2i/d), or slower where the model says so.
    Units: scores q·k / sqrt(d), before the softmax; wavelengths in positions; attention in shares,
        0 to 1.
    Limits: one head and one prompt; not for models that scale or bound their scores otherwise.
    Source: Su et al. 2021 (arXiv:2104.09864), equations 14, 15 and 34.
    """

    requires = frozenset({"rope", "plain scores"})
    prompt: PromptText = Field(description="The prompt whose queries and keys are turned.")
    layer: RopeLayer
    head: Head = Field(description="The query head to show.")

    def runs(self) -> dict[str, Request]:
        """Request one pass keeping q, k and the pattern; the model's facts."""
        keep = frozenset(Site(name, self.layer) for name in ("q", "k", "pattern"))
        return {"model": Describe(), "prompt": Forward(Prompt(text=self.prompt), keep)}

    def measure(self, captures: ActivationCaches) -> RopeResult:
        """Compute the attention with the queries and keys at their positions and at others."""
        facts, run = captures["model"].facts, captures["prompt"]
        pattern = run[Site("pattern", self.layer)]  # [H, T, T], the model's own
        visible = causal_mask(len(run.tokens), facts.windows[self.layer])  # [T, T]
        qk = read_queries_and_keys(run, facts, self.layer)
        S, d = len(qk.rope.speeds), facts.d_head  # S pairs of dimensions

        def attend(scores: Floats) -> Floats:  # [H, T, T]
            return softmax(np.where(visible, scores, -np.inf))

        pos = np.arange(len(run.tokens))
        scores = qk.scores(pos, pos)  # [H, T, T]
        moved = qk.scores(pos + POSITION_SHIFT, pos + POSITION_SHIFT)
        ahead = attend(qk.scores(pos + 1, pos))
        by_pairs = [attend(qk.with_fastest(n).scores(pos, pos)) for n in range(S + 1)]
        summaries = [summarize_pattern(p[self.head]) for p in by_pairs]  # 0, 1, 2 ... pairs turn

        q, k = (rotated[self.head] for rotated in qk.rotated(pos, pos))  # [T, d]
        products = q[-1] * k / d**0.5  # [T, d]
        added = products[:, :S] + products[:, S : 2 * S]  # [T, S], by each pair to each score
        pair = int(snap(added[max(len(pos) - 2, 0)]).argmax())  # the key before the last
        return RopeResult(
            tokens=run.tokens,
            layer=self.layer,
            head=self.head,
            d_head=d,
            pairs=S,
            theta=qk.rope.theta,
            wavelengths=2 * np.pi / np.array(qk.rope.speeds),
            original=summarize_pattern(pattern[self.head]),
            ahead=summarize_pattern(ahead[self.head]),
            unrotated=summaries[0],
            previous_token_by_pairs=np.array([s.previous_token for s in summaries]),
            pair=pair,
            query_pair=q[-1, [pair, pair + S]],
            key_pairs=k[:, [pair, pair + S]],
            pair_scores=added[:, pair],
            pattern_difference=float(np.abs(attend(scores) - pattern).max()),
            shift=POSITION_SHIFT,
            shift_difference=float(np.abs(moved - scores).max()),
        )

    def figures(self, result: RopeResult) -> dict[str, Figure]:
        """`angles`, `arrows`, `moved`: clocks; `pattern`, `ahead`, `stopped`; `hands`."""
        where = f"layer {result.layer}, head {result.head}"
        return {
            "angles": _turning_clocks(result),
            "arrows": _clocks_of_keys(result, where),
            "moved": _moved_clocks(result, where),
            "pattern": _pattern_heatmap(result, result.original, f"Attention of {where}"),
            "ahead": _pattern_heatmap(result, result.ahead, f"Queries one step ahead: {where}"),
            "stopped": _pattern_heatmap(result, result.unrotated, f"All clocks stopped: {where}"),
            "hands": _share_by_pairs(result, where),
        }


def summarize_pattern(pattern: Floats) -> RotatedPattern:
    """Average a pattern [T, T] along its diagonals, over queries 2..T-1; 0 if there are none."""
    several = len(pattern) > 2
    return RotatedPattern(
        pattern=pattern,
        itself=float(np.diag(pattern)[2:].mean()) if several else 0.0,
        previous_token=float(np.diag(pattern, -1)[1:].mean()) if several else 0.0,
    )


def _pattern_heatmap(result: RopeResult, rotated: RotatedPattern, title: str) -> Heatmap:
    return attention_heatmap(
        rotated.pattern,
        result.tokens,
        alt=f"On average {rotated.previous_token:.0%} of a token's attention goes to the token "
        f"before it, and {rotated.itself:.0%} to itself.",
        title=title,
        annotate=len(result.tokens) <= MAX_ANNOTATED,
    )


def _share_by_pairs(result: RopeResult, where: str) -> Lines:
    shares = result.previous_token_by_pairs
    return Lines(
        (line("one step back", shares),),
        Axis("clocks that turn, fastest first"),
        Axis("share of attention", "on the token before"),
        f"With no clock turning, the token before gets {shares[0]:.0%}; with the fastest "
        f"{result.fewest_pairs}, {shares[result.fewest_pairs]:.0%}; "
        f"with all {result.pairs}, {shares[-1]:.0%}.",
        f"How many clocks it takes: {where}",
    )


def _turning_clocks(result: RopeResult) -> Frames:
    """Draw the clock faces of some pairs, whose hands turn from position to position."""
    last = min(len(result.tokens), 12) - 1
    slowest = result.pairs - 1
    pairs = sorted({min(i, slowest) for i in (0, 3, 6, 9, 12, slowest)})
    count = pluralize(len(pairs), "pair")
    turns = [f"pair {i} in {_positions(float(result.wavelengths[i]))}" for i in pairs]
    frames = tuple(
        Frame(
            f"position {position}",
            Panels(
                tuple(_clock(result, pair, position) for pair in pairs),
                f"The hands of {count} at position {position}.",
            ),
            f"At position {position}, pair {pairs[0]} has turned by "
            f"{position / result.wavelengths[pairs[0]]:.2f} of a turn, pair {pairs[-1]} by "
            f"{_turned(position / float(result.wavelengths[pairs[-1]]))}.",
        )
        for position in range(last + 1)
    )
    alt = f"Hands that turn from position 0 to {last}. Positions per full turn: {listed(turns)}."
    return Frames(frames, alt, f"How far RoPE turns, θ = {result.theta:,.15g}", step="position")


def _clock(result: RopeResult, pair: int, position: int) -> Clock:
    """Draw the face of a pair: its hand at a position, dots where it was at those before."""
    wave, speed = float(result.wavelengths[pair]), float(result.speeds[pair])
    return Clock(
        (Hand(position * speed),),
        f"Dimensions {pair} and {pair + result.pairs} turn once in {_positions(wave)} positions.",
        f"pair {pair}",
        past=tuple(earlier * speed for earlier in range(position)),
        note=f"a turn in {_positions(wave)}",
    )


def _clocks_of_keys(result: RopeResult, where: str) -> Panels:
    """Draw the last query's hand beside the hand of each of the last keys, on one pair's clock."""
    longest = max(np.linalg.norm([result.query_pair, *result.key_pairs], axis=1).max(), 1e-9)
    shown = range(max(0, len(result.tokens) - MAX_CLOCKS), len(result.tokens))
    query = _hand(result.query_pair, longest, "query")
    clocks = tuple(
        Clock(
            (query, _hand(result.key_pairs[i], longest, "key")),
            f"With the key of {visible(result.tokens[i])} it adds {result.pair_scores[i]:.1f}.",
            visible(result.tokens[i]),
            arc=True,
            note=f"{round(result.pair_scores[i], 1) or 0:+.1f}".replace("-", MINUS),
        )
        for i in shown
    )
    asks = visible(result.tokens[-1])
    alt = f"What pair {result.pair} adds to the score of the query of {asks}, by key: " + listed(
        [f"{visible(result.tokens[i])} {result.pair_scores[i]:.1f}" for i in shown]
    )
    return Panels(
        clocks, f"{alt}.", f"The query of {asks} and the keys, pair {result.pair}: {where}"
    )


def _moved_clocks(result: RopeResult, where: str) -> Panels:
    """Draw the last query's hand and that of the key before it, where they are and further on."""
    last = len(result.tokens) - 1
    key = max(last - 1, 0)
    speed = float(result.speeds[result.pair])
    arrows = (result.query_pair, result.key_pairs[key])
    longest = max(*np.linalg.norm(arrows, axis=1), 1e-9)
    hands = (_hand(arrows[0], longest, "query"), _hand(arrows[1], longest, "key"))
    clocks = tuple(
        Clock(
            tuple(replace(hand, angle=hand.angle + by * speed) for hand in hands),
            f"Moved by {by}: the hands have turned, the angle between them is the same.",
            f"positions {key + by} and {last + by}",
            arc=True,
        )
        for by in (0, 3, 6)
    )
    names = f"{visible(result.tokens[last])} and {visible(result.tokens[key])}"
    alt = f"The hands of {names}, moved together: both turn, and the angle between them stays."
    title = f"The query and the key of {names}, pair {result.pair}: {where}"
    return Panels(clocks, alt, title, interactive=_movable_arrows(result, last, key, speed))


def _movable_arrows(result: RopeResult, last: int, key: int, speed: float) -> Widget:
    """Return the same two arrows, not yet turned, for readers who move their tokens."""
    data = {
        "names": [visible(result.tokens[last]), visible(result.tokens[key])],
        "query": _rotate_back(result.query_pair, last * speed),
        "key": _rotate_back(result.key_pairs[key], key * speed),
        "speed": speed,
        "divisor": result.d_head**0.5,
        "last": MAX_POSITION,
        "start": [min(last, MAX_POSITION), min(key, MAX_POSITION)],
    }
    return Widget("turns", json.dumps(data))


def _rotate_back(pair: Floats, angle: float) -> list[float]:
    """Turn two numbers back by an angle."""
    number = complex(*pair.tolist()) * np.exp(-1j * angle)
    return [number.real, number.imag]


def _hand(pair: Floats, longest: float, role: Literal["query", "key"]) -> Hand:
    """Draw two numbers as a hand: the first points to twelve, the second to three."""
    up, right = pair.tolist()
    return Hand(
        float(np.arctan2(right, up)), role=role, length=float(np.hypot(up, right)) / longest
    )


def _turned(turns: float) -> str:
    return f"{turns:.2f}" if turns >= 0.005 or not turns else "less than a hundredth"


def _positions(wave: float) -> str:
    return f"{wave:,.1f}" if wave < 100 else f"{wave:,.0f}"
