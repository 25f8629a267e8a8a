"""Words of the text light up a part of a figure, and parts light up their words."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.chromium import assert_accessible, reading
from fixtures.small_book import build_site
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.browser
BOOK = """\
title: Phrases
authors: [Nobody]
language: en
model: {model}
chapters: [phrases]
"""
SPECS = """\
chapter: phrases
title: Phrases
summary: Words about pictures.
experiments:
  - id: next
    title: Next
    analysis: next-token
    prompts: [the cat]
    top_k: 5
    captions: {prompt: What may come next.}
  - id: pattern
    title: Pattern
    analysis: attention-pattern
    prompts: [the cat]
    layers: [0]
    heads: mean
    captions: {prompt: Who looks at whom.}
"""
PROSE = """\
{% set top = r("next").prompts[0].top %}
{% set second = tok(top[1]) %}
{% set tokens = r("pattern").prompts[0].tokens %}
{{ point("next", "prompt-0", top[0], "the bar") }} and
{{ point("next", "prompt-0", top[1], second) }}

{{ figure("next", "prompt-0") }}

{% set cell = {"row": tokens[2], "column": tokens[1]} %}
{{ point("pattern", "prompt-0-layer-0-mean", cell, "the cell") }} in
{{ point("pattern", "prompt-0-layer-0-mean", tokens[2], "its row") }} and
{{ point("pattern", "prompt-0-layer-0-mean", {"column": tokens[1]}, "its column") }}

{{ figure("pattern", "prompt-0-layer-0-mean") }}
"""


@pytest.fixture(scope="module")
def site(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a book with one chapter on the tiny Llama."""
    files = {
        "experiments/book.yaml": BOOK.format(model=tiny_model_dir),
        "experiments/phrases.yaml": SPECS,
        "templates/chapters/phrases.md": PROSE,
    }
    return build_site(tmp_path_factory.mktemp("phrases"), files)


def lit_texts(figure: Locator) -> set[str]:
    """Return the texts in the lit parts of a figure."""
    texts: list[str] = figure.locator(".fig-part.lit text").all_text_contents()
    return set(texts)


def box(locator: Locator) -> tuple[float, float, float, float]:
    bounds = locator.bounding_box()
    assert bounds
    return bounds["x"], bounds["y"], bounds["width"], bounds["height"]


def phrase(page: Page, words: str) -> Locator:
    return page.get_by_role("link", name=words, exact=True)


@pytest.mark.parametrize("way", ["hover", "focus", "click"])
def test_words_light_up_their_bar(browser: Browser, site: Path, way: str) -> None:
    """Its label and its value stay, and the other bars fade."""
    with reading(browser, site / "phrases.html") as page:
        figure = page.locator("#next-prompt-0")
        getattr(phrase(page, "the bar"), way)()
        bars = figure.locator("svg .fig-part:has(text)")
        first = str(bars.first.get_attribute("data-part"))
        assert first in lit_texts(figure) and len(lit_texts(figure)) == 2
        faded = figure.locator(".fig-part:not(.lit)").first
        expect(faded).to_have_css("opacity", "0.25")
        page.locator("a.point .tok").hover()
        assert first not in lit_texts(figure) and len(lit_texts(figure)) == 2


def test_light_goes_out_when_the_pointer_or_the_keyboard_leaves(
    browser: Browser, site: Path
) -> None:
    with reading(browser, site / "phrases.html") as page:
        phrase(page, "the bar").hover()
        page.locator("h1").hover()
        assert page.locator("svg .lit, svg.lit").count() == 0
        phrase(page, "the cell").focus()
        assert page.locator(".fig-ring:visible").count() == 1
        page.keyboard.press("Tab")
        page.locator("h1").click()
        assert page.locator(".fig-ring").count() == 0


def test_a_cell_a_row_and_a_column_are_outlined(browser: Browser, site: Path) -> None:
    """The cell is where row and column cross."""
    with reading(browser, site / "phrases.html") as page:
        rings = {}
        for words in ("the cell", "its row", "its column"):
            phrase(page, words).focus()
            rings[words] = box(page.locator(".fig-ring:visible"))
        cell, row, column = rings.values()
        assert cell == pytest.approx((column[0], row[1], column[2], row[3]), abs=0.1)
        assert row[2] > 2 * cell[2] and column[3] > 2 * cell[3]


def test_a_part_lights_up_its_words(browser: Browser, site: Path) -> None:
    with reading(browser, site / "phrases.html") as page:
        page.locator("#next-prompt-0 .fig-part text").first.hover()
        assert page.locator("a.point.lit").all_text_contents() == ["the bar"]
        page.locator("h1").hover()
        assert page.locator("a.point.lit").count() == 0


def test_words_lead_to_the_figure_without_scripts(browser: Browser, site: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto((site / "phrases.html").as_uri())
    phrase(page, "the cell").click()
    assert page.url.endswith("#pattern-prompt-0-layer-0-mean")
    context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_phrases_are_accessible(browser: Browser, site: Path, scheme: str) -> None:
    with reading(browser, site / "phrases.html", color_scheme=scheme) as page:
        assert_accessible(page)
