"""From experiments and their results to what a page shows: figures, claims, listings, downloads."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from layerbook.core.analysis import Result
from layerbook.site.interactive import (
    attention as explore,
    tokenizer as live,
    sampling as playground,
)
from layerbook.site import downloads as tidy
from layerbook.site.prose.functions import unknown_name
from layerbook.site.prose.render import render_caption
from layerbook.site.claim_words import describe_margin
from layerbook.site.measure_source import measure_html
from layerbook.site.prose.markup import Inline
from layerbook.site.prose.math import MathRenderer
from layerbook.site.pages import (
    ClaimView,
    Download,
    Evidence,
    FailedView,
    FigureView,
    FrameView,
    SourceView,
)
from layerbook.site.tokens_html import table_csv
from layerbook.book.claims.check import CheckError, Verdict
from layerbook.site.figure_cache import CSS_KINDS, FigureRenderer
from layerbook.core.errors import Problem, SpecError, UsageError
from layerbook.site.experiment_view import ExperimentView
from layerbook.book.loader import Experiment
from layerbook.core.figures import Figure, Frames, Heatmap, Panels, TokenStrip
from layerbook.plotting.colours import sequential
from layerbook.store import results
from layerbook.book.sweep import SweepResult

_INDEX_IN_NAME = re.compile(r"([a-z]+)-(\d+)")


@dataclass
class ChapterViews:
    """What one chapter asks for, and what it was given.

    experiment_views: of the whole book, by address. files: data files that the chapter's page links to. unavailable: experiments
    that the prose needs and that have no result. refuted: the claims it shows that do not hold.
    """

    chapter: str
    number: int
    experiment_views: Mapping[str, ExperimentView]
    figure_renderer: FigureRenderer
    math: MathRenderer
    provenance: Callable[[ExperimentView], tuple[tuple[str, str], ...]]
    result_path: Callable[[Experiment], Any]
    files: dict[str, bytes] = field(default_factory=dict)
    unavailable: list[ExperimentView] = field(default_factory=list)
    shown_figures: set[tuple[str, str]] = field(default_factory=set)
    _count: int = 0

    def result(self, name: str) -> Result:
        """The result of `id` of this chapter, or of `chapter/id`; UsageError where there is none."""
        experiment_view = self._find_experiment(name)
        if experiment_view.envelope is None:
            self.unavailable.append(experiment_view)
            raise UsageError(f"{experiment_view.address}: {experiment_view.unavailable_reason}")
        result: Result = experiment_view.envelope.result
        return result

    def figure(self, name: str, figure_name: str | None = None) -> FigureView | FailedView:
        """A figure with its caption, table, code and spec; the placeholder of one whose experiment has no result."""
        experiment_view = self._find_experiment(name)
        if experiment_view.envelope is None:
            self.unavailable.append(experiment_view)
            return FailedView(
                f"{experiment_view.experiment.id}-{figure_name or 'figure'}-missing",
                f"{experiment_view.address}: {experiment_view.unavailable_reason}",
            )
        only = next(iter(experiment_view.figures)) if len(experiment_view.figures) == 1 else "None"
        chosen = only if figure_name is None else figure_name
        if chosen not in experiment_view.figures:
            raise unknown_name(
                f"figure of {experiment_view.address!r}", chosen, experiment_view.figures
            )
        self._count += 1
        self.shown_figures.add((experiment_view.address, chosen))
        return self._figure_view(experiment_view, chosen, experiment_view.figures[chosen])

    def _figure_view(
        self, experiment_view: ExperimentView, name: str, figure: Figure
    ) -> FigureView:
        experiment = experiment_view.experiment
        id = (
            f"{experiment.id}-{name}"
            if experiment.chapter == self.chapter
            else f"{experiment.chapter}-{experiment.id}-{name}"
        )
        frames = None
        if isinstance(figure, Frames):
            drawn = zip(
                figure.frames, self.figure_renderer.frames(figure, f"{id}-svg"), strict=True
            )
            frames = tuple(
                FrameView(f.label, html, f.picture.alt, f.note, f.token, f.stop)
                for f, html in drawn
            )
        csv = f"data/{experiment.chapter}/{experiment.id}-{name}.csv"
        self.files[csv] = table_csv(figure.table()).encode()
        return FigureView(
            id=id,
            number=f"{self.number}.{self._count}",
            html="" if frames else self._figure_html(figure, id, csv.removesuffix(".csv")),
            caption_html=self._caption(experiment_view, name).html,
            alt=figure.alt,
            table=figure.table(),
            evidence=evidence(experiment, name),
            kind=CSS_KINDS[type(figure)],
            original=experiment.is_original(name),
            data_href=self._result_files(experiment_view)[0].href,
            csv_href=csv,
            **self._script_fields(csv.removesuffix("csv") + "js", figure),
            scores=figure.interactive if isinstance(figure, Panels) else None,
            source_html=measure_html(experiment_view.analysis_type),
            spec_html=experiment_view.spec_html,
            provenance=self.provenance(experiment_view),
            frames=frames,
            title=figure.title or experiment.title,
            step=figure.step if isinstance(figure, Frames) else "frame",
        )

    def _figure_html(self, figure: Figure, id: str, stem: str) -> str:
        """What stands in the figure; what a live one loads lies beside its data, as `stem` with another ending."""
        if isinstance(figure, TokenStrip) and figure.tokenizer_json:
            self.files |= live.script_files(figure, f"{stem}.js")
            return live.live_html(figure, f"{stem}.js")
        return self.figure_renderer.html(figure, f"{id}-svg")

    def _script_fields(self, href: str, figure: Figure) -> dict[str, str]:
        """The file of what can be opened from a picture, if anything can, and what is told about it."""
        if isinstance(figure, Heatmap) and figure.interactive is not None:
            self.files[href] = explore.data_script(href, figure.interactive, sequential())
            description = explore.description(figure.interactive, len(self.files[href]))
        elif isinstance(figure, Panels) and figure.interactive is not None:
            self.files[href] = playground.data_script(href, figure.interactive)
            description = playground.description(len(self.files[href]))
        else:
            return {}
        return {"script_href": href, "script_description": description}

    def _caption(self, experiment_view: ExperimentView, name: str) -> Inline:
        experiment = experiment_view.experiment
        caption = experiment.caption(name)
        if caption is None:
            what = f"the figure {name!r} of {experiment.id!r} is shown and has no caption; add one under captions:"
            raise SpecError([Problem(experiment.file, experiment.line, 1, what)])
        names = self._namespace(experiment_view) | {"at": figure_indices(name)}
        return render_caption(caption.text, experiment.file, caption.line, names, self.math)

    def _namespace(self, experiment_view: ExperimentView) -> dict[str, Any]:
        def result(name: str) -> Result:
            return self.result(
                name if "/" in name else f"{experiment_view.experiment.chapter}/{name}"
            )

        return {
            "result": experiment_view.envelope.result if experiment_view.envelope else None,
            "r": result,
        }

    def claim(self, name: str, index: int = 0) -> ClaimView:
        """A claim of an experiment, checked on its result."""
        experiment_view = self._find_experiment(name)
        claims = experiment_view.experiment.claims
        if not 0 <= index < len(claims):
            raise UsageError(
                f"{experiment_view.address} has {len(claims)} claims, so there is no claim {index}"
            )
        self.result(experiment_view.address)
        view = claim_view(experiment_view, index, self._namespace(experiment_view), self.math)
        return replace(view, id=claim_id(experiment_view, index, self.chapter))

    def source(self, name: str) -> SourceView:
        """The code that measured an experiment."""
        cls = self._find_experiment(name).analysis_type
        about = (inspect.getdoc(cls) or "").splitlines()[0]
        return SourceView(
            self._find_experiment(name).experiment.analysis_name, measure_html(cls), about
        )

    def downloads(self, name: str) -> tuple[Download, ...]:
        """The files of an experiment's result."""
        experiment_view = self._find_experiment(name)
        self.result(experiment_view.address)
        return self._result_files(experiment_view)

    def _result_files(self, experiment_view: ExperimentView) -> tuple[Download, ...]:
        """The result as committed: the JSON first, then the arrays beside it."""
        path = self.result_path(experiment_view.experiment)
        names = [path.name, *sorted(results.array_files(path))]
        found = []
        for name in names:
            href = f"data/{experiment_view.experiment.chapter}/{name}"
            self.files[href] = path.with_name(name).read_bytes()
            found.append(Download(name, href, len(self.files[href])))
        result = experiment_view.envelope.result if experiment_view.envelope else None
        whole = (
            tidy.sweep_files(experiment_view.experiment.id, result.columns)
            if isinstance(result, SweepResult)
            else {}
        )
        for name, content in whole.items():
            href = f"data/{experiment_view.experiment.chapter}/{name}"
            self.files[href] = content
            found.append(Download(name, href, len(content)))
        return tuple(found)

    def _find_experiment(self, name: str) -> ExperimentView:
        address = name if "/" in name else f"{self.chapter}/{name}"
        if address not in self.experiment_views:
            own = [
                e.experiment.id
                for e in self.experiment_views.values()
                if e.experiment.chapter == self.chapter
            ]
            raise unknown_name(
                "experiment", name, own if "/" not in name else self.experiment_views
            )
        return self.experiment_views[address]


