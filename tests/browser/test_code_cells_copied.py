"""Code cells in Chromium: a copy button, names for screen readers, and plain text without
scripts.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.chromium import reading
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def chapter(sample_book: Path) -> Path:
    """A chapter with one cell."""
    return sample_book / "attention.html"


def test_button_copies_the_code(browser: Browser, chapter: Path) -> None:
    """The keyboard works too, success is announced, and the text can be pasted."""
    permissions = ["clipboard-read", "clipboard-write"]
    with reading(browser, chapter, permissions=permissions) as page:
        button = page.get_by_role("group", name="Code you can run").get_by_role("button")
        button.focus()
        page.keyboard.press("Enter")
        page.get_by_role("button", name="Copied").wait_for()
        assert page.evaluate("navigator.clipboard.readText()") == "1 + 1\n"
        page.get_by_role("button", name="Copy", exact=True).wait_for()


def test_code_is_selected_without_a_clipboard(browser: Browser, chapter: Path) -> None:
    """Readers can then copy it themselves."""
    with reading(browser, chapter) as page:
        page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(Error()); }")
        page.locator(".cell .copy").click()
        page.get_by_role("button", name="Selected").wait_for()
        assert page.evaluate("getSelection().toString()").strip() == "1 + 1"


def test_copy_button_is_absent_without_scripts_and_in_print(
    browser: Browser, chapter: Path
) -> None:
    """Code and value are shown."""
    with reading(browser, chapter, java_script_enabled=False) as page:
        cell = page.locator(".cell")
        assert "1 + 1" in cell.inner_text() and "Result: 2" in cell.inner_text()
        assert page.locator(".cell .copy:visible").count() == 0
        assert page.get_by_role("link", name="Notebook").is_visible()
        page.emulate_media(media="print")
        assert "1 + 1" in cell.inner_text() and "Result: 2" in cell.inner_text()
        assert page.locator(".cell-bar:visible").count() == 0
