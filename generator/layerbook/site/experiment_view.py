"""An experiment of the book with its result, or with what keeps it from the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from layerbook.core.analysis import Analysis
from layerbook.site.prose.render import unknown
from layerbook.site.prose.highlight import code_html
from layerbook.book.claims.check import Verdict
from layerbook.core.errors import Problem, StoreError, did_you_mean
from layerbook.book.loader import Experiment
from layerbook.core.figures import Diagram, Figure
from layerbook.store.project import Project, Work, cell_of
from layerbook.store import results
from layerbook.book.sweep import Swept
from layerbook.book.sweep_views import stepped

Cells = Callable[[Experiment], Any]


@dataclass(frozen=True)
class Exhibit:
    """One experiment and its result, or the `trouble` that keeps it from the page; verdicts once they are known.

    cells: reads the result of a cell, where it is a sweep.
    """

    experiment: Experiment
    envelope: results.Envelope[Any] | None
    trouble: str = ""
    cells: Cells | None = None
    verdicts: dict[int, Verdict] = field(default_factory=dict, compare=False, repr=False)

    @property
    def address(self) -> str:
        """`chapter/id`."""
        return f"{self.experiment.chapter}/{self.experiment.id}"

    @cached_property
    def spec_html(self) -> str:
        """Its spec, as YAML that stands alone."""
        return code_html(self.experiment.as_yaml(), "yaml")

    @cached_property
    def figures(self) -> Mapping[str, Figure]:
        """The figures of its result, by name."""
        if self.envelope is None:
            return {}
        analysis = self.experiment.analysis
        found = analysis.figures(self.envelope.result)
        return found | self._stepped(analysis) if isinstance(analysis, Swept) else found

    def _stepped(self, sweep: Swept) -> dict[str, Figure]:
        """The views that step through a figure of the cells."""
        found: dict[str, Figure] = {}
        for view in (view for view in sweep.views if view.figure):
            pictures = []
            for cell in sweep.along(view.over):
                assert self.cells is not None
                figures = cell.analysis.figures(self.cells(cell_of(self.experiment, cell)))
                if view.figure not in figures:
                    raise unknown(f"figure of the cells of {self.address!r}", view.figure, figures)
                pictures.append((cell.at[view.over], figures[view.figure]))
            found[view.name] = stepped(view, pictures)
        return found

    def misnamed(self) -> list[Problem]:
        """Captions, badges and originals for figures that there are none of; nothing where there is no result."""
        one, known = self.experiment, tuple(self.figures)
        near = dict.fromkeys([*known, *(figure.partition("-")[0] for figure in known)])
        places = {("captions", name): caption.line for name, caption in one.captions.items()}
        named = () if isinstance(one.original, bool) else one.original
        places |= {("badges", name): one.line for name in one.badges} | {("original", name): one.line for name in named}
        return [
            Problem(one.file, line, 1, f"{one.id}: {kind}: there is no figure {name!r}{did_you_mean(name, near)}")
            for (kind, name), line in places.items()
            if known and not any(f"{figure}-".startswith(f"{name}-") for figure in known)
        ]

    @property
    def kind(self) -> type[Analysis[Any]]:
        """The analysis that measured it; of a sweep, that of its cells."""
        analysis = self.experiment.analysis
        return type(analysis.one if isinstance(analysis, Swept) else analysis)


def load_exhibits(project: Project, work: Sequence[Work]) -> dict[str, Exhibit]:
    """Every experiment of the book by its address; what is stale or damaged is not shown, and says why."""

    def cells(cell: Experiment) -> Any:
        return results.load(project.entry(cell), cell.analysis.result_type).result

    found = {}
    for one in work:
        envelope, trouble = None, ""
        if one.freshness.usable:
            try:
                envelope = results.load(project.entry(one.experiment), one.experiment.analysis.result_type)
            except StoreError as error:
                trouble = str(error)
        else:
            trouble = f"its result is {one.freshness}: `layerbook run` makes it anew"
        exhibit = Exhibit(one.experiment, envelope, trouble, cells)
        found[exhibit.address] = exhibit
    return found


def decoder(exhibits: Mapping[str, Exhibit]) -> Diagram | None:
    """The architecture's diagram, where an experiment of the book draws one."""
    figures = (figure for exhibit in exhibits.values() for figure in exhibit.figures.values())
    return next((figure for figure in figures if isinstance(figure, Diagram)), None)
