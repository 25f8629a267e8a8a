"""Maps and neighbors agree with the results that the page offers."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.chromium import assert_accessible, reading
from fixtures.small_book import build_site
from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.browser
MAP = "#shuffled-pca"
BOOK = """\
title: Maps
authors: [Nobody]
language: en
model: {model}
chapters: [maps]
"""
MAPS = """\
chapter: maps
title: Maps
summary: Points, and who is near.
experiments:
  - id: shuffled
    title: Shuffled
    analysis: embedding-pca
    prompts: [The cat <b>sat</b> on the table, the cat on the table, table cat on]
    shuffle_seed: 1
    captions:
      pca: Where do they go?
  - id: tokens
    title: Tokens
    analysis: token-map
    prompts: [the cat, the dog]
    shuffle_seed: 1
    captions:
      map: Which are in one place?
  - id: near
    title: Near
    analysis: nearest-tokens
    prompts: ["cat <b>", "s"]
    captions:
      pick: Choose.
"""
PROSE = (
    '{{ figure("shuffled", "pca") }}\n\n{{ figure("tokens") }}\n\n{{ figure("near", "pick") }}\n'
)


@pytest.fixture(scope="module")
def site(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a book with one chapter on the tiny Llama."""
    files = {
        "experiments/book.yaml": BOOK.format(model=tiny_model_dir),
        "experiments/maps.yaml": MAPS,
        "templates/chapters/maps.md": PROSE,
    }
    return build_site(tmp_path_factory.mktemp("maps"), files)


def download_result(site: Path, id: str) -> Any:
    """Read a result as a reader downloads it from the page."""
    return json.loads((site / f"data/maps/{id}.json").read_bytes())


def readout(figure: Locator) -> str:
    """Return the text of the line below the map."""
    return figure.locator(".readout output").inner_text()


def readout_numbers(words: str) -> list[float]:
    """Return the coordinates and distances in that text."""
    matches = re.findall(r"axis \d (−?[\d.]+)|\((−?[\d.]+) away\)|by (−?[\d.]+) ", words)
    return [float("".join(groups).rstrip(".").replace("−", "-")) for groups in matches]


def lit_points(figure: Locator) -> set[str]:
    """Return the numbers of the points that are not dimmed."""
    script = "all => all.filter(g => getComputedStyle(g).opacity === '1').map(g => g.dataset.point)"
    return set(figure.locator(".fig-point").evaluate_all(script))


def expected_numbers(result: Any, number: int) -> list[float]:
    """Return the numbers that the line should show for a point. The first three points are the
    texts as written, the last three the texts shuffled.
    """
    count = len(result["points"])
    if number >= count:
        shuffled, point = result["shuffled"], result["shuffled"]["points"][number - count]
        return [
            point["x"],
            point["y"],
            shuffled["displacements"][number - count],
            shuffled["displacements_on_map"][number - count],
        ]
    positions = np.array([(p["x"], p["y"]) for p in result["points"]])
    point = result["points"][number]
    distances = np.linalg.norm(positions - positions[number], axis=1)
    other_points = [i for i in range(count) if i != number]
    return [
        point["x"],
        point["y"],
        min(result["distances"][number][i] for i in other_points),
        min(distances[i] for i in other_points),
    ]


def test_hovering_a_point_shows_its_details(browser: Browser, site: Path) -> None:
    """The line has the point's text, position and distances, and both ends of its link are
    highlighted.
    """
    result = download_result(site, "shuffled")
    with reading(browser, site / "maps.html", reduced_motion="reduce", height=1400) as page:
        figure = page.locator(MAP)
        assert readout(figure) == "Point at one of the 6 dots, or step through them."
        assert lit_points(figure) == set("012345") and figure.locator("title").count() == 1
        for number in range(6):
            box = figure.locator(f"[data-point='{number}'] use").bounding_box()
            assert box
            page.mouse.move(box["x"] + box["width"] / 2 + 1, box["y"] + box["height"] / 2)
            text, point = readout(figure), (result["points"] + result["shuffled"]["points"])[number]
            assert text.startswith(
                f"{point['text']} ({'words shuffled' if number > 2 else 'as written'}): axis 1 "
            )
            assert readout_numbers(text) == pytest.approx(
                expected_numbers(result, number), rel=6e-3, abs=1e-4
            )
            assert {str(number), str((number + 3) % 6)} <= lit_points(figure) < set("012345")
            assert (
                figure.locator(".fig-link.lit").get_attribute("data-link")
                == f"{number % 3} {number % 3 + 3}"
            )
        page.locator("h1").hover()
        assert readout(figure).startswith("Point at") and lit_points(figure) == set("012345")


def test_arrow_keys_move_between_points(browser: Browser, site: Path) -> None:
    """They wrap around, Escape deselects, and the chapter does not change."""
    result = download_result(site, "shuffled")
    with reading(browser, site / "maps.html", reduced_motion="reduce") as page:
        figure = page.locator(MAP)
        figure.get_by_role("button", name="Next point").focus()
        group = page.get_by_role("group", name="The points: 3 texts, means of the token vectors")
        assert group.get_by_role("status").count() == 1
        for key, number in (
            *(("Enter", 0), ("ArrowRight", 1), ("ArrowDown", 2), ("End", 5), ("ArrowRight", 0)),
            *(("ArrowLeft", 5), ("Home", 0), ("ArrowUp", 5)),
        ):
            page.keyboard.press(key)
            assert readout_numbers(readout(figure)) == pytest.approx(
                expected_numbers(result, number), rel=6e-3, abs=1e-4
            ), key
            assert str(number) in lit_points(figure)
        page.keyboard.press("Escape")
        assert readout(figure).startswith("Point at")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Space")
        assert readout_numbers(readout(figure)) == pytest.approx(
            expected_numbers(result, 5), rel=6e-3, abs=1e-4
        )
        assert page.url.endswith("maps.html")


