"""The analyses by name; each file of `layerbook.analyses` is one, imported on first use."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.resources import files

from layerbook.core.analysis import Analysis, Result
from layerbook.core.errors import UsageError, did_you_mean


@cache
def names() -> tuple[str, ...]:
    """Return all analysis names as specs write them (`attention-pattern`), sorted."""
    modules = (file.name for file in files("layerbook.analyses").iterdir())
    stems = (name.removesuffix(".py") for name in modules if name.endswith(".py"))
    return tuple(sorted(stem.replace("_", "-") for stem in stems if not stem.startswith("_")))


def find(name: str) -> type[Analysis[Result]]:
    """Return the class for a name: `attention-pattern` is `attention_pattern.AttentionPattern`.

    Raises UsageError, with the closest name, for an unknown name.
    """
    if name not in names():
        hint = did_you_mean(name, names())
        raise UsageError(f"no analysis is called {name!r}{hint}; there are {', '.join(names())}")
    module = import_module(f"layerbook.analyses.{name.replace('-', '_')}")
    expected = class_name(name)
    analysis: type[Analysis[Result]] | None = getattr(module, expected, None)
    if analysis is None:
        raise UsageError(
            f"{module.__file__}: the analysis {name!r} should be a class called {expected}"
        )
    return analysis


def class_name(name: str) -> str:
    """Return the class name of an analysis: `attention-pattern` is `AttentionPattern`."""
    return "".join(word.capitalize() for word in name.split("-"))
