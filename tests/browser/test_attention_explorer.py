"""The attention explorer as a reader works it, from disk: what it says against the result that the
page offers.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fixtures.chromium import chromium, reading
from fixtures.small_book import layerbook
from layerbook.plotting.colours import sequential
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
    captions:
      grid: Every head of the model, and how much of its attention goes where.
      explorer: The mean of one layer, and behind it all the others.
"""
PROSE = '{{ figure("every", "grid") }}\n\n{{ figure("every", "explorer") }}\n'


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all of these."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def site(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A book of one chapter on the tiny Llama, built."""
    folder = tmp_path_factory.mktemp("heads")
    texts = {
        "experiments/book.yaml": BOOK.format(model=tiny_model_dir),
        "experiments/heads.yaml": HEADS,
    }
    for name, text in {**texts, "templates/chapters/heads.md": PROSE}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    done = layerbook("build", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "site"


class Downloaded:
    """The result as a reader gets it from the page's links."""

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
        """The places of the first key in all rows but the first."""
        return [q * (q + 1) // 2 for q in range(1, len(self.tokens))]

    def row(self, layer: int, head: int, query: int, without: bool = False) -> list[float]:
        """The shares of one query; without the first token they are shares of the rest."""
        chosen = self.weights[layer] if head == MEAN else self.weights[layer, head : head + 1]
        place = query * (query + 1) // 2
        shares = chosen[:, place : place + query + 1].astype(np.float64).mean(axis=0)
        return list(shares[1:] / shares[1:].sum()) if without else list(shares)


@pytest.fixture(scope="module")
def result(site: Path) -> Downloaded:
    """What the page lets its reader download."""
    return Downloaded(site)


def opened(page: Page) -> Locator:
    """The figure, explorer open."""
    figure = page.locator(FIGURE)
    figure.get_by_role("button", name="Explore every layer and head").click()
    figure.locator(".explorer").wait_for()
    return figure


def shown(figure: Locator) -> list[float]:
    """The shares that the list gives, as numbers; `<` is read as nothing, `>` as all."""
    texts = [
        text for text in figure.locator(".explorer-value").all_inner_texts() if text.endswith("%")
    ]
    numbers = [float(re.sub(r"[^\d.]", "", text)) / 100 for text in texts]
    return [
        round(one) if text[0] in "<>" else one for text, one in zip(texts, numbers, strict=True)
    ]


def told(page: Page) -> list[float]:
    """The two errors that the figure owns up to: of a share, and where the first token is
    left out.
    """
    words = page.locator(f"{FIGURE} .explorer-told").inner_text()
    return [float(number) / 100 for number in re.findall(r"([\d.]+)\u202f%", words)]


def slide(figure: Locator, name: str, value: int) -> None:
    """Set a slider, as dragging would."""
    figure.get_by_role("slider", name=name).fill(str(value))


def pixels(canvas: Locator) -> np.ndarray:
    """What a canvas shows, [rows, columns, RGBA]."""
    flat = canvas.evaluate("""shown => {
        const copy = Object.assign(document.createElement("canvas"), {
            width: shown.width, height: shown.height
        });
        const context = copy.getContext("2d", { willReadFrequently: true });
        context.drawImage(shown, 0, 0);
        return [...context.getImageData(0, 0, copy.width, copy.height).data];
    }""")
    side = int(canvas.get_attribute("width") or 0)
    return np.array(flat, dtype=np.uint8).reshape(-1, side, 4)


def spoken(page: Page) -> str:
    """The live region, once it has settled."""
    page.wait_for_timeout(300)
    return page.locator(f"{FIGURE} [role=status]").inner_text()


def test_without_scripts_and_on_paper_the_picture_stands_alone(
    browser: Browser, site: Path
) -> None:
    """No control, no request for the data; on paper the picture even where the explorer is open."""
    with reading(browser, site / "heads.html", java_script_enabled=False) as page:
        assert page.locator(f"{FIGURE} .picture svg").is_visible()
        assert page.locator(f"{FIGURE} button").count() == 0
    with reading(browser, site / "heads.html") as page:
        assert page.locator("script[src*='data/']").count() == 0
        figure = opened(page)
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


def test_every_layer_head_and_row_says_what_the_result_says(
    browser: Browser, site: Path, result: Downloaded
) -> None:
    """All of them, first token left out or not: percentages to their last digit and the error that
    is told.
    """
    with reading(browser, site / "heads.html") as page:
        figure = opened(page)
        assert figure.locator(".explorer-list .tok").all_inner_texts() == result.tokens
        assert figure.locator(".explorer-strip .tok").all_inner_texts() == result.tokens
        errors = told(page)
        assert 0 < errors[0] <= 0.0000077 and 0 < errors[1] < LAST_DIGIT
        for without in (False, True):
            figure.get_by_role("checkbox").set_checked(without)
            for layer in range(2):
                slide(figure, "Layer", layer)
                for head in range(MEAN, 4):
                    slide(figure, "Head", head + 1)
                    for query in (0, 1, len(result.tokens) - 1):
                        figure.locator(".explorer-rows button").nth(query).focus()
                        wanted = result.row(layer, head, query, without)
                        close = LAST_DIGIT / 2 + errors[without] + 1e-9
                        assert np.allclose(shown(figure), wanted, rtol=0, atol=close), (
                            layer,
                            head,
                            query,
                        )
                        texts = figure.locator(".explorer-value").all_inner_texts()
                        assert texts[query + 1 :] == ["later"] * (len(result.tokens) - query - 1)
                        assert not without or texts[0] == "left out"
                        if len(wanted) == 1:
                            assert texts[int(without)] == "100\u202f%"


def test_the_figure_tells_what_its_data_weighs_and_how_exact_it_is(
    browser: Browser, site: Path, result: Downloaded
) -> None:
    """Beside the button, before anything is loaded: the file's size, and errors that the numbers in
    it really have.
    """
    script = (site / "data/heads/every-explorer.js").read_bytes()
    data = json.loads(script.decode().partition("] = ")[2].rstrip(";\n"))
    steps = np.frombuffer(base64.b64decode(data["weights"]), dtype="<u2").reshape(
        result.weights.shape
    )
    rows, keys = np.tril_indices(len(result.tokens))
    finer = np.array([int(digit, 36) for digit in data["finer"]]).reshape(2, 4, -1)[..., rows]
    read = steps / 65535 / np.where(keys > 0, 2.0**finer, 1)
    with reading(browser, site / "heads.html") as page:
        words = page.locator(f"{FIGURE} .explorer-told").inner_text()
        assert words.startswith(f"{len(script) / 1000:.1f}\u202fkB")
        off = np.abs(read - result.weights).max()
        assert off <= told(page)[0] <= 1.1 * off


def test_pictures_large_and_small_have_the_book_s_colours(
    browser: Browser, site: Path, result: Downloaded
) -> None:
    """Each existing cell in the colour of its share, give or take the error that is told; every
    other cell empty.
    """
    shades, count = sequential(), len(result.tokens)
    with reading(browser, site / "heads.html") as page:
        figure, errors = opened(page), told(page)
        thumbs = figure.locator(".explorer-grid canvas")
        assert thumbs.count() == 5 * 2
        for without in (False, True):
            figure.get_by_role("checkbox").set_checked(without)
            for head in range(MEAN, 4):
                for layer in range(2):
                    small = pixels(thumbs.nth(2 * (head + 1) + layer))
                    near = [np.zeros((count, count, 4), dtype=np.uint8) for _ in range(2)]
                    for query in range(int(without), count):
                        shares = np.array(result.row(layer, head, query, without))
                        for wanted, off in zip(
                            near, (-errors[without], errors[without]), strict=True
                        ):
                            shade = np.clip(((shares + off) * 256).astype(int), 0, 255)
                            wanted[query, int(without) : query + 1] = shades[shade]
                    assert ((small == near[0]) | (small == near[1])).all(axis=-1).all()
                    assert (
                        near[0] == near[1]
                    ).mean() > 0.99  # few lie so near to the border of two shades
            slide(figure, "Layer", 1)
            slide(figure, "Head", 3)
            assert (
                pixels(figure.locator(".explorer-cells canvas")) == pixels(thumbs.nth(2 * 3 + 1))
            ).all()


def test_the_keyboard_does_all_of_it(browser: Browser, site: Path, result: Downloaded) -> None:
    """Sliders, rows, small pictures; Enter locks and zooms, Escape lets go, the page is not turned;
    all is spoken.
    """
    last = len(result.tokens) - 1
    with reading(browser, site / "heads.html") as page:
        figure = opened(page)
        assert page.evaluate("document.activeElement.textContent") == "Back to the picture"
        page.keyboard.press("Tab")
        page.keyboard.press("Home")
        page.keyboard.press("ArrowRight")
        page.keyboard.press("Tab")
        page.keyboard.press("ArrowRight")
        assert spoken(page).startswith(f"layer 1, head 0; row {last}, ·sat: ")
        page.keyboard.press("Tab")
        page.keyboard.press("Space")
        assert spoken(page).startswith(f"layer 1, head 0, first token left out; row {last}")
        page.keyboard.press("Space")
        page.keyboard.press("Tab")  # into the rows, at the last
        for key in ("ArrowUp", "ArrowUp", "ArrowLeft", "ArrowLeft", "Enter"):
            page.keyboard.press(key)
        shares = result.row(0, 0, last - 2)
        best = int(np.argmax(shares))
        said = spoken(page)
        assert said.startswith(
            f"layer 0, head 0; row {last - 2}, {result.tokens[last - 2]}, locked: "
        )
        assert f": {100 * shares[best]:.2f}\u202f% to {result.tokens[best]} at {best}, " in said
        figure.locator(".explorer-rows button").nth(0).hover()
        assert np.allclose(shown(figure), shares, rtol=0, atol=LAST_DIGIT)  # locked
        assert page.evaluate("document.activeElement.getAttribute('aria-pressed')") == "true"
        page.keyboard.press("Escape")
        assert "locked" not in spoken(page)
        page.keyboard.press("Tab")  # the small pictures are one stop
        for key in ("ArrowDown", "ArrowRight", "ArrowRight"):
            page.keyboard.press(key)
        assert (
            page.evaluate("document.activeElement.getAttribute('aria-label')") == "layer 1, head 1"
        )
        assert figure.locator("[aria-selected=true]").count() == 1
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.closest('.explorer-rows') !== null")
        assert np.allclose(shown(figure), result.row(1, 1, last - 2), rtol=0, atol=LAST_DIGIT)
        assert page.url.endswith("heads.html")


def test_pointing_marks_rows_and_columns(browser: Browser, site: Path, result: Downloaded) -> None:
    """A token of the strip marks its row and column; a cell the two it stands in; a click locks,
    another lets go.
    """
    with reading(browser, site / "heads.html", height=1600) as page:
        figure = opened(page)
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
            shown(figure), result.row(result.start, MEAN, 4), rtol=0, atol=LAST_DIGIT
        )
        assert figure.locator(".explorer-list .marked .explorer-at").all_inner_texts() == ["1"]
        page.mouse.down()
        page.mouse.up()
        height = page.evaluate("document.documentElement.scrollHeight")
        page.mouse.move(cells["x"] + 0.5 * edge, cells["y"] + 6.5 * edge)
        assert (
            len(shown(figure)) == 5 and "locked" in figure.locator(".explorer-heading").inner_text()
        )
        page.mouse.click(cells["x"] + 0.5 * edge, cells["y"] + 4.5 * edge)
        page.mouse.move(cells["x"] + 0.5 * edge, cells["y"] + 6.5 * edge)
        assert len(shown(figure)) == 7
        assert page.evaluate("document.documentElement.scrollHeight") == height  # nothing jumps


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_it_fits_has_no_known_barrier_and_follows_the_theme(
    browser: Browser, site: Path, width: int, scheme: str
) -> None:
    """Nothing wider than the window; axe finds nothing; dark inverts the maps as it does the book's
    pictures.
    """
    from axe_playwright_python.sync_playwright import Axe

    with reading(
        browser, site / "heads.html", width=width, color_scheme=scheme, bypass_csp=True
    ) as page:
        figure = opened(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        canvas = figure.locator(".explorer-cells canvas")
        wanted = "invert(0.9) hue-rotate(180deg)" if scheme == "dark" else "none"
        assert canvas.evaluate("c => getComputedStyle(c).filter") == wanted
        rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
        found = Axe().run(page, options={"runOnly": rules, "preload": False})
        assert not found.response["violations"], found.generate_report()
