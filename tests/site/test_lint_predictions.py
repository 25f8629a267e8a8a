"""Predictions that a reader commits to: how they are written, what is wrong with them, which words
are prose.
"""

from __future__ import annotations

from pathlib import Path

import html5lib
import pytest
from fixtures.sample_chapter import HOSTILE, context
from fixtures.small_book import layerbook, write_small_book
from layerbook.core.errors import SpecError
from layerbook.site.prose.lint import find_typed_answers, find_typed_numbers
from layerbook.site.prose.render import render_chapter


def render(call: str, answer: str = "It is *so*.") -> str:
    """The HTML of a prediction; the call stands on line 3."""
    return render_chapter(f"a\n\n{{% call {call} %}}\n{answer}\n{{% endcall %}}\n\nb", "x.md", context()).html


def test_a_prediction_has_choices_and_an_answer() -> None:
    """One name for the buttons of a page's question, another for the next; the answer is prose, and
    folded.
    """
    one = 'predict("Which?", ["this", tok(r("noise").prompts[0].top[0])], right=1, title="See")'
    source = f"{{% call {one} %}}\nIt is *so*.\n\n- x\n{{% endcall %}}\n\n" * 2 + "After."
    body = html5lib.parseFragment(render_chapter(source, "x.md", context()).html, namespaceHTMLElements=False)
    assert [child.tag for child in body] == ["div", "div", "p"]
    for number, box in enumerate(body.findall("div"), start=1):
        assert (box.get("class"), box.get("data-right")) == ("predict", "1")
        fieldset, said, details = box
        legend, *labels, button = fieldset
        assert (legend.tag, legend.text, button.get("type")) == ("legend", "Which?", "button")
        assert button.get("hidden") is not None and said.get("role") == "status"
        inputs = [label.find("input") for label in labels]
        assert [(i.get("name"), i.get("value")) for i in inputs] == [(f"predict-{number}", str(v)) for v in (0, 1)]
        assert ["".join(label.itertext()).strip() for label in labels] == ["this", "4"]
        assert labels[1].find("span/span").get("class") == "tok"
        assert details.get("open") is None and details.find("summary").text == "See"
        assert [child.tag for child in details.find("div")] == ["p", "ul"]


@pytest.mark.parametrize(
    ("right", "written"), [("", ""), (", right=0", "0"), (", right=[0, 2]", "0 2"), (", right=none", "")]
)
def test_one_choice_came_true_or_several_or_nobody_says(right: str, written: str) -> None:
    """As the page needs it."""
    assert f'data-right="{written}"' in render(f'predict("Q", ["a", "b", "c"]{right})')


@pytest.mark.parametrize("hostile", HOSTILE)
def test_words_bring_no_markup(hostile: str) -> None:
    """Neither question nor choice nor title."""
    html = render(f"predict({hostile!r}, [{hostile!r}, 'b'], title={hostile!r})")
    box = html5lib.parseFragment(html, namespaceHTMLElements=False).find("div")
    tags = [e.tag for e in box.find("fieldset").iter()]
    assert tags == ["fieldset", "legend", "label", "input", "span", "label", "input", "span", "button"]
    assert len(box.find("details/summary")) == 0


@pytest.mark.parametrize(
    ("call", "said"),
    [
        ('predict("Q", ["a", "b"], rihgt=0)', "predict() got an unexpected keyword argument 'rihgt'"),
        ('predict("", ["a", "b"])', "predict(): the question should be some text, not ''"),
        ('predict(["a", "b"])', "predict(): the question should be some text"),
        ('predict("Q")', "predict(): the choices should be a list of at least two, not ()"),
        ('predict("Q", "ab")', "the choices should be a list of at least two, not 'ab'"),
        ('predict("Q", ["a"])', "the choices should be a list of at least two"),
        ('predict("Q", ["a", " "])', "a choice should be some text, not ' '"),
        ('predict("Q", ["a", true])', "a choice should be some text, not True"),
        ('predict("Q", ["a", "a"])', "the choice 'a' is there twice"),
        ('predict("Q", ["a", "b"], right=2)', "right should be the number of a choice, from 0 to 1, or several, not 2"),
        ('predict("Q", ["a", "b"], right=-1)', "right should be the number of a choice"),
        ('predict("Q", ["a", "b"], right=true)', "right should be the number of a choice"),
        ('predict("Q", ["a", "b"], right="a")', "right should be the number of a choice"),
        ('predict("Q", ["a", "b"], right=[])', "right should be the number of a choice"),
        ('predict("Q", ["a", "b"], right=rigth)', "'rigth' is not defined"),
        ('predict("Q", ["a", "b"], right=r("noise").promts)', "Result has no 'promts' (did you mean 'prompts'?)"),
        ('predict("Q", r("noise").promts)', "(did you mean 'prompts'?)"),
    ],
)
def test_what_is_wrong_is_told_at_its_line(call: str, said: str) -> None:
    """With what was meant, where that is near."""
    with pytest.raises(SpecError) as caught:
        render(call)
    assert str(caught.value).startswith("x.md:3:1: ") and said in str(caught.value)


def test_nothing_to_hide() -> None:
    """Called without a body, it says how it is written."""
    with pytest.raises(SpecError, match=r"x\.md:1:1: predict\(\) needs an answer to hide: \{% call predict"):
        render_chapter('{{ predict("Q", ["a", "b"]) }}', "x.md", context())


def test_question_and_choices_are_prose_to_the_lint_of_numbers() -> None:
    """Their numbers are found where they stand; those of other arguments, calls and tags are none
    of its business.
    """
    source = (
        '{% call reveal("of 77") %}\nx\n{% endcall %}\n'
        '{% call predict(\n  "Of 42 " ~ r("e 55").x[66] ~ " or so?",\n'
        '  ["at 0.5, say", "b" if r("f 12").y > 0.75 else \'13 %\'],\n'
        '  right=0 if "88" in r("g").z else 1, title="All 99"\n) %}\nx\n{% endcall %}\n'
    )
    lines = source.splitlines()
    found = [(p.line, p.column, p.message.split(" is typed")[0]) for p in find_typed_numbers(source, "x.md")]
    assert found == [
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
def test_what_came_true_is_not_typed(call: str, typed: bool) -> None:
    """A result says it, by whatever expression."""
    found = find_typed_answers(f"a\n\n{{% call {call} %}}x{{% endcall %}}", "x.md")
    assert [(p.line, "came true is typed" in p.message) for p in found] == [(3, True)] * typed


def test_check_warns_of_what_is_typed(tmp_path: Path, tiny_model_dir: Path) -> None:
    """At file and line; with --strict it fails."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    path = book / "templates" / "chapters" / "words.md"
    prose = path.read_text(encoding="utf-8")
    path.write_text(prose + '\n{% call predict("Q", ["over 64", "b"], right=1) %}x{% endcall %}\n', encoding="utf-8")
    done, line = layerbook("check", cwd=book), prose.count("\n") + 2
    assert (done.returncode, layerbook("check", "--strict", cwd=book).returncode) == (0, 1)
    assert f"words.md:{line}:29: warning: the number 64 is typed" in done.stderr
    assert f"words.md:{line}:1: warning: predict(): which choice came true is typed" in done.stderr
