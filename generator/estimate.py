"""How long a run would take here, from what runs took before, and from the plan's counts where nothing like it ran.

A pass that several experiments need is counted once. Nothing runs, and torch is not imported.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from generator.capture import Forward, Generate, Prompt, Request
from generator.experiments import Experiment
from generator.model import sources
from generator.plan import Ids, cost, passes, plan
from generator.project import Project, Work
from generator.reporting import counted
from generator.timings import Timings, address_of, needs, read

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


def forecast(project: Project, work: Sequence[Work]) -> Forecast:
    """What a run of the experiments that are not computed here as they stand would take."""
    wanted = [one.experiment for one in work if one.freshness.state != "fresh"]
    if not wanted:
        return Forecast({}, 0.0, None)
    known = read(project.cache, project.source.name)
    ids_of = _Lengths(project.source)
    asked = {address_of(e): needs(e) for e in wanted}
    single = {address_of(e): _estimate(e, asked[address_of(e)], known, ids_of) for e in wanted}
    sure = [e for e in wanted if single[address_of(e)].seconds is not None]
    model, _ = _seconds({n: r for e in sure for n, r in asked[address_of(e)].items()}, known, ids_of)
    measuring = sum(_measuring(e, known) or 0.0 for e in sure)
    whole = None if not sure or model is None else model + measuring + (known.loading or 0.0)
    return Forecast(single, whole, known.loading)


def _estimate(
    experiment: Experiment, requests: Mapping[str, Request], known: Timings, ids_of: Callable[[Prompt], Ids | None]
) -> Estimate:
    made = cost(plan(requests.values()), None)
    parts = [f"{made.passes:,} pass{'' if made.passes == 1 else 'es'}"] if made.passes else []
    if made.generations:
        parts.append(f"{counted(made.generations, 'text')} of at most {counted(made.new_tokens, 'token')} together")
    counts = ", ".join(parts) or "no passes"
    seconds, guessed = _seconds(requests, known, ids_of)
    measuring = _measuring(experiment, known)
    if seconds is None or (measuring is None and not parts):
        return Estimate(None, "unknown", counts)
    timed = not guessed and address_of(experiment) in known.shares
    return Estimate(seconds + (measuring or 0.0), "timed" if timed else "counted", counts)


def _seconds(
    requests: Mapping[str, Request], known: Timings, ids_of: Callable[[Prompt], Ids | None]
) -> tuple[float | None, bool]:
    """What the model would take for these requests, None where unknown; and whether any of it is counted."""
    rows = dict(known.requests[name] for name in requests if name in known.requests)
    new = [r for name, r in requests.items() if name not in known.requests and isinstance(r, Forward | Generate)]
    seconds = sum(rows.values())
    written = sum(r.max_new_tokens for r in new if isinstance(r, Generate))
    read_tokens = _tokens([r for r in new if isinstance(r, Forward)], ids_of)
    for kind, tokens in (("generating", written), ("passes", read_tokens)):
        if tokens is None or (tokens and kind not in known.pace):
            return None, True
        seconds += tokens * known.pace.get(kind, 0.0)
    return seconds, bool(new)


def _tokens(forwards: Collection[Forward], ids_of: Callable[[Prompt], Ids | None]) -> int | None:
    """The tokens of the distinct passes, none for a prefix; a generated text is taken as long as it may become."""
    ids = {forward.prompt: ids_of(forward.prompt) for forward in forwards}
    if any(found is None for found in ids.values()):
        return None
    plain = [forward for forward in forwards if forward.prompt.generated is None]
    whole = {(replace(f.prompt, frame=None), f.patches): f for f in forwards if f.prompt.generated is not None}
    return sum(len(p.ids) for p in passes(plain, lambda prompt: ids[prompt] or ())) + sum(
        len(ids[forward.prompt] or ()) for forward in whole.values()
    )


def _measuring(experiment: Experiment, known: Timings) -> float | None:
    """What measuring took before; else the mean of experiments with this analysis."""
    if address_of(experiment) in known.shares:
        return known.shares[address_of(experiment)].measuring
    alike = [share.measuring for share in known.shares.values() if share.analysis == experiment.name]
    return sum(alike) / len(alike) if alike else None


class _Lengths:
    """Ids of prompts, for their number; the tokenizer is read when the first is asked for, if it is on this machine."""

    def __init__(self, source: sources.ModelSource) -> None:
        self._source = source
        self._encode: Callable[[Prompt], Ids] | None = None

    def __call__(self, prompt: Prompt) -> Ids | None:
        if prompt.generated is not None:
            before = self(prompt.generated.prompt)
            return None if before is None else before + (0,) * prompt.generated.max_new_tokens
        if self._encode is None:
            directory = sources.at_hand(self._source)
            if directory is None:
                return None
            from generator.model.tokenizer import ModelTokenizer

            tokenizer = ModelTokenizer.load(directory)
            self._encode = lambda one: tokenizer.encode(one)[0]
        return self._encode(prompt)
