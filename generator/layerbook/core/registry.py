"""The analyses by name, imported on first use.

Each file of `layerbook.analyses` contains one analysis. Others come from a book's folder
`analyses/` and from installed packages, as entry points of the group `layerbook.analyses`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.resources import files
from pathlib import Path
from typing import Any

from layerbook.core.analysis import Analysis, Result, check_big_arrays
from layerbook.core.errors import (
    LayerbookError,
    UsageError,
    describe_exception,
    did_you_mean,
    format_trace,
)
from layerbook.core.own_code import NO_CODE, OwnCode

ENTRY_POINT_GROUP = "layerbook.analyses"

AnalysisType = type[Analysis[Result]]


def names(own_code: OwnCode = NO_CODE) -> tuple[str, ...]:
    """Return all analysis names as specs write them (`attention-pattern`), sorted.

    own_code: the code of a book, whose names are among them.
    """
    return tuple(sorted({*_packaged_names(), *_installed(), *own_code.names()}))


def find(name: str, own_code: OwnCode = NO_CODE) -> AnalysisType:
    """Return the class for a name: `attention-pattern` is `attention_pattern.AttentionPattern`.

    Raises UsageError, with the closest name, for an unknown name, for a file with errors, and for
    code of a book that the user does not trust.
    """
    is_packaged = name in _packaged_names()
    if name in own_code.names():
        file = own_code.path(name)
        if is_packaged or name in _installed():
            raise UsageError(f"{file}: there is an analysis {name!r} already; rename the file")
        module = _import(name, str(file.absolute()), lambda: own_code.load(name))
        return _analysis_class(module, name, str(file))
    if is_packaged:
        stem = name.replace("-", "_")
        file = Path(str(files("layerbook.analyses") / f"{stem}.py"))
        module = _import(name, str(file), lambda: import_module(f"layerbook.analyses.{stem}"))
        return _analysis_class(module, name, str(file))
    if name in _installed():
        return _load_entry_point(name, _installed()[name])
    hint = did_you_mean(name, names(own_code))
    choices = f"; available: {', '.join(names(own_code))}"
    raise UsageError(f"no analysis named {name!r}{hint or choices}")


def class_name(name: str) -> str:
    """Return the class name of an analysis: `attention-pattern` is `AttentionPattern`."""
    return "".join(word.capitalize() for word in name.split("-"))


@cache
def _packaged_names() -> tuple[str, ...]:
    modules = (file.name for file in files("layerbook.analyses").iterdir())
    stems = (name.removesuffix(".py") for name in modules if name.endswith(".py"))
    return tuple(stem.replace("_", "-") for stem in stems if not stem.startswith("_"))


@cache
def _installed() -> Mapping[str, EntryPoint]:
    """Return the analyses of other installed packages by name."""
    points = {point.name: point for point in entry_points(group=ENTRY_POINT_GROUP)}
    return {name: point for name, point in points.items() if name not in _packaged_names()}


def _load_entry_point(name: str, point: EntryPoint) -> AnalysisType:
    loaded = _import(name, point.value, point.load)
    if isinstance(loaded, type):
        return _checked_class(loaded, name, point.value)
    return _analysis_class(loaded, name, point.value)


def _import(name: str, file: str, load: Callable[[], Any]) -> Any:
    try:
        return load()
    except LayerbookError:
        raise
    except (Exception, SystemExit) as error:  # an author's own code may raise anything
        usage_error = UsageError(
            f"the analysis {name!r} cannot be imported: {describe_exception(error, file)}"
        )
        usage_error.trace = format_trace(error)
        raise usage_error from error


def _analysis_class(module: Any, name: str, file: str) -> AnalysisType:
    expected = class_name(name)
    analysis = getattr(module, expected, None)
    if analysis is None:
        raise UsageError(f"{file}: the analysis {name!r} must be a class named {expected}")
    return _checked_class(analysis, name, file)


def _checked_class(analysis: Any, name: str, file: str) -> AnalysisType:
    if not (isinstance(analysis, type) and issubclass(analysis, Analysis)):
        raise UsageError(f"{file}: {class_name(name)} must be a subclass of Analysis")
    if not isinstance(getattr(analysis, "result_type", None), type):
        name = analysis.__name__
        raise UsageError(f"{file}: {name} must name its type of result, as in Analysis[MyResult]")
    for method in ("runs", "measure", "figures"):
        if getattr(analysis, method) is getattr(Analysis, method):
            raise UsageError(f"{file}: {analysis.__name__} does not define {method}()")
    try:
        check_big_arrays(analysis.result_type)
    except TypeError as error:
        raise UsageError(f"{file}: {error}") from error
    return analysis
