"""Prose: values stay plain text, and errors name their line."""

from __future__ import annotations

from dataclasses import dataclass

import html5lib
import pytest
from fixtures.sample_chapter import (
    CHAPTER,
    HOSTILE,
    HOSTILE_CHAPTER,
    SAMPLE_VIEWS,
    SampleViews,
    context,
)
from hypothesis import given
from hypothesis import strategies as st
from layerbook.core.errors import SpecError
from layerbook.site.prose.captions import render_caption
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.markup import clean_text
from layerbook.site.prose.render import render_chapter

FILE = "templates/chapters/attention.md"


def render(source: str, views: SampleViews = SAMPLE_VIEWS) -> str:
    """Return the HTML of a chapter."""
    return render_chapter(source, FILE, context(views)).html


def error_message(source: str) -> str:
    """Return the only error of a chapter."""
    with pytest.raises(SpecError) as caught:
        render(source)
    assert len(caught.value.problems) == 1
    return str(caught.value.problems[0])


def text_of(html: str) -> str:
    """Return the text that a browser shows."""
    return "".join(html5lib.parseFragment(html, namespaceHTMLElements=False).itertext())


@dataclass(frozen=True)
class TextResult:
    """A result with one text."""

    text: str


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize(
    "place",
    [
        "{{ x }}",
        "a *{{ x }}* b",
        "- {{ x }}",
        "## {{ x }}",
        "`{{ x }}`",
        "> {{ x }}",
        "> [!NOTE]\n> {{ x }}",
        "- [ ] {{ x }}",
        "Term\n: {{ x }}",
        ":::: tabs\n::: tab One\n{{ x }}\n:::\n::::",
        "|a|\n|-|\n|{{ x }}|",
        "{% set y %}{{ x }}{% endset %}{{ y }}",
        "{% macro m() %}{{ x }}{% endmacro %}{{ m() }}",
        "{{ [x] | listing }}",
    ],
)
def test_values_are_never_markup(hostile: str, place: str) -> None:
    """Values that look like Markdown, HTML or Jinja appear letter by letter."""
    source = place.replace("x }}", "r('noise').text }}").replace("[x]", "[r('noise').text]")
    html = render(source, SampleViews(TextResult(hostile)))
    assert clean_text(hostile).replace("\r", "") in text_of(html)
    html = html.replace('<a class="anchor"', "")  # the link of a heading to itself
    for tag in ("<script", "<img", "<a ", "<b>", "<math"):
        assert tag not in html


@given(st.text(max_size=60))
def test_any_string_is_plain_text(value: str) -> None:
    """The page shows the cleaned string."""
    html = render_caption(TextPiece("f", 1, "«{{ x }}»"), {"x": value}, MathRenderer()).html
    assert text_of(html) == f"«{clean_text(value)}»"


def test_search_gets_the_text_of_values() -> None:
    """The text has no markup and no slots."""
    body = render_chapter(HOSTILE_CHAPTER, FILE, context())
    assert body.sections[0].text.startswith("Here is <script>alert(1)</script> in a sentence")
    assert [s.id for s in body.sections[1:]] == [h.id for h in body.headings]
    assert len({h.id for h in body.headings}) == len(HOSTILE)


def test_search_gets_formulas_as_signs() -> None:
    """Fractions, roots and powers on one line, without TeX."""
    prose = "The score is $\\frac{q \\cdot k}{\\sqrt{d}}$ and $x^2$."
    text = render_chapter(prose, FILE, context()).sections[0].text
    assert text == "The score is q⋅k/√d and x^2."


def test_values_in_formulas_are_not_tex() -> None:
    """Numbers stay numbers; other values become upright text."""
    assert "<mn>576</mn>" in render("$d = {{ r('noise').d_model }}$")
    html = render("$x = {{ r('noise').text }}$", SampleViews(TextResult(r"\frac{1}{2} $ <b>")))
    assert "<mfrac" not in html
    assert "<b>" not in html
    assert "frac{1}{2}" in text_of(html)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (
            "a\n\n{{ r('noise').promts }}",
            f"{FILE}:3:1: Result has no 'promts' (did you mean 'prompts'?)",
        ),
        ("{{ r('noise').prompts[4].prob }}", f"{FILE}:1:1: there is no element 4: the length is 1"),
        ("a\nb {{ figur('x') }}", f"{FILE}:2:3: 'figur' is not defined (did you mean 'figure'?)"),
        (
            "{{ r('nois') }}",
            f"{FILE}:1:1: no experiment named 'nois' (did you mean 'noise'?); "
            "available: noise, answer",
        ),
        (
            "\n{{ figure('noise', 'patern') }}",
            f"{FILE}:2:1: 'noise' has no figure 'patern' (did you mean 'pattern'?)",
        ),
        (
            "\n\n{{ 0.5 | percnt }}",
            f"{FILE}:3:1: No filter named 'percnt'. (did you mean 'percent'?)",
        ),
        (
            "{{ r('noise').name | percent }}",
            f"{FILE}:1:1: percent needs a number, not 'SmolLM2-135M-Instruct'",
        ),
        ("{{ tok(3) }}", f"{FILE}:1:1: expected a token, not 3"),
        ("x\n{% for %}", f"{FILE}:2:1: "),
        ("x\n{{ 'a' ", f"{FILE}:2:1: "),
        ("x\n{% if r('noise').nothing %}{% endif %}", f"{FILE}:2:1: Result has no 'nothing'"),
        ("{{ 1 / 0 }}", f"{FILE}:1:1: division by zero"),
        ("x\n\nsee {{ figure('noise', 'bars') }}", f"{FILE}:3:5: figure() must stand alone"),
        ("[x]({{ r('noise').name }})", f"{FILE}:1:5: a value cannot be part of a link"),
        ("a\n\n# Title", f"{FILE}:3:1: the page's title is its only top heading"),
        ("a\n\n$$\n\\frac{1\n$$", f"{FILE}:4:6: in the formula: Unexpected end of input"),
        ("a\n\nb $\\nope$", f"{FILE}:3:1: in the formula: Unsupported function name: \\nope"),
        ("a\n\ue000", f"{FILE}:2:1: the private-use characters"),
        ("a\n\n![A cat](cat.png)", f"{FILE}:3:1: the image has no caption"),
        (
            "{{ figure('noise', 'bars') }}\n\n{{ figure('noise', 'bars') }}",
            f"{FILE}:3:1: the figure 'fig-noise-bars' is already",
        ),
        ("{{ r('noise').__class__ }}", f"{FILE}:1:1: Result has no '__class__'"),
        ("{{ r }}", f"{FILE}:1:1: there is nothing to write"),
        ("{% include 'base.html' %}", f"{FILE}:1:1: "),
    ],
)
def test_errors_name_their_place(source: str, message: str) -> None:
    """Unknown names, wrong types, invalid syntax and invalid TeX, with the nearest name."""
    assert error_message(source).startswith(message)


