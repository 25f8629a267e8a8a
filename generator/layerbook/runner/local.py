"""Measuring experiments on the model, which is loaded when first needed; each distinct pass runs once for all."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any, Protocol

from layerbook.book.loader import Experiment
from layerbook.core.analysis import Result
from layerbook.core.errors import LayerbookError, ModelError, RunError
from layerbook.core.progress import Reporter, SilentReporter
from layerbook.core.requests import Forward, Prompt, Request
from layerbook.model import sources
from layerbook.model.plan import MAX_BATCH_TOKENS, make_plan, plan_cost
from layerbook.model.timer import Timer

if TYPE_CHECKING:
    from layerbook.model.execution import Execution
    from layerbook.model.llama import LoadedModel

Measurements = Mapping[Experiment, Result | LayerbookError]
OTHER_SIZE_MESSAGE = ", so its layers are others; sweep both over what names no layer"


class Executor(Protocol):
    """Where experiments are measured: here, or on other machines; no sweeps, whose cells are experiments."""

    source: sources.ModelSource

    def measure(self, wanted: Sequence[Experiment]) -> Measurements:
        """The result of each experiment, or the error that it ended with."""

    def measure_chunks(self, chunks: Iterable[Sequence[Experiment]]) -> Iterator[Measurements]:
        """Chunk by chunk the same, in their order; chunks are taken no sooner than they are needed."""


class LocalExecutor:
    """A model, and what is measured on it; `timer` collects how long it takes."""

    def __init__(
        self,
        source: sources.ModelSource,
        report: Reporter,
        timer: Timer | None = None,
        *,
        max_batch_tokens: int = MAX_BATCH_TOKENS,
    ) -> None:
        self.source, self.report = source, report
        self.max_batch_tokens = max_batch_tokens
        self.timer = timer or Timer()
        self._others: dict[str, LocalExecutor] = {}

    @cached_property
    def model(self) -> LoadedModel:
        """The model, obtained where it is not here yet. Raises ModelError."""
        require_model_libraries()
        directory = self.source.prepare(self.report)
        with self.report.task("Loading the model", None), self.timer.time_loading():
            from layerbook.model.llama import LoadedModel

            return LoadedModel.load(directory, self.source.name)

    def measure(self, wanted: Sequence[Experiment], report: Reporter | None = None) -> Measurements:
        """The result of each experiment, or the error that it ended with; no sweeps, whose cells are experiments.

        Cells on another model run on a bench of its own, which is kept for those that follow. Where it is of another
        size, those fail that name layers: a spec means the layers and heads of its book's model.
        """
        found: dict[Experiment, Result | LayerbookError] = {}
        for name in dict.fromkeys(experiment.model for experiment in wanted):
            some = [experiment for experiment in wanted if experiment.model == name]
            try:
                bench = self._other(name) if name else self
                amiss = (
                    [] if bench.size == self.size else [one for one in some if _names_layers(one)]
                )
                found |= dict.fromkeys(
                    amiss,
                    ModelError(
                        f"{name} is not of the size of {self.source.name}{OTHER_SIZE_MESSAGE}"
                    ),
                )
                found |= bench._measure([one for one in some if one not in amiss], report)
            except LayerbookError as error:
                if not name:
                    raise
                found |= dict.fromkeys(some, error)
        return found

    def _other(self, name: str) -> LocalExecutor:
        """The bench of another model."""
        if name not in self._others:
            source = sources.resolve(name)
            if source.kind == "hub" and source.local_dir() is None:
                source.prepare(self.report)
            self._others[name] = (
                self
                if source == self.source
                else LocalExecutor(source, self.report, self.timer)
            )
        return self._others[name]

    @cached_property
    def size(self) -> tuple[int, int]:
        """How many layers, and heads in each."""
        limits = self.source.limits()
        return limits.layers, limits.heads

    def _measure(self, wanted: Sequence[Experiment], report: Reporter | None) -> Measurements:
        failed: dict[Experiment, LayerbookError] = {}
        for experiment in wanted:
            if error := _unfit(experiment, self.model):
                failed[experiment] = error
        able = [experiment for experiment in wanted if experiment not in failed]
        return (
            failed
            | _measure(
                self.model,
                able,
                report or self.report,
                self.timer,
                max_batch_tokens=self.max_batch_tokens,
            )
            if able
            else failed
        )

    def measure_chunks(self, chunks: Iterable[Sequence[Experiment]]) -> Iterator[Measurements]:
        """One chunk after the other."""
        for chunk in chunks:
            yield self.measure(chunk, SilentReporter())


def require_model_libraries() -> None:
    """Raise ModelError where what runs the model is not installed: before a download that would be for nothing."""
    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            raise ModelError(f"running the model needs {name}: pip install 'layerbook[model]'")


def _names_layers(experiment: Experiment) -> bool:
    """Whether what it asks for is inside of a layer."""
    requests = [
        one
        for one in make_plan(experiment.analysis.runs().values()).requests
        if isinstance(one, Forward)
    ]
    sites = [
        site for one in requests for site in (*one.keep, *(patch.site for patch in one.patches))
    ]
    return any(site.layer is not None for site in sites)


def _unfit(experiment: Experiment, model: LoadedModel) -> LayerbookError | None:
    """Why an experiment cannot run on this model, found before the passes that others share with it."""
    try:
        for request in experiment.analysis.runs().values():
            for prompt, more in _prompts(request):
                length = len(model.tokenizer.encode(prompt).ids) + more
                if length > model.config.max_position_embeddings:
                    limit = model.config.max_position_embeddings
                    raise ModelError(f"{length} tokens do not fit the model's context of {limit}")
    except LayerbookError as error:
        return RunError(f"{experiment.file}:{experiment.line}: {experiment.id}: {error}")
    return None


def _prompts(request: Request) -> list[tuple[Prompt, int]]:
    """The prompts that a request encodes, each with how many tokens may follow it."""
    prompt = getattr(request, "prompt", None)
    if prompt is None:
        return []
    if prompt.generated is not None:
        return _prompts(prompt.generated)
    return [(prompt, getattr(request, "max_new_tokens", 0))]


def _measure(
    model: LoadedModel,
    wanted: Sequence[Experiment],
    report: Reporter,
    timer: Timer,
    *,
    max_batch_tokens: int,
) -> dict[Experiment, Any]:
    """Each experiment is measured as soon as its passes are over, and what no other needs of them is let go."""
    from layerbook.model.execution import Execution

    asked = {experiment: experiment.analysis.runs() for experiment in wanted}
    made = make_plan(request for requests in asked.values() for request in requests.values())
    timer.set_requests((_owner(one), requests.values()) for one, requests in asked.items())
    execution = Execution(model, made, timer, max_batch_tokens=max_batch_tokens)
    counted = plan_cost(
        made,
        execution.token_ids,
        max_batch_tokens=max_batch_tokens,
        bytes_for=model.bytes_for,
    )
    found: dict[Experiment, Any] = {}
    with report.task(
        "Running the model", counted.generations + counted.batches + len(wanted)
    ) as task:
        for step in chain(execution.steps(), [None]):  # a step is told before it is taken
            for experiment in [
                one
                for one in asked
                if one not in found and execution.can_answer(asked[one].values())
            ]:
                task.set_status(f"{experiment.chapter}/{experiment.id}")
                found[experiment] = _measure_one(
                    experiment, asked[experiment], execution, timer
                )
                task.advance()
            execution.discard_except(
                request for one in asked if one not in found for request in asked[one].values()
            )
            if step is not None:
                task.set_status(step)
                task.advance()
    return {experiment: found[experiment] for experiment in asked}


def _measure_one(
    experiment: Experiment,
    requests: Mapping[str, Request],
    execution: Execution,
    timer: Timer,
) -> Result | RunError:
    try:
        with timer.time_measuring(_owner(experiment)):
            captures = {name: execution.capture(request) for name, request in requests.items()}
            result: Result = experiment.analysis.measure(captures)
        return result
    # An analysis may be the lecturer's own: whatever it raises is this experiment's failure, no other's.
    except Exception as error:
        return RunError(
            f"{experiment.file}:{experiment.line}: {experiment.id}: {type(error).__name__}: {error}"
        )


def _owner(experiment: Experiment) -> str:
    """The address that its time is noted under; a cell's is its sweep's."""
    return f"{experiment.chapter}/{experiment.id.partition('.')[0]}"
