"""`layerbook check` reports what `build` would refuse, before anything runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, write_small_book
from fixtures.sweep_book import SPEC, write_sweep_book
from layerbook.core.tokens import Token
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.functions import FUNCTIONS, ProseFunctions
from layerbook.site.prose.template_checks import find_template_problems

PROSE = "templates/chapters/next.md"


@pytest.fixture
def unrun(tiny_model_dir: Path, tmp_path: Path) -> Path:
    """The small book without results."""
    return write_small_book(tmp_path / "book", tiny_model_dir)


def append_prose(book: Path, text: str) -> int:
    """Append a paragraph to the first chapter and return its line."""
    path = book / PROSE
    prose = path.read_text(encoding="utf-8") + f"\n{text}\n"
    path.write_text(prose, encoding="utf-8")
    return prose.count("\n") - text.count("\n")


def replace_text(book: Path, file: str, old: str, new: str) -> int:
    """Replace a text and return the line of the new one."""
    path = book / file
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


def problems(book: Path) -> list[str]:
    """Return what `check` reports."""
    completed = layerbook("check", cwd=book)
    assert completed.returncode == 2, (completed.stdout, completed.stderr)
    *reported, count = completed.stderr.splitlines()
    assert count == f"{len(reported)} problem{'s' if len(reported) > 1 else ''}"
    return reported


def test_untouched_book_has_no_problems(unrun: Path) -> None:
    """The book has a sweep and no results."""
    layerbook("check", cwd=unrun, check=True)
    write_sweep_book(unrun)
    layerbook("check", cwd=unrun, check=True)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("{{ 0.5 | percnt }}", 10, "No filter named 'percnt'. (did you mean 'percent'?)"),
        ("{% if 3 is evn %}x{% endif %}", 12, "No test named 'evn'. (did you mean 'even'?)"),
        ("a {{ figur('sum') }}", 6, "'figur' is not defined (did you mean 'figure'?)"),
        ("{{ r('sun').prompts }}", 4, "r(): no experiment named 'sun' (did you mean 'sum'?)"),
        ('{{ claim("sum", 2) }}', 4, "claim(): next/sum has 2 claims, so there is no claim 2"),
        ('{{ claim("pattern") }}', 4, "claim(): next/pattern has 0 claims"),
        ('{% if holds("sum", 5) %}x{% endif %}', 7, "holds(): next/sum has 2 claims"),
        ('a {{ figure("sum", "logits-0") }}', 3, "a figure, claim or source must stand alone"),
        ('{{ figure("sum", "promt-0") }}', 4, "figure(): 'next/sum' has no figure"),
        ("[x](word.html)", 5, "no page named 'word.html' (did you mean 'words.html'?)"),
        ("{{ r('sum').promts }}", 13, "NextTokenResult has no 'promts' (did you mean 'prompts'?)"),
        (
            "{% for p in r('sum').prompts %}{{ p.top[0].txt }}{% endfor %}",
            44,
            "Ranked has no 'txt' (did you mean 'text'?)",
        ),
        ("{% set s = r('sum') %}{{ s.prompts[0].entrop }}", 39, "PromptPrediction has no 'entrop'"),
        ("{% for %}", 1, "Expected an expression, got 'end of statement block'"),
        ("{% include 'x' %}", 1, ""),
        ("![A cat](cat.png)", 1, "the image has no caption"),
        ('{{ cite("x2020") }}', 4, "cite(): this book has no templates/references.yaml"),
    ],
)
def test_reports_mistakes_in_prose(unrun: Path, text: str, column: int, message: str) -> None:
    """At their place, with the nearest name, although nothing has run."""
    line = append_prose(unrun, text)
    if message:
        (problem,) = problems(unrun)
        assert problem.startswith(f"{PROSE}:{line}:"), problem
        assert problem.partition(" ")[2].startswith(message), problem


def test_reports_captions_without_figures_and_figures_without_captions(unrun: Path) -> None:
    """Badges too."""
    file = "experiments/next.yaml"
    line = replace_text(unrun, file, "      logits: Their", "      logit: Their")
    append_prose(unrun, '{{ figure("sum", "logits-0") }}')
    spec = (unrun / file).read_text(encoding="utf-8").splitlines()
    sum_line = 1 + next(i for i, text_line in enumerate(spec) if "- id: sum" in text_line)
    assert problems(unrun) == [
        f"{file}:{sum_line}:1: the figure 'logits-0' of 'sum' is shown without a caption; "
        "add one under captions:",
        f"{file}:{line}:1: sum: captions: there is no figure 'logit' (did you mean 'logits'?); "
        "available: prompt-*, logits-*, text-*",
    ]


def test_reports_mistakes_in_captions_and_claims(unrun: Path) -> None:
    """At the line of the spec: names, filters, fields, links."""
    file = "experiments/next.yaml"
    first = replace_text(unrun, file, "Their scores.", "Their {{ result.promts | percnt }}.")
    second = replace_text(
        unrun, file, "The most likely token is `xyzzy`", "'The [most](x.html) {{ at.prompt }}'"
    )
    messages = problems(unrun)
    assert [re.sub(r":\d+: .*", "", message) for message in messages] == [
        *(f"{file}:{first}",) * 2,
        *(f"{file}:{second}",) * 2,
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "best: result.prompts[0].top[0].prob",
            "best: result.prompts[0].tpo[0].prob",
            "there is no field 'tpo' (did you mean 'top'?)",
        ),
        ('cell["legs"]', 'cell["legz"]', "the grid has no column 'legz' (did you mean 'legs'?)"),
        ("{figure: prompt-0, over", "{figure: promt-0, over", "the cells have no figure"),
        ("{measure: best, across: legs, by", "{measure: said, across: legs, by", "is text"),
    ],
)
def test_reports_wrong_measures_and_views(unrun: Path, old: str, new: str, message: str) -> None:
    assert SPEC.count(old) == 1
    write_sweep_book(unrun, SPEC.replace(old, new))
    (problem,) = problems(unrun)
    assert problem.startswith("experiments/words.yaml:") and message in problem


def test_reports_all_problems_at_once(unrun: Path) -> None:
    """Sorted by place over all chapters; a build refuses the same."""
    append_prose(unrun, "{{ 1 | nope }}")
    append_prose(unrun, "{{ nothing }}")
    words = unrun / "templates" / "chapters" / "words.md"
    words.write_text(words.read_text(encoding="utf-8") + "\n[x](nope.html)\n", encoding="utf-8")
    messages = problems(unrun)
    assert len(messages) == 3 and messages[2].startswith("templates/chapters/words.md")
    built = layerbook("build", "--quiet", cwd=unrun)
    assert built.returncode == 2 and built.stderr.splitlines()[:3] == messages
    assert not list((unrun / "experiments").glob("results/*/*/*.json"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{{ r('sum').prompts | percent }}", "percent needs a number"),
        ("{{ r('sum').prompts[7].entropy }}", "there is no element 7: the length is 2"),
        ('{{ figure("sum", "prompt-7") }}', "'next/sum' has no figure 'prompt-7'"),
        ("$\\nope$", "in the formula: Unsupported function name"),
        ("[x](words.html#nope)", "words.html has no place called '#nope'"),
    ],
)
def test_stored_results_reveal_more_problems(book: Path, text: str, message: str) -> None:
    """Some mistakes depend on numbers."""
    layerbook("check", cwd=book, check=True)
    line = append_prose(book, text)
    (problem,) = problems(book)
    assert problem.startswith(f"{PROSE}:{line}:") and message in problem


def test_claims_that_no_chapter_shows_are_checked(book: Path) -> None:
    """The list of all claims shows them."""
    line = replace_text(
        book,
        "experiments/next.yaml",
        'check: result.prompts[0].top[0].text == "xyzzy"',
        'check: result.prompts[0].top[99].text == "xyzzy"',
    )
    replace_text(book, PROSE, '{{ claim("sum", 1) }}\n', "")
    (message,) = problems(book)
    assert message.startswith(f"experiments/next.yaml:{line}:")


def test_imports_no_model_and_draws_nothing(book: Path) -> None:
    """The site does not change."""
    layerbook("check", cwd=book, check=True)
    assert not (book / "site").exists()


@pytest.mark.parametrize(
    "text",
    [
        *("{% if x is defined %}{{ x }}{% endif %}", "{% set x = 3 %}{{ x }}"),
        *("{% for i in range(3) %}{{ loop.index }}{% endfor %}", "{{ r('a').items.any.thing }}"),
        "{% if true %}{% set y = r('b') %}{% endif %}{{ y.bits }}",
        "{% macro m(p) %}{{ p.anything }}{% endmacro %}{% for p in r('b').prompts %}{% endfor %}",
        "{% call reveal('x') %}a{% endcall %}",
    ],
)
def test_skips_fields_without_declared_types(text: str) -> None:
    """They give no false alarm."""
    names = dict.fromkeys(FUNCTIONS, ())
    assert find_template_problems(TextPiece("x.md", 1, text), names, lambda _: None) == []


def test_unknown_field_of_a_dataclass_lists_its_fields_alone() -> None:
    prose = TextPiece("x.md", 1, "{{ token.nothing }}")
    (problem,) = find_template_problems(prose, {"token": (Token,)}, lambda _: None)
    assert problem.message == "Token has no 'nothing'; available: id, text, hex, special"


def test_carriage_returns_in_a_caption_end_lines(book: Path) -> None:
    """YAML can write them as escapes."""
    spec = book / "experiments" / "next.yaml"
    text = spec.read_text()
    caption = "\"Their\\r\\rscores. {{ r('nope') }}\""
    spec.write_text(text.replace("Their scores.", caption))
    line = text[: text.index("Their scores.")].count("\n") + 3
    completed = layerbook("check", cwd=book)
    assert completed.returncode == 2
    assert f"next.yaml:{line}:" in completed.stderr and "no experiment named" in completed.stderr


def test_knows_the_functions_of_prose() -> None:
    from fixtures.sample_chapter import context

    assert ProseFunctions(context()).by_name().keys() == {*FUNCTIONS, "picture"}


def test_unknown_experiment_of_a_code_cell_is_reported_once(book: Path) -> None:
    """At the line of the cell, by `check` and by `build`; the chapter's line repeats it."""
    cell = book / "templates" / "code" / "next" / "add.py"
    cell.parent.mkdir(parents=True)
    cell.write_text('# equals: r("summ").top_k\n2 + 3\n', encoding="utf-8")
    append_prose(book, '{{ code_cell("add") }}')
    checked = layerbook("check", cwd=book)
    assert checked.returncode == 2 and "1 problem\n" in checked.stderr
    assert "templates/code/next/add.py:1:13: " in checked.stderr
    assert "'summ'" in checked.stderr and "did you mean 'sum'" in checked.stderr
    built = layerbook("build", "--no-run", cwd=book)
    assert built.returncode == 2 and "templates/code/next/add.py:1:13: " in built.stderr
