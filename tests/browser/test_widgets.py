"""Clocks, waves and the map of words agree with their results."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest
from fixtures.chromium import assert_accessible, reading
from fixtures.small_book import build_site
from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser
BOOK = """\
title: Play
authors: [Nobody]
language: en
model: {model}
chapters: [play]
"""
SPEC = """\
chapter: play
title: Play
summary: Three views.
experiments:
  - id: waves
    title: Waves
    analysis: sinusoidal-encoding
    positions: 40
    C: [1, 100]
    captions: {clocks: Clocks.}
  - id: turns
    title: Turns
    analysis: rope
    prompt: The cat sat
    layer: 0
    head: 1
    captions: {moved: Clocks.}
  - id: words
    title: Words
    analysis: vocabulary-map
    examples: [cat, the]
    captions: {map: Words.}
"""
PROSE = """\
{{ figure("waves", "clocks") }}

{{ figure("turns", "moved") }}

{{ figure("words", "map") }}
"""
WAVES, TURNS, MAP = "#waves-clocks", "#turns-moved", "#words-map"


@pytest.fixture(scope="module")
def site(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a book with the three figures on the tiny Llama."""
    files = {
        "experiments/book.yaml": BOOK.format(model=tiny_model_dir),
        "experiments/play.yaml": SPEC,
        "templates/chapters/play.md": PROSE,
    }
    return build_site(tmp_path_factory.mktemp("play"), files)


def result(site: Path, name: str) -> Any:
    """Read a result that the page offers."""
    return json.loads((site / f"data/play/{name}.json").read_bytes())


def hand_angle(face: Locator, hand: int = 0) -> float:
    """Return the angle of a hand, clockwise from twelve."""
    path = face.locator(".clock-hand").nth(hand).get_attribute("d") or ""
    x, y = map(float, re.findall(r"L(\S+) (\S+?)M", path)[0])
    return math.atan2(x, -y)


def difference(a: float, b: float) -> float:
    """Return how far two angles are apart."""
    return abs(math.remainder(a - b, 2 * math.pi))


def open_map(page: Page) -> Locator:
    """Open the map; return its figure."""
    figure = page.locator(MAP)
    figure.get_by_role("button", name="Open the map").click()
    figure.locator("canvas").wait_for()
    return figure


def test_widgets_are_static_without_scripts_and_in_print(browser: Browser, site: Path) -> None:
    """The pictures are shown."""
    with reading(browser, site / "play.html", java_script_enabled=False) as page:
        for figure in (WAVES, TURNS, MAP):
            assert page.locator(f"{figure} .picture svg").first.is_visible()
    with reading(browser, site / "play.html") as page:
        for figure in (WAVES, TURNS):
            assert page.locator(f"{figure} .explorer").is_visible()
            assert not page.locator(f"{figure} .picture").first.is_visible()
        page.emulate_media(media="print")
        for figure in (WAVES, TURNS):
            assert page.locator(f"{figure} .picture svg").first.is_visible()
            assert not page.locator(f"{figure} .explorer").is_visible()


def test_wave_speeds_match_the_result(browser: Browser, site: Path) -> None:
    """At each C the hands of the first and last pair follow their wavelengths."""
    encodings = result(site, "waves")["encodings"]
    with reading(browser, site / "play.html") as page:
        figure = page.locator(WAVES)
        figure.get_by_role("slider", name="Position").fill("5")
        for sweep, name in zip(encodings, ("C = 1", "C = 100"), strict=True):
            figure.get_by_role("button", name=name, exact=True).click()
            rows = figure.locator(".waves-row")
            for row, wavelength in ((0, sweep["wavelengths"][0]), (-1, sweep["wavelengths"][-1])):
                angle = hand_angle(rows.nth(row))
                assert difference(angle, 5 * 2 * math.pi / wavelength) < 1e-3
        assert "slowest" in figure.locator(".waves-lead").inner_text()
        figure.get_by_role("button", name="C = 1", exact=True).click()
        assert figure.locator(".waves-lead").inner_text() == "All clocks show the same time."


def test_waves_move_by_keyboard_and_by_dragging(browser: Browser, site: Path) -> None:
    """The state of the clocks is announced to screen readers."""
    with reading(browser, site / "play.html", height=1200) as page:
        figure = page.locator(WAVES)
        knob, position = (figure.get_by_role("slider", name=name) for name in ("C", "Position"))
        knob.press("End")
        assert "100. The fastest clock" in (knob.get_attribute("aria-valuetext") or "")
        position.press("Home")
        position.press("ArrowRight")
        assert (position.get_attribute("aria-valuetext") or "").startswith(
            "1: the clocks have made"
        )
        plot = figure.locator(".waves-plot").first.bounding_box()
        assert plot
        page.mouse.move(plot["x"] + 4, plot["y"] + 20)
        page.mouse.down()
        page.mouse.move(plot["x"] + plot["width"] / 2, plot["y"] + 20)
        page.mouse.up()
        assert position.input_value() in ("19", "20")
        play = figure.get_by_role("button", name="Let them run")
        play.click()
        page.wait_for_timeout(500)
        figure.get_by_role("button", name="Stop").click()
        assert position.input_value() not in ("19", "20")


