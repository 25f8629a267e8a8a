"""The named filters of the book: the only arithmetic and rounding in prose and templates.

Numbers may be Python's or numpy's. A value of the wrong kind is a TypeError that names the filter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real

from layerbook.core.language import gettext, localized
from layerbook.core.text import NARROW_SPACE, listed
from layerbook.site.prose.markup import Inline, escape_text
from layerbook.site.tokens_html import as_token, chip, verbatim

MAX_DIGITS = 20
MINUS = "\N{MINUS SIGN}"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_COUNTS = ((1e9, "B"), (1e6, "M"), (1e3, "k"))
_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def _as_float(value: object, name: str, digits: object = 0) -> float:
    """Return the value of a filter as a float. Raises TypeError for the value or the digits."""
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} needs a number, not {value!r}")
    if type(digits) is not int or not 0 <= digits <= MAX_DIGITS:
        raise TypeError(f"{name} takes from 0 to {MAX_DIGITS} digits, not {digits!r}")
    return float(value)


def _fixed(value: float, digits: int) -> str:
    text = localized(f"{value:,.{digits}f}")
    if _rounds_to_zero(value, digits):
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def _rounds_to_zero(value: float, digits: int) -> bool:
    return float(f"{value:.{digits}f}") == 0


def _non_finite(value: float) -> str | None:
    if math.isnan(value):
        return gettext("undefined")
    return (MINUS if value < 0 else "") + "∞" if math.isinf(value) else None


def percent(value: object, digits: int = 1) -> str:
    """Format a share: 0.617 -> `61.7 %`. Never rounds to 0 or 100: `< 0.1 %`, `> 99.9 %`."""
    share = _as_float(value, "percent", digits)
    if special := _non_finite(share):
        return special
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", f"{NARROW_SPACE}%")
    step = 10.0**-digits
    bound, number = "", 100 * share
    if _rounds_to_zero(number, digits):
        bound, number = ("<", step) if share > 0 else (">", -step)
    elif share < 1 and _fixed(number, digits) == _fixed(100, digits):
        bound, number = ">", 100 - step
    return f"{bound}{NARROW_SPACE if bound else ''}{_fixed(number, digits)}{NARROW_SPACE}%"


def num(value: object, digits: int = 2) -> str:
    """Format with decimals: 3.14159 -> `3.14`; what would round to zero as `4 × 10⁻⁴`."""
    number = _as_float(value, "num", digits)
    if special := _non_finite(number):
        return special
    if number and _rounds_to_zero(number, digits):
        return scientific(number, 1)
    return _fixed(number, digits)


def integer(value: object) -> str:
    """Format a whole number in groups of three: 134515008 -> `134,515,008`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"integer needs a whole number, not {value!r}")
    return localized(f"{int(value):,}").replace("-", MINUS)


def sign(value: object, digits: int = 2) -> str:
    """Format like `num`, always with a sign: `+0.31`, `−0.31`."""
    text = num(value, digits)
    return f"+{text}" if _as_float(value, "sign") > 0 else text


def scientific(value: object, digits: int = 2) -> str:
    """Format with significant digits and a power of ten: 1.7e-6 -> `1.7 × 10⁻⁶`."""
    number = _as_float(value, "scientific", digits)
    if special := _non_finite(number):
        return special
    if number == 0:
        return "0"
    mantissa, exponent = f"{number:.{max(digits, 1) - 1}e}".split("e")
    power = str(int(exponent)).translate(_SUPERSCRIPT)
    mantissa = localized(mantissa).replace("-", MINUS)
    return f"{mantissa}{NARROW_SPACE}×{NARROW_SPACE}10{power}"


def _scaled(number: float, units: Iterable[tuple[float, str]], smallest: str) -> str:
    if special := _non_finite(number):
        return special
    for size, unit in units:
        # 999 950 rounds to 1.0 M.
        if abs(number) >= size * 0.99995:
            digits = 0 if number % size == 0 else 1
            return f"{_fixed(number / size, digits)}{NARROW_SPACE}{unit}"
    text = _fixed(number, 0 if number.is_integer() else 1)
    return f"{text}{NARROW_SPACE}{smallest}" if smallest else text


def compact(value: object) -> str:
    """Shorten a large count: 134515008 -> `134.5 M`."""
    return _scaled(_as_float(value, "compact"), _COUNTS, "")


def bytes_(value: object) -> str:
    """Format a size in decimal units: 98362432 -> `98.4 MB`."""
    return _scaled(_as_float(value, "bytes"), _BYTES, "B")


def listing(items: Iterable[object]) -> Inline:
    """Join as `a, b and c`; tokens and other markup keep their looks."""
    parts = [
        item if isinstance(item, Inline) else Inline(escape_text(str(item)), str(item))
        for item in items
    ]
    return Inline(
        listed([part.html for part in parts], len(parts)),
        listed([part.text for part in parts], len(parts)),
        tuple(anchor for part in parts for anchor in part.anchors),
    )


def ids(tokens: Iterable[object]) -> Inline:
    """List the ids of tokens, or plain integers: `[19556, 28, 2260, 17]`."""
    numbers = [
        int(token) if isinstance(token, Integral) else as_token(token).id for token in tokens
    ]
    return Inline(f'<code class="ids">{numbers}</code>', str(numbers))


def tokens(items: Iterable[object]) -> Inline:
    """Show tokens as a row of chips."""
    chips = [chip(as_token(item)) for item in items]
    html = "".join(chip.html for chip in chips)
    return Inline(f'<span class="tokens">{html}</span>', "|".join(chip.text for chip in chips))


def visible(value: object) -> Inline:
    """Show text with its whitespace drawn (`·2·+·2`), and tokens as chips."""
    if isinstance(value, str):
        return verbatim(value)
    if isinstance(value, Iterable) and not hasattr(value, "id") and not hasattr(value, "token"):
        return tokens(value)
    return chip(as_token(value))


_NUMBERS = (percent, num, integer, sign, scientific, compact, bytes_)
FILTERS: dict[str, Callable[..., str | Inline]] = {
    function.__name__.removesuffix("_"): function
    for function in (*_NUMBERS, listing, ids, tokens, visible)
}
"""The filters by the names that prose has for them."""
