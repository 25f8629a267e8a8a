"""For each kind of mistake, `check` reports without results what `build` refuses."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, write_small_book

pytestmark = pytest.mark.long

PROSE = "templates/chapters/next.md"
GLOSSARY = "- id: logits\n  name: logits\n  text: Scores.\n"
SHOWN_TWICE = '{{ code_cell("add") }}\n\n{{ code_cell("add") }}'
FAULTS = {
    "field": '{{ r("sum").promts }}',
    "field behind a slice": '{% for p in r("sum").prompts[1:] %}{{ p.nope }}{% endfor %}',
    "private field": '{{ r("sum").prompts[0].__class__ }}',
    "method of a model": '{{ r("sum").model_dump }}',
    "method of a list": '{{ r("sum").prompts.append }}',
    "method of a text": '{{ "a".uper() }}',
    "index of a record": '{{ r("sum")[0] }}',
    "loop over a record": '{% for x in r("sum") %}a{% endfor %}',
    "record as text": '{{ r("sum").prompts[0] }}',
    "number of a list": '{{ r("sum").prompts | percent }}',
    "filter": "{{ 1 | percnt }}",
    "argument of a filter": "{{ 1 | percent(0, 1, 2) }}",
    "name": "{{ nothing }}",
    "loop without a loop": "{{ loop.index }}",
    "function as a value": "{{ figure }}",
    "nothing": "{{ none }}",
    "experiment": '{{ r("sun") }}',
    "missing argument": "{{ figure() }}",
    "surplus argument": '{{ figure("sum", "prompt-1", 3) }}',
    "claim": '{{ claim("sum", 9) }}',
    "negative claim": '{{ claim("sum", -1) }}',
    "claim by name": '{{ claim("sum", "first") }}',
    "tick": '{{ tick("sum", 9) }}',
    "condition": '{% if holds("sum", 9) %}a{% endif %}',
    "guard": '{% if applies("sun") %}a{% endif %}',
    "figure": '{{ figure("sum", "promt-0") }}',
    "figure shown twice": '{{ figure("sum", "prompt-0") }}',
    "reference to a figure": '{{ ref("sum", "promt-0") }}',
    "reference to a figure that no page shows": '{{ ref("sum", "prompt-1") }}',
    "term": '{{ term("logitz") }}',
    "source": '{{ cite("nobody2020") }}',
    "code cell": '{{ code_cell("ad") }}',
    "code cell shown twice": SHOWN_TWICE,
    "color": '{{ quantity("keyz") }}',
    "token": "{{ tok(3) }}",
    "fold without a text": '{{ reveal("x") }}',
    "sidebar without a title": "{% call sidebar() %}a{% endcall %}",
    "prediction with one choice": '{% call predict("q", ["a"], right=0) %}x{% endcall %}',
    "prediction of no choice": '{% call predict("q", ["a", "b"], right=7) %}x{% endcall %}',
    "stage": '{{ journey([{"title": "x"}]) }}',
    "image": '![A cat](images/cat.png "A cat.")',
    "video": '{{ video("static/x.mp4", poster="images/x.png", caption="c") }}',
    "page": "[x](nope.html)",
    "place on the page": "[x](#nope)",
    "place on another page": "[x](words.html#nope)",
    "file": "[x](static/x.pdf)",
    "formula": "$\\nope$",
    "other template": '{% import "x" as y %}',
    "syntax": "{% for %}",
}


def break_book(book: Path, text: str) -> int:
    """Append a fault to the first chapter; return its line."""
    path = book / PROSE
    prose = path.read_text(encoding="utf-8")
    path.write_text(f"{prose}\n{text}\n", encoding="utf-8")
    (book / "templates" / "glossary.yaml").write_text(GLOSSARY, encoding="utf-8")
    cell = book / "templates" / "code" / "next" / "add.py"
    cell.parent.mkdir(parents=True)
    cell.write_text('# equals: r("sum").top_k\n2 + 3\n', encoding="utf-8")
    return prose.count("\n") + 2 + text.count("\n")


def lines(stderr: str) -> set[str]:
    """Return the files and lines of the problems in what a command printed."""
    return set(re.findall(r"^(templates/\S+?:\d+):\d+: ", stderr, re.MULTILINE))


@pytest.mark.parametrize("fault", FAULTS)
def test_check_reports_what_build_refuses(
    fault: str, tiny_model_dir: Path, book: Path, tmp_path: Path
) -> None:
    """At the same line, without any result."""
    unrun = write_small_book(tmp_path / "unrun", tiny_model_dir)
    line = break_book(unrun, FAULTS[fault])
    broken = shutil.copytree(book, tmp_path / "broken")
    break_book(broken, FAULTS[fault])

    built = layerbook("build", "--no-run", "--quiet", "--jobs", "1", cwd=broken)
    assert built.returncode == 2, "no fault"
    assert lines(built.stderr) == {f"{PROSE}:{line}"}, built.stderr
    checked = layerbook("check", cwd=unrun)
    assert checked.returncode == 2, built.stderr
    assert lines(checked.stderr) == lines(built.stderr), (checked.stderr, built.stderr)


def test_correct_book_has_no_problems(tiny_model_dir: Path, tmp_path: Path) -> None:
    """With branches and all kinds of anchors."""
    unrun = write_small_book(tmp_path / "unrun", tiny_model_dir)
    text = """\
## Two *words* [linked](words.html#tokens)

[a](#two-words-linked) [b](words.html#tokens) [c](#sum-prompt-0) [d](#claim-sum-0) [e](#main)

{% if holds("sum", 0) %}
{{ figure("pattern", "prompt-0-layer-0-mean") }}
{% else %}
{{ figure("pattern", "prompt-0-layer-0-mean") }}
{% endif %}

{{ ref("pattern", "prompt-0-layer-0-mean") }} {{ ref("words/cat", "text-0") }} $x_{ {{- 3 -}} }$
{{ quantity("key") }} {{ r("sum").prompts[0].prompt.upper() }} {{ r("sum").prompts | length }}
"""
    break_book(unrun, text)
    layerbook("check", cwd=unrun, check=True)
