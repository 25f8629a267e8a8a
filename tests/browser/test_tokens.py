"""What a token is, on the page: by mouse, keyboard and tap, and the same as in the results."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.chromium import chromium, reading
from fixtures.sample_chapter import write_book
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
SITE = Path(__file__).resolve().parents[2] / "site"
STRIP = "#fig-noise-tokens .strip-row"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all of these."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample book on disk."""
    return write_book(tmp_path_factory.mktemp("book"))


def shown(page: Page) -> list[str]:
    """The lines of the tooltip; none where it is not there."""
    tip = page.locator("[role=tooltip]")
    assert tip.count() == 1
    return tip.inner_text().split("\n") if tip.is_visible() else []


def told(token: dict[str, object], position: int | None) -> list[str]:
    """What the page should say of a token of a result; its bytes are counted from its text where
    that is whole.
    """
    spelt = bytes.fromhex(str(token["hex"]))
    text = str(token["text"])
    assert "\ufffd" in text or spelt == text.encode()
    lines = [f"{'special ' * bool(token['special'])}token {token['id']}"]
    lines.append(
        ("byte " if len(spelt) == 1 else "bytes ") + " ".join(f"{byte:02X}" for byte in spelt)
    )
    return lines + ([] if position is None else [f"position {position}"])


def test_by_mouse(browser: Browser, book: Path) -> None:
    """Beside the chip, within the window; it stays while the pointer is on it, goes with Escape and
    elsewhere.
    """
    with reading(browser, book / "attention.html", width=390) as page:
        chip = page.locator(f"{STRIP} .tok", has_text="World")
        assert shown(page) == []
        chip.hover()
        assert shown(page) == ["token 2260", "bytes 20 57 6F 72 6C 64", "position 2"]
        assert chip.get_attribute("title") is None, "the browser would show it, too"
        assert chip.get_attribute("aria-describedby") == page.locator(
            "[role=tooltip]"
        ).get_attribute("id")
        box, at = page.locator("[role=tooltip]").bounding_box(), chip.bounding_box()
        assert box and at and box["x"] >= 0 and box["x"] + box["width"] <= 390
        assert abs(box["y"] + box["height"] - at["y"]) < 1, (
            "no gap that the pointer would fall into"
        )
        page.mouse.move(at["x"] + at["width"] / 2, at["y"] - 5)
        assert len(shown(page)) == 3
        chip.hover()
        page.keyboard.press("Escape")
        assert shown(page) == [] and chip.get_attribute("aria-describedby") is None
        page.mouse.move(at["x"] + 3, at["y"] + 3)
        assert shown(page) == [], "dismissed, until the pointer has left"
        page.locator("h1").hover()
        chip.hover()
        assert len(shown(page)) == 3
        page.locator("h1").hover()
        assert shown(page) == []


def test_a_row_is_one_stop_of_the_keyboard(browser: Browser, book: Path) -> None:
    """Tab comes to each row once, where it was left; arrows, Home and End move in it and turn no
    page.
    """
    with reading(browser, book / "attention.html") as page:
        rows = page.locator(STRIP)
        assert [rows.nth(i).locator(".tok[tabindex='0']").count() for i in range(2)] == [1, 1]
        rows.nth(0).locator(".tok").first.focus()
        steps = [("ArrowRight", "token 28"), ("End", "token 17"), ("ArrowRight", "token 17")]
        steps += [
            ("ArrowLeft", "token 2260"),
            ("Home", "token 19556"),
            ("ArrowLeft", "token 19556"),
        ]
        steps += [("ArrowRight", "token 28"), ("Tab", "special token 1"), ("Shift+Tab", "token 28")]
        for key, words in steps:
            page.keyboard.press(key)
            assert shown(page)[0] == words, key
        page.keyboard.press("Escape")
        assert shown(page) == []
        page.locator("h1").hover()
        assert shown(page) == [], "dismissed, though it still has the keyboard"
        page.keyboard.press("ArrowRight")
        assert shown(page)[0] == "token 2260"
        page.keyboard.press("Alt+ArrowRight")
        assert page.url.endswith("attention.html") and shown(page)[0] == "token 2260"


def test_in_a_sequence_the_arrows_are_the_steppers(browser: Browser, book: Path) -> None:
    """From a chip of a frame they show the next frame, and the keyboard stays with the sequence."""
    with reading(browser, book / "attention.html") as page:
        page.locator(".frame.current .tok").focus()
        assert shown(page)[0] == "token 513"
        for number in (2, 3):
            page.keyboard.press("ArrowRight")
            assert page.locator(".stepper output").inner_text() == f"token {number} of 7"
            assert page.evaluate("document.activeElement.className") == "frames stepping"
        assert shown(page) == []


