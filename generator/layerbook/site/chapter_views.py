"""From experiments and their results to what a page shows: figures, claims, listings, downloads."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from layerbook.core.analysis import Result
from layerbook.site.interactive import attention as explore, tokenizer as live, sampling as playground
from layerbook.site import downloads as tidy
from layerbook.site.prose.render import render_caption, unknown
from layerbook.site.claim_words import margin_words
from layerbook.site.prose.highlight import code_html
from layerbook.site.prose.markup import Inline
from layerbook.site.prose.math import MathRenderer
from layerbook.site.pages import ClaimView, Download, Evidence, FailedView, FigureView, FrameView, SourceView
from layerbook.site.tokens_html import table_csv
from layerbook.book.claims.check import CheckError, Verdict
from layerbook.site.figure_cache import Drawings, kind
from layerbook.core.errors import Problem, SpecError, UsageError
from layerbook.site.experiment_view import Exhibit
from layerbook.book.loader import Experiment
from layerbook.core.figures import Figure, Frames, Heatmap, Panels, TokenStrip
from layerbook.plotting.colours import sequential
from layerbook.store import results
from layerbook.book.sweep import SweepResult

_NUMBERED = re.compile(r"([a-z]+)-(\d+)")


@dataclass
class Gallery:
    """What one chapter asks for, and what it was given.

    exhibits: of the whole book, by address. files: data files that the chapter's page links to. missed: exhibits
    that the prose needs and that have no result. refuted: the claims it shows that do not hold.
    """

    chapter: str
    number: int
    exhibits: Mapping[str, Exhibit]
    drawings: Drawings
    math: MathRenderer
    provenance: Callable[[Exhibit], tuple[tuple[str, str], ...]]
    entry: Callable[[Experiment], Any]
    files: dict[str, bytes] = field(default_factory=dict)
    missed: list[Exhibit] = field(default_factory=list)
    shown: set[tuple[str, str]] = field(default_factory=set)
    _count: int = 0

    def result(self, name: str) -> Result:
        """The result of `id` of this chapter, or of `chapter/id`; UsageError where there is none."""
        exhibit = self._exhibit(name)
        if exhibit.envelope is None:
            self.missed.append(exhibit)
            raise UsageError(f"{exhibit.address}: {exhibit.trouble}")
        result: Result = exhibit.envelope.result
        return result

    def figure(self, name: str, figure_name: str | None = None) -> FigureView | FailedView:
        """A figure with its caption, table, code and spec; the placeholder of one whose experiment has no result."""
        exhibit = self._exhibit(name)
        if exhibit.envelope is None:
            self.missed.append(exhibit)
            return FailedView(
                f"{exhibit.experiment.id}-{figure_name or 'figure'}-missing", f"{exhibit.address}: {exhibit.trouble}"
            )
        only = next(iter(exhibit.figures)) if len(exhibit.figures) == 1 else "None"
        chosen = only if figure_name is None else figure_name
        if chosen not in exhibit.figures:
            raise unknown(f"figure of {exhibit.address!r}", chosen, exhibit.figures)
        self._count += 1
        self.shown.add((exhibit.address, chosen))
        return self._view(exhibit, chosen, exhibit.figures[chosen])

    def _view(self, exhibit: Exhibit, name: str, figure: Figure) -> FigureView:
        experiment = exhibit.experiment
        id = (
            f"{experiment.id}-{name}"
            if experiment.chapter == self.chapter
            else f"{experiment.chapter}-{experiment.id}-{name}"
        )
        frames = None
        if isinstance(figure, Frames):
            drawn = zip(figure.frames, self.drawings.frames(figure, f"{id}-svg"), strict=True)
            frames = tuple(FrameView(f.label, html, f.picture.alt, f.note, f.token, f.stop) for f, html in drawn)
        csv = f"data/{experiment.chapter}/{experiment.id}-{name}.csv"
        self.files[csv] = table_csv(figure.table()).encode()
        return FigureView(
            id=id,
            number=f"{self.number}.{self._count}",
            html="" if frames else self._html(figure, id, csv.removesuffix(".csv")),
            caption_html=self._caption(exhibit, name).html,
            alt=figure.alt,
            table=figure.table(),
            evidence=evidence(experiment, name),
            kind=kind(figure),
            original=experiment.is_original(name),
            data_href=self._download(exhibit)[0].href,
            csv_href=csv,
            **self._script(csv.removesuffix("csv") + "js", figure),
            scores=figure.behind if isinstance(figure, Panels) else None,
            source_html=_measure_html(exhibit.kind),
            spec_html=exhibit.spec_html,
            provenance=self.provenance(exhibit),
            frames=frames,
            title=figure.title or experiment.title,
            step=figure.step if isinstance(figure, Frames) else "frame",
        )

    def _html(self, figure: Figure, id: str, stem: str) -> str:
        """What stands in the figure; what a live one loads lies beside its data, as `stem` with another ending."""
        if isinstance(figure, TokenStrip) and figure.live:
            self.files |= live.files(figure, f"{stem}.js")
            return live.live_html(figure, f"{stem}.js")
        return self.drawings.html(figure, f"{id}-svg")

    def _script(self, href: str, figure: Figure) -> dict[str, str]:
        """The file of what can be opened from a picture, if anything can, and what is told about it."""
        if isinstance(figure, Heatmap) and figure.behind is not None:
            self.files[href] = explore.script(href, figure.behind, sequential())
            told = explore.told(figure.behind, len(self.files[href]))
        elif isinstance(figure, Panels) and figure.behind is not None:
            self.files[href] = playground.script(href, figure.behind)
            told = playground.told(len(self.files[href]))
        else:
            return {}
        return {"script_href": href, "script_told": told}

    def _caption(self, exhibit: Exhibit, name: str) -> Inline:
        experiment = exhibit.experiment
        caption = experiment.caption(name)
        if caption is None:
            what = f"the figure {name!r} of {experiment.id!r} is shown and has no caption; add one under captions:"
            raise SpecError([Problem(experiment.file, experiment.line, 1, what)])
        names = self._names(exhibit) | {"at": {word: int(number) for word, number in _NUMBERED.findall(name)}}
        return render_caption(caption.text, experiment.file, caption.line, names, self.math)

    def _names(self, exhibit: Exhibit) -> dict[str, Any]:
        def result(name: str) -> Result:
            return self.result(name if "/" in name else f"{exhibit.experiment.chapter}/{name}")

        return {"result": exhibit.envelope.result if exhibit.envelope else None, "r": result}

    def claim(self, name: str, index: int = 0) -> ClaimView:
        """A claim of an experiment, checked on its result."""
        exhibit = self._exhibit(name)
        claims = exhibit.experiment.claims
        if not 0 <= index < len(claims):
            raise UsageError(f"{exhibit.address} has {len(claims)} claims, so there is no claim {index}")
        self.result(exhibit.address)
        view = checked(exhibit, index, self._names(exhibit), self.math)
        return replace(view, id=claim_id(exhibit, index, self.chapter))

    def source(self, name: str) -> SourceView:
        """The code that measured an experiment."""
        cls = self._exhibit(name).kind
        about = (inspect.getdoc(cls) or "").splitlines()[0]
        return SourceView(self._exhibit(name).experiment.name, _measure_html(cls), about)

    def downloads(self, name: str) -> tuple[Download, ...]:
        """The files of an experiment's result."""
        exhibit = self._exhibit(name)
        self.result(exhibit.address)
        return self._download(exhibit)

    def _download(self, exhibit: Exhibit) -> tuple[Download, ...]:
        """The result as committed: the JSON first, then the arrays beside it."""
        path = self.entry(exhibit.experiment)
        names = [path.name, *sorted(results.sides_of(path))]
        found = []
        for name in names:
            href = f"data/{exhibit.experiment.chapter}/{name}"
            self.files[href] = path.with_name(name).read_bytes()
            found.append(Download(name, href, len(self.files[href])))
        result = exhibit.envelope.result if exhibit.envelope else None
        whole = tidy.files(exhibit.experiment.id, result.columns) if isinstance(result, SweepResult) else {}
        for name, content in whole.items():
            href = f"data/{exhibit.experiment.chapter}/{name}"
            self.files[href] = content
            found.append(Download(name, href, len(content)))
        return tuple(found)

    def _exhibit(self, name: str) -> Exhibit:
        address = name if "/" in name else f"{self.chapter}/{name}"
        if address not in self.exhibits:
            own = [e.experiment.id for e in self.exhibits.values() if e.experiment.chapter == self.chapter]
            raise unknown("experiment", name, own if "/" not in name else self.exhibits)
        return self.exhibits[address]


