"""Figures, claims, listings and downloads that the prose of a chapter asks for."""

from __future__ import annotations

import inspect
import io
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from layerbook.book.claims.check import CheckError
from layerbook.book.contents import Experiment, full_address
from layerbook.book.sweep import SweepResult
from layerbook.core import figures
from layerbook.core.analysis import Result
from layerbook.core.errors import SpecError, UsageError
from layerbook.core.language import gettext
from layerbook.core.paths import read_file
from layerbook.core.tidy_table import tidy_table
from layerbook.plotting.colours import sequential
from layerbook.plotting.parts import Part, find_part
from layerbook.site import pages
from layerbook.site.claims import claim_id, claim_view, needed_addresses
from layerbook.site.experiment_view import (
    ExperimentView,
    ExperimentViews,
    data_path,
    figure_indices,
    missing_caption_problem,
    name_on_page,
    names_for_text,
)
from layerbook.site.figure_cache import CSS_KINDS, FigureRenderer
from layerbook.site.figure_links import ShownFigure
from layerbook.site.interactive import assign_data, attention, sampling, tokenizer
from layerbook.site.measure_source import measure_html
from layerbook.site.prose.code_cells import CodeCell, read_cell
from layerbook.site.prose.filters import bytes_
from layerbook.site.prose.functions.context import unknown_name
from layerbook.site.prose.highlight import code_html
from layerbook.site.prose.ids import PICTURE_SUFFIX, PageIds
from layerbook.site.prose.math import MathRenderer
from layerbook.site.prose.render import render_caption
from layerbook.site.tokens_html import table_csv
from layerbook.store import results


