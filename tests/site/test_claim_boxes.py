"""Claims on a page: their margins in words, and their ids."""

from __future__ import annotations

import re
import time
from types import SimpleNamespace
from typing import Any

import pytest
from fixtures.sample_chapter import context
from hypothesis import given
from hypothesis import strategies as st
from layerbook.book.claims.check import Margin, Verdict
from layerbook.site.blocks import Judgement
from layerbook.site.claims import ModelClaim, describe_margin, format_quantity
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.render import render_chapter


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
def test_describes_margins_with_two_digits_and_a_meaningful_share(
    holds: bool, margin: Margin | None, words: str
) -> None:
    assert describe_margin(Verdict(holds, (), margin)).replace("\u202f", " ") == words


@given(st.floats(1e-300, 1e300))
def test_formats_distances_to_one_percent_or_half_of_an_integer(number: float) -> None:
    text = format_quantity(number).replace("\u202f", "").replace(",", "")
    power = text.translate(str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")).replace("×10", "e")
    assert float(power) == pytest.approx(number, rel=0.051)


def test_second_box_of_a_claim_has_no_id() -> None:
    """`holds` in the prose does not count as a box."""
    box = '{{ claim("noise", 0) }}'
    prose = f'{{% if holds("noise", 0) %}}Yes.{{% endif %}}\n\n{box}\n\nAgain:\n\n{box}\n'
    html = render_chapter(prose, "x.md", context()).html
    assert html.count("How it was checked") == 2
    assert re.findall(r'id="(claim-[^"]+)"', html) == ["claim-noise-0"]


def test_open_values_of_an_undecided_claim_take_little_time() -> None:
    """Its sentence is not rendered, so nothing has checked it."""
    claim = SimpleNamespace(says="Is {{ x }} more than " + "{{" * 40_000, line=1)
    experiment = SimpleNamespace(claims=[claim], file="experiments/x.yaml")
    views: Any = {"a/b": SimpleNamespace(experiment=experiment)}
    start = time.process_time()
    sentence = ModelClaim(views, "a/b", 0).sentence(Judgement("open"), MathRenderer())
    assert sentence.text == "Is … more than …"
    assert time.process_time() - start < 1
