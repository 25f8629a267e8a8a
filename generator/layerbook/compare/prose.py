"""The sentences of a book that its results have a part in: what prose, captions and claims say with one set or another.

Prose and specs are those of the book as it stands; only the results differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path
from typing import Any

from layerbook.book import bibliography
from layerbook.book.loader import Chapter
from layerbook.compare.pages import Aside, Undrawn
from layerbook.compare.result_set import Side
from layerbook.core.errors import LayerbookError
from layerbook.site import assets as site
from layerbook.site.chapter_views import Gallery
from layerbook.site.claims_page import names_of
from layerbook.site.experiment_view import Exhibit
from layerbook.site.figure_cache import Drawings
from layerbook.site.prose.markdown import CLOSE, OPEN, Slots
from layerbook.site.prose.markup import Block
from layerbook.site.prose.math import MathRenderer
from layerbook.site.prose.references import references
from layerbook.site.prose.render import ChapterContext, evaluate_chapter, render_caption
from layerbook.site.render import prose_path, read_prose
from layerbook.store.project import Project

_SLOT = re.compile(f"{OPEN}(\\d+){CLOSE}")
_END = re.compile(r"(?<=[.!?:])\s+|\n\s*\n")
_NUMBERED = re.compile(r"([a-z]+)-(\d+)")


@dataclass(frozen=True)
class Sentence:
    """A place of the sources and what it says with the old results and with the new; empty where it says nothing."""

    file: str
    line: int
    old: str
    new: str


@dataclass(frozen=True)
class Use:
    """A line of the sources that asks for an experiment, as it is written."""

    file: str
    line: int
    experiment: str
    text: str


Exhibits = Mapping[str, Exhibit]
Told = Sequence[tuple[int, str]]


class Telling:
    """What one set of results makes the book say."""

    def __init__(self, project: Project, side: Side, exhibits: Exhibits) -> None:
        own = project.templates if (project.templates / "base.html").is_file() else None
        self.project, self.side, self.exhibits = project, side, exhibits
        self.cache = Aside(project.root)
        self.pages = site.environment(own)
        self.bibliography = bibliography.load(project.templates)

    def prose(self, chapter: Chapter) -> Told:
        """The sentences of a chapter's prose by line; SpecError where a result that it needs is not there."""
        math = MathRenderer(self.cache)
        gallery = Gallery(
            chapter=chapter.name,
            number=1,
            exhibits=self.exhibits,
            drawings=Drawings(self.cache, Undrawn(1)),
            math=math,
            provenance=lambda exhibit: (),
            entry=self.side.entry_of,
        )
        context = ChapterContext(
            results=gallery.result,
            figure=gallery.figure,
            claim=gallery.claim,
            source=gallery.source,
            downloads=gallery.downloads,
            pages=self.pages,
            math=math,
            bibliography=self.bibliography,
        )
        source = read_prose(self.project, chapter)
        return _sentences(
            source, *evaluate_chapter(source, str(prose_path(self.project, chapter)), context)
        )

    def words(self, address: str) -> dict[tuple[int, str], str]:
        """Captions, as often as figures have them, and claims of an experiment, by line and by what it is."""
        exhibit = self.exhibits[address]
        if exhibit.envelope is None:
            return {}
        names, experiment = names_of(exhibit, self.exhibits), exhibit.experiment
        found = {}
        for name in exhibit.figures:
            caption = experiment.caption(name)
            if caption is not None:
                at = {word: int(number) for word, number in _NUMBERED.findall(name)}
                found[caption.line, name] = self._said(
                    caption.text, experiment.file, caption.line, names | {"at": at}
                )
        for index, claim in enumerate(experiment.claims):
            found[claim.line, f"claim {index}"] = self._said(
                claim.says, experiment.file, claim.line, names
            )
        return found

    def _said(self, text: str, file: str, line: int, names: Mapping[str, Any]) -> str:
        try:
            return render_caption(text, file, line, names, MathRenderer(self.cache)).text
        except LayerbookError as error:
            return f"({error})"


def differing(chapter: Chapter, old: Telling, new: Telling) -> tuple[Sentence, ...]:
    """The sentences of a chapter that differ: of its prose, its captions, its claims.

    Raises SpecError where a result that the prose needs is missing on one side, or does not fit it.
    """
    file = str(prose_path(new.project, chapter))
    found = [
        Sentence(file, line, *pair) for line, pair in _apart(old.prose(chapter), new.prose(chapter))
    ]
    return (*found, *differing_words(chapter, old, new))


def differing_words(chapter: Chapter, old: Telling, new: Telling) -> tuple[Sentence, ...]:
    """The captions and claims of a chapter that differ; a caption of many figures is told once for equal texts."""
    found: dict[Sentence, None] = {}
    for experiment in chapter.experiments:
        address = f"{experiment.chapter}/{experiment.id}"
        mine, theirs = old.words(address), new.words(address)
        for place in (*mine, *theirs):
            if place in mine and place in theirs and mine[place] != theirs[place]:
                found[Sentence(experiment.file, place[0], mine[place], theirs[place])] = None
    return tuple(found)


def uses(project: Project, chapter: Chapter, changed: Sequence[str]) -> Iterator[Use]:
    """Where the prose and the claims of a chapter ask for experiments that changed."""
    source, file = read_prose(project, chapter), str(prose_path(project, chapter))
    lines = source.splitlines()
    for line, name in dict.fromkeys(
        (one.line, one.name) for one in references(source, file) if one.function != "cite"
    ):
        address = _address(name, chapter)
        if address in changed:
            yield Use(file, line, address, lines[line - 1].strip())
    for experiment in chapter.experiments:
        for claim in experiment.claims:
            own = f"{experiment.chapter}/{experiment.id}"
            for address in dict.fromkeys(
                [own, *(_address(one.name, chapter) for one in claim.check.references)]
            ):
                if address in changed:
                    yield Use(experiment.file, claim.line, address, claim.says.strip())


def shown_path(path: str, root: Path) -> str:
    """A file of the book as a path from its folder."""
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path


def _address(name: str, chapter: Chapter) -> str:
    return name if "/" in name else f"{chapter.name}/{name}"


def _sentences(source: str, markdown: str, slots: Slots) -> list[tuple[int, str]]:
    """Each sentence with the line of its first value; without one, with that of its first words."""
    found, near = [], 1
    for part in _END.split(markdown):
        holes = [int(number) for number in _SLOT.findall(part)]
        text = _SLOT.sub(lambda hole: _text(slots, int(hole[1])), part).strip()
        if not text:
            continue
        if holes:
            near = slots.lines[holes[0]]
        elif (place := source.find(part.strip().partition("\n")[0])) >= 0:
            near = source.count("\n", 0, place) + 1
        found.append((near, " ".join(text.split())))
    return found


def _text(slots: Slots, index: int) -> str:
    """A value's text; what stands by itself, a figure or a claim, is told where it is written."""
    value = slots.values[index]
    return "" if isinstance(value, Block) else value.text


def _apart(old: Told, new: Told) -> Iterator[tuple[int, tuple[str, str]]]:
    mine, theirs = [text for _, text in old], [text for _, text in new]
    for tag, a, b, c, d in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for one, other in zip_longest(old[a:b], new[c:d]):
            line = (other or one or (1, ""))[0]
            yield line, (one[1] if one else "", other[1] if other else "")
