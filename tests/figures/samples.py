"""Figures of every kind, as the analyses make them, hostile labels among them."""

from __future__ import annotations

import numpy as np

from generator.figure import (
    Axis,
    Bars,
    Block,
    Chart,
    Diagram,
    Frame,
    Frames,
    Heatmap,
    Lines,
    Panels,
    Point,
    Scatter,
    Series,
    Shapes,
    Step,
)
from generator.tokens import Token


def token(text: str, id: int = 0, *, special: bool = False, hex: str = "") -> Token:
    """A token of the vocabulary, its bytes those of its text unless said otherwise."""
    return Token(id, text, hex or text.encode().hex(), special)


TOKENS = (
    token("<|im_start|>", 1, special=True),
    token(" ", 2),
    token("2", 3),
    token("\n", 4),
    token("\N{REPLACEMENT CHARACTER}", 5, hex="e2"),
    token(" table", 6),
    token("<script>", 7),
)
SHOWN = ("<|im_start|>", "·", "2", "⏎", "<0xE2>", "·table", "<script>")
HOSTILE = (
    "<script>alert(1)</script>",
    "$x^2$ & ${\\frac{1}{2}}$",
    "</text><image href='http://evil.example/'/>",
    "שלום עולם",
    "🙂 e\u0301",
    'quote " quote',
)


def attention(count: int, seed: int = 0) -> np.ndarray:
    """Causal weights [query, key], rows adding up to 1."""
    raw = np.tril(np.random.default_rng(seed).exponential(size=(count, count)))
    return (raw / raw.sum(axis=1, keepdims=True)).astype(np.float32)


def pattern(count: int, *, seed: int = 0, annotate: bool = False, title: str = "Layer 29") -> Heatmap:
    """An attention pattern over the first tokens."""
    tokens = (TOKENS * 3)[:count]
    return Heatmap(
        attention(count, seed),
        Axis("query", "token", tokens),
        Axis("key", "token", tokens),
        "attention weight",
        "Who looks at whom.",
        title=title,
        scale=(0.0, 1.0),
        annotate=annotate,
        causal=True,
    )


def bars(*values: float, rest: float | None = None, log: bool = False) -> Bars:
    """Bars labelled with tokens."""
    names = (TOKENS * 3)[: len(values)]
    axis = Axis("probability", log=log)
    return Bars(names, values, Axis("token"), axis, "What may come next.", "Next", rest=rest, rest_label="all others")


def scatter(*, log: bool = False, equal: bool = True, count: int = 10) -> Scatter:
    """Points in two groups, the first half moving to the second."""
    places = np.exp(np.random.default_rng(3).normal(size=(count, 2)))
    half = count // 2
    points = tuple(
        Point(f"p{i}", float(x), float(y), "before" if i < half else "after", i + half if i < half else None)
        for i, (x, y) in enumerate(places)
    )
    return Scatter(points, Axis("PC 1", log=log), Axis("PC 2", log=log), "Ten points.", "Sentences", equal=equal)


def lines(*, log: bool = False) -> Lines:
    """Three lines, powers of ten apart."""
    x = (1.0, 10.0, 100.0, 1000.0)
    series = tuple(Series(f"C = {c}", x, tuple(c * v for v in x)) for c in (1, 10, 100))
    return Lines(series, Axis("distance", log=log), Axis("wavelength", "positions", log=log), "Lines.", "Waves")


def decoder(highlight: str = "") -> Diagram:
    """The decoder of a small model."""
    blocks = (
        Block("Tokenizer", "tokens", "text to ids"),
        Block("Embedding", "embeddings", "49152 × 576", 28_311_552),
        Block("First norm", "attention", "576", 576, inside=True),
        Block("Attention", "attention", "9 heads", 884_736, inside=True, adds=True),
        Block("Second norm", "mlp", "576", 576, inside=True),
        Block("MLP", "mlp", "576 to 1536", 2_654_208, inside=True, adds=True),
        Block("Final norm", "linear", "576", 576),
        Block("Linear", "linear", "tied <to> the embedding"),
    )
    return Diagram(blocks, 30, 576, "From text to logits.", "The decoder", highlight)


