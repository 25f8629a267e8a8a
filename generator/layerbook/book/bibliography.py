"""The sources that a book cites: templates/references.yaml, checked as specs are, and how a text names each of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from layerbook.book.validation import validate
from layerbook.book.yaml import Node, Position, SpecFile
from layerbook.core.errors import SpecError, UsageError, did_you_mean

REFERENCES_FILE = "references.yaml"
# A key is also an id on the page of references; no other id there has a digit.
KEY_PATTERN = re.compile(r"(?=.*[0-9])[a-z0-9][a-z0-9-]*")

NonEmptyStr = Annotated[str, Field(min_length=1)]


class Publication(BaseModel):
    """One source; the key above these keys names it in the prose."""

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
        """The names by which the authors are cited."""
        return tuple(author.partition(",")[0].strip() for author in self.authors)

    @property
    def short_authors(self) -> str:
        """`Shazeer`, `Zhang and Sennrich`, or `Xiao et al.` where there are more than two."""
        first = self.family_names[0]
        return f"{first} et al." if len(self.authors) > 2 else " and ".join(self.family_names)


@dataclass(frozen=True)
class Bibliography:
    """All sources by key; `file` and `key_positions` say where each stands."""

    publications: Mapping[str, Publication]
    file: str = ""
    key_positions: Mapping[str, Position] = field(default_factory=dict)

    def get(self, key: str) -> Publication:
        """The source of that key; UsageError where there is none."""
        if key not in self.publications:
            raise UsageError(self.unknown_key_message(key))
        return self.publications[key]

    def unknown_key_message(self, key: str) -> str:
        """The words for a key that is not there."""
        return f"no source is called {key!r}{did_you_mean(key, self.publications)}; they stand in {self.file or REFERENCES_FILE}"

    def sorted_keys(self) -> tuple[str, ...]:
        """The keys by author, then year, then title."""

        def rank(key: str) -> tuple[object, ...]:
            one = self.publications[key]
            return (
                tuple(name.casefold() for name in one.family_names),
                one.year,
                one.title.casefold(),
                key,
            )

        return tuple(sorted(self.publications, key=rank))

    def year(self, key: str) -> str:
        """`2023`; with a letter where the same names have another source of that year: `2020a`, `2020b`."""
        one = self.get(key)
        named = (one.short_authors, one.year)
        alike = [
            k
            for k in self.sorted_keys()
            if (p := self.publications[k]) and (p.short_authors, p.year) == named
        ]
        letter = chr(ord("a") + alike.index(key)) if len(alike) > 1 else ""
        return f"{one.year}{letter}"

    def label(self, key: str) -> str:
        """How the prose cites it: `Xiao et al., 2023`."""
        return f"{self.get(key).short_authors}, {self.year(key)}"


def load(templates: Path) -> Bibliography | None:
    """The bibliography in a book's folder of templates; None where the book has none.

    Raises SpecError with every problem of the file.
    """
    path = templates / REFERENCES_FILE
    if not path.is_file():
        return None
    file = SpecFile(path)
    node = file.read()
    made = (
        {key: _publication(key, inner, node, file) for key, inner in node.value.items()}
        if node
        else {}
    )
    if node and not made:
        file.add_problem(
            node.position, "there is no source in it; a book that cites nothing needs no such file"
        )
    if file.problems or node is None:
        raise SpecError(file.problems)
    return Bibliography(
        {key: one for key, one in made.items() if one is not None}, file.name, node.key_positions
    )


def _publication(key: str, node: Node, top: Node, file: SpecFile) -> Publication | None:
    if not KEY_PATTERN.fullmatch(key):
        what = "a key has lower-case letters, hyphens, and at least one digit, such as xiao2023"
        file.add_problem(top.key_positions[key], f"{what}; {key!r} has not")
    if not isinstance(node.value, dict):
        file.add_problem(node.position, "a source is a mapping: authors, year, title, venue, url")
        return None
    found = validate(Publication, node, file)
    return found if isinstance(found, Publication) else None
