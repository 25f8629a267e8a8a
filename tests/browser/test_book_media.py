"""A book's pictures and videos are allowed by the policy, of the stated size, and match the
theme.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from fixtures.chromium import reading
from fixtures.small_book import layerbook
from PIL import Image
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.browser
PROSE = """\
![A dark or a light box](images/box.png "A box.")

![A photo](images/photo.jpg "A photo.")

{{ video("static/film.webm", poster="images/photo.jpg", caption="A film.",
   track="static/film.de.vtt") }}
"""


@pytest.fixture(scope="module")
def chapter(book_with_results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the small book with two pictures and an empty video."""
    book = tmp_path_factory.mktemp("media") / "book"
    shutil.copytree(book_with_results, book)
    (book / "images").mkdir()
    (book / "static").mkdir()
    for name, size in {
        "box.png": (600, 90),
        "box.dark.png": (600, 90),
        "photo.jpg": (320, 180),
    }.items():
        Image.new("RGB", size, "white").save(book / "images" / name)
    (book / "static" / "film.webm").write_bytes(b"")
    subtitles = "WEBVTT\n\n00:01.000 --> 00:02.000\nEin Satz.\n"
    (book / "static" / "film.de.vtt").write_text(subtitles, encoding="utf-8")
    (book / "templates" / "chapters" / "words.md").write_text(PROSE, encoding="utf-8")
    layerbook("build", "--no-run", "--quiet", cwd=book, check=True)
    return book / "site" / "words.html"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_picture_of_the_theme_is_shown(browser: Browser, chapter: Path, scheme: str) -> None:
    """Only one of the two pictures is visible, with its full size."""
    with reading(browser, chapter, color_scheme=scheme) as page:
        shown = page.locator(".kind-image img").filter(visible=True)
        assert shown.count() == 2
        name = "box.dark.png" if scheme == "dark" else "box.png"
        assert shown.first.get_attribute("src") == f"images/{name}"
        shown.nth(1).scroll_into_view_if_needed()
        expect(shown.nth(1)).to_have_js_property("naturalWidth", 320)


def test_dark_picture_is_shown_in_the_dark_theme(browser: Browser, chapter: Path) -> None:
    """The theme chosen on the page overrides the system's."""
    with reading(browser, chapter, color_scheme="light") as page:
        page.evaluate("document.documentElement.dataset.theme = 'dark'")
        shown = page.locator(".kind-image img").filter(visible=True)
        assert shown.first.get_attribute("src") == "images/box.dark.png"


@pytest.mark.parametrize("width", [390, 1280])
def test_pictures_fit_the_page(browser: Browser, chapter: Path, width: int) -> None:
    """A phone does not scroll sideways, and proportions are kept."""
    with reading(browser, chapter, width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        box = page.locator(".kind-image img").first.bounding_box()
        assert box and abs(box["width"] / box["height"] - 600 / 90) < 0.2


def test_content_policy_allows_video(browser: Browser, chapter: Path) -> None:
    """The empty file fails as a video rather than as a forbidden source."""
    with browser.new_context() as context:
        page = context.new_page()
        messages: list[str] = []
        page.on("console", lambda message: messages.append(message.text))
        page.goto(chapter.as_uri())
        page.evaluate("document.querySelector('video').play().catch(() => null)")
        expect(page.locator("video").first).to_have_js_property("networkState", 3)
        assert not [text for text in messages if "Content Security Policy" in text]


def test_subtitles_are_read_from_disk(browser: Browser, chapter: Path) -> None:
    """They are off until the reader wants them, and then the browser knows their text."""
    with reading(browser, chapter) as page:
        track = page.locator("video track")
        assert track.get_attribute("srclang") == "de"
        assert track.evaluate("element => element.track.mode") == "disabled"
        track.evaluate("element => { element.track.mode = 'showing'; }")
        expect(track).to_have_js_property("readyState", 2)
        assert track.evaluate("element => element.track.cues[0].text") == "Ein Satz."
