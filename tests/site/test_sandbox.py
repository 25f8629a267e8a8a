"""Limits of templates in reach and time: prose, captions and page templates."""

from __future__ import annotations

import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.sample_chapter import BOOK, SampleViews, context
from layerbook.core.analysis import Array, Record, Result
from layerbook.core.errors import SpecError
from layerbook.core.tokens import Token
from layerbook.site.page_templates import make_environment, render_page
from layerbook.site.pages import IndexPage
from layerbook.site.prose import colors
from layerbook.site.prose.captions import render_caption
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.checks import check_prose
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.highlight import ListingError, code_html
from layerbook.site.prose.links import find_links
from layerbook.site.prose.lint import find_typed_answers, find_typed_numbers
from layerbook.site.prose.markdown_checks import find_markdown_problems
from layerbook.site.prose.references import find_references
from layerbook.site.prose.render import render_chapter
from layerbook.site.sandbox.views import view
from layerbook.store.project import open_project
from pydantic import Field

FILE = "templates/chapters/attention.md"
SECONDS = 6  # generous, for busy machines; each takes less than one alone


class Part(Record):
    """A part of a result."""

    token: Token
    share: float


class SampleResult(Result):
    """A result with a field of every kind."""

    name: str = "llama"
    weights: Array = np.arange(6.0).reshape(2, 3)
    layers: tuple[int, ...] = (0, 29)
    parts: tuple[Part, ...] = (
        Part(token=Token(4, " a", "2061"), share=0.25),
        Part(token=Token(5, " b", "2062"), share=0.75),
    )
    shares: dict[str, float] = Field(default_factory=lambda: {"mlp": 0.5})

    text: str = "a" * 2_000_000

    @property
    def slow(self) -> int:
        """Sleep for a long time."""
        return sum(range(300_000))

    @property
    def first(self) -> Part:
        """Return the first part."""
        return self.parts[0]


def render(source: str) -> str:
    """Return the text of a caption that may use `result`."""
    names = {"result": SampleResult()}
    return render_caption(TextPiece(FILE, 1, source), names, MathRenderer()).text


def error_of(source: str) -> str:
    """Return the only error of a chapter with results of type `SampleResult`; it must come
    quickly.
    """
    start = time.process_time()
    with pytest.raises(SpecError) as caught:
        render_chapter(source, FILE, context(SampleViews(SampleResult())))
    assert time.process_time() - start < SECONDS
    (problem,) = caught.value.problems
    assert "\n" not in problem.message
    assert len(problem.message) <= 401
    return str(problem)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (
            "{{ result.layers }} {{ result.layers[-1] }} {{ result.layers | length }}",
            "(0, 29) 29 2",
        ),
        ("{{ result.weights[1][2] | num }} {{ result.weights[-1][1:] | list }}", "5.00 [4.0, 5.0]"),
        ("{{ result.weights[0] | max }} {{ result.weights | first | sum }}", "2.0 3.0"),
        ("{% for row in result.weights %}{{ loop.length }}{{ row[0] }} {% endfor %}", "20.0 23.0"),
        ("{{ result.shares.mlp }} {{ result.shares['mlp'] }}", "0.5 0.5"),
        ("{% for key, value in result.shares.items() %}{{ key }}{{ value }}{% endfor %}", "mlp0.5"),
        ("{{ result.first.token.id }} {{ tok(result.first.token) }}", "4 ·a"),
        ("{{ result.parts | map(attribute='token.id') | list }}", "[4, 5]"),
        ("{{ result.parts | selectattr('share', 'lt', 1) | list | length }}", "2"),
        ("{{ result.name.startswith('ll') }} {{ result.layers.index(29) }}", "True 1"),
        ("{{ result.layers == (0, 29) }} {{ 29 in result.layers }}", "True True"),
        ("{{ 'a' ~ 2 ~ result.name }} {{ [1] + [2] }} {{ 2 - -2 }}", "a2llama [1, 2] 4"),
    ],
)
def test_prose_reads_results(source: str, text: str) -> None:
    """Fields, properties, elements, keys and slices."""
    assert render(source).strip() == text


