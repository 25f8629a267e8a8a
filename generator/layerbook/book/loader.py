"""The specs: YAML into books, chapters and experiments, everything checked, all problems told at once.

Nothing here touches the model; what it allows comes in as `Limits`. An analysis is imported only where it is named.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from layerbook.book import dump as yaml_dump
from layerbook.book.claims import check as claims
from layerbook.book.claims.type_check import missing_fields
from layerbook.book.parameters import build_analysis
from layerbook.book.schema import RESERVED_NAMES, BookSpec, ChapterSpec, ExperimentSpec
from layerbook.book.validation import validate
from layerbook.book.yaml import Node, Position, SpecFile
from layerbook.core.analysis import Analysis, Limits
from layerbook.core.errors import Problem, SpecError, did_you_mean

N = TypeVar("N")
EXPERIMENTS_DIR = "experiments"
FILE_START = Position(1, 1)


@dataclass(frozen=True)
class Caption:
    """A figure's caption; `line` is where its text begins in the spec."""

    text: str
    line: int


@dataclass(frozen=True)
class Claim:
    """A sentence of the chapter and its check; `line` is that of the sentence, `check_node` the check in the file."""

    says: str
    check: claims.Check
    line: int
    check_node: Node | None = field(default=None, repr=False, compare=False)

    def problem(self, file: str, error: claims.CheckError) -> Problem:
        """What is wrong with the check, at its place in the file."""
        position = self.check_node.position_in_text(error.column) if self.check_node else Position(self.line, 1)
        return Problem(file, position.line, position.column, error.message)


@dataclass(frozen=True, eq=False)
class Experiment:
    """One experiment of a chapter; `file` and `line` say where the spec has it."""

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
    model: str = ""  # of a cell that runs on another model than the book's

    def spec(self) -> dict[str, Any]:
        """The canonical parameters: defaults filled in, layers and heads absolute."""
        return {"analysis": self.analysis_name} | self.analysis.model_dump(mode="json")

    def caption(self, figure: str) -> Caption | None:
        """The caption for a figure: of its name, or of the longest beginning of it that ends before a hyphen."""
        return _longest_prefix_match(self.captions, figure)

    def badge(self, figure: str) -> str:
        """What a figure can show: its own badge, found like its caption, or that of the experiment."""
        return _longest_prefix_match(self.badges, figure) or self.evidence

    def is_original(self, figure: str) -> bool:
        """Whether a figure is drawn as the lecture drew it."""
        named = self.original
        return (
            named
            if isinstance(named, bool)
            else _longest_prefix_match(dict.fromkeys(named, True), figure) is not None
        )

    def to_yaml(self) -> str:
        """The canonical spec as an item of a chapter's `experiments`, without its words."""
        return yaml_dump.dump_list_item({"id": self.id} | self.spec())


def _longest_prefix_match(named: Mapping[str, N], figure: str) -> N | None:
    while figure not in named and "-" in figure:
        figure = figure.rpartition("-")[0]
    return named.get(figure)


@dataclass(frozen=True, eq=False)
class Chapter:
    """A chapter and its experiments, in the order of its spec."""

    name: str
    title: str
    summary: str
    part: str | None
    experiments: tuple[Experiment, ...]
    file: str


@dataclass(frozen=True, eq=False)
class Book:
    """The book and its chapters, in order."""

    title: str
    subtitle: str
    authors: tuple[str, ...]
    language: str
    model: str
    chapters: tuple[Chapter, ...]
    file: str
    published: str = ""
    licence: str = ""


def read_model_name(root: Path) -> str:
    """The model that a book's experiments/book.yaml names. Raises SpecError where that is not a book's spec."""
    file = SpecFile(root / EXPERIMENTS_DIR / "book.yaml")
    spec, _ = _read_book(file)
    if spec is None or file.problems:
        raise SpecError(file.problems)
    return spec.model


