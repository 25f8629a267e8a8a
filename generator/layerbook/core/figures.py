"""Figures as data, each with axes, alt text and table; `layerbook.plotting` draws them."""

from __future__ import annotations

import inspect
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from layerbook.core.language import gettext, with_groups
from layerbook.core.tokens import Token, visible

Label = str | Token | tuple[str | Token, ...]
"""A text, a token, or several of them in a row."""
TableValue = str | float | int
Role = Literal["query", "key", "value", "residual", "probability"]
"""A quantity with a color of its own, the same in every figure and on every page."""


class Share(float):
    """A share of one. Tables show it in percent, downloads as a plain number."""


def label_text(label: Label) -> str:
    """Return the label as a string, with the whitespace of tokens visible."""
    if isinstance(label, tuple):
        return "".join(map(label_text, label))
    return visible(label) if isinstance(label, Token) else label


@dataclass(frozen=True)
class Table:
    """Rows under named columns: a figure of its own, and the numbers of every other kind."""

    columns: tuple[str, ...]
    rows: tuple[tuple[TableValue | Label, ...], ...]
    alt: str = ""
    title: str = ""

    def table(self) -> Table:
        """Return the table itself."""
        return self


@dataclass(frozen=True)
class Axis:
    """A named axis. `labels` name its steps; without them the steps are `start, start + 1, ...`.

    nominal: its numbers are names, such as years, seeds and ids: whole, and not grouped by three.
    percent: its numbers are shares of one, written in percent.
    role: the quantity that it measures or lists, which gives bars and its title their color.
    """

    name: str
    unit: str = ""
    labels: tuple[Label, ...] = ()
    start: int = 0
    log: bool = False
    nominal: bool = False
    percent: bool = False
    role: Role | None = None

    def title(self) -> str:
        """Return `name (unit)`, or the name alone."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    def cell(self, value: float) -> float:
        """Return a value of the axis as tables have it."""
        return Share(value) if self.percent else value

    def tick_label(self, index: int) -> str:
        """Return the label of one step."""
        return label_text(self.labels[index]) if self.labels else str(self.start + index)


@dataclass(frozen=True)
class AttentionPreset:
    """A row of a head that is worth a look: indices of layer, head and query, and a name.

    key: the one to mark; None for the key with the largest share.
    """

    name: str
    layer: int
    head: int
    query: int
    key: int | None = None


@dataclass(frozen=True)
class AttentionData:
    """Attention of many layers and heads over the same tokens, for the explorer behind a heatmap.

    weights: [layers, heads, T(T+1)/2], the lower triangle of each pattern row by row.
    start: index of the layer that the heatmap shows.
    presets: rows that a button shows; the explorer opens on the first.
    """

    tokens: tuple[Token, ...]
    layers: tuple[int, ...]
    weights: NDArray[np.floating]
    start: int = 0
    presets: tuple[AttentionPreset, ...] = ()


@dataclass(frozen=True)
class SamplingData:
    """The logits of all tokens after some prompts, for the sampling playground behind a figure.

    logits: [prompts, V].
    texts: every token by id, its whitespace visible.
    shown: number of tokens in the playground's list.
    settings: name, temperature, top-k and top-p (None: no cut); the first is the initial one.
    """

    prompts: tuple[str, ...]
    logits: NDArray[np.floating]
    texts: tuple[str, ...]
    shown: int
    settings: tuple[tuple[str, float, int | None, float | None], ...]

    @property
    def size(self) -> int:
        """Number of tokens V."""
        return int(self.logits.shape[1])

    @property
    def presets(self) -> tuple[tuple[str, str], ...]:
        """Each setting's name and its JSON `[temperature, top-k, top-p]`; no cut is V and 1."""
        return tuple(
            (name, json.dumps([temperature, top_k or self.size, 1 if top_p is None else top_p]))
            for name, temperature, top_k, top_p in self.settings
        )


@dataclass(frozen=True)
class Widget:
    """A widget that takes a figure's place on screens, for readers to play with.

    kind: the script that draws it, `templates/assets/scripts/KIND.js`.
    data: what the script needs, as JSON.
    large: the data are loaded, and the widget is opened, when a reader asks for it.
    """

    kind: Literal["waves", "turns", "map", "writing"]
    data: str
    large: bool = False


