"""Figures, claims, listings and downloads that the prose of a chapter asks for."""

from __future__ import annotations

import inspect
import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from layerbook.book.claims.check import CheckError, Reference
from layerbook.book.contents import Chapter, Experiment, full_address
from layerbook.book.sweep import SweepResult
from layerbook.core import figures
from layerbook.core.analysis import Result
from layerbook.core.errors import SpecError, UsageError
from layerbook.core.language import gettext
from layerbook.core.paths import read_file
from layerbook.core.text import join_sums
from layerbook.site import blocks
from layerbook.site.claims import ModelClaim
from layerbook.site.experiment_view import (
    ExperimentView,
    ExperimentViews,
    check_claim_index,
    data_path,
    figure_indices,
    missing_caption_problem,
    name_on_page,
    names_for_text,
    unknown_name,
)
from layerbook.site.figure_parts import FigureParts
from layerbook.site.measure_source import measure_html
from layerbook.site.prose.captions import render_caption
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.code_cells import CodeCell, read_cell
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.highlight import code_html
from layerbook.site.prose.ids import PageIds
from layerbook.site.tokens_html import table_csv
from layerbook.store import results

CSS_KINDS: dict[type, str] = {
    figures.Bars: "bars",
    figures.Clock: "clock",
    figures.Diagram: "diagram",
    figures.Frames: "frames",
    figures.Heatmap: "heatmap",
    figures.Lines: "lines",
    figures.MatplotlibFigure: "own",
    figures.MatrixChain: "shapes",
    figures.Panels: "panels",
    figures.Passage: "passage",
    figures.Scatter: "scatter",
    figures.Table: "table",
    figures.TokenStrip: "token-strip",
}
"""The names of figures in the style sheet."""


