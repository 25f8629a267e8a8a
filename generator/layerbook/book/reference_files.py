"""Sources in the formats of reference managers: BibTeX and CSL-JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from layerbook.book.yaml import FILE_START, Position, ProblemList, display_path

MAX_BYTES = 1_000_000
MAX_GROWTH = 50_000_000
"""Of characters that joined texts (`a # b`) can come to."""
AND_OTHERS = "et al."
VENUES = {
    "article": ("journal", "journaltitle"),
    "book": ("publisher",),
    "phdthesis": ("school",),
    "mastersthesis": ("school",),
}
ANY_VENUE = (
    *("journal", "journaltitle", "booktitle", "publisher", "school", "institution"),
    *("organization", "howpublished", "archiveprefix", "eprinttype"),
)
_JOINED_STRING = re.compile(r"@string\s*[{(][^@]*?#", re.IGNORECASE)
_BIBTEX_KEY = re.compile(r"@\s*\w+\s*[{(]\s*([^\s,{}()]+)\s*,")
_SENTENCE_END = re.compile(r"^(.*?)\s+in line \d+$")
_STYLE_COMMAND = re.compile(r"\\(?:emph|text[a-z]{2}|mathrm|mathit|mathbf|url)\s*")

RawSource = tuple[Position, dict[str, Any]]
"""The place of a source, and the fields of a `Publication` as far as the file has them."""


def read_bibtex(path: Path, problems: ProblemList) -> dict[str, RawSource]:
    """Return the sources of a BibTeX file by key; problems with their lines."""
    from pybtex import errors
    from pybtex.database.input.bibtex import Parser
    from pybtex.exceptions import PybtexError

    file = display_path(path)
    text = _read(path, problems)
    if text is None:
        return {}
    if _JOINED_STRING.search(text) or text.count("#") * len(text) > MAX_GROWTH:
        problems.add(file, FILE_START, "joins too many texts with #; write them out")
        return {}
    positions = dict(_positions(_BIBTEX_KEY, text, problems, file))
    with errors.capture() as captured:
        try:
            entries = Parser().parse_string(text).entries
        except PybtexError as error:
            captured.append(error)
            entries = {}
    for fault in captured:
        line = getattr(fault, "lineno", None)
        if line is not None:  # those without are repeated keys, which have been reported
            message = _SENTENCE_END.sub(r"\1", str(fault).partition(": ")[2] or str(fault))
            problems.add(file, Position(line, 1), f"is not BibTeX: {message}")
    return {
        key: (positions.get(key, FILE_START), _from_bibtex(entry)) for key, entry in entries.items()
    }


def read_csl(path: Path, problems: ProblemList) -> dict[str, RawSource]:
    """Return the sources of a CSL-JSON file by id; problems with their lines."""
    file = display_path(path)
    text = _read(path, problems)
    if text is None:
        return {}
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        problems.add(file, Position(error.lineno, error.colno), f"is not JSON: {error.msg}")
        return {}
    except RecursionError:
        problems.add(file, FILE_START, "is nested too deeply")
        return {}
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        problems.add(file, FILE_START, "CSL-JSON is a list of sources, each a mapping")
        return {}
    ids = re.compile(r'"id"\s*:\s*("(?:[^"\\]|\\.)*"|\d+)')
    places = _positions(ids, text, problems, file)
    positions = {json.loads(quoted): place for quoted, place in places}
    sources = {}
    for entry in entries:
        key = entry.get("id", "")
        sources[str(key)] = positions.get(key, FILE_START), _from_csl(entry)
    return sources


def _read(path: Path, problems: ProblemList) -> str | None:
    data = path.read_bytes()
    if len(data) > MAX_BYTES:
        problems.add(display_path(path), FILE_START, f"is larger than {MAX_BYTES:,} bytes")
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        problems.add(display_path(path), FILE_START, "the file is not UTF-8")
        return None


def _positions(
    pattern: re.Pattern[str], text: str, problems: ProblemList, file: str
) -> Iterator[tuple[str, Position]]:
    """Yield the keys of a file with their places; a key that is there twice is a problem."""
    seen: dict[str, int] = {}
    for match in pattern.finditer(text):
        start = match.start(1)
        line = text.count("\n", 0, start) + 1
        position = Position(line, start - (text.rfind("\n", 0, start) + 1) + 1)
        if match[1] in seen:
            message = f"the key {match[1]!r} is in line {seen[match[1]]} already"
            problems.add(file, position, message)
        seen.setdefault(match[1], line)
        yield match[1], position


def _from_bibtex(entry: Any) -> dict[str, Any]:
    fields = {name.lower(): _plain(value) for name, value in entry.fields.items()}
    people = entry.persons.get("author") or entry.persons.get("editor") or []
    names = (*VENUES.get(entry.type.lower(), ()), *ANY_VENUE)
    venue = next((fields[name] for name in names if fields.get(name)), "")
    url = fields.get("url", "")
    if not url and fields.get("doi"):
        url = f"https://doi.org/{fields['doi'].removeprefix('https://doi.org/')}"
    kind = (fields.get("archiveprefix") or fields.get("eprinttype") or "").lower()
    if not url and fields.get("eprint") and kind == "arxiv":
        url = f"https://arxiv.org/abs/{fields['eprint']}"
    year = fields.get("year") or fields.get("date", "")[:4]
    return _without_empty(
        authors=[_bibtex_name(person) for person in people],
        year=int(year) if year.isdecimal() else year,
        title=fields.get("title", ""),
        venue=venue,
        url=url,
        used_for=fields.get("annotation") or fields.get("annote") or "",
    )


def _bibtex_name(person: Any) -> str:
    family = " ".join((*person.prelast_names, *person.last_names, *person.lineage_names))
    given = " ".join((*person.first_names, *person.middle_names))
    if (family, given) == ("others", ""):
        return AND_OTHERS
    return _plain(f"{family}, {given}" if given else family)


def _plain(value: str) -> str:
    """Return a value of BibTeX without its braces and commands: `{\\"u}` is `ü`."""
    from pybtex.richtext import Text
    from pybtex.scanner import PybtexError

    try:
        text = _STYLE_COMMAND.sub("", str(Text.from_latex(value)))
        return " ".join(text.replace("\\LaTeX", "LaTeX").replace("\\TeX", "TeX").split())
    except PybtexError:  # braces that do not match, in a value in quotation marks
        return value


def _from_csl(entry: Mapping[str, Any]) -> dict[str, Any]:
    people = entry.get("author") or entry.get("editor") or []
    issued = entry.get("issued")
    parts = issued.get("date-parts") if isinstance(issued, dict) else None
    year = parts[0][0] if isinstance(parts, list) and parts and parts[0] else None
    doi = entry.get("DOI")
    venues = ("container-title", "event-title", "publisher", "genre", "archive")
    return _without_empty(
        authors=[_csl_name(person) for person in people] if isinstance(people, list) else people,
        year=int(year) if isinstance(year, str) and year.isdecimal() else year,
        title=entry.get("title"),
        venue=next((entry[name] for name in venues if entry.get(name)), None),
        url=entry.get("URL") or (f"https://doi.org/{doi}" if doi else None),
        used_for=entry.get("annote"),
    )


def _csl_name(person: Any) -> Any:
    if not isinstance(person, dict):
        return person
    family = " ".join(filter(None, (person.get("non-dropping-particle"), person.get("family"))))
    given = person.get("given")
    return person.get("literal") or (f"{family}, {given}" if given else family)


def _without_empty(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [])}
