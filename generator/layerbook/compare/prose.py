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
from layerbook.compare.pages import MemoryCache, NullDrawingPool
from layerbook.compare.result_set import ResultSet
from layerbook.core.errors import LayerbookError
from layerbook.site import assets as site
from layerbook.site.chapter_views import ChapterViews
from layerbook.site.claims_page import claim_namespace
from layerbook.site.experiment_view import ExperimentView
from layerbook.site.figure_cache import FigureRenderer
from layerbook.site.prose.checks import prose_path, read_prose
from layerbook.site.prose.markdown import SLOT_CLOSE, SLOT_OPEN, Slots
from layerbook.site.prose.markup import Block
from layerbook.site.prose.math import MathRenderer
from layerbook.site.prose.references import find_references
from layerbook.site.prose.render import ChapterContext, evaluate_chapter, render_caption
from layerbook.store.project import Project

_SLOT = re.compile(f"{SLOT_OPEN}(\\d+){SLOT_CLOSE}")
_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+|\n\s*\n")
_INDEX_IN_NAME = re.compile(r"([a-z]+)-(\d+)")


@dataclass(frozen=True)
class SentenceChange:
    """A place of the sources and what it says with the old results and with the new; empty where it says nothing."""

    file: str
    line: int
    old: str
    new: str


@dataclass(frozen=True)
class SourceUse:
    """A line of the sources that asks for an experiment, as it is written."""

    file: str
    line: int
    experiment: str
    text: str


ViewsByAddress = Mapping[str, ExperimentView]
LineSentences = Sequence[tuple[int, str]]


class ProseVariant:
    """What one set of results makes the book say."""

    def __init__(self, project: Project, result_set: ResultSet, views: ViewsByAddress) -> None:
        own = project.templates_dir if (project.templates_dir / "base.html").is_file() else None
        self.project, self.result_set, self.views = project, result_set, views
        self.cache = MemoryCache(project.root)
        self.pages = site.make_environment(own)
        self.bibliography = bibliography.load(project.templates_dir)

    def sentences(self, chapter: Chapter) -> LineSentences:
        """The sentences of a chapter's prose by line; SpecError where a result that it needs is not there."""
        math = MathRenderer(self.cache)
        chapter_views = ChapterViews(
            chapter=chapter.name,
            number=1,
            experiment_views=self.views,
            figure_renderer=FigureRenderer(self.cache, NullDrawingPool(1)),
            math=math,
            provenance=lambda experiment_view: (),
            result_path=self.result_set.path_of_experiment,
        )
        context = ChapterContext(
            results=chapter_views.result,
            figure=chapter_views.figure,
            claim=chapter_views.claim,
            source=chapter_views.source,
            downloads=chapter_views.downloads,
            pages=self.pages,
            math=math,
            bibliography=self.bibliography,
        )
        source = read_prose(self.project, chapter)
        return _split_sentences(
            source, *evaluate_chapter(source, str(prose_path(self.project, chapter)), context)
        )

    def captions_and_claims(self, address: str) -> dict[tuple[int, str], str]:
        """Captions, as often as figures have them, and claims of an experiment, by line and by what it is."""
        experiment_view = self.views[address]
        if experiment_view.envelope is None:
            return {}
        names, experiment = claim_namespace(experiment_view, self.views), experiment_view.experiment
        found = {}
        for name in experiment_view.figures:
            caption = experiment.caption(name)
            if caption is not None:
                at = {word: int(number) for word, number in _INDEX_IN_NAME.findall(name)}
                found[caption.line, name] = self._caption_text(
                    caption.text, experiment.file, caption.line, names | {"at": at}
                )
        for index, claim in enumerate(experiment.claims):
            found[claim.line, f"claim {index}"] = self._caption_text(
                claim.says, experiment.file, claim.line, names
            )
        return found

    def _caption_text(self, text: str, file: str, line: int, names: Mapping[str, Any]) -> str:
        try:
            return render_caption(text, file, line, names, MathRenderer(self.cache)).text
        except LayerbookError as error:
            return f"({error})"


def sentence_changes(chapter: Chapter, old: ProseVariant, new: ProseVariant) -> tuple[SentenceChange, ...]:
    """The sentences of a chapter that differ: of its prose, its captions, its claims.

    Raises SpecError where a result that the prose needs is missing on one side, or does not fit it.
    """
    file = str(prose_path(new.project, chapter))
    found = [
        SentenceChange(file, line, *pair) for line, pair in _paired_changes(old.sentences(chapter), new.sentences(chapter))
    ]
    return (*found, *caption_changes(chapter, old, new))


def caption_changes(chapter: Chapter, old: ProseVariant, new: ProseVariant) -> tuple[SentenceChange, ...]:
    """The captions and claims of a chapter that differ; a caption of many figures is told once for equal texts."""
    found: dict[SentenceChange, None] = {}
    for experiment in chapter.experiments:
        address = f"{experiment.chapter}/{experiment.id}"
        mine, theirs = old.captions_and_claims(address), new.captions_and_claims(address)
        for place in (*mine, *theirs):
            if place in mine and place in theirs and mine[place] != theirs[place]:
                found[SentenceChange(experiment.file, place[0], mine[place], theirs[place])] = None
    return tuple(found)


def find_uses(project: Project, chapter: Chapter, changed: Sequence[str]) -> Iterator[SourceUse]:
    """Where the prose and the claims of a chapter ask for experiments that changed."""
    source, file = read_prose(project, chapter), str(prose_path(project, chapter))
    lines = source.splitlines()
    for line, name in dict.fromkeys(
        (one.line, one.name) for one in find_references(source, file) if one.function != "cite"
    ):
        address = _experiment_address(name, chapter)
        if address in changed:
            yield SourceUse(file, line, address, lines[line - 1].strip())
    for experiment in chapter.experiments:
        for claim in experiment.claims:
            own = f"{experiment.chapter}/{experiment.id}"
            for address in dict.fromkeys(
                [own, *(_experiment_address(one.name, chapter) for one in claim.check.references)]
            ):
                if address in changed:
                    yield SourceUse(experiment.file, claim.line, address, claim.says.strip())


def relative_path(path: str, root: Path) -> str:
    """A file of the book as a path from its folder."""
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path


def _experiment_address(name: str, chapter: Chapter) -> str:
    return name if "/" in name else f"{chapter.name}/{name}"


def _split_sentences(source: str, markdown: str, slots: Slots) -> list[tuple[int, str]]:
    """Each sentence with the line of its first value; without one, with that of its first words."""
    found, near = [], 1
    for part in _SENTENCE_END.split(markdown):
        holes = [int(number) for number in _SLOT.findall(part)]
        text = _SLOT.sub(lambda hole: _slot_text(slots, int(hole[1])), part).strip()
        if not text:
            continue
        if holes:
            near = slots.lines[holes[0]]
        elif (place := source.find(part.strip().partition("\n")[0])) >= 0:
            near = source.count("\n", 0, place) + 1
        found.append((near, " ".join(text.split())))
    return found


def _slot_text(slots: Slots, index: int) -> str:
    """A value's text; what stands by itself, a figure or a claim, is told where it is written."""
    value = slots.values[index]
    return "" if isinstance(value, Block) else value.text


def _paired_changes(old: LineSentences, new: LineSentences) -> Iterator[tuple[int, tuple[str, str]]]:
    mine, theirs = [text for _, text in old], [text for _, text in new]
    for tag, a, b, c, d in SequenceMatcher(None, mine, theirs, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for one, other in zip_longest(old[a:b], new[c:d]):
            line = (other or one or (1, ""))[0]
            yield line, (one[1] if one else "", other[1] if other else "")