@dataclass(frozen=True)
class Heatmap:
    """A matrix by color: values[row, column].

    scale: fixed (low, high), or None to span the values.
    diverging: center the colors on zero.
    annotate: write the values into the cells.
    cells: by row, the tokens or words to write into the cells in place of the values.
    percent: the values are shares of one, written in percent.
    causal: the cells right of the diagonal do not exist.
    masked: cells of minus infinity are hatched as masked and do not count for the scale.
    interactive: data of the explorer that opens from the heatmap.
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
    percent: bool = False
    causal: bool = False
    masked: bool = False
    interactive: AttentionData | None = None
    cells: tuple[tuple[Label, ...], ...] = ()

    def table(self) -> Table:
        """Return one row per row of the matrix that has a number."""
        corner = f"{self.rows.name} \\ {self.columns.name}"
        names = [self.columns.tick_label(j) for j in range(self.values.shape[1])]
        rows = []
        number = Share if self.percent else float
        for i, row in enumerate(self.values):
            if np.isnan(row).all():
                continue
            cells = ["" if self.causal and j > i else number(v) for j, v in enumerate(row)]
            rows.append((self.rows.tick_label(i), *cells))
        return Table((corner, *names), tuple(rows))


@dataclass(frozen=True)
class Series:
    """One named line: y over x; `role` is the quantity whose color it has."""

    name: Label
    x: tuple[float, ...]
    y: tuple[float, ...]
    role: Role | None = None


@dataclass(frozen=True)
class Lines:
    """Lines over a common x axis."""

    series: tuple[Series, ...]
    x: Axis
    y: Axis
    alt: str
    title: str = ""

    def table(self) -> Table:
        """Return one row per point of each line."""
        rows = tuple(
            (s.name, self.x.cell(x), self.y.cell(y))
            for s in self.series
            for x, y in zip(s.x, s.y, strict=True)
        )
        return Table((gettext("series"), self.x.title(), self.y.title()), rows)


@dataclass(frozen=True)
class Bars:
    """Horizontal bars, one per label, in the order of `labels`; equal labels stay separate.

    rest: the mass of everything else, as a last, pale bar (None: no such bar).
    highlight: indices of the bars in the accent color.
    """

    labels: tuple[Label, ...]
    values: tuple[float, ...]
    label_axis: Axis
    value_axis: Axis
    alt: str
    title: str = ""
    rest: float | None = None
    rest_label: str = ""
    highlight: tuple[int, ...] = ()

    @property
    def rest_name(self) -> str:
        """The label of the last, pale bar."""
        return self.rest_label or gettext("everything else")

    def table(self) -> Table:
        """Return one row per bar."""
        cells = map(self.value_axis.cell, self.values)
        rows: list[tuple[Label, float]] = list(zip(self.labels, cells, strict=True))
        if self.rest is not None:
            rows.append((self.rest_name, self.value_axis.cell(self.rest)))
        return Table((self.label_axis.title(), self.value_axis.title()), tuple(rows))


@dataclass(frozen=True)
class Point:
    """A labeled point.

    group: determines color and marker.
    arrow_to: index of the point that an arrow from here leads to.
    show_label: write the label beside the point.
    tooltip: shown on hover.
    """

    label: Label
    x: float
    y: float
    group: str = ""
    arrow_to: int | None = None
    show_label: bool = True
    tooltip: str = ""


@dataclass(frozen=True)
class Scatter:
    """Labeled points; `equal` gives both axes one scale, so that distances can be compared."""

    points: tuple[Point, ...]
    x: Axis
    y: Axis
    alt: str
    title: str = ""
    equal: bool = True
    show_labels: bool = True
    interactive: Widget | None = None

    def table(self) -> Table:
        """Return one row per point."""
        rows = tuple((p.label, p.group, self.x.cell(p.x), self.y.cell(p.y)) for p in self.points)
        return Table((gettext("point"), gettext("group"), self.x.title(), self.y.title()), rows)


@dataclass(frozen=True)
class TokenStrip:
    """Labeled rows of tokens as HTML chips with ids.

    prompt_length: by row, the position where the continuation starts (None: no continuation).
    tokenizer_json: the tokenizer as JSON, for readers to encode their own text in the page.
    text: each row is a text, so its tokens have positions.
    values, value_axis: by row, a number for each token, which colors it; of an axis in percent
    from 0 to 1, else from the lowest to the highest.
    """

    rows: tuple[tuple[str, tuple[Token, ...]], ...]
    alt: str
    title: str = ""
    prompt_length: tuple[int | None, ...] = ()
    tokenizer_json: str = ""
    text: bool = True
    values: tuple[tuple[float, ...], ...] = ()
    value_axis: Axis = field(default_factory=lambda: Axis("value"))

    def shades(self) -> tuple[tuple[float, ...], ...]:
        """Return each value as a share of the scale, from 0 to 1."""
        numbers = [value for row in self.values for value in row]
        percent = self.value_axis.percent
        low, high = (0.0, 1.0) if percent else (min(numbers, default=0), max(numbers, default=0))
        width = (high - low) or 1.0
        return tuple(
            tuple(min(1.0, max(0.0, (value - low) / width)) for value in row) for row in self.values
        )

    def table(self) -> Table:
        """Return one row per token."""
        rows: list[tuple[TableValue | Label, ...]] = [
            (name, i, t.id, t, t.hex) for name, tokens in self.rows for i, t in enumerate(tokens)
        ]
        columns = _names("text", "position", "id", "token", "bytes")
        if self.values:
            numbers = [self.value_axis.cell(value) for row in self.values for value in row]
            rows = [(*row, number) for row, number in zip(rows, numbers, strict=True)]
            columns = (*columns, self.value_axis.title())
        return Table(columns, tuple(rows))


@dataclass(frozen=True)
class Passage:
    """Verbatim text of the model or the tokenizer, in a fixed-width block."""

    text: str
    alt: str
    title: str = ""

    def table(self) -> Table:
        """Return one row per line."""
        return Table(_names("line", "text"), tuple(enumerate(self.text.split("\n"), start=1)))


@dataclass(frozen=True)
class Block:
    """One box of the architecture diagram.

    part: the chapter it belongs to (`embeddings`, `attention`, ...).
    detail: its shape in words (`576 -> 1536`).
    parameters: number of its learned parameters.
    inside: part of the repeated layer.
    adds: its output is added to the residual stream.
    """

    name: str
    part: str
    detail: str = ""
    parameters: int = 0
    inside: bool = False
    adds: bool = False


@dataclass(frozen=True)
class Diagram:
    """The decoder in the order of the computation.

    repeat: the number of layers. highlight: the part of the boxes in the accent color.
    compact: small and without words. links: addresses that boxes lead to, by part.
    """

    blocks: tuple[Block, ...]
    repeat: int
    d_model: int
    alt: str
    title: str = ""
    highlight: str = ""
    compact: bool = False
    links: Mapping[str, str] = field(default_factory=dict)

    def table(self) -> Table:
        """Return one row per box."""
        rows = tuple(
            (b.name, with_groups(b.detail), b.parameters * (self.repeat if b.inside else 1))
            for b in self.blocks
        )
        return Table(_names("part", "shape", "parameters"), rows)


@dataclass(frozen=True)
class ChainStep:
    """One link of a chain of products: a vector or matrix to scale, or a function between them.

    A matrix of `rows` x `columns` maps a vector of length `rows` to one of length `columns`.
    Consecutive steps with a `lane` run in parallel until a step without one joins them.
    """

    name: str
    rows: int = 1
    columns: int = 1
    note: str = ""
    kind: Literal["vector", "matrix", "function"] = "matrix"
    lane: int | None = None

    def shape(self) -> str:
        """Return `576 × 1536` for a matrix, the length of a vector, nothing for a function."""
        if self.kind == "matrix":
            return with_groups(f"{self.rows} × {self.columns}")
        return with_groups(str(max(self.rows, self.columns))) if self.kind == "vector" else ""


@dataclass(frozen=True)
class MatrixChain:
    """Vectors and matrices to scale, left to right in the order of the computation."""

    steps: tuple[ChainStep, ...]
    alt: str
    title: str = ""

    def table(self) -> Table:
        """Return one row per step."""
        rows = tuple((s.name, gettext(s.kind), s.shape(), s.note) for s in self.steps)
        return Table(_names("step", "kind", "shape", "note"), rows)


@dataclass(frozen=True)
class Hand:
    """A hand of a clock: `angle` in radians, clockwise from twelve.

    name: written at its tip. role: its color. length: 1 reaches the rim.
    """

    angle: float
    name: Label = ""
    role: Role | None = None
    length: float = 1.0


@dataclass(frozen=True)
class Clock:
    """A clock face with its hands; in `Panels` small multiples, in `Frames` clocks that turn.

    past: angles at which the hand stood before, as dots on the rim. arc: draw the angle between
    the first two hands. note: written below the face.
    """

    hands: tuple[Hand, ...]
    alt: str
    title: str = ""
    past: tuple[float, ...] = ()
    arc: bool = False
    note: str = ""

    def table(self) -> Table:
        """Return one row per hand, its angle in degrees."""
        rows = tuple((hand.name or self.title, math.degrees(hand.angle)) for hand in self.hands)
        return Table(_names("hand", "angle (degrees)"), rows)


Panel = Heatmap | Lines | Bars | Scatter | Clock


@dataclass(frozen=True)
class Panels:
    """Small multiples: charts of one kind side by side, each with a title."""

    panels: tuple[Panel, ...]
    alt: str
    title: str = ""
    columns: int = 3
    interactive: SamplingData | Widget | None = None

    def table(self) -> Table:
        """Stack the tables of all panels; the first column has the panel's title."""
        tables = [panel.table() for panel in self.panels]
        columns = tables[0].columns
        same = all(table.columns == columns for table in tables)
        rows: list[tuple[TableValue | Label, ...]] = []
        for panel, table in zip(self.panels, tables, strict=True):
            if not same:
                rows.append((panel.title, *table.columns))
            rows.extend((panel.title, *row) for row in table.rows)
        panel_name = gettext("panel")
        return Table((panel_name, *columns) if same else (panel_name,), tuple(rows))


