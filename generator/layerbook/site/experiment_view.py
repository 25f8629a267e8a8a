"""Experiments of a book with their results, as its pages need them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from layerbook import analyses
from layerbook.book import sweep_views
from layerbook.book.contents import Experiment, full_address
from layerbook.book.figure_names import can_begin_figure, name_patterns, readable_names
from layerbook.book.sweep import GridCell, Sweep
from layerbook.core.analysis import Result
from layerbook.core.code_messages import translated_figures
from layerbook.core.errors import (
    LayerbookError,
    Problem,
    RunError,
    StoreError,
    UsageError,
    describe_exception,
    did_you_mean,
    format_trace,
)
from layerbook.core.figures import Figure
from layerbook.core.language import gettext, mark
from layerbook.site.blocks import Fact, FailedView
from layerbook.site.prose.highlight import code_html
from layerbook.site.provenance import experiment_facts
from layerbook.store import results
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.project import Project, cell_experiment

_INDEX_IN_NAME = re.compile(r"([a-z]+)-(\d+)")
_REASONS: Mapping[results.Reason, str] = {
    "missing": mark("no result"),
    "truncated": mark("its result is cut short"),
    "conflict": mark("its result has the marks of a merge conflict"),
    "edited": mark("its result was edited or damaged"),
    "foreign": mark("its file is not a result"),
    "schema": mark("its result is from another version of the analysis"),
    "arrays": mark("the arrays of its result are missing or damaged"),
}
"""Why an experiment has no usable result, for the readers of a page."""


@dataclass(frozen=True)
class ExperimentView:
    """An experiment with its stored result or, in `unavailable_reason`, why it has none.

    inapplicable: it has none because the model cannot run it.

    result_path: returns the path of an experiment's result, also of a sweep's cell.
    provenance: facts about the origin of its figures.
    """

    experiment: Experiment
    result_path: Callable[[Experiment], Path]
    envelope: results.StoredResult[Any] | None = None
    unavailable_reason: str = ""
    provenance: tuple[Fact, ...] = ()
    inapplicable: bool = False

    @property
    def address(self) -> str:
        """Return `chapter/id`."""
        return self.experiment.address

    @property
    def result(self) -> Result:
        """Return the result. Raises UsageError if there is none."""
        if self.envelope is None:
            raise UsageError(f"{self.address}: {self.unavailable_reason}")
        result: Result = self.envelope.result
        return result

    def failed_view(self, figure: str) -> FailedView:
        """Return the placeholder of a figure that cannot be shown."""
        id = f"{self.experiment.id}-{figure}-missing"
        if self.inapplicable:
            message = gettext(
                "There is nothing to measure here: {reason}.", reason=self.unavailable_reason
            )
            return FailedView(id, message, expected=True)
        return FailedView(id, f"{self.address}: {self.unavailable_reason}")

    def resolve(self, name: str) -> str:
        """Return the address of `id` in the experiment's chapter, or of `chapter/id`."""
        return full_address(name, self.experiment.chapter)

    @cached_property
    def spec_html(self) -> str:
        """The highlighted YAML of its spec."""
        return code_html(self.experiment.to_yaml(), "yaml")

    @cached_property
    def figures(self) -> Mapping[str, Figure]:
        """The figures of the result by name, none without a result."""
        if self.envelope is None:
            return {}
        try:
            if sweep := self.experiment.sweep:
                return {**sweep.figures(self.envelope.result), **self._cell_sequences(sweep)}
            return translated_figures(self.experiment.analysis, self.envelope.result)
        except LayerbookError:
            raise
        except Exception as error:  # an analysis may be the author's own and raise anything
            raise RunError(self._describe_failure(error), format_trace(error)) from error

    def _describe_failure(self, error: Exception) -> str:
        """Describe an error in `figures`: a bug in the author's analysis, or a damaged result."""
        experiment, analysis = self.experiment, type(self.experiment.analysis)
        reason = describe_exception(error, inspect.getfile(analysis))
        if analysis.__module__.startswith(f"{analyses.__name__}."):
            return (
                f"{self.result_path(experiment)}: its numbers contradict each other, so it was "
                f"edited or damaged; {results.REPAIR_HINT} ({reason})"
            )
        return f"{experiment.file}:{experiment.line}: {experiment.id}: figures: {reason}"

    def _cell_sequences(self, sweep: Sweep) -> dict[str, Figure]:
        """Return the views of a sweep that step through a figure of its cells."""
        return {
            name: sweep_views.view_frames(
                name,
                view,
                [
                    (cell.coordinates[view.over], self._cell_figure(cell, view.figure))
                    for cell in sweep.cells_along(view.over)
                ],
            )
            for name, view in sweep.views.items()
            if view.figure
        }

    def _cell_figure(self, cell: GridCell, name: str) -> Figure:
        experiment = cell_experiment(self.experiment, cell)
        stored = results.load(self.result_path(experiment), experiment.result_type)
        figures = translated_figures(cell.analysis, stored.result)
        if name not in figures:
            raise unknown_name("figure", name, figures, owner=f"a cell of {self.address!r}")
        return figures[name]


def unknown_name(kind: str, name: str, known: Iterable[str], *, owner: str = "") -> UsageError:
    """Return the error for an unknown name, with the nearest one and all that exist.

    owner: what lacks it, if it is not the book.
    """
    names = list(known)
    list_of_names = f"available: {', '.join(names)}" if names else "none exist"
    hint = did_you_mean(name, names)
    subject = f"{owner} has no {kind}" if owner else f"no {kind} named"
    return UsageError(f"{subject} {name!r}{hint}; {list_of_names}")


