"""`layerbook serve` in Chromium: saved changes or their mistakes appear on the page."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from fixtures.small_book import layerbook, start_layerbook
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser
PROSE = "templates/chapters/next.md"


@contextmanager
def previewing(browser: Browser, book: Path, *options: str) -> Iterator[tuple[Page, int]]:
    """Serve a book and open its first chapter; yield the page and the server's process id."""
    with start_layerbook("serve", "--port", "0", *options, cwd=book) as server:
        try:
            assert server.stdout
            lines = iter(server.stdout.readline, "")
            address = next(m[1] for line in lines if (m := re.search(r"at (http\S+/);", line)))
            page = browser.new_page()
            problems: list[str] = []
            page.on("console", lambda message: problems.append(message.text))
            page.route("**/favicon.ico", lambda route: route.fulfill(status=204))
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.goto(f"{address}next.html")
            yield page, server.pid
            page.close()
            assert not problems
        finally:
            server.send_signal(signal.SIGINT)
            server.communicate(timeout=30)
    assert server.returncode == 130


def test_saved_prose_appears_on_the_page(browser: Browser, book: Path) -> None:
    """An edit takes less than a second of processor time, and no file contains the preview's
    script.
    """
    with previewing(browser, book) as (page, pid):
        path = book / PROSE
        path.write_text(path.read_text() + "\nThe first edit, which loads the renderers.\n")
        expect(page.get_by_text("The first edit")).to_be_visible(timeout=20_000)
        before = psutil.Process(pid).cpu_times()
        path.write_text(path.read_text() + "\nThe second edit.\n")
        expect(page.get_by_text("The second edit")).to_be_visible(timeout=20_000)
        after = psutil.Process(pid).cpu_times()
        assert (after.user + after.system) - (before.user + before.system) < 1
        assert not page.locator("#layerbook-preview").is_visible()
    for file in (book / "site").rglob("*.html"):
        assert "/-/" not in file.read_text(), file


def test_mistake_is_shown_until_it_is_fixed(browser: Browser, book: Path) -> None:
    """The page shows the place and the line, below the last valid text."""
    path = book / PROSE
    with previewing(browser, book) as (page, _):
        original = path.read_text()
        path.write_text(original + '\nAs {{ r("sun").prompts }}\n')
        panel = page.locator("#layerbook-preview")
        expect(panel).to_contain_text(f"{PROSE}:{len(original.splitlines()) + 2}:", timeout=20_000)
        expect(panel).to_contain_text("did you mean 'sum'")
        expect(panel.locator("pre").first).to_contain_text('As {{ r("sun").prompts }}')
        expect(page.locator("h1")).to_have_text("What comes next")
        path.write_text(original + "\nMended.\n")
        expect(page.get_by_text("Mended.")).to_be_visible(timeout=20_000)
        expect(panel).to_be_hidden()


def test_changed_experiments_are_announced_and_not_run(browser: Browser, book: Path) -> None:
    """With --run they are measured, and the page has the new result."""
    spec = book / "experiments" / "next.yaml"
    with previewing(browser, book) as (page, _):
        spec.write_text(spec.read_text().replace("top_k: 5", "top_k: 4"))
        panel = page.locator("#layerbook-preview")
        expect(panel).to_contain_text("1 experiment is out of date", timeout=20_000)
        expect(panel).to_contain_text("next/sum")
    assert "stale" in layerbook("status", cwd=book).stdout
    with previewing(browser, book, "--run") as (page, _):
        assert "stale" not in layerbook("status", cwd=book).stdout
        rows = page.locator("#sum-prompt-0 tbody tr")  # a row a token, and one for the rest
        expect(rows).to_have_count(4 + 1)
        spec.write_text(spec.read_text().replace("top_k: 4", "top_k: 3"))
        expect(rows).to_have_count(3 + 1, timeout=60_000)
