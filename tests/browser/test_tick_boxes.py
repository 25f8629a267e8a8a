"""Ticks in Chromium: in the margin or in the text, with a popover that needs no script."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.chromium import reading
from playwright.sync_api import Browser, FloatRect, Locator

pytestmark = pytest.mark.browser
OPEN = ".tick-box:popover-open"


@pytest.fixture(scope="module")
def chapter(sample_book: Path) -> Path:
    """A chapter with two ticks that hold in a row and one that fails."""
    return sample_book / "attention.html"


def place(locator: Locator) -> FloatRect:
    """Return the box of an element that is on the page."""
    box = locator.bounding_box()
    assert box
    return box


def test_ticks_stand_in_the_margin_at_their_line(browser: Browser, chapter: Path) -> None:
    """They are side by side; a failed claim stays in the text, in words."""
    with reading(browser, chapter) as page:
        ticks = page.locator(".tick")
        first, second, failed = (place(ticks.nth(i)) for i in range(3))
        paragraph = place(page.locator("p:has(> .ticks)").first)
        assert first["x"] >= paragraph["x"] + paragraph["width"]
        assert second["x"] >= first["x"] + first["width"] and second["y"] == first["y"]
        assert paragraph["y"] <= first["y"] + first["height"] / 2 <= paragraph["y"] + 31
        assert failed["x"] < paragraph["x"] + paragraph["width"]
        assert ticks.nth(2).inner_text().strip().endswith("✗ does not hold")


def test_ticks_follow_their_sentence_on_a_phone(browser: Browser, chapter: Path) -> None:
    """They are on the line of its last word."""
    with reading(browser, chapter, width=390) as page:
        first = place(page.locator(".tick").first)
        paragraph = place(page.locator("p:has(> .ticks)").first)
        assert paragraph["x"] < first["x"] < paragraph["x"] + paragraph["width"]
        assert paragraph["y"] <= first["y"] < paragraph["y"] + 31


@pytest.mark.parametrize("scripts", [True, False])
@pytest.mark.parametrize("width", [390, 1280])
def test_tick_opens_its_box(browser: Browser, chapter: Path, width: int, scripts: bool) -> None:
    """By click and by key, within the window; Escape closes it and returns the focus."""
    with reading(browser, chapter, width, java_script_enabled=scripts) as page:
        tick, box = page.locator(".tick").nth(1), page.locator(OPEN)
        tick.click()
        assert "The most likely next token is 4" in box.inner_text()
        for part in ('result.prompts[0].top[0].text == "4"', "Margin: exact", "Among all claims"):
            assert part in box.inner_text()
        where = place(box)
        assert where["x"] >= 0 and where["x"] + where["width"] <= width
        assert where["y"] >= 0 and where["y"] + where["height"] <= 800
        page.keyboard.press("Escape")
        assert box.count() == 0
        page.keyboard.press("Enter")
        assert box.count() == 1
        page.keyboard.press("Tab")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/claims.html#claim-attention-noise-0")


def test_ticks_have_names_for_screen_readers(browser: Browser, chapter: Path) -> None:
    """A tick is a button named by the verdict, and its box a dialog with the claim."""
    with reading(browser, chapter) as page:
        page.get_by_role("button", name="Checked: it holds").first.click()
        assert page.get_by_role("dialog", name="A checked claim").is_visible()
        page.keyboard.press("Escape")
        page.get_by_role("button", name="Checked: ✗ does not hold").or_(
            page.get_by_role("button", name="Checked: does not hold")
        ).click()
        assert "Does not hold here" in page.get_by_role("dialog").inner_text()


def test_print_shows_only_the_marks(browser: Browser, chapter: Path) -> None:
    """They are in the text, since paper has no margin for them."""
    with reading(browser, chapter) as page:
        page.locator(".tick").first.click()
        page.emulate_media(media="print")
        assert page.locator(".tick:visible").count() == 3
        assert page.locator(".tick-box:visible").count() == 0
        first = place(page.locator(".tick").first)
        paragraph = place(page.locator("p:has(> .ticks)").first)
        assert first["x"] < paragraph["x"] + paragraph["width"]
