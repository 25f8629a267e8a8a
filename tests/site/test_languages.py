"""Books in another language: all messages of the program, and the format of numbers."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.small_book import layerbook, read_tree, write_small_book
from layerbook.analyses import head_outputs, rope
from layerbook.book import languages
from layerbook.core import language
from layerbook.core.charts import attention_heatmap, probability_axis
from layerbook.core.code_messages import translatable_copy
from layerbook.core.figures import Axis, Bars
from layerbook.core.tokens import Token
from layerbook.plotting.render import render_figure
from layerbook.site.assets import static_files
from layerbook.site.bundling import bundle
from layerbook.site.messages import CATALOGUE, find_messages, locale_folder, read_catalogue
from layerbook.site.prose import filters

OTHERS = [code for code in languages.names() if code != "en"]
MESSAGES = list(dict.fromkeys(message for message, _ in find_messages()))
PLACEHOLDER = re.compile(r"\{\w+\}|%\(\w+\)s")
ENGLISH_WORDS = re.compile(r"\b(?:the|of|with|and|which|this|from)\b")
GERMAN = languages.load("de")


def write_book(folder: Path, model: Path, code: str) -> Path:
    """Write the small book in a language."""
    book = write_small_book(folder, model)
    spec = book / "experiments" / "book.yaml"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("language: en", f"language: {code}"), encoding="utf-8")
    return book


def forms(text: object) -> tuple[str, ...]:
    """Return the singular and plural of a message."""
    return (text,) if isinstance(text, str) else tuple(text or ())  # type: ignore[arg-type]


@pytest.mark.parametrize("code", OTHERS)
def test_catalogue_is_complete(code: str) -> None:
    """Every message has a translation with the same placeholders, and none is obsolete."""
    path = locale_folder() / code / CATALOGUE
    catalogue = read_catalogue(path, code)
    entries = {entry.id: entry for entry in catalogue if entry.id}
    assert sorted(map(str, entries)) == sorted(map(str, MESSAGES)), "run `make messages`"
    for message, entry in entries.items():
        assert not entry.fuzzy, message
        assert len(forms(entry.string)) == len(forms(message)), message
        for original, translated in zip(forms(message), forms(entry.string), strict=True):
            assert translated, message
            assert sorted(PLACEHOLDER.findall(translated)) == sorted(PLACEHOLDER.findall(original))
            assert re.findall(r"<[^>]*>", translated) == re.findall(r"<[^>]*>", original), message
            assert translated[:1].isspace() == original[:1].isspace(), message
            assert translated[-1:].isspace() == original[-1:].isspace(), message


def test_german_book_contains_no_english_messages(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Pages, figures and names for screen readers; code and prose are not translated."""
    book = write_book(tmp_path / "book", tiny_model_dir, "de-AT")
    layerbook("build", "--jobs", "1", cwd=book, check=True)
    pages = {
        name: data.decode()
        for name, data in read_tree(book / "site").items()
        if name.endswith(".html")
    }
    listings = re.compile(r'<pre class="(?:code|passage).*?</pre>', re.DOTALL)
    shown = {
        name: html.unescape(listings.sub("", page)).replace(str(tmp_path.parent), "")
        for name, page in pages.items()
    }
    sources = [*book.glob("experiments/*.yaml"), *book.glob("templates/**/*.md")]
    authored = "".join(source.read_text(encoding="utf-8") for source in sources)
    english = []
    for message in (form for forms_of_message in MESSAGES for form in forms(forms_of_message)):
        part = max(PLACEHOLDER.split(re.sub(r"<[^>]*>", "{tag}", message)), key=len).strip()
        is_text = len(part.split()) > 1 and part not in authored
        if is_text and GERMAN.messages[message] != message:
            english += [(name, part) for name, page in shown.items() if part in page]
    assert english == []
    for name, page in shown.items():
        texts = re.findall(r">([^<]+)<|(?:aria-label|title|alt|data-label)=\"([^\"]*)", page)
        parts = (part.strip() for text in texts for part in re.split(r"[\d·:;]+", "".join(text)))
        english = [part for part in parts if ENGLISH_WORDS.search(part) and part not in authored]
        assert english == [], name
    page = shown["next.html"]
    for words in ("Abbildung 1.1.", "Wie es geprüft wurde", "nächstes Token", 'lang="de-AT"'):
        assert words in page
    assert re.search(r"\d,\d+\N{NARROW NO-BREAK SPACE}%", page)
    assert "Kapitel 1" in page and "<U+202F>" not in page


