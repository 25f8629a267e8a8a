"""Boxes, tabs, tasks, terms, listings and references in Markdown."""

from __future__ import annotations

from time import process_time

import html5lib
import pytest
from fixtures.sample_chapter import SAMPLE_VIEWS, context
from layerbook.core import language
from layerbook.core.errors import SpecError
from layerbook.core.language import Language
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.markdown_checks import find_markdown_problems
from layerbook.site.prose.markdown_syntax import LONG_PARAGRAPH
from layerbook.site.prose.render import render_chapter

FILE = "templates/chapters/attention.md"
FIGURE = "{{ figure('noise', 'bars') }}\n\n"


def render(source: str) -> str:
    """Return the HTML of a chapter."""
    return render_chapter(source, FILE, context(SAMPLE_VIEWS)).html


def error_message(source: str) -> str:
    """Return the only error of a chapter, without its file."""
    with pytest.raises(SpecError) as caught:
        render(source)
    (problem,) = caught.value.problems
    return str(problem).removeprefix(f"{FILE}:")


def check_messages(source: str) -> list[str]:
    """Return what a check reports without results."""
    problems = find_markdown_problems(TextPiece(FILE, 1, source))
    return [str(problem).removeprefix(f"{FILE}:") for problem in problems]


@pytest.mark.parametrize("kind", ["Note", "Tip", "Important", "Warning", "Caution"])
def test_every_kind_of_box_is_rendered(kind: str) -> None:
    """With its name and any Markdown."""
    html = render(f"> [!{kind.upper()}]\n> A *word*.\n>\n> - and a list")
    assert f'<div class="note {kind.lower()}" role="note">' in html
    assert f">{kind}</p>" in html and "<em>word</em>" in html and "<li>and a list</li>" in html


def test_titles_of_boxes_are_in_the_language_of_the_book() -> None:
    german = Language("de", {"Warning": "Warnung"})
    with language.use(german):
        assert '<p class="markdown-alert-title">Warnung</p>' in render("> [!WARNING]\n> Vorsicht.")


def test_tabs_are_sections_with_titles() -> None:
    """They are readable without a script; titles are text."""
    html = render(":::: tabs\n\n::: tab C & <C>\n\none\n\n:::\n\n::: tab D\n\n$x$\n\n:::\n\n::::")
    fragment = html5lib.parseFragment(html, namespaceHTMLElements=False)
    sections = fragment.findall(".//div[@class='tabs']/section")
    assert [section.get("aria-label") for section in sections] == ["C & <C>", "D"]
    assert [section.find("p").text for section in sections] == ["C & <C>", "D"]


def test_tasks_state_whether_they_are_done() -> None:
    """The mark has a name and cannot be changed."""
    html = render("- [x] read\n- [ ] write\n- other")
    assert 'aria-label="done">☑</span> read' in html
    assert 'aria-label="to do">☐</span> write' in html
    assert "<input" not in html and "<li>other" in html


def test_definitions_and_struck_text() -> None:
    """As in other Markdown dialects."""
    html = render("Logit\n: A score.\n\n~~no~~ yes")
    assert "<dt>Logit</dt>" in html and "<dd>A score.</dd>" in html and "<s>no</s> yes" in html


@pytest.mark.parametrize(
    ("language", "name", "marked"),
    [
        ("rust", "Rust", '<span class="kd">let</span>'),
        ("c++", "C++", '<span class="kt">int</span>'),
        ("python", "Python source", '<span class="kn">import</span>'),
        ("", "Text only", "import"),
    ],
)
def test_listings_of_any_language_are_highlighted(language: str, name: str, marked: str) -> None:
    """With a name and a button; braces are text."""
    html = render(f"```{language}\nimport let int {{{{ x }}}} {{# y #}}\n```")
    assert f'aria-label="{name}"' in html and marked in html
    assert '<button class="tool copy" type="button" hidden>Copy</button>' in html
    text = "".join(html5lib.parseFragment(html, namespaceHTMLElements=False).itertext())
    assert "import let int {{ x }} {# y #}" in text


def test_listing_shows_the_name_of_its_file() -> None:
    """It is the word after the language, as text."""
    html = render("```yaml experiments/a&b.yaml\nx: 1\n```")
    assert '<p class="listing-name">experiments/a&amp;b.yaml</p>' in html
    assert "listing-name" not in render("```yaml\nx: 1\n```")


def test_unknown_language_is_reported() -> None:
    """By check and build, with the nearest name."""
    assert error_message("a\n\n```pyhton\nx\n```").startswith("3:")
    (message,) = check_messages("a\n\n> ```pyhton\n> x\n> ```")
    assert message.startswith("3:6: no language named 'pyhton' (did you mean 'python'")


def test_unknown_kind_of_box_is_reported() -> None:
    (message,) = check_messages("a\n\n::: warning\n\nb")
    assert message.startswith("3:1: ::: warning opens or closes nothing")
    assert check_messages(":::: tabs\n\n::: tab One\n\nx\n\n:::\n\n::::") == []


def test_references_link_to_their_targets() -> None:
    """Figures and formulas by number, sections by title, in both directions."""
    html = render(
        f"See @fig-noise-bars, @eq-main, (@sec-the-end).\n\n{FIGURE}"
        "$$ a $$ (main)\n\n$$ b $$\n\n$$ c $$ (other)\n\n## The *end*\n\n@eq-other"
    )
    for link in (
        '<a class="reference" href="#fig-noise-bars">Figure 1.2</a>',
        '<a class="reference" href="#eq-main">(1)</a>',
        '<a class="reference" href="#the-end">The end</a>',
        '<a class="reference" href="#eq-other">(2)</a>',
    ):
        assert link in html
    assert 'id="eq-main"' in html and '<span class="equation-number">(1)</span>' in html


def test_a_reference_to_another_page_is_set_later() -> None:
    """Its number is not known yet."""
    html = render(f"{FIGURE}See\n@fig-other/bar.")
    assert '<a class="reference" data-reference="@fig-other/bar">' in html


def test_addresses_and_code_are_not_references() -> None:
    """Nor are other words after the sign."""
    html = render("me@fig-tree.org, `@fig-x`, @someone, $@fig-x$".replace(", $@fig-x$", ""))
    assert "me@fig-tree.org" in html and "@someone" in html and "reference" not in html


def test_values_in_tab_titles_are_refused() -> None:
    """A title becomes an attribute."""
    message = error_message(":::: tabs\n::: tab {{ r('noise').name }}\nx\n:::\n::::")
    assert message.startswith("2:") and "a value cannot be part of a title" in message


def test_long_paragraphs_are_rendered_quickly() -> None:
    """Unclosed brackets take linear time."""
    started = process_time()
    assert check_messages("![\n" * 60_000) == [f"1:1: {LONG_PARAGRAPH}"]
    assert process_time() - started < 5
