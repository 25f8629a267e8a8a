"""References of prose to experiments, figures, sources and terms, and those that lead nowhere.

Names such as `@fig-name` may depend on results. Before there are any, only what no result can have
is reported. Once all pages are laid out, `site/cross_references.py` compares the references with
the places on the pages.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import PurePosixPath

from jinja2 import nodes

from layerbook.book.contents import Chapter, Experiment, full_address
from layerbook.book.figure_names import can_have_figure
from layerbook.book.node import Position
from layerbook.core.errors import MAX_PROBLEMS, Problem, did_you_mean
from layerbook.site.prose.chapter_text import NO_PROSE, TextPiece
from layerbook.site.prose.functions.links import LinkFunctions
from layerbook.site.prose.functions.results import ResultFunctions
from layerbook.site.prose.links import Anchors, static_anchors
from layerbook.site.prose.pictures import ProseDiagram, ProseImage, extract_pictures
from layerbook.store.project import Project

REFERENCE_FUNCTIONS = (*ResultFunctions.unbound(), *LinkFunctions.unbound())
"""The functions whose first argument names an experiment, a code cell, a source or a term."""
TO_FIGURE = ("ref", "point")
"""The functions that lead to a figure that a page shows."""
MAX_HINTS = 20
"""The number of unknown references on a page that get a hint, since each takes milliseconds."""
_AT_REFERENCE = re.compile(r"@(?:fig|sec|eq)-")
_NUMBER = re.compile(r"-\d+$")
_FIGURE = re.compile(r"\bfigure\(\s*[\"'](?:[\w-]+/)?([\w-]+)[\"'],\s*[\"']([\w.-]+)[\"']\s*\)")
_VIDEO = re.compile(r"\bvideo\(\s*[\"']([^\"']+)")


@dataclass(frozen=True)
class Reference:
    """A call such as `figure("noise", "prompt-0")`: function, first argument, and place.

    second: the second argument; None if it is missing or not a constant.
    """

    function: str
    name: str
    position: Position
    second: object = None


def find_references(prose: TextPiece) -> tuple[Reference, ...]:
    """Return every experiment, code cell, source and term that a plain string names."""
    references = []
    for call in prose.calls(*REFERENCE_FUNCTIONS):
        match call.node, call.args:
            case nodes.Name(name=function), [nodes.Const(value=str(name)), *rest]:
                rest += [pair.value for pair in call.kwargs]
                second = _constant(rest[0]) if rest else None
                column = max(prose.lines[call.lineno - 1].find(f'"{name}"'), 0) + 1
                position = Position(call.lineno, column)
                references.append(Reference(function, name, position, second))
    return tuple(references)


def _constant(node: nodes.Expr) -> object:
    """Return the value of a constant expression such as -1, or None."""
    match node:
        case nodes.Const(value=value):
            return value
        case nodes.Neg(node=nodes.Const(value=int(number))):
            return -number
    return None


@dataclass(frozen=True)
class _Page:
    """The prose of a page. experiments: all of the book, since a page can show any figure."""

    prose: TextPiece
    experiments: Collection[Experiment]

    @cached_property
    def anchors(self) -> Anchors | None:
        return static_anchors(self.prose.outline, ())

    @cached_property
    def formulas(self) -> frozenset[str]:
        nodes = self.prose.outline.nodes
        return frozenset(node.info for node in nodes if node.type == "math_block_label")

    @cached_property
    def pictures(self) -> frozenset[str]:
        pictures = extract_pictures(self.prose.text).pictures.values()
        paths = [p.path for p in pictures if isinstance(p, ProseImage)]
        paths += _VIDEO.findall(self.prose.text)
        names = {p.name for p in pictures if isinstance(p, ProseDiagram) and p.name}
        return frozenset(names.union(PurePosixPath(path).stem for path in paths))

    def names(self) -> Iterator[str]:
        """Yield references to what the text alone determines."""
        yield from (f"@eq-{name}" for name in self.formulas)
        yield from (f"@fig-{name}" for name in self.pictures)
        yield from (f"@fig-{id}-{figure}" for id, figure in _FIGURE.findall(self.prose.text))
        yield from (f"@sec-{name}" for name in self.anchors or ())

    def may_have(self, kind: str, name: str) -> bool:
        """Return whether the page may have a place of this name, once there are results."""
        if kind == "eq":
            return name in self.formulas
        if kind == "sec":
            return self.anchors is None or name in self.anchors
        names = (name, _NUMBER.sub("", name))  # a second one on the page has a number
        return not self.pictures.isdisjoint(names) or any(
            _can_show(experiment, other) for experiment in self.experiments for other in names
        )


def _can_show(experiment: Experiment, name: str) -> bool:
    """Return whether a figure of the experiment may have this name, which begins with its id."""
    id, _, figure = name.partition(f"{experiment.id}-")
    is_shown = not id and bool(figure) and can_have_figure(experiment, figure)
    return is_shown or name == experiment.id


def impossible_references(
    chapters: Collection[Chapter], prose: Mapping[str, TextPiece]
) -> dict[str, dict[str, str]]:
    """Return the references of each chapter that lead nowhere, with a message for each."""
    if not any(_AT_REFERENCE.search(piece.text) for piece in prose.values()):
        return {}  # the usual case, in which nothing is parsed
    experiments = [experiment for chapter in chapters for experiment in chapter.experiments]
    pages = {name: _Page(piece, experiments) for name, piece in prose.items()}
    known_names = frozenset(known for page in pages.values() for known in page.names())
    return {
        name: dict(islice(_messages(page, pages, known_names), MAX_PROBLEMS))
        for name, page in pages.items()
        if _AT_REFERENCE.search(page.prose.text)
    }


def _messages(
    page: _Page, pages: Mapping[str, _Page], known_names: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield each reference of a page that leads nowhere, with its message."""
    names = dict.fromkeys(written for written, _ in page.prose.outline.references())
    unknown = (name for name in names if not _may_exist(name, pages))
    for count, written in enumerate(unknown):
        hint = did_you_mean(written, known_names) if count < MAX_HINTS else ""
        yield written, f"nothing in this book is called {written}{hint}"


