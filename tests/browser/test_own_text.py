"""A box in a chapter runs the model on a reader's text, and the browser stores the model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fixtures.chromium import assert_accessible, reading
from fixtures.gguf_file import write_gguf
from fixtures.sample_chapter import BOOK, context
from fixtures.try_page import write_try_page
from layerbook.model.sources import GGUFSource
from layerbook.site.interactive.live_page import live_model
from layerbook.site.page_templates import make_environment, render_page
from layerbook.site.pages import ChapterPage
from layerbook.site.prose.render import render_chapter
from playwright.sync_api import Browser, Locator, Page, expect

pytestmark = pytest.mark.browser
PROSE = """\
One.

{{ own_text("attention") }}

{{ own_text("next") }}

{{ own_text("lens") }}
"""
TEXT = "The cat sat on 2 + 2 = "


@pytest.fixture(scope="module")
def folder(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two chapters with boxes, one without, and the page that runs the model."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    source = GGUFSource("tiny", str(write_gguf(tiny_model_dir, path, quantized=True)))
    folder = tmp_path_factory.mktemp("own")
    write_try_page(folder, source)
    for name, prose in (("one", PROSE), ("two", PROSE), ("none", "Nothing.")):
        body = render_chapter(prose, f"{name}.md", replace(context(), live=live_model(source)))
        page = ChapterPage(name, name, "", body)
        html = render_page(page, replace(BOOK, live=True), make_environment())
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return folder


def box(page: Page, kind: str) -> Locator:
    return page.locator(f".own-text[data-kind={kind}]")


def open_box(page: Page, kind: str) -> Locator:
    """Load the model, or use the one that is loaded, and wait for the first text."""
    own_text = box(page, kind)
    own_text.locator(".own-load .try-go").click()
    wait_until_read(own_text)
    return own_text


def wait_until_read(own_text: Locator) -> None:
    expect(own_text.locator(".own-app .try-status")).to_contain_text("read.", timeout=60_000)


def read(own_text: Locator, text: str) -> None:
    field = own_text.get_by_role("textbox", name="Your text")
    field.fill(text)
    field.press("Enter")
    wait_until_read(own_text)


def test_only_pages_with_boxes_load_the_model(folder: Path) -> None:
    """All other pages keep the strict content policy."""
    for name, runs in (("one", True), ("none", False)):
        html = (folder / f"{name}.html").read_text(encoding="utf-8")
        assert ("'wasm-unsafe-eval'; worker-src blob:" in html) is runs
        assert "own_text.js" not in html  # loaded when asked for


def best_tokens(layers: Locator) -> list[str]:
    """Return the tokens after the last layer; a narrow table hides some of them."""
    return layers.locator("tbody tr").last.locator("td:has(.tok)").all_text_contents()


def test_boxes_show_the_models_predictions(browser: Browser, folder: Path) -> None:
    """They share one model and agree with the page that runs the model."""
    with reading(browser, folder / "try.html") as page:
        page.get_by_role("button", name="Load the model").click()
        status = page.locator(".try-text .try-status")
        expect(status).to_contain_text("tokens read", timeout=60_000)
        page.get_by_role("textbox", name="Your text").fill(TEXT)
        page.get_by_role("button", name="Read it").click()
        expect(page.locator(".try-output")).to_have_text(TEXT)
        expect(status).to_contain_text("tokens read")
        page.get_by_role("button", name="Unchanged").click()
        best = page.locator(".try-next ol").inner_text()
        lens = best_tokens(page.locator(".try-layers"))
        page.get_by_role("button", name="The sink").click()
        explored_weights = page.locator(".try-attention .explorer-list").inner_text()
    with reading(browser, folder / "one.html") as page:
        following = open_box(page, "next")
        read(following, TEXT)
        assert following.locator("ol").inner_text() == best
        layers = open_box(page, "lens")
        read(layers, TEXT)
        assert best_tokens(layers) == lens
        attention = open_box(page, "attention")
        read(attention, TEXT)
        assert attention.locator(".explorer-list").inner_text() != explored_weights
        attention.get_by_role("button", name="The sink").click()
        assert attention.locator(".explorer-list").inner_text() == explored_weights


def test_drawn_token_is_appended(browser: Browser, folder: Path) -> None:
    """It is added to the field."""
    with reading(browser, folder / "one.html") as page:
        own_text = open_box(page, "next")
        field = own_text.get_by_role("textbox", name="Your text")
        before = field.input_value()
        own_text.get_by_role("button", name="Play safe").click()
        first = own_text.locator("li button").first.inner_text()
        own_text.get_by_role("button", name="Draw a token").click()
        wait_until_read(own_text)
        expect(field).not_to_have_value(before)
        written = field.input_value()
        assert written.startswith(before)
        assert written[len(before) :].replace(" ", "·") == first


def test_model_is_available_on_the_next_page(browser: Browser, folder: Path) -> None:
    """It is loaded from the browser's storage and checked, or else from the folder."""
    context = browser.new_context()
    page = context.new_page()
    page.goto((folder / "one.html").as_uri())
    open_box(page, "lens")
    page.wait_for_function("""async () => {
      const names = await indexedDB.databases();
      return names.some(({ name }) => name === "layerbook");
    }""")
    manifest = folder / "live" / "manifest.js"
    manifest.rename(manifest.with_suffix(".away"))
    try:
        page.goto((folder / "two.html").as_uri())
        open_box(page, "lens")
        damage = """async () => {
          const request = indexedDB.open("layerbook", 1);
          const database = await new Promise((done) =>
            (request.onsuccess = () => done(request.result)));
          const store = database.transaction("model", "readwrite").objectStore("model");
          const old = store.get("file");
          const saved = await new Promise((done) => (old.onsuccess = () => done(old.result)));
          const bytes = new Uint8Array(await new Blob(saved.parts).arrayBuffer());
          bytes[bytes.length - 1000] ^= 1;
          saved.parts = [new Blob([bytes])];
          const again = database.transaction("model", "readwrite").objectStore("model");
          const put = again.put(saved, "file");
          await new Promise((done) => (put.onsuccess = done));
        }"""
        page.evaluate(damage)
        page.goto((folder / "one.html").as_uri())
        box(page, "lens").locator(".own-load .try-go").click()
        expect(box(page, "lens").locator(".try-file")).to_be_visible()  # refused, and not beside it
        expect(box(page, "lens").locator(".own-app")).to_be_hidden()
    finally:
        manifest.with_suffix(".away").rename(manifest)
    box(page, "lens").locator(".own-load .try-go").click()
    wait_until_read(box(page, "lens"))
    context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_page_passes_axe(browser: Browser, folder: Path, width: int, scheme: str) -> None:
    """Nothing is wider than the window."""
    file = folder / "one.html"
    with reading(browser, file, width=width, color_scheme=scheme, bypass_csp=True) as page:
        for kind in ("next", "lens", "attention"):
            box_size = open_box(page, kind).bounding_box()
            assert box_size is not None
            assert box_size["x"] + box_size["width"] <= width
        assert_accessible(page, context=".own-text")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
