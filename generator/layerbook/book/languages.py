"""The languages of pages: the catalogues in `templates/locale`, read when needed.

A book can have its own catalogue there. Its messages replace those of the program.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from importlib.resources import files
from pathlib import Path

from layerbook.book.own_messages import CATALOGUE as OWN_CATALOGUE
from layerbook.book.own_messages import (
    LOCALE_FOLDER,
    message_forms,
    own_catalogue,
    read_own_messages,
)
from layerbook.core.errors import did_you_mean
from layerbook.core.language import ENGLISH, Language

CATALOGUE = "layerbook.po"


def names() -> tuple[str, ...]:
    """Return the codes of all available languages, sorted."""
    folders = files("layerbook.templates").joinpath("locale").iterdir()
    return tuple(sorted({ENGLISH.code, *(folder.name for folder in folders if folder.is_dir())}))


def check_language(code: str, root: Path) -> None:
    """Check the language of the book at `root`.

    Raises ValueError, listing all languages, if it is unknown, and SpecError for a catalogue of
    the book that cannot be used.
    """
    if own_catalogue(root, code):
        load_for_book(code, root)
    elif _known_part(code) is None:
        available = f"available: {', '.join(names())}"
        catalogue_path = f"{LOCALE_FOLDER.as_posix()}/{code}/{OWN_CATALOGUE.as_posix()}"
        raise ValueError(
            f"no language named {code!r}{did_you_mean(code, names())}; {available}, "
            f"or a catalogue of the book in {catalogue_path}"
        )


def load_for_book(code: str, root: Path) -> Language:
    """Return a language, with messages of the book's catalogue in place of the program's.

    Raises ValueError for an invalid code, and SpecError for an invalid catalogue.
    """
    path = own_catalogue(root, code)
    language = load(code) if _known_part(code) else None
    if path is None:
        return language or ENGLISH
    messages = read_own_messages(path)
    if language is None:
        return Language(code, messages, *_marks(code))
    return replace(language, messages={**language.messages, **messages})


def _marks(code: str) -> tuple[str, str]:
    """Return the decimal mark and the group mark. Raises ValueError for an unknown code."""
    from babel import Locale, UnknownLocaleError

    try:
        marks = Locale.parse(code, sep="-").number_symbols["latn"]
    except (UnknownLocaleError, ValueError, LookupError) as error:
        raise ValueError(f"{code!r} is not a language of BCP 47") from error
    return str(marks["decimal"]), str(marks["group"])


def _known_part(code: str) -> str | None:
    """Return the catalogue for a code: `de` for `de-AT`; None if there is none."""
    codes = names()
    return next((part for part in (code, code.partition("-")[0]) if part in codes), None)


@cache
def load(code: str) -> Language:
    """Return a language of the program for a code of BCP 47: `de-AT` is German, else English."""
    known_code = _known_part(code)
    if known_code is None or known_code == ENGLISH.code:
        return ENGLISH
    from babel.messages.pofile import read_po

    path = files("layerbook.templates").joinpath("locale", known_code, "LC_MESSAGES", CATALOGUE)
    with path.open("rb") as file:
        catalogue = read_po(file, locale=known_code)
    messages: dict[str, str] = {}
    for entry in catalogue:
        if entry.id and not entry.fuzzy:
            messages |= zip(message_forms(entry.id), message_forms(entry.string), strict=True)
    return Language(known_code, messages, *_marks(known_code))
