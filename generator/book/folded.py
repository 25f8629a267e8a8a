"""What is folded away until the reader has an answer of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import pass_context
from jinja2.runtime import Context

from generator.book.markup import Block
from generator.errors import UsageError


def reveal(blocks: Any) -> Callable[..., str]:
    """`{% call reveal("title") %}`: prose that opens at its title; `blocks` is the module of blocks.html."""

    @pass_context
    def reveal(prose: Context, title: str = "What the run says", *, caller: Callable[[], str] | None = None) -> str:
        if caller is None:
            raise UsageError("reveal() needs something to hide: {% call reveal() %} ... {% endcall %}")
        return _around(prose, Block(str(blocks.reveal(title)), title, "reveal()"), caller, "</div></details>")

    return reveal


def _around(prose: Context, opening: Block, caller: Callable[[], str], closing: str) -> str:
    """Blocks before and after what stands inside, with empty lines between, so that all of it is still Markdown."""
    write: Callable[[Context, Block], str] = prose.environment.finalize  # type: ignore[assignment]
    return f"\n\n{write(prose, opening)}\n\n{caller()}\n\n{write(prose, Block(closing, '', opening.name))}\n\n"
