"""Layerbook: a static lecture-book generator about how a language model works inside.

The public API is in `layerbook.api`; its names are available here and loaded when first used, so
that `layerbook --help` and a build with nothing to do import nothing heavy.
"""

import sys

# `python -m layerbook` puts the working directory, perhaps a stranger's book, in front of the
# standard library. Removed before anything else is imported, even `__future__`.
if (
    sys.argv[:1] == ["-m"]
    and any("layerbook" in argument for argument in sys.orig_argv[1:])
    and not sys.flags.safe_path
):
    del sys.path[0]

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from layerbook.api import (
        FigureView,
        Measurement,
        load_model,
        load_results,
        measure,
        model_folder,
    )

__version__ = "0.1.0"
__all__ = ["FigureView", "Measurement", "load_model", "load_results", "measure", "model_folder"]


def __getattr__(name: str) -> Any:
    """Load the API, or an analysis class such as `layerbook.NextToken`, when it is first used."""
    if name in __all__:
        return getattr(import_module("layerbook.api"), name)
    if name[:1].isupper():
        return import_module("layerbook.api").find_analysis(name)
    raise AttributeError(f"module 'layerbook' has no attribute {name!r}")


def __dir__() -> list[str]:
    """List the names of the API and of all analyses."""
    return sorted([*globals(), *__all__, *import_module("layerbook.api").analysis_names()])
