"""Checks of the chapters' prose that need no results."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from markdown_it.token import Token as Node

from layerbook.book import bibliography, glossary
from layerbook.book.claims.check import CheckError
from layerbook.book.claims.type_check import PossibleTypes, missing_fields
from layerbook.book.contents import Chapter, Experiment, full_address
from layerbook.book.figure_names import can_have_figure, name_patterns, readable_names
from layerbook.book.loader import find_missing_claim_fields
from layerbook.book.media import MediaFolders
from layerbook.book.theme import find_theme_problems
from layerbook.book.yaml import blank_front_matter
from layerbook.core.errors import Problem, SpecError, UsageError, did_you_mean, first_problems
from layerbook.site.experiment_view import missing_caption_problem, unknown_figure_problems
from layerbook.site.prose.anchors import static_anchors
from layerbook.site.prose.code_cells import cell_folder, read_cell
from layerbook.site.prose.diagrams import extract_diagrams
from layerbook.site.prose.functions import FUNCTIONS
from layerbook.site.prose.images import extract_images
from layerbook.site.prose.links import OTHER_PAGES, LinkTargets, find_autolinks, find_links
from layerbook.site.prose.lint import find_typed_answers, find_typed_numbers
from layerbook.site.prose.markdown_checks import find_markdown_problems
from layerbook.site.prose.math import MathError, MathRenderer
from layerbook.site.prose.media_checks import find_media_problems
from layerbook.site.prose.outline import Outline, parse_outline
from layerbook.site.prose.reference_checks import impossible_references
from layerbook.site.prose.references import Reference, find_references, names_figures_by_variable
from layerbook.site.prose.template_checks import PieceOfProse, find_template_problems
from layerbook.site.sandbox_syntax import MAX_SOURCE
from layerbook.store.project import Project

MAX_CLAIM_BOXES = 3
"""The limit before a chapter turns into a list of boxes."""
_TO_FIGURE = ("ref", "point")
_WITH_FIGURE = ("figure", *_TO_FIGURE)


def prose_path(project: Project, chapter: Chapter) -> Path:
    """Return the path of a chapter's Markdown."""
    if chapter.is_prose_alone:
        return Path(chapter.file)
    return project.templates_dir / "chapters" / f"{chapter.name}.md"


def read_prose(project: Project, chapter: Chapter) -> str:
    """Read the Markdown of a chapter. Raises SpecError if it cannot be read."""
    path = prose_path(project, chapter)
    try:
        text = path.read_text(encoding="utf-8-sig")
        if len(text) > MAX_SOURCE:
            message = f"the text is longer than {MAX_SOURCE:,} characters"
            raise SpecError([Problem(str(path), 1, 1, message)])
        return blank_front_matter(text) if chapter.is_prose_alone else text
    except FileNotFoundError as error:
        hint = did_you_mean(chapter.name, [other.stem for other in path.parent.glob("*.md")])
        message = f"the chapter's prose is missing: {path}{hint}"
        raise SpecError([Problem(chapter.file, 1, 1, message)]) from error
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError([Problem(str(path), 1, 1, f"cannot be read: {error}")]) from error


def check_prose(project: Project) -> None:
    """Check what needs no result. Raises SpecError with the problems of all chapters."""
    if problems := find_prose_problems(project):
        raise SpecError(problems)


def find_prose_problems(project: Project) -> list[Problem]:
    """Report problems in prose, captions and claims that can be found without results."""
    problems = find_missing_claim_fields(project.experiments())
    problems += find_theme_problems(project.root, project.book.theme)
    try:
        sources = bibliography.load(project.templates_dir)
        terms = glossary.load(project.templates_dir)
    except SpecError as error:
        return [*problems, *error.problems]
    static = tuple(MediaFolders(project.root).static_paths())
    prose: dict[str, str] = {}
    names = [e.id for e in project.experiments()] + [c.name for c in project.book.chapters]

    @cache  # reading a page's anchors parses the page
    def find_ids(page: str) -> Collection[str] | None:
        text = prose.get(page.removesuffix(".html"))
        return None if text is None else static_anchors(text, names)

    targets = LinkTargets(page_files(project, sources, terms), None, find_ids, static)
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
    problems += first_problems(_unshown_references(project, prose))
    unknown = impossible_references(project.book.pages, prose)
    problems += find_unknown_references(project, prose, unknown)
    return list(dict.fromkeys((*problems, *find_link_problems(project, prose, targets))))


