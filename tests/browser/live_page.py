"""A page with one live figure, for any tokenizer on disk; nothing but the figure is in its chapter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from analyses.running import stored
from book.sample import BOOK, context, figure_view

from generator.analyses.tokenizer_file import TokenizerFile
from generator.book.chapter import render_chapter
from generator.book.live import files, live_html
from generator.book.pages import ChapterPage, Link
from generator.book.site import assets, render_page
from generator.capture import Capture, Prompt
from generator.figure import TokenStrip
from generator.model.tokenizer import ModelTokenizer

DATA = "data/words/live-tokens.js"


def live_figure(tokenizer: ModelTokenizer, text: str) -> TokenStrip:
    """The figure of a text, its result taken through JSON as the store does it."""
    ids, encoded = tokenizer.encode(Prompt(text=text))
    analysis = TokenizerFile(text=text)
    result = stored(analysis, analysis.measure({"text": Capture(tokenizer.tokens(ids), encoded, tokenizer)}))
    figure = analysis.figures(result)["tokens"]
    assert isinstance(figure, TokenStrip)
    return figure


def write_live_page(folder: Path, tokenizer: ModelTokenizer, text: str) -> Path:
    """The page's file, with all that it loads beside it; the chapters before and after it do not exist."""
    figure = live_figure(tokenizer, text)
    html = live_html(figure, DATA)
    view = replace(figure_view("noise", "tokens"), html=html, alt=figure.alt, table=figure.table(), title="Yours")
    ctx = context(figure=lambda *_: view)
    body = render_chapter('{{ figure("live") }}', "live.md", ctx)
    turns = {"previous": Link("Before", "before.html"), "next": Link("After", "after.html")}
    page = ChapterPage("attention", "Attention", 1, body, **turns)
    written = (
        {"attention.html": render_page(page, BOOK, ctx.pages).encode()} | assets(ctx.math.rules) | files(figure, DATA)
    )
    for name, content in written.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / "attention.html"
