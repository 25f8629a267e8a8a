"""Text in pictures: labels made safe and short, their width on paper, and numbers as people write
them.
"""

from __future__ import annotations

import math
import unicodedata

from layerbook.core.figures import Axis, Label, label_text
from layerbook.core.tokens import Token

SANS = (
    "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Roboto, 'Helvetica Neue', "
    "'Liberation Sans', Arial, sans-serif"
)
MONO = (
    "ui-monospace, 'Cascadia Code', 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', "
    "'Liberation Mono', monospace"
)

FONT_SIZE = 12.5
SMALL_FONT_SIZE = 11.5
TINY = 10.5

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def printable(label: Label, max_columns: int = 0) -> str:
    """The label on one line, in characters that XML can carry, cut to `max_columns` columns with an
    ellipsis (0: uncut).
    """
    shown = "".join(_printable(char) for char in label_text(label))
    return shorten(shown, max_columns) if max_columns else shown


def has_token_labels(axis: Axis) -> bool:
    """True if the axis is labelled with tokens, which have a fixed-width face."""
    return any(isinstance(label, Token) for label in axis.labels)


def shorten(text: str, max_columns: int) -> str:
    """The text cut to `max_columns` columns, an ellipsis for what was cut; wide characters count
    two.
    """
    if column_count(text) <= max_columns:
        return text
    fitting = ""
    for char in text:
        if column_count(fitting + char) > max_columns - 1:
            break
        fitting += char
    return fitting + "…"


def column_count(text: str) -> int:
    """The number of columns that the text takes in a fixed-width face."""
    return sum(_char_columns(char) for char in text)


def pixel_width(
    text: str, size: float = FONT_SIZE, mono: bool = False, bold: bool = False
) -> float:
    """About how wide the text will be, in pixels, erring on the wide side: the reader's font is not
    known here.
    """
    if mono:
        return 0.61 * size * column_count(text)
    return size * sum(map(_em_width, text)) * (1.13 if bold else 1.0)


def format_number(value: float) -> str:
    """The number in three significant digits: `0.617`, `1,540`, `−2.5`, `3.1×10⁻⁵`."""
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    size = abs(value)
    if size and (size >= 999_500 or size < 0.000_95):
        mantissa, _, exponent = (
            f"{value:.2g}".partition("e")
            if "e" in f"{value:.2g}"
            else f"{value:.1e}".partition("e")
        )
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        power = "10" + str(int(exponent)).translate(_SUPERSCRIPT)
        text = (
            f"{mantissa}×{power}" if mantissa not in {"1", "-1"} else mantissa.replace("1", power)
        )
    elif size >= 100:
        text = f"{value:,.0f}"
    else:
        text = f"{value:.3g}"
    return text.replace("-", "−")


def format_count(value: int) -> str:
    """A count of parameters, compactly: `576`, `59 k`, `0.98 M`, `28.3 M`."""
    if value >= 100_000:
        millions = value / 1e6
        return (
            f"{millions:.2f} M"
            if millions < 1
            else f"{millions:.1f} M"
            if millions < 100
            else f"{millions:,.0f} M"
        )
    return f"{value / 1000:.0f} k" if value >= 10_000 else f"{value:,}"


def label_step(length: int, max_labels: int) -> int:
    """Every how many of `length` labels to write so that at most `max_labels` are written: 1, 2, 5,
    10, 20, ...
    """
    nice = (factor * int(10**power) for power in range(9) for factor in (1, 2, 5))
    return next(n for n in nice if math.ceil(length / n) <= max(max_labels, 1))


def _printable(char: str) -> str:
    if char.isprintable():
        return char
    return {"\n": "⏎", "\t": "⇥", "\r": "⇤"}.get(char, f"<U+{ord(char):04X}>")


def _em_width(char: str) -> float:
    """The width of a character in a wide sans serif (DejaVu Sans), in units of the font's size."""
    if char in "iljtf.,:;'|!()[] ":
        return 0.36
    if char in "mwMW@%":
        return 0.95
    if char in "−×→←↑↓⊕+=<>~":
        return 0.84
    if char.isascii() and (char.isdigit() or char.isupper()):
        return 0.64 if char.isdigit() else 0.70
    return 0.60 * _char_columns(char)


def _char_columns(char: str) -> int:
    if unicodedata.combining(char) or char in "\N{ZERO WIDTH JOINER}\N{VARIATION SELECTOR-16}":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1
