"""The analyses by name: the folder `generator/analyses/` is the registry, each file imported when asked for."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.resources import files

from layerbook.core.analysis import Analysis, Result
from layerbook.core.errors import UsageError, did_you_mean


@cache
def names() -> tuple[str, ...]:
    """All analysis names, as specs write them (`attention-pattern`), sorted."""
    folder = files("layerbook.analyses")
    stems = (
        entry.name.removesuffix(".py") for entry in folder.iterdir() if entry.name.endswith(".py")
    )
    return tuple(sorted(stem.replace("_", "-") for stem in stems if not stem.startswith("_")))


def find(name: str) -> type[Analysis[Result]]:
    """The class for a name: `attention-pattern` is `AttentionPattern` in `attention_pattern.py`.

    Raises UsageError, with the nearest name, where there is none.
    """
    if name not in names():
        raise UsageError(
            f"no analysis is called {name!r}{did_you_mean(name, names())}; there are {', '.join(names())}"
        )
    module = import_module(f"layerbook.analyses.{name.replace('-', '_')}")
    called = class_name(name)
    analysis: type[Analysis[Result]] | None = getattr(module, called, None)
    if analysis is None:
        raise UsageError(
            f"{module.__file__}: the analysis {name!r} should be a class called {called}"
        )
    return analysis


def class_name(name: str) -> str:
    """The class of an analysis: `attention-pattern` is `AttentionPattern`."""
    return "".join(word.capitalize() for word in name.split("-"))
