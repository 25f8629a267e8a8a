"""Load specs as a book of chapters and experiments; report all problems of all files at once.

The model is not needed: `Limits` says what it allows.
"""

from __future__ import annotations

import inspect
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import count
from pathlib import Path
from string import ascii_uppercase
from typing import Any

from layerbook.book.book_file import (
    EXPERIMENTS_DIR,
    FRONT_PAGE,
    ListedChapter,
    find_chapter_files,
    find_prose,
    locate_model,
    read_book_file,
)
from layerbook.book.claims import check as claims
from layerbook.book.claims.type_check import missing_fields
from layerbook.book.contents import Book, Caption, Chapter, Claim, Experiment
from layerbook.book.context_length import check_context_length
from layerbook.book.node import Node, ProblemList, display_path
from layerbook.book.schema import (
    RESERVED_NAMES,
    BookSpec,
    ChapterSpec,
    ExperimentSpec,
    PageSpec,
)
from layerbook.book.sweep import Sweep
from layerbook.book.sweep_parser import SweepParser
from layerbook.book.validation import unknown_key_message, validate
from layerbook.book.yaml import read_front_matter, read_mapping
from layerbook.core import registry
from layerbook.core.analysis import Analysis
from layerbook.core.errors import (
    LayerbookError,
    Problem,
    SpecError,
    UsageError,
    describe_exception,
    did_you_mean,
    first_problems,
    format_trace,
)
from layerbook.core.limits import Limits
from layerbook.core.own_code import NO_CODE, OwnCode
from layerbook.core.paths import resolve_within


def read_book_spec(root: Path) -> BookSpec:
    """Return what book.yaml says; a model in the book's folder is its path.

    Raises SpecError if book.yaml is not a valid spec, OutsideError if it is a link to elsewhere.
    """
    problems = ProblemList()
    path = root / EXPERIMENTS_DIR / "book.yaml"
    resolve_within(root, path)
    book_file = read_book_file(path, problems)
    if book_file is None or problems:
        raise SpecError(problems)
    spec = book_file.spec
    return spec.model_copy(update={"model": locate_model(spec.model, root)})


def model_error(root: Path, message: str) -> SpecError:
    """Return the error of a book's model, at its place in book.yaml."""
    problems = ProblemList()
    node = read_mapping(root / EXPERIMENTS_DIR / "book.yaml", problems)
    if node is not None:
        node.value["model"].add_problem(message)
    return SpecError(problems)


def load_book(
    root: Path,
    limits: Limits,
    *,
    drafts: bool = False,
    own_code: OwnCode = NO_CODE,
) -> Book:
    """Load a book and all its chapters; drafts only with `drafts`.

    own_code: the code of its folder `analyses/`.
    Raises SpecError with every problem of every file.
    """
    loading = _Loading(limits, own_code)
    problems = loading.problems
    book_path = root / EXPERIMENTS_DIR / "book.yaml"
    book_file = read_book_file(book_path, problems)
    paths = find_chapter_files(root, book_file.chapters if book_file else None, problems)
    loaders = [_ChapterLoader(path, loading) for path in paths]
    chapters = [loader.load(expected_name=loader.path.stem) for loader in loaders]
    ids = {loader.path.stem: loader.ids for loader in loaders}
    for loader in loaders:
        loader.check_references(ids, all_chapters=book_file is not None)
        loader.check_needs(ids)
    if book_file is None or problems:
        raise SpecError(problems)
    included = [chapter for chapter in chapters if chapter and (drafts or not chapter.draft)]
    return Book(
        spec=book_file.spec,
        chapters=_numbered(included, book_file.chapters),
        file=display_path(book_path),
        root=root,
        front=_find_front(root, book_file.spec.title),
    )


def _find_front(root: Path, title: str) -> Chapter | None:
    """Return the text of the first page, which has no front matter."""
    path = find_prose(root, FRONT_PAGE)
    return Chapter(FRONT_PAGE, title, "", None, (), display_path(path)) if path else None


def load_chapter(path: Path, limits: Limits, own_code: OwnCode = NO_CODE) -> Chapter:
    """Load a chapter, inside or outside a book. Raises SpecError with every problem of the file."""
    loader = _ChapterLoader(path, _Loading(limits, own_code))
    chapter = loader.load()
    loader.check_references({loader.name: loader.ids}, all_chapters=False)
    if chapter is None or loader.loading.problems:
        raise SpecError(loader.loading.problems)
    return chapter


