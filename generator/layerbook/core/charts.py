"""Charts and axes that many analyses draw: probabilities, attention patterns, lines by layer."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from layerbook.core.figures import Axis, Heatmap, Label, Lines, Series
from layerbook.core.language import gettext, localized_percent
from layerbook.core.text import listed
from layerbook.core.tokens import Token, visible


def probability_axis(name: str = "") -> Axis:
    """Return an axis of probabilities or attention weights, in percent and in their color."""
    return Axis(name or gettext("probability"), percent=True, role="probability")


def token_axes(tokens: tuple[Token, ...]) -> tuple[Axis, Axis]:
    """Return the rows and columns of an attention pattern: queries by keys."""
    return (
        Axis(gettext("token that looks"), labels=tokens, role="query"),
        Axis(gettext("token it looks at"), labels=tokens, role="key"),
    )


def head_axes(layers: tuple[int, ...], heads: tuple[int, ...] = ()) -> tuple[Axis, Axis]:
    """Return the rows and columns of a map with one cell per head: heads by layers."""
    return (
        Axis(gettext("head"), labels=tuple(map(str, heads))),
        Axis(gettext("layer"), labels=tuple(map(str, layers))),
    )


def attention_heatmap(
    pattern: NDArray[np.floating],
    tokens: tuple[Token, ...],
    *,
    title: str = "",
    alt: str,
    annotate: bool = False,
) -> Heatmap:
    """Return the heatmap of an attention pattern [query, key], colored from 0 to 1."""
    rows, columns = token_axes(tokens)
    return Heatmap(
        pattern,
        rows,
        columns,
        value=gettext("attention"),
        alt=alt,
        title=title,
        scale=(0, 1),
        percent=True,
        annotate=annotate,
        causal=True,
    )


def strongest_keys(pattern: NDArray[np.floating], tokens: tuple[Token, ...]) -> str:
    """Return the two keys that get the most attention from the last token, for alt texts."""
    last = pattern[-1]
    best = np.argsort(-last, kind="stable")[:2]
    shares = [localized_percent(float(last[k])) for k in best]
    return listed(
        [
            gettext("{share} to {token} at {place}", share=share, token=visible(tokens[k]), place=k)
            for k, share in zip(best, shares, strict=True)
        ]
    )


def line(name: Label, y: ArrayLike, x: ArrayLike | None = None) -> Series:
    """Return a line through the values y [N], at x [N] or at 0, 1, 2, ..."""
    heights = np.asarray(y, dtype=np.float64)
    positions = np.asarray(np.arange(len(heights)) if x is None else x, dtype=np.float64)
    return Series(name, tuple(positions.tolist()), tuple(heights.tolist()))


def layer_lines(
    layers: tuple[int, ...], values: Mapping[Label, ArrayLike], y: Axis, *, title: str, alt: str
) -> Lines:
    """Return one line per name, its values by layer."""
    series = tuple(line(name, numbers, layers) for name, numbers in values.items())
    return Lines(series, Axis(gettext("layer")), y, alt, title)
