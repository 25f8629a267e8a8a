"""The sources that a book cites, from templates/references.yaml, and their labels in prose."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from layerbook.book.validation import validate
from layerbook.book.yaml import Position, ProblemList, read_mapping
from layerbook.core.errors import SpecError, UsageError, did_you_mean

REFERENCES_FILE = "references.yaml"
# A key is also an element id on the page of references; no other id there has a digit.
KEY_PATTERN = re.compile(r"(?=.*[0-9])[a-z0-9][a-z0-9-]*")

NonEmptyStr = Annotated[str, Field(min_length=1)]


class Publication(BaseModel):
    """A source; its key in the file names it in prose."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    authors: tuple[NonEmptyStr, ...] = Field(
        min_length=1, description="Each as `Family, Given`; a name without a comma is taken whole."
    )
    year: int = Field(ge=1000, le=2999, description="When it appeared.")
    title: NonEmptyStr = Field(description="Its title, in full.")
    venue: NonEmptyStr = Field(description="Where it appeared: a journal, a conference, a site.")
    url: str = Field(pattern=r"^https?://[^\s]+$", description="Where it can be read online.")
    used_for: str = Field(default="", description="One line on what this book takes from it.")

    @property
    def family_names(self) -> tuple[str, ...]:
        """The authors' names in citations."""
        return tuple(author.partition(",")[0].strip() for author in self.authors)

    @property
    def short_authors(self) -> str:
        """`Shazeer`, `Zhang and Sennrich`, or `Xiao et al.` for more than two."""
        first = self.family_names[0]
        return f"{first} et al." if len(self.authors) > 2 else " and ".join(self.family_names)


@dataclass(frozen=True)
class Bibliography:
    """All sources by key; `file` and `key_positions` say where each is defined."""

    publications: Mapping[str, Publication]
    file: str = REFERENCES_FILE
    key_positions: Mapping[str, Position] = field(default_factory=dict)

    def get(self, key: str) -> Publication:
        """Return the source of a key. Raises UsageError for an unknown key."""
        if key not in self.publications:
            raise UsageError(self.unknown_key_message(key))
        return self.publications[key]

    def unknown_key_message(self, key: str) -> str:
        """Return the message for a key that no source has."""
        near = did_you_mean(key, self.publications)
        return f"no source is called {key!r}{near}; sources are defined in {self.file}"

    def sorted_keys(self) -> tuple[str, ...]:
        """Return the keys by author, then year, then title."""

        def sort_key(key: str) -> tuple[object, ...]:
            source = self.publications[key]
            authors = tuple(name.casefold() for name in source.family_names)
            return authors, source.year, source.title.casefold(), key

        return tuple(sorted(self.publications, key=sort_key))

    def year(self, key: str) -> str:
        """Return `2023`, or `2020a` if the same authors have several sources of that year."""
        source = self.get(key)
        same_year = [
            other_key
            for other_key in self.sorted_keys()
            if self.get(other_key).short_authors == source.short_authors
            and self.get(other_key).year == source.year
        ]
        letter = chr(ord("a") + same_year.index(key)) if len(same_year) > 1 else ""
        return f"{source.year}{letter}"

    def label(self, key: str) -> str:
        """Return the citation in prose: `Xiao et al., 2023`."""
        return f"{self.get(key).short_authors}, {self.year(key)}"


def load(templates: Path) -> Bibliography | None:
    """Load the bibliography in a book's folder of templates; None if the book has none.

    Raises SpecError with every problem of the file.
    """
    path = templates / REFERENCES_FILE
    if not path.is_file():
        return None
    problems = ProblemList()
    node = read_mapping(path, problems)
    publications = {}
    if node is not None:
        if not node.value:
            node.add_problem("the file has no sources; a book without citations does not need it")
        for key, entry in node.value.items():
            if not KEY_PATTERN.fullmatch(key):
                rule = "lower-case letters, hyphens, and at least one digit, such as xiao2023"
                node.add_key_problem(key, f"a key has {rule}; {key!r} has not")
            if not isinstance(entry.value, dict):
                entry.add_problem("a source is a mapping: authors, year, title, venue, url")
            elif (publication := validate(Publication, entry)) is not None:
                publications[key] = publication
    if node is None or problems:
        raise SpecError(problems)
    return Bibliography(publications, node.file, node.key_positions)