def _unshown_references(project: Project, prose: Mapping[str, str]) -> Iterator[Problem]:
    """Yield references to figures that no page can show."""
    references = {
        chapter: _safe_references(project, chapter, prose[chapter.name])
        for chapter in project.book.pages
        if chapter.name in prose
    }
    shown: dict[str, set[object]] = {}
    for chapter, of_chapter in references.items():
        for reference in of_chapter:
            if reference.function == "figure":
                address = full_address(reference.name, chapter.name)
                shown.setdefault(address, set()).add(
                    reference.second if reference.is_complete else None
                )
    if any(map(names_figures_by_variable, prose.values())):
        return
    for chapter, of_chapter in references.items():
        for reference in of_chapter:
            address = full_address(reference.name, chapter.name)
            figures = shown.get(address, set())
            # None: the only figure of the experiment, or one that is not written out.
            is_shown = reference.second in figures or None in figures or not reference.second
            if reference.function in _TO_FIGURE and not (is_shown and figures):
                figure = f"{address} {reference.second or ''}".strip()
                message = f"{reference.function}(): no page shows the figure {figure!r}"
                file = str(prose_path(project, chapter))
                yield Problem(file, reference.line, reference.column, message)


def _safe_references(project: Project, chapter: Chapter, text: str) -> tuple[Reference, ...]:
    """Return the references of a chapter; none if it does not parse (reported elsewhere)."""
    try:
        return find_references(text, str(prose_path(project, chapter)))
    except SpecError:
        return ()


def page_files(
    project: Project,
    sources: bibliography.Bibliography | None,
    terms: glossary.Glossary | None,
) -> tuple[str, ...]:
    """Return the names of the pages that a book has."""
    names = [*(chapter.name for chapter in project.book.chapters), *OTHER_PAGES]
    names += ["references"] if sources else []
    names += ["glossary"] if terms else []
    return tuple(f"{name}.html" for name in names)


def _glossary_problems(
    project: Project, terms: glossary.Glossary, targets: LinkTargets
) -> Iterator[Problem]:
    """Yield mistakes in the Markdown of the glossary, links to nowhere, and unknown chapters."""
    chapters = [chapter.name for chapter in project.book.chapters]
    for entry in terms.entries.values():
        outline, place = parse_outline(entry.term.text), entry.text_place
        for problem in find_markdown_problems(outline, terms.file):
            yield replace(problem, line=place.line + problem.line - 1)
        for link in find_links(outline):
            if message := targets.problem(link.address, "glossary.html"):
                yield Problem(terms.file, place.line + link.place.line - 1, place.column, message)
        for name, place in entry.see.items():
            if name not in chapters:
                message = f"no chapter named {name!r}{did_you_mean(name, chapters)}"
                yield Problem(terms.file, place.line, place.column, message)


