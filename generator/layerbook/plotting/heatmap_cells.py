"""Draw the cells of a heat map as an image, or as rectangles with their values."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from numpy.typing import NDArray

from layerbook.core.figures import Heatmap, label_text
from layerbook.core.language import localized
from layerbook.plotting import colors, svg, text
from layerbook.plotting.canvas import Canvas
from layerbook.plotting.svg import Area

Scale = tuple[float, float]

_MIN_RASTER_SIDE = 160
_RASTER_PIXEL = 1.5


def float_values(figure: Heatmap) -> NDArray[np.float64]:
    """Return the values [rows, columns] as floats."""
    return np.asarray(figure.values, dtype=np.float64)


def absent_cells(figure: Heatmap) -> NDArray[np.bool_]:
    """Return which cells [rows, columns] have no color: not causal, not a number, or masked."""
    missing = np.isnan(float_values(figure)) | masked_cells(figure)
    if figure.causal:
        missing |= np.triu(np.ones(figure.values.shape, dtype=bool), k=1)
    return missing


def masked_cells(figure: Heatmap) -> NDArray[np.bool_]:
    """Return which cells [rows, columns] are masked: minus infinity in a map with a mask."""
    return np.isneginf(float_values(figure)) & figure.masked


def finite_values(figure: Heatmap) -> NDArray[np.float64]:
    """Return the finite values of the existing cells, in one row."""
    values = float_values(figure)
    return values[np.isfinite(values) & ~absent_cells(figure)]


def color_map(figure: Heatmap) -> NDArray[np.uint8]:
    """Return colors [255 or 256, RGBA] from the low end of the scale to the high end."""
    return colors.diverging() if figure.diverging else colors.sequential()


def shade_indices(figure: Heatmap, scale: Scale) -> NDArray[np.intp]:
    """Return the index of each cell's color [rows, columns].

    Values beyond the scale are clipped.
    """
    low, high = scale
    share = (np.where(absent_cells(figure), low, float_values(figure)) - low) / (high - low)
    return np.round((len(color_map(figure)) - 1) * np.clip(share, 0, 1)).astype(np.intp)


def cell_pixels(figure: Heatmap, scale: Scale, cell: tuple[float, float]) -> NDArray[np.uint8]:
    """Return the map as pixels [rows times m, columns times n, RGBA], the first row on top.

    Viewers smooth an image that is scaled down: several pixels to a cell keep its edges sharp.
    """
    cell_values: NDArray[np.uint8] = color_map(figure)[shade_indices(figure, scale)]
    cell_values[absent_cells(figure)] = 0
    n, m = (max(1, _MIN_RASTER_SIDE // max(figure.values.shape)),) * 2
    if min(cell) < 3:
        n, m = (max(1, round(edge / _RASTER_PIXEL)) for edge in cell)
    return cell_values.repeat(m, axis=0).repeat(n, axis=1)


def cell_texts(figure: Heatmap) -> NDArray[np.object_]:
    """Return the values as text [rows, columns], or the words that are there in their place.

    All have the same number of decimals; shares are in whole percent, or in tenths below one.
    """
    if figure.cells:
        words = np.empty(figure.values.shape, dtype=object)
        words[:] = [[text.printable(label_text(cell)) for cell in row] for row in figure.cells]
        return words
    values, finite = float_values(figure), finite_values(figure)
    write = _percent if figure.percent else _with_decimals(float(np.abs(finite).max(initial=0.0)))
    if not figure.percent and finite.size and write(finite.min()) == write(finite.max()):
        same = text.format_values(np.where(absent_cells(figure), np.nan, values).ravel().tolist())
        return np.array(same, dtype=object).reshape(values.shape)
    return np.vectorize(write, otypes=[object])(values)


def _with_decimals(largest: float) -> Callable[[float], str]:
    """Return a function that writes numbers so that the largest has three digits."""
    decimals = 2 if largest < 10 else 1 if largest < 100 else 0

    def write(value: float) -> str:
        if not 0.01 <= largest < 100_000 or not np.isfinite(value) or value == 0:
            return text.format_number(value)
        digits = localized(f"{value:,.{decimals}f}").replace("-", "−")
        return digits if set(digits) & set("123456789") else digits.lstrip("−")

    return write


def _percent(share: float) -> str:
    if not np.isfinite(share):
        return text.format_percent(text.format_number(share))
    digits = 1 if 0.0005 <= abs(share) < 0.00995 else 0
    return text.format_percent(localized(f"{100 * share:.{digits}f}").replace("-", "−"))


def text_width(figure: Heatmap) -> float:
    """Return the width in pixels of the longest text in a cell."""
    return text.max_width(cell_texts(figure)[~absent_cells(figure)])


def draw_annotated(canvas: Canvas, figure: Heatmap, scale: Scale, area: Area) -> None:
    """Draw the map with values in legible ink in its cells."""
    import seaborn as sns  # a second of start-up, which books without written values need not pay

    axes = canvas.add_axes(area)
    shades, shade = color_map(figure), shade_indices(figure, scale)
    sns.heatmap(
        shade,
        ax=axes,
        vmin=-0.5,
        vmax=len(shades) - 0.5,
        cmap=ListedColormap(shades[:, :3] / 255),
        mask=absent_cells(figure),
        annot=cell_texts(figure),
        fmt="",
        annot_kws={
            "fontsize": text.SMALL_FONT_SIZE,
            "va": "center_baseline",
            "rotation_mode": "anchor",
            "parse_math": False,
        },
        cbar=False,
        xticklabels=False,
        yticklabels=False,
        clip_on=False,
    )
    axes.axis("off")
    axes.collections[0].set_gid(svg.MAP_GID)
    inks = colors.text_colors(shades)
    for label in axes.texts:
        column, row = (int(at) for at in label.get_position())
        label.set_color(inks[shade[row, column]])


def color_scale(figures: Sequence[Heatmap]) -> Scale:
    """Return the fixed scale, or the range of all values; centered on zero for diverging maps."""
    ends = [figure.scale for figure in figures if figure.scale]
    if len(ends) < len(figures):
        ends += [(v.min(), v.max()) for v in map(finite_values, figures) if v.size]
    low = float(min((low for low, _ in ends), default=0))
    high = float(max((high for _, high in ends), default=1))
    if figures[0].diverging:
        high = max(abs(low), abs(high))
        low = -high
    return (low, high) if high > low else (low - 0.5, high + 0.5)
