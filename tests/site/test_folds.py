"""Folded answers and sidebars, and the exercises at the end of each chapter."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import html5lib
import pytest
from fixtures.sample_chapter import HOSTILE, context
from layerbook.book.loader import load_chapter
from layerbook.core import language
from layerbook.core.errors import SpecError
from layerbook.core.language import Language
from layerbook.core.limits import Limits
from layerbook.site.prose.functions.text import DEFAULT_TITLE
from layerbook.site.prose.render import render_chapter

CHAPTERS = sorted((Path(__file__).parents[2] / "templates" / "chapters").glob("*.md"))
NAMES = [chapter.stem for chapter in CHAPTERS]
LIMITS = Limits(layers=30, heads=9, d_vocab=49152, context=8192)  # of the default model
FENCE = re.compile(r"^( *)```yaml\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)


def render(source: str) -> str:
    """Return the HTML of a chapter."""
    return render_chapter(source, "templates/chapters/attention.md", context()).html


def test_predictions_without_a_title_use_the_language_of_the_book() -> None:
    german = Language("de", {DEFAULT_TITLE: "Was der Lauf ergibt"})
    with language.use(german):
        html = render('{% call predict("Which?", ["a", "b"], right=0) %}\nA.\n{% endcall %}')
    assert "<summary>Was der Lauf ergibt</summary>" in html


def test_reveal_contains_markdown() -> None:
    """Paragraphs, lists, values and figures."""
    html = render(
        '> Guess.\n\n{% call reveal("The *answer*") %}\nIt is *{{ 6 * 7 }}*.\n\n- one\n'
        '{% if true %}\n- two\n{% endif %}\n\n{{ figure("noise", "pattern") }}\n{% endcall %}\n\n'
        "After."
    )
    body = html5lib.parseFragment(html, namespaceHTMLElements=False)
    details = body.find("details")
    assert details is not None and details.get("class") == "reveal" and details.get("open") is None
    summary, inside = details
    assert summary.tag == "summary" and summary.text == "The *answer*"
    assert [child.tag for child in inside] == ["p", "ul", "figure"]
    assert inside[0].find("em") is not None and "42" in "".join(inside[0].itertext())
    assert len(inside[1]) == 2
    assert [child.tag for child in body] == ["blockquote", "details", "p"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_title_is_text(hostile: str) -> None:
    """It is escaped."""
    html = render("{% set t = " + repr(hostile) + " %}{% call reveal(t) %}\nx\n{% endcall %}")
    summary = html5lib.parseFragment(html, namespaceHTMLElements=False).find("details/summary")
    assert summary is not None and len(summary) == 0


def test_sidebar_is_a_folded_box() -> None:
    """Its title is text, and it may contain Markdown and figures."""
    html = render(
        'Text.\n\n{% call sidebar("Why *so*?") %}\nIt is *{{ 6 * 7 }}*.\n\n'
        '{{ figure("noise", "pattern") }}\n{% endcall %}\n\nMore.'
    )
    body = html5lib.parseFragment(html, namespaceHTMLElements=False)
    assert [child.tag for child in body] == ["p", "aside", "p"]
    details = body.find("aside[@class='sidebar']/details[@class='reveal']")
    assert details is not None and details.get("open") is None
    assert details[0].text == "Why *so*?"
    assert [child.tag for child in details[1]] == ["p", "figure"]


@pytest.mark.parametrize("call", ['{{ sidebar("x") }}', "{% call sidebar() %}x{% endcall %}"])
def test_sidebar_needs_a_title_and_a_body(call: str) -> None:
    with pytest.raises(SpecError, match=r"attention.md:3.*\{% call sidebar\("):
        render(f"a\n\n{call}")


def test_reveal_needs_a_body() -> None:
    """The message shows the syntax."""
    with pytest.raises(SpecError, match=r"attention.md:3.*\{% call reveal\(\) %\}"):
        render("a\n\n{{ reveal() }}")


def test_highlights_fenced_code() -> None:
    """Without a language it is plain text; no code becomes markup."""
    html = render('```yaml\nid: "<b>"\n```\n\n```python\nx = 1\n```\n\n```\n<i>\n```')
    assert html.count('<pre class="code scroll"') == 3
    assert "<b>" not in html and "<i>" not in html


@pytest.mark.parametrize("chapter", CHAPTERS, ids=NAMES)
def test_chapters_have_a_prediction(chapter: Path) -> None:
    """The right answer comes from a result."""
    prose = chapter.read_text(encoding="utf-8")
    predictions = re.findall(r"{% call predict\(.*?%}", prose, re.DOTALL)
    assert predictions
    assert all(re.search(r"right=[^\d\s]|right=\d+ if ", call) for call in predictions)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=NAMES)
def test_exercises_are_valid_specs(chapter: Path, tmp_path: Path) -> None:
    """Each snippet loads as an experiment."""
    prose = chapter.read_text(encoding="utf-8")
    exercises = re.split(r"\n## (?:Try it yourself|Exercises)\n", prose)[1]
    snippets = [textwrap.dedent(fence[2]) for fence in FENCE.finditer(exercises)]
    assert len(snippets) <= 4
    for number, snippet in enumerate(snippets):
        spec = tmp_path / f"{number}.yaml"
        whole = (
            snippet
            if snippet.startswith("chapter:")
            else f"chapter: mine\ntitle: Mine\nexperiments:\n{snippet}"
        )
        spec.write_text(whole, encoding="utf-8")
        assert len(load_chapter(spec, LIMITS).experiments) == 1
