"""Texts in pictures: safe and short labels, their widths, and formatted numbers."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import takewhile

from layerbook.core.figures import Axis, Label, label_text
from layerbook.core.language import localized
from layerbook.core.text import NARROW_SPACE
from layerbook.core.tokens import Token

SANS = (
    "system-ui, -apple-system, 'Segoe UI', 'Noto Sans', Roboto, 'Helvetica Neue', "
    "'Liberation Sans', Arial, sans-serif"
)
MONO = (
    "ui-monospace, 'Cascadia Code', 'SF Mono', Menlo, Consolas, 'DejaVu Sans Mono', "
    "'Liberation Mono', monospace"
)

FONT_SIZE = 13.5
SMALL_FONT_SIZE = 13.0

_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def printable(label: Label, max_columns: int = 0) -> str:
    """Return a label on one line, in characters that XML allows.

    It is cut to `max_columns` columns with an ellipsis (0: not cut).
    """
    characters = "".join(_printable(char) for char in label_text(label))
    return shorten(characters, max_columns) if max_columns else characters


def has_token_labels(axis: Axis) -> bool:
    """Return whether the axis is labeled with tokens, which have a monospaced font."""
    return any(isinstance(label, Token) for label in axis.labels)


def shorten(text: str, max_columns: int) -> str:
    """Return the text cut to `max_columns` columns with an ellipsis; wide characters count two."""
    if column_count(text) <= max_columns:
        return text
    fitting = ""
    for char in text:
        if column_count(fitting + char) > max_columns - 1:
            break
        fitting += char
    return fitting + "…"


def shorten_start(text: str, max_columns: int) -> str:
    """Return the end of the text, `max_columns` columns with an ellipsis before it."""
    return shorten(text[::-1], max_columns)[::-1]


def column_count(text: str) -> int:
    """Return the number of columns that the text takes in a monospaced font."""
    return sum(_char_columns(char) for char in text)


def pixel_width(
    text: str, size: float = SMALL_FONT_SIZE, *, mono: bool = False, bold: bool = False
) -> float:
    """Return an upper estimate of the width of the text in pixels: the reader's font is unknown."""
    if mono:
        return 0.61 * size * column_count(text)
    return size * sum(map(_em_width, text)) * (1.13 if bold else 1.0)


def max_width(texts: Iterable[str], *, mono: bool = False, bold: bool = False) -> float:
    """Return the width of the widest text in pixels, 0 if there is none."""
    return max((pixel_width(text, mono=mono, bold=bold) for text in texts), default=0.0)


def format_number(value: float, *, keep_zeros: bool = False) -> str:
    """Return the number in three significant digits: `0.617`, `1,540`, `−2.5`, `3.1×10⁻⁵`.

    keep_zeros: also zeros at the end: `−2.50`.
    """
    if not math.isfinite(value):
        return "–" if math.isnan(value) else ("∞" if value > 0 else "−∞")
    return _typeset(_three_digits(value, keep_zeros=keep_zeros))


def format_percent(number: str) -> str:
    """Return a number of hundredths with its sign: `61.7` becomes `61.7 %`."""
    return f"{number}{NARROW_SPACE}%" if any(map(str.isdigit, number)) else number


def format_values(values: Sequence[float], *, percent: bool = False) -> list[str]:
    """Return each number in three significant digits, or all in more if they would look equal.

    If one has decimals and three digits, the others keep their zeros: `0.500` beside `0.617`.
    percent: the numbers are shares of one: 0.617 becomes `61.7 %`.
    """
    if percent:
        return list(map(format_percent, format_values([100 * value for value in values])))
    keep_zeros = any(_needs_three_digits(value) for value in values)
    texts = [format_number(value, keep_zeros=keep_zeros) for value in values]
    finite = [value for value in values if math.isfinite(value)]
    low, high = min(finite, default=0.0), max(finite, default=0.0)
    is_noise = high - low < 1e-9 * max(abs(low), abs(high))
    finite_texts = {text for text, value in zip(texts, values, strict=True) if value in finite}
    if low < high and len(finite_texts) == 1 and not is_noise:
        return format_numbers(values, high - low)
    return texts


def format_numbers(
    values: Sequence[float], resolution: float, *, grouped: bool = True, percent: bool = False
) -> list[str]:
    """Return all numbers in one notation, precise to a twentieth of `resolution`.

    grouped: large numbers are written in groups of three digits. percent: as in `format_values`.
    """
    if percent:
        hundredths = format_numbers([100 * value for value in values], 100 * resolution)
        return list(map(format_percent, hundredths))
    finite = [value for value in values if math.isfinite(value)]
    for notation in _notations(max(map(abs, finite), default=0.0)):
        numerals = [notation(value) for value in finite]
        if all(
            abs(_parse_number(w) - v) <= resolution / 20
            for w, v in zip(numerals, finite, strict=True)
        ):
            break
    texts = (notation(value) if math.isfinite(value) else "" for value in values)
    return [
        _typeset(text if grouped else text.replace(",", "")) if text else format_number(value)
        for text, value in zip(texts, values, strict=True)
    ]