@pytest.mark.parametrize(
    "expression",
    [
        "r('noise').parse_raw('gASVAAAA', proto='pickle', allow_pickle=true)",
        "r('noise').model_construct()",
        "r('noise').model_fields",
        "r('noise').copy",
        "r('noise').__class__",
        "r('noise')['__class__']",
        "r('noise').weights.tofile('/tmp/written')",
        "r('noise').weights.setflags(write=true)",
        "r('noise').weights['tofile']",
        "r('noise').weights._items",
        "r('noise').weights.T",
        "r('noise').weights.__array__()",
        "r('noise').weights[0, 1]",
        "r('noise').layers.__class__",
        "r('noise').parts[0].token.__init__",
        "r('noise').name.format(1)",
        "r('noise').name.join(['a'])",
        "r('noise').shares._values",
        "r('noise').shares.items()._mapping",
        "r('noise') == r('noise')",
        "'%s' % r('noise').name",
        "r.__globals__",
        "r.__self__",
        "figure.__func__",
        "range.__class__",
        "[].append(1)",
        "().__class__.__mro__",
        "''.__class__",
        "r('noise').parts | map(attribute='token.__class__') | list",
        "r('noise').parts | map('attr', '__class__') | list",
        "r('noise').parts | sort(attribute='__class__')",
        "r('noise').parts | selectattr('__class__') | list",
        "'x' | attr('upper')",
        "self.__init__",
        "cycler.__init__.__globals__.os.popen('id').read()",
        "lipsum()",
        "tok.mark",
        "[tok][0].steps",
        "'a' ~ tok",
        "[tok]",
        "[tok] | listing",
        "[nothing]",
        "[1] | map('abs')",
        "'a' ~ ([1] | map('abs'))",
        "{1: r('noise').nothing}",
        "r('noise')[tok]",
    ],
)
def test_prose_cannot_reach_other_objects(expression: str, tmp_path: Path) -> None:
    """Neither methods of models and arrays nor attributes of Python objects."""
    assert error_of(f"x\n\n{{{{ {expression} }}}}").startswith(f"{FILE}:3:1: ")


@pytest.mark.parametrize("expression", ["{{ m.__class__ }}", "{{ m.arguments }}", "{{ caller() }}"])
def test_macros_and_loops_hide_their_internals(expression: str) -> None:
    assert "1:1" in error_of(f"{{% macro m() %}}{{% endmacro %}}{expression}")
    assert "1:1" in error_of("{% for x in [1] %}{{ loop._iterator }}{% endfor %}")
    assert "1:1" in error_of("{% for x in [1] %}{{ loop.__init__ }}{% endfor %}")


def test_views_hold_python_values() -> None:
    """No value of numpy or pydantic is left at any depth."""
    values: list[Any] = [view(SampleResult())]
    for value in values:
        assert not isinstance(value, np.ndarray | np.generic | Record)
        if isinstance(value, str | int | float | Token):
            continue
        names = [name for name in dir(value) if not name.startswith("_")]
        if "first" in names:
            values += [getattr(value, name) for name in names]
        elif "share" in names:
            values += [value.token, value.share]
        else:
            values += value.values() if hasattr(value, "values") else value
    assert len(values) > 15
    with pytest.raises(TypeError):
        values[0].weights[0] = 1


def nested(count: int) -> str:
    """Return nested loops of ten iterations."""
    return "{% for x in range(10) %}" * count + "x" + "{% endfor %}" * count