class _ChapterChecker:
    """Checks one chapter without its results."""

    def __init__(
        self,
        project: Project,
        chapter: Chapter,
        prose: str,
        sources: bibliography.Bibliography | None,
        terms: glossary.Glossary | None,
    ) -> None:
        self._project, self._chapter, self._prose = project, chapter, prose
        self._sources, self._terms = sources, terms
        self._file = str(prose_path(project, chapter))
        self._media = MediaFolders(project.root)
        self._experiments = {e.address: e for e in project.experiments()}

    def problems(self) -> Iterator[Problem]:
        """Yield the problems of the chapter's prose, captions and claims."""
        yield from find_text_problems(self._chapter, self._prose, self._file)
        math = MathRenderer(self._project.cache)
        yield from find_formula_problems(self._chapter, self._prose, self._file, math)
        yield from find_media_problems(self._media, self._prose, self._file)
        names = dict.fromkeys(FUNCTIONS, ())
        yield from self._check_text(self._prose, self._file, 1, self._chapter.name, names)
        for experiment in self._chapter.experiments:
            yield from unknown_figure_problems(experiment)
            captions = experiment.captions.values()
            texts = [(caption.text, caption.line) for caption in captions]
            texts += [(claim.says, claim.line) for claim in experiment.claims]
            types: dict[str, PossibleTypes] = {"result": (experiment.result_type,)}
            types |= {"r": (), "tok": ()}
            for text, line in texts:
                # A caption knows the numbers in the name of its figure.
                names = types | ({"at": ()} if line in {c.line for c in captions} else {})
                yield from self._check_text(text, experiment.file, line, experiment.chapter, names)

    def _check_text(
        self, text: str, file: str, line: int, chapter: str, names: Mapping[str, PossibleTypes]
    ) -> Iterator[Problem]:
        def result_type_of(name: str) -> type | None:
            experiment = self._find(name, chapter)
            return experiment.result_type if experiment else None

        piece = PieceOfProse(text, file, line, names, result_type_of)
        problems = find_template_problems(piece)
        yield from problems
        try:
            references = find_references(text, file)
        except SpecError:  # reported above
            return
        for reference in references:
            if reference.function in names:
                yield from self._check_call(reference, file, line)

    def _check_call(self, reference: Reference, file: str, first_line: int) -> Iterator[Problem]:
        name, message = reference.name, ""
        experiment = self._find(name, self._chapter.name)
        if reference.function == "code_cell":
            try:
                yield from self._check_cell(name)
            except UsageError as error:
                message = str(error)
        elif reference.function in ("cite", "term"):
            message = self._lookup_message(reference)
        elif experiment is None:
            message = self._no_experiment(name)
        elif reference.function in ("claim", "tick", "holds"):
            message = _claim_message(reference, experiment)
        elif reference.function in _WITH_FIGURE and isinstance(reference.second, str):
            figure = reference.second
            if not can_have_figure(experiment, figure):
                message = _no_figure(experiment, figure)
            elif reference.function == "figure" and experiment.caption(figure) is None:
                yield missing_caption_problem(experiment, figure)
        if message:
            message = f"{reference.function}(): {message}"
            yield Problem(file, first_line + reference.line - 1, reference.column, message)

    def _lookup_message(self, reference: Reference) -> str:
        """Return the error of a `cite` or `term` with an unknown key, or ""."""
        name = reference.name
        if reference.function == "cite":
            known = self._sources is not None and name in self._sources.publications
            return "" if known else _no_source(self._sources, name)
        known = self._terms is not None and self._terms.find(name) is not None
        return "" if known else _no_term(self._terms, name)

    def _no_experiment(self, name: str) -> str:
        own_ids = {item.id for item in self._chapter.experiments}
        hint = did_you_mean(name, own_ids | self._experiments.keys())
        return f"no experiment named {name!r}{hint}"

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

        def result_type_of(experiment: str) -> type | None:
            known = self._find(experiment, self._chapter.name)
            return known.result_type if known else None

        for reference in cell.equals.references:
            if self._find(reference.name, self._chapter.name) is None:
                message = self._no_experiment(reference.name)
                yield cell.problem(CheckError(message, reference.column))
        for missing in missing_fields(cell.equals, type(None), result_type_of):
            yield cell.problem(missing)

    def _find(self, name: str, chapter: str) -> Experiment | None:
        return self._experiments.get(full_address(name, chapter))


def _no_figure(experiment: Experiment, figure: str) -> str:
    names = readable_names(name_patterns(experiment))
    return (
        f"{experiment.address!r} has no figure {figure!r}{did_you_mean(figure, names)}; "
        f"available: {', '.join(names)}"
    )


def _claim_message(reference: Reference, experiment: Experiment) -> str:
    index = 0 if reference.second is None else reference.second
    count = len(experiment.claims)
    if not reference.is_complete or not isinstance(index, int) or 0 <= index < count:
        return ""
    return f"{experiment.address} has {count} claims, so there is no claim {index}"


def _references(project: Project, chapter: Chapter) -> tuple[Reference, ...]:
    return find_references(read_prose(project, chapter), str(prose_path(project, chapter)))


