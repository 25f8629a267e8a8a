"""A book's folder as loaded: its specs, its model, and the paths and keys of its results."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from layerbook.book import loader
from layerbook.book.contents import Book, Experiment
from layerbook.book.files import check_book_files
from layerbook.book.schema import BookSpec
from layerbook.book.sweep import MODEL_AXIS, GridCell
from layerbook.core.errors import Problem, SpecError, UsageError
from layerbook.core.paths import resolve_within
from layerbook.core.progress import Reporter
from layerbook.core.requests import Precision
from layerbook.model import sources
from layerbook.model.model_folder import Fingerprint
from layerbook.store import cache, keys, results
from layerbook.store.build_stamp import Snapshot
from layerbook.store.json_format import json_digest
from layerbook.store.keys import Key
from layerbook.store.trust import load_own_code

RESULTS_FOLDER = Path("experiments") / "results"
SITE_FOLDER = Path("site")
TEMPLATES_FOLDER = Path("templates")


@dataclass(frozen=True)
class Project:
    """A book's folder, its specs as loaded for one model, and that model's fingerprint.

    specs: the state of their files when they were loaded.
    """

    root: Path
    book: Book
    source: sources.ModelSource
    fingerprint: Fingerprint
    specs: Snapshot

    @property
    def precision(self) -> Precision:
        """The floating-point type that the book's models compute with."""
        return self.book.spec.precision

    @property
    def results_root(self) -> Path:
        """The folder of results, one subfolder per model."""
        return self.root / RESULTS_FOLDER

    @property
    def templates_dir(self) -> Path:
        """The folder of chapters, and of the book's own page templates."""
        return self.root / TEMPLATES_FOLDER

    @property
    def site_dir(self) -> Path:
        """The folder of the site. Raises StoreError if it is a link."""
        site = self.root / SITE_FOLDER
        resolve_within(self.root, site, links=False)
        return site

    @property
    def cache(self) -> cache.WorkingCache:
        """The hidden working cache."""
        return cache.WorkingCache(self.root)

    @property
    def publication_date(self) -> str:
        """The day of publication, YYYY-MM-DD, from the book or SOURCE_DATE_EPOCH; else empty."""
        epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
        if self.book.spec.published or not epoch:
            return self.book.spec.published or ""
        try:
            return f"{datetime.fromtimestamp(int(epoch), UTC):%Y-%m-%d}"
        except (ValueError, OverflowError, OSError) as error:
            raise UsageError(
                f"SOURCE_DATE_EPOCH is {epoch!r}, but should be a number of seconds"
            ) from error

    def specs_are_unchanged(self) -> bool:
        """Return whether the specs on disk are still those that were loaded."""
        return _take_specs(self.root) == self.specs

    def experiments(self) -> tuple[Experiment, ...]:
        """Return all experiments, in the order of the book."""
        return tuple(e for chapter in self.book.chapters for e in chapter.experiments)

    def result_path(self, experiment: Experiment) -> Path:
        """Return the path of an experiment's result."""
        return results.result_path(
            self.results_root, self.model_name(experiment), experiment.chapter, experiment.id
        )

    def model_name(self, experiment: Experiment) -> str:
        """Return the name of the model that an experiment runs on."""
        return sources.resolve(experiment.model).name if experiment.model else self.source.name

    def other_model_dirs(self) -> list[Path]:
        """Return the folders with results of models other than the book's."""
        folders = sorted(self.results_root.iterdir()) if self.results_root.is_dir() else []
        return [
            folder
            for folder in folders
            if folder.is_dir()
            and folder.name != self.source.name
            and results.FILE_NAME_PART.fullmatch(folder.name)
        ]

    def compute_keys(self, experiments: Sequence[Experiment]) -> dict[Experiment, Key]:
        """Return the key that each experiment's result has now."""
        return keys.compute_keys(experiments, self.fingerprint, self.precision, self.cache)


