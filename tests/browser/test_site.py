"""The committed book as readers see it: from disk, without a network, wide, narrow, dark and
without scripts.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from fixtures.chromium import assert_accessible, reading
from fixtures.lecture import CHAPTERS
from layerbook.site.assets import assets
from playwright.sync_api import Browser

pytestmark = [pytest.mark.browser, pytest.mark.long]
ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "site"
PAGES = sorted(path.name for path in SITE.glob("*.html"))


def result(chapter: str, id: str) -> dict[str, object]:
    """A result as a reader downloads it from the page."""
    data: dict[str, object] = json.loads((SITE / "data" / chapter / f"{id}.json").read_bytes())
    return data


def test_every_chapter_is_in_the_site() -> None:
    """All referenced files exist."""
    beside = {"index.html", "try.html", "claims.html", "colophon.html"}
    beside |= {"glossary.html", "references.html", "whole-model.html"}
    assert set(PAGES) == beside | {f"{name}.html" for name in CHAPTERS}
    for page in PAGES:
        text = (SITE / page).read_text(encoding="utf-8")
        assert "A figure is missing here." not in text
        for target in re.findall(r'(?:href|src)="([^"#?]+)', text):
            if not re.match(r"[a-z]+:", target):
                assert (SITE / target).is_file(), (page, target)


def test_internal_links_have_targets() -> None:
    ids = {
        p: set(re.findall(r'\bid="([^"]+)"', (SITE / p).read_text(encoding="utf-8"))) for p in PAGES
    }
    for page in PAGES:
        links = re.findall(
            r'href="([\w-]*(?:\.html)?)#([^"]+)"', (SITE / page).read_text(encoding="utf-8")
        )
        for target, source in links:
            if target == "try.html" and "=" in source:
                continue  # a sentence that the page opens with
            assert source in ids[target or page], (page, target, source)


@pytest.mark.parametrize("name", PAGES)
def test_page_fits_its_window_without_console_errors(browser: Browser, name: str) -> None:
    """With disclosures open and no request to the network, on a phone and in a wider window."""
    with reading(browser, SITE / name, width=360) as page:
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        for width in (360, 1280):
            page.set_viewport_size({"width": width, "height": 800})
            page.wait_for_timeout(50)
            assert page.evaluate("document.documentElement.scrollWidth") <= width
        ids = page.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(ids) == len(set(ids))


READ_FIGURES = """() => {
    document.querySelectorAll(".reveal, .sidebar").forEach(fold => { fold.open = true });
    return [...document.querySelectorAll("figure.figure")].map(figure => {
        const count = selector => figure.querySelectorAll(selector).length;
        const drawing = figure.querySelector(".drawing:is([role=img], [role=group])");
        const { width, height } = figure.querySelector(".picture").getBoundingClientRect();
        return {
            id: figure.id,
            width,
            height,
            caption: figure.querySelector("figcaption p").innerText,
            description: drawing
                ? drawing.getAttribute("aria-label")
                : figure.querySelector(".visually-hidden").innerText,
            tables: count("details table, .picture table"),
            listings: count("details .code"),
            downloads: count("a[download]"),
            text: figure.textContent,
        };
    });
}"""


@pytest.mark.parametrize("name", CHAPTERS)
def test_every_figure_has_caption_alt_text_table_code_and_data(browser: Browser, name: str) -> None:
    """With JavaScript off."""
    with reading(browser, SITE / f"{name}.html", java_script_enabled=False) as page:
        figures = page.evaluate(READ_FIGURES)
    assert figures
    for figure in figures:
        assert figure["width"] > 100 and figure["height"] > 20, figure
        assert len(figure["caption"]) > 25, figure
        assert len(figure["description"]) > 20, figure
        assert figure["tables"] >= 1 and figure["listings"] >= 1, figure
        assert figure["text"].count("The code that computed it") == 1, figure
        assert figure["downloads"] == 2, figure


@pytest.mark.parametrize("name", PAGES)
def test_every_page_passes_axe(browser: Browser, name: str) -> None:
    """axe finds nothing against WCAG 2.1 AA, in light and in dark."""
    for width, scheme in ((1280, "light"), (390, "dark")):
        with reading(
            browser, SITE / name, width=width, color_scheme=scheme, bypass_csp=True
        ) as page:
            assert_accessible(page)


def test_bars_match_the_result(browser: Browser) -> None:
    """The chart shows the twenty most probable tokens in order."""
    top = result("case-sums", "raw")["prompts"][0]["top"]  # type: ignore[index]
    with reading(browser, SITE / "case-sums.html") as page:
        rows = page.locator("#raw-prompt-0 details tbody tr")
        shown = [row.locator("td, th").all_inner_texts() for row in rows.all()]
        page.locator("#raw-prompt-0 details summary").first.click()
        drawn = page.locator("#raw-prompt-0 svg text").all_text_contents()
    assert len(shown) >= len(top) == 20
    for token in top:
        percent = f"{100 * token['prob']:#.3g}\N{NARROW NO-BREAK SPACE}%"
        assert percent in drawn or token["prob"] < 0.0000095


def test_animation_steps_through_all_frames(browser: Browser) -> None:
    """Each of the fifteen frames names the token of the result; the end of the turn is marked."""
    frames = result("case-whitespace", "frames")["frames"]
    with reading(browser, SITE / "case-whitespace.html") as page:
        boxes = page.locator("#frames-layer-0 .frames, #frames-layer-29 .frames")
        assert boxes.count() == 2
        box = boxes.first
        box.focus()
        for i, frame in enumerate(frames, start=1):  # type: ignore[arg-type]
            step = f"token {i} of {len(frames)}"  # type: ignore[arg-type]
            assert box.locator(".stepper output").inner_text() == step
            written = box.locator(".frame.current .frame-token .tok").get_attribute("title")
            assert written and written.splitlines()[0].endswith(
                f"token {frame['next_token']['id']}"
            )
            page.keyboard.press("ArrowRight")
        assert len(frames) == 15  # type: ignore[arg-type]


def test_stages_show_the_products_of_the_result_step_by_step(browser: Browser) -> None:
    stages = result("attention", "stages")
    root = float(stages["d_head"]) ** 0.5  # type: ignore[arg-type]
    head = stages["heads"][0]  # type: ignore[index]
    raw, pattern = head["products"], head["pattern"]
    grids = {
        "products": [x for row in raw for x in row],
        "scaled": [x / root for row in raw for x in row],
        "masked": [x / root for q, row in enumerate(raw) for x in row[: q + 1]],
        "shares": [100 * x for q, row in enumerate(pattern) for x in row[: q + 1]],
    }
    with reading(browser, SITE / "attention.html") as page:
        box = page.locator(f"#stages-layer-{head['layer']}-head-{head['head']} .frames")
        box.focus()
        for i, (name, numbers) in enumerate(grids.items(), start=1):
            assert box.locator(".stepper output").inner_text() == f"stage {i} of 4"
            assert box.locator(".frame.current .frame-name").inner_text() == name
            texts = box.locator(".frame.current svg text").all_text_contents()
            form = r"(\d+(?:\.\d+)?)\s%" if name == "shares" else r"(−?\d+\.\d+)"
            matches = [re.fullmatch(form, text) for text in texts]
            cells = [match[1].replace("−", "-") for match in matches if match]
            # The ends of the scale are written, too.
            assert len(numbers) <= len(cells) <= len(numbers) + 2
            for number in numbers:
                near = min(cells, key=lambda text: abs(float(text) - number))
                digits = len(near.partition(".")[2])
                assert abs(float(near) - number) <= 0.501 * 10**-digits, (name, number)
            assert ("−∞, masked" in texts) == (name == "masked")
            page.keyboard.press("ArrowRight")


def test_live_tokenizer_agrees_with_the_results(browser: Browser) -> None:
    """Typed texts have the ids of their experiments."""
    texts = result("tokenization", "hello-world")["prompts"]
    with reading(browser, SITE / "tokenization.html") as page:
        page.get_by_role("button", name="Type a text of your own").click()
        field = page.get_by_role("textbox", name="Your text")
        for text in texts:  # type: ignore[attr-defined]
            field.fill(text["prompt"])
            count = len(text["tokens"])
            page.locator(".live-status").filter(
                has_text=re.compile(rf", {count} tokens?\.")
            ).wait_for()
            shown = page.locator("#live-tokens .chip .tok-id").all_inner_texts()
            assert shown == [str(token["id"]) for token in text["tokens"]]


def test_search_finds_a_term(browser: Browser) -> None:
    with reading(browser, SITE / "index.html") as page:
        page.keyboard.press("Control+k")
        page.keyboard.type("grouped-query")
        page.locator(".search li a").first.wait_for()
        assert "Attention" in page.locator(".search li a").first.inner_text()


def test_map_on_the_first_page_leads_to_the_chapters(browser: Browser) -> None:
    """Each part of the diagram is a link."""
    with reading(browser, SITE / "index.html") as page:
        page.locator(".map svg a text", has_text="MLP").first.click()
        page.wait_for_url("**/mlp.html*")


def test_pictures_are_inverted_in_the_dark_theme_but_not_in_print(browser: Browser) -> None:
    """Drawings that follow the page's colors are not inverted."""
    ink = "getComputedStyle(document.querySelector('figure svg text')).fill"
    with reading(browser, SITE / "attention.html") as page:
        light = page.evaluate(ink)
    with reading(browser, SITE / "attention.html", color_scheme="dark") as page:
        assert page.evaluate(ink) != light
        page.emulate_media(media="print", color_scheme="dark")
        assert page.evaluate(ink) == light


def test_pages_and_scripts_stay_small() -> None:
    """A page has at most 1.5 MB, and loads less than 100 kB of scripts written here.

    Scripts that are loaded on demand have limits of their own: the views behind buttons, and what
    runs the model.
    """
    pages = {page.name: page.stat().st_size for page in SITE.glob("*.html")}
    assert max(pages.values()) <= 1_500_000, pages
    files = {Path(name): len(data) for name, data in assets({}).items()}
    scripts = {path.stem: size for path, size in files.items() if path.suffix == ".js"}
    assert scripts["book"] + scripts["theme"] < 100_000, scripts
    assert scripts["views"] < 50_000, scripts
    assert scripts["own_text"] + scripts["try"] < 120_000, scripts
