"""The first page: its text, the journey of a text through the model, and the list of chapters."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import html5lib
import pytest
from fixtures.sample_chapter import HOSTILE, token
from fixtures.small_book import layerbook, write_small_book
from layerbook.core.errors import UsageError
from layerbook.site.prose.journey import make_stages

INDEX = """\
Hello, {{ tok(r("next/sum").prompts[0].top[0]) }}.

{{ journey([
  {"title": "Scores", "href": "next.html", "text": "One each.",
   "top": r("next/sum").prompts[0].top},
  {"title": "Widths", "href": "words.html", "widths": [r("next/sum").d_model], "text": "Numbers."}
]) }}

## For whom

See [the words](words.html#tokens).
"""


def stage(**keys: object) -> list[dict[str, object]]:
    """Return a journey of one stage."""
    return [{"title": "T", "href": "x.html", "text": "Says.", **keys}]


def test_pictures_show_the_numbers_of_the_results() -> None:
    """Lengths of bars, widths of arcs and shades of cells are proportional to the numbers."""
    top = [SimpleNamespace(**{**vars_of(token(" Paris", 1)), "prob": 0.25})]
    (scores,) = make_stages(stage(top=top))
    assert 'width="25.0"' in scores.picture_html and "25\\u202f%" in ascii(scores.picture_html)
    labels = [token("The", 1), token(" is", 2)]
    (attention,) = make_stages(stage(weights=[0.75, 0.25], labels=labels))
    assert attention.alt == "What the last token attends to: The 75\u202f%, is 25\u202f%"
    assert 'stroke-width="7.8"' in attention.picture_html
    (vectors,) = make_stages(stage(vectors=[[-2.0, 1.0]]))
    rects = html5lib.parseFragment(vectors.picture_html).findall(".//*[@class]")
    assert [(r.get("class"), r.get("fill-opacity")) for r in rects] == [
        ("minus", "1.00"),
        ("plus", "0.50"),
    ]
    (widths,) = make_stages(stage(widths=[10, 20]))
    assert 'width="75.0"' in widths.picture_html and widths.alt == "Widths: 10, 20"


def vars_of(token: object) -> dict[str, object]:
    """Return the fields of a token."""
    return {name: getattr(token, name) for name in ("id", "text", "hex", "special")}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_tokens_are_escaped(hostile: str) -> None:
    tokens = [token(hostile, 1)]
    for keys in ({"tokens": tokens}, {"weights": [1.0], "labels": tokens}):
        (journey_stage,) = make_stages(stage(**keys))
        tree = html5lib.parseFragment(journey_stage.picture_html, namespaceHTMLElements=False)
        names = {str(element.tag).rpartition("}")[2] for element in tree.iter()}
        assert names <= {"DOCUMENT_FRAGMENT", "p", "span", "svg", "path", "circle", "text"}


@pytest.mark.parametrize(
    ("stages", "message"),
    [
        ([], r"journey\(\) needs a list of stages"),
        ("abc", r"journey\(\) needs a list of stages"),
        (["a"], "stage 1 should be a mapping"),
        ([{"title": "T", "text": "x", "top": []}], "stage 1 has no 'href'"),
        (stage(), "stage 1 needs one of tokens, vectors, weights, widths, top"),
        (stage(wdiths=[1]), r"unknown key 'wdiths' \(did you mean 'widths'\?\)"),
        (stage(widths=list(range(17))), "should be a list of at most 16"),
    ],
)
def test_reports_what_a_stage_lacks(stages: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make_stages(stages)


def test_long_texts_show_their_end() -> None:
    """A model of single letters has many tokens; lists of candidates show their start."""
    tokens = [token(f"t{n}", n) for n in range(20)]
    (journey_stage,) = make_stages(stage(tokens=tokens))
    assert ">t19<" in journey_stage.picture_html and ">t3<" not in journey_stage.picture_html
    (journey_stage,) = make_stages(stage(weights=[0.05] * 20, labels=tokens))
    assert ">t19<" in journey_stage.picture_html and journey_stage.picture_html.count("<path") == 16


def test_plain_pages_are_not_counted_as_chapters(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Neither on the first page nor by `check`."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    spec = book / "experiments" / "book.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("chapters: [", "chapters: [preface, "))
    preface = book / "templates" / "pages" / "preface.md"
    preface.parent.mkdir()
    preface.write_text("---\ntitle: Preface\nunnumbered: true\n---\nRead it first.\n")
    checked = layerbook("check", cwd=book)
    assert checked.stdout.startswith("2 chapters, 1 page, "), checked.stdout + checked.stderr
    layerbook("build", "--jobs", "1", cwd=book, check=True)
    page = (book / "site" / "index.html").read_text(encoding="utf-8")
    assert "2 chapters, about 3 min of reading" in page and "Preface" in page


def test_first_page_has_its_text_and_reading_times(tmp_path: Path, tiny_model_dir: Path) -> None:
    """A book without such a text has only the list of chapters."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    layerbook("build", "--jobs", "1", cwd=book, check=True)
    plain = (book / "site" / "index.html").read_text(encoding="utf-8")
    assert "2 chapters, about 2 min of reading" in plain and "journey" not in plain
    text = book / "templates" / "pages" / "index.md"
    text.parent.mkdir()
    text.write_text(INDEX, encoding="utf-8")
    layerbook("check", cwd=book, check=True)
    layerbook("build", "--no-run", cwd=book, check=True)
    page = (book / "site" / "index.html").read_text(encoding="utf-8")
    assert page.count('<li class="stage">') == 2 and '<h2 id="for-whom">' in page
    assert "1 min" in page and "index.html#for-whom" in (
        book / "site/assets/search-index.js"
    ).read_text(encoding="utf-8")
    text.write_text(INDEX.replace("words.html#tokens", "wrods.html"), encoding="utf-8")
    process = layerbook("check", cwd=book)
    assert process.returncode == 2 and "index.md:11:17: no page named" in process.stderr
    text.unlink()
    layerbook("build", "--no-run", cwd=book, check=True)
    assert (book / "site" / "index.html").read_text(encoding="utf-8") == plain
