"""A book's folder as loaded: its specs, its model, and how each result stands to its sources. Nothing runs here."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from layerbook.book import loader as experiments
from layerbook.book.loader import Book, Experiment
from layerbook.book.sweep import GridCell, Sweep
from layerbook.core.errors import UsageError, did_you_mean
from layerbook.core.progress import Reporter
from layerbook.model import download, sources
from layerbook.store import cache, keys, results
from layerbook.store import freshness as status

RESULTS_FOLDER = Path("experiments") / "results"
SITE_FOLDER = Path("site")
TEMPLATES_FOLDER = Path("templates")


@dataclass(frozen=True)
class Project:
    """A book's folder, its specs as loaded for one model, and what that model is; `specs` is their files' digest."""

    root: Path
    book: Book
    source: sources.ModelSource
    fingerprint: sources.Fingerprint
    specs_digest: str

    @property
    def results_root(self) -> Path:
        """Where this project keeps its results."""
        return self.root / RESULTS_FOLDER

    @property
    def templates_dir(self) -> Path:
        """Where its chapters are, and page templates of its own, if any."""
        return self.root / TEMPLATES_FOLDER

    @property
    def cache(self) -> cache.WorkingCache:
        """Its hidden working cache."""
        return cache.WorkingCache(self.root)

    @property
    def published(self) -> str:
        """The day of publication, YYYY-MM-DD: the book's own, else that of SOURCE_DATE_EPOCH, else empty."""
        epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
        if self.book.published or not epoch:
            return self.book.published
        try:
            return f"{datetime.fromtimestamp(int(epoch), UTC):%Y-%m-%d}"
        except (ValueError, OverflowError, OSError) as error:
            raise UsageError(
                f"SOURCE_DATE_EPOCH is {epoch!r}, and should be a number of seconds"
            ) from error

    def experiments(self) -> tuple[Experiment, ...]:
        """All experiments, in the order of the book."""
        return tuple(e for chapter in self.book.chapters for e in chapter.experiments)

    def result_path(self, experiment: Experiment) -> Path:
        """Where an experiment's result lies."""
        return results.result_path(
            self.results_root, self.model_name(experiment), experiment.chapter, experiment.id
        )

    def model_name(self, experiment: Experiment) -> str:
        """The model that an experiment runs on."""
        return sources.resolve(experiment.model).name if experiment.model else self.source.name

    def other_model_dirs(self) -> list[Path]:
        """The folders with results of models other than the book's."""
        there = sorted(self.results_root.iterdir()) if self.results_root.is_dir() else []
        return [
            p
            for p in there
            if p.is_dir()
            and p.name != self.source.name
            and results.FILE_NAME_PART.fullmatch(p.name)
        ]

    def remove_leftovers(self) -> None:
        """Remove what builds that were killed left among its results; call it under the project's lock."""
        for folder in sorted(self.results_root.glob("*/*")):
            if folder.is_dir():
                results.remove_leftovers(folder)

    def keys(self, wanted: Sequence[Experiment]) -> dict[Experiment, keys.Key]:
        """What the result of each experiment depends on, as the sources stand on disk now.

        Parsing the code takes longest, so its digests are remembered by the bytes of the whole package.
        """
        state = keys.source_digest()
        known = self.cache.get_blob("code", state)
        codes: dict[str, str] = json.loads(known) if known else {}
        missing = sorted(
            {module for experiment in wanted for module in code_modules(experiment)} - codes.keys()
        )
        codes |= {module: keys.analysis_code_digest(module) for module in missing}
        if missing and keys.source_digest() == state:
            self.cache.put_blob("code", state, json.dumps(codes).encode())
        return {e: experiment_key(e, self.fingerprint, code_digest(e, codes)) for e in wanted}


@dataclass(frozen=True)
class ExperimentStatus:
    """One experiment, what its result depends on, and how the result on disk stands to that."""

    experiment: Experiment
    key: keys.Key
    freshness: status.Freshness


def open_project(root: Path, model: str | None = None, report: Reporter | None = None) -> Project:
    """Load every spec of a book, checked against its model's limits.

    With a `report`, a model of the Hub that was never fetched is fetched first: only then is it known which commit
    its name stands for. Raises SpecError with all problems at once, UsageError for an unknown model or a folder
    without a book, ModelError.
    """
    source = resolve_model(root, model)
    if report is not None and source.kind == "hub" and sources.local_dir(source) is None:
        download.prepare_model(source, report)
    while True:
        specs_digest = _digest_of_specs(root)
        book = experiments.load_book(root, sources.limits(source))
        if _digest_of_specs(root) == specs_digest:  # else one was saved while they were read
            return Project(root, book, source, sources.fingerprint(source), specs_digest)


def resolve_model(root: Path, model: str | None = None) -> sources.ModelSource:
    """The book's model, or the one named instead. Raises UsageError for a folder without a book."""
    if not (root / "experiments" / "book.yaml").is_file():
        raise UsageError(
            f"{root}: no book here, experiments/book.yaml is missing; name its folder with --book"
        )
    return sources.resolve(experiments.read_model_name(root) if model is None else model)


