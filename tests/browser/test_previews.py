"""Links show their target on hover, focus or tap, and boxes unfold."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.chromium import reading
from fixtures.sample_chapter import write_book
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def book(sample_book: Path) -> Path:
    """The pages of the sample book."""
    return sample_book


def wait_for_preview(page: Page) -> str:
    """Return the text of the preview, once there is one."""
    page.locator("#preview").wait_for()
    return page.locator("#preview").inner_text()


def test_hovering_a_term_opens_its_preview(browser: Browser, book: Path) -> None:
    """The preview fits the window, stays while hovered, and closes with Escape."""
    with reading(browser, book / "attention.html", width=390) as page:
        link, preview = page.locator("a.term").first, page.locator("#preview")
        assert preview.count() == 0
        link.hover()
        assert wait_for_preview(page).startswith("logits Scores, before the")
        assert link.get_attribute("aria-describedby") == "preview"
        box = preview.bounding_box()
        assert box and box["x"] >= 0 and box["x"] + box["width"] <= 390
        preview.hover()
        page.wait_for_timeout(500)
        assert preview.is_visible(), "a reader may move onto it"
        page.keyboard.press("Escape")
        assert preview.count() == 0 and link.get_attribute("aria-describedby") is None
        page.locator("h1").hover()
        link.hover()
        wait_for_preview(page)
        page.locator("h1").hover()
        preview.wait_for(state="detached")


def test_focus_opens_a_preview_and_escape_closes_it(browser: Browser, book: Path) -> None:
    """Enter follows the link."""
    with reading(browser, book / "attention.html") as page:
        page.locator("a.term").first.focus()
        page.keyboard.press("Shift+Tab")
        assert page.locator("#preview").count() == 0
        page.keyboard.press("Tab")
        assert "Scores" in wait_for_preview(page)
        page.keyboard.press("Enter")
        page.wait_for_url("**/glossary.html#logits*")


def test_first_tap_opens_a_preview(browser: Browser, book: Path) -> None:
    """The second tap follows the link."""
    with reading(browser, book / "attention.html", width=390, has_touch=True) as page:
        link = page.locator("a.term").first
        link.tap()
        assert "Scores" in wait_for_preview(page) and page.url.endswith("attention.html")
        page.locator("h1").tap()
        assert page.locator("#preview").count() == 0
        link.tap()
        link.tap()
        page.wait_for_url("**/glossary.html#logits*")


def test_terms_are_plain_links_without_scripts(browser: Browser, book: Path) -> None:
    with reading(browser, book / "attention.html", java_script_enabled=False) as page:
        assert page.locator(".previews").is_hidden()
        page.locator("a.term").first.click()
        assert page.url.endswith("glossary.html#logits")


def test_contents_follow_the_scrolling(browser: Browser, book: Path) -> None:
    """The current section is marked in the contents, and headings link to themselves."""
    with reading(browser, book / "attention.html") as page:
        marked = page.locator(".sections [aria-current]")
        assert marked.count() == 0
        page.locator("h2").nth(1).evaluate("heading => heading.scrollIntoView()")
        page.locator('.sections [aria-current][href="#three-prompts-the"]').wait_for()
        assert marked.count() == 1
        heading = page.locator("h2").nth(1)
        heading.hover()
        assert heading.locator(".anchor").evaluate("link => getComputedStyle(link).opacity") == "1"
        heading.locator(".anchor").click()
        assert page.url.endswith("#three-prompts-the")


def test_citations_have_previews(browser: Browser, tmp_path: Path) -> None:
    """The title for pages without scripts is not shown twice."""
    with reading(browser, write_book(tmp_path) / "attention.html") as page:
        link = page.locator("a.cite").first
        assert link.get_attribute("title") == "Efficient <Streaming>"
        link.hover()
        assert wait_for_preview(page) == "Xiao, 2023 Efficient <Streaming>. A conference."
        assert link.get_attribute("title") is None


def test_fonts_are_loaded_from_the_book(browser: Browser, book: Path) -> None:
    """Text, code and formulas have their fonts, and brackets grow with a fraction."""
    with reading(browser, book / "attention.html") as page:
        page.evaluate("document.fonts.ready")
        loaded = page.evaluate("[...document.fonts].map((f) => f.status + ' ' + f.family)")
        assert {"loaded Source Serif 4", "loaded JetBrains Mono", "loaded Layerbook Math"} <= set(
            loaded
        )
        bracket = page.locator("math.tml-display mo", has_text="(").last.bounding_box()
        fraction = page.locator("math.tml-display mfrac").first.bounding_box()
        assert bracket and fraction and bracket["height"] >= fraction["height"]
