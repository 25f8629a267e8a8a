"""Figures as data: a closed set of kinds, each with its axes, units, alt text and table.

An analysis describes a figure; `layerbook.plotting` draws it. Nothing here knows how. Every kind answers
`table()`, the same numbers for readers who would rather read than look.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from layerbook.core.tokens import Token, visible

TableValue = str | float | int
Label = str | Token


def label_text(label: Label) -> str:
    """The label as a string, tokens made visible."""
    return visible(label) if isinstance(label, Token) else label


@dataclass(frozen=True)
class Table:
    """Plain rows under named columns; also a figure of its own."""

    columns: tuple[str, ...]
    rows: tuple[tuple[TableValue | Token, ...], ...]
    alt: str = ""
    title: str = ""

    def table(self) -> Table:
        """Itself."""
        return self


@dataclass(frozen=True)
class Axis:
    """A named axis. `labels` name its steps (tokens, layers); without them the steps are `start, start+1, ...`."""

    name: str
    unit: str = ""
    labels: tuple[Label, ...] = ()
    start: int = 0
    log: bool = False

    def title(self) -> str:
        """`name (unit)`, or the name alone."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def tick_label(self, index: int) -> str:
        """The name of one step."""
        return label_text(self.labels[index]) if self.labels else str(self.start + index)


@dataclass(frozen=True)
class Point:
    """A labelled point; `group` picks colour and marker, `arrow_to` draws an arrow from here to another point's index.

    show_label: write the label beside it. tooltip: shown when a reader points at it.
    """

    label: str
    x: float
    y: float
    group: str = ""
    arrow_to: int | None = None
    show_label: bool = True
    tooltip: str = ""


@dataclass(frozen=True)
class AttentionData:
    """The attention of many layers and heads over the same tokens, for readers to explore behind a picture of one.

    weights [layers, heads, T(T+1)/2]: of each pattern the cells that exist, row by row. `start` is the index of the
    layer that the picture shows.
    """

    tokens: tuple[Token, ...]
    layers: tuple[int, ...]
    weights: NDArray[np.floating]
    start: int = 0


@dataclass(frozen=True)
class SamplingData:
    """The logits of all tokens after some prompts, for readers to turn the knobs of sampling behind a picture.

    logits [prompts, V]. `names`: the tokens whose text is told; `shown`: how many stand in the list. settings: by
    name, a temperature, a top-k and a top-p (None: no cut); the first one is where the reader begins.
    """

    prompts: tuple[str, ...]
    logits: NDArray[np.floating]
    names: tuple[Token, ...]
    shown: int
    settings: tuple[tuple[str, float, int | None, float | None], ...]

    @property
    def size(self) -> int:
        """How many tokens there are."""
        return int(self.logits.shape[1])

    @property
    def presets(self) -> tuple[tuple[str, str], ...]:
        """The settings' names, and their knobs in JSON: `[temperature, top-k, top-p]`, V and 1 where nothing is cut."""
        knobs = (
            (name, [t, k or self.size, 1 if p is None else p]) for name, t, k, p in self.settings
        )
        return tuple((name, json.dumps(values)) for name, values in knobs)


@dataclass(frozen=True)
class Heatmap:
    """A matrix by colour: values[row, column].

    scale: fixed (low, high), or None to span the values. diverging: centre the colours on zero.
    annotate: write the values into the cells. causal: cells right of the diagonal do not exist, not zero.
    masked: cells of minus infinity are the causal mask's, hatched and on no scale.
    interactive: what a reader can open from this picture, where scripts run.
    """

    values: NDArray[np.floating]
    rows: Axis
    columns: Axis
    value: str
    alt: str
    unit: str = ""
    title: str = ""
    scale: tuple[float, float] | None = None
    diverging: bool = False
    annotate: bool = False
    causal: bool = False
    masked: bool = False
    interactive: AttentionData | None = None

    def table(self) -> Table:
        """One row per row of the matrix."""
        header = (f"{self.rows.name} \\ {self.columns.name}",)
        columns = header + tuple(self.columns.tick_label(j) for j in range(self.values.shape[1]))
        body = tuple(
            (
                self.rows.tick_label(i),
                *("" if self.causal and j > i else float(v) for j, v in enumerate(row)),
            )
            for i, row in enumerate(self.values)
        )
        return Table(columns, body)


