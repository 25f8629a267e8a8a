"""The analyses by name; each file of `layerbook.analyses` is one, imported on first use."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.resources import files
from types import ModuleType

from layerbook.core.analysis import Analysis, Result
from layerbook.core.errors import UsageError, describe_exception, did_you_mean, format_trace


@cache
def names() -> tuple[str, ...]:
    """Return all analysis names as specs write them (`attention-pattern`), sorted."""
    modules = (file.name for file in files("layerbook.analyses").iterdir())
    stems = (name.removesuffix(".py") for name in modules if name.endswith(".py"))
    return tuple(sorted(stem.replace("_", "-") for stem in stems if not stem.startswith("_")))


def find(name: str) -> type[Analysis[Result]]:
    """Return the class for a name: `attention-pattern` is `attention_pattern.AttentionPattern`.

    Raises UsageError, with the closest name, for an unknown name, and for a file with errors.
    """
    if name not in names():
        hint = did_you_mean(name, names())
        raise UsageError(f"no analysis is called {name!r}{hint}; there are {', '.join(names())}")
    module = _import_analysis(name)
    expected = class_name(name)
    analysis: type[Analysis[Result]] | None = getattr(module, expected, None)
    if analysis is None:
        raise UsageError(
            f"{module.__file__}: the analysis {name!r} should be a class called {expected}"
        )
    return analysis


def _import_analysis(name: str) -> ModuleType:
    stem = name.replace("-", "_")
    try:
        return import_module(f"layerbook.analyses.{stem}")
    except Exception as error:  # an analysis may be the author's own and raise anything
        file = str(files("layerbook.analyses") / f"{stem}.py")
        usage_error = UsageError(
            f"the analysis {name!r} cannot be imported: {describe_exception(error, file)}"
        )
        usage_error.trace = format_trace(error)
        raise usage_error from error


def class_name(name: str) -> str:
    """Return the class name of an analysis: `attention-pattern` is `AttentionPattern`."""
    return "".join(word.capitalize() for word in name.split("-"))
