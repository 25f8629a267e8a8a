"""Pictures of figures that a reader saves from the page, in Chromium."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from fixtures.chromium import reading
from fixtures.files import write_files
from fixtures.sample_chapter import BOOK, SampleViews, context, figure_view
from fixtures.sample_figures import attention_pattern, growing_frames
from layerbook.core import figures
from layerbook.plotting.rasterizing import svg_to_png
from layerbook.plotting.render import render_figure, render_frames
from layerbook.site.assets import assets
from layerbook.site.blocks import FailedView, FigureView, FrameView, Link
from layerbook.site.page_templates import render_page
from layerbook.site.pages import ChapterPage
from layerbook.site.prose.render import render_chapter
from PIL import Image
from playwright.sync_api import Browser, Download, Page

pytestmark = pytest.mark.browser
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write pages with one figure each: a heatmap, a sequence of them, and rows of tokens."""
    folder = tmp_path_factory.mktemp("book")
    heatmap, sequence = attention_pattern(6), growing_frames(4)
    pattern = replace(figure_view("noise", "pattern"), html=render_figure(heatmap, "pattern-svg"))
    frames = tuple(
        FrameView(figures.label_text(frame.label), html, frame.picture.alt)
        for frame, html in zip(sequence.frames, render_frames(sequence, "steps-svg"), strict=True)
    )
    steps = replace(figure_view("noise", "steps"), frames=frames)
    write_page(folder, "heatmap", pattern)
    write_page(folder, "sequence", steps)
    write_page(folder, "tokens", figure_view("noise", "tokens"))
    return folder


def write_page(folder: Path, name: str, view: FigureView | FailedView) -> None:
    """Write a page that has one figure."""
    ctx = context(SampleViews(shown=view))
    body = render_chapter('{{ figure("noise") }}', f"{name}.md", ctx)
    neighbors = {"previous": Link("Before", "before.html"), "next": Link("After", "after.html")}
    page = ChapterPage(name, name, "Chapter 1", body, **neighbors)
    files = {f"{name}.html": render_page(page, BOOK, ctx.jinja_env).encode()}
    write_files(folder, files | assets(ctx.math.css_rules))


def save(page: Page, format: str) -> Download:
    """Save the picture of a figure with the button under it."""
    downloads = page.locator(".disclosure", has_text="Downloads")
    if downloads.get_attribute("open") is None:
        downloads.locator("summary").click()
    with page.expect_download() as started:
        downloads.get_by_role("button", name=f"The picture as {format}").click()
    return started.value


def pixels(png: bytes) -> np.ndarray:
    """Read a picture as `[row, column, color]`."""
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"), dtype=float)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_picture_is_saved_as_svg_and_png(browser: Browser, folder: Path, theme: str) -> None:
    """In light colors on white, whatever the theme; both files show the same picture."""
    with reading(
        browser, folder / "heatmap.html", color_scheme=theme, accept_downloads=True
    ) as page:
        svg_file, png_file = save(page, "SVG"), save(page, "PNG")
        assert svg_file.suggested_filename == "fig-noise-pattern.svg"
        assert png_file.suggested_filename == "fig-noise-pattern.png"
        svg = Path(svg_file.path()).read_text(encoding="utf-8")
        png = pixels(Path(png_file.path()).read_bytes())
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{SVG}svg"
    assert "var(" not in svg
    drawn = pixels(svg_to_png(svg, 2))
    assert png.shape == drawn.shape
    assert png[0, 0].tolist() == [255, 255, 255]
    assert png.std() > 10  # there is something to see
    assert abs(png - drawn).mean() < 5  # another program draws the same, up to its fonts


def test_step_of_a_sequence_is_saved_with_its_number(browser: Browser, folder: Path) -> None:
    """The current step is saved."""
    with reading(browser, folder / "sequence.html", accept_downloads=True) as page:
        page.get_by_role("button", name="Next").click()
        shown = page.locator(".frame svg:visible").get_attribute("id")
        saved = save(page, "SVG")
        assert saved.suggested_filename == "fig-noise-steps-2.svg"
        assert shown == "steps-svg-2"
        assert ElementTree.parse(saved.path()).getroot().get("id") == shown


def test_png_that_cannot_be_written_is_reported(browser: Browser, folder: Path) -> None:
    """Browsers give no picture for a canvas that is too large; nothing is saved in its place."""
    with reading(browser, folder / "heatmap.html", accept_downloads=True) as page:
        page.evaluate(
            "() => { HTMLCanvasElement.prototype.toBlob = (callback) => callback(null); }"
        )
        saved: list[Download] = []
        page.on("download", lambda download: saved.append(download))
        page.locator(".disclosure", has_text="Downloads").locator("summary").click()
        page.get_by_role("button", name="The picture as PNG").click()
        page.get_by_role("button", name="This browser cannot save it").wait_for()
        assert saved == []


def test_figure_of_text_offers_its_data_only(browser: Browser, folder: Path) -> None:
    """There is no drawing to save."""
    with reading(browser, folder / "tokens.html") as page:
        figure = page.locator("figure")
        assert figure.locator(".downloads a").count() == 2
        assert figure.locator(".downloads button").count() == 0


def test_without_scripts_the_data_can_be_saved(browser: Browser, folder: Path) -> None:
    """Links remain, without buttons."""
    with reading(browser, folder / "heatmap.html", java_script_enabled=False) as page:
        figure = page.locator("figure")
        assert figure.locator(".downloads a").count() == 2
        assert figure.locator(".downloads button").count() == 0