def check_claim_index(experiment: Experiment, index: int) -> None:
    """Raise UsageError if the experiment has no claim of this number."""
    count = len(experiment.claims)
    if not 0 <= index < count:
        raise UsageError(f"{experiment.address} has {count} claims, so there is no claim {index}")


def unknown_figure_problems(experiment: Experiment, figures: Iterable[str] = ()) -> list[Problem]:
    """Report captions, badges and originals of figures that are not among a result's `figures`.

    Without `figures`, report names that no result can have.
    """
    names = list(figures)
    original = () if isinstance(experiment.original, bool) else experiment.original
    lines = {("captions", name): caption.line for name, caption in experiment.captions.items()}
    lines |= {("badges", name): experiment.line for name in experiment.badges}
    lines |= {("original", name): experiment.line for name in original}
    beginnings = [name.partition("-")[0] for name in names or name_patterns(experiment)]
    known = names or readable_names(name_patterns(experiment))
    problems = []
    for (key, name), line in lines.items():
        if names:
            exists = any(f"{figure}-".startswith(f"{name}-") for figure in names)
        else:
            exists = can_begin_figure(experiment, name)
        if not exists:
            hint = did_you_mean(name, dict.fromkeys((*names, *beginnings)))
            available = f"; available: {', '.join(known)}" if known else ""
            message = f"{experiment.id}: {key}: there is no figure {name!r}{hint}{available}"
            problems.append(Problem(experiment.file, line, 1, message))
    return problems


def missing_caption_problem(experiment: Experiment, figure: str) -> Problem:
    """Return the problem of a figure that is shown and has no caption."""
    message = f"the figure {figure!r} of {experiment.id!r} is shown without a caption"
    return Problem(experiment.file, experiment.line, 1, f"{message}; add one under captions:")


ExperimentViews = Mapping[str, ExperimentView]
"""The experiments of a book by address."""


def name_on_page(address: str, chapter: str, addresses: Iterable[str]) -> str:
    """Return an experiment's name in the ids of a page: `id` in its own chapter, else `chapter-id`.

    It is `chapter.id` if `chapter-id` could also be another experiment.

    addresses: of all experiments of the book.
    """

    def short_name(other: str) -> str:
        return other.removeprefix(f"{chapter}/").replace("/", "-")

    name = short_name(address)
    if not address.startswith(f"{chapter}/"):
        for other in addresses:
            if other != address and short_name(other) == name:
                return address.replace("/", ".")
    return name


def data_path(address: str, figure: str, addresses: Iterable[str]) -> str:
    """Return the path, without suffix, of a figure's data files: `data/CHAPTER/ID-FIGURE`.

    It is `ID.FIGURE` where `ID-FIGURE` could be another experiment, or a figure of one.
    """
    path = f"{address}-{figure}"
    longer = (other for other in addresses if len(other) > len(address))
    separator = "." if any(f"{path}-".startswith(f"{other}-") for other in longer) else "-"
    return f"data/{address}{separator}{figure}"


class StoredViews(Mapping[str, ExperimentView]):
    """The experiments of a book by address; a result is read when it is first needed.

    Stale and damaged results are left out.
    """

    def __init__(self, project: Project, statuses: Sequence[ExperimentStatus]) -> None:
        self._project = project
        self._statuses = {status.experiment.address: status for status in statuses}
        self._loaded: dict[str, ExperimentView] = {}

    def __getitem__(self, address: str) -> ExperimentView:
        if address not in self._loaded:
            self._loaded[address] = _load_current_view(self._project, self._statuses[address])
        return self._loaded[address]

    def __contains__(self, address: object) -> bool:
        return address in self._statuses

    def __iter__(self) -> Iterator[str]:
        return iter(self._statuses)

    def __len__(self) -> int:
        return len(self._statuses)


def load_view(experiment: Experiment, result_path: Callable[[Experiment], Path]) -> ExperimentView:
    """Load an experiment with its result, or with the reason why it has none.

    The reason is in the current language.
    """
    view = ExperimentView(experiment, result_path)
    try:
        envelope = results.load(result_path(experiment), experiment.result_type)
    except StoreError as error:
        return replace(view, unavailable_reason=describe_unusable(error))
    return replace(view, envelope=envelope)


def describe_unusable(error: StoreError) -> str:
    """Return why a result cannot be used, in the current language and without its path."""
    if isinstance(error, results.ResultFileError):
        return gettext(_REASONS[error.reason])
    return gettext("its result cannot be read")


def _load_current_view(project: Project, status: ExperimentStatus) -> ExperimentView:
    """Load an experiment of the book with its result, if that is up to date."""
    experiment, freshness = status.experiment, status.freshness
    view = ExperimentView(experiment, project.result_path)
    if freshness.state == "inapplicable":
        return replace(view, unavailable_reason=experiment.inapplicable, inapplicable=True)
    reason = f"its result is {freshness}"
    if freshness.usable:
        view = load_view(experiment, project.result_path)
        if view.envelope:
            return replace(view, provenance=experiment_facts(project, experiment, view.envelope))
        reason = view.unavailable_reason
    return replace(view, unavailable_reason=f"{reason}: `layerbook run` updates it")


def names_for_text(view: ExperimentView, result_of: Callable[[str], Result]) -> dict[str, Any]:
    """Return the names that captions and claims of an experiment can use.

    result_of: returns the result of an address.
    """

    def result(name: str) -> Result:
        return result_of(view.resolve(name))

    return {"result": view.envelope.result if view.envelope else None, "r": result}


def figure_indices(figure_name: str) -> dict[str, int]:
    """Return the numbers in a figure's name: `layer-3-head-1` has layer 3 and head 1."""
    return {word: int(number) for word, number in _INDEX_IN_NAME.findall(figure_name)}
