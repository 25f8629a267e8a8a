"""The page that runs the model on a reader's own text: its facts, and the libraries it loads."""

from __future__ import annotations

from pathlib import Path

from layerbook.model.sources import GGUFSource, ModelSource
from layerbook.plotting.colors import sequential
from layerbook.site.blocks import LiveModel
from layerbook.site.interactive import read_library
from layerbook.site.interactive.tokenizer import LIBRARY_FILE
from layerbook.site.pages import TryPage
from layerbook.site.prose.highlight import code_html
from layerbook.site.prose.live_code import live_code

JINJA_NAME = "@huggingface/jinja 0.5.11"
JINJA_FILE = "huggingface-jinja-0.5.11.min.js"
PINNED_SIZES = {"b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53": 98_362_432}
"""Bytes of files by their sha256: a book can be built where its model is not."""
EXTRA_MEMORY = 200_000_000
"""Bytes that the page needs beside the model, on a text of 500 tokens: the browser's own, and the
keys, values and vectors of the text."""


def live_model(source: ModelSource) -> LiveModel | None:
    """Return the model as pages run it, or None if they cannot."""
    if not isinstance(source, GGUFSource):
        return None
    digest = source.digest()
    size = PINNED_SIZES.get(digest) or Path(source.location).stat().st_size
    return LiveModel(
        name=source.name,
        size=size,
        memory=round(size + EXTRA_MEMORY, -7),
        sha256=digest,
        shades=sequential()[:, :3].tobytes().hex(),
        libraries=(f"assets/{LIBRARY_FILE}", f"assets/{JINJA_FILE}"),
    )


def try_page(model: LiveModel) -> TryPage:
    """Return the page that runs a model."""
    return TryPage(model, code_html(live_code().expandtabs(2), "javascript"))


def library_files() -> dict[str, bytes]:
    """Return the libraries that the page loads, by path."""
    return {f"assets/{name}": read_library(name) for name in (LIBRARY_FILE, JINJA_FILE)}