@pytest.mark.parametrize(
    "source",
    [
        "{{ [1] | batch(10**9, 0) | list }}",
        "{{ [1] | slice(10**9) | list }}",
        "{{ 0.5 | percent(10**9) }}",
        "{{ 0.5 | num(10**9) }}",
        "{{ 0.5 | scientific(10**9) }}",
        "{{ 0.5 | sign(-10**9) }}",
        "{{ 0.5 | round(10**9, 'ceil') }}",
        "{{ range(10**9) }}",
        "{{ range(10**5) | list }}{{ range(10**5) | list }}{{ range(10**5) | list }}",
        "{{ 'a' * 10**9 }}",
        "{{ [0] * 10**9 }}",
        "{{ '%0999999999d' % 1 }}",
        "{{ 9 ** (9 ** 9) }}",
        "{{ (-8) ** 0.5 }}",
        "{{ 2.0 ** 10000 }}",
        "{% set x = 9 ** 300 %}{% set y = x * x %}{{ y }}",
        "{{ [[1, 2], [3]] | sum(start=[]) }}",
        nested(6),
        nested(12),
        "{% for x in range(99999) recursive %}{{ loop(range(99999)) }}{% endfor %}",
        "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
        "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}"
        "{{ m(30) }}",
        "{% set x = 'aaaaaaaaaaaaaaaaaaaa' %}" + "{% set x = x ~ x %}" * 40 + "{{ x }}",
        "{% set x = 'aaaaaaaaaaaaaaaaaaaa' %}" + "{% set x = x + x %}" * 40 + "{{ x }}",
        "{% set x %}aaaaaaaaaaaaaaa{% endset %}"
        + "{% set x %}{{ x }}{{ x }}{% endset %}" * 40
        + "{{ x }}",
        "{% set x = [1, 1] %}" + "{% set x = [x, x] %}" * 40 + "{{ x }}",
        "{% set x = (1, 1) %}" + "{% set x = (x, x) %}" * 40 + "{{ {x: 1} }}",
        "{% set x = [1, 1] %}" + "{% set x = {1: x, 2: x} %}" * 40 + "{{ x == x }}",
        "{% for x in range(90000) %}" + "{% if 1 %}a{% endif %}" * 5000 + "{% endfor %}",
        "{% for x in range(90000) %}" + "a" * 100_000 + "{% endfor %}",
        "{% for x in range(90000) %}{{ holds('noise', 0) }}{% endfor %}",
        "{% for x in range(90000) %}{{ claim('noise', 0) }}{% endfor %}",
        "{% for x in range(90000) %}{{ source('noise') }}{% endfor %}",
        "{% for x in range(90000) %}{{ tok(r('noise').first.token) }}{% endfor %}",
        "{% for x in range(90000) %}{% call reveal() %}{% endcall %}{% endfor %}",
        "{% for x in range(90000) %}{{ r('noise').slow }}{% endfor %}",
        "{% for x in range(90000) %}{% set y = r('noise').text.upper() %}{% endfor %}",
        "{% for x in range(90000) %}{% set y = r('noise').layers.index(x) %}{% endfor %}",
        "{{ r('noise').text | percent }}",
        "{{ r('noise')[r('noise').text] }}",
        "{{ figure(r('noise').text) }}",
        "{{ tok(r('noise').text) }}",
        "{{ " + "9" * 5000 + " }}",
        "{{ " + "(" * 500 + "1" + ")" * 500 + " }}",
        "{{ " + "(" * 50_000 + " }}",
        "{{ " + "[" * 500 + "]" * 500 + " }}",
        "{{ " + "not " * 5000 + "1 }}",
        "{{ " + "-" * 5000 + "1 }}",
        "{{ 1" + " + 1" * 5000 + " }}",
        "{{ result" + ".a" * 5000 + " }}",
        "{{ 1" + " | abs" * 5000 + " }}",
        "{% if 1 %}" * 500 + "{% endif %}" * 500,
        "{% for x in [1] %}" * 30 + "{% endfor %}" * 30,
        "x" * 2_000_000,
    ],
    ids=lambda source: source[:40],
)
def test_slow_prose_is_stopped(source: str) -> None:
    """A template that would run for hours or fill the memory is refused at its line."""
    assert error_of(f"\n\n{source}").startswith(f"{FILE}:")


