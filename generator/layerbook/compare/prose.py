"""Compare the prose, captions and claims of a book for two sets of results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from pathlib import Path

from layerbook.book.contents import Chapter, Experiment, full_address
from layerbook.core.errors import LayerbookError
from layerbook.site.chapter_views import ChapterViews
from layerbook.site.experiment_view import ExperimentView, figure_indices, names_for_text
from layerbook.site.figure_parts import FigureParts
from layerbook.site.prose.captions import render_caption
from layerbook.site.prose.chapter_text import TextPiece, read_prose
from layerbook.site.prose.code_cells import cell_folder
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.functions.context import ChapterContext
from layerbook.site.prose.ids import PageIds
from layerbook.site.prose.references import find_references
from layerbook.site.prose.render import Sentence, chapter_sentences
from layerbook.site.site_parts import SiteParts
from layerbook.store.project import Project


@dataclass(frozen=True)
class SentenceChange:
    """A sentence with the old results and with the new results; empty where it does not exist."""

    file: str
    line: int
    old: str
    new: str


@dataclass(frozen=True)
class SourceUse:
    """A line of prose or spec that uses an experiment."""

    file: str
    line: int
    experiment: str
    text: str


class ProseVariant:
    """The texts of a book with one set of results. Figures are not drawn."""

    def __init__(self, parts: SiteParts, views: Mapping[str, ExperimentView]) -> None:
        self._parts, self._views, self._math = parts, views, MathRenderer()

    def sentences(self, chapter: Chapter) -> tuple[Sentence, ...]:
        """Return the sentences of a chapter's prose.

        Raises SpecError if a result that it needs is missing or does not fit it.
        """
        parts, project = self._parts, self._parts.project
        views = ChapterViews(
            chapter=chapter,
            views=self._views,
            cell_folder=cell_folder(project.templates_dir, chapter.name),
            figure_parts=FigureParts(parts.figure_renderer),
            math=self._math,
            ids=PageIds(),
        )
        context = ChapterContext(
            views, parts.page_templates, self._math, parts.bibliography, parts.glossary
        )
        prose = read_prose(project, chapter)
        return chapter_sentences(prose.text, prose.file, context)

    def captions(self, experiment: Experiment) -> dict[tuple[int, str], str]:
        """Return captions and claims of an experiment as plain text, by line and name."""
        view = self._views[experiment.address]
        if view.envelope is None:
            return {}
        names = names_for_text(view, lambda address: self._views[address].result)
        texts = {}
        for name in view.figures:
            if caption := experiment.caption(name):
                piece = TextPiece(experiment.file, caption.line, caption.text)
                indices = {"at": figure_indices(name)}
                texts[caption.line, name] = self._text(piece, names | indices)
        for index, claim in enumerate(experiment.claims):
            piece = TextPiece(experiment.file, claim.line, claim.says)
            texts[claim.line, f"claim {index}"] = self._text(piece, names)
        return texts

    def _text(self, source: TextPiece, names: Mapping[str, object]) -> str:
        try:
            return render_caption(source, names, self._math).text
        except LayerbookError as error:
            return f"({error})"


def caption_changes(
    chapter: Chapter, old: ProseVariant, new: ProseVariant
) -> tuple[SentenceChange, ...]:
    """Return the captions and claims of a chapter that differ, each change once."""
    changes: dict[SentenceChange, None] = {}
    for experiment in chapter.experiments:
        old_texts, new_texts = old.captions(experiment), new.captions(experiment)
        for (line, name), text in old_texts.items():
            new_text = new_texts.get((line, name), text)
            if new_text != text:
                changes[SentenceChange(experiment.file, line, text, new_text)] = None
    return tuple(changes)


def pair_changes(
    file: str, old: Sequence[Sentence], new: Sequence[Sentence]
) -> Iterator[SentenceChange]:
    """Pair the sentences that differ, in order."""
    old_texts, new_texts = ([sentence.text for sentence in side] for side in (old, new))
    matcher = SequenceMatcher(None, old_texts, new_texts, autojunk=False)
    nothing = Sentence(0, "")
    for tag, old_start, old_end, new_start, new_end in matcher.get_opcodes():
        if tag == "equal":
            continue
        pairs = zip_longest(old[old_start:old_end], new[new_start:new_end], fillvalue=nothing)
        for old_sentence, new_sentence in pairs:
            yield SentenceChange(
                file, new_sentence.line or old_sentence.line, old_sentence.text, new_sentence.text
            )


def find_uses(project: Project, chapter: Chapter, addresses: Sequence[str]) -> Iterator[SourceUse]:
    """Yield the places in a chapter's prose and claims that use experiments at `addresses`."""
    prose = read_prose(project, chapter)
    lines = prose.text.split("\n")
    uses = {
        (reference.position.line, full_address(reference.name, chapter.name)): None
        for reference in find_references(prose)
        if reference.function != "cite"
    }
    for line, address in uses:
        if address in addresses:
            yield SourceUse(prose.file, line, address, lines[line - 1].strip())
    for experiment in chapter.experiments:
        for claim in experiment.claims:
            names = [experiment.id, *(reference.name for reference in claim.check.references)]
            for address in dict.fromkeys(full_address(name, chapter.name) for name in names):
                if address in addresses:
                    yield SourceUse(experiment.file, claim.line, address, claim.says.strip())


def relative_path(path: str, root: Path) -> str:
    """Return a path relative to the book's folder, if the file is inside it."""
    return str(Path(path).relative_to(root)) if Path(path).is_relative_to(root) else path