def find_missing_claim_fields(experiments: Collection[Experiment]) -> list[Problem]:
    """Report fields in checks that the results of their experiments cannot have."""
    result_types = {(e.chapter, e.id): e.result_type for e in experiments}

    def result_type_of(own_chapter: str, name: str) -> type | None:
        chapter, _, id = name.rpartition("/")
        return result_types.get((chapter or own_chapter, id))

    return first_problems(
        claim.problem(error)
        for experiment in experiments
        for claim in experiment.claims
        for error in missing_fields(
            claim.check,
            experiment.result_type,
            partial(result_type_of, experiment.chapter),
        )
    )


def _numbered(
    chapters: Iterable[Chapter], listed: Mapping[str, ListedChapter]
) -> tuple[Chapter, ...]:
    """Give each chapter its part and its number. Numbers run through the whole book."""
    numbers = {"1": map(str, count(1)), "A": iter(ascii_uppercase)}
    numbered = []
    for chapter in chapters:
        group = listed[chapter.name].group
        counted = group.numbers and not chapter.unnumbered
        number = next(numbers[group.numbers], "") if counted else ""
        numbered.append(replace(chapter, group=group, number=number))
    return tuple(numbered)


@dataclass(frozen=True)
class _Loading:
    """The language model, the code and the problems of all chapters that are loaded together."""

    limits: Limits
    own_code: OwnCode
    problems: ProblemList = field(default_factory=ProblemList)


