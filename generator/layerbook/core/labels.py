"""What all figures are made of: labels, the axes that carry them, and the tables that list the same numbers."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from layerbook.core.tokens import Token, visible

TableValue = str | float | int
Label = str | Token


def chat_suffix(prompt: object) -> str:
    """What tells a chat from the same words alone, for titles: the spec of a bare prompt is a string."""
    return "" if isinstance(prompt, str) else " in a chat"


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
