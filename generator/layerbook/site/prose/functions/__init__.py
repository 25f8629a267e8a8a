"""The functions that the prose of a chapter may call."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from layerbook.site.prose.functions.links import LinkFunctions
from layerbook.site.prose.functions.live import LiveFunctions
from layerbook.site.prose.functions.media import MediaFunctions
from layerbook.site.prose.functions.results import ResultFunctions
from layerbook.site.prose.functions.text import TextFunctions


class ProseFunctions(ResultFunctions, LinkFunctions, TextFunctions, MediaFunctions, LiveFunctions):
    """The functions for one rendering of one chapter."""


FUNCTIONS: Mapping[str, Callable[..., object]] = {
    name: function
    for name, function in ProseFunctions.unbound().items()
    if name != "picture"  # only the pictures in the Markdown become calls of it
}
"""The functions of prose, with their parameters and docstrings; they cannot be called."""
