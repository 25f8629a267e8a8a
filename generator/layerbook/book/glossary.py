"""The terms that a book explains, from templates/glossary.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import Field

from layerbook.book.node import FILE_START, Node, Position, ProblemList
from layerbook.book.schema import Name, NonEmptyStr, Spec
from layerbook.book.validation import validate
from layerbook.book.yaml import read_list
from layerbook.core.errors import SpecError, UsageError, did_you_mean

GLOSSARY_FILE = "glossary.yaml"
# A term's id is also an element id on the page of the glossary, which has these already.
RESERVED_IDS = ("contents", "main", "open-contents", "open-search", "preview", "theme", "token-tip")


class Term(Spec):
    """A term of the field, explained in a sentence or two."""

    id: Name = Field(description="Names the term in prose and in the address of its entry.")
    name: NonEmptyStr = Field(description="The term, as prose writes it.")
    text: NonEmptyStr = Field(description="The explanation: a paragraph of Markdown.")
    see: tuple[Name, ...] = Field(default=(), description="Chapters that say more.")


@dataclass(frozen=True)
class Entry:
    """A term, the position of its text, and the positions of the chapters in its `see`."""

    term: Term
    text_position: Position = FILE_START
    see: Mapping[str, Position] = field(default_factory=dict)


@dataclass(frozen=True)
class Glossary:
    """All terms by id, and the file that defines them."""

    entries: Mapping[str, Entry]
    file: str = GLOSSARY_FILE

    def find(self, name: str) -> Entry | None:
        """Return the entry that has this id or this name."""
        if name in self.entries:
            return self.entries[name]
        return next((e for e in self.entries.values() if e.term.name == name), None)

    def get(self, name: str) -> Entry:
        """Return the entry of a term, by id or name. Raises UsageError if there is none."""
        if entry := self.find(name):
            return entry
        hint = did_you_mean(name, [*self.entries, *(e.term.name for e in self.entries.values())])
        raise UsageError(f"no term named {name!r}{hint}; terms are defined in {self.file}")

    def sorted_entries(self) -> tuple[Entry, ...]:
        """Return the entries by name, as a reader looks them up."""
        return tuple(sorted(self.entries.values(), key=lambda entry: entry.term.name.casefold()))


def load(templates: Path) -> Glossary | None:
    """Load the glossary from a book's folder of templates; None if the book has none.

    Raises SpecError with every problem of the file.
    """
    path = templates / GLOSSARY_FILE
    if not path.is_file():
        return None
    problems = ProblemList()
    node = read_list(path, problems)
    entries: dict[str, Entry] = {}
    for item in node.value if node is not None else ():
        entry = _read_entry(item)
        if entry is None:
            continue
        if entry.term.id in RESERVED_IDS:
            item.value["id"].add_problem(f"no term can have the id {entry.term.id!r}")
        elif entry.term.id in entries:
            item.value["id"].add_problem(f"the term {entry.term.id!r} is defined twice")
        entries.setdefault(entry.term.id, entry)
    if node is None or problems:
        raise SpecError(problems)
    return Glossary(entries, node.file)


def _read_entry(node: Node) -> Entry | None:
    if not isinstance(node.value, dict):
        node.add_problem("a term is a mapping: id, name, text")
        return None
    term = validate(Term, node)
    if term is None:
        return None
    see = {chapter.value: chapter.position for chapter in node.get_list("see")}
    return Entry(term, node.value["text"].position_in_text(0), see)
