"""Ticks: marks after a sentence that state whether a claim holds and open its box."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fixtures.sample_chapter import context
from fixtures.small_book import layerbook
from layerbook.core.errors import SpecError
from layerbook.site.prose.render import chapter_sentences, render_chapter

PROSE = "templates/chapters/next.md"
BOX = '{{ claim("sum", 1) }}\n'


def html_of(prose: str) -> str:
    """Render a chapter of the sample book."""
    return render_chapter(prose, "x.md", context()).html


def replace_box(book: Path, new: str) -> int:
    """Put a text in place of a box of the small book, and return its line."""
    path = book / PROSE
    text = path.read_text(encoding="utf-8")
    assert text.count(BOX) == 1
    path.write_text(text.replace(BOX, new), encoding="utf-8")
    return text[: text.index(BOX)].count("\n") + 1


def test_tick_opens_the_box_of_its_claim() -> None:
    """The popover has the content of a full box, unfolded."""
    html = html_of('It is four. {{ tick("noise", 0) }} So there.')
    (button,) = re.findall(r"<button[^>]*>", html)
    assert 'class="tick holds"' in button and 'id="claim-noise-0"' in button
    target = re.search('popovertarget="([^"]+)"', button)
    assert target and re.search(rf'id="{target[1]}" popover ', html)
    box = html[html.index(f'id="{target[1]}"') :]
    for part in (
        "Holds here",
        "The most likely next token is 4",
        '<details class="disclosure" open>',
        "result.prompts[0].top[0].text ==",
        "Margin: exact",
        "claims.html#claim-attention-noise-0",
    ):
        assert part in box
    assert re.search(r'four\.<span class="ticks">&nbsp;<button.*</button></span> So there', html)


def test_failed_claim_is_stated_in_words() -> None:
    """A mark alone could be missed."""
    (holds,) = re.findall("<button.*?</button>", html_of('a {{ tick("noise", 0) }}'))
    (fails,) = re.findall("<button.*?</button>", html_of('a {{ tick("noise", 1) }}'))
    assert re.sub("<[^>]+>", "", holds) == "Checked: it holds✓"
    assert re.sub("<[^>]+>", "", fails) == "Checked: ✗ does not hold"
    assert 'class="tick fails"' in fails


def test_consecutive_ticks_share_a_margin_note() -> None:
    """Only if nothing is between them."""
    html = html_of('a {{ tick("noise", 0) }} {{ tick("noise", 1) }}\nb {{ tick("answer", 0) }} c')
    groups = re.findall(r'<span class="ticks">(.*?</button>)</span>( ?)', html)
    assert [(len(re.findall("<button", group)), space) for group, space in groups] == [
        (2, " "),
        (1, " "),
    ]


def test_page_has_each_box_and_each_id_once() -> None:
    """The first tick or box of a claim is its anchor, and all its ticks open one box."""
    tick = '{{ tick("noise", 0) }}'
    html = html_of(f'a {tick}\n\n{{{{ claim("noise", 0) }}}}\n\nb {tick}\n')
    assert re.findall(r'<(\w+) [^>]*id="claim-noise-0"', html) == ["button"]
    assert len(set(re.findall(r'popovertarget="([^"]+)"', html))) == 1
    assert html.count(" popover ") == 1
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))


def test_ticks_are_not_part_of_the_search_text() -> None:
    """Search and comparison see only the sentence."""
    prose = 'It is four. {{ tick("noise", 0) }}'
    assert [s.text for s in chapter_sentences(prose, "x.md", context())] == ["It is four."]
    (section,) = render_chapter(prose, "x.md", context()).sections
    assert section.text.strip() == "It is four."


def test_hostile_claims_do_not_become_markup() -> None:
    """The second claim of the sample book contains a script."""
    assert "<script>" not in html_of('a {{ tick("noise", 1) }}')


def test_undefined_argument_is_reported() -> None:
    with pytest.raises(SpecError, match=r"x\.md:3:3: 'nothing' is not defined"):
        html_of("a\n\nb {{ tick(nothing) }}")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('tick("sun", 0)', "tick(): no experiment named 'sun' (did you mean 'sum'?)"),
        ('tick("sum", 2)', "tick(): next/sum has 2 claims, so there is no claim 2"),
        ('tick("pattern")', "tick(): next/pattern has 0 claims, so there is no claim 0"),
    ],
)
def test_check_reports_ticks_of_unknown_claims(book: Path, call: str, message: str) -> None:
    """At file:line:col, before anything runs."""
    line = replace_box(book, f"A word. {{{{ {call} }}}}\n")
    completed = layerbook("check", cwd=book)
    assert completed.returncode == 2
    assert f"{PROSE}:{line}:17: {message}" in completed.stderr


def test_list_of_claims_links_to_ticks_as_to_boxes(book: Path) -> None:
    """The chapter links back to the list."""
    replace_box(book, 'A word. {{ tick("sum", 1) }}\n')
    layerbook("build", "--no-run", cwd=book, check=True)
    page = (book / "site" / "claims.html").read_text(encoding="utf-8")
    chapter = (book / "site" / "next.html").read_text(encoding="utf-8")
    assert 'href="next.html#claim-sum-1"' in page
    assert re.search(r'<button [^>]*id="claim-sum-1"', chapter)
    assert 'href="claims.html#claim-next-sum-1"' in chapter


def test_check_notes_a_chapter_full_of_boxes(book: Path) -> None:
    """It is a note, not a warning, so `--strict` accepts it."""
    assert "note:" not in layerbook("check", "--strict", cwd=book).stderr
    line = replace_box(book, f"{BOX}\n" * 3)
    completed = layerbook("check", "--strict", cwd=book, check=True)
    assert f"{PROSE}:{line + 4}:10: note: 4 boxes of claims in this chapter" in completed.stderr
    assert '{{ tick("sum", 1) }}' in completed.stderr
