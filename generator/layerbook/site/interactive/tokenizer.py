"""A figure that takes the reader's own text: its static form, and the files that make it live.

The page works without them. They are loaded when the reader asks, as classic scripts: pages opened from disk may fetch
nothing else. A strip's `live` is JSON, `{"text", "given": [[piece, id], ...], "joins": [id, id, ...], "rest": {...}}`:
the text to begin with, and what `TokenizerFileResult` says of the other three.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files as resources

from layerbook.site.prose.filters import bytes_
from layerbook.site.prose.markup import escape_text
from layerbook.site.tokens_html import strip_html
from layerbook.core.figures import TokenStrip

LIBRARY_NAME = "@huggingface/tokenizers 0.2.0"
_BUNDLE = "huggingface-tokenizers-0.2.0.min.js"


def live_html(figure: TokenStrip, data_href: str) -> str:
    """The chips of the figure's own text, and for the script what to load and how much that is."""
    load = script_files(figure, data_href)
    told = f'data-scripts="{escape_text(" ".join(load))}" data-size="{escape_text(bytes_(sum(map(len, load.values()))))}"'
    return f'<div class="live" {told}>{strip_html(figure)}</div>'


def script_files(figure: TokenStrip, data_href: str) -> dict[str, bytes]:
    """The scripts to load, in this order, by their paths in the site: the library, and the tokenizer's data."""
    script = f'(window.layerbookData = window.layerbookData || {{}})["{data_href}"] = {figure.tokenizer_json};\n'
    return {f"assets/{_BUNDLE}": _bundle(), data_href: script.encode("ascii")}


@cache
def _bundle() -> bytes:
    return resources("layerbook.site").joinpath("vendor", _BUNDLE).read_bytes()