def test_results_do_not_depend_on_the_language(tmp_path: Path, tiny_model_dir: Path) -> None:
    """Bytes and keys are equal, so a book can change its language without a run."""
    english = write_book(tmp_path / "english", tiny_model_dir, "en")
    german = write_book(tmp_path / "german", tiny_model_dir, "de")
    trees = []
    for book in (english, german):
        layerbook("build", "--jobs", "1", cwd=book, check=True)
        trees.append(read_tree(book / "experiments" / "results"))
    assert trees[0] == trees[1]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("book.js", "Play"),
        ("theme.js", "Auto"),
        ("views.js", "Layer"),
        ("try.js", "Stopped."),
    ],
)
def test_scripts_include_the_messages_they_use(name: str, message: str) -> None:
    """None in English, in German exactly those in the script."""
    empty = "layerbookMessages ??= {}), {});"
    assert empty in bundle(static_files())[name].decode()
    with language.use(GERMAN):
        script = bundle(static_files())[name].decode()
    match = re.search(r"layerbookMessages \?\?= \{\}\), (\{.*\})\);\n", script)
    assert match
    messages = json.loads(match[1])
    assert messages[message]
    assert all(GERMAN.messages[key] == text for key, text in messages.items())
    assert '"decimal": ","' in script


def test_style_sheets_are_translated() -> None:
    with language.use(GERMAN):
        assert "seitwärts scrollen" in bundle(static_files())["book.css"].decode()


def test_code_of_figures_is_translated() -> None:
    """F-strings and constants, in a copy of the module; text of a prompt is never translated."""
    copy = translatable_copy(head_outputs)

    class Result:
        layer, head, prompt = 2, 1, "token"  # a message too, but here the text of a prompt

    result: Any = Result()
    assert copy.head_name(result) == "layer 2, head 1, “token”"
    with language.use(GERMAN):
        assert copy.head_name(result) == "Schicht 2, Head 1, „token“"
        assert head_outputs.head_name(result) == "layer 2, head 1, “token”"
        constant = translatable_copy(rope)._turned(0.001)
        assert constant == "less than a hundredth"
        assert language.translated(constant) == "weniger als ein Hundertstel"
        assert language.translated("less than a hundredth") == "less than a hundredth"


def test_numbers_in_texts_without_a_translation_follow_the_language() -> None:
    """Those of a book's own analyses; names of figures stay as they are."""
    with language.use(GERMAN):
        assert language.fill("{a} of our own", {"a": (9.69, "", ".1f")}) == "9,7 of our own"
        assert language.fill("at-{a}", {"a": (0.5, "", "g")}) == "at-0.5"


def test_numbers_and_axes_follow_the_language() -> None:
    """Decimal commas in texts, on axes and in cells."""
    tokens = (Token(1, "a", "61"), Token(2, "b", "62"))
    with language.use(GERMAN):
        assert filters.percent(0.6171) == "61,7\N{NARROW NO-BREAK SPACE}%"
        assert filters.integer(134_515_008) == "134.515.008"
        assert filters.num(-0.25) == "−0,25"
        heatmap = attention_heatmap(np.array([[1.0, 0.0], [0.25, 0.75]]), tokens, alt="")
        assert heatmap.rows.name == "Token, das schaut"
        bars = Bars(("a", "b"), (0.0125, 0.0075), Axis("x"), probability_axis(), alt="")
        picture = render_figure(bars, "x")
    assert "1,25" in picture and "Wahrscheinlichkeit" in picture and "1.25 " not in picture
    assert filters.percent(0.6171) == "61.7\N{NARROW NO-BREAK SPACE}%"


def test_unknown_language_is_reported_with_the_available_ones(
    tmp_path: Path, tiny_model_dir: Path
) -> None:
    """At its place in book.yaml."""
    book = write_book(tmp_path / "book", tiny_model_dir, "xx")
    completed = layerbook("check", cwd=book)
    assert completed.returncode == 2
    assert "book.yaml:4:11: " in completed.stderr
    assert "no language named 'xx'" in completed.stderr and "available: de, en" in completed.stderr
