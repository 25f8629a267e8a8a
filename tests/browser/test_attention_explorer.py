"""The attention explorer agrees with the result that the page offers."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import numpy as np
import pytest
from fixtures.chromium import assert_accessible, reading
from fixtures.small_book import build_site
from layerbook.plotting.colors import sequential
from playwright.sync_api import Browser, Locator, Page
from safetensors.numpy import load

pytestmark = pytest.mark.browser
FIGURE = "#every-explorer"
LAST_DIGIT = 0.0001
MEAN = -1
BOOK = """\
title: Heads
authors: [Nobody]
language: en
model: {model}
chapters: [heads]
"""
HEADS = """\
chapter: heads
title: Heads
summary: All of them.
experiments:
  - id: every
    title: Every head
    analysis: attention-all
    prompt: The cat <b>sat</b> on the table and the cat sat
    links: [{reader: "at", source: "/"}]
    captions:
      grid: Every head of the model, and how much of its attention goes where.
      explorer: The mean of one layer, and behind it all the others.
"""
PROSE = '{{ figure("every", "grid") }}\n\n{{ figure("every", "explorer") }}\n'


@pytest.fixture(scope="module")
def site(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a book with one chapter on the tiny Llama."""
    files = {
        "experiments/book.yaml": BOOK.format(model=tiny_model_dir),
        "experiments/heads.yaml": HEADS,
        "templates/chapters/heads.md": PROSE,
    }
    return build_site(tmp_path_factory.mktemp("heads"), files)


