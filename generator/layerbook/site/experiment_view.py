"""An experiment of the book with its result, or with what keeps it from the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from layerbook.core.analysis import Analysis
from layerbook.site.prose.functions import unknown_name
from layerbook.site.prose.highlight import code_html
from layerbook.book.claims.check import Verdict
from layerbook.core.errors import Problem, StoreError, did_you_mean
from layerbook.book.loader import Experiment
from layerbook.core.figures import Diagram, Figure
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.project import Project, cell_experiment
from layerbook.store import results
from layerbook.book.sweep import Sweep
from layerbook.book.sweep_views import view_frames

CellLoader = Callable[[Experiment], Any]


@dataclass(frozen=True)
class ExperimentView:
    """One experiment and its result, or the `unavailable_reason` that keeps it from the page; verdicts once they are known.

    load_cell: reads the result of a cell, where it is a sweep.
    """

    experiment: Experiment
    envelope: results.StoredResult[Any] | None
    unavailable_reason: str = ""
    load_cell: CellLoader | None = None
    verdicts: dict[int, Verdict] = field(default_factory=dict, compare=False, repr=False)

    @property
    def address(self) -> str:
        """`chapter/id`."""
        return f"{self.experiment.chapter}/{self.experiment.id}"

    @cached_property
    def spec_html(self) -> str:
        """Its spec, as YAML that stands alone."""
        return code_html(self.experiment.to_yaml(), "yaml")

    @cached_property
    def figures(self) -> Mapping[str, Figure]:
        """The figures of its result, by name."""
        if self.envelope is None:
            return {}
        figures = self.experiment.figures(self.envelope.result)
        sweep = self.experiment.sweep
        return figures if sweep is None else figures | self._step_views(sweep)

    def _step_views(self, sweep: Sweep) -> dict[str, Figure]:
        """The views that step through a figure of the cells."""
        found: dict[str, Figure] = {}
        for view in (view for view in sweep.views if view.figure):
            pictures = []
            for cell in sweep.cells_along(view.over):
                assert self.load_cell is not None
                figures = cell.analysis.figures(
                    self.load_cell(cell_experiment(self.experiment, cell))
                )
                if view.figure not in figures:
                    raise unknown_name(
                        f"figure of the cells of {self.address!r}", view.figure, figures
                    )
                pictures.append((cell.coordinates[view.over], figures[view.figure]))
            found[view.name] = view_frames(view, pictures)
        return found

    def unknown_figure_problems(self) -> list[Problem]:
        """Captions, badges and originals for figures that there are none of; nothing where there is no result."""
        one, known = self.experiment, tuple(self.figures)
        near = dict.fromkeys([*known, *(figure.partition("-")[0] for figure in known)])
        places = {("captions", name): caption.line for name, caption in one.captions.items()}
        named = () if isinstance(one.original, bool) else one.original
        places |= {("badges", name): one.line for name in one.badges} | {
            ("original", name): one.line for name in named
        }
        return [
            Problem(
                one.file,
                line,
                1,
                f"{one.id}: {kind}: there is no figure {name!r}{did_you_mean(name, near)}",
            )
            for (kind, name), line in places.items()
            if known and not any(f"{figure}-".startswith(f"{name}-") for figure in known)
        ]

    @property
    def analysis_type(self) -> type[Analysis[Any]]:
        """The analysis that measured it; of a sweep, that of its cells."""
        return type(self.experiment.analysis)


def load_experiment_views(
    project: Project, statuses: Sequence[ExperimentStatus]
) -> dict[str, ExperimentView]:
    """Every experiment of the book by its address; what is stale or damaged is not shown, and says why."""

    def load_cell(cell: Experiment) -> Any:
        return results.load(project.result_path(cell), cell.result_type).result

    found = {}
    for one in statuses:
        envelope, unavailable_reason = None, ""
        if one.freshness.usable:
            try:
                envelope = results.load(
                    project.result_path(one.experiment), one.experiment.result_type
                )
            except StoreError as error:
                unavailable_reason = str(error)
        else:
            unavailable_reason = f"its result is {one.freshness}: `layerbook run` makes it anew"
        experiment_view = ExperimentView(one.experiment, envelope, unavailable_reason, load_cell)
        found[experiment_view.address] = experiment_view
    return found


def find_decoder_diagram(experiment_views: Mapping[str, ExperimentView]) -> Diagram | None:
    """The architecture's diagram, where an experiment of the book draws one."""
    figures = (
        figure
        for experiment_view in experiment_views.values()
        for figure in experiment_view.figures.values()
    )
    return next((figure for figure in figures if isinstance(figure, Diagram)), None)
