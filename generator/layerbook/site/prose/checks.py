"""Checks of a book's prose that need no results."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from functools import cache

from layerbook.book import bibliography, glossary
from layerbook.book.claims.check import CheckError
from layerbook.book.claims.type_check import PossibleTypes, missing_fields
from layerbook.book.contents import Chapter, Experiment, full_address
from layerbook.book.figure_names import can_have_figure, name_patterns, readable_names
from layerbook.book.loader import find_missing_claim_fields
from layerbook.book.media import MediaFolders
from layerbook.book.theme import find_theme_problems
from layerbook.core.errors import Problem, SpecError, UsageError, did_you_mean, first_problems
from layerbook.site.experiment_view import (
    check_claim_index,
    missing_caption_problem,
    unknown_figure_problems,
    unknown_name,
)
from layerbook.site.prose import links, markdown_checks, references
from layerbook.site.prose.chapter_text import TextPiece, definition_text, read_prose
from layerbook.site.prose.code_cells import cell_folder, read_cell
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.functions import FUNCTIONS
from layerbook.site.prose.functions.links import require_bibliography, require_glossary
from layerbook.site.prose.references import Reference
from layerbook.site.prose.template_checks import find_template_problems
from layerbook.store.project import Project


def check_prose(project: Project) -> None:
    """Check a book as far as it needs no results. Raises SpecError with all problems."""
    if problems := find_prose_problems(project):
        raise SpecError(problems)


def find_prose_problems(project: Project) -> list[Problem]:
    """Report problems in prose, captions and claims that can be found without results."""
    problems = find_missing_claim_fields(project.experiments())
    problems += find_theme_problems(project.root, project.book.spec.theme)
    problems += first_problems(markdown_checks.find_clashing_files(project.root))
    try:
        sources = bibliography.load(project.templates_dir)
        terms = glossary.load(project.templates_dir)
    except SpecError as error:
        return [*problems, *error.problems]
    static = tuple(MediaFolders(project.root).static_paths())
    prose: dict[str, TextPiece] = {}
    names = [e.id for e in project.experiments()] + [c.name for c in project.book.chapters]

    @cache  # reading a page's anchors parses the page
    def find_ids(page: str) -> Collection[str] | None:
        piece = prose.get(page.removesuffix(".html"))
        return None if piece is None else links.static_anchors(piece.outline, names)

    targets = links.LinkTargets(links.page_files(project, sources, terms), None, find_ids, static)
    for chapter in project.book.pages:
        try:
            prose[chapter.name] = read_prose(project, chapter)
        except SpecError as error:
            problems += error.problems
    if terms:
        problems += first_problems(_glossary_problems(project, terms, targets))
    for chapter in project.book.pages:
        if chapter.name in prose:
            checker = _ChapterChecker(project, chapter, prose[chapter.name], sources, terms)
            problems += first_problems(checker.problems())
    if len(prose) == len(project.book.pages):  # otherwise a missing page may have the place
        problems += first_problems(references.find_unshown_references(project, prose))
        unknown = references.impossible_references(project.book.pages, prose)
        problems += first_problems(references.find_unknown_references(project, prose, unknown))
    return list(dict.fromkeys((*problems, *links.find_link_problems(project, prose, targets))))


def _glossary_problems(
    project: Project, terms: glossary.Glossary, targets: links.LinkTargets
) -> Iterator[Problem]:
    """Yield mistakes in the Markdown of the glossary, links that lead nowhere, unknown chapters."""
    chapters = [chapter.name for chapter in project.book.chapters]
    for entry in terms.entries.values():
        piece = definition_text(terms, entry)
        yield from markdown_checks.find_markdown_problems(piece)
        yield from markdown_checks.find_misplaced_references(piece)
        for name, position in entry.see.items():
            if name not in chapters:
                message = f"no chapter named {name!r}{did_you_mean(name, chapters)}"
                yield Problem(terms.file, position.line, position.column, message)
    for link in links.definition_links(terms):
        if message := targets.problem(link.address, "glossary.html"):
            yield link.problem(message)


class _ChapterChecker:
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
        self._experiments = {e.address: e for e in project.experiments()}

    def problems(self) -> Iterator[Problem]:
        """Yield the problems of the chapter's prose, captions and claims."""
        yield from markdown_checks.find_text_problems(self._chapter, self._prose)
        math = MathRenderer(self._project.cache)
        yield from markdown_checks.find_formula_problems(self._chapter, self._prose, math)
        yield from markdown_checks.find_media_problems(
            MediaFolders(self._project.root), self._prose
        )
        yield from self._check_text(self._prose, dict.fromkeys(FUNCTIONS, ()))
        for experiment in self._chapter.experiments:
            yield from unknown_figure_problems(experiment)
            types = {"result": (experiment.result_type,), "r": (), "tok": ()}
            for caption in experiment.captions.values():
                piece = TextPiece(experiment.file, caption.line, caption.text)
                # A caption knows the numbers in the name of its figure.
                yield from self._check_text(piece, types | {"at": ()})
            for claim in experiment.claims:
                piece = TextPiece(experiment.file, claim.line, claim.says)
                yield from self._check_text(piece, types)

    def _check_text(
        self, piece: TextPiece, names: Mapping[str, PossibleTypes]
    ) -> Iterator[Problem]:
        yield from find_template_problems(piece, names, self._result_type)
        for reference in references.find_references(piece):
            if reference.function in names:
                yield from self._check_call(reference, piece)

    def _check_call(self, reference: Reference, piece: TextPiece) -> Iterator[Problem]:
        try:
            yield from self._check_target(reference)
        except UsageError as error:
            yield piece.problem(reference.position, f"{reference.function}(): {error}")

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
                index = 0 if reference.second is None else reference.second
                experiment = self._require(reference.name)
                if isinstance(index, int):
                    check_claim_index(experiment, index)
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


def _check_figure(reference: Reference, experiment: Experiment) -> Iterator[Problem]:
    """Yield a missing caption. Raises UsageError for a figure that no result can have."""
    figure = reference.second
    if not isinstance(figure, str):
        return
    if not can_have_figure(experiment, figure):
        names = readable_names(name_patterns(experiment))
        raise unknown_name("figure", figure, names, owner=repr(experiment.address))
    if reference.function == "figure" and experiment.caption(figure) is None:
        yield missing_caption_problem(experiment, figure)
