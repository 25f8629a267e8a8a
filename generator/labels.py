"""What all figures are made of: labels, the axes that carry them, and the tables that list the same numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from generator.tokens import Token, visible

Cell = str | float | int
Label = str | Token


def label_text(label: Label) -> str:
    """The label as a string, tokens made visible."""
    return visible(label) if isinstance(label, Token) else label


@dataclass(frozen=True)
class Table:
    """Plain rows under named columns; also a figure of its own."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell | Token, ...], ...]
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

    def step(self, index: int) -> str:
        """The name of one step."""
        return label_text(self.labels[index]) if self.labels else str(self.start + index)


@dataclass(frozen=True)
class Point:
    """A labelled point; `group` picks colour and marker, `to` draws an arrow from here to another point's index.

    named: write the label beside it. note: what else a reader is told who points at it.
    """

    label: str
    x: float
    y: float
    group: str = ""
    to: int | None = None
    named: bool = True
    note: str = ""


@dataclass(frozen=True)
class Patterns:
    """The attention of many layers and heads over the same tokens, for readers to explore behind a picture of one.

    weights [layers, heads, T(T+1)/2]: of each pattern the cells that exist, row by row. `start` is the index of the
    layer that the picture shows.
    """

    tokens: tuple[Token, ...]
    layers: tuple[int, ...]
    weights: NDArray[np.floating]
    start: int = 0
