"""Checks of one chapter that need no results."""

from __future__ import annotations

from collections.abc import Iterator

from markdown_it.token import Token as Node

from layerbook.book import bibliography, glossary
from layerbook.book.claims.check import CheckError
from layerbook.book.claims.type_check import PossibleTypes, missing_fields
from layerbook.book.contents import Chapter, Experiment, full_address
from layerbook.book.figure_names import can_have_figure, name_patterns, readable_names
from layerbook.book.media import MediaFolders
from layerbook.book.node import Position
from layerbook.core.errors import Problem, SpecError, UsageError, did_you_mean
from layerbook.site.experiment_view import missing_caption_problem, unknown_figure_problems
from layerbook.site.prose.chapter_text import TextPiece, chapter_texts
from layerbook.site.prose.code_cells import cell_folder, read_cell
from layerbook.site.prose.formulas import MathError, MathRenderer
from layerbook.site.prose.functions import FUNCTIONS
from layerbook.site.prose.functions.links import require_bibliography, require_glossary
from layerbook.site.prose.markdown_checks import find_markdown_problems, find_misplaced_references
from layerbook.site.prose.media_checks import find_media_problems
from layerbook.site.prose.outline import Outline
from layerbook.site.prose.pictures import extract_pictures
from layerbook.site.prose.references import Reference, find_references
from layerbook.site.prose.template_checks import PieceOfProse, find_template_problems
from layerbook.store.project import Project


class ChapterChecker:
    """Checks one chapter without its results."""

    def __init__(
        self,
        project: Project,
        chapter: Chapter,
        prose: TextPiece,
        sources: bibliography.Bibliography | None,
        terms: glossary.Glossary | None,
    ) -> None:
        self._project, self._chapter, self._prose = project, chapter, prose
        self._sources, self._terms = sources, terms
        self._media = MediaFolders(project.root)
        self._experiments = {e.address: e for e in project.experiments()}

    def problems(self) -> Iterator[Problem]:
        """Yield the problems of the chapter's prose, captions and claims."""
        yield from find_text_problems(self._chapter, self._prose)
        math = MathRenderer(self._project.cache)
        yield from find_formula_problems(self._chapter, self._prose, math)
        yield from find_media_problems(self._media, self._prose)
        names = dict.fromkeys(FUNCTIONS, ())
        prose = PieceOfProse(self._prose.file, 1, self._prose.text, names, self._result_type)
        yield from self._check_text(prose)
        for experiment in self._chapter.experiments:
            yield from unknown_figure_problems(experiment)
            for piece in self._captions_and_claims(experiment):
                yield from self._check_text(piece)

    def _captions_and_claims(self, experiment: Experiment) -> Iterator[PieceOfProse]:
        types: dict[str, PossibleTypes] = {"result": (experiment.result_type,), "r": (), "tok": ()}
        # A caption knows the numbers in the name of its figure.
        caption_types: dict[str, PossibleTypes] = types | {"at": ()}
        for caption in experiment.captions.values():
            yield PieceOfProse(
                experiment.file, caption.line, caption.text, caption_types, self._result_type
            )
        for claim in experiment.claims:
            yield PieceOfProse(experiment.file, claim.line, claim.says, types, self._result_type)

    def _check_text(self, piece: PieceOfProse) -> Iterator[Problem]:
        yield from find_template_problems(piece)
        try:
            references = find_references(piece)
        except SpecError:  # reported above
            return
        for reference in references:
            if reference.function in piece.names:
                yield from self._check_call(reference, piece)

    def _check_call(self, reference: Reference, piece: PieceOfProse) -> Iterator[Problem]:
        try:
            yield from self._check_target(reference)
        except UsageError as error:
            position = Position(reference.line, reference.column)
            yield piece.problem(position, f"{reference.function}(): {error}")

    def _check_target(self, reference: Reference) -> Iterator[Problem]:
        """Yield problems in the files of what a call names. Raises UsageError for the call."""
        match reference.function:
            case "code_cell":
                yield from self._check_cell(reference.name)
            case "cite":
                require_bibliography(self._sources).get(reference.name)
            case "term":
                require_glossary(self._terms).get(reference.name)
            case "claim" | "tick" | "holds":
                _check_claim(reference, self._require(reference.name))
            case "figure" | "ref" | "point":
                yield from _check_figure(reference, self._require(reference.name))
            case _:
                self._require(reference.name)

    def _require(self, name: str) -> Experiment:
        """Return the experiment of this name. Raises UsageError."""
        if experiment := self._find(name):
            return experiment
        own_ids = {item.id for item in self._chapter.experiments}
        hint = did_you_mean(name, own_ids | self._experiments.keys())
        raise UsageError(f"no experiment named {name!r}{hint}")

    def _check_cell(self, name: str) -> Iterator[Problem]:
        """Yield the problems of a code cell's own file. Raises UsageError if there is none."""
        folder = cell_folder(self._project.templates_dir, self._chapter.name)
        try:
            cell = read_cell(folder, name)
        except SpecError as error:
            yield from error.problems
            return
        if cell.equals is None:
            return
        for reference in cell.references:
            try:
                self._require(reference.name)
            except UsageError as error:
                yield cell.problem(CheckError(str(error), reference.column))
        for missing in missing_fields(cell.equals, type(None), self._result_type):
            yield cell.problem(missing)

    def _result_type(self, name: str) -> type | None:
        experiment = self._find(name)
        return experiment.result_type if experiment else None

    def _find(self, name: str) -> Experiment | None:
        return self._experiments.get(full_address(name, self._chapter.name))


