"""Tooltips of tokens agree with the results, by mouse, keyboard and touch."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fixtures.chromium import reading
from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser
SITE = Path(__file__).resolve().parents[2] / "site"
STRIP = "#fig-noise-tokens .strip-row"


@pytest.fixture(scope="module")
def book(sample_book: Path) -> Path:
    """The pages of the sample book."""
    return sample_book


def tooltip_lines(page: Page) -> list[str]:
    """Return the lines of the tooltip, none if it is hidden."""
    tooltip = page.locator("[role=tooltip]")
    assert tooltip.count() == 1
    return tooltip.inner_text().split("\n") if tooltip.is_visible() else []


def expected_lines(token: dict[str, object], position: int | None) -> list[str]:
    """Return the lines for a token of a result. If the text is complete, its bytes must match."""
    token_bytes = bytes.fromhex(str(token["hex"]))
    text = str(token["text"])
    assert "\ufffd" in text or token_bytes == text.encode()
    lines = [f"{'special ' * bool(token['special'])}token {token['id']}"]
    lines.append(
        ("byte " if len(token_bytes) == 1 else "bytes ")
        + " ".join(f"{byte:02X}" for byte in token_bytes)
    )
    return lines + ([] if position is None else [f"position {position}"])


def test_hovering_a_token_highlights_its_cells(browser: Browser, book: Path) -> None:
    """The tooltip is near the token, fits the window, and stays while hovered; Escape and
    leaving hide it.
    """
    with reading(browser, book / "attention.html", width=390) as page:
        chip = page.locator(f"{STRIP} .tok", has_text="World")
        assert tooltip_lines(page) == []
        chip.hover()
        assert tooltip_lines(page) == ["token 2260", "bytes 20 57 6F 72 6C 64", "position 2"]
        assert chip.get_attribute("title") is None, "the browser would show it, too"
        assert chip.get_attribute("aria-describedby") == page.locator(
            "[role=tooltip]"
        ).get_attribute("id")
        tooltip_box, chip_box = page.locator("[role=tooltip]").bounding_box(), chip.bounding_box()
        assert (
            tooltip_box
            and chip_box
            and tooltip_box["x"] >= 0
            and tooltip_box["x"] + tooltip_box["width"] <= 390
        )
        assert abs(tooltip_box["y"] + tooltip_box["height"] - chip_box["y"]) < 1, (
            "no gap that the pointer would fall into"
        )
        page.mouse.move(chip_box["x"] + chip_box["width"] / 2, chip_box["y"] - 5)
        assert len(tooltip_lines(page)) == 3
        chip.hover()
        page.keyboard.press("Escape")
        assert tooltip_lines(page) == [] and chip.get_attribute("aria-describedby") is None
        page.mouse.move(chip_box["x"] + 3, chip_box["y"] + 3)
        assert tooltip_lines(page) == [], "dismissed, until the pointer has left"
        page.locator("h1").hover()
        chip.hover()
        assert len(tooltip_lines(page)) == 3
        page.locator("h1").hover()
        assert tooltip_lines(page) == []


def test_arrow_keys_move_between_tokens(browser: Browser, book: Path) -> None:
    """Tab enters a row once; arrows, Home and End move in it, and the chapter does not change."""
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
            assert tooltip_lines(page)[0] == words, key
        page.keyboard.press("Escape")
        assert tooltip_lines(page) == []
        page.locator("h1").hover()
        assert tooltip_lines(page) == [], "dismissed, though it still has the keyboard"
        page.keyboard.press("ArrowRight")
        assert tooltip_lines(page)[0] == "token 2260"
        page.keyboard.press("Alt+ArrowRight")
        assert page.url.endswith("attention.html") and tooltip_lines(page)[0] == "token 2260"


def test_arrows_in_a_sequence_step_frames(browser: Browser, book: Path) -> None:
    """The focus stays in the sequence."""
    with reading(browser, book / "attention.html") as page:
        page.locator(".frame.current .tok").focus()
        assert tooltip_lines(page)[0] == "token 513"
        for number in (2, 3):
            page.keyboard.press("ArrowRight")
            assert page.locator(".stepper output").inner_text() == f"token {number} of 7"
            assert page.evaluate("document.activeElement.className") == "frames stepping"
        assert tooltip_lines(page) == []


def test_tokens_in_labels_take_no_focus(browser: Browser, book: Path) -> None:
    """A token in a choice has a tooltip, but the keyboard goes to the choice."""
    with reading(browser, book / "attention.html") as page:
        chip = page.locator(".predict label .tok")
        assert chip.get_attribute("tabindex") is None
        chip.hover()
        assert tooltip_lines(page)[0] == "token 36"


def tap(place: Locator) -> None:
    """Send the events of a tap. The headless shell would then move the mouse away again."""
    for name in ("pointerdown", "pointerup", "mouseover", "click"):
        place.dispatch_event(name, {"pointerType": "touch"})


def test_tapping_a_token_highlights_its_cells(browser: Browser, book: Path) -> None:
    """Another tap moves the tooltip, a tap elsewhere hides it."""
    with reading(
        browser, book / "attention.html", width=390, has_touch=True, is_mobile=True
    ) as page:
        tap(page.locator(f"{STRIP} .tok").nth(0))
        assert tooltip_lines(page)[0] == "token 19556"
        tap(page.locator(f"{STRIP} .tok").nth(1))
        assert tooltip_lines(page)[0] == "token 28"
        tap(page.locator(f"{STRIP} .strip-label").first)
        assert tooltip_lines(page) == []
        # Not every browser follows a touch with events of a mouse.
        page.locator(f"{STRIP} .tok").nth(2).dispatch_event("pointerup", {"pointerType": "touch"})
        assert tooltip_lines(page)[0] == "token 2260"
        page.locator("h1").dispatch_event("pointerdown", {"pointerType": "touch"})
        assert tooltip_lines(page) == []


def test_tooltip_follows_its_token(browser: Browser, book: Path) -> None:
    """It scrolls with the token, and is below it if there is no room above."""
    with reading(browser, book / "attention.html") as page:
        page.evaluate("document.documentElement.style.scrollBehavior = 'auto'")
        chip, tooltip = page.locator(f"{STRIP} .tok").first, page.locator("[role=tooltip]")
        chip.focus()
        for room in (300, 5):
            page.evaluate(
                f"scrollBy(0, document.activeElement.getBoundingClientRect().top - {room})"
            )
            page.wait_for_function(
                f"Math.abs(document.activeElement.getBoundingClientRect().top - {room}) < 1"
            )
            page.wait_for_timeout(50)
            tooltip_box, chip_box = tooltip.bounding_box(), chip.bounding_box()
            assert tooltip_box and chip_box
            edge = (
                chip_box["y"] - tooltip_box["height"]
                if room > 100
                else chip_box["y"] + chip_box["height"]
            )
            assert abs(tooltip_box["y"] - edge) < 1


def test_tokens_are_static_without_scripts_and_in_print(browser: Browser, book: Path) -> None:
    """Titles have the same lines, and no tooltip is printed."""
    with reading(browser, book / "attention.html", java_script_enabled=False) as page:
        titles = [chip.get_attribute("title") for chip in page.locator(f"{STRIP} .tok").all()]
        assert titles[0] == "token 19556\nbytes 48 65 6C 6C 6F\nposition 0" and all(titles)
    with reading(browser, book / "attention.html") as page:
        page.locator(f"{STRIP} .tok").first.focus()
        page.emulate_media(media="print")
        assert tooltip_lines(page) == []


@pytest.mark.parametrize(
    ("chapter", "id"),
    [
        ("tokenization", "chat-one-turn"),
        ("tokenization", "spaces"),
        ("tokenization", "letters"),
    ],
)
def test_tokens_match_the_results(browser: Browser, chapter: str, id: str) -> None:
    """Id, bytes and position of every token, generated or not."""
    prompts = json.loads((SITE / "data" / chapter / f"{id}.json").read_bytes())["prompts"]
    with reading(browser, SITE / f"{chapter}.html") as page:
        strips = page.locator(f"#{id}-tokens .chips")
        assert strips.count() == len(prompts)
        for strip, prompt in zip(strips.all(), prompts, strict=True):
            strip.locator(".tok[tabindex='0']").focus()
            for position, token in enumerate(prompt["tokens"]):
                assert tooltip_lines(page) == expected_lines(token, position)
                page.keyboard.press("ArrowRight")


def test_tokens_outside_texts_have_no_position(
    browser: Browser,
) -> None:
    matches = json.loads((SITE / "data" / "tokenization" / "vocabulary.json").read_bytes())
    with reading(browser, SITE / "tokenization.html") as page:
        for row, name in enumerate(("first", "multi_byte", "last")):
            page.locator("#vocabulary-first .chips").nth(row).locator(".tok").first.focus()
            assert tooltip_lines(page) == expected_lines(matches[name][0], None)
        piece = next(token for token in matches["multi_byte"] if token["text"] == "he")
        page.locator("p > .tok").get_by_text("he", exact=True).first.hover()
        assert tooltip_lines(page) == expected_lines(piece, None)


def test_explorer_tokens_have_tooltips(browser: Browser) -> None:
    """Tokens that a script adds are included."""
    tokens = json.loads((SITE / "data" / "heads" / "every.json").read_bytes())["tokens"]
    with reading(browser, SITE / "heads.html") as page:
        page.get_by_role("button", name="Explore every layer and head").click()
        chips = page.locator(".explorer-strip .tok")
        chips.first.wait_for()
        for position in (0, 3, len(tokens) - 1):
            chips.nth(position).hover()
            assert tooltip_lines(page) == expected_lines(tokens[position], position)
