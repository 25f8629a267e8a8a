"""The languages that pages can be in: the catalogues in `templates/locale`, read when needed."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

from layerbook.core.errors import did_you_mean
from layerbook.core.language import ENGLISH, Language

CATALOGUE = "layerbook.po"


def names() -> tuple[str, ...]:
    """Return the codes of all available languages, sorted."""
    folders = files("layerbook.templates").joinpath("locale").iterdir()
    return tuple(sorted({ENGLISH.code, *(folder.name for folder in folders if folder.is_dir())}))


def check_language(code: str) -> str:
    """Return the BCP 47 code unchanged. Raises ValueError, listing all languages, if unknown."""
    if _known_part(code) is None:
        available = f"available: {', '.join(names())}"
        raise ValueError(f"no language named {code!r}{did_you_mean(code, names())}; {available}")
    return code


def _known_part(code: str) -> str | None:
    """Return the catalogue for a code: `de` for `de-AT`; None if there is none."""
    known = names()
    return next((part for part in (code, code.partition("-")[0]) if part in known), None)


def _as_tuple(texts: Any) -> tuple[str, ...]:
    """Return the forms of a message: one, or a singular and a plural."""
    return (texts,) if isinstance(texts, str) else tuple(texts)


@cache
def load(code: str) -> Language:
    """Return the language for a code of BCP 47: `de-AT` is German. Raises ValueError."""
    known_code = _known_part(check_language(code))
    if known_code is None or known_code == ENGLISH.code:
        return ENGLISH
    from babel import Locale
    from babel.messages.pofile import read_po

    path = files("layerbook.templates").joinpath("locale", known_code, "LC_MESSAGES", CATALOGUE)
    with path.open("rb") as file:
        catalogue = read_po(file, locale=known_code)
    messages: dict[str, str] = {}
    for entry in catalogue:
        if entry.id and not entry.fuzzy:
            messages |= zip(_as_tuple(entry.id), _as_tuple(entry.string), strict=True)
    marks = Locale.parse(known_code).number_symbols["latn"]
    return Language(known_code, messages, str(marks["decimal"]), str(marks["group"]))
