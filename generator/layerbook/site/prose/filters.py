"""The named filters of the book: the only arithmetic and rounding that prose and templates may do.

Numbers may be Python's or numpy's. A value of the wrong kind is a TypeError that names the filter.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from numbers import Integral, Real

from layerbook.site.prose.markup import Inline, escape_text
from layerbook.site.tokens_html import as_token, chip, verbatim

NARROW_SPACE = "\N{NARROW NO-BREAK SPACE}"
MINUS = "\N{MINUS SIGN}"
_SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_COUNTS = ((1e9, "B"), (1e6, "M"), (1e3, "k"))
_BYTES = ((1e9, "GB"), (1e6, "MB"), (1e3, "kB"))


def _as_float(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, Real):
        raise TypeError(f"{name} needs a number, not {value!r}")
    return float(value)


def _fixed(value: float, digits: int) -> str:
    text = f"{value:,.{digits}f}"
    if float(text.replace(",", "")) == 0:
        text = text.lstrip("-")
    return text.replace("-", MINUS)


def _non_finite(value: float) -> str | None:
    if math.isnan(value):
        return "undefined"
    return (MINUS if value < 0 else "") + "∞" if math.isinf(value) else None


def percent(value: object, digits: int = 1) -> str:
    """A share as a percentage: 0.617 -> `61.7 %`. Never rounds to nothing or to all: `< 0.1 %`, `> 99.9 %`."""
    share = _as_float(value, "percent")
    if special := _non_finite(share):
        return special
    if share in (0.0, 1.0):
        return f"{share:.0%}".replace("%", f"{NARROW_SPACE}%")
    step = 10.0**-digits
    if _fixed(100 * abs(share), digits) == _fixed(0, digits):
        return (
            f"<{NARROW_SPACE}{_fixed(step, digits)}{NARROW_SPACE}%"
            if share > 0
            else f">{NARROW_SPACE}{_fixed(-step, digits)}{NARROW_SPACE}%"
        )
    if share < 1 and _fixed(100 * share, digits) == _fixed(100, digits):
        return f">{NARROW_SPACE}{_fixed(100 - step, digits)}{NARROW_SPACE}%"
    return f"{_fixed(100 * share, digits)}{NARROW_SPACE}%"


def num(value: object, digits: int = 2) -> str:
    """A number with so many decimals: 3.14159 -> `3.14`; what would round to zero is written as `4 × 10⁻⁴`."""
    number = _as_float(value, "num")
    if special := _non_finite(number):
        return special
    text = _fixed(number, digits)
    return (
        scientific(number, 1)
        if number and float(text.replace(",", "").replace(MINUS, "-")) == 0
        else text
    )


def integer(value: object) -> str:
    """A whole number in groups of three: 134515008 -> `134,515,008`."""
    if isinstance(value, bool) or not isinstance(value, Integral):
        raise TypeError(f"integer needs a whole number, not {value!r}")
    return f"{int(value):,}".replace("-", MINUS)


def sign(value: object, digits: int = 2) -> str:
    """A number with its sign always written: `+0.31`, `−0.31`."""
    text = num(value, digits)
    return f"+{text}" if _as_float(value, "sign") > 0 else text


def scientific(value: object, digits: int = 2) -> str:
    """So many significant digits and a power of ten: 1.7e-6 -> `1.7 × 10⁻⁶`."""
    number = _as_float(value, "scientific")
    if special := _non_finite(number):
        return special
    if number == 0:
        return "0"
    mantissa, exponent = f"{number:.{max(digits, 1) - 1}e}".split("e")
    power = str(int(exponent)).translate(_SUPERSCRIPT)
    return f"{mantissa.replace('-', MINUS)}{NARROW_SPACE}×{NARROW_SPACE}10{power}"


def _scaled(number: float, steps: Iterable[tuple[float, str]], smallest: str) -> str:
    if special := _non_finite(number):
        return special
    for size, unit in steps:
        # 999 950 is already 1.0 M once it is rounded to one decimal.
        if abs(number) >= size * 0.99995:
            return f"{_fixed(number / size, 1)}{NARROW_SPACE}{unit}"
    whole = _fixed(number, 0) if float(number).is_integer() else _fixed(number, 1)
    return f"{whole}{NARROW_SPACE}{smallest}" if smallest else whole


def compact(value: object) -> str:
    """A large count in short: 134515008 -> `134.5 M`."""
    return _scaled(_as_float(value, "compact"), _COUNTS, "")


def bytes_(value: object) -> str:
    """A size, decimal units: 98362432 -> `98.4 MB`."""
    return _scaled(_as_float(value, "bytes"), _BYTES, "B")


def listing(items: Iterable[object]) -> Inline:
    """`a, b and c`; tokens and other markup keep their looks."""
    parts = [
        item if isinstance(item, Inline) else Inline(escape_text(str(item)), str(item))
        for item in items
    ]

    def joined(texts: list[str]) -> str:
        return (
            " and ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)
        )

    return Inline(joined([p.html for p in parts]), joined([p.text for p in parts]))


def ids(tokens: Iterable[object]) -> Inline:
    """The ids of tokens, or plain integers, as a list: `[19556, 28, 2260, 17]`."""
    numbers = [int(t) if isinstance(t, Integral) else as_token(t).id for t in tokens]
    return Inline(f'<code class="ids">{numbers}</code>', str(numbers))


def tokens(items: Iterable[object]) -> Inline:
    """A row of token chips."""
    chips = [chip(as_token(item)) for item in items]
    return Inline(
        f'<span class="tokens">{"".join(c.html for c in chips)}</span>',
        "|".join(c.text for c in chips),
    )


def visible(value: object) -> Inline:
    """Text with its whitespace drawn (`·2·+·2`); a token, or several, as chips."""
    if isinstance(value, str):
        return verbatim(value)
    if isinstance(value, Iterable) and not hasattr(value, "id") and not hasattr(value, "token"):
        return tokens(value)
    return chip(as_token(value))


FILTERS: dict[str, Callable[..., str | Inline]] = {
    "percent": percent,
    "num": num,
    "integer": integer,
    "sign": sign,
    "scientific": scientific,
    "compact": compact,
    "bytes": bytes_,
    "listing": listing,
    "ids": ids,
    "tokens": tokens,
    "visible": visible,
}
"""What prose may write after a bar."""