def _notations(largest: float) -> Iterator[Callable[[float], str]]:
    """Yield ways to write numbers with Python's digits, from the shortest to the exact one."""
    yield _three_digits
    if 1e-3 <= largest < 1e12:
        yield from (f"{{:,.{decimals}f}}".format for decimals in range(16))
    yield from (f"{{:.{digits}e}}".format for digits in range(17))


def _three_digits(value: float, *, keep_zeros: bool = False) -> str:
    size = abs(value)
    if size and (size >= 999_500 or size < 0.000_95):
        return f"{value:.1e}"
    if size >= 99.95:
        return f"{value:,.0f}"
    return f"{value:#.3g}" if keep_zeros and size else f"{value:.3g}"


def _needs_three_digits(value: float) -> bool:
    """Return whether a number has decimals, and no zero at the end of its three digits."""
    if not math.isfinite(value) or not 0.000_95 <= abs(value) < 99.95:
        return False
    return _three_digits(value) == _three_digits(value, keep_zeros=True)


def _parse_number(digits: str) -> float:
    return float(digits.replace(",", ""))


def _typeset(digits: str) -> str:
    """Typeset a number that Python has written: `1.0e-06` becomes `10⁻⁶`."""
    mantissa, is_power, exponent = digits.partition("e")
    if is_power:
        mantissa = mantissa.rstrip("0").rstrip(".") if "." in mantissa else mantissa
        power = f"10{str(int(exponent)).translate(_SUPERSCRIPT)}"
        factor = {"1": "", "-1": "-"}.get(mantissa, f"{mantissa}×")
        digits = f"{factor}{power}" if float(mantissa) else "0"
    return localized(digits).replace("-", "−")


def shorten_apart(labels: Sequence[Label], max_columns: int) -> list[str]:
    """Shorten labels to `max_columns` on one line, keeping different labels different.

    A label that ends in a token after its context loses its beginning. So do labels that begin
    with the same words.
    """
    full = [printable(label) for label in labels]
    cut = [
        (shorten_start if _ends_in_token(label) else shorten)(printable(label), max_columns)
        for label in labels
    ]
    for short in set(cut):
        same_text = {label for label, its_cut in zip(full, cut, strict=True) if its_cut == short}
        if len(same_text) > 1:
            distinct = _cut_beginnings(sorted(same_text), max_columns)
            cut = [distinct.get(label, its_cut) for label, its_cut in zip(full, cut, strict=True)]
    return cut


def _ends_in_token(label: Label) -> bool:
    return isinstance(label, tuple) and isinstance(label[-1], Token)


def _cut_beginnings(labels: Sequence[str], max_columns: int) -> dict[str, str]:
    """Return different labels without their common beginning, or numbered if they are too long."""
    common = sum(
        1 for _ in takewhile(lambda chars: len(set(chars)) == 1, zip(*labels, strict=False))
    )
    start = max(common - max_columns // 3, 1)
    apart = {label: shorten(f"…{label[start:]}", max_columns) for label in labels}
    if len(set(apart.values())) == len(labels):
        return apart
    columns = max_columns - len(f" {len(labels)}")
    return {label: f"{shorten(label, columns)} {n}" for n, label in enumerate(labels, start=1)}


def format_count(value: int) -> str:
    """Return a number of parameters compactly: `576`, `59 k`, `0.98 M`, `28.3 M`."""
    return localized(_count(value))


def _count(value: int) -> str:
    if value >= 100_000:
        millions = value / 1e6
        decimals = 2 if millions < 1 else 1 if millions < 100 else 0
        return f"{millions:,.{decimals}f} M"
    return f"{value / 1000:.0f} k" if value >= 10_000 else f"{value:,}"


def label_step(length: int, max_labels: int) -> int:
    """Return the interval at which at most `max_labels` of `length` labels are written.

    It is 1, 2, 5, 10, 20, ...
    """
    nice = (factor * int(10**power) for power in range(9) for factor in (1, 2, 5))
    return next(n for n in nice if math.ceil(length / n) <= max(max_labels, 1))


def _printable(char: str) -> str:
    if char.isprintable() or char == NARROW_SPACE:
        return char
    return {"\n": "⏎", "\t": "⇥", "\r": "⇤"}.get(char, f"<U+{ord(char):04X}>")


def _em_width(char: str) -> float:
    """Return the width of a character in a wide sans serif (DejaVu Sans), in ems."""
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