def load_book(root: Path, limits: Limits) -> Book:
    """A book and all its chapters. Raises SpecError with every problem of every file."""
    file = SpecFile(root / EXPERIMENTS_DIR / "book.yaml")
    spec, node = _read_book(file)
    there = [
        path for path in sorted((root / EXPERIMENTS_DIR).glob("[!.]*")) if path.suffix in (".yaml", ".yml")
    ]
    there = [path for path in there if path != file.path]
    listed = _chapter_files(root, spec, node) if spec and node else dict.fromkeys(there, node)
    files = {path: SpecFile(path) for path in dict.fromkeys([*listed, *there])}
    loaders = []
    for path, found in files.items():
        entry = listed.get(path)
        if path not in there and entry is not None:
            near = did_you_mean(path.stem, [other.stem for other in there])
            file.add_problem(
                entry.position, f"there is no chapter {path.stem!r}: {found.name} is missing{near}"
            )
        elif path.suffix != ".yaml":
            found.add_problem(FILE_START, f"a chapter's file ends in .yaml, not {path.suffix}")
        else:
            if path not in listed:
                found.add_problem(FILE_START, f"the chapter {path.stem!r} is not listed in {file.name}")
            loaders.append(_ChapterLoader(found, limits))
    chapters = [loader.load(require_file_name=True) for loader in loaders]
    ids = {loader.file.path.stem: loader.ids for loader in loaders}
    for loader in loaders:
        loader.check_references(ids, complete=spec is not None)
    problems = [problem for found in (file, *files.values()) for problem in found.problems]
    if problems or spec is None:
        raise SpecError(problems)
    made = tuple(chapter for chapter in chapters if chapter is not None)
    return Book(spec.title, spec.subtitle, spec.authors, spec.language, spec.model, made, file.name,
                spec.published or "", spec.licence)  # fmt: skip


def _read_book(file: SpecFile) -> tuple[BookSpec | None, Node | None]:
    node = file.read()
    spec = validate(BookSpec, node, file) if node else None
    if not isinstance(spec, BookSpec):
        return None, node
    assert node is not None
    for i, name in enumerate(spec.chapters):
        position = node.value["chapters"].value[i].position
        if name in spec.chapters[:i]:
            file.add_problem(position, f"the chapter {name!r} is listed twice")
        if name in RESERVED_NAMES:
            file.add_problem(position, f"no chapter can be called {name!r}")
    return spec, node


def _chapter_files(root: Path, spec: BookSpec, node: Node) -> dict[Path, Node | None]:
    """Where each chapter should be, and where the book lists it."""
    entries = zip(spec.chapters, node.value["chapters"].value, strict=True)
    return {root / EXPERIMENTS_DIR / f"{name}.yaml": entry for name, entry in entries if name not in RESERVED_NAMES}


def load_chapter(path: Path, limits: Limits) -> Chapter:
    """One chapter's spec, in or out of a book. Raises SpecError with every problem of the file."""
    loader = _ChapterLoader(SpecFile(path), limits)
    chapter = loader.load()
    loader.check_references({loader.name: loader.ids}, complete=False)
    if chapter is None or loader.file.problems:
        raise SpecError(loader.file.problems)
    return chapter


def find_missing_claim_fields(experiments: Collection[Experiment]) -> list[Problem]:
    """Fields that checks name and no result of their experiments will have; known before anything is measured."""
    kinds = {(e.chapter, e.id): e.analysis.result_type for e in experiments}
    problems = []
    for one in experiments:

        def kind(name: str, own: str = one.chapter) -> type | None:
            chapter, _, id = name.rpartition("/")
            return kinds.get((chapter or own, id))

        for claim in one.claims:
            errors = missing_fields(claim.check, one.analysis.result_type, kind)
            problems += [claim.problem(one.file, error) for error in errors]
    return problems


