"""Maps and neighbours as a reader works them, from disk: what they say against the results that the
page offers.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.chromium import chromium, reading
from fixtures.small_book import layerbook
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
PROSE = '{{ figure("shuffled") }}\n\n{{ figure("tokens") }}\n\n{{ figure("near", "pick") }}\n'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all of these."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def site(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of one chapter on the tiny Llama, built."""
    folder = tmp_path_factory.mktemp("maps")
    texts = {
        "experiments/book.yaml": BOOK.format(model=tiny_model_dir),
        "experiments/maps.yaml": MAPS,
    }
    for name, text in {**texts, "templates/chapters/maps.md": PROSE}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    done = layerbook("build", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def downloaded(site: Path, id: str) -> Any:
    """A result as a reader gets it from the page's links."""
    return json.loads((site / f"data/maps/{id}.json").read_bytes())


def told(figure: Locator) -> str:
    """What the line below the map says."""
    return figure.locator(".readout output").inner_text()


def told_numbers(words: str) -> list[float]:
    """The coordinates and the distances in it, as numbers."""
    found = re.findall(r"axis \d (−?[\d.]+)|\((−?[\d.]+) away\)|by (−?[\d.]+) ", words)
    return [float("".join(some).rstrip(".").replace("−", "-")) for some in found]


def lit(figure: Locator) -> set[str]:
    """The numbers of the dots that are not dimmed."""
    seen = "all => all.filter(g => getComputedStyle(g).opacity === '1').map(g => g.dataset.point)"
    return set(figure.locator(".fig-point").evaluate_all(seen))


def wanted(result: Any, number: int) -> list[float]:
    """The numbers that a dot has to tell: three texts as written, then the same three shuffled."""
    count = len(result["points"])
    if number >= count:
        moved, point = result["shuffled"], result["shuffled"]["points"][number - count]
        return [
            point["x"],
            point["y"],
            moved["moved"][number - count],
            moved["moved_on_map"][number - count],
        ]
    flat = np.array([(p["x"], p["y"]) for p in result["points"]])
    point, far = result["points"][number], np.linalg.norm(flat - flat[number], axis=1)
    others = [i for i in range(count) if i != number]
    return [
        point["x"],
        point["y"],
        min(result["distances"][number][i] for i in others),
        min(far[i] for i in others),
    ]


def test_pointing_tells_of_a_dot_and_lights_its_partner(browser: Browser, site: Path) -> None:
    """Every dot under the mouse: its text, its place, its distances as the result has them; both
    ends of the line.
    """
    result = downloaded(site, "shuffled")
    with reading(browser, site / "maps.html", height=1400) as page:
        figure = page.locator(MAP)
        assert told(figure) == "Point at one of the 6 dots, or step through them."
        assert lit(figure) == set("012345") and figure.locator("title").count() == 1
        for number in range(6):
            box = figure.locator(f"[data-point='{number}'] use").bounding_box()
            assert box
            page.mouse.move(box["x"] + box["width"] / 2 + 1, box["y"] + box["height"] / 2)
            words, place = told(figure), (result["points"] + result["shuffled"]["points"])[number]
            assert words.startswith(
                f"{place['text']} ({'words shuffled' if number > 2 else 'as written'}): axis 1 "
            )
            assert told_numbers(words) == pytest.approx(wanted(result, number), rel=6e-3, abs=1e-4)
            assert {str(number), str((number + 3) % 6)} <= lit(figure) < set("012345")
            assert (
                figure.locator(".fig-link.lit").get_attribute("data-link")
                == f"{number % 3} {number % 3 + 3}"
            )
        page.locator("h1").hover()
        assert told(figure).startswith("Point at") and lit(figure) == set("012345")


def test_the_keyboard_goes_through_the_dots(browser: Browser, site: Path) -> None:
    """Tab to the line below, arrows from dot to dot and around, Escape lets go; the page is not
    turned.
    """
    result = downloaded(site, "shuffled")
    with reading(browser, site / "maps.html") as page:
        figure = page.locator(MAP)
        figure.get_by_role("button", name="Next point").focus()
        group = page.get_by_role("group", name="The points: 3 texts, means of the token vectors")
        assert group.get_by_role("status").count() == 1
        for key, number in (
            *(("Enter", 0), ("ArrowRight", 1), ("ArrowDown", 2), ("End", 5), ("ArrowRight", 0)),
            *(("ArrowLeft", 5), ("Home", 0), ("ArrowUp", 5)),
        ):
            page.keyboard.press(key)
            assert told_numbers(told(figure)) == pytest.approx(
                wanted(result, number), rel=6e-3, abs=1e-4
            ), key
            assert str(number) in lit(figure)
        page.keyboard.press("Escape")
        assert told(figure).startswith("Point at")
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Space")
        assert told_numbers(told(figure)) == pytest.approx(wanted(result, 5), rel=6e-3, abs=1e-4)
        assert page.url.endswith("maps.html")


def test_a_tap_stays(browser: Browser, site: Path) -> None:
    """A finger does not hover: what it touched is told until it touches elsewhere."""
    result = downloaded(site, "shuffled")
    with reading(browser, site / "maps.html", width=390, has_touch=True) as page:
        figure = page.locator(MAP)
        figure.locator("[data-point='1'] use").tap(force=True)
        assert told_numbers(told(figure)) == pytest.approx(wanted(result, 1), rel=6e-3, abs=1e-4)
        page.wait_for_timeout(100)
        assert "1" in lit(figure) and page.evaluate("document.documentElement.scrollWidth") <= 390


def test_tokens_in_one_place_light_up_together(browser: Browser, site: Path) -> None:
    """The same token in both texts, though no line joins them."""
    spots = downloaded(site, "tokens")["spots"]
    with reading(browser, site / "maps.html") as page:
        figure = page.locator("#tokens-map")
        for number, spot in enumerate(spots):
            figure.get_by_role("button", name="Next point").click()
            words = told(figure)
            assert words.startswith(spot["token"]["text"].replace(" ", "·") + " (the ")
            assert f"Token {spot['position']} of the text" in words
            assert told_numbers(words)[:2] == pytest.approx(
                [spot["x"], spot["y"]], rel=6e-3, abs=1e-4
            )
            same = {
                str(i)
                for i, other in enumerate(spots)
                if other["token"]["id"] == spot["token"]["id"]
            }
            assert str(number) in same <= lit(figure)


def test_a_token_is_picked_from_a_list(browser: Browser, site: Path) -> None:
    """Its neighbours are the result's, in order; the list follows the buttons and is worked by its
    own keys.
    """
    tokens = downloaded(site, "near")["tokens"]
    with reading(browser, site / "maps.html") as page:
        figure = page.locator("#near-pick")
        pick = figure.get_by_role("combobox")
        names = [one["token"]["text"].replace(" ", "·") for one in tokens]
        assert pick.locator("option").all_inner_texts() == names
        for i in (len(names) - 1, 1):
            pick.select_option(index=i)
            shown = figure.locator(".frame.current svg text").all_text_contents()
            bars = [f"{one['value']:.3g}" for name in ("cosine", "dot") for one in tokens[i][name]]
            assert [words for words in shown if words in bars] == bars
            assert figure.locator(".frame.current .frame-name").inner_text() == names[i]
        figure.get_by_role("button", name="Previous word").click()
        assert pick.evaluate("list => list.selectedIndex") == 0
        pick.focus()
        page.keyboard.press("ArrowDown")
        assert pick.evaluate("list => list.selectedIndex") == 1
        assert figure.locator(".frame.current .frame-name").inner_text() == names[1]
        assert page.url.endswith("maps.html")


def test_without_javascript_and_on_paper(browser: Browser, site: Path) -> None:
    """The pictures say it themselves, in the titles that browsers show; all tokens are there; no
    dead controls.
    """
    result = downloaded(site, "shuffled")
    with reading(browser, site / "maps.html", java_script_enabled=False) as page:
        for number in range(6):
            (words,) = page.locator(f"{MAP} [data-point='{number}'] title").all_text_contents()
            assert told_numbers(words) == pytest.approx(wanted(result, number), rel=6e-3, abs=1e-4)
        assert page.locator("button:visible, select:visible, .readout").count() == 0
        assert page.locator("#near-pick .frame:visible").count() == len(
            downloaded(site, "near")["tokens"]
        )
    with reading(browser, site / "maps.html") as page:
        page.emulate_media(media="print")
        assert page.locator("button:visible, select:visible, .readout:visible").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_it_fits_and_has_no_known_barrier(
    browser: Browser, site: Path, width: int, scheme: str
) -> None:
    """Nothing wider than the window; axe finds nothing, with a dot chosen."""
    from axe_playwright_python.sync_playwright import Axe

    with reading(
        browser, site / "maps.html", width=width, color_scheme=scheme, bypass_csp=True
    ) as page:
        page.locator(MAP).get_by_role("button", name="Next point").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
        found = Axe().run(page, options={"runOnly": rules, "preload": False})
        assert not found.response["violations"], found.generate_report()
