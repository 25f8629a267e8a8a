"""The code cells of a chapter as a Jupyter notebook, under the chapter's headings."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from layerbook.core.language import gettext
from layerbook.site.prose.code_cells import CodeCell
from layerbook.site.prose.markup import Section

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def notebook(
    page: str, title: str, book: str, sections: Sequence[Section], cells: Mapping[str, CodeCell]
) -> bytes:
    """Return the notebook of a page with these cells, always the same bytes for the same cells.

    page: the address of the chapter, or its file beside the notebook.
    """
    about = gettext(
        "The code of [this chapter]({page}) of *{book}*. Run the cells from the top, in a Python "
        "environment that has Layerbook with its extra `model`.",
        page=page,
        book=_escape(book),
    )
    notebook_cells = [_markdown("title", f"# {_escape(title)}\n\n{about}")]
    for section in sections:
        names = [anchor.source for anchor in section.anchors if anchor.kind == "cell"]
        if names and section.title:
            heading = f"## [{_escape(section.title)}]({page}#{section.id})"
            notebook_cells.append(_markdown(f"heading-{len(notebook_cells)}", heading))
        notebook_cells += [_code(f"code-{name}", cells[name].code) for name in names]
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    content = {"cells": notebook_cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return (json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True) + "\n").encode()


def _markdown(id: str, text: str) -> dict[str, Any]:
    return {"id": id, "cell_type": "markdown", "source": text.splitlines(True), "metadata": {}}


def _code(id: str, text: str) -> dict[str, Any]:
    cell = _markdown(id, text) | {"cell_type": "code"}
    return cell | {"execution_count": None, "outputs": []}


def _escape(text: str) -> str:
    """Escape text for Markdown, on one line."""
    return _PUNCTUATION.sub(r"\\\1", " ".join(text.split()))
