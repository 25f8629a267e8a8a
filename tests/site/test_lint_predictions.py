"""Predictions in prose: their syntax, and mistakes in them."""

from __future__ import annotations

from pathlib import Path

import html5lib
import pytest
from fixtures.sample_chapter import HOSTILE, context
from fixtures.small_book import layerbook, write_small_book
from layerbook.core.errors import SpecError
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.lint import find_typed_answers, find_typed_numbers
from layerbook.site.prose.render import render_chapter


def render(call: str, answer: str = "It is *so*.") -> str:
    """Return the HTML of a prediction, with the call on line 3."""
    return render_chapter(
        f"a\n\n{{% call {call} %}}\n{answer}\n{{% endcall %}}\n\nb", "x.md", context()
    ).html


def test_renders_choices_and_a_folded_answer() -> None:
    """Each prediction of a page has its own group of buttons."""
    call = 'predict("Which?", ["this", tok(r("noise").prompts[0].top[0])], right=1, title="See")'
    source = f"{{% call {call} %}}\nIt is *so*.\n\n- x\n{{% endcall %}}\n\n" * 2 + "After."
    body = html5lib.parseFragment(
        render_chapter(source, "x.md", context()).html, namespaceHTMLElements=False
    )
    assert [child.tag for child in body] == ["div", "div", "p"]
    for number, box in enumerate(body.findall("div"), start=1):
        assert (box.get("class"), box.get("data-right")) == ("predict", "1")
        fieldset, message, details = box
        legend, *labels, button = fieldset
        assert (legend.tag, legend.text, button.get("type")) == ("legend", "Which?", "button")
        assert button.get("hidden") is not None and message.get("role") == "status"
        inputs = [label.find("input") for label in labels]
        assert [(i.get("name"), i.get("value")) for i in inputs] == [
            (f"predict-{number}", str(v)) for v in (0, 1)
        ]
        assert ["".join(label.itertext()).strip() for label in labels] == ["this", "4"]
        assert labels[1].find("span/span").get("class") == "tok"
        assert details.get("open") is None and details.find("summary").text == "See"
        assert [child.tag for child in details.find("div")] == ["p", "ul"]


@pytest.mark.parametrize(
    ("right", "written"),
    [("", ""), (", right=0", "0"), (", right=[0, 2]", "0 2"), (", right=none", "")],
)
def test_marks_the_right_choices(right: str, written: str) -> None:
    """One, several, or none."""
    assert f'data-right="{written}"' in render(f'predict("Q", ["a", "b", "c"]{right})')


@pytest.mark.parametrize("hostile", HOSTILE)
def test_question_choices_and_title_are_text(hostile: str) -> None:
    """They are escaped."""
    html = render(f"predict({hostile!r}, [{hostile!r}, 'b'], title={hostile!r})")
    box = html5lib.parseFragment(html, namespaceHTMLElements=False).find("div")
    tags = [e.tag for e in box.find("fieldset").iter()]
    assert tags == [
        "fieldset",
        "legend",
        "label",
        "input",
        "span",
        "label",
        "input",
        "span",
        "button",
    ]
    assert len(box.find("details/summary")) == 0


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            'predict("Q", ["a", "b"], rihgt=0)',
            "predict() got an unexpected keyword argument 'rihgt'",
        ),
        ('predict("", ["a", "b"])', "predict(): the question should be some text, not ''"),
        ('predict(["a", "b"])', "predict(): the question should be some text"),
        ('predict("Q")', "predict(): the choices should be a list of at least two, not ()"),
        ('predict("Q", "ab")', "the choices should be a list of at least two, not 'ab'"),
        ('predict("Q", ["a"])', "the choices should be a list of at least two"),
        ('predict("Q", ["a", " "])', "a choice should be some text, not ' '"),
        ('predict("Q", ["a", true])', "a choice should be some text, not True"),
        ('predict("Q", ["a", "a"])', "the choice 'a' is listed twice"),
        (
            'predict("Q", ["a", "b"], right=2)',
            "right should be the number of a choice, from 0 to 1, or several, not 2",
        ),
        ('predict("Q", ["a", "b"], right=-1)', "right should be the number of a choice"),
        ('predict("Q", ["a", "b"], right=true)', "right should be the number of a choice"),
        ('predict("Q", ["a", "b"], right="a")', "right should be the number of a choice"),
        ('predict("Q", ["a", "b"], right=[])', "right should be the number of a choice"),
        ('predict("Q", ["a", "b"], right=rigth)', "'rigth' is not defined"),
        (
            'predict("Q", ["a", "b"], right=r("noise").promts)',
            "Result has no 'promts' (did you mean 'prompts'?)",
        ),
        ('predict("Q", r("noise").promts)', "(did you mean 'prompts'?)"),
    ],
)
def test_reports_wrong_arguments(call: str, message: str) -> None:
    """At the line of the call, with the nearest name."""
    with pytest.raises(SpecError) as caught:
        render(call)
    assert str(caught.value).startswith("x.md:3:1: ") and message in str(caught.value)