def test_tapping_a_point_shows_its_details(browser: Browser, site: Path) -> None:
    """The point stays selected until the next tap."""
    result = download_result(site, "shuffled")
    with reading(
        browser, site / "maps.html", reduced_motion="reduce", width=390, has_touch=True
    ) as page:
        figure = page.locator(MAP)
        figure.locator("[data-point='1'] use").tap(force=True)
        assert readout_numbers(readout(figure)) == pytest.approx(
            expected_numbers(result, 1), rel=6e-3, abs=1e-4
        )
        page.wait_for_timeout(100)
        assert (
            "1" in lit_points(figure)
            and page.evaluate("document.documentElement.scrollWidth") <= 390
        )


def test_equal_tokens_are_highlighted_together(browser: Browser, site: Path) -> None:
    """No line has to link them."""
    points = download_result(site, "tokens")["points"]
    with reading(browser, site / "maps.html", reduced_motion="reduce") as page:
        figure = page.locator("#tokens-map")
        for number, point in enumerate(points):
            figure.get_by_role("button", name="Next point").click()
            text = readout(figure)
            assert text.startswith(point["token"]["text"].replace(" ", "·") + " (the ")
            assert f"Token {point['position']} of the text" in text
            assert readout_numbers(text)[:2] == pytest.approx(
                [point["x"], point["y"]], rel=6e-3, abs=1e-4
            )
            same_token = {
                str(i)
                for i, other in enumerate(points)
                if other["token"]["id"] == point["token"]["id"]
            }
            assert str(number) in same_token <= lit_points(figure)


def test_selected_token_stays_highlighted(browser: Browser, site: Path) -> None:
    """Neighbors are in the order of the result; list and buttons agree."""
    tokens = download_result(site, "near")["tokens"]
    with reading(browser, site / "maps.html", reduced_motion="reduce") as page:
        figure = page.locator("#near-pick")
        select = figure.get_by_role("combobox")
        names = [token["token"]["text"].replace(" ", "·") for token in tokens]
        assert select.locator("option").all_inner_texts() == names
        for i in (len(names) - 1, 1):
            select.select_option(index=i)
            shown = figure.locator(".frame.current .wide svg text").all_text_contents()
            bars = [
                f"{token['value']:#.3g}" for name in ("cosine", "dot") for token in tokens[i][name]
            ]
            assert [words for words in shown if words in bars] == bars
            assert figure.locator(".frame.current .frame-name").inner_text() == names[i]
        figure.get_by_role("button", name="Previous word").click()
        assert select.evaluate("list => list.selectedIndex") == 0
        select.focus()
        page.keyboard.press("ArrowDown")
        assert select.evaluate("list => list.selectedIndex") == 1
        assert figure.locator(".frame.current .frame-name").inner_text() == names[1]
        assert page.url.endswith("maps.html")


def test_map_is_static_without_scripts_and_in_print(browser: Browser, site: Path) -> None:
    """Titles have the numbers, all tokens are shown, and there are no controls."""
    result = download_result(site, "shuffled")
    with reading(
        browser, site / "maps.html", reduced_motion="reduce", java_script_enabled=False
    ) as page:
        for number in range(6):
            (text,) = page.locator(f"{MAP} [data-point='{number}'] title").all_text_contents()
            assert readout_numbers(text) == pytest.approx(
                expected_numbers(result, number), rel=6e-3, abs=1e-4
            )
        assert page.locator("button:visible, select:visible, .readout").count() == 0
        assert page.locator("#near-pick .frame:visible").count() == len(
            download_result(site, "near")["tokens"]
        )
    with reading(browser, site / "maps.html", reduced_motion="reduce") as page:
        page.emulate_media(media="print")
        assert page.locator("button:visible, select:visible, .readout:visible").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_layout_fits_and_passes_axe(browser: Browser, site: Path, width: int, scheme: str) -> None:
    """With a point selected."""
    with reading(
        browser, site / "maps.html", width=width, color_scheme=scheme, bypass_csp=True
    ) as page:
        page.locator(MAP).get_by_role("button", name="Next point").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert_accessible(page)


@pytest.mark.parametrize(("width", "least"), [(1280, 13), (390, 11)])
def test_text_in_figures_has_enough_contrast(
    browser: Browser, site: Path, width: int, least: float
) -> None:
    """Text is at least 13 pixels high, 11 on a phone; scrollable figures are marked."""
    sizes = """() => [...document.querySelectorAll("main svg.fig text")].map((text) => {
        const svg = text.closest("svg");
        const scale = svg.getBoundingClientRect().width / svg.viewBox.baseVal.width;
        return parseFloat(getComputedStyle(text).fontSize) * scale;
    }).filter((size) => size > 0)"""
    unmarked = """() => [...document.querySelectorAll(".picture.scroll")].filter((box) =>
        box.scrollWidth > box.clientWidth + 1 && !box.classList.contains("scrolls")).length"""
    with reading(browser, site / "maps.html", reduced_motion="reduce", width=width) as page:
        drawn = page.evaluate(sizes)
        assert len(drawn) > 20 and min(drawn) > least - 0.1
        assert page.evaluate(unmarked) == 0