class DownloadedResult:
    """The result as a reader downloads it from the page."""

    def __init__(self, site: Path) -> None:
        self.data = json.loads((site / "data/heads/every.json").read_bytes())
        reference = self.data["weights"]
        self.weights = load((site / "data/heads" / reference["file"]).read_bytes())[
            reference["array"]
        ]
        self.tokens = [token["text"].replace(" ", "·") for token in self.data["tokens"]]
        self.start = int(
            np.argmin(self.weights[..., self.first()].mean(axis=(1, 2), dtype=np.float64))
        )

    def first(self) -> list[int]:
        """Return the indices of the first key in every row but the first."""
        return [query * (query + 1) // 2 for query in range(1, len(self.tokens))]

    def row(self, layer: int, head: int, query: int, without_first: bool = False) -> list[float]:
        """Return the shares of a query; without the first token they are shares of the rest."""
        heads = self.weights[layer] if head == MEAN else self.weights[layer, head : head + 1]
        start = query * (query + 1) // 2
        shares = heads[:, start : start + query + 1].astype(np.float64).mean(axis=0)
        return list(shares[1:] / shares[1:].sum()) if without_first else list(shares)


@pytest.fixture(scope="module")
def result(site: Path) -> DownloadedResult:
    """Read the result that the page offers."""
    return DownloadedResult(site)


def open_explorer(page: Page) -> Locator:
    """Open the explorer; return the figure."""
    figure = page.locator(FIGURE)
    figure.get_by_role("button", name="Explore every layer and head").click()
    figure.locator(".explorer").wait_for()
    return figure


def open_mean(page: Page, start: int) -> Locator:
    """Open the explorer at the mean of one layer and its last row."""
    figure = open_explorer(page)
    figure.get_by_role("button", name="The sink").click()  # begins at the last row
    set_slider(figure, "Layer", start)
    set_slider(figure, "Head", 0)
    return figure


def listed_shares(figure: Locator) -> list[float]:
    """Return the listed shares as numbers; `<` counts as 0 and `>` as 1."""
    texts = [
        text for text in figure.locator(".explorer-value").all_inner_texts() if text.endswith("%")
    ]
    numbers = [float(re.sub(r"[^\d.]", "", text)) / 100 for text in texts]
    return [
        round(number) if text[0] in "<>" else number
        for text, number in zip(texts, numbers, strict=True)
    ]


def stated_errors(page: Page) -> list[float]:
    """Return the two errors that the figure states: of a share, and without the first token."""
    words = page.locator(f"{FIGURE} .viewer-note").text_content() or ""
    return [float(number) / 100 for number in re.findall(r"([\d.]+)\u202f%", words)]


def set_slider(figure: Locator, name: str, value: int) -> None:
    """Set a slider, as dragging would."""
    figure.get_by_role("slider", name=name).fill(str(value))


def canvas_pixels(canvas: Locator) -> np.ndarray:
    """Return the pixels of a canvas [rows, columns, RGBA]."""
    values = canvas.evaluate("""shown => {
        const copy = Object.assign(document.createElement("canvas"), {
            width: shown.width, height: shown.height
        });
        const context = copy.getContext("2d", { willReadFrequently: true });
        context.drawImage(shown, 0, 0);
        return [...context.getImageData(0, 0, copy.width, copy.height).data];
    }""")
    width = int(canvas.get_attribute("width") or 0)
    return np.array(values, dtype=np.uint8).reshape(-1, width, 4)


def announcement(page: Page) -> str:
    """Return the text of the live region, after its delay."""
    page.wait_for_timeout(300)
    return page.locator(f"{FIGURE} [role=status]").inner_text()


def test_maps_are_static_without_scripts_and_in_print(browser: Browser, site: Path) -> None:
    """No control is shown and no data requested; the picture is printed even if the explorer is
    open.
    """
    with reading(browser, site / "heads.html", java_script_enabled=False) as page:
        assert page.locator(f"{FIGURE} .picture svg").is_visible()
        assert page.locator(f"{FIGURE} button").count() == 0
    with reading(browser, site / "heads.html") as page:
        assert page.locator("script[src*='data/']").count() == 0
        figure = open_explorer(page)
        assert not figure.locator(".picture").is_visible()
        page.emulate_media(media="print")
        assert figure.locator(".picture svg").is_visible()
        assert not figure.locator(".explorer").is_visible()
        assert not figure.locator(".explorer-open").is_visible()
        page.emulate_media(media="screen")
        figure.get_by_role("button", name="Back to the picture").click()
        assert figure.locator(".picture svg").is_visible()
        figure.get_by_role("button", name="Explore every layer and head").click()
        assert figure.locator(".explorer").count() == 1


def test_shares_match_the_result(browser: Browser, site: Path, result: DownloadedResult) -> None:
    """Every layer, head and row agrees within the stated error."""
    with reading(browser, site / "heads.html") as page:
        figure = open_explorer(page)
        assert figure.locator(".explorer-list .tok").all_inner_texts() == result.tokens
        assert figure.locator(".explorer-strip .tok").all_inner_texts() == result.tokens
        errors = stated_errors(page)
        assert 0 < errors[0] <= 0.0000077 and 0 < errors[1] < LAST_DIGIT
        for without_first in (False, True):
            figure.get_by_role("checkbox").set_checked(without_first)
            page.mouse.move(0, 0)  # a row under the pointer would be shown instead
            for layer in range(2):
                set_slider(figure, "Layer", layer)
                for head in range(MEAN, 4):
                    set_slider(figure, "Head", head + 1)
                    for query in (0, 1, len(result.tokens) - 1):
                        figure.locator(".explorer-rows button").nth(query).focus()
                        expected = result.row(layer, head, query, without_first)
                        tolerance = LAST_DIGIT / 2 + errors[without_first] + 1e-9
                        assert np.allclose(
                            listed_shares(figure), expected, rtol=0, atol=tolerance
                        ), (
                            layer,
                            head,
                            query,
                        )
                        texts = figure.locator(".explorer-value").all_inner_texts()
                        assert texts[query + 1 :] == ["later"] * (len(result.tokens) - query - 1)
                        assert not without_first or texts[0] == "left out"
                        if len(expected) == 1:
                            assert texts[int(without_first)] == "100\u202f%"


def test_examples_open_on_a_row(browser: Browser, site: Path, result: DownloadedResult) -> None:
    """The example shows the head with the strongest link, with a sentence and arcs for its row."""
    tokens = result.tokens
    reader, source = len(tokens) - 2, tokens.index("/")
    assert tokens[reader] == "at"
    shares = result.weights[:, :, reader * (reader + 1) // 2 + source]
    layer, head = np.unravel_index(shares.argmax(), shares.shape)
    with reading(browser, site / "heads.html") as page:
        figure = open_explorer(page)
        pressed = figure.locator(".explorer-presets [aria-pressed=true]")
        assert pressed.all_inner_texts() == ["“at” finds “/”"]
        lead = figure.locator(".explorer-lead")
        assert lead.locator(".tok").all_inner_texts() == ["at", "/"]
        assert f"{100 * shares.max():.2f}" in lead.inner_text()
        assert f"layer {layer}, head {head}" in lead.inner_text()
        row = np.array(result.row(int(layer), int(head), reader)[:reader])
        assert figure.locator(".explorer-arcs .from-row").count() == (row >= 0.03).sum()
        figure.get_by_role("button", name="What came next, last time").press("Enter")
        assert pressed.all_inner_texts() == ["What came next, last time"]
        figure.locator(".explorer-strip .tok").nth(3).hover()
        assert pressed.count() == 0
        assert lead.locator(".tok").first.inner_text() == tokens[3]


def test_states_size_and_errors_of_its_data(
    browser: Browser, site: Path, result: DownloadedResult
) -> None:
    script = (site / "data/heads/every-explorer.js").read_bytes()
    data = json.loads(script.decode().partition("] = ")[2].rstrip(";\n"))
    steps = np.frombuffer(base64.b64decode(data["weights"]), dtype="<u2").reshape(
        result.weights.shape
    )
    rows, keys = np.tril_indices(len(result.tokens))
    finer = np.array([int(digit, 36) for digit in data["finer"]]).reshape(2, 4, -1)[..., rows]
    decoded = steps / 65535 / np.where(keys > 0, 2.0**finer, 1)
    with reading(browser, site / "heads.html") as page:
        text = page.locator(f"{FIGURE} .viewer-note").text_content() or ""
        assert f" {len(script) / 1000:.1f}\u202fkB" in text
        error = np.abs(decoded - result.weights).max()
        assert error <= stated_errors(page)[0] <= 1.1 * error


def test_colors_match_the_result(browser: Browser, site: Path, result: DownloadedResult) -> None:
    """Each cell has the color of its share within the stated error; masked cells are empty."""
    shades, count = sequential(), len(result.tokens)
    with reading(browser, site / "heads.html") as page:
        figure, errors = open_explorer(page), stated_errors(page)
        thumbnails = figure.locator(".explorer-grid canvas")
        assert thumbnails.count() == 5 * 2
        for without_first in (False, True):
            figure.get_by_role("checkbox").set_checked(without_first)
            for head in range(MEAN, 4):
                for layer in range(2):
                    thumbnail = canvas_pixels(thumbnails.nth(2 * (head + 1) + layer))
                    candidates = [np.zeros((count, count, 4), dtype=np.uint8) for _ in range(2)]
                    for query in range(int(without_first), count):
                        shares = np.array(result.row(layer, head, query, without_first))
                        for colors, error in zip(
                            candidates, (-errors[without_first], errors[without_first]), strict=True
                        ):
                            shade = np.clip(((shares + error) * 256).astype(int), 0, 255)
                            colors[query, int(without_first) : query + 1] = shades[shade]
                    assert (
                        ((thumbnail == candidates[0]) | (thumbnail == candidates[1]))
                        .all(axis=-1)
                        .all()
                    )
                    assert (
                        candidates[0] == candidates[1]
                    ).mean() > 0.99  # few lie so near to the border of two shades
            set_slider(figure, "Layer", 1)
            set_slider(figure, "Head", 3)
            assert (
                canvas_pixels(figure.locator(".explorer-cells canvas"))
                == canvas_pixels(thumbnails.nth(2 * 3 + 1))
            ).all()


def test_arrow_keys_move_between_rows(
    browser: Browser, site: Path, result: DownloadedResult
) -> None:
    """Enter locks a row, Escape unlocks it, and changes are announced."""
    last = len(result.tokens) - 1
    with reading(browser, site / "heads.html") as page:
        figure = open_explorer(page)
        assert page.evaluate("document.activeElement.textContent") == "Back to the picture"
        for _ in range(figure.locator(".explorer-presets button").count() - 1):
            page.keyboard.press("Tab")
        page.keyboard.press("Enter")  # the sink, of the last row
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        assert announcement(page).startswith(f"layer 1, head 0; row {last}, ·sat: ")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert announcement(page).startswith(f"layer 1, head 0, first token left out; row {last}")
        page.keyboard.press("Space")
        page.keyboard.press("Tab")  # into the rows, at the last
        for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "ArrowLeft", "Enter"):
            page.keyboard.press(key)
        shares = result.row(0, 0, last - 2)
        best = int(np.argmax(shares))
        text = announcement(page)
        assert text.startswith(
            f"layer 0, head 0; row {last - 2}, {result.tokens[last - 2]}, locked: "
        )
        assert f": {100 * shares[best]:.2f}\u202f% to {result.tokens[best]} at {best}, " in text
        figure.locator(".explorer-rows button").nth(0).hover()
        assert np.allclose(listed_shares(figure), shares, rtol=0, atol=LAST_DIGIT)  # locked
        assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
        page.keyboard.press("Escape")
        assert "locked" not in announcement(page)
        page.keyboard.press("Tab")  # the small pictures are one stop
        for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
            page.keyboard.press(key)
        assert (
            page.evaluate("document.activeElement.getAttribute('aria-label')") == "layer 1, head 1"
        )
        assert figure.locator("[aria-selected=true]").count() == 1
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.closest('.explorer-rows') !== null")
        assert np.allclose(
            listed_shares(figure), result.row(1, 1, last - 2), rtol=0, atol=LAST_DIGIT
        )
        assert page.url.endswith("heads.html")


def test_hovering_highlights_rows_and_columns(
    browser: Browser, site: Path, result: DownloadedResult
) -> None:
    """A token highlights its row and column; a click locks the highlight, another unlocks it."""
    with reading(browser, site / "heads.html", height=1600) as page:
        figure = open_mean(page, result.start)
        marks = figure.locator(".explorer-mark")
        assert marks.nth(0).is_visible() and not marks.nth(1).is_visible()
        figure.locator(".explorer-strip .tok").nth(2).hover()
        cells = figure.locator(".explorer-cells").bounding_box()
        assert cells
        edge = cells["width"] / len(result.tokens)
        row, column = marks.nth(0).bounding_box(), marks.nth(1).bounding_box()
        assert row and column
        assert row["y"] - cells["y"] == pytest.approx(2 * edge, abs=0.6) and row[
            "height"
        ] == pytest.approx(edge, abs=1)
        assert column["x"] - cells["x"] == pytest.approx(2 * edge, abs=0.6)
        page.mouse.move(cells["x"] + 1.5 * edge, cells["y"] + 4.5 * edge)
        assert np.allclose(
            listed_shares(figure), result.row(result.start, MEAN, 4), rtol=0, atol=LAST_DIGIT
        )
        assert figure.locator(".explorer-list .marked .explorer-at").all_inner_texts() == ["1"]
        page.mouse.down()
        page.mouse.up()
        height = page.evaluate("document.documentElement.scrollHeight")
        page.mouse.move(cells["x"] + 0.5 * edge, cells["y"] + 6.5 * edge)
        assert (
            len(listed_shares(figure)) == 5
            and "locked" in figure.locator(".explorer-heading").inner_text()
        )
        page.mouse.click(cells["x"] + 0.5 * edge, cells["y"] + 4.5 * edge)
        page.mouse.move(cells["x"] + 0.5 * edge, cells["y"] + 6.5 * edge)
        assert len(listed_shares(figure)) == 7
        assert page.evaluate("document.documentElement.scrollHeight") == height  # nothing jumps


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_layout_fits_and_passes_axe(browser: Browser, site: Path, width: int, scheme: str) -> None:
    """Nothing is wider than the window, axe reports nothing, and the dark theme inverts the
    maps.
    """
    with reading(
        browser, site / "heads.html", width=width, color_scheme=scheme, bypass_csp=True
    ) as page:
        figure = open_explorer(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        canvas = figure.locator(".explorer-cells canvas")
        expected_filter = "invert(0.9) hue-rotate(180deg)" if scheme == "dark" else "none"
        assert canvas.evaluate("c => getComputedStyle(c).filter") == expected_filter
        assert_accessible(page)