def _check_claim(reference: Reference, experiment: Experiment) -> None:
    """Raise UsageError for the number of a claim that an experiment does not have."""
    index = 0 if reference.second is None else reference.second
    count = len(experiment.claims)
    if reference.is_complete and isinstance(index, int) and not 0 <= index < count:
        raise UsageError(f"{experiment.address} has {count} claims, so there is no claim {index}")


def _check_figure(reference: Reference, experiment: Experiment) -> Iterator[Problem]:
    """Yield a missing caption. Raises UsageError for a figure that no result can have."""
    figure = reference.second
    if not isinstance(figure, str):
        return
    if not can_have_figure(experiment, figure):
        names = readable_names(name_patterns(experiment))
        hint = did_you_mean(figure, names)
        available = f"available: {', '.join(names)}"
        raise UsageError(f"{experiment.address!r} has no figure {figure!r}{hint}; {available}")
    if reference.function == "figure" and experiment.caption(figure) is None:
        yield missing_caption_problem(experiment, figure)


def find_text_problems(chapter: Chapter, prose: TextPiece) -> Iterator[Problem]:
    """Yield mistakes in the Markdown of a chapter's prose, captions and claims."""
    pictures = extract_pictures(prose.text).pictures
    for piece in chapter_texts(chapter, prose):
        is_caption = piece is not prose
        yield from find_markdown_problems(piece, () if is_caption else pictures)
        if is_caption:
            yield from find_misplaced_references(piece)


def find_formula_problems(
    chapter: Chapter, prose: TextPiece, math: MathRenderer
) -> Iterator[Problem]:
    """Yield invalid formulas; a formula with values can only be checked when it is rendered."""
    for piece in chapter_texts(chapter, prose):
        outline = piece.outline
        for node, formula in _formulas(outline):
            if "{{" in outline.original_text(node):
                continue
            try:
                math.render(formula.content.strip(), display=formula.type != "math_inline")
            except MathError as error:
                source = outline.text(node)
                offset = max(source.find(formula.content.strip().partition("\n")[0]), 0)
                position = Position(outline.position(node, offset).line, 1)
                yield piece.problem(position, f"in the formula: {error}")


def _formulas(outline: Outline) -> Iterator[tuple[Node, Node]]:
    """Yield the formulas, each with the node that has its place."""
    for node in outline.nodes:
        for child in node.children or (node,):
            if child.type.startswith("math"):
                yield node, child