def _may_exist(written: str, pages: Mapping[str, _Page]) -> bool:
    kind, _, name = written.removeprefix("@").partition("-")
    page, slash, name_there = name.partition("/")
    if slash:
        return page in pages and pages[page].may_have(kind, name_there)
    return any(other.may_have(kind, name) for other in pages.values())


def find_unknown_references(
    project: Project, prose: Mapping[str, TextPiece], unknown: Mapping[str, Mapping[str, str]]
) -> Iterator[Problem]:
    """Yield the unknown references such as `@fig-name`.

    unknown: the message of each unknown reference of each chapter.
    """
    for chapter in project.book.pages:
        messages = unknown.get(chapter.name)
        if not messages:
            continue
        piece = prose[chapter.name]
        for written, position in piece.outline.references():
            if written in messages:
                yield piece.problem(position, messages[written])


def find_unshown_figures(
    project: Project, prose: Mapping[str, TextPiece], names: Collection[str]
) -> list[Problem]:
    """Report references to figures, named `chapter/id figure`, that no page shows."""
    if not names:  # the usual case, in which no prose has to be parsed
        return []
    problems = []
    for piece, address, reference in _addressed_references(project, prose):
        matching = [name for name in names if name.partition(" ")[0] == address]
        if reference.function in TO_FIGURE and matching:
            problems.append(_unshown_figure(piece, reference, matching[0]))
    return problems


def find_unshown_references(project: Project, prose: Mapping[str, TextPiece]) -> Iterator[Problem]:
    """Yield references to figures that no page can show."""
    if any(map(_may_show_any_figure, prose.values())):
        return
    references = list(_addressed_references(project, prose))
    shown: dict[str, set[object]] = {}
    for _, address, reference in references:
        if reference.function == "figure":
            shown.setdefault(address, set()).add(reference.second)
    for piece, address, reference in references:
        figures = shown.get(address, set())
        # None: the only figure of the experiment, or one that is not written out.
        is_shown = reference.second in figures or None in figures or not reference.second
        if reference.function in TO_FIGURE and not (is_shown and figures):
            yield _unshown_figure(piece, reference, f"{address} {reference.second or ''}".strip())


def _addressed_references(
    project: Project, prose: Mapping[str, TextPiece]
) -> Iterator[tuple[TextPiece, str, Reference]]:
    """Yield the references of each chapter, with its prose and the full address of their name."""
    for chapter in project.book.pages:
        piece = prose.get(chapter.name, NO_PROSE)
        for reference in find_references(piece):
            yield piece, full_address(reference.name, chapter.name), reference


def _may_show_any_figure(prose: TextPiece) -> bool:
    """Return whether prose computes the experiment of a figure; also if its Jinja is invalid."""
    calls = prose.calls("figure")
    is_computed = any(not (c.args and isinstance(c.args[0], nodes.Const)) for c in calls)
    return prose.template is None or is_computed


def _unshown_figure(piece: TextPiece, reference: Reference, figure: str) -> Problem:
    message = f"{reference.function}(): no page shows the figure {figure!r}"
    return piece.problem(reference.position, message)