@dataclass(frozen=True)
class Frame:
    """One step of a sequence: its label, its picture, and a sentence about it."""

    label: Label
    picture: Panel | Panels
    note: str = ""
    token: Token | None = None
    stop: bool = False


@dataclass(frozen=True)
class Frames:
    """A sequence to step through; in print, all of it."""

    frames: tuple[Frame, ...]
    alt: str
    title: str = ""
    step: Literal["token", "layer", "C", "value", "word", "stage", "position"] = "token"
    interactive: Widget | None = None

    def table(self) -> Table:
        """Return one row per frame with its note; for stages, the numbers of all pictures."""
        if self.step == "stage":
            pictures = [f.picture for f in self.frames if not isinstance(f.picture, Panels)]
            return Panels(tuple(pictures), self.alt).table()
        rows = tuple((f.label, f.token or "", f.note) for f in self.frames)
        return Table(_names("frame", "token", "note"), rows)


@dataclass(frozen=True)
class MatplotlibFigure:
    """A picture that a function of the analysis draws with matplotlib, from data alone.

    draw: a function of a module, called with an empty `matplotlib.figure.Figure` and `data`.
    data: what it draws, such as the result. numbers: the table of the picture.
    width, height: in CSS pixels; wider than 370 scrolls on a phone.
    """

    draw: Callable[[Any, Any], None]
    data: Any
    numbers: Table
    alt: str
    title: str = ""
    width: int = 370
    height: int = 280

    def __post_init__(self) -> None:
        """Reject functions whose picture could change without their code or data."""
        name = getattr(self.draw, "__qualname__", "")
        if not inspect.isfunction(self.draw) or name != self.draw.__name__ or name == "<lambda>":
            raise ValueError(
                "draw should be a function of a module, which gets all it needs in data"
            )

    def table(self) -> Table:
        """Return the table of the picture's numbers."""
        return self.numbers


Chart = Panel | Panels
Picture = Chart | Diagram | MatrixChain | MatplotlibFigure
"""A figure that is a single drawing."""
Figure = Picture | Frames | TokenStrip | Passage | Table


def _names(*messages: str) -> tuple[str, ...]:
    return tuple(map(gettext, messages))
