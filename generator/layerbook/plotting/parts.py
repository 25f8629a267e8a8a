"""Parts of figures that prose can point to: series, bars, points, boxes, and cells of heat maps.

A part with a name is a group with `data-part` in the drawing. A cell has no group: the drawing
states where its grids are, and the page outlines the cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from layerbook.core.errors import UsageError, did_you_mean
from layerbook.core.figures import (
    Axis,
    Bars,
    Diagram,
    Figure,
    Frames,
    Heatmap,
    Label,
    Lines,
    MatrixChain,
    Panels,
    Scatter,
)
from layerbook.plotting.text import printable

_MAX_LISTED = 12


@dataclass(frozen=True)
class Part:
    """A part of a figure: one with a name, or a cell, a row or a column of heat maps.

    grids: the numbers of the heat maps, among small multiples, that have this part; None for all.
    """

    name: str = ""
    row: int | None = None
    column: int | None = None
    grids: tuple[int, ...] | None = None


def find_part(figure: Figure, name: Label | None, column: Label | None, panel: str = "") -> Part:
    """Return the part with this name.

    In a heat map, a name is a row, a column alone is a column, and both together are a cell.
    panel: the title of one heat map among several. Raises UsageError if there is no such part.
    """
    names = list(dict.fromkeys(map(printable, _labels(figure))))
    if name is not None and column is None and not panel and printable(name) in names:
        return Part(printable(name))
    grids = list(_heatmaps(figure))
    titles = [grid.title for grid in grids]
    if panel and panel not in titles:
        raise _unknown("panel", panel, titles)
    numbers = [i for i, title in enumerate(titles) if panel in ("", title)]
    if not numbers:
        if column is not None:
            raise UsageError("it has no columns to point to")
        raise _unknown("part", printable(name or ""), names)
    if name is None and column is None:
        raise UsageError("it needs a row, a column or both")
    grid = grids[numbers[0]]
    rows, columns = grid.values.shape
    return Part(
        row=None if name is None else _index("row", name, grid.rows, rows),
        column=None if column is None else _index("column", column, grid.columns, columns),
        grids=tuple(numbers) if panel else None,
    )


def _index(kind: str, name: Label, axis: Axis, length: int) -> int:
    """Return the first step of an axis with this label."""
    labels = [printable(axis.tick_label(i)) for i in range(length)]
    if printable(name) not in labels:
        raise _unknown(kind, printable(name), labels)
    return labels.index(printable(name))


def _unknown(kind: str, name: str, known: list[str]) -> UsageError:
    listed = ", ".join(known[:_MAX_LISTED]) + (", ..." if len(known) > _MAX_LISTED else "")
    available = f"available: {listed}" if known else "it has none"
    return UsageError(f"the figure has no {kind} {name!r}{did_you_mean(name, known)}; {available}")


def _labels(figure: Figure) -> Iterator[Label]:
    """Yield the labels of all parts: what each chart draws as groups, and small multiples."""
    match figure:
        case Panels():
            yield from (panel.title for panel in figure.panels if panel.title)
            for panel in figure.panels:
                yield from _labels(panel)
        case Frames():
            for frame in figure.frames:
                yield from _labels(frame.picture)
        case Lines():
            yield from (series.name for series in figure.series)
        case Bars():
            yield from figure.labels
            yield from () if figure.rest is None else (figure.rest_name,)
        case Scatter():
            yield from (point.label for point in figure.points if point.label)
        case Diagram():
            yield from (block.name for block in figure.blocks)
        case MatrixChain():
            yield from (step.name for step in figure.steps)


def _heatmaps(figure: Figure) -> Iterator[Heatmap]:
    """Yield the heat maps of a figure; the last one of a sequence has the labels of all."""
    match figure:
        case Heatmap():
            yield figure
        case Panels():
            yield from (panel for panel in figure.panels if isinstance(panel, Heatmap))
        case Frames():
            yield from _heatmaps(figure.frames[-1].picture)
