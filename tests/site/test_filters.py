"""Edge cases of the filters in prose."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from layerbook.core.tokens import Token
from layerbook.site.prose import filters


def plain(text: str) -> float:
    """Return the number that a percentage shows."""
    return float(re.sub(r"[^0-9.−]", "", text).replace("−", "-"))


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.617, "61.7 %"),
        (0.99996, "> 99.9 %"),
        (0.00001, "< 0.1 %"),
        (0.9995, "> 99.9 %"),
        (0.9994, "99.9 %"),
        (0.0005, "0.1 %"),
        (-0.3, "−30.0 %"),
        (float("nan"), "undefined"),
        (np.float32(0.5), "50.0 %"),
    ],
)
def test_percent_formats_fractions(share: float, text: str) -> None:
    """One decimal and a narrow space; 0 and 100 only if exact."""
    assert filters.percent(share) == text.replace(" ", "\u202f")


@given(st.floats(0, 1, exclude_min=True, exclude_max=True))
def test_percent_never_rounds_to_0_or_100(share: float) -> None:
    """It is right to within its last digit."""
    text = filters.percent(share)
    assert text not in ("0\u202f%", "100\u202f%", "0.0\u202f%", "100.0\u202f%")
    if text.startswith("<"):
        assert share * 100 < 0.1
    elif text.startswith(">"):
        assert share * 100 > 99.9
    else:
        assert abs(plain(text) - share * 100) <= 0.0501


@given(st.floats(-1e6, 1e6), st.integers(0, 4))
def test_num_is_within_half_a_digit(value: float, digits: int) -> None:
    """Zero has no minus, and only zero prints as zero."""
    text = filters.num(value, digits)
    if "×" in text:
        assert 0 < abs(value) < 10.0**-digits
        return
    shown = float(text.replace(",", "").replace("−", "-"))
    assert abs(shown - value) <= 0.5 * 10.0**-digits + 1e-9
    assert (shown == 0) == (value == 0)
    assert not re.fullmatch(r"−0(\.0*)?", text)


@given(st.floats(-1e300, 1e300))
def test_scientific_reads_back(value: float) -> None:
    """Two digits and a power of ten are within five per cent."""
    text = filters.scientific(value).translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹−", "-0123456789-"))
    shown = float(text.replace("\u202f×\u202f10", "e")) if "×" in text else float(text)
    assert shown == pytest.approx(value, rel=0.0501, abs=0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (134515008, "134.5 M"),
        (999, "999"),
        (999_960, "1.0 M"),
        (1500, "1.5 k"),
        (7.2e9, "7.2 B"),
        (0, "0"),
    ],
)
def test_compact_shortens_large_numbers(value: float, text: str) -> None:
    """It never returns a text such as `1000.0 k`."""
    assert filters.compact(value) == text.replace(" ", "\u202f")


def test_sizes_integers_and_signs_are_formatted() -> None:
    assert filters.bytes_(98_362_432) == "98.4\u202fMB"
    assert filters.bytes_(300_000_000) == "300\u202fMB"
    assert filters.bytes_(12) == "12\u202fB"
    assert filters.integer(np.int64(49152)) == "49,152"
    assert filters.sign(0.311) == "+0.31"
    assert filters.sign(-0.311) == "−0.31"
    assert filters.num(float("-inf")) == "−∞"


@pytest.mark.parametrize(
    "name", ["percent", "num", "integer", "scientific", "compact", "bytes", "sign"]
)
@pytest.mark.parametrize("value", ["0.5", True, None, (1,)])
def test_rejects_other_types(name: str, value: object) -> None:
    """The error names the filter."""
    with pytest.raises(TypeError, match=f"^{'num' if name == 'sign' else name} needs a"):
        filters.FILTERS[name](value)


def test_lists_are_escaped_and_joined() -> None:
    assert filters.listing(["a"]).html == "a"
    assert filters.listing(["a", "<b>", "c"]).html == "a, &lt;b&gt; and c"
    tokens = (Token(56, "H", "48"), Token(478, "ell", "656c6c"))
    assert filters.ids(tokens).text == filters.ids((56, 478)).text == "[56, 478]"
    assert filters.tokens(tokens).html.count('class="tok"') == 2


def test_visible_marks_whitespace() -> None:
    """In strings and tokens, and distinct from a real dot."""
    assert filters.visible(" a\n").text == "·a⏎"
    assert filters.visible(Token(1, " a", "2061")).text == "·a"
    assert filters.visible("·").html.count("ws") == 0
    assert filters.visible(" ").html.count("ws") == 1
    assert filters.visible((Token(1, " a", "2061"),)).html.count('class="tok"') == 1