class _ChapterLoader:
    """Load one chapter. `ids` are the lines of its experiments' ids; None if it cannot be read."""

    def __init__(self, path: Path, loading: _Loading) -> None:
        self.path, self.loading = path, loading
        self.name = path.stem
        self.ids: dict[str, int] | None = None
        self.checks: list[tuple[Node, claims.Check]] = []
        self._needs: tuple[Node, ...] = ()

    def load(self, expected_name: str = "") -> Chapter | None:
        """Load the chapter; None if its file is not valid."""
        if self.path.suffix == ".md":
            return self._load_page()
        node = read_mapping(self.path, self.loading.problems)
        if node is None:
            return None
        self.ids = {}
        spec = validate(ChapterSpec, node)
        if name := node.get_text("chapter"):
            self.name = name
            if name in RESERVED_NAMES:
                node.value["chapter"].add_problem(f"no chapter can be called {name!r}")
            elif expected_name and name != expected_name:
                message = f"should be {expected_name!r}, the name of the file"
                node.value["chapter"].add_problem(message)
        experiments = [self._load_experiment(item) for item in node.get_list("experiments")]
        if spec is None:
            return None
        self._needs = node.get_list("needs")
        return _make_chapter(
            spec.chapter, spec, node.file, tuple(e for e in experiments if e is not None)
        )

    def _load_page(self) -> Chapter | None:
        """Load a page without a spec, from the front matter of its Markdown."""
        node = read_front_matter(self.path, self.loading.problems)
        self.ids = {}
        spec = validate(PageSpec, node) if node is not None else None
        if node is None or spec is None:
            return None
        self._needs = node.get_list("needs")
        return _make_chapter(self.name, spec, node.file, ())

    def _load_experiment(self, node: Node) -> Experiment | None:
        if not isinstance(node.value, dict):
            node.add_problem("an experiment is a mapping: id, title, analysis and its parameters")
            return None
        parameters = [key for key in node.value if key not in ExperimentSpec.model_fields]
        spec = validate(ExperimentSpec, node, exclude=parameters)
        self._record_id(node)
        analysis = self._build_analysis(node)
        checked_claims = self._parse_claims(node)
        if spec is None or analysis is None:
            return None
        base = analysis.base if isinstance(analysis, Sweep) else analysis
        captions = {
            figure: Caption(text, node.value["captions"].value[figure].text_line)
            for figure, text in spec.captions.items()
        }
        return Experiment(
            chapter=self.name,
            id=spec.id,
            title=spec.title,
            analysis_name=spec.analysis,
            analysis=base,
            sweep=analysis if isinstance(analysis, Sweep) else None,
            evidence=spec.evidence,
            badges=spec.badges,
            original=spec.original,
            captions=captions,
            claims=checked_claims,
            file=node.file,
            line=node.position.line,
            last_line=node.last_line,
            missing_features=type(base).missing_features(self.loading.limits),
            family=self.loading.limits.family,
        )

    def _record_id(self, node: Node) -> None:
        id = node.get_text("id")
        if not id or self.ids is None:
            return
        id_node = node.value["id"]
        if id in self.ids:
            first = self.ids[id]
            id_node.add_problem(f"the id {id!r} is defined twice, first on line {first}")
        self.ids.setdefault(id, id_node.position.line)

    def _build_analysis(self, node: Node) -> Analysis[Any] | Sweep | None:
        is_swept = node.get("sweep") is not None
        for key in ("measures", "views"):
            if node.get(key) is not None and not is_swept:
                node.add_key_problem(key, f"{key} belong to a sweep, and this experiment has none")
        name = node.get_text("analysis")
        if not name:
            return None
        try:
            analysis_type = registry.find(name, self.loading.own_code)
        except UsageError as error:
            node.value["analysis"].add_problem(str(error), error.trace)
            return None
        known_keys = [*ExperimentSpec.model_fields, *analysis_type.model_fields]
        for key in node.value:
            if key not in known_keys:
                node.add_key_problem(key, unknown_key_message(key, known_keys))
        build = partial(_build_plain_analysis, analysis_type, self.loading.limits)
        return SweepParser(node, analysis_type, build).parse() if is_swept else build(node)

    def _parse_claims(self, node: Node) -> tuple[Claim, ...]:
        parsed = []
        for item in node.get_list("claims"):
            says, check_text = item.get_text("says"), item.get_text("check")
            if not (says and check_text):
                continue  # validation reports it
            check_node = item.value["check"]
            try:
                check = claims.parse(check_text)
            except claims.CheckError as error:
                check_node.add_text_problem(error.column, error.message)
                continue
            self.checks.append((check_node, check))
            line, evidence = item.value["says"].text_line, item.get_text("evidence")
            parsed.append(Claim(says, check, line, check_node, evidence))
        return tuple(parsed)

    def check_needs(self, chapters: Collection[str]) -> None:
        """Report prerequisite chapters that do not exist."""
        for node in self._needs:
            if node.value == self.name:
                node.add_problem("a chapter cannot need itself")
            elif node.value not in chapters:
                hint = did_you_mean(str(node.value), chapters)
                node.add_problem(f"no chapter named {node.value!r}{hint}")

    def check_references(
        self, chapters: Mapping[str, Collection[str] | None], *, all_chapters: bool
    ) -> None:
        """Report references in checks to experiments that do not exist.

        all_chapters: `chapters` has all chapters of the book.
        """
        names = [f"{name}/{id}" for name, ids in chapters.items() for id in ids or ()]
        for node, check in self.checks:
            for reference in check.references:
                chapter, _, id = reference.name.rpartition("/")
                ids = chapters.get(chapter or self.name, () if all_chapters else None)
                if ids is not None and id not in ids:
                    hint = did_you_mean(reference.name, [*ids, *names])
                    message = f"no experiment named {reference.name!r}{hint}"
                    node.add_text_problem(reference.column, message)


def _make_chapter(
    name: str, spec: PageSpec, file: str, experiments: tuple[Experiment, ...]
) -> Chapter:
    page = {key: getattr(spec, key) for key in PageSpec.model_fields}
    return Chapter(name=name, experiments=experiments, file=file, **page)


def _build_plain_analysis(
    analysis_type: type[Analysis[Any]], limits: Limits, node: Node
) -> Analysis[Any] | None:
    other_keys = [key for key in node.value if key not in analysis_type.model_fields]
    try:
        analysis = validate(analysis_type, node, exclude=other_keys, limits=limits)
        if analysis is not None:
            check_context_length(analysis, limits, node)
    except LayerbookError:
        raise
    except Exception as error:  # an author's own analysis can raise anything
        file = inspect.getfile(analysis_type)
        node.value["analysis"].add_problem(describe_exception(error, file), format_trace(error))
        return None
    return analysis
