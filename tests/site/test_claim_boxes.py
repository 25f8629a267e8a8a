"""Claims on the page: their margin in words, and ids that stay unique."""

from __future__ import annotations

import re

import pytest
from fixtures.sample_chapter import context
from hypothesis import given
from hypothesis import strategies as st

from layerbook.site.prose.render import render_chapter
from layerbook.site.claims import describe_margin, format_quantity
from layerbook.book.claims.check import Margin, Verdict


@pytest.mark.parametrize(
    ("holds", "margin", "words"),
    [
        (True, Margin(0.2134, 0.341), "holds by 0.21 (34 %)"),
        (False, Margin(0.0213, 0.0312), "fails by 0.021 (3.1 %)"),
        (False, Margin(3.0, 0.2), "fails by 3 (20 %)"),
        (True, Margin(7409.0, 0.09), "holds by 7,409 (9.0 %)"),
        (True, Margin(1234.5, 0.5), "holds by 1,234 (50 %)"),
        (True, Margin(1.7e-7, 0.9996), "holds by 1.7 × 10⁻⁷ (> 99 %)"),
        (True, Margin(0.5, 1e-5), "holds by 0.50 (< 0.1 %)"),
        (True, Margin(0.4, 1.0), "holds by 0.40"),
        (True, Margin(0.5, 2.0), "holds by 0.50"),
        (True, Margin(0.0, 0.0), "holds with nothing to spare"),
        (False, Margin(0.0, 0.0), "fails with nothing to spare"),
        (True, None, "exact"),
        (False, None, "exact"),
    ],
)
def test_the_margin_in_words(holds: bool, margin: Margin | None, words: str) -> None:
    """Two digits, the share where it says something."""
    assert describe_margin(Verdict(holds, (), margin)).replace("\u202f", " ") == words


@given(st.floats(1e-300, 1e300))
def test_a_distance_keeps_two_digits(number: float) -> None:
    """Whatever its size, what is written is within one percent of it, or within half of a whole."""
    text = format_quantity(number).replace("\u202f", "").replace(",", "")
    power = text.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")).replace("×10", "e")
    assert float(power) == pytest.approx(number, rel=0.051)


def test_a_claim_that_is_shown_twice_has_one_id() -> None:
    """The second box is the same but for the id, whether or not the prose asked before if it holds.
    """
    prose = (
        '{% if holds("noise", 0) %}Yes.{% endif %}\n\n{{ claim("noise", 0) }}\n\nAgain:\n\n{{ claim("noise", 0) }}\n'
    )
    html = render_chapter(prose, "x.md", context()).html
    assert html.count("How it was checked") == 2
    assert re.findall(r'id="(claim-[^"]+)"', html) == ["claim-noise-0"]
