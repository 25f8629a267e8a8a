"""A figure that tokenizes the reader's own text: its static HTML, and the scripts it loads.

The page works without the scripts and loads them on request. The figure's `tokenizer_json` is
`{"texts", "base": [[piece, id], ...], "merges": [id, id, ...], "settings": {...}}`: the texts to
begin with, and three fields of `TokenizerFileResult`.
"""

from __future__ import annotations

from collections.abc import Mapping

from layerbook.core.figures import TokenStrip
from layerbook.site.interactive import assign_data, read_library
from layerbook.site.prose.filters import bytes_
from layerbook.site.prose.markup import escape_text
from layerbook.site.tokens_html import strip_html

LIBRARY_NAME = "@huggingface/tokenizers 0.2.0"
LIBRARY_FILE = "huggingface-tokenizers-0.2.0.min.js"


def live_html(figure: TokenStrip, scripts: Mapping[str, bytes]) -> str:
    """Return the chips of the figure's own text, with the paths and the size of its scripts."""
    paths, size = escape_text(" ".join(scripts)), bytes_(sum(map(len, scripts.values())))
    attributes = f'data-scripts="{paths}" data-size="{escape_text(size)}"'
    return f'<div class="live" {attributes}>{strip_html(figure)}</div>'


def script_files(figure: TokenStrip, data_href: str) -> dict[str, bytes]:
    """Return the scripts by path, in the order of loading: the library, then the tokenizer."""
    data = assign_data(data_href, figure.tokenizer_json)
    return {f"assets/{LIBRARY_FILE}": read_library(LIBRARY_FILE), data_href: data}