def test_errors_in_captions_name_the_spec() -> None:
    """The line is that of the caption in the spec."""
    with pytest.raises(SpecError, match=r"experiments/a\.yaml:12:1: .*no 'nothing'"):
        caption = TextPiece("experiments/a.yaml", 12, "{{ result.nothing }}")
        render_caption(caption, {"result": TextResult("")}, MathRenderer())


def test_statement_lines_leave_no_blank_lines() -> None:
    """Other lines keep their breaks, so paragraphs stay separate."""
    assert render("{% for i in range(2) %}\n- {{ i }}\n{% endfor %}\n").count("<p>") == 0
    assert render("A{% if true %} b.{% endif %}\n\nC").count("<p>") == 2
    assert "b.\nC" in render("A{% if true %} b.{% endif %}\nC")
    assert "b.\nC" in render("{% if true %}b.{% endif %}\nC")
    assert "{b %}\nC" in render("{b %}\nC")  # no statement


def test_branches_follow_claims() -> None:
    """`holds` decides what the prose says."""
    source = "{% if holds('noise', 0) %}yes{% endif %}{% if holds('noise', 1) %}no{% endif %}"
    assert text_of(render(source)).strip() == "yes"


def test_renders_all_parts_of_a_chapter() -> None:
    """Figures, sections, quotes, formulas and footnotes."""
    body = render_chapter(CHAPTER, FILE, context())
    assert [h.id for h in body.toc] == ["how-it-works", "three-prompts-the"]
    assert [h.level for h in body.headings] == [2, 2, 3]
    assert "<p><figure" not in body.html
    assert body.html.count("<figure") == 6
    assert "“bank”" in body.html
    assert 'class="footnote-ref"' in body.html
    assert "<math" in body.html
    assert "A figure is missing here." in body.html


@pytest.mark.parametrize(
    "listing", ["{{ x }}", "{% if %}", "{# c", "{{ r('noise').name }}", "```\n{{ y }}"]
)
@pytest.mark.parametrize(
    "frame", ["````\n{}\n````", "~~~~ jinja\n{}\n~~~~", "- a\n\n  ````\n  {}\n"]
)
def test_listings_are_not_evaluated(listing: str, frame: str) -> None:
    """Braces in a fenced listing are text."""
    source = frame.replace("{}", listing.replace("\n", "\n  " if frame.startswith("-") else "\n"))
    assert listing in text_of(render(f"{{{{ r('noise').d_model }}}}\n\n{source}"))
    if "- a" not in frame:
        assert text_of(render(f"{source}\n\n{{{{ 6 * 7 }}}}")).strip().endswith("42")


def test_tables_are_aligned_by_class() -> None:
    """The content policy blocks inline styles."""
    html = render("|a|b|c|d|\n|:-|:-:|--:|-|\n|1|2|3|4|")
    assert "style=" not in html
    for side in ("left", "center", "right"):
        assert html.count(f'class="align-{side}"') == 2


def test_html_in_prose_is_text() -> None:
    assert "<script" not in render("<script>1</script> <b>x</b>\n\n<div>\n")


def test_quantities_have_the_colors_of_figures() -> None:
    """Words get a class with the color; unknown names are refused."""
    html = render('The {{ quantity("key", "keys <b>") }} and the {{ quantity("query") }}.')
    assert '<span class="quantity key">keys &lt;b&gt;</span>' in html
    assert '<span class="quantity query">query</span>' in html
    with pytest.raises(SpecError, match=r"no color for 'qery' .did you mean 'query'"):
        render('{{ quantity("qery") }}')