def _no_source(sources: bibliography.Bibliography | None, key: str) -> str:
    if sources:
        return sources.unknown_key_message(key)
    return f"this book has no templates/{bibliography.REFERENCES_FILE} to look {key!r} up in"


def _no_term(terms: glossary.Glossary | None, name: str) -> str:
    if terms:
        return terms.unknown_term_message(name)
    return f"this book has no templates/{glossary.GLOSSARY_FILE} to look {name!r} up in"


def find_text_problems(chapter: Chapter, prose: str, file: str) -> Iterator[Problem]:
    """Yield mistakes in the Markdown of a chapter's prose, captions and claims."""
    images = extract_images(prose)[1]
    for text_file, first_line, text in _texts(chapter, prose, file):
        lines = images if text is prose else ()
        for problem in find_markdown_problems(parse_outline(text), text_file, lines):
            yield replace(problem, line=first_line + problem.line - 1)


def find_formula_problems(
    chapter: Chapter, prose: str, file: str, math: MathRenderer
) -> Iterator[Problem]:
    """Yield invalid formulas; those that contain values are checked when rendered."""
    for text_file, first_line, text in _texts(chapter, prose, file):
        outline = parse_outline(text)
        for node, formula in _formulas(outline):
            if "{{" in outline.original_text(node):
                continue
            try:
                math.render(formula.content.strip(), display=formula.type != "math_inline")
            except MathError as error:
                source = outline.text(node)
                offset = max(source.find(formula.content.strip().partition("\n")[0]), 0)
                line = first_line + outline.place(node, offset).line - 1
                yield Problem(text_file, line, 1, f"in the formula: {error}")


def _formulas(outline: Outline) -> Iterator[tuple[Node, Node]]:
    """Yield the formulas, each with the node that has its place."""
    for node in outline.nodes:
        for child in node.children or (node,):
            if child.type.startswith("math"):
                yield node, child


def _texts(chapter: Chapter, prose: str, file: str) -> Iterator[tuple[str, int, str]]:
    """Yield the file, the first line and the text of the prose, of each caption and claim."""
    yield file, 1, prose
    for image in extract_images(prose)[1].values():
        yield file, image.caption_line, image.caption
    for diagram in extract_diagrams(prose)[1].values():
        yield file, diagram.caption_line, diagram.caption
    for experiment in chapter.experiments:
        for caption in experiment.captions.values():
            yield experiment.file, caption.line, caption.text
        for claim in experiment.claims:
            yield experiment.file, claim.line, claim.says


def find_link_problems(
    project: Project, prose: Mapping[str, str], targets: LinkTargets
) -> list[Problem]:
    """Report links in prose (by chapter), captions and claims that lead nowhere."""
    return first_problems(_link_problems(project, prose, targets))


def _link_problems(
    project: Project, prose: Mapping[str, str], targets: LinkTargets
) -> Iterator[Problem]:
    for chapter in project.book.pages:
        chapter_file = str(prose_path(project, chapter))
        for file, first_line, text in _texts(chapter, prose.get(chapter.name, ""), chapter_file):
            for link in find_links(parse_outline(text)):
                if message := targets.problem(link.address, f"{chapter.name}.html"):
                    line = first_line + link.place.line - 1
                    yield Problem(file, line, link.place.column, message)


def link_addresses(chapter: Chapter, prose: str) -> tuple[str, ...]:
    """Return the addresses of the links in a chapter's prose, captions and claims, each once."""
    links = (
        link
        for _, _, text in _texts(chapter, prose, chapter.file)
        for link in find_links(parse_outline(text))
    )
    return tuple(dict.fromkeys(link.address for link in links))


def find_link_addresses(
    project: Project, prose: Mapping[str, str], terms: glossary.Glossary | None
) -> Iterator[Problem]:
    """Yield the address of every link in prose, captions, claims and terms, with its place."""
    for chapter in project.book.pages:
        chapter_file = str(prose_path(project, chapter))
        for file, first_line, text in _texts(chapter, prose[chapter.name], chapter_file):
            outline = parse_outline(text)
            for link in (*find_links(outline), *find_autolinks(outline)):
                line = first_line + link.place.line - 1
                yield Problem(file, line, link.place.column, link.address)
    if terms is None:
        return
    for entry in terms.entries.values():
        outline, place = parse_outline(entry.term.text), entry.text_place
        for link in (*find_links(outline), *find_autolinks(outline)):
            yield Problem(terms.file, place.line + link.place.line - 1, place.column, link.address)