class _ChapterLoader:
    """A chapter while it is read: its problems gather in `file`, its ids in `ids`."""

    def __init__(self, file: SpecFile, limits: Limits) -> None:
        self.file, self.limits = file, limits
        self.name = file.path.stem
        self.ids: dict[str, int] | None = (
            None  # by the line of each; None where the file cannot be read
        )
        self.checks: list[tuple[Node, claims.Check]] = []

    def load(self, require_file_name: bool = False) -> Chapter | None:
        """The chapter; None where nothing can be said of it. `require_file_name`: its name must be its file's."""
        node = self.file.read()
        if node is None:
            return None
        self.ids = {}
        spec = validate(ChapterSpec, node, self.file)
        name = node.get("chapter")
        if name and isinstance(name.value, str):
            self.name = name.value
            if self.name in RESERVED_NAMES:
                self.file.add_problem(name.position, f"no chapter can be called {self.name!r}")
            elif require_file_name and self.name != self.file.path.stem:
                self.file.add_problem(
                    name.position, f"should be {self.file.path.stem!r}, as the file is called"
                )
        items = node.get("experiments")
        inner = items.value if items and isinstance(items.value, tuple) else ()
        made = [self._load_experiment(item) for item in inner]
        if not isinstance(spec, ChapterSpec):
            return None
        done = tuple(experiment for experiment in made if experiment is not None)
        return Chapter(spec.chapter, spec.title, spec.summary, spec.part, done, self.file.name)

    def _load_experiment(self, node: Node) -> Experiment | None:
        if not isinstance(node.value, dict):
            self.file.add_problem(
                node.position, "an experiment is a mapping: id, title, analysis and its parameters"
            )
            return None
        own = [key for key in node.value if key not in ExperimentSpec.model_fields]
        spec = validate(ExperimentSpec, node, self.file, exclude=own)
        self._record_id(node)
        self._check_sweep_keys(node)
        analysis = build_analysis(node, self.file, self.limits)
        checks = self._parse_claims(node)
        if (
            not isinstance(spec, ExperimentSpec)
            or analysis is None
            or len(checks) < len(spec.claims)
        ):
            return None
        captions = {
            name: Caption(text, node.value["captions"].value[name].text_line)
            for name, text in spec.captions.items()
        }
        return Experiment(self.name, spec.id, spec.title, spec.analysis, analysis, spec.evidence, spec.badges,
                          spec.original, captions, checks, self.file.name, node.position.line)  # fmt: skip

    def _record_id(self, node: Node) -> None:
        id = node.get("id")
        if id is None or not isinstance(id.value, str) or self.ids is None:
            return
        if id.value in self.ids:
            self.file.add_problem(
                id.position,
                f"the id {id.value!r} is here twice; it is first on line {self.ids[id.value]}",
            )
        self.ids.setdefault(id.value, id.position.line)

    def _check_sweep_keys(self, node: Node) -> None:
        for key in ("measures", "views"):
            if node.get(key) is not None and node.get("sweep") is None:
                self.file.add_problem(
                    node.key_positions[key], f"{key} belong to a sweep, and this experiment has none"
                )

    def _parse_claims(self, node: Node) -> tuple[Claim, ...]:
        made = []
        found = node.get("claims")
        for item in found.value if found and isinstance(found.value, tuple) else ():
            says, check = item.get("says"), item.get("check")
            if not (
                check and says and isinstance(check.value, str) and isinstance(says.value, str)
            ):
                continue
            try:
                parsed = claims.parse(check.value)
            except claims.CheckError as error:
                self.file.add_problem(check.position_in_text(error.column), error.message)
                continue
            self.checks.append((check, parsed))
            made.append(Claim(says.value, parsed, says.text_line, check))
        return tuple(made)

    def check_references(self, chapters: Mapping[str, Collection[str] | None], complete: bool) -> None:
        """Note the experiments that claims ask for and that are not there; `complete`: these are all chapters."""
        for node, check in self.checks:
            for reference in check.references:
                chapter, _, id = reference.name.rpartition("/")
                known = chapters.get(chapter or self.name, () if complete else None)
                if known is None or id in known:
                    continue
                names = [f"{name}/{inner}" for name, ids in chapters.items() for inner in ids or ()]
                near = did_you_mean(reference.name, [*known, *names])
                self.file.add_problem(
                    node.position_in_text(reference.column),
                    f"no experiment is called {reference.name!r}{near}",
                )