def test_limit_is_reported_at_its_line() -> None:
    assert error_of(f"a\n\nb\n{nested(6)}").startswith(f"{FILE}:4:1: the template takes more than")
    assert error_of("a\n\n{{ " + "(" * 900 + " }}").startswith(f"{FILE}:3:1: nested too deep")


def test_blocks_of_page_templates_repeat(tmp_path: Path) -> None:
    """`self` and `super()` return the blocks of a template."""
    (tmp_path / "base.html").write_text("{% block a %}1{% endblock %}{{ self.a() }}")
    index = '{% extends "base.html" %}{% block a %}{{ super() }}2{% endblock %}'
    (tmp_path / "index.html").write_text(index)
    assert render_page(IndexPage(), BOOK, make_environment(tmp_path)) == "1212"


PAGE_ATTACKS = [
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ self.__init__.__globals__ }}",
    "{{ page.__class__ }}",
    "{{ book.__init__.__globals__ }}",
    "{{ lipsum.__globals__ }}",
    "{{ stylesheets.__class__ }}",
    "{{ evidence_meaning.update({}) }}",
    "{{ namespace() }}",
    "{{ [].append(1) }}",
    "{{ '' | attr('__class__') }}",
    "{% for x in range(99999) %}{% for x in range(99999) %}x{% endfor %}{% endfor %}",
    "{% include 'index.html' %}",
    "{% set x = 'a' * 10 ** 9 %}",
    "{% include 'nope.html' %}",
    "{{ page.nothing }}",
    "{% if %}",
    "{{ " + "(" * 900 + " }}",
    "{{ ['a'] | join('b' * 9) }}",
]


@pytest.mark.parametrize("attack", PAGE_ATTACKS, ids=lambda source: source[:40])
def test_page_templates_run_in_the_sandbox(attack: str, tmp_path: Path) -> None:
    """Refusals name the line."""
    (tmp_path / "base.html").write_text("<p>")
    (tmp_path / "index.html").write_text(f"<p>\n{attack}")
    with pytest.raises(SpecError) as caught:
        render_page(IndexPage(), BOOK, make_environment(tmp_path))
    (problem,) = caught.value.problems
    assert (problem.file, problem.line) == (str(tmp_path / "index.html"), 2)


@pytest.mark.parametrize("call", ['_("{}", x=1)', 'ngettext("{0}", "{0}", 2, x=1)'])
@pytest.mark.parametrize("format", ["%(x)900000000s", "%(x).900000000f", "%(num)900000000d"])
def test_messages_have_no_formats(call: str, format: str, tmp_path: Path) -> None:
    """A width would fill the memory."""
    (tmp_path / "index.html").write_text(f"{{{{ {call.format(format)} }}}}")
    assert render_page(IndexPage(), BOOK, make_environment(tmp_path)) == format


def test_messages_are_filled_and_escaped(tmp_path: Path) -> None:
    template = (
        '{% trans x="<b>" %}100% of {{ x }}{% endtrans %} '
        "{% trans num=2 %}one{% pluralize %}{{ num }} of 100%{% endtrans %}"
    )
    (tmp_path / "index.html").write_text(template)
    page = render_page(IndexPage(), BOOK, make_environment(tmp_path))
    assert page == "100% of &lt;b&gt; 2 of 100%"


LARGE_PAGES = [
    "{% for i in range(30000) %}{{ x }}{% endfor %}",
    '{{ _("' + "%(x)s" * 30_000 + '", x=x) }}',
]


@pytest.mark.parametrize("source", LARGE_PAGES, ids=lambda source: source[:20])
def test_large_pages_are_refused(source: str, tmp_path: Path) -> None:
    """A page may exceed the limit when its parts are joined, where no line is known."""
    (tmp_path / "index.html").write_text(f"{{% set x = '{'x' * 5000}' %}}{source}")
    with pytest.raises(SpecError, match="more than 1,000,000 steps") as caught:
        render_page(IndexPage(), BOOK, make_environment(tmp_path))
    assert caught.value.problems[0].file.startswith(str(tmp_path))