def figure_indices(name: str) -> dict[str, int]:
    """Return the numbers in a figure's name: `prompt-0-layer-3` -> prompt 0, layer 3."""
    return {word: int(number) for word, number in _INDEX_IN_NAME.findall(name)}


def claim_verdict(experiment_view: ExperimentView, index: int, names: Mapping[str, Any]) -> Verdict:
    """Whether a claim holds; SpecError at its place in the spec where that cannot be told."""
    claim = experiment_view.experiment.claims[index]
    if index not in experiment_view.verdicts:
        try:
            experiment_view.verdicts[index] = claim.check.evaluate(names["result"], names["r"])
        except CheckError as error:
            raise SpecError([claim.problem(error)]) from error
    return experiment_view.verdicts[index]


def claim_id(experiment_view: ExperimentView, index: int, chapter: str) -> str:
    """The id of a claim's box on a chapter's page."""
    foreign = (
        ""
        if experiment_view.experiment.chapter == chapter
        else f"{experiment_view.experiment.chapter}-"
    )
    return f"claim-{foreign}{experiment_view.experiment.id}-{index}"


def claim_view(
    experiment_view: ExperimentView, index: int, names: Mapping[str, Any], math: MathRenderer
) -> ClaimView:
    """One claim with its verdict; SpecError at its line where the check cannot be evaluated."""
    experiment = experiment_view.experiment
    claim, verdict = experiment.claims[index], claim_verdict(experiment_view, index, names)
    return ClaimView(
        sentence=render_caption(claim.says, experiment.file, claim.line, names, math),
        holds=verdict.holds,
        check=claim.check.text,
        values=verdict.values,
        margin=describe_margin(verdict),
        close=verdict.margin is not None and verdict.margin.close,
        claims_href=f"claims.html#{claim_id(experiment_view, index, '')}",
    )


def evidence(experiment: Experiment, figure: str = "") -> Evidence:
    """The badge of a figure, or of the experiment; the loader has checked that it is one of the four."""
    return next(name for name in get_args(Evidence) if name == experiment.badge(figure))
