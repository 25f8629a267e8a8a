"""The public API, for notebooks and scripts: `import layerbook as lb`.

torch is imported by the first function that needs the model, never by `import layerbook`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import ValidationError

from layerbook.core import registry
from layerbook.core.analysis import Analysis, Result, resolve_numbers
from layerbook.core.errors import UsageError
from layerbook.core.requests import DEFAULT_PRECISION, Precision
from layerbook.core.rounding import round_result

if TYPE_CHECKING:
    from layerbook.book.sweep import Sweep
    from layerbook.core.figures import Figure
    from layerbook.model.loaded_model import LoadedModel

R = TypeVar("R", bound=Result)


@dataclass(frozen=True)
class Measurement(Generic[R]):
    """An analysis, its result on one model, and the figures of that result."""

    analysis: Analysis[R]
    result: R
    sweep: Sweep | None = None

    @cached_property
    def figures(self) -> Mapping[str, FigureView]:
        """Figures by name; Jupyter shows each as SVG."""
        measured: Any = self.sweep or self.analysis
        figures = measured.figures(self.result)
        return {name: FigureView(name, figure) for name, figure in figures.items()}


@dataclass(frozen=True)
class FigureView:
    """A figure described as data, drawn when it is shown."""

    name: str
    figure: Figure

    @property
    def alt(self) -> str:
        """The description that a screen reader reads."""
        return self.figure.alt

    def svgs(self) -> tuple[str, ...]:
        """Return the drawing as SVG: one for a chart, one per frame, none for text and tables."""
        from layerbook.core.figures import Frames, Passage, Table, TokenStrip
        from layerbook.plotting import render

        match self.figure:
            case TokenStrip() | Passage() | Table():
                return ()
            case Frames() as frames:
                return render.render_frames(frames, self.name)
            case drawing:
                return (render.render_figure(drawing, self.name),)

    def save(self, path: str | Path) -> None:
        """Write the SVG to a file. Raises UsageError for figures that are not a single drawing."""
        svgs = self.svgs()
        if len(svgs) != 1:
            raise UsageError(f"{self.name} has {len(svgs)} drawings; use `svgs()`")
        Path(path).write_text(svgs[0], encoding="utf-8")

    def _repr_html_(self) -> str:
        return "\n".join(self.svgs()) or f"<p>{escape(self.alt)}</p>"


def model_folder(name: str = "smollm2-135m-instruct") -> Path:
    """Return the folder of a model's weights and tokenizer, which transformers can read.

    Takes the names of `load_model`; the model is fetched and converted first if needed. Raises
    ModelError where that fails, UsageError for an unknown name.
    """
    from layerbook.model import sources

    return sources.resolve(name).prepare()


def load_model(
    name: str = "smollm2-135m-instruct", precision: Precision = DEFAULT_PRECISION
) -> LoadedModel:
    """Load a model by name, folder, `.gguf` file or `ORG/NAME@REVISION`; fetch it first if needed.

    precision: `float64`, or `float32`, which takes half the memory. Raises ModelError where the
    model cannot be fetched or read, UsageError for an unknown name.
    """
    from layerbook.model import sources
    from layerbook.model.loaded_model import LoadedModel

    source = sources.resolve(name)
    return LoadedModel.load(source.prepare(), source.name, precision)


def measure(analysis: Analysis[R], model: LoadedModel) -> Measurement[R]:
    """Run an analysis on a model.

    Layers and heads may be written as in a spec: `layers="all"`, `layers=[0, -1]`.
    Raises UsageError for a layer, head or number of tokens that the model does not have.
    """
    from layerbook.model.execution import Execution
    from layerbook.model.plan import make_plan

    resolved = _resolve(analysis, model)
    requests = resolved.runs()
    execution = Execution(model, make_plan(requests.values()))
    for _ in execution.steps():
        pass
    captures = {name: execution.capture(request) for name, request in requests.items()}
    return Measurement(resolved, round_result(resolved.measure(captures)))


def _resolve(analysis: Analysis[R], model: LoadedModel) -> Analysis[R]:
    """Replace `all` and negative numbers by the layers and heads of the model."""
    from layerbook.model.model_folder import limits_from_config

    limits = limits_from_config(model.config.to_dict())
    if missing := analysis.missing_features(limits):
        name = type(analysis).__name__
        raise UsageError(
            f"{name} needs {' and '.join(missing)}, which {limits.family} does not have"
        )
    try:
        return resolve_numbers(analysis, limits)
    except ValidationError as error:
        raise UsageError("; ".join(_describe(error))) from error


def _describe(error: ValidationError) -> list[str]:
    """List the problems by field; for a union, only those of the branch that gives a reason."""
    errors = error.errors()
    specific = [e for e in errors if e["type"] != "literal_error"] or errors
    return [f"{e['loc'][0]}: {e['msg'].removeprefix('Value error, ')}" for e in specific]


class BookResults(Mapping[str, Measurement[Result]]):
    """The committed results of a book, read when asked for: `results["case-gram/noise"]`."""

    def __init__(self, root: str | Path = ".", model: str | None = None) -> None:
        from layerbook.store.project import open_project

        self._project = open_project(Path(root), model)
        self._experiments = {f"{e.chapter}/{e.id}": e for e in self._project.experiments()}

    def __getitem__(self, address: str) -> Measurement[Result]:
        """Return one measurement. Raises KeyError, or StoreError where the result is missing."""
        from layerbook.store import results

        experiment = self._experiments[address]
        stored = results.load(self._project.result_path(experiment), experiment.result_type)
        return Measurement(experiment.analysis, stored.result, experiment.sweep)

    def __iter__(self) -> Iterator[str]:
        return iter(self._experiments)

    def __len__(self) -> int:
        return len(self._experiments)


def load_results(root: str | Path = ".", model: str | None = None) -> BookResults:
    """Open the committed results of the book in a folder, for its own model or another.

    Raises SpecError with all problems of its specs, UsageError if there is no book.
    """
    return BookResults(root, model)


def analysis_names() -> tuple[str, ...]:
    """Return the class names of all analyses: `NextToken`, `AttentionPattern`, ..."""
    return tuple(registry.class_name(name) for name in registry.names())


def find_analysis(class_name: str) -> type[Analysis[Result]]:
    """Return the analysis with this class name. Raises AttributeError if there is none."""
    for name in registry.names():
        if registry.class_name(name) == class_name:
            return registry.find(name)
    raise AttributeError(f"module 'layerbook' has no attribute {class_name!r}")