def test_what_is_pressed_as_a_whole_holds_no_stop(browser: Browser, book: Path) -> None:
    """A chip in a choice can be pointed at, and the keyboard goes to the choice."""
    with reading(browser, book / "attention.html") as page:
        chip = page.locator(".predict label .tok")
        assert chip.get_attribute("tabindex") is None
        chip.hover()
        assert shown(page)[0] == "token 36"


def test_by_tap(browser: Browser, book: Path) -> None:
    """A tap shows it, a tap on another that one, a tap elsewhere none."""
    with reading(
        browser, book / "attention.html", width=390, has_touch=True, is_mobile=True
    ) as page:
        page.locator(f"{STRIP} .tok").nth(0).tap()
        assert shown(page)[0] == "token 19556"
        page.locator(f"{STRIP} .tok").nth(1).tap()
        assert shown(page)[0] == "token 28"
        page.locator(f"{STRIP} .strip-label").first.tap()
        assert shown(page) == []
        # Not every browser follows a touch with events of a mouse.
        page.locator(f"{STRIP} .tok").nth(2).dispatch_event("pointerup", {"pointerType": "touch"})
        assert shown(page)[0] == "token 2260"
        page.locator("h1").dispatch_event("pointerdown", {"pointerType": "touch"})
        assert shown(page) == []


def test_it_moves_with_its_chip(browser: Browser, book: Path) -> None:
    """Scrolling keeps it there; where there is no room above, it is below."""
    with reading(browser, book / "attention.html") as page:
        page.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
        chip, tip = page.locator(f"{STRIP} .tok").first, page.locator("[role=tooltip]")
        chip.focus()
        for room in (300, 5):
            page.evaluate(
                f"scrollBy(0, document.activeElement.getBoundingClientRect().top - {room})"
            )
            page.wait_for_function(
                f"Math.abs(document.activeElement.getBoundingClientRect().top - {room}) < 1"
            )
            page.wait_for_timeout(50)
            box, at = tip.bounding_box(), chip.bounding_box()
            assert box and at
            edge = at["y"] - box["height"] if room > 100 else at["y"] + at["height"]
            assert abs(box["y"] - edge) < 1


def test_without_scripts_it_is_the_title(browser: Browser, book: Path) -> None:
    """Nothing is lost, and nothing on paper."""
    with reading(browser, book / "attention.html", java_script_enabled=False) as page:
        titles = [chip.get_attribute("title") for chip in page.locator(f"{STRIP} .tok").all()]
        assert titles[0] == "token 19556\nbytes 48 65 6C 6C 6F\nposition 0" and all(titles)
    with reading(browser, book / "attention.html") as page:
        page.locator(f"{STRIP} .tok").first.focus()
        page.emulate_media(media="print")
        assert shown(page) == []


@pytest.mark.parametrize(
    ("chapter", "id"),
    [("tokenization", "chat-one-turn"), ("tokenization", "spaces"), ("model", "capital-lecture")],
)
def test_the_page_says_what_the_result_says(browser: Browser, chapter: str, id: str) -> None:
    """Id, bytes and position of every token of a text, written by the model or not, read with the
    arrow keys alone.
    """
    prompts = json.loads((SITE / "data" / chapter / f"{id}.json").read_bytes())["prompts"]
    with reading(browser, SITE / f"{chapter}.html") as page:
        strips = page.locator(f"#{id}-tokens .chips")
        assert strips.count() == len(prompts)
        for strip, one in zip(strips.all(), prompts, strict=True):
            strip.locator(".tok[tabindex='0']").focus()
            for position, token in enumerate(one["tokens"]):
                assert shown(page) == told(token, position)
                page.keyboard.press("ArrowRight")


def test_entries_of_the_vocabulary_and_tokens_of_the_prose_have_no_position(
    browser: Browser,
) -> None:
    """Id and bytes as the result has them."""
    found = json.loads((SITE / "data" / "tokenization" / "vocabulary.json").read_bytes())
    with reading(browser, SITE / "tokenization.html") as page:
        for row, name in enumerate(("first", "joined", "last")):
            page.locator("#vocabulary-first .chips").nth(row).locator(".tok").first.focus()
            assert shown(page) == told(found[name][0], None)
        prose = page.locator("p > .tok", has_text=found["joined"][0]["text"].strip()).first
        prose.hover()
        assert shown(page) == told(found["joined"][0], None)


def test_the_explorer_tells_its_tokens_too(browser: Browser) -> None:
    """Whatever a script adds to the page is told in the same way."""
    tokens = json.loads((SITE / "data" / "attention" / "every.json").read_bytes())["tokens"]
    with reading(browser, SITE / "attention.html") as page:
        page.get_by_role("button", name="Explore every layer and head").click()
        chips = page.locator(".explorer-strip .tok")
        chips.first.wait_for()
        for position in (0, 3, len(tokens) - 1):
            chips.nth(position).hover()
            assert shown(page) == told(tokens[position], position)
