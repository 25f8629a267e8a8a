"""Pages use the room of a screen: columns and margins on wide ones, one column on a phone."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.chromium import reading
from fixtures.small_book import build_site
from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.browser
BOOK = """\
title: Screens
subtitle: Wide and narrow
authors: [Nobody]
language: en
model: {model}
chapters: [screens]
"""
SPECS = """\
chapter: screens
title: Screens
summary: Pictures of all widths.
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
    prompts: ["the cat sat on a mat, the dog on a log"]
    layers: [0]
    heads: mean
    captions: {prompt: Who looks at whom.}
  - id: map
    title: Map
    analysis: token-map
    prompts: [the cat sat on a mat, the dog sat on a log]
    shuffle_seed: 1
    captions: {map: Where they are.}
"""
PROSE = """\
{{ figure("next", "prompt-0") }}

{{ figure("pattern", "prompt-0-layer-0-mean") }}

{{ figure("map") }}
"""
FRONT = """\
The first paragraph.

## One section

Its text.

## Another section

Its text, too.
"""
SIZES = """svg => {
    const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
    return [...svg.querySelectorAll("text")].map(
        text => scale * parseFloat((text.closest("[font-size]")).getAttribute("font-size")));
}"""


@pytest.fixture(scope="module")
def site(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a book with a front page and a chapter on the tiny Llama."""
    files = {
        "experiments/book.yaml": BOOK.format(model=tiny_model_dir),
        "experiments/screens.yaml": SPECS,
        "templates/chapters/screens.md": PROSE,
        "templates/pages/index.md": FRONT,
    }
    return build_site(tmp_path_factory.mktemp("screens"), files)


def box(locator: Locator) -> dict[str, float]:
    bounds = locator.bounding_box()
    assert bounds
    return {**bounds}


def test_pictures_fit_a_phone_in_legible_size(browser: Browser, site: Path) -> None:
    """No picture scrolls sideways, and no text in it is smaller than 13 pixels."""
    with reading(browser, site / "screens.html", width=390) as page:
        pictures = page.locator(".picture svg:visible").all()
        assert len(pictures) == 3
        for picture in pictures:
            assert min(picture.evaluate(SIZES)) >= 12.99
        scrolls = "picture => picture.scrollWidth > picture.clientWidth"
        assert not any(picture.evaluate(scrolls) for picture in page.locator(".picture").all())
        assert page.evaluate("document.documentElement.scrollWidth") == 390


def test_captions_stand_in_the_margin_of_very_wide_screens(browser: Browser, site: Path) -> None:
    with reading(browser, site / "screens.html", width=1920) as page:
        picture, caption = (
            box(page.locator(f"#next-prompt-0 {part}")) for part in ("svg", "figcaption")
        )
        assert caption["x"] > picture["x"] + picture["width"]
        assert caption["x"] + caption["width"] < 1920
        assert picture["y"] - 40 < caption["y"] < picture["y"] + picture["height"]
        page.set_viewport_size({"width": 1280, "height": 800})
        picture, caption = (
            box(page.locator(f"#next-prompt-0 {part}")) for part in ("svg", "figcaption")
        )
        assert caption["y"] > picture["y"] + picture["height"]


def test_front_page_has_two_columns_on_wide_screens(browser: Browser, site: Path) -> None:
    """The first paragraph is beside the title, and two sections are beside each other."""
    with reading(browser, site / "index.html") as page:
        title, first = box(page.locator("h1")), box(page.get_by_text("The first paragraph."))
        assert first["x"] > title["x"] + 300
        headings = [
            box(page.get_by_role("heading", name=f"{n} section")) for n in ("One", "Another")
        ]
        assert headings[0]["y"] == headings[1]["y"] and headings[0]["x"] < headings[1]["x"]
        chapters = box(page.get_by_role("heading", name="Chapters"))
        assert chapters["y"] > headings[1]["y"]
        page.set_viewport_size({"width": 390, "height": 800})
        headings = [
            box(page.get_by_role("heading", name=f"{n} section")) for n in ("One", "Another")
        ]
        assert headings[0]["x"] == headings[1]["x"]
