"""The contents of a checked book: its chapters, their experiments, claims and captions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from layerbook.book import languages
from layerbook.book.book_file import Group
from layerbook.book.claims import check as claims
from layerbook.book.node import Node
from layerbook.book.schema import BookSpec
from layerbook.book.sweep import Sweep, SweepResult
from layerbook.book.yaml_writer import dump_list_item
from layerbook.core.analysis import Analysis, Result
from layerbook.core.errors import Problem
from layerbook.core.figures import Figure
from layerbook.core.language import Language, gettext
from layerbook.core.text import listed

T = TypeVar("T")


@dataclass(frozen=True)
class Caption:
    """The caption of a figure; `line` is where its text begins in the spec."""

    text: str
    line: int


@dataclass(frozen=True)
class Claim:
    """A sentence, the line where it begins, and its check, which `check_node` locates.

    evidence: its badge; empty if it has that of its experiment.
    """

    says: str
    check: claims.Check
    line: int
    check_node: Node = field(repr=False, compare=False)
    evidence: str = ""

    def problem(self, error: claims.CheckError) -> Problem:
        """Return an error of the check as a problem at its place in the spec."""
        position = self.check_node.position_in_text(error.column)
        return Problem(self.check_node.file, position.line, position.column, error.message)


@dataclass(frozen=True, eq=False)
class Experiment:
    """An experiment of a chapter, from `line` to `last_line` of its `file`.

    analysis: for a sweep, the analysis of its first cell.
    model: the model of a sweep's cell, if it is not the book's.
    missing_features: what it needs and the book's model lacks, described in English.
    family: the name of that model's family.
    """

    chapter: str
    id: str
    title: str
    analysis_name: str
    analysis: Analysis[Any]
    evidence: str
    badges: Mapping[str, str]
    original: bool | tuple[str, ...]
    captions: Mapping[str, Caption]
    claims: tuple[Claim, ...]
    file: str
    line: int
    last_line: int
    sweep: Sweep | None = None
    model: str | None = None
    missing_features: tuple[str, ...] = ()
    family: str = ""

    @property
    def inapplicable(self) -> str:
        """Return what the model lacks to run it, in the current language; empty if it can run."""
        if not self.missing_features:
            return ""
        features = listed([gettext(feature) for feature in self.missing_features])
        return gettext(
            "it needs {features}, which {family} lacks", features=features, family=self.family
        )

    @property
    def result_type(self) -> type[Result]:
        """The type of the experiment's result."""
        return SweepResult if self.sweep else self.analysis.result_type

    @property
    def address(self) -> str:
        """The experiment's name in its book: `chapter/id`."""
        return f"{self.chapter}/{self.id}"

    def spec(self) -> dict[str, Any]:
        """Return the canonical parameters: defaults filled in, layers and heads absolute."""
        parameters = self.sweep.spec() if self.sweep else self.analysis.model_dump(mode="json")
        return {"analysis": self.analysis_name} | parameters

    def figures(self, result: Any) -> dict[str, Figure]:
        """Describe the figures of the result; for a sweep, the views of its measures."""
        return self.sweep.figures(result) if self.sweep else self.analysis.figures(result)

    def caption(self, figure: str) -> Caption | None:
        """Return the caption of a figure, or of the longest prefix of its name before a hyphen."""
        return _longest_prefix_match(self.captions, figure)

    def badge(self, figure: str) -> str:
        """Return the badge of a figure, or else the badge of its experiment."""
        return _longest_prefix_match(self.badges, figure) or self.evidence

    def is_original(self, figure: str) -> bool:
        """Return whether a figure is a first attempt, to be compared with a better one."""
        if isinstance(self.original, bool):
            return self.original
        return _longest_prefix_match(dict.fromkeys(self.original, True), figure) is not None

    def to_yaml(self) -> str:
        """Return the canonical spec as an item of a chapter's `experiments`, without prose."""
        return dump_list_item({"id": self.id} | self.spec())


def _longest_prefix_match(by_prefix: Mapping[str, T], figure: str) -> T | None:
    while figure not in by_prefix and "-" in figure:
        figure = figure.rpartition("-")[0]
    return by_prefix.get(figure)


def full_address(name: str, chapter: str) -> str:
    """Return the address of an experiment that a chapter names by `id` or `chapter/id`."""
    return name if "/" in name else f"{chapter}/{name}"


@dataclass(frozen=True, eq=False)
class Chapter:
    """A chapter and its experiments, in the order of its spec.

    part: its box in the diagram of the model. needs: the chapters to read first.
    file: its spec, or its Markdown if it has no spec.
    group, number: its part of the book and its number, such as `5` or `A`; empty without a number.
    """

    name: str
    title: str
    summary: str
    part: str | None
    experiments: tuple[Experiment, ...]
    file: str
    needs: tuple[str, ...] = ()
    unnumbered: bool = False
    draft: bool = False
    group: Group = field(default_factory=Group)
    number: str = ""

    @property
    def is_prose_alone(self) -> bool:
        """Return whether the chapter has no spec."""
        return self.file.endswith(".md")

    @property
    def is_plain_page(self) -> bool:
        """Return whether the chapter has neither experiments nor a number, such as a preface."""
        return self.is_prose_alone and not self.number


@dataclass(frozen=True, eq=False)
class Book:
    """The book and its chapters, in order.

    spec: the keys of book.yaml. front: the text of the first page, if there is one.
    """

    spec: BookSpec
    chapters: tuple[Chapter, ...]
    file: str
    root: Path
    front: Chapter | None = None

    @property
    def own_words(self) -> Language:
        """The language of the words that the program adds to the prose."""
        return languages.load_for_book(self.spec.language, self.root)

    @property
    def pages(self) -> tuple[Chapter, ...]:
        """The chapters, then the text of the first page, if there is one."""
        return (*self.chapters, *((self.front,) if self.front else ()))