def test_predict_needs_a_body() -> None:
    """The message shows the syntax."""
    with pytest.raises(
        SpecError, match=r"x\.md:1:1: predict\(\) needs an answer to hide: \{% call predict"
    ):
        render_chapter('{{ predict("Q", ["a", "b"]) }}', "x.md", context())


def test_warns_of_numbers_in_question_and_choices() -> None:
    """But not in other arguments, calls and tags."""
    source = (
        '{% call reveal("of 77") %}\nx\n{% endcall %}\n'
        '{% call predict(\n  "Of 42 " ~ r("e 55").x[66] ~ " or so?",\n'
        '  ["at 0.5, say", "b" if r("f 12").y > 0.75 else \'13 %\'],\n'
        '  right=0 if "88" in r("g").z else 1, title="All 99"\n) %}\nx\n{% endcall %}\n'
    )
    lines = source.splitlines()
    numbers = [
        (p.line, p.column, p.message.split(" is typed")[0])
        for p in find_typed_numbers(TextPiece("x.md", 1, source))
    ]
    assert numbers == [
        (line, lines[line - 1].index(shown) + 1, f"the number {shown}")
        for line, shown in ((5, "42"), (6, "0.5"), (6, "13 %"), (7, "99"))
    ]


@pytest.mark.parametrize(
    ("call", "typed"),
    [
        ('predict("Q", ["a", "b"], right=1)', True),
        ('predict("Q", ["a", "b"], 1)', True),
        ('predict("Q", ["a", "b"], right=[0, 1])', True),
        ('predict("Q", ["a", "b"], right=0 if 2 > 1 else 1)', True),
        ('predict("Q", ["a", "b"], right=0 if r("x").y > 1 else 1)', False),
        ('predict("Q", ["a", "b"], right=best)', False),
        ('predict("Q", ["a", "b"])', False),
        ('reveal("Q")', False),
    ],
)
def test_warns_of_typed_answers(call: str, typed: bool) -> None:
    """The right choice should follow from a result."""
    problems = find_typed_answers(TextPiece("x.md", 1, f"a\n\n{{% call {call} %}}x{{% endcall %}}"))
    assert [(p.line, "choice is typed" in p.message) for p in problems] == [(3, True)] * typed


def test_check_warns_of_typed_text(tmp_path: Path, tiny_model_dir: Path) -> None:
    """At file and line; with --strict it fails."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    path = book / "templates" / "chapters" / "words.md"
    prose = path.read_text(encoding="utf-8")
    path.write_text(
        prose + '\n{% call predict("Q", ["over 64", "b"], right=1) %}x{% endcall %}\n',
        encoding="utf-8",
    )
    process, line = layerbook("check", cwd=book), prose.count("\n") + 2
    assert (process.returncode, layerbook("check", "--strict", cwd=book).returncode) == (0, 1)
    assert f"words.md:{line}:29: warning: the number 64 is typed" in process.stderr
    assert f"words.md:{line}:1: warning: predict(): the right choice is typed" in process.stderr