def test_page_templates_stay_in_their_folder(tmp_path: Path) -> None:
    """A link to another file is refused."""
    folder = tmp_path / "templates"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    (folder / "index.html").symlink_to(tmp_path / "secret")
    with pytest.raises(SpecError, match="leads out"):
        render_page(IndexPage(), BOOK, make_environment(folder))


PATHOLOGICAL = {
    "open values": "{{" * 22_000,
    "open statements": "{%" * 22_000,
    "open comments": "{#" * 22_000,
    "comments on a line": "{#a}" * 12_000,
    "quotes": "\"a' " * 12_000,
    "brackets": "[" * 47_000,
    "emphasis": "*a **b " * 7_000,
    "nested quotes": ">" * 47_000,
    "nested lists": "- " * 22_000,
    "many numbers": "12.5 a\n\n" * 6_000,
    "many rows": "|a|b|\n|-|-|\n" + "|1|2|\n" * 7_000,
    "many links": "[a](b.html)\n\n" * 3_000,
    "many names": "{{ r('nope') }}\n" * 3_000,
    "values in a row": "{{ 1 }}   " * 20 + "word",
    "figures in a row": "{{ figure('a', 'b') }}   " * 20 + "word",
}


@pytest.mark.parametrize("name", PATHOLOGICAL)
def test_checks_of_slow_prose_are_stopped(name: str) -> None:
    """Time is proportional to the text, with and without results."""
    source = PATHOLOGICAL[name]
    start = time.process_time()
    piece = TextPiece(FILE, 1, source)
    list(find_markdown_problems(piece))
    list(find_links(piece))
    find_typed_numbers(piece)
    find_typed_answers(piece)
    find_references(piece)
    with suppress(SpecError):
        render_chapter(source, FILE, context())
    assert time.process_time() - start < 2 * SECONDS


@pytest.mark.parametrize(
    "source",
    [
        pytest.param(f"```\nx{' ' * 45_000}y\n```", id="white space in a listing"),
        pytest.param("## The same\n" * 15_000, id="headings with the same words"),
        pytest.param("```yaml\n" + "`" * 49_000 + "\n```", id="a long line of a listing"),
        pytest.param("```python\nx" + "\t\n" * 24_000 + "y\n```", id="empty lines of a listing"),
    ],
)
def test_long_chapters_are_rendered_quickly(source: str) -> None:
    """In linear time."""
    start = time.process_time()
    render_chapter(source, FILE, context(SampleViews(SampleResult())))
    assert time.process_time() - start < SECONDS


def test_slow_highlighting_is_an_error() -> None:
    """Patterns of some languages take cubic time."""
    source = "\n".join(["```java", *["a " * 240] * 60, "```"])
    assert "highlighting this listing as java takes too long" in error_of(source)


def test_pattern_that_never_ends_is_an_error() -> None:
    """A lexer's match may take exponential time; its separate process is stopped."""
    source = '```fish\n"""' + "\\" * 300 + "\n```"
    source = f"```sql\nselect\n```\n\n{source}"  # the process is there already
    assert "5:1: highlighting this listing as fish takes too long" in error_of(source)


def test_listings_of_a_page_share_their_time() -> None:
    """Each may be within its own limit, but not all together."""
    allowance = colors.Allowance(seconds=0.001)
    allowance.color("x = 1\n" * 1000, "python")
    with pytest.raises(colors.TakesTooLongError):
        allowance.color("x = 1\n", "python")


