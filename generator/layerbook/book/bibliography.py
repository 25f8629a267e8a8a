"""The sources that a book cites, and their labels in prose.

They are in templates/references.yaml, references.bib (BibTeX) or references.json (CSL-JSON).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import NamedTuple

from pydantic import Field, ValidationError

from layerbook.book.node import FILE_START, FileProblem, Position, ProblemList, display_path
from layerbook.book.reference_files import AND_OTHERS, RawReader, read_bibtex, read_csl
from layerbook.book.schema import URL_PATTERN, NonEmptyStr, Spec
from layerbook.book.validation import validate
from layerbook.book.yaml import read_mapping
from layerbook.core.errors import SpecError, UsageError, did_you_mean

REFERENCES_FILE = "references.yaml"
# A key is also an element id on the page of references; no other id there has a digit.
KEY_PATTERN = re.compile(r"(?=.*[0-9])[A-Za-z0-9][A-Za-z0-9_.:-]*")
KEY_RULE = "letters, digits and - _ . : with at least one digit, such as xiao2023"


class Publication(Spec):
    """A source. Prose cites it by its key in the file."""

    authors: tuple[NonEmptyStr, ...] = Field(
        min_length=1, description="Each as `Family, Given`, or a whole name without a comma."
    )
    year: int = Field(ge=1000, le=2999, description="When it appeared.")
    title: NonEmptyStr = Field(description="Its title, in full.")
    venue: str = Field(
        default="", description="Where it appeared: a journal, a publisher, a university, a site."
    )
    url: str = Field(
        default="",
        pattern=URL_PATTERN,
        description="Where it can be read online, if it can.",
    )
    used_for: str = Field(default="", description="One line on what this book takes from it.")

    @property
    def family_names(self) -> tuple[str, ...]:
        """The authors' names in citations."""
        return tuple(author.partition(",")[0].strip() for author in self.authors)

    @property
    def short_authors(self) -> str:
        """`Shazeer`, `Zhang and Sennrich`, or `Xiao et al.` for more than two."""
        first, others = self.family_names[0], self.family_names[1:]
        if len(others) > 1 or AND_OTHERS in others:
            return f"{first} et al."
        return " and ".join(self.family_names)


class Definition(NamedTuple):
    """The file and line that define a source."""

    file: str
    position: Position


@dataclass(frozen=True)
class Bibliography:
    """All sources by key.

    file: the names of the files that define them. definitions: the file and position of each.
    """

    publications: Mapping[str, Publication]
    file: str = REFERENCES_FILE
    definitions: Mapping[str, Definition] = field(default_factory=dict)

    def get(self, key: str) -> Publication:
        """Return the source of a key. Raises UsageError for an unknown key."""
        if key not in self.publications:
            hint = did_you_mean(key, self.publications)
            raise UsageError(f"no source named {key!r}{hint}; sources are defined in {self.file}")
        return self.publications[key]

    def sorted_keys(self) -> tuple[str, ...]:
        """Return the keys by author, then year, then title."""

        def sort_key(key: str) -> tuple[object, ...]:
            source = self.publications[key]
            authors = tuple(name.casefold() for name in source.family_names)
            return authors, source.year, source.title.casefold(), key

        return tuple(sorted(self.publications, key=sort_key))

    @cached_property
    def _years(self) -> Mapping[str, str]:
        keys_of: dict[tuple[str, int], list[str]] = {}
        for key in self.sorted_keys():
            source = self.publications[key]
            keys_of.setdefault((source.short_authors, source.year), []).append(key)
        return {
            key: f"{year}{_letters(i)}" if len(keys) > 1 else str(year)
            for (_, year), keys in keys_of.items()
            for i, key in enumerate(keys)
        }

    def year(self, key: str) -> str:
        """Return `2023`, or `2020a` if the same authors have several sources of that year."""
        self.get(key)
        return self._years[key]

    def label(self, key: str) -> str:
        """Return the citation in prose: `Xiao et al., 2023`."""
        return f"{self.get(key).short_authors}, {self.year(key)}"


def _letters(number: int) -> str:
    """Return `a` for 0, `z` for 25, `aa` for 26."""
    quotient, remainder = divmod(number, 26)
    return (_letters(quotient - 1) if quotient else "") + chr(ord("a") + remainder)


def load(templates: Path) -> Bibliography | None:
    """Load the bibliography from a book's folder of templates; None if the book has none.

    Raises SpecError with every problem of its files.
    """
    paths = [path for name in READERS if (path := templates / name).is_file()]
    if not paths:
        return None
    problems = ProblemList()
    publications: dict[str, Publication] = {}
    definitions: dict[str, Definition] = {}
    for path in paths:
        file = display_path(path)
        sources = list(READERS[path.name](path, problems))
        if not sources and not problems:
            message = "the file has no sources; a book without citations does not need it"
            problems.add(file, FILE_START, message)
        for key, position, publication in sources:
            if not KEY_PATTERN.fullmatch(key):
                problems.add(file, position, f"a key must have {KEY_RULE}, unlike {key!r}")
            elif key in definitions:
                first = definitions[key].file
                problems.add(file, position, f"the key {key!r} is in {first} already")
            elif publication is not None:
                publications[key], definitions[key] = publication, Definition(file, position)
    if problems:
        raise SpecError(problems)
    return Bibliography(publications, " or ".join(map(display_path, paths)), definitions)


class _Source(NamedTuple):
    """An entry of a file. publication: None if it is not valid, which is reported."""

    key: str
    position: Position
    publication: Publication | None


def _read_yaml(path: Path, problems: ProblemList) -> Iterator[_Source]:
    node = read_mapping(path, problems)
    if node is None:
        return
    for key, entry in node.value.items():
        publication = None
        if isinstance(entry.value, dict):
            publication = validate(Publication, entry)
        else:
            entry.add_problem("a source is a mapping: authors, year, title, venue, url")
        yield _Source(key, node.key_positions[key], publication)


def _read_exported(read: RawReader, path: Path, problems: ProblemList) -> Iterator[_Source]:
    """Read and validate a file of a reference manager."""
    file = display_path(path)
    try:
        sources = read(path, problems)
    except FileProblem as problem:
        problems.add(file, problem.position, problem.message)
        return
    for key, (position, fields) in sources.items():
        publication = None
        try:
            publication = Publication.model_validate(fields)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                name = ".".join(map(str, detail["loc"]))
                is_missing = detail["type"] == "missing"
                message = f"has no {name}" if is_missing else f"{name}: {detail['msg']}"
                problems.add(file, position, f"{key}: {message}")
        yield _Source(key, position, publication)


READERS: Mapping[str, Callable[[Path, ProblemList], Iterator[_Source]]] = {
    REFERENCES_FILE: _read_yaml,
    "references.bib": partial(_read_exported, read_bibtex),
    "references.json": partial(_read_exported, read_csl),
}
