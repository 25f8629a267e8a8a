"""Measure experiments on models in this process; each distinct pass runs only once."""

from __future__ import annotations

import importlib.util
import inspect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Protocol

from layerbook.book.contents import Experiment
from layerbook.book.context_length import prompt_uses
from layerbook.core.analysis import Result
from layerbook.core.errors import (
    LayerbookError,
    ModelError,
    RunError,
    describe_exception,
    format_trace,
)
from layerbook.core.progress import Reporter
from layerbook.core.requests import (
    DEFAULT_PRECISION,
    Forward,
    Precision,
    Request,
)
from layerbook.core.rounding import round_result
from layerbook.model import sources
from layerbook.model.plan import make_plan, plan_cost
from layerbook.store.project import download_hub_model

if TYPE_CHECKING:
    from layerbook.model.execution import Execution
    from layerbook.model.loaded_model import LoadedModel

Measurements = Mapping[Experiment, Result | LayerbookError]


class Executor(Protocol):
    """Measures experiments. Sweeps are measured as their cells, which are experiments."""

    def measure(self, experiments: Sequence[Experiment]) -> Measurements:
        """Return the result of each experiment, or its error."""

    def measure_chunks(self, chunks: Iterable[Sequence[Experiment]]) -> Iterator[Measurements]:
        """Measure chunk by chunk, in order; read each chunk only when it is needed."""

    def close(self) -> None:
        """Close connections."""


class LocalExecutor:
    """Measures experiments in this process; models are loaded when first needed."""

    def __init__(
        self,
        source: sources.ModelSource,
        report: Reporter,
        *,
        precision: Precision = DEFAULT_PRECISION,
    ) -> None:
        self.source, self.precision, self.report = source, precision, report
        self._models: dict[sources.ModelSource, LoadedModel] = {}

    @property
    def model(self) -> LoadedModel:
        """The book's model. Raises ModelError."""
        return self._model(self.source)

    def measure(
        self, experiments: Sequence[Experiment], report: Reporter | None = None
    ) -> Measurements:
        """Return the result of each experiment, or its error.

        Raises ModelError if the book's model cannot be loaded. If another model cannot be loaded,
        its experiments get the error.
        """
        results: dict[Experiment, Result | LayerbookError] = {}
        for name in dict.fromkeys(experiment.model for experiment in experiments):
            group = [experiment for experiment in experiments if experiment.model == name]
            try:
                source = sources.resolve(name) if name else self.source
                results |= self._measure_on(source, group, report or self.report)
            except LayerbookError as error:
                if not name:
                    raise
                results |= dict.fromkeys(group, error)
        return results

    def measure_chunks(self, chunks: Iterable[Sequence[Experiment]]) -> Iterator[Measurements]:
        """Measure one chunk after the other."""
        for chunk in chunks:
            yield self.measure(chunk, Reporter())

    def close(self) -> None:
        """Do nothing, since there are no connections."""

    def _model(self, source: sources.ModelSource) -> LoadedModel:
        if source not in self._models:
            require_model_libraries()
            directory = source.prepare(self.report)
            with self.report.task("Loading the model", None):
                from layerbook.model.loaded_model import LoadedModel

                self._models[source] = LoadedModel.load(directory, source.name, self.precision)
        return self._models[source]

    def _measure_on(
        self, source: sources.ModelSource, experiments: Sequence[Experiment], report: Reporter
    ) -> dict[Experiment, Result | LayerbookError]:
        """Measure experiments on one model; those that do not fit it get an error."""
        errors: dict[Experiment, Result | LayerbookError] = {}
        if source != self.source:
            download_hub_model(source, self.report)
            errors |= self._check_other_model(source, experiments)
        for experiment in experiments:
            if experiment not in errors:
                error = _check_length(experiment, self._model(source))
                if error is not None:
                    errors[experiment] = error
        valid = [experiment for experiment in experiments if experiment not in errors]
        return errors | self._run(self._model(source), valid, report) if valid else errors

    def _check_other_model(
        self, source: sources.ModelSource, experiments: Sequence[Experiment]
    ) -> dict[Experiment, LayerbookError]:
        """Return the errors of experiments that a model other than the book's cannot run."""
        own_limits, limits = self.source.limits(), source.limits()
        same_size = (own_limits.layers, own_limits.heads) == (limits.layers, limits.heads)
        errors: dict[Experiment, LayerbookError] = {}
        for experiment in experiments:
            if missing := experiment.analysis.missing_features(limits):
                message = f"{source.name} does not have {' and '.join(missing)}"
                errors[experiment] = _error_at(experiment, message)
            elif not same_size and _names_layers(experiment):
                errors[experiment] = ModelError(
                    f"{source.name} and {self.source.name} have different numbers of layers or "
                    "heads; a sweep over both must not name a layer"
                )
        return errors

    def _run(
        self, model: LoadedModel, experiments: Sequence[Experiment], report: Reporter
    ) -> dict[Experiment, Result | LayerbookError]:
        """Measure each experiment once its passes have run, and free activations early."""
        from layerbook.model.execution import Execution

        requests = {experiment: experiment.analysis.runs() for experiment in experiments}
        run_plan = make_plan(
            request for own_requests in requests.values() for request in own_requests.values()
        )
        execution = Execution(model, run_plan)
        cost = plan_cost(run_plan, execution.token_ids, bytes_for=model.bytes_for)
        results: dict[Experiment, Result | LayerbookError] = {}
        pending = dict(requests)
        step_count = cost.generations + cost.batches + len(experiments)
        with report.task("Running the model", step_count) as task:
            for _ in chain([None], execution.steps(task)):  # some experiments need no step
                for experiment, own_requests in list(pending.items()):
                    if execution.can_answer(own_requests.values()):
                        task.set_status(f"{experiment.chapter}/{experiment.id}")
                        results[experiment] = _measure_one(experiment, own_requests, execution)
                        del pending[experiment]
                        task.advance()
                execution.discard_except(
                    request
                    for own_requests in pending.values()
                    for request in own_requests.values()
                )
        return results


