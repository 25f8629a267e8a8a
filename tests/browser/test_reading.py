"""The sample book works in Chromium, opened from disk without a network."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fixtures.chromium import assert_accessible, reading
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
NAMES = (
    "index.html",
    "attention.html",
    "mlp.html",
    "claims.html",
    "references.html",
    "colophon.html",
)


@pytest.fixture(scope="module")
def book(sample_book: Path) -> Path:
    """The pages of the sample book."""
    return sample_book


@pytest.mark.parametrize("width", [360, 768, 1280])
@pytest.mark.parametrize("name", NAMES)
def test_no_page_scrolls_sideways(browser: Browser, book: Path, name: str, width: int) -> None:
    """Wide content scrolls in its own box, also with all disclosures open."""
    with reading(browser, book / name, width=width) as page:
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        page.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
        page.wait_for_timeout(50)
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_stepper_shows_frames_by_button_and_slider(browser: Browser, book: Path) -> None:
    """Buttons, slider and keys agree, and the chapter does not change."""
    with reading(browser, book / "attention.html") as page:
        frame_name, counter = (
            page.locator(".frame.current .frame-name"),
            page.locator(".stepper output"),
        )
        frames, announcement = page.locator(".frames"), page.locator(".frames [aria-live]")
        assert counter.inner_text() == "token 1 of 7"
        assert page.locator(".frame:visible").count() == 1
        assert page.get_by_role("button", name="Previous token").is_disabled()
        page.get_by_role("button", name="Next token").click()
        assert frame_name.inner_text() == "after 2 tokens"
        assert (
            announcement.inner_text()
            == "token 2 of 7. after 2 tokens. next: ·4 The row 2 looks back."
        )
        frames.focus()
        for key, frame in (
            ("ArrowRight", 3),
            ("ArrowLeft", 2),
            ("End", 7),
            ("ArrowRight", 7),
            ("Home", 1),
            ("ArrowLeft", 1),
        ):
            page.keyboard.press(key)
            assert counter.inner_text() == f"token {frame} of 7"
        slider = page.get_by_role("slider")
        slider.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert (counter.inner_text(), slider.input_value()) == ("token 3 of 7", "3")
        page.keyboard.press("End")
        assert page.locator(".frame.current .badge.stop").is_visible()
        assert "the model stops here" in announcement.inner_text()
        assert page.url.endswith("attention.html")


def test_stepper_plays_and_pauses(browser: Browser, book: Path) -> None:
    """Playback ends at the last frame, and is absent with reduced motion."""
    with reading(browser, book / "attention.html") as page:
        page.clock.install()
        page.locator(".frames").focus()
        page.keyboard.press("Space")
        page.get_by_role("button", name="Pause").wait_for()
        page.clock.run_for(2500)
        assert page.locator(".stepper output").inner_text() == "token 3 of 7"
        page.keyboard.press("Space")
        page.clock.run_for(5000)
        assert page.locator(".stepper output").inner_text() == "token 3 of 7"
        page.get_by_role("button", name="Play").click()
        page.clock.run_for(20000)
        assert page.locator(".stepper output").inner_text() == "token 7 of 7"
        page.get_by_role("button", name="Play").wait_for()
    with reading(browser, book / "attention.html", reduced_motion="reduce") as page:
        page.clock.install()
        assert not page.get_by_role("button", name="Play").is_visible()
        page.locator(".frames").focus()
        page.keyboard.press("Space")
        page.clock.run_for(20000)
        assert page.locator(".stepper output").inner_text() == "token 1 of 7"


def test_frames_are_shown_without_scripts_and_in_print(browser: Browser, book: Path) -> None:
    """Print shows six of them, with the first and the last. There are no controls."""
    with reading(browser, book / "attention.html", java_script_enabled=False) as page:
        assert page.locator(".frame:visible").count() == 7
        assert page.locator("button:visible:not(.tick)").count() == 0
    with reading(browser, book / "attention.html") as page:
        page.emulate_media(media="print")
        printed = page.locator(".frame:visible").evaluate_all(
            "all => all.map(f => f.dataset.label)"
        )
        labels = page.locator(".frame").evaluate_all("all => all.map(f => f.dataset.label)")
        assert len(printed) == 6 and (printed[0], printed[-1]) == (labels[0], labels[-1])
        assert (
            page.locator("nav:visible, button:visible:not(.tick), .disclosures:visible").count()
            == 0
        )


def test_list_of_claims_is_folded_by_chapter(browser: Browser, book: Path) -> None:
    """A link to a claim unfolds its chapter without scripts, and paper shows all claims."""
    with reading(browser, book / "claims.html", java_script_enabled=False) as page:
        rows = page.locator(".claims tbody tr")
        assert rows.count() == 3 and page.locator(".claims tbody tr:visible").count() == 0
        page.locator('.claim-list a[href="#claim-attention-noise-1"]').click()
        assert page.locator("tr:target").is_visible()
        assert page.locator(".claims tbody tr:visible").count() == 2
        page.goto(f"{(book / 'claims.html').as_uri()}#claim-mlp-frames-0")
        assert page.locator("tr:target").is_visible()
    with reading(browser, book / "claims.html") as page:
        page.emulate_media(media="print")
        heights = page.locator(".claims tbody tr").evaluate_all(
            "all => all.map(row => row.getBoundingClientRect().height)"
        )
        assert len(heights) == 3 and min(heights) > 10


def test_links_to_claims_open_their_boxes(browser: Browser, book: Path) -> None:
    """A claim with a small margin is open. A claim and its row in the list link to each other."""
    with reading(browser, book / "attention.html") as page:
        claim = page.locator("#claim-noise-1")
        assert claim.locator(".only-just").inner_text() == "Only just: fails by 0.02 (3.1 %)."
        assert page.locator("#claim-noise-0 .only-just").count() == 0
        claim.locator("summary").click()
        assert "Margin: fails by 0.02" in claim.locator(".claim-margin").inner_text()
        claim.get_by_role("link", name="Among all claims").click()
        page.wait_for_url("**/claims.html*#claim-attention-noise-1")
        row = page.locator("tr:target")
        assert row.locator("td").all_inner_texts()[0].startswith("Does not hold only just")
        row.get_by_role("link", name="where in the book").click()
        page.wait_for_url("**/attention.html*#claim-noise-1")
        assert (
            page.locator(".claim:target .claim-sentence")
            .inner_text()
            .startswith("Does not hold here")
        )


def test_contents_work_without_scripts(browser: Browser, book: Path) -> None:
    """On a phone, a plain link opens the contents."""
    with reading(browser, book / "attention.html", width=390, java_script_enabled=False) as page:
        assert not page.locator("#contents").is_visible()
        page.get_by_role("link", name="Contents").click()
        page.locator("#contents").get_by_role("link", name="The MLP").click()
        assert page.locator("h1").inner_text().startswith("The MLP")


def test_escape_closes_the_contents(browser: Browser, book: Path) -> None:
    """The text is inert while the contents are open; focus returns to the button."""
    with reading(browser, book / "attention.html", width=390) as page:
        opener = page.get_by_role("button", name="Contents")
        opener.click()
        assert opener.get_attribute("aria-expanded") == "true"
        assert page.evaluate("document.activeElement.closest('#contents') !== null")
        assert page.evaluate("document.getElementById('main').inert")
        page.keyboard.press("Escape")
        assert not page.locator("#contents").is_visible()
        assert page.evaluate("document.activeElement.id") == "open-contents"


def test_chosen_theme_persists_across_pages(browser: Browser, book: Path) -> None:
    """The theme cycles through auto, light and dark, and is passed on in links, since pages on
    disk may have separate storage.
    """
    background = "getComputedStyle(document.body).backgroundColor"
    with reading(browser, book / "attention.html") as page:
        page.evaluate("() => { try { localStorage.clear() } catch (e) {} }")
        light = page.evaluate(background)
        button = page.get_by_role("button", name="Theme")
        button.click()
        assert (
            page.evaluate("document.documentElement.dataset.theme"),
            page.evaluate(background),
        ) == (
            "light",
            light,
        )
        button.click()
        dark = page.evaluate(background)
        assert dark != light
        page.evaluate("() => { try { localStorage.clear() } catch (e) {} }")
        page.get_by_role("link", name="Next The MLP").click()
        page.wait_for_url("**/mlp.html?theme=dark")
        assert page.evaluate(background) == dark
        page.keyboard.press("ArrowLeft")
        page.wait_for_url("**/attention.html?theme=dark")
        page.get_by_role("button", name="Theme").click()
        assert page.evaluate(background) == light
    with reading(browser, book / "attention.html", color_scheme="dark") as page:
        assert page.evaluate(background) == dark


def test_arrow_keys_change_the_chapter(browser: Browser, book: Path) -> None:
    """Inside a field, they do nothing."""
    with reading(browser, book / "attention.html") as page:
        page.get_by_role("button", name="Search").click()
        page.keyboard.type("head")
        page.keyboard.press("ArrowRight")
        assert page.url.endswith("attention.html")
        page.keyboard.press("Escape")
        page.locator("h1").click()
        page.keyboard.press("ArrowRight")
        page.wait_for_url("**/mlp.html*")


def test_search_finds_sections(browser: Browser, book: Path) -> None:
    """The index loads on demand, results link to sections, and hostile text stays text."""
    with reading(browser, book / "index.html") as page:
        assert page.evaluate("window.layerbookIndex === undefined")
        page.keyboard.press("Control+k")
        page.keyboard.type("softmax shares")
        result = page.locator(".search li a").first
        assert "How it works" in result.inner_text()
        page.locator(".search input").fill("alert(1)")
        assert "<script>" in page.locator(".search li").first.inner_text()
        assert page.locator(".search script, .search img").count() == 0
        page.locator(".search input").fill("softmax shares")
        marked = result.locator("small mark").all_inner_texts()
        assert {word.lower() for word in marked} >= {"softmax", "shares"}
        snippet = result.locator("small").inner_text()
        assert re.match(r"(… )?\S", snippet) and "\\" not in snippet and "$" not in snippet
        result.click()
        page.wait_for_url("**/attention.html*#how-it-works")


def test_pages_pass_axe(browser: Browser, book: Path) -> None:
    """axe finds nothing against WCAG 2.1 AA, in light and in dark, wide and narrow."""
    for width, scheme in ((1280, "light"), (390, "dark")):
        for name in NAMES:
            with reading(
                browser, book / name, width=width, color_scheme=scheme, bypass_csp=True
            ) as page:
                page.evaluate(
                    "document.querySelectorAll('details').forEach(d => { d.open = true })"
                )
                assert_accessible(page, "best-practice")