def mlp() -> Shapes:
    """The gated MLP, gate and up side by side."""
    steps = (
        Step("x", 1, 576, "of one token", "vector"),
        Step("W gate", 576, 1536, lane=0),
        Step("SiLU", kind="function", lane=0),
        Step("W up", 576, 1536, lane=1),
        Step("×", kind="function", note="number by number"),
        Step("h", 1, 1536, kind="vector"),
        Step("W down", 1536, 576),
        Step("y", 1, 576, kind="vector"),
    )
    return Shapes(steps, "Up and down again.", "The MLP")


def growing(count: int = 6) -> Frames:
    """A pattern that grows by a token a frame."""
    whole = attention(count)
    made = []
    for n in range(2, count + 1):
        tokens = (TOKENS * 3)[:n]
        rows, columns = Axis("query", "token", tokens), Axis("key", "token", tokens)
        map = Heatmap(whole[:n, :n], rows, columns, "attention weight", f"{n} tokens", causal=True)
        made.append(Frame(f"token {n}", map))
    return Frames(tuple(made), "Growing.", "Growing")


CHARTS: dict[str, Chart] = {
    "pattern": pattern(7),
    "written": pattern(7, annotate=True),
    "one": pattern(1, annotate=True),
    "gaps": Heatmap(
        np.array([[1, np.nan, 0], [-np.inf, 0.2, np.inf]]), Axis("r"), Axis("c"), "v", "Gaps.", annotate=True
    ),
    "nothing": Heatmap(np.full((2, 3), np.nan), Axis("r"), Axis("c"), "v", "Nothing at all."),
    "constant": Heatmap(np.full((3, 3), 2.5), Axis("r"), Axis("c"), "v", "All the same."),
    "masked": Heatmap(np.where(np.tri(3), 0.5, -np.inf), Axis("r"), Axis("c"), "v", "Masked.", masked=True),
    "zeros": Heatmap(np.zeros((3, 5)), Axis("r"), Axis("c"), "v", "Zeros.", diverging=True),
    "bars": bars(0.5, 0.25, 0.0, 0.125, rest=0.125),
    "negative": bars(17.2, 3.0, -2.5, float("nan")),
    "logarithmic": bars(0.9, 1e-4, 0.0, log=True),
    "lines": lines(),
    "log lines": lines(log=True),
    "flat": Lines((Series("flat", (0.0, 1.0), (3.0, 3.0)),), Axis("x"), Axis("y"), "Flat."),
    "holes": Lines((Series("a", (0.0, 1.0, 2.0), (1.0, float("nan"), float("inf"))),), Axis("x"), Axis("y"), "Holes."),
    "scatter": scatter(),
    "crowd": scatter(count=60, equal=False),
    "lone point": Scatter((Point("only", 1.0, 1.0),), Axis("x"), Axis("y"), "One point."),
    "hostile bars": Bars(HOSTILE, (1, 2, 3, 4, 5, 6), Axis("<b>"), Axis("$y$"), "</desc><script>", "</title><script>"),
    "hostile points": Scatter(
        tuple(Point(name, i, i * i, name) for i, name in enumerate(HOSTILE)), Axis("$x$"), Axis("<y>"), "Points."
    ),
    "hostile lines": Lines(
        tuple(Series(name, (0.0, 1.0), (float(i), i + 1.0)) for i, name in enumerate(HOSTILE)),
        Axis("x"),
        Axis("y"),
        "L",
    ),
    "heads": Panels(tuple(pattern(7, seed=h, title=f"head {h}") for h in range(9)), "Nine heads.", "Heads"),
    "bar panels": Panels((bars(0.1, 0.9), bars(0.2, 0.3, 0.5)), "Two prompts.", "Bars"),
    "line panels": Panels((lines(), lines()), "Twice.", "Lines", columns=2),
    "scatter panels": Panels((scatter(), scatter(), scatter()), "Thrice.", "Maps", columns=2),
}