def test_another_process_gives_the_same_colors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It imports nothing from the book's folder."""
    (tmp_path / "pygments.py").write_text("raise SystemExit(1)")
    monkeypatch.chdir(tmp_path)
    source = 'f(x) = é + 1 # <a>\n\nprintln("")\n'
    elsewhere = code_html(source, "julia")
    monkeypatch.setattr(colors, "VETTED", frozenset({"julia"}))
    assert elsewhere == code_html(source, "julia")
    assert '<span class="c"># &lt;a&gt;</span>' in elsewhere


def test_formulas_are_limited() -> None:
    """Each takes less than a millisecond."""
    assert "the text has more than 2,000 formulas" in error_of("$$\nx\n$$\n\n" * 20_000)


MANY = {
    "a `b`:\n\n" + "~~~c\n~~~\n\n" * 15_000: ":3003:1: the text has more than 1,000 listings",
    "![{{a}}\n" * 20_000: ":2001:3: the text has more than 2,000 {{ values }} and",
    "[a](b.html)\n\n" * 3000: ":201:5: there are more problems; fix these first",
}


@pytest.mark.parametrize("source", MANY, ids=["listings", "expressions", "links"])
def test_checks_of_long_chapters_are_stopped(
    source: str, book_with_results: Path, tmp_path: Path
) -> None:
    """Within a second or two."""
    book = shutil.copytree(book_with_results, tmp_path / "book")
    (book / "templates/chapters/words.md").write_text(source)
    start = time.process_time()
    with pytest.raises(SpecError) as caught:
        check_prose(open_project(book))
    assert time.process_time() - start < SECONDS
    assert MANY[source] in str(caught.value)
    assert len(caught.value.problems) <= 102


def test_advice_for_a_page_with_too_many_listings() -> None:
    """A listing of plain text cannot be simplified further."""
    with pytest.raises(ListingError, match="as text takes too long; shorten the listings"):
        code_html("x", "text", colors.Allowance(seconds=0))
    with pytest.raises(ListingError, match="as java takes too long; use `text`"):
        code_html("x", "java", colors.Allowance(seconds=0))


ADDRESS = f"[x]: https://a.example/{'y' * 9000} '{'z' * 9000}'"
SHORT_ROWS = "|" + "a|" * 800 + "\n|" + "-|" * 800 + "\n" + "|\n" * 800
REPEATED = {
    f"{ADDRESS}\n\n" + ("[x] " * 2400 + "\n\n") * 10: "the address or title is too long",
    f"Rows:\n\n{SHORT_ROWS}\n" + f"\n{SHORT_ROWS}\n" * 11: "the tables of the text have more",
}


@pytest.mark.parametrize("source", REPEATED, ids=["addresses", "empty cells"])
def test_short_texts_that_stand_for_long_pages_are_refused(source: str) -> None:
    """A link repeats its whole address, and a table fills its short rows with empty cells."""
    start = time.process_time()
    line = 1 if source.startswith("[") else 3
    assert error_of(source).startswith(f"{FILE}:{line}:1: {REPEATED[source]}")
    problems = list(find_markdown_problems(TextPiece(FILE, 1, source)))
    assert [(problem.line, problem.message[:30]) for problem in problems] == [
        (line, REPEATED[source][:30])
    ]
    assert time.process_time() - start < 2 * SECONDS


@pytest.mark.parametrize("character", ["\ufffe", "\x01", "\x0b", "\x7f", "\u202e"])
def test_characters_that_markup_cannot_hold_are_replaced_in_formulas(character: str) -> None:
    html = render_chapter(
        rf"$\text{{a{character}b}}$", FILE, context(SampleViews(SampleResult()))
    ).html
    assert character not in html
    assert "<mtext>a" in html


@pytest.mark.parametrize("href", ["javascript:alert(1)", "https://example.org", "//x", "../x.html"])
def test_stages_link_to_pages_of_the_book(href: str) -> None:
    stage = f"{{'title': 'A', 'href': '{href}', 'text': 'B', 'widths': [1]}}"
    assert "which is not a page" in error_of(f"{{{{ journey([{stage}]) }}}}")
