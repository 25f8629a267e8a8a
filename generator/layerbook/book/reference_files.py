"""Sources in the formats of reference managers: BibTeX and CSL-JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydantic import AliasChoices, AliasPath, BaseModel, ConfigDict, Field, ValidationError

from layerbook.book.node import FILE_START, FileProblem, Position, ProblemList, display_path

MAX_BIBTEX = 200_000
"""Bytes of a BibTeX file; its reader takes some seconds for a million."""
MAX_CSL = 1_000_000
"""Bytes of a CSL-JSON file."""
MAX_YEAR_DIGITS = 10
MAX_GROWTH = 50_000_000
"""The maximum number of characters of joined strings (`a # b`)."""
AND_OTHERS = "et al."
VENUES = (
    *("journal", "journaltitle", "booktitle", "school", "publisher", "institution"),
    *("organization", "howpublished", "archiveprefix", "eprinttype"),
)
VENUE_BY_TYPE = {
    **dict.fromkeys(("book", "proceedings"), "publisher"),
    **dict.fromkeys(("inproceedings", "conference", "incollection", "inbook"), "booktitle"),
    **dict.fromkeys(("phdthesis", "mastersthesis"), "school"),
    **dict.fromkeys(("techreport", "report", "thesis"), "institution"),
    "manual": "organization",
}
"""The field that BibTeX prints for entries of a type, even if they have others of VENUES too."""
_JOINED_STRING = re.compile(r"@string\s*[{(][^@]*?#", re.IGNORECASE)
_BIBTEX_KEY = re.compile(r"@\s*\w+\s*[{(]\s*([^\s,{}()]+)\s*,")
_SENTENCE_END = re.compile(r"^(.*?)\s+in line \d+$")
_MARKS = re.compile(r"[^\w\s.,:;!?()\[\]/+*=<>@|]|--")
"""Characters that may be commands or ligatures of LaTeX."""
_STYLE_COMMAND = re.compile(r"\\(?:emph|text[a-z]{2}|mathrm|mathit|mathbf|url)\s*")

_CSL_ID = re.compile(r'"id"\s*:\s*("(?:[^"\\\n]|\\.)*"|\d{1,20}\b)')


CSL_VENUES = AliasChoices("container-title", "event-title", "publisher", "genre", "archive")


class _CslName(BaseModel):
    family: str | None = None
    given: str | None = None
    particle: str | None = Field(default=None, alias="non-dropping-particle")
    literal: str | None = None


class _CslSource(BaseModel):
    """The fields of CSL-JSON that a book needs; others are ignored."""

    model_config = ConfigDict(defer_build=True)  # few books have a CSL-JSON file

    id: str | int
    author: tuple[_CslName | str, ...] | None = None
    editor: tuple[_CslName | str, ...] | None = None
    year: int | None = Field(default=None, validation_alias=AliasPath("issued", "date-parts", 0, 0))
    title: str | None = None
    venue: str | None = Field(default=None, validation_alias=CSL_VENUES)
    URL: str | None = None
    DOI: str | None = None
    annote: str | None = None


RawSource = tuple[Position, dict[str, Any]]
"""The position of a source, and the fields of a `Publication` that the file has."""
RawReader = Callable[[Path, ProblemList], dict[str, RawSource]]


def read_bibtex(path: Path, problems: ProblemList) -> dict[str, RawSource]:
    """Return the sources of a BibTeX file by key; report problems with their lines.

    Raises FileProblem if nothing can be read.
    """
    from pybtex import errors
    from pybtex.database.input.bibtex import Parser
    from pybtex.exceptions import PybtexError

    file = display_path(path)
    text = _read(path, MAX_BIBTEX)
    if _JOINED_STRING.search(text) or text.count("#") * len(text) > MAX_GROWTH:
        raise FileProblem(FILE_START, "joins too many strings with #; write them out")
    positions = dict(_positions(_BIBTEX_KEY, text, problems, file))
    with errors.capture() as captured:
        try:
            entries = Parser().parse_string(text).entries
        except PybtexError as error:
            captured.append(error)
            entries = {}
    for fault in captured:
        line = getattr(fault, "lineno", None)
        if line is not None:  # faults without a line are repeated keys, which are already reported
            message = _SENTENCE_END.sub(r"\1", str(fault).partition(": ")[2] or str(fault))
            problems.add(file, Position(line, 1), f"is not BibTeX: {message}")
    return {
        key: (positions.get(key, FILE_START), _from_bibtex(entry)) for key, entry in entries.items()
    }


def read_csl(path: Path, problems: ProblemList) -> dict[str, RawSource]:
    """Return the sources of a CSL-JSON file by id; report problems like `read_bibtex`."""
    file, text = display_path(path), _read(path, MAX_CSL)
    try:
        entries = json.loads(text)
    except json.JSONDecodeError as error:
        position = Position(error.lineno, error.colno)
        raise FileProblem(position, f"is not JSON: {error.msg}") from error
    except RecursionError as error:
        raise FileProblem(FILE_START, "is nested too deeply") from error
    except ValueError as error:
        raise FileProblem(FILE_START, "has a number with thousands of digits") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise FileProblem(FILE_START, "CSL-JSON is a list of sources, each a mapping")
    id_positions = _positions(_CSL_ID, text, problems, file)
    positions = {str(json.loads(id)): position for id, position in id_positions}
    sources = {}
    for entry in entries:
        position = positions.get(str(entry.get("id")), FILE_START)
        try:
            source = _CslSource.model_validate(_without_empty(**entry))
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                name = ".".join(map(str, fault["loc"]))
                problems.add(file, position, f"{name}: {fault['msg']}")
        else:
            sources[str(source.id)] = position, _from_csl(source)
    return sources


def _read(path: Path, max_bytes: int) -> str:
    data = path.read_bytes()
    if len(data) > max_bytes:
        message = f"is larger than {max_bytes:,} bytes; keep the sources that the book cites"
        raise FileProblem(FILE_START, message)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FileProblem(FILE_START, "the file is not UTF-8") from error


def _positions(
    pattern: re.Pattern[str], text: str, problems: ProblemList, file: str
) -> Iterator[tuple[str, Position]]:
    """Yield the keys of a file with their positions; report a repeated key."""
    first_lines: dict[str, int] = {}
    line, counted = 1, 0
    for match in pattern.finditer(text):
        start = match.start(1)
        line, counted = line + text.count("\n", counted, start), start
        position = Position(line, start - (text.rfind("\n", 0, start) + 1) + 1)
        if match[1] in first_lines:
            message = f"the key {match[1]!r} is already defined on line {first_lines[match[1]]}"
            problems.add(file, position, message)
        first_lines.setdefault(match[1], line)
        yield match[1], position


def _from_bibtex(entry: Any) -> dict[str, Any]:
    fields = {name.lower(): value for name, value in entry.fields.items()}
    people = entry.persons.get("author") or entry.persons.get("editor") or []

    def text(*names: str) -> str:
        """Return the first of these fields that is not empty."""
        return _plain(next((fields[name] for name in names if fields.get(name)), ""))

    year = text("year") or fields.get("date", "")[:4]
    return _without_empty(
        authors=[_bibtex_name(person) for person in people],
        year=int(year) if year.isdecimal() and len(year) < MAX_YEAR_DIGITS else year,
        title=text("title"),
        venue=text(VENUE_BY_TYPE.get(entry.type, "journal"), *VENUES),
        url=_bibtex_url(text),
        used_for=text("annotation", "annote"),
    )


def _bibtex_url(text: Callable[..., str]) -> str:
    """Return the address of a source: its URL, its DOI, or its page at arXiv."""
    if url := text("url"):
        return url
    if doi := text("doi"):
        return f"https://doi.org/{doi.removeprefix('https://doi.org/')}"
    archive, eprint = text("archiveprefix") or text("eprinttype"), text("eprint")
    return f"https://arxiv.org/abs/{eprint}" if eprint and archive.lower() == "arxiv" else ""


def _bibtex_name(person: Any) -> str:
    family = " ".join((*person.prelast_names, *person.last_names, *person.lineage_names))
    given_names = " ".join((*person.first_names, *person.middle_names))
    if (family, given_names) == ("others", ""):
        return AND_OTHERS
    return _plain(f"{family}, {given_names}" if given_names else family)


def _plain(value: str) -> str:
    """Return a value of BibTeX without its braces and commands: `{\\"u}` is `ü`."""
    if not _MARKS.search(value):
        return " ".join(value.split())
    from pybtex.richtext import Text
    from pybtex.scanner import PybtexError

    try:
        text = _STYLE_COMMAND.sub("", str(Text.from_latex(value)))
        return " ".join(text.replace("\\LaTeX", "LaTeX").replace("\\TeX", "TeX").split())
    except (PybtexError, UnicodeDecodeError):  # unbalanced braces, or a backslash at the end
        return value


def _from_csl(source: _CslSource) -> dict[str, Any]:
    return _without_empty(
        authors=[_csl_name(name) for name in source.author or source.editor or ()],
        year=source.year,
        title=source.title,
        venue=source.venue,
        url=source.URL or (f"https://doi.org/{source.DOI}" if source.DOI else None),
        used_for=source.annote,
    )


def _csl_name(name: _CslName | str) -> str:
    if isinstance(name, str):
        return name
    family = " ".join(filter(None, (name.particle, name.family)))
    return name.literal or (f"{family}, {name.given}" if name.given else family)


def _without_empty(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in (None, "", [])}