def _digest_of_specs(root: Path) -> str:
    found = hashlib.sha256()
    results = root / RESULTS_FOLDER
    there = (
        path
        for path in (root / "experiments").rglob("*")
        if path.is_file() and results not in path.parents
    )
    for path in sorted(there):
        found.update(f"{path.name} ".encode() + hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def experiment_key(
    experiment: Experiment, fingerprint: sources.Fingerprint, code: str | None = None
) -> keys.Key:
    """What the result of an experiment depends on; `code` is its closure, where that is known already."""
    weights, tokenizer = _models(experiment, fingerprint)
    code = code or code_digest(
        experiment,
        {module: keys.analysis_code_digest(module) for module in code_modules(experiment)},
    )
    return keys.make_key("", experiment.spec(), weights, tokenizer, code)


def _models(experiment: Experiment, own: sources.Fingerprint) -> tuple[str, str]:
    """The digests of weights and tokenizer; of a sweep over models, those of all. Raises ModelError."""
    names = (
        experiment.sweep.models
        if experiment.sweep is not None
        else (experiment.model,)
        if experiment.model
        else ()
    )
    found = [sources.fingerprint(sources.resolve(name)) for name in names] or [own]
    if len(found) == 1:
        return found[0].weights, found[0].tokenizer
    return keys.json_digest([one.weights for one in found]), keys.json_digest(
        [one.tokenizer for one in found]
    )


def sweep_cells(experiment: Experiment) -> Iterator[tuple[GridCell, Experiment]]:
    """The cells of a sweep, each as an experiment of its own; TypeError for an experiment that is none."""
    if experiment.sweep is None:
        raise TypeError(f"{experiment.id} is no sweep")
    for cell in experiment.sweep.cells():
        yield cell, cell_experiment(experiment, cell)


def cell_experiment(experiment: Experiment, cell: GridCell) -> Experiment:
    """A cell of a sweep as an experiment; its id ends in a digest of its spec."""
    one = replace(
        experiment, analysis=cell.analysis, sweep=None, claims=(), captions={}, model=cell.model
    )
    told = one.spec() | ({"model": cell.model} if cell.model else {})
    return replace(one, id=f"{experiment.id}.{keys.json_digest(told)[:12]}")


def code_modules(experiment: Experiment) -> tuple[str, ...]:
    """What measures an experiment: of a sweep, its cells' analysis and what sums them up."""
    table = () if experiment.sweep is None else (Sweep.__module__,)
    return (type(experiment.analysis).__module__, *table)


def code_digest(experiment: Experiment, closures: Mapping[str, str]) -> str:
    """The digest of the code that measures an experiment, from the closures of its modules."""
    found = [closures[module] for module in code_modules(experiment)]
    return found[0] if len(found) == 1 else keys.json_digest(found)


def cells_with_figures(experiment: Experiment) -> tuple[Experiment, ...]:
    """The cells of a sweep whose own figures its views show, so that the table alone does not do."""
    sweep = experiment.sweep
    if sweep is None:
        return ()
    over = [view.over for view in sweep.views if view.figure]
    return tuple(
        cell_experiment(experiment, cell) for name in over for cell in sweep.cells_along(name)
    )


def check_status(project: Project) -> tuple[ExperimentStatus, ...]:
    """For each experiment, whether its result on disk is what the sources would give."""
    shown = {e: cells_with_figures(e) for e in project.experiments()}
    found = project.keys([*shown, *(cell for cells in shown.values() for cell in cells)])
    states = {
        e: status.check_freshness(project.result_path(e), key, project.cache)
        for e, key in found.items()
    }
    return tuple(
        ExperimentStatus(e, found[e], _with_cells(states[e], cells, states))
        for e, cells in shown.items()
    )


def _with_cells(
    own: status.Freshness,
    cells: Sequence[Experiment],
    states: Mapping[Experiment, status.Freshness],
) -> status.Freshness:
    """How a sweep stands that shows these cells: where one of them is of no use, neither is it."""
    bad = next((cell for cell in cells if own.usable and not states[cell].usable), None)
    return (
        own
        if bad is None
        else status.Freshness("unreadable", reason=f"its cell {bad.id} is {states[bad]}")
    )


def select(
    work: Sequence[ExperimentStatus], only: Sequence[str], force: bool
) -> tuple[ExperimentStatus, ...]:
    """The experiments to run: those not computed here as they now stand, narrowed by `only`, all with `force`.

    Raises UsageError for a name in `only` that matches nothing.
    """
    known = {name for w in work for name in _names(w.experiment)}
    for name in only:
        if name not in known:
            raise UsageError(
                f"--only {name}: no chapter or experiment of that name{did_you_mean(name, known)}"
            )
    named = [w for w in work if not only or any(name in _names(w.experiment) for name in only)]
    return tuple(w for w in named if force or w.freshness.state != "fresh")


def _names(experiment: Experiment) -> tuple[str, str, str]:
    return experiment.chapter, experiment.id, f"{experiment.chapter}/{experiment.id}"
