"""Tabs and listings in Chromium, with and without scripts."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fixtures.chromium import assert_accessible, reading
from fixtures.small_book import layerbook
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
PROSE = """\
[To the second](#deep)

:::: tabs

::: tab One

first

:::

::: tab Two

### Deep

second

:::

::::

> [!TIP]
> A tip.

- [ ] A task

```rust
fn main() {}
```

$$ a = b $$ (name)

See @eq-name.
"""


@pytest.fixture(scope="module")
def chapter(book_with_results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the small book with a chapter of Markdown blocks."""
    book = tmp_path_factory.mktemp("tabs") / "book"
    shutil.copytree(book_with_results, book)
    (book / "templates" / "chapters" / "words.md").write_text(PROSE, encoding="utf-8")
    layerbook("build", "--no-run", "--quiet", cwd=book, check=True)
    return book / "site" / "words.html"


def test_tabs_change_by_mouse_and_keys(browser: Browser, chapter: Path) -> None:
    """Arrow keys move the focus with the selection and stop at the ends."""
    with reading(browser, chapter) as page:
        first, second = (page.get_by_role("tab", name=name) for name in ("One", "Two"))
        assert page.locator(".tab:visible").inner_text() == "first"
        second.click()
        assert "second" in page.locator(".tab:visible").inner_text()
        page.keyboard.press("ArrowRight")
        assert second.get_attribute("aria-selected") == "true"
        page.keyboard.press("ArrowLeft")
        assert first.evaluate("node => node === document.activeElement")
        assert page.get_by_role("tabpanel").inner_text() == "first"


def test_link_opens_the_tab_of_its_target(browser: Browser, chapter: Path) -> None:
    with reading(browser, chapter) as page:
        page.get_by_role("link", name="To the second").click()
        page.get_by_role("heading", name="Deep").wait_for()


def test_broken_addresses_do_no_harm(browser: Browser, chapter: Path) -> None:
    """The scripts start, and go on when the address changes: `%` cannot be decoded."""
    with reading(browser, chapter) as page:
        page.goto(f"{chapter.as_uri()}#100%")
        page.reload()
        page.get_by_role("tab", name="Two").click()
        page.evaluate("location.hash = '#%E0%A4%A'")
        page.get_by_role("link", name="To the second").click()
        page.get_by_role("heading", name="Deep").wait_for()


def test_all_tabs_are_shown_without_scripts(browser: Browser, chapter: Path) -> None:
    """They have titles, and there are no buttons."""
    with reading(browser, chapter, java_script_enabled=False) as page:
        text = page.locator(".tabs").inner_text()
        assert all(word in text for word in ("One", "first", "Two", "second"))
        assert page.locator(".copy:visible").count() == 0


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_page_passes_axe(browser: Browser, chapter: Path, width: int, scheme: str) -> None:
    """Boxes, tabs, tasks and listings; nothing is wider than the page."""
    with reading(browser, chapter, width, color_scheme=scheme, bypass_csp=True) as page:
        assert_accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_copy_button_copies_a_listing(browser: Browser, chapter: Path) -> None:
    """The text is selected if the clipboard is unavailable, as it is here."""
    with reading(browser, chapter) as page:
        page.locator(".fence .copy").click()
        page.locator(".fence .copy", has_text="ed").wait_for()
        assert page.evaluate("getSelection().toString()").strip() == "fn main() {}"