@dataclass(kw_only=True, eq=False)
class ChapterViews:
    """Provides the figures, claims, listings and downloads of one chapter as views.

    views: the experiments of the book. cell_folder: the folder of the chapter's code cells.
    figure_parts, math, ids: of the chapter's page.
    unavailable: the experiments it needs that have no result, by address.
    cells: the code cells that it shows, by name.
    """

    chapter: Chapter
    views: ExperimentViews
    cell_folder: Path
    figure_parts: FigureParts
    math: MathRenderer
    ids: PageIds
    unavailable: dict[str, ExperimentView] = field(default_factory=dict, init=False)
    cells: dict[str, CodeCell] = field(default_factory=dict, init=False)
    _sources: set[str] = field(default_factory=set, init=False)
    _figure_count: int = field(default=0, init=False)

    @property
    def files(self) -> dict[str, bytes]:
        """The data files that the page links to, by path in the site."""
        return self.figure_parts.files

    def next_number(self) -> str:
        """Return the number of the next figure, which may be a picture of the book's own."""
        self._figure_count += 1
        part = f"{self.chapter.number}." if self.chapter.number else ""
        return f"{part}{self._figure_count}"

    def result(self, name: str) -> Result:
        """Return the result of `id` in this chapter, or of `chapter/id`.

        Raises UsageError if there is none.
        """
        return self._find_and_note(name).result

    def applies(self, name: str) -> bool:
        """Return whether the model can run an experiment."""
        return not self._find(name).inapplicable

    def figure(
        self, name: str, figure_name: str | None = None
    ) -> blocks.FigureView | blocks.FailedView:
        """Return a figure, or a placeholder if its experiment has no result."""
        view = self._find_and_note(name)
        if view.envelope is None:
            failed = view.failed_view(figure_name or "figure")
            return replace(
                failed, id=self.ids.of((view.address, f"{figure_name}-missing"), failed.id)
            )
        return self._figure_view(view, _find_figure(view, figure_name))

    def figure_name(self, name: str, figure_name: str | None = None) -> str:
        """Return the full name of a figure, whether or not a page shows it."""
        view = self._find(name)
        if view.envelope is not None:
            figure_name = _find_figure(view, figure_name)
        return f"{view.address} {figure_name}"

    def figure_data(self, name: str, figure_name: str) -> figures.Figure | None:
        """Return a figure as data, None if its experiment has no result."""
        view = self._find_and_note(name)
        return view.figures[_find_figure(view, figure_name)] if view.envelope else None

    def _figure_view(self, view: ExperimentView, name: str) -> blocks.FigureView:
        experiment, figure = view.experiment, view.figures[name]
        own_name = name_on_page(view.address, self.chapter.name, self.views)
        id = self.ids.of((view.address, name), f"{own_name}-{name}")
        path = data_path(view.address, name, self.views)
        self.figure_parts.add_table(figure, f"{path}.csv")
        sequence = figure if isinstance(figure, figures.Frames) else None
        data = getattr(figure, "interactive", None)
        return blocks.FigureView(
            id=id,
            number=self.next_number(),
            html="" if sequence else self.figure_parts.html(figure, id, f"{path}.js"),
            caption_html=self._caption_html(view, name),
            alt=figure.alt,
            table=figure.table(),
            evidence=experiment.badge(name),
            kind=CSS_KINDS[type(figure)],
            original=experiment.is_original(name),
            data_href=self._add_result_files(view)[0].href,
            csv_href=f"{path}.csv",
            script=self.figure_parts.script(figure, f"{path}.js"),
            scores=data if isinstance(data, figures.SamplingData) else None,
            widget=data if isinstance(data, figures.Widget) and not data.large else None,
            source=self._source_view(experiment),
            spec_html=view.spec_html,
            provenance=view.provenance,
            frames=self.figure_parts.frames(sequence, id) if sequence else None,
            title=join_sums(figure.title or experiment.title),
            step=sequence.step if sequence else "frame",
        )

    def _caption_html(self, view: ExperimentView, name: str) -> str:
        experiment = view.experiment
        caption = experiment.caption(name)
        if caption is None:
            raise SpecError([missing_caption_problem(experiment, name)])
        names = names_for_text(view, self.result) | {"at": figure_indices(name)}
        text = TextPiece(experiment.file, caption.line, caption.text)
        return render_caption(text, names, self.math).html

    def claim(self, name: str, index: int = 0) -> blocks.ClaimView:
        """Return a claim of an experiment with its verdict."""
        view = self._find(name)
        check_claim_index(view.experiment, index)
        claim = ModelClaim(self.views, view.address, index)
        for address in claim.needed_addresses:
            if not self._find_and_note(address).inapplicable:
                self.result(address)
        claim_view = claim.for_page(self.chapter.name, self.math)
        return replace(claim_view, id=self.ids.of((view.address, index), claim_view.id))

    def source(self, name: str) -> blocks.SourceView:
        """Return the code that measured an experiment."""
        return self._source_view(self._find(name).experiment)

    def _source_view(self, experiment: Experiment) -> blocks.SourceView:
        """Return the code of an analysis; a page contains it only once."""
        analysis_type, name = type(experiment.analysis), experiment.analysis_name
        about = gettext((inspect.getdoc(analysis_type) or "").splitlines()[0])
        id = self.ids.of(("source", name), f"{name}-code")
        html = "" if name in self._sources else measure_html(analysis_type)
        self._sources.add(name)
        return blocks.SourceView(name, id, html, about)

    def code_cell(self, name: str) -> blocks.CodeCellView | blocks.FailedView:
        """Return a code cell with its output, computed from the results.

        A placeholder if the model cannot run an experiment that the output depends on.
        """
        cell = read_cell(self.cell_folder, name)
        for reference in cell.references:
            with _located_in(cell, reference):
                view = self._find(reference.name)
            if view.inapplicable:
                return view.failed_view(f"code-{name}")
        self.cells[name] = cell
        for reference in cell.references:
            with _located_in(cell, reference):
                self.result(reference.name)
        output = cell.output(self.result) if cell.equals else None
        html = code_html(cell.code, "python")
        return blocks.CodeCellView(name, html, output, f"{self.chapter.name}.ipynb")

    def downloads(self, name: str) -> tuple[blocks.Download, ...]:
        """Return the files of an experiment's result."""
        self.result(name)
        return self._add_result_files(self._find(name))

    def _add_result_files(self, view: ExperimentView) -> tuple[blocks.Download, ...]:
        """Add the files of a result; the stored result comes first."""
        downloads = []
        for name, data in _result_files(view).items():
            href = f"data/{view.experiment.chapter}/{name}"
            self.files[href] = data
            downloads.append(blocks.Download(name, href, len(data)))
        return tuple(downloads)

    def _find_and_note(self, name: str) -> ExperimentView:
        """Return an experiment; note if it has no result."""
        view = self._find(name)
        if view.envelope is None:
            self.unavailable[view.address] = view
        return view

    def _find(self, name: str) -> ExperimentView:
        address = full_address(name, self.chapter.name)
        if address in self.views:
            return self.views[address]
        own_ids = [
            view.experiment.id
            for view in self.views.values()
            if view.experiment.chapter == self.chapter.name
        ]
        raise unknown_name("experiment", name, self.views if "/" in name else own_ids)


def _find_figure(view: ExperimentView, name: str | None) -> str:
    """Return the name of a figure, by default of the only figure. Raises UsageError."""
    if name is None and len(view.figures) == 1:
        (name,) = view.figures
    if name is None or name not in view.figures:
        raise unknown_name("figure", str(name), view.figures, owner=repr(view.address))
    return name


@contextmanager
def _located_in(cell: CodeCell, reference: Reference) -> Iterator[None]:
    """Turn a UsageError about an experiment into a SpecError where a cell names it."""
    try:
        yield
    except UsageError as error:
        raise SpecError([cell.problem(CheckError(str(error), reference.column))]) from error


def _result_files(view: ExperimentView) -> dict[str, bytes]:
    """Return the stored result, then its arrays, then the table of a sweep, by name."""
    path = view.result_path(view.experiment)
    names = (path.name, *sorted(results.array_files(path)))
    files = {name: read_file(path.with_name(name)) for name in names}
    if isinstance(view.result, SweepResult):
        files |= _sweep_files(view.experiment.id, view.result.columns)
    return files


def _sweep_files(id: str, columns: Mapping[str, Sequence[Any]]) -> dict[str, bytes]:
    """Return a sweep's table as `ID.csv` and `ID.parquet`, a row for each cell."""
    import pyarrow
    from pyarrow import parquet

    rows = tuple(zip(*columns.values(), strict=True))
    table = pyarrow.table({name: list(column) for name, column in columns.items()})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return {
        f"{id}.csv": table_csv(figures.Table(tuple(columns), rows)).encode(),
        f"{id}.parquet": buffer.getvalue(),
    }