@dataclass(frozen=True)
class Series:
    """One named line: y over x."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Lines:
    """Lines over a common x axis."""

    series: tuple[Series, ...]
    x: Axis
    y: Axis
    alt: str
    title: str = ""

    def table(self) -> Table:
        """Long form: series, x, y."""
        rows = tuple((s.name, x, y) for s in self.series for x, y in zip(s.x, s.y, strict=True))
        return Table(("series", self.x.title(), self.y.title()), rows)


@dataclass(frozen=True)
class Bars:
    """Horizontal bars, one per label, in the order given; equal-looking labels stay apart.

    rest: the mass of everything not shown, drawn as a last, pale bar (None: no such bar).
    highlight: indices drawn in the accent colour.
    """

    labels: tuple[Label, ...]
    values: tuple[float, ...]
    label_axis: Axis
    value_axis: Axis
    alt: str
    title: str = ""
    rest: float | None = None
    rest_label: str = "everything else"
    highlight: tuple[int, ...] = ()

    def table(self) -> Table:
        """One row per bar; tokens also by id."""
        rows = [(label, value) for label, value in zip(self.labels, self.values, strict=True)]
        if self.rest is not None:
            rows.append((self.rest_label, self.rest))
        return Table((self.label_axis.title(), self.value_axis.title()), tuple(rows))


@dataclass(frozen=True)
class Scatter:
    """Labelled points; `equal` gives both axes one scale, so that distances on paper are distances."""

    points: tuple[Point, ...]
    x: Axis
    y: Axis
    alt: str
    title: str = ""
    equal: bool = True
    show_labels: bool = True

    def table(self) -> Table:
        """One row per point."""
        rows = tuple((p.label, p.group, p.x, p.y) for p in self.points)
        return Table(("point", "group", self.x.title(), self.y.title()), rows)


@dataclass(frozen=True)
class TokenStrip:
    """Rows of tokens as chips; drawn by the book in HTML, with ids, and by nobody as a picture.

    Each row has a label (may be empty) and its tokens; `prompt_length` marks, per row, where the continuation
    starts (None: no continuation). tokenizer_json: the tokenizer as JSON, so that a reader can put in a text of their own.
    """

    rows: tuple[tuple[str, tuple[Token, ...]], ...]
    alt: str
    title: str = ""
    prompt_length: tuple[int | None, ...] = ()
    tokenizer_json: str = ""
    text: bool = True  # a row is a text, so that its tokens have positions

    def table(self) -> Table:
        """One row per token."""
        rows = tuple(
            (name, i, t.id, t, t.hex) for name, tokens in self.rows for i, t in enumerate(tokens)
        )
        return Table(("text", "position", "id", "token", "bytes"), rows)


@dataclass(frozen=True)
class Passage:
    """Text exactly as the model or the tokenizer has it, shown in a fixed-width block."""

    text: str
    alt: str
    title: str = ""

    def table(self) -> Table:
        """The text, one row a line."""
        return Table(("line", "text"), tuple(enumerate(self.text.split("\n"), start=1)))


@dataclass(frozen=True)
class Block:
    """One box of the architecture diagram.

    part: which chapter it belongs to (`embeddings`, `attention`, ...); `inside`: drawn inside the repeated layer.
    detail: its shape in words (`576 -> 1536`); `parameters`: how many numbers were learned here.
    """

    name: str
    part: str
    detail: str = ""
    parameters: int = 0
    inside: bool = False
    adds: bool = False  # its output is added to the residual stream


@dataclass(frozen=True)
class Diagram:
    """The decoder, input at the bottom, in reading order of the computation; `repeat` layers around the inside."""

    blocks: tuple[Block, ...]
    repeat: int
    d_model: int
    alt: str
    title: str = ""
    highlight: str = ""

    def table(self) -> Table:
        """One row per box."""
        rows = tuple(
            (b.name, b.detail, b.parameters * (self.repeat if b.inside else 1)) for b in self.blocks
        )
        return Table(("part", "shape", "parameters"), rows)


@dataclass(frozen=True)
class ChainStep:
    """One link of a chain of products: a vector or a matrix, drawn to scale, or a function between them.

    A matrix of `rows` x `columns` takes a vector of length `rows` to one of length `columns`. Steps that follow each
    other with a `lane` run side by side, one lane below the other, until a step without one takes them up again.
    """

    name: str
    rows: int = 1
    columns: int = 1
    note: str = ""
    kind: Literal["vector", "matrix", "function"] = "matrix"
    lane: int | None = None

    def shape(self) -> str:
        """`576 × 1536` for a matrix, the length of a vector, nothing for a function."""
        if self.kind == "function":
            return ""
        return (
            f"{self.rows} × {self.columns}"
            if self.kind == "matrix"
            else str(max(self.rows, self.columns))
        )


@dataclass(frozen=True)
class MatrixChain:
    """Vectors and matrices to scale, left to right in the order of the computation."""

    steps: tuple[ChainStep, ...]
    alt: str
    title: str = ""

    def table(self) -> Table:
        """One row per step."""
        return Table(
            ("step", "kind", "shape", "note"),
            tuple((s.name, s.kind, s.shape(), s.note) for s in self.steps),
        )


@dataclass(frozen=True)
class Panels:
    """Small multiples: several charts of one kind side by side, each with a title; `interactive`: as in a heatmap."""

    panels: tuple[Heatmap | Lines | Bars | Scatter, ...]
    alt: str
    title: str = ""
    columns: int = 3
    interactive: SamplingData | None = None

    def table(self) -> Table:
        """The panels' tables one below the other, led by the panel's title."""
        first = self.panels[0].table()
        same = all(p.table().columns == first.columns for p in self.panels)
        rows: list[tuple[TableValue | Token, ...]] = []
        for panel in self.panels:
            table = panel.table()
            if not same:
                rows.append((panel.title, *table.columns))
            rows.extend((panel.title, *row) for row in table.rows)
        return Table(("panel", *(first.columns if same else ())), tuple(rows))


@dataclass(frozen=True)
class Frame:
    """One step of a sequence: its label, its picture, and a sentence about it."""

    label: str
    picture: Heatmap | Lines | Bars | Scatter | Panels
    note: str = ""
    token: Token | None = None
    stop: bool = False


@dataclass(frozen=True)
class Frames:
    """A sequence to step through; on paper, all of it."""

    frames: tuple[Frame, ...]
    alt: str
    title: str = ""
    step: Literal["token", "layer", "C", "value", "word", "stage"] = "token"

    def table(self) -> Table:
        """One row per frame: its label, what it led to, and its note. Of stages, the numbers of all their pictures."""
        if self.step == "stage":
            return Panels(
                tuple(f.picture for f in self.frames if not isinstance(f.picture, Panels)), self.alt
            ).table()
        rows = tuple((f.label, f.token if f.token else "", f.note) for f in self.frames)
        return Table(("frame", "token", "note"), rows)


Chart = Heatmap | Lines | Bars | Scatter | Panels
Figure = Chart | TokenStrip | Passage | Table | Diagram | MatrixChain | Frames
