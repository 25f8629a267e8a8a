"""How long a run would take here, from what runs took before, and from the plan's counts where nothing like it ran.

A pass that several experiments need is counted once. Nothing runs, and torch is not imported.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Literal

from layerbook.book.loader import Experiment
from layerbook.core.requests import Forward, Generate, Prompt, Request
from layerbook.core.text import pluralize
from layerbook.model import sources
from layerbook.model.plan import TokenIds, build_passes, plan, plan_cost
from layerbook.runner.timings import Timings, address_of, names_of, read
from layerbook.store.freshness import check_freshness
from layerbook.store.project import ExperimentStatus, Project, sweep_cells

SAMPLE = 256
"""Cells of a sweep that are looked at; a larger one is taken to be as they are."""

Basis = Literal["timed", "counted", "unknown"]


@dataclass(frozen=True)
class Estimate:
    """How long one experiment would take by itself, the model loaded; None where that is unknown here.

    timed: its passes ran here before. counted: its tokens at the pace of those that did. counts: what it asks for.
    """

    seconds: float | None
    basis: Basis
    counts: str


@dataclass(frozen=True)
class Forecast:
    """What running some experiments together would take: `seconds`, as far as known, with `loading` the model."""

    estimates: Mapping[str, Estimate]
    seconds: float | None
    loading: float | None

    def number(self, basis: Basis) -> int:
        """How many of the experiments are estimated on this basis."""
        return sum(one.basis == basis for one in self.estimates.values())


@dataclass(frozen=True)
class _Asked:
    """What a run of an experiment would ask for; of a large sweep, what a part of it would, `scale` times over.

    measured: how often something would be measured.
    """

    requests: Mapping[str, Request]
    scale: float = 1.0
    measured: float = 1.0


def forecast(project: Project, work: Sequence[ExperimentStatus]) -> Forecast:
    """What a run of the experiments that are not computed here as they stand would take."""
    wanted = {
        address_of(one.experiment): one.experiment for one in work if one.freshness.state != "fresh"
    }
    if not wanted:
        return Forecast({}, 0.0, None)
    known = read(project.cache, project.source.name)
    ids_of = _Lengths(project.source)
    asked = {address: _asked(project, experiment) for address, experiment in wanted.items()}
    single = {
        address: _estimate(wanted[address], one, known, ids_of) for address, one in asked.items()
    }
    sure = [address for address in wanted if single[address].seconds is not None]
    together: dict[float, dict[str, Request]] = {}
    for address in sure:
        together.setdefault(asked[address].scale, {}).update(asked[address].requests)
    model = sum(
        scale * (_seconds(requests, known, ids_of)[0] or 0.0)
        for scale, requests in together.items()
    )
    measuring = sum(_measuring(wanted[address], asked[address], known) or 0.0 for address in sure)
    return Forecast(
        single, model + measuring + (known.loading or 0.0) if sure else None, known.loading
    )


def _asked(project: Project, experiment: Experiment) -> _Asked:
    if experiment.sweep is None:
        return _Asked(names_of(experiment.analysis.runs().values()))
    part = [cell for _, cell in islice(sweep_cells(experiment), SAMPLE)]
    found = project.keys(part)
    todo = [
        one
        for one in part
        if check_freshness(project.result_path(one), found[one], project.cache).state != "fresh"
    ]
    scale = len(experiment.sweep) / len(part)
    requests = names_of(request for one in todo for request in one.analysis.runs().values())
    return _Asked(requests, scale, scale * len(todo))


def _estimate(
    experiment: Experiment,
    asked: _Asked,
    known: Timings,
    ids_of: Callable[[Prompt], TokenIds | None],
) -> Estimate:
    made = plan_cost(plan(asked.requests.values()), None)
    passes, texts, tokens = (
        round(asked.scale * n) for n in (made.passes, made.generations, made.new_tokens)
    )
    parts = [f"{passes:,} pass{'' if passes == 1 else 'es'}"] if passes else []
    if texts:
        parts.append(f"{pluralize(texts, 'text')} of at most {pluralize(tokens, 'token')} together")
    counts = ", ".join(parts) or "no passes"
    seconds, guessed = _seconds(asked.requests, known, ids_of)
    measuring = _measuring(experiment, asked, known)
    if seconds is None or (measuring is None and not parts):
        return Estimate(None, "unknown", counts)
    timed = not guessed and asked.scale == 1 and address_of(experiment) in known.shares
    return Estimate(
        asked.scale * seconds + (measuring or 0.0), "timed" if timed else "counted", counts
    )


def _seconds(
    requests: Mapping[str, Request], known: Timings, ids_of: Callable[[Prompt], TokenIds | None]
) -> tuple[float | None, bool]:
    """What the model would take for these requests, None where unknown; and whether any of it is counted."""
    rows = dict(known.requests[name] for name in requests if name in known.requests)
    new = [
        r
        for name, r in requests.items()
        if name not in known.requests and isinstance(r, Forward | Generate)
    ]
    seconds = sum(rows.values())
    written = sum(r.max_new_tokens for r in new if isinstance(r, Generate))
    read_tokens = _tokens([r for r in new if isinstance(r, Forward)], ids_of)
    for kind, tokens in (("generating", written), ("passes", read_tokens)):
        if tokens is None or (tokens and kind not in known.pace):
            return None, True
        seconds += tokens * known.pace.get(kind, 0.0)
    return seconds, bool(new)


def _tokens(
    forwards: Collection[Forward], ids_of: Callable[[Prompt], TokenIds | None]
) -> int | None:
    """The tokens of the distinct passes, none for a prefix; a generated text is taken as long as it may become."""
    ids = {forward.prompt: ids_of(forward.prompt) for forward in forwards}
    if any(found is None for found in ids.values()):
        return None
    plain = [forward for forward in forwards if forward.prompt.generated is None]
    whole = {
        (replace(f.prompt, frame=None), f.patches): f
        for f in forwards
        if f.prompt.generated is not None
    }
    return sum(len(p.ids) for p in build_passes(plain, lambda prompt: ids[prompt] or ())) + sum(
        len(ids[forward.prompt] or ()) for forward in whole.values()
    )


def _measuring(experiment: Experiment, asked: _Asked, known: Timings) -> float | None:
    """What measuring took before, for as much as would be measured; else the mean of others with this analysis."""
    own = known.shares.get(address_of(experiment))
    alike = (
        [own]
        if own
        else [
            share for share in known.shares.values() if share.analysis == experiment.analysis_name
        ]
    )
    if not alike:
        return None
    return (
        asked.measured
        * sum(share.measuring for share in alike)
        / sum(share.measured for share in alike)
    )


class _Lengths:
    """Ids of prompts, for their number; the tokenizer is read when the first is asked for, if it is on this machine."""

    def __init__(self, source: sources.ModelSource) -> None:
        self._source = source
        self._encode: Callable[[Prompt], TokenIds] | None = None

    def __call__(self, prompt: Prompt) -> TokenIds | None:
        if prompt.generated is not None:
            before = self(prompt.generated.prompt)
            return None if before is None else before + (0,) * prompt.generated.max_new_tokens
        if self._encode is None:
            directory = sources.local_dir(self._source)
            if directory is None:
                return None
            from layerbook.model.tokenizer import ModelTokenizer

            tokenizer = ModelTokenizer.load(directory)
            self._encode = lambda one: tokenizer.encode(one)[0]
        return self._encode(prompt)