def open_project(
    root: Path,
    model: str | None = None,
    report: Reporter | None = None,
    *,
    check_chats: bool = False,
    drafts: bool = False,
) -> Project:
    """Load every spec of a book, checked against the limits of its model.

    report: if given, a Hub model that is not on this machine is downloaded first, because only
        then is the commit behind its name known.
    check_chats: lay out each chat, to find those that the model's template refuses.
    drafts: include chapters that are drafts.
    Raises SpecError with all problems, UsageError, ModelError.
    """
    source = resolve_model(root, model)
    if report is not None:
        download_hub_model(source, report)
    while True:
        specs = _take_specs(root)
        limits = source.limits(check_chats=check_chats)
        book = loader.load_book(root, limits, drafts=drafts, own_code=load_own_code(root))
        experiments = (e for chapter in book.chapters for e in chapter.experiments)
        if problems := find_unknown_models(experiments):
            raise SpecError(problems)
        if _take_specs(root) == specs:  # else a file was saved in the meantime
            return Project(root, book, source, source.fingerprint(), specs)


def download_hub_model(source: sources.ModelSource, report: Reporter) -> None:
    """Download a Hub model that is not on this machine, so that its commit is known."""
    if source.kind == "hub" and source.local_dir() is None:
        source.prepare(report)


def resolve_model(root: Path, model: str | None = None) -> sources.ModelSource:
    """Return the named model, by default the book's.

    Raises UsageError without a book, SpecError for one with files that lie elsewhere.
    """
    check_book_files(root)
    if not (root / "experiments" / "book.yaml").is_file():
        raise UsageError(
            f"{root}: no book here, experiments/book.yaml is missing; name its folder with --book, "
            "or write a new book with `layerbook init NAME`"
        )
    return choose_model(model, None if model is not None else loader.read_book_spec(root), root)


def choose_model(name: str | None, book: BookSpec | None, root: Path) -> sources.ModelSource:
    """Return the model of that name, or else the one of the book at `root`, or else the default.

    Raises UsageError for an unknown name, SpecError if it is in book.yaml.
    """
    if name is not None or book is None:
        return sources.resolve(sources.DEFAULT_MODEL if name is None else name)
    try:
        return sources.resolve_as(book.model, book.model_name)
    except UsageError as error:
        raise loader.model_error(root, str(error)) from error


def find_unknown_models(experiments: Iterable[Experiment]) -> list[Problem]:
    """Report the models of sweeps that do not exist."""
    problems = []
    for experiment in experiments:
        for name in experiment.sweep.models if experiment.sweep else ():
            try:
                sources.resolve(name)
            except UsageError as error:
                message = f"{experiment.id}: sweep: {error}"
                problems.append(Problem(experiment.file, experiment.line, 1, message))
    return problems


def _take_specs(root: Path) -> Snapshot:
    """Return the state of all files in `experiments/` but the results, which a run writes."""
    folder = root / "experiments"
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    return Snapshot.take(path for path in entries if path != root / RESULTS_FOLDER)


def sweep_cells(experiment: Experiment) -> Iterator[tuple[GridCell, Experiment]]:
    """Yield the cells of a sweep, each as an experiment."""
    if experiment.sweep is None:
        raise TypeError(f"{experiment.id} is not a sweep")
    for cell in experiment.sweep.cells():
        yield cell, cell_experiment(experiment, cell)


def cell_experiment(experiment: Experiment, cell: GridCell) -> Experiment:
    """Return a cell of a sweep as an experiment; its id ends in a digest of its spec."""
    cell_as_experiment = replace(
        experiment, analysis=cell.analysis, sweep=None, claims=(), captions={}, model=cell.model
    )
    spec = cell_as_experiment.spec()
    if cell.model:
        # As written in the spec, because a resolved path differs from machine to machine.
        spec["model"] = cell.coordinates[MODEL_AXIS]
    return replace(cell_as_experiment, id=f"{experiment.id}.{json_digest(spec)[:12]}")


def cells_with_figures(experiment: Experiment) -> tuple[Experiment, ...]:
    """Return the cells of a sweep whose own figures its views show."""
    sweep = experiment.sweep
    if sweep is None:
        return ()
    axes = [view.over for view in sweep.views.values() if view.figure]
    return tuple(
        cell_experiment(experiment, cell) for axis in axes for cell in sweep.cells_along(axis)
    )