def require_model_libraries() -> None:
    """Raise ModelError if torch or transformers is not installed, before any download."""
    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            raise ModelError(f"running the model needs {name}: pip install 'layerbook[model]'")


def _names_layers(experiment: Experiment) -> bool:
    """Return whether an experiment captures or patches activations of a layer."""
    for request in make_plan(experiment.analysis.runs().values()).requests:
        if isinstance(request, Forward):
            sites = (*request.keep, *(patch.site for patch in request.patches))
            if any(site.layer is not None for site in sites):
                return True
    return False


def _check_length(experiment: Experiment, model: LoadedModel) -> RunError | None:
    """Return an error if an experiment's prompts do not fit the model's context."""
    limit = model.config.max_position_embeddings
    try:
        for use in prompt_uses(experiment.analysis.runs().values()):
            length = len(model.tokenizer.encode(use.prompt).ids) + use.new_tokens
            if length > limit:
                raise ModelError(f"{length} tokens do not fit the model's context of {limit}")
    except LayerbookError as error:
        return _error_at(experiment, str(error))
    return None


def _measure_one(
    experiment: Experiment, requests: Mapping[str, Request], execution: Execution
) -> Result | RunError:
    try:
        captures = {name: execution.capture(request) for name, request in requests.items()}
        result: Result = experiment.analysis.measure(captures)
        return round_result(result)
    except Exception as error:  # an analysis may be the author's own and raise anything
        description = describe_exception(error, inspect.getfile(type(experiment.analysis)))
        return _error_at(experiment, description, format_trace(error))


def _error_at(experiment: Experiment, message: str, trace: str = "") -> RunError:
    return RunError(f"{experiment.file}:{experiment.line}: {experiment.id}: {message}", trace)
