"""All attention patterns: where every head of every layer looks over one prompt."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, BigArray, Record, Result
from layerbook.core.charts import attention_heatmap, head_axes, strongest_keys
from layerbook.core.distributions import entropy
from layerbook.core.figures import AttentionData, AttentionPreset, Figure, Heatmap, Panels
from layerbook.core.parameters import Layers, resolved
from layerbook.core.prompts import PromptSpec, as_prompt, prompt_name, shorten_prompt
from layerbook.core.requests import ActivationCaches, Forward, Request, Site
from layerbook.core.tokens import Token


class Link(Record):
    """Two tokens of a prompt: the last `reader`, and the last `source` before it."""

    reader: str = Field(min_length=1, description="Text of the token that looks.")
    source: str = Field(min_length=1, description="Text of the token that it looks at.")


class HeadAttention(Record):
    """The attention of one head, in float64; means leave out query 0, which only sees itself."""

    layer: int = Field(description="The layer, from 0.")
    head: int = Field(description="The query head, from 0.")
    first_token: float = Field(description="Share on the first token, mean of queries 1..T-1.")
    itself: float = Field(description="Share of a token on itself, mean of queries 1..T-1.")
    previous_token: float = Field(description="Share on the token before, mean of queries 2..T-1.")
    induction_token: float | None = Field(
        description="Share on the token that followed the last earlier occurrence of the same "
        "token, mean of the queries with such a token; null if there are none."
    )
    entropy: float = Field(description="Entropy of a row in bits, mean of queries 1..T-1.")


class AttentionAllResult(Result):
    """All patterns of one prompt."""

    prompt: str = Field(description="The prompt; of a chat, its last turn.")
    tokens: tuple[Token, ...] = Field(description="Its T tokens: queries and keys.")
    layers: tuple[int, ...] = Field(description="The layers, from 0, that index `weights`.")
    head_count: int = Field(description="Number of query heads in a layer.")
    heads: tuple[HeadAttention, ...] = Field(description="One entry per head, layer by layer.")
    weights: BigArray = Field(
        description="Attention [layer][head][place] as float32: the lower triangle of "
        "each pattern, row by row. The share of query q on key k <= q is at place q(q+1)/2 + k."
    )

    @property
    def patterns(self) -> Array:
        """The attention [layer][head][query][key]: `weights` with a zero for each later key."""
        return fill_triangle(self.weights, len(self.tokens))

    def top_head(self, field: str) -> HeadAttention:
        """Return the head with the largest value of a field, the first of equals."""
        return max(self.heads, key=lambda head: float(getattr(head, field) or 0.0))

    @property
    def first_token_head(self) -> HeadAttention:
        """The head that gives most to the first token."""
        return self.top_head("first_token")

    @property
    def previous_token_head(self) -> HeadAttention:
        """The head that gives most to the token before."""
        return self.top_head("previous_token")

    @property
    def induction_head(self) -> HeadAttention:
        """The head that gives most to the token that followed the same token last time."""
        return self.top_head("induction_token")

    @property
    def induction_shares(self) -> tuple[tuple[Token, Token, float], ...]:
        """The terms of `induction_head`: repeated token, token after its last occurrence, share."""
        head = self.induction_head
        triangle = self.weights[self.layers.index(head.layer), head.head]
        pattern = fill_triangle(triangle, len(self.tokens))  # [T, T]
        return tuple(
            (self.tokens[q], self.tokens[k], float(pattern[q, k]))
            for q, k in induction_pairs(self.tokens)
        )

    def by_layer(self, field: str) -> Array:
        """Return a field of every head: [L, H]."""
        values = [getattr(head, field) for head in self.heads]
        return np.array(values).reshape(len(self.layers), self.head_count)

    @property
    def first_token_by_layer(self) -> tuple[float, ...]:
        """By layer: share on the first token, mean of the heads."""
        return tuple(self.by_layer("first_token").mean(axis=1).tolist())

    @property
    def lowest_sink_layer(self) -> int:
        """The layer whose heads give the least to the first token, the attention sink."""
        return self.layers[int(np.argmin(self.first_token_by_layer))]


class AttentionAll(Analysis[AttentionAllResult]):
    """The attention of every token to every token before it, in all layers and heads.

    Shapes: pattern [L, H, T, T], its lower triangles stored as [L, H, T(T+1)/2]; a number per head.
    Units: shares of one token's attention, 0 to 1, each row summing to 1; entropy in bits, at most
        log2 of the keys.
    Limits: one prompt; where heads read, not what they move: a head may look at the first token and
        take nothing.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), equation 1; Clark et al. 2019 (arXiv:1906.04341)
        for what heads look at; Olsson et al. 2022 (arXiv:2209.11895) for what comes after the same
        token.
    """

    prompt: PromptSpec = Field(description="The prompt.")
    layers: Layers = "all"
    links: tuple[Link, ...] = Field(
        default=(),
        description="Pairs of tokens; the explorer has a button for the head that links each best.",
    )

    def runs(self) -> dict[str, Request]:
        """Request one forward pass that keeps the patterns."""
        keep = frozenset(Site("pattern", layer) for layer in resolved(self.layers))
        return {"run": Forward(as_prompt(self.prompt), keep)}

    def measure(self, captures: ActivationCaches) -> AttentionAllResult:
        """Stack the patterns, and summarize where each head looks."""
        run, layers = captures["run"], resolved(self.layers)
        pattern = run.stack("pattern", layers)  # [L, H, T, T]: query by key
        H, T = pattern.shape[1:3]
        query, key = np.tril_indices(T)  # the cells that exist, row by row
        pairs = induction_pairs(run.tokens)

        return AttentionAllResult(
            prompt=prompt_name(self.prompt),
            tokens=run.tokens,
            layers=layers,
            head_count=H,
            heads=tuple(
                measure_head(layer, head, pattern[i, head].astype(np.float64), pairs)
                for i, layer in enumerate(layers)
                for head in range(H)
            ),
            weights=pattern[:, :, query, key],  # [L, H, T (T + 1) / 2]
        )

    def figures(self, result: AttentionAllResult) -> dict[str, Figure]:
        """`grid`: all heads for each kind of key; `explorer`: one layer, all patterns behind it."""
        titles = {
            "first_token": "To the first token",
            "previous_token": "To the token before",
            "itself": "To itself",
        }
        if result.heads[0].induction_token is not None:
            titles["induction_token"] = "To what came next, last time"
        maps = tuple(head_heatmap(result, field, title) for field, title in titles.items())
        alt = " ".join(heatmap.alt for heatmap in maps)
        return {
            "grid": Panels(maps, alt, "Where every head of every layer looks", columns=2),
            "explorer": layer_heatmap(result, explorer_presets(result, self.links)),
        }


def induction_pairs(tokens: tuple[Token, ...]) -> list[tuple[int, int]]:
    """Pair each query with the key after the last earlier occurrence of its token, if visible."""
    pairs = []
    for q, token in enumerate(tokens):
        earlier = [p for p in range(q) if tokens[p] == token]
        if earlier and earlier[-1] + 1 < q:
            pairs.append((q, earlier[-1] + 1))
    return pairs


def measure_head(
    layer: int, head: int, pattern: Array, pairs: list[tuple[int, int]]
) -> HeadAttention:
    """Average the attention [T, T] of one head on a few kinds of keys."""
    T = len(pattern)
    start = min(1, T - 1)  # query 0 has no choice
    rows = pattern[start:]  # [T - 1, T]
    return HeadAttention(
        layer=layer,
        head=head,
        first_token=float(rows[:, 0].mean()),
        itself=float(pattern.diagonal()[start:].mean()),
        previous_token=float(pattern.diagonal(-1)[1:].mean()) if T > 2 else 0.0,
        induction_token=float(np.mean([pattern[q, k] for q, k in pairs])) if pairs else None,
        entropy=float(np.mean([entropy(row) for row in rows])),
    )


def fill_triangle(triangle: Array, T: int) -> Array:
    """Return the patterns [..., T, T] with these lower triangles [..., T(T+1)/2], zeros above."""
    query, key = np.tril_indices(T)
    pattern = np.zeros((*triangle.shape[:-1], T, T), dtype=triangle.dtype)
    pattern[..., query, key] = triangle
    return pattern


def head_heatmap(result: AttentionAllResult, field: str, title: str) -> Heatmap:
    """Draw one number of every head: a row is a head, a column is a layer."""
    shares, best = result.by_layer(field), result.top_head(field)
    return Heatmap(
        shares.T,
        *head_axes(result.layers),
        value="share of attention",
        alt=f"{title}: the largest share is {shares.max():.0%}, in layer {best.layer}, "
        f"head {best.head}; half of the heads give less than {np.median(shares):.0%}.",
        title=title,
        scale=(0, 1),
        percent=True,
    )


def explorer_presets(
    result: AttentionAllResult, links: tuple[Link, ...]
) -> tuple[AttentionPreset, ...]:
    """Return the head with the most attention along each link, then three heads with a name."""
    last = len(result.tokens) - 1
    rows = [
        ("One step back", result.previous_token_head, last),
        ("The sink", result.first_token_head, last),
    ]
    if pairs := induction_pairs(result.tokens):
        rows.append(("What came next, last time", result.induction_head, pairs[-1][0]))
    named = (
        AttentionPreset(name, result.layers.index(head.layer), head.head, query)
        for name, head, query in rows
    )
    linked = (link_preset(result, link) for link in links)
    return (*(preset for preset in linked if preset), *named)


def link_preset(result: AttentionAllResult, link: Link) -> AttentionPreset | None:
    """Return the head with the most attention along a link; None if the prompt has no such link."""
    texts = [token.text for token in result.tokens]
    readers = [i for i, text in enumerate(texts) if text == link.reader]
    before = texts[: readers[-1]] if readers else []
    sources = [i for i, text in enumerate(before) if text == link.source]
    if not sources:
        return None
    query, key = readers[-1], sources[-1]
    shares = result.patterns[:, :, query, key]  # [L, H]
    layer, head = np.unravel_index(int(shares.argmax()), shares.shape)
    name = f"“{link.reader.strip()}” finds “{link.source.strip()}”"
    return AttentionPreset(name, int(layer), int(head), query, key)


def layer_heatmap(result: AttentionAllResult, presets: tuple[AttentionPreset, ...]) -> Heatmap:
    """Draw the mean pattern of the layer with the weakest sink, and an explorer of all layers."""
    i = result.layers.index(result.lowest_sink_layer)
    mean = result.weights[i].mean(axis=0, dtype=np.float64)  # [T(T+1)/2]
    pattern = fill_triangle(mean, len(result.tokens))
    place = f"layer {result.layers[i]}"
    title = f"Mean of the {result.head_count} heads, {place}"
    if result.head_count == 1:
        title = f"The only head, {place}"
    strongest = strongest_keys(pattern, result.tokens)
    heatmap = attention_heatmap(
        pattern,
        result.tokens,
        title=title,
        alt=f"{title}, {shorten_prompt(result.prompt, 80)}: the last token gives {strongest}.",
    )
    data = AttentionData(result.tokens, result.layers, result.weights, i, presets)
    return replace(heatmap, interactive=data)
