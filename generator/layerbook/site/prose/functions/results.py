"""Functions that show results: figures, claims, code and downloads."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from layerbook.core.errors import UsageError
from layerbook.site.blocks import FailedView, TickView
from layerbook.site.prose.functions.context import (
    ChapterContext,
    FunctionGroup,
    figure_label,
    prose_function,
)
from layerbook.site.prose.markup import Anchor, Block, Inline


class ResultFunctions(FunctionGroup):
    """Show the experiments of the book."""

    def __init__(self, context: ChapterContext) -> None:
        super().__init__(context)
        self._views = context.views
        self._claim = cache(context.views.claim)
        self._shown_ids: set[str] = set()
        self._shown_cells: set[str] = set()
        self._tick_boxes: dict[tuple[str, int], TickView] = {}

    @prose_function()
    def r(self, id: str) -> object:
        """`r("id")`: the result of an experiment; `r("chapter/id")` is one of another chapter."""
        return self._views.result(id)

    @prose_function()
    def applies(self, id: str) -> bool:
        """`applies("id")`: true if the model can run an experiment, so that it has a result."""
        return self._views.applies(id)

    @prose_function(in_captions=False)
    def figure(self, id: str, name: str | None = None) -> Block:
        """`figure("id", "name")`: a figure, once a page."""
        view = self._views.figure(id, name)
        if view.id in self._shown_ids:
            raise UsageError(f"the figure {view.id!r} is already on this page")
        self._shown_ids.add(view.id)
        if isinstance(view, FailedView):
            return Block(self._block("failed", view), view.message, "figure()")
        html, text = self._block("figure", view), f"{view.title} {view.alt}".strip()
        label, full_name = figure_label(view.number), self._views.figure_name(id, name)
        return Block(html, text, "figure()", label=label, id=view.id, figure=full_name)

    @prose_function(steps=100, in_captions=False)
    def claim(self, id: str, index: int = 0) -> Block:
        """`claim("id", 0)`: a claim in a box; its first box or tick on the page is its anchor."""
        view = self._claim(id, index)
        view = replace(view, id=self._take_claim_id(view.id))
        anchors = (Anchor("claim", view.id),) if view.id else ()
        return Block(self._block("claim", view), str(view.sentence), "claim()", anchors)

    @prose_function(steps=100, in_captions=False)
    def tick(self, id: str, index: int = 0) -> Inline:
        """`tick("id", 0)`: a mark that says whether a claim holds, and opens its box."""
        claim = self._claim(id, index)
        if (id, index) not in self._tick_boxes:
            box_id = self._context.ids.add(f"{claim.id}-box")
            self._tick_boxes[id, index] = TickView(claim, box_id)
        view = replace(self._tick_boxes[id, index], id=self._take_claim_id(claim.id))
        anchors = (Anchor("claim", view.id),) if view.id else ()
        return Inline(self._block("tick", view), "", anchors)

    @prose_function()
    def holds(self, id: str, index: int = 0) -> bool:
        """`holds("id", 0)`: true if a claim holds."""
        claim = self._claim(id, index)
        if claim.judgement.state == "inapplicable":
            raise UsageError(f"{claim.judgement.note}; ask applies() before holds()")
        return claim.holds

    @prose_function(steps=1000, in_captions=False)
    def source(self, id: str) -> Block:
        """`source("id")`: the code that measured an experiment."""
        return Block(self._block("source", self._views.source(id)), "", "source()")

    @prose_function(steps=1000, in_captions=False)
    def code_cell(self, name: str) -> Block:
        """`code_cell("name")`: a program that a reader can run, once a page."""
        view = self._views.code_cell(name)
        if name in self._shown_cells:
            raise UsageError(f"the code cell {name!r} is already on this page")
        self._shown_cells.add(name)
        if isinstance(view, FailedView):
            id = self._context.ids.add(view.id)
            return Block(self._block("failed", replace(view, id=id)), "", "code_cell()")
        view = replace(view, id=self._context.ids.add(f"code-{name}"))
        anchors = (Anchor("cell", view.id, name),)
        return Block(self._block("code_cell", view), "", "code_cell()", anchors)

    @prose_function(steps=1000)
    def download(self, id: str) -> Inline:
        """`download("id")`: links to the files of a result."""
        files = self._views.downloads(id)
        return Inline(self._block("downloads", files), ", ".join(file.label for file in files))

    def tick_boxes(self) -> str:
        """Return the boxes that the ticks of the page open."""
        return "".join(self._block("tick_box", view) for view in self._tick_boxes.values())

    def _take_claim_id(self, id: str) -> str:
        """Return the id of a claim for its first box or tick, and nothing for the others."""
        is_first = id not in self._shown_ids
        self._shown_ids.add(id)
        return id if is_first else ""