class ChapterViews:
    """Makes the views of one chapter.

    diagram_links: the pages to which the boxes of the model's diagram lead, by part.
    files: the data files that its page links to, by path in the site.
    unavailable: the experiments it needs that have no result, by address.
    cells: the code cells that it shows, by name.
    """

    def __init__(
        self,
        chapter: str,
        number: str,
        views: ExperimentViews,
        *,
        figure_renderer: FigureRenderer,
        math: MathRenderer,
        ids: PageIds,
        cell_folder: Path,
        diagram_links: Mapping[str, str] | None = None,
    ) -> None:
        self._chapter, self._views = chapter, views
        self._figure_renderer, self._math = figure_renderer, math
        self._page_ids, self._cell_folder = ids, cell_folder
        self._diagram_links = diagram_links or {}
        self._ids: dict[tuple[str, str | int], str] = {}
        self._source_ids: dict[str, str] = {}
        self._figure_numbers = (
            f"{number}.{count}" if number else str(count) for count in itertools.count(1)
        )
        self.shown: list[ShownFigure] = []
        self.files: dict[str, bytes] = {}
        self.unavailable: dict[str, ExperimentView] = {}
        self.cells: dict[str, CodeCell] = {}

    def next_number(self) -> str:
        """Return the number of the next figure, which may be a picture of the book's own."""
        return next(self._figure_numbers)

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
    ) -> pages.FigureView | pages.FailedView:
        """Return a figure, or a placeholder if its experiment has no result."""
        view = self._find_and_note(name)
        if view.envelope is None:
            failed = view.failed_view(figure_name or "figure")
            return replace(failed, id=self._id(view, f"{figure_name}-missing", failed.id))
        figure_name = _find_figure(view, figure_name)
        shown = self._figure_view(view, figure_name, view.figures[figure_name])
        self.shown.append(ShownFigure(f"{view.address} {figure_name}", shown.id, shown.number))
        return shown

    def figure_name(self, name: str, figure_name: str | None = None) -> str:
        """Return the full name of a figure, whether or not a page shows it."""
        view = self._find(name)
        if view.envelope is not None:
            figure_name = _find_figure(view, figure_name)
        return f"{view.address} {figure_name}"

    def figure_part(
        self,
        name: str,
        figure_name: str,
        part: figures.Label | None,
        column: figures.Label | None,
        panel: str,
    ) -> Part | None:
        """Return a part of a figure; None if the experiment has no result to look it up in."""
        view = self._find_and_note(name)
        if view.envelope is None:
            return None
        figure = view.figures[_find_figure(view, figure_name)]
        return find_part(figure, part, column, panel)

    def _figure_view(
        self, view: ExperimentView, name: str, figure: figures.Figure
    ) -> pages.FigureView:
        experiment, table = view.experiment, figure.table()
        own_name = name_on_page(view.address, self._chapter, self._views)
        id = self._id(view, name, f"{own_name}-{name}")
        path = data_path(view.address, name, self._views)
        self.files[f"{path}.csv"] = table_csv(tidy_table(figure)).encode()
        sequence = figure if isinstance(figure, figures.Frames) else None
        data = getattr(figure, "interactive", None)
        return pages.FigureView(
            id=id,
            number=self.next_number(),
            html="" if sequence else self._figure_html(figure, id, f"{path}.js"),
            caption_html=self._caption_html(view, name),
            alt=figure.alt,
            table=table,
            evidence=experiment.badge(name),
            kind=CSS_KINDS[type(figure)],
            original=experiment.is_original(name),
            data_href=self._result_files(view)[0].href,
            csv_href=f"{path}.csv",
            script=self._script(figure, f"{path}.js"),
            scores=data if isinstance(data, figures.SamplingData) else None,
            widget=data if isinstance(data, figures.Widget) and not data.large else None,
            source=self._source_view(experiment),
            spec_html=view.spec_html,
            provenance=view.provenance,
            frames=self._frames(sequence, f"{id}{PICTURE_SUFFIX}") if sequence else None,
            title=figure.title or experiment.title,
            step=sequence.step if sequence else "frame",
        )

    def _frames(self, figure: figures.Frames, id: str) -> tuple[pages.FrameView, ...]:
        pictures = self._figure_renderer.frames(figure, id)
        return tuple(
            pages.FrameView(
                figures.label_text(frame.label),
                html,
                frame.picture.alt,
                frame.note,
                frame.token,
                frame.stop,
            )
            for frame, html in zip(figure.frames, pictures, strict=True)
        )

    def _figure_html(self, figure: figures.Figure, id: str, script_href: str) -> str:
        if isinstance(figure, figures.TokenStrip) and figure.tokenizer_json:
            scripts = tokenizer.script_files(figure, script_href)
            self.files |= scripts
            return tokenizer.live_html(figure, scripts)
        if isinstance(figure, figures.Diagram):
            links = self._diagram_links
            picture = f"{id}{PICTURE_SUFFIX}"
            return self._figure_renderer.diagram(figure, picture, compact=False, links=links)
        return self._figure_renderer.html(figure, f"{id}{PICTURE_SUFFIX}")

    def _script(self, figure: figures.Figure, href: str) -> pages.FigureScript | None:
        """Add the script with the data that a reader can open from the figure, if any."""
        data = getattr(figure, "interactive", None)
        if isinstance(data, figures.Widget) and data.large:
            self.files[href] = assign_data(href, data.data)
            return pages.FigureScript(href, data.kind, bytes_(len(self.files[href])))
        if isinstance(data, figures.AttentionData):
            self.files[href] = attention.data_script(href, data, sequential())
            description = attention.description(data, len(self.files[href]))
            return pages.FigureScript(href, "patterns", description)
        if isinstance(data, figures.SamplingData):
            self.files[href] = sampling.data_script(href, data)
            return pages.FigureScript(href, "scores", sampling.description(len(self.files[href])))
        return None

    def _caption_html(self, view: ExperimentView, name: str) -> str:
        experiment = view.experiment
        caption = experiment.caption(name)
        if caption is None:
            raise SpecError([missing_caption_problem(experiment, name)])
        names = names_for_text(view, self.result) | {"at": figure_indices(name)}
        inline = render_caption(caption.text, experiment.file, caption.line, names, self._math)
        return inline.html

    def claim(self, name: str, index: int = 0) -> pages.ClaimView:
        """Return a claim of an experiment with its verdict."""
        view = self._find(name)
        count = len(view.experiment.claims)
        if not 0 <= index < count:
            message = f"{view.address} has {count} claims, so there is no claim {index}"
            raise UsageError(message)
        for address in needed_addresses(view, index):
            if not self._find_and_note(address).inapplicable:
                self.result(address)
        claim = claim_view(view, index, self._views, self._math)
        id = claim_id(view.address, index, self._views, self._chapter)
        return replace(claim, id=self._id(view, index, id))

    def source(self, name: str) -> pages.SourceView:
        """Return the code that measured an experiment."""
        return self._source_view(self._find(name).experiment)

    def _source_view(self, experiment: Experiment) -> pages.SourceView:
        """Return the code of an analysis; a page contains it only once."""
        analysis_type, name = type(experiment.analysis), experiment.analysis_name
        about = gettext((inspect.getdoc(analysis_type) or "").splitlines()[0])
        if name in self._source_ids:
            return pages.SourceView(name, self._source_ids[name], "", about)
        id = self._source_ids[name] = self._page_ids.add(f"{name}-code")
        return pages.SourceView(name, id, measure_html(analysis_type), about)

    def code_cell(self, name: str) -> pages.CodeCellView | pages.FailedView:
        """Return a code cell with its output, computed from the results.

        A placeholder if the model cannot run an experiment that the output depends on.
        """
        cell = read_cell(self._cell_folder, name)
        for reference in cell.equals.references if cell.equals else ():
            try:
                view = self._find(reference.name)
            except UsageError as error:
                problem = cell.problem(CheckError(str(error), reference.column))
                raise SpecError([problem]) from error
            if view.inapplicable:
                return view.failed_view(f"code-{name}")
        self.cells[name] = cell
        output = None
        if cell.equals:
            for reference in cell.equals.references:
                try:
                    self.result(reference.name)
                except UsageError as error:
                    problem = cell.problem(CheckError(str(error), reference.column))
                    raise SpecError([problem]) from error
            output = cell.output(self.result)
        html = code_html(cell.code, "python")
        return pages.CodeCellView(name, html, output, f"{self._chapter}.ipynb")

    def downloads(self, name: str) -> tuple[pages.Download, ...]:
        """Return the files of an experiment's result."""
        self.result(name)
        return self._result_files(self._find(name))

    def _result_files(self, view: ExperimentView) -> tuple[pages.Download, ...]:
        """Add the stored result, then its arrays, then the table of a sweep."""
        path = view.result_path(view.experiment)
        names = (path.name, *sorted(results.array_files(path)))
        files = {name: read_file(path.with_name(name)) for name in names}
        if isinstance(view.result, SweepResult):
            files |= _sweep_files(view.experiment.id, view.result.columns)
        downloads = []
        for name, data in files.items():
            href = f"data/{view.experiment.chapter}/{name}"
            self.files[href] = data
            downloads.append(pages.Download(name, href, len(data)))
        return tuple(downloads)

    def _id(self, view: ExperimentView, name: str | int, id: str) -> str:
        """Return a stable id of a figure or claim on the page."""
        key = (view.address, name)
        if key not in self._ids:
            self._ids[key] = self._page_ids.add(id)
        return self._ids[key]

    def _find_and_note(self, name: str) -> ExperimentView:
        """Return an experiment; note if it has no result."""
        view = self._find(name)
        if view.envelope is None:
            self.unavailable[view.address] = view
        return view

    def _find(self, name: str) -> ExperimentView:
        address = full_address(name, self._chapter)
        if address in self._views:
            return self._views[address]
        own_ids = [
            view.experiment.id
            for view in self._views.values()
            if view.experiment.chapter == self._chapter
        ]
        raise unknown_name("experiment", name, self._views if "/" in name else own_ids)


def _find_figure(view: ExperimentView, name: str | None) -> str:
    """Return the name of a figure, by default that of the only one. Raises UsageError."""
    if name is None and len(view.figures) == 1:
        (name,) = view.figures
    if name is None or name not in view.figures:
        raise unknown_name("figure", str(name), view.figures, owner=repr(view.address))
    return name


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