def test_rotation_starts_at_the_angle_of_the_result(browser: Browser, site: Path) -> None:
    """Arrows and score are those of the last query and the key before it."""
    rope = result(site, "turns")
    query, key = rope["query_pair"], rope["key_pairs"][-2]
    with reading(browser, site / "play.html") as page:
        figure = page.locator(TURNS)
        faces = figure.locator(".turns-faces svg")
        for face, hand, (up, right) in ((0, 0, query), (1, 0, key), (2, 0, query), (2, 1, key)):
            assert difference(hand_angle(faces.nth(face), hand), math.atan2(right, up)) < 1e-3
        adds = f"{rope['pair_scores'][-2]:.1f}".replace("-", "\N{MINUS SIGN}")
        assert f"adds {adds} to the score" in figure.locator(".turns-lead").inner_text()


def test_moving_both_keeps_the_angle(browser: Browser, site: Path) -> None:
    """Both hands turn by the pair's speed, and the score stays; moving one token changes it."""
    rope = result(site, "turns")
    speed = 2 * math.pi / rope["wavelengths"][rope["pair"]]
    with reading(browser, site / "play.html") as page:
        figure = page.locator(TURNS)
        faces, lead = figure.locator(".turns-faces svg"), figure.locator(".turns-lead")
        before = [hand_angle(faces.nth(i)) for i in range(2)]
        words = lead.inner_text()
        figure.get_by_role("button", name="Move both ›").click()
        after = [hand_angle(faces.nth(i)) for i in range(2)]
        assert lead.inner_text() == words
        assert figure.get_by_role("status").inner_text() == words
        for old, new in zip(before, after, strict=True):
            assert difference(new, old + speed) < 1e-3
        query, key = figure.get_by_role("slider").all()
        query.press("ArrowRight")
        assert lead.inner_text().startswith("2 positions apart") and lead.inner_text() != words
        key.press("End")  # not further than the query
        assert key.get_attribute("aria-valuenow") == query.get_attribute("aria-valuenow")
        assert "0 positions apart" in (key.get_attribute("aria-valuetext") or "")


def test_tokens_can_be_dragged(browser: Browser, site: Path) -> None:
    """A token follows the pointer from position to position."""
    with reading(browser, site / "play.html", height=1600) as page:
        query = page.locator(TURNS).get_by_role("slider").first
        query.scroll_into_view_if_needed()
        box, track = query.bounding_box(), page.locator(f"{TURNS} .turns-track").bounding_box()
        assert box and track
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.mouse.down()
        page.mouse.move(track["x"] + track["width"] / 2, box["y"])
        page.mouse.up()
        assert query.get_attribute("aria-valuenow") == "12"


def test_map_shows_true_neighbors(browser: Browser, site: Path) -> None:
    """A search, an example and a neighbor each lead to a word and its neighbors."""
    words = result(site, "words")
    texts = words["texts"]
    with reading(browser, site / "play.html") as page:
        assert page.locator("script[src*='data/']").count() == 0
        figure = open_map(page)
        lead = figure.locator(".map-lead")
        search = figure.get_by_role("searchbox", name="Find a word")
        word = texts[7]
        search.fill(word)
        assert lead.locator("b").inner_text() == word
        neighbors = lead.locator("button").all_inner_texts()
        assert len(neighbors) == 5 and set(neighbors) <= set(texts)
        lead.locator("button").first.click()
        assert lead.locator("b").inner_text() == neighbors[0]
        search.fill("no such word")
        assert lead.inner_text() == "“no such word” is not one of these words."


def test_map_zooms_and_pans(browser: Browser, site: Path) -> None:
    """By keys, buttons and drags; a click selects a word."""
    with reading(browser, site / "play.html", height=1200) as page:
        figure = open_map(page)
        canvas = figure.locator("canvas")
        picture = "c => c.toDataURL()"
        pictures = [canvas.evaluate(picture)]
        figure.get_by_role("button", name="Show all words").click()
        pictures.append(canvas.evaluate(picture))
        canvas.focus()
        for key in ("+", "ArrowLeft", "-"):
            page.keyboard.press(key)
            pictures.append(canvas.evaluate(picture))
        box = canvas.bounding_box()
        assert box
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + 60, y + 10)
        page.mouse.up()
        pictures.append(canvas.evaluate(picture))
        assert len(set(pictures)) == len(pictures)


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_layout_fits_and_passes_axe(browser: Browser, site: Path, width: int, scheme: str) -> None:
    with reading(
        browser, site / "play.html", width=width, color_scheme=scheme, bypass_csp=True
    ) as page:
        open_map(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert_accessible(page)
