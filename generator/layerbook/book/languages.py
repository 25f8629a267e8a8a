"""The languages of pages: the catalogues in `templates/locale`, read when needed.

A book can have its own catalogue, `templates/locale/LANG/LC_MESSAGES/layerbook.po`. Its messages
replace those of the program. A message must have the same values and tags as the original, so that
it can neither read more of a value nor add markup.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from functools import cache
from importlib.resources import files
from io import StringIO
from pathlib import Path
from string import Formatter
from typing import TYPE_CHECKING

from layerbook.book.node import display_path
from layerbook.core.errors import Problem, SpecError, did_you_mean
from layerbook.core.language import ENGLISH, Language

if TYPE_CHECKING:
    from babel.messages.catalog import Message

CATALOGUE = Path("LC_MESSAGES") / "layerbook.po"
LOCALE_FOLDER = Path("templates") / "locale"
MAX_BYTES = 2_000_000
MAX_MESSAGE = 4_000
"""Characters of a message. Those of the program have some hundreds."""
MAX_PROBLEMS = 20
_PERCENT = re.compile(r"%(?:\(\w+\)s)?")
_TAG = re.compile(r"<[^>]*>")
_MARKUP = '<>&"\\'
_CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
"""Control characters except the line feed, also those that reverse the direction of text."""


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
        catalogue_path = f"{LOCALE_FOLDER.as_posix()}/{code}/{CATALOGUE.as_posix()}"
        raise ValueError(
            f"no language named {code!r}{did_you_mean(code, names())}; {available}, "
            f"or a catalogue of the book in {catalogue_path}"
        )


def load_for_book(code: str, root: Path) -> Language:
    """Return a language, with messages of the book's catalogue in place of the program's.

    Raises ValueError for an invalid code, and SpecError for an invalid catalogue.
    """
    path = own_catalogue(root, code)
    if path is None:
        return load(code)
    messages = read_own_messages(path)
    if _known_part(code) is None:
        return Language(code, messages, *_marks(code))
    language = load(code)
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

    path = files("layerbook.templates").joinpath("locale", known_code, *CATALOGUE.parts)
    with path.open("rb") as file:
        catalogue = read_po(file, locale=known_code)
    messages: dict[str, str] = {}
    for entry in catalogue:
        if entry.id and not entry.fuzzy:
            messages |= zip(message_forms(entry.id), message_forms(entry.string), strict=True)
    return Language(known_code, messages, *_marks(known_code))


def own_catalogue(root: Path, code: str) -> Path | None:
    """Return the book's catalogue for a language: that of `de-AT`, or else of `de`."""
    for name in dict.fromkeys((code, code.partition("-")[0])):
        path = root / LOCALE_FOLDER / name / CATALOGUE
        if re.fullmatch(r"[A-Za-z0-9-]+", name) and path.is_file():
            return path
    return None


def read_own_messages(path: Path) -> dict[str, str]:
    """Return the messages of a book's catalogue by their English originals.

    Raises SpecError with every message that cannot take the place of the original.
    """
    file = display_path(path)
    messages: dict[str, str] = {}
    problems: list[Problem] = []
    for entry in _read_catalogue(path, file):
        originals, translations = message_forms(entry.id), message_forms(entry.string)
        line = entry.lineno or 1
        if len(originals) != len(translations):
            message = f"{originals[0]!r} must have two forms, a singular and a plural"
            problems.append(Problem(file, line, 1, message))
            continue
        for original, translated in zip(originals, translations, strict=True):
            if translated:
                problems += [Problem(file, line, 1, m) for m in _faults(original, translated)]
                messages[original] = translated
        if len(problems) >= MAX_PROBLEMS:
            break
    if problems:
        raise SpecError(problems[:MAX_PROBLEMS])
    return messages


def _read_catalogue(path: Path, file: str) -> list[Message]:
    """Return the messages of a catalogue, without those marked as fuzzy."""
    from babel.messages import Catalog
    from babel.messages.pofile import PoFileError, PoFileParser

    class TwoForms(Catalog):
        """A catalogue whose messages have a singular and a plural, whatever its header says."""

        num_plurals = 2

    if path.stat().st_size > MAX_BYTES:
        raise SpecError([Problem(file, 1, 1, f"is larger than {MAX_BYTES // 1_000_000} MB")])
    try:
        catalogue = TwoForms()
        text = path.read_text(encoding="utf-8")  # whatever the header says
        PoFileParser(catalogue, abort_invalid=True).parse(StringIO(text))
        return [entry for entry in catalogue if entry.id and not entry.fuzzy]
    except PoFileError as error:
        raise SpecError([Problem(file, max(error.lineno, 1), 1, str(error))]) from error
    except (ValueError, LookupError, AttributeError) as error:
        raise SpecError([Problem(file, 1, 1, f"is not a catalogue: {error}")]) from error


def message_forms(texts: str | Iterable[str] | None) -> tuple[str, ...]:
    """Return the forms of a message: a single one, or a singular and a plural."""
    return (texts,) if isinstance(texts, str) else tuple(texts or ())


def _faults(original: str, translated: str) -> Iterator[str]:
    """Yield why a message cannot take the place of the original."""
    if max(len(original), len(translated)) > MAX_MESSAGE:
        yield f"{original[:40]!r} is longer than {MAX_MESSAGE:,} characters, or its translation is"
        return
    # Braces are text in a message for a template, and percent signs in one for the code.
    if sorted(_PERCENT.findall(original)) != sorted(_PERCENT.findall(translated)):
        yield f"{translated!r} must have the same %(...)s and percent signs as {original!r}"
    if _fields(original) != _fields(translated):
        yield f"{translated!r} must have the same values in braces as {original!r}"
    if _TAG.findall(original) != _TAG.findall(translated) or any(
        translated.count(sign) > original.count(sign) for sign in _MARKUP
    ):
        yield f"{translated!r} must have the same tags and markup as {original!r}; write “ ” or « »"
    if Counter(_numbers(translated)) - Counter(_numbers(original)):
        yield f"{translated!r} has a number that {original!r} does not have"
    if _CONTROL.search(translated):
        yield f"{translated!r} has a control character"


def _numbers(text: str) -> list[str]:
    """Return the numbers in a text, such as `64`, and signs such as `½` and `²`."""
    return [
        *re.findall(r"\d+", text),
        *(c for c in text if unicodedata.category(c) in ("No", "Nl")),
    ]


def _fields(message: str) -> list[str] | None:
    """Return the contents of braces, sorted; None if the message is not a valid format string."""
    try:
        fields = list(Formatter().parse(message))
    except ValueError:
        return None
    return sorted(f"{name}!{how}:{spec}" for _, name, spec, how in fields if name is not None)
