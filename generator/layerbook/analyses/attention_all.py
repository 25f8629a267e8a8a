"""Every head at once: the attention patterns of all layers and heads over one prompt, and what each head looks at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import (
    Analysis,
    BigArray,
    Layers,
    PromptSpec,
    Record,
    Result,
    as_prompt,
    prompt_name,
    resolved,
    shorten_prompt,
)
from layerbook.core.distributions import entropy
from layerbook.core.figures import AttentionData, Axis, Figure, Heatmap, Panels
from layerbook.core.requests import ActivationCaches, Forward, Request, Site
from layerbook.core.text import listed
from layerbook.core.tokens import Token, visible


class HeadAttention(Record):
    """Where one head looks, in float64; means leave out the first query, which can only look at itself."""

    layer: int = Field(description="The layer, from 0.")
    head: int = Field(description="The query head, from 0.")
    first: float = Field(
        description="Share on the first token, 0 to 1, mean over the queries from position 1."
    )
    itself: float = Field(description="Share of a token on itself, the same mean.")
    before: float = Field(
        description="Share on the token before, mean from position 2: before that it is the first."
    )
    after: float | None = Field(
        description="Share on what came after the last earlier occurrence of the same token, mean over the queries for "
        "which there is such a token; null where there is none."
    )
    bits: float = Field(
        description="Entropy of a row in bits, mean from position 1: 0 where all goes to one token."
    )


class AttentionAllResult(Result):
    """All patterns of one prompt."""

    prompt: str = Field(description="The prompt; of a chat, its last turn.")
    tokens: tuple[Token, ...] = Field(
        description="The tokens, in order: queries and keys of the patterns."
    )
    layers: tuple[int, ...] = Field(description="The layers, from 0, that index `weights`.")
    head_count: int = Field(description="How many query heads a layer has.")
    habits: tuple[HeadAttention, ...] = Field(description="One entry per head, layer by layer.")
    weights: BigArray = Field(
        description="Attention by [layer][head][place], in float32 as the model gave it: the cells of each pattern "
        "that exist, row by row. The share of query q on key k, k <= q, stands at place q(q+1)/2 + k."
    )

    def most(self, habit: str) -> HeadAttention:
        """The head in which one of the numbers is largest, the first of equals."""
        return max(self.habits, key=lambda one: float(getattr(one, habit) or 0.0))

    @property
    def most_first(self) -> HeadAttention:
        """The head that gives most to the first token."""
        return self.most("first")

    @property
    def most_before(self) -> HeadAttention:
        """The head that gives most to the token before."""
        return self.most("before")

    @property
    def most_after(self) -> HeadAttention:
        """The head that looks most at what came after the same token last time."""
        return self.most("after")

    @property
    def steps_back(self) -> int:
        """At how many queries from position 2 `most_before` gives the token before more than any other."""
        pattern = self.pattern(self.most_before)
        return sum(int(pattern[q, : q + 1].argmax()) == q - 1 for q in range(2, len(self.tokens)))

    @property
    def repeats(self) -> tuple[tuple[Token, Token, float], ...]:
        """What `most_after` is the mean of: a token that has stood before, what came after it then, the share on it."""
        pattern = self.pattern(self.most_after)
        return tuple(
            (self.tokens[q], self.tokens[k], float(pattern[q, k]))
            for q, k in induction_pairs(self.tokens)
        )

    def pattern(self, head: HeadAttention) -> NDArray[np.float32]:
        """The pattern [T, T] of one head."""
        whole = np.zeros((len(self.tokens),) * 2, dtype=np.float32)
        whole[np.tril_indices(len(self.tokens))] = self.weights[
            self.layers.index(head.layer), head.head
        ]
        return whole

    @property
    def first_by_layer(self) -> tuple[float, ...]:
        """By layer: share on the first token, mean over the heads."""
        first = np.array([one.first for one in self.habits]).reshape(
            len(self.layers), self.head_count
        )
        return tuple(first.mean(axis=1).tolist())

    @property
    def freest(self) -> int:
        """The layer that gives the first token least."""
        return self.layers[int(np.argmin(self.first_by_layer))]


class AttentionAll(Analysis[AttentionAllResult]):
    """How much every token looks at every token before it, in all layers and heads of the model.

    Shapes: pattern [layers, heads, T, T], its lower triangles kept as [layers, heads, T(T+1)/2]; a number per head.
    Units: shares of one token's attention, 0 to 1, each row summing to 1; entropy in bits, at most log2 of the keys.
    Limits: one prompt; where heads read, not what they move: a head may look at the first token and take nothing.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), equation 1; Clark et al. 2019 (arXiv:1906.04341) for what heads look
    at; Olsson et al. 2022 (arXiv:2209.11895) for what comes after the same token.
    """

    result_type = AttentionAllResult
    prompt: PromptSpec = Field(description="The prompt.")
    layers: Layers = Field(
        default="all", description="Which layers; negative numbers count from the last."
    )

    def runs(self) -> dict[str, Request]:
        """One pass that keeps the patterns of all layers."""
        keep = frozenset(Site("pattern", layer) for layer in resolved(self.layers))
        return {"run": Forward(as_prompt(self.prompt), keep)}

    def measure(self, captures: ActivationCaches) -> AttentionAllResult:
        """Stack the patterns, and ask of each head how much goes to a few places that have a name."""
        run, layers = captures["run"], resolved(self.layers)
        pattern = run.stack("pattern", layers)  # [layers, heads, T, T]
        last, seen, habits = len(run.tokens) - 1, induction_pairs(run.tokens), []
        for layer, heads in zip(
            layers, pattern.astype(np.float64), strict=True
        ):  # heads [heads, T, T]
            for head, rows in enumerate(
                heads
            ):  # rows [T, T]: each a token that looks, and its shares
                free = rows[min(1, last) :]  # [T - 1, T]: query 0 has no choice
                habits.append(
                    HeadAttention(
                        layer=layer,
                        head=head,
                        first=float(free[:, 0].mean()),
                        itself=float(rows.diagonal()[min(1, last) :].mean()),
                        before=float(rows.diagonal(-1)[1:].mean()) if last > 1 else 0.0,  # [T - 2]
                        after=float(np.mean([rows[q, k] for q, k in seen])) if seen else None,
                        bits=float(np.mean([entropy(row) for row in free])),
                    )
                )
        query, key = np.tril_indices(len(run.tokens))  # the cells that exist, row by row
        return AttentionAllResult(
            prompt=prompt_name(self.prompt),
            tokens=run.tokens,
            layers=layers,
            head_count=pattern.shape[1],
            habits=tuple(habits),
            weights=pattern[:, :, query, key],  # [layers, heads, T (T + 1) / 2]
        )

    def figures(self, result: AttentionAllResult) -> dict[str, Figure]:
        """`grid`: a map of heads by layers for each habit; `explorer`: the mean of one layer, all patterns behind."""
        habits = [
            ("first", "To the first token"),
            ("before", "To the token before"),
            ("itself", "To itself"),
        ]
        habits += (
            [("after", "To what came next, last time")]
            if result.habits[0].after is not None
            else []
        )
        maps = tuple(head_heatmap(result, name, title) for name, title in habits)
        alt = " ".join(one.alt for one in maps)
        grid = Panels(maps, alt, "Where every head of every layer looks", columns=1)
        title = f"Mean of the {result.head_count} heads, layer {result.freest}"
        return {
            "grid": grid,
            "explorer": mean_heatmap(result, result.layers.index(result.freest), title),
        }


def induction_pairs(tokens: tuple[Token, ...]) -> list[tuple[int, int]]:
    """Pairs of a position and the one after the last earlier occurrence of the same token, where it lies between."""
    pairs = [
        (q, max((p + 1 for p in range(q) if tokens[p] == tokens[q]), default=q))
        for q in range(len(tokens))
    ]
    return [(q, k) for q, k in pairs if k < q]


def head_heatmap(result: AttentionAllResult, name: str, title: str) -> Heatmap:
    """One number of every head: a row is a head, a column is a layer."""
    shares = np.array([getattr(one, name) for one in result.habits])
    shares = shares.reshape(len(result.layers), result.head_count).T  # [heads, layers]
    rows, columns = Axis("head"), Axis("layer", labels=tuple(map(str, result.layers)))
    best, middle = result.most(name), np.median(shares)
    alt = f"{title} goes most in layer {best.layer}, head {best.head}: {shares.max():.0%}. "
    alt += f"In half of the heads it is less than {middle:.0%}."
    return Heatmap(shares, rows, columns, "share of attention", alt, "", title, (0, 1))


def mean_heatmap(result: AttentionAllResult, at: int, title: str) -> Heatmap:
    """The mean pattern of one layer, to stand alone; readers can open all the others behind it."""
    pattern = np.zeros((len(result.tokens),) * 2)
    pattern[np.tril_indices(len(result.tokens))] = result.weights[at].mean(axis=0, dtype=np.float64)
    best = np.argsort(-pattern[-1], kind="stable")[:2]
    looks = listed([f"{pattern[-1, k]:.0%} to {visible(result.tokens[k])} at {k}" for k in best])
    alt = f"{title}, {shorten_prompt(result.prompt, 80)}: the last token gives {looks}."
    rows, columns = (
        Axis("token that looks", labels=result.tokens),
        Axis("token it looks at", labels=result.tokens),
    )
    interactive = AttentionData(result.tokens, result.layers, result.weights, at)
    return Heatmap(
        pattern,
        rows,
        columns,
        "attention",
        alt,
        "share",
        title,
        (0, 1),
        causal=True,
        interactive=interactive,
    )
