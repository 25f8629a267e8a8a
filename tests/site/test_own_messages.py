"""A book's own catalogue: its words instead of the program's, and languages that we do not have."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.small_book import layerbook
from layerbook.book.languages import MAX_PROBLEMS, read_own_messages


def write_catalogue(book: Path, code: str, *messages: tuple[str, str]) -> Path:
    """Write the book's catalogue and set its language."""
    path = book / "templates" / "locale" / code / "LC_MESSAGES" / "layerbook.po"
    path.parent.mkdir(parents=True)
    header = 'msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n'
    entries = (f'\nmsgid "{original}"\nmsgstr "{text}"\n' for original, text in messages)
    path.write_text(header + "".join(entries), encoding="utf-8")
    spec = book / "experiments" / "book.yaml"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("language: en", f"language: {code}"), encoding="utf-8")
    return path


def build(book: Path) -> str:
    """Build the book and return a page."""
    layerbook("build", "--no-run", "--jobs", "1", cwd=book, check=True)
    return (book / "site" / "words.html").read_text(encoding="utf-8")


def test_own_words_take_the_place_of_ours(book: Path) -> None:
    """Those that the catalogue has, also after a change; the others stay."""
    path = write_catalogue(book, "en", ("Figure %(number)s", "Plate %(number)s"))
    page = build(book)
    assert '<b class="figure-number">Plate 2.1.</b>' in page and "The numbers" in page
    path.write_text(path.read_text(encoding="utf-8").replace("Plate", "Panel"), encoding="utf-8")
    assert "Panel 2.1." in build(book)


def test_own_words_go_before_the_german_ones(book: Path) -> None:
    """The rest is German, and `de` serves `de-AT`."""
    write_catalogue(book, "de", ("Figure %(number)s", "Bild %(number)s"))
    spec = book / "experiments" / "book.yaml"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("language: de", "language: de-AT"), encoding="utf-8")
    page = build(book)
    assert "Bild 2.1." in page and "Die Zahlen" in page and '<html lang="de-AT">' in page


def test_a_language_that_only_the_book_has(book: Path) -> None:
    """Its words, its decimal comma, and English for what it does not say."""
    write_catalogue(book, "fr", ("Figure %(number)s", "Planche %(number)s"), ("Copy", "Copier"))
    page = build(book)
    assert '<html lang="fr">' in page and "Planche 2.1." in page and "The numbers" in page
    chapter = (book / "site" / "next.html").read_text(encoding="utf-8")
    assert "0," in chapter.split("<main")[1].split("<figure")[0]
    assert '"Copier"' in (book / "site" / "assets" / "book.js").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("original", "text", "message"),
    [
        ("Figure {number}", "Plate {number.__class__}", "same values in braces"),
        ("Figure {number}", "Plate {number!r}", "same values in braces"),
        ("Figure {number}", "Plate", "same values in braces"),
        ("Figure %(number)s", "Plate %(other)s", "same %(...)s"),
        ("The numbers", "The numbers 100%", "and percent signs"),
        ("The numbers", "<script src=x>", "same tags"),
        ("{count} layers", "9{count} layers", "has a number that"),
        ("{count} numbers of 64 bits", "{count} numbers of 46 bits", "has a number that"),
        ("{count} numbers of 64 bits", "{count} numbers of 6 bits", "has a number that"),
        ("{count} layers", "{count}² layers", "has a number that"),
        ("The numbers", "The \u202enumbers", "a control character"),
        ("The numbers", "The \x9bnumbers", "a control character"),
        ("<" * 4001, "<" * 4001, "longer than 4,000 characters"),
        ("done", 'x\\" onclick=\\"y', "same tags and markup"),
    ],
)
def test_a_message_shows_nothing_else(book: Path, original: str, text: str, message: str) -> None:
    """Reported at its line, before anything is built."""
    write_catalogue(book, "en", ("Copy", "Take"), (original, text))
    process = layerbook("check", cwd=book)
    assert process.returncode == 2
    assert "templates/locale/en/LC_MESSAGES/layerbook.po:7:1: " in process.stderr
    assert message in process.stderr


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"Copy: Take\n"])
def test_a_broken_catalogue_is_reported(book: Path, content: bytes) -> None:
    """In one line, with its place."""
    path = write_catalogue(book, "en", ("Copy", "Take"))
    path.write_bytes(content)
    process = layerbook("check", cwd=book)
    assert process.returncode == 2 and "layerbook.po:" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.parametrize("forms", ["900000000", "9" * 20])
def test_a_header_says_neither_the_forms_nor_the_encoding(book: Path, forms: str) -> None:
    """Else it could ask for gigabytes of forms, or for an encoding that takes hours to read."""
    path = write_catalogue(book, "en")
    path.write_text(
        'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=unicode_escape\\n"\n'
        f'"Plural-Forms: nplurals={forms}; plural=0;\\n"\n\n'
        'msgid "a"\nmsgid_plural "b"\nmsgstr[0] "ä"\nmsgstr[1] "ö"\n',
        encoding="utf-8",
    )
    assert read_own_messages(path) == {"a": "ä", "b": "ö"}


def test_a_catalogue_with_many_mistakes_reports_some(book: Path) -> None:
    """Twenty are enough to begin with."""
    write_catalogue(book, "en", *((f"Word {n}", "{value}") for n in range(500)))
    process = layerbook("check", cwd=book)
    assert process.returncode == 2 and len(process.stderr.splitlines()) == MAX_PROBLEMS + 1


@pytest.mark.parametrize("code", ["xx-nothing", "../de"])
def test_an_unknown_language_says_where_its_catalogue_would_be(book: Path, code: str) -> None:
    """At its place in book.yaml."""
    spec = book / "experiments" / "book.yaml"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("language: en", f"language: {code}"), encoding="utf-8")
    process = layerbook("check", cwd=book)
    assert process.returncode == 2
    assert f"book.yaml:4:11: language: no language named '{code}'" in process.stderr
    assert f"templates/locale/{code}/LC_MESSAGES/layerbook.po" in process.stderr