def judged(exhibit: Exhibit, index: int, names: Mapping[str, Any]) -> Verdict:
    """Whether a claim holds; SpecError at its place in the spec where that cannot be told."""
    claim = exhibit.experiment.claims[index]
    if index not in exhibit.verdicts:
        try:
            exhibit.verdicts[index] = claim.check.evaluate(names["result"], names["r"])
        except CheckError as error:
            raise SpecError([claim.problem(exhibit.experiment.file, error)]) from error
    return exhibit.verdicts[index]


def claim_id(exhibit: Exhibit, index: int, chapter: str) -> str:
    """The id of a claim's box on a chapter's page."""
    foreign = "" if exhibit.experiment.chapter == chapter else f"{exhibit.experiment.chapter}-"
    return f"claim-{foreign}{exhibit.experiment.id}-{index}"


def checked(exhibit: Exhibit, index: int, names: Mapping[str, Any], math: MathRenderer) -> ClaimView:
    """One claim with its verdict; SpecError at its line where the check cannot be evaluated."""
    experiment = exhibit.experiment
    claim, verdict = experiment.claims[index], judged(exhibit, index, names)
    return ClaimView(
        sentence=render_caption(claim.says, experiment.file, claim.line, names, math),
        holds=verdict.holds,
        check=claim.check.text,
        values=verdict.values,
        margin=margin_words(verdict),
        close=verdict.margin is not None and verdict.margin.close,
        listed=f"claims.html#{claim_id(exhibit, index, '')}",
    )


def evidence(experiment: Experiment, figure: str = "") -> Evidence:
    """The badge of a figure, or of the experiment; the loader has checked that it is one of the four."""
    return next(name for name in get_args(Evidence) if name == experiment.badge(figure))


_LISTINGS: dict[type, str] = {}


def _measure_html(cls: type) -> str:
    """The source of an analysis' `measure`, highlighted: the code that ran."""
    if cls not in _LISTINGS:
        _LISTINGS[cls] = code_html(inspect.getsource(cls.measure), "python")  # type: ignore[attr-defined]
    return _LISTINGS[cls]