def find_unshown_figures(
    project: Project, prose: Mapping[str, str], names: Collection[str]
) -> list[Problem]:
    """Report references to figures, named `chapter/id figure`, that no page shows."""
    problems: list[Problem] = []
    if not names:  # the usual case, in which no prose has to be parsed
        return problems
    for chapter in project.book.pages:
        file = str(prose_path(project, chapter))
        for reference in find_references(prose.get(chapter.name, ""), file):
            name = full_address(reference.name, chapter.name)
            matching = [item for item in names if item.partition(" ")[0] == name]
            if reference.function in _TO_FIGURE and matching:
                message = f"{reference.function}(): no page shows the figure {matching[0]!r}"
                problems.append(Problem(file, reference.line, reference.column, message))
    return problems


def find_unknown_references(
    project: Project, prose: Mapping[str, str], unknown: Mapping[str, Mapping[str, str]]
) -> list[Problem]:
    """Report the first unknown references such as `@fig-name`.

    unknown: the message of each unknown reference of each chapter.
    """
    return first_problems(_unknown_references(project, prose, unknown))


def _unknown_references(
    project: Project, prose: Mapping[str, str], unknown: Mapping[str, Mapping[str, str]]
) -> Iterator[Problem]:
    for chapter in project.book.pages:
        messages = unknown.get(chapter.name)
        if not messages:
            continue
        file = str(prose_path(project, chapter))
        outline = parse_outline(prose[chapter.name])
        for _, node in outline.inline_nodes():
            offset = 0
            for child in node.children or ():
                written = child.meta.get("written", child.content)  # what code says is passed over
                offset = max(outline.text(node).find(written, offset), offset)
                if child.type == "reference" and written in messages:
                    place = outline.place(node, offset)
                    yield Problem(file, place.line, place.column, messages[written])
                offset += len(written)


def find_uncited_sources(project: Project) -> list[Problem]:
    """Report sources that no chapter cites."""
    sources = bibliography.load(project.templates_dir)
    if sources is None:
        return []
    cited_keys = {
        reference.name
        for chapter in project.book.pages
        for reference in _references(project, chapter)
        if reference.function == "cite"
    }
    return [
        Problem(file, position.line, position.column, f"no chapter cites {key!r}")
        for key, (file, position) in sources.places.items()
        if key not in cited_keys
    ]


def find_crowded_chapters(project: Project) -> list[Problem]:
    """Report the first claim box beyond the limit in each chapter; ticks take less room."""
    problems = []
    for chapter in project.book.pages:
        boxes = [item for item in _references(project, chapter) if item.function == "claim"]
        for box in boxes[MAX_CLAIM_BOXES : MAX_CLAIM_BOXES + 1]:
            message = (
                f"{len(boxes)} boxes of claims in this chapter; "
                f'a tick takes less room: {{{{ tick("{box.name}", {box.second or 0}) }}}}'
            )
            file = str(prose_path(project, chapter))
            problems.append(Problem(file, box.line, box.column, message))
    return problems


def find_inapplicable(project: Project) -> list[Problem]:
    """Report experiments that the book's model cannot run; pages show a note in their place."""
    return [
        Problem(e.file, e.line, 1, f"{e.id} is not applicable: {e.inapplicable}")
        for e in project.experiments()
        if e.inapplicable
    ]


def lint_prose(project: Project) -> list[Problem]:
    """Report numbers and answers to predictions that are typed instead of read from a result."""
    problems: list[Problem] = []
    for chapter in project.book.pages:
        prose, file = read_prose(project, chapter), str(prose_path(project, chapter))
        problems += first_problems(find_typed_numbers(prose, file))
        problems += first_problems(find_typed_answers(prose, file))
    return problems
