"""The pictures and scripts of the figures on one page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from layerbook.core import figures
from layerbook.core.language import gettext
from layerbook.core.tidy_table import tidy_table
from layerbook.plotting.colors import sequential
from layerbook.plotting.pool import DrawingJob
from layerbook.site.blocks import FigureScript, FrameView
from layerbook.site.figure_cache import FigureRenderer
from layerbook.site.interactive import assign_data, attention, sampling, tokenizer
from layerbook.site.prose.filters import bytes_
from layerbook.site.prose.ids import PICTURE_SUFFIX
from layerbook.site.tokens_html import passage_html, strip_html, table_csv, table_html


class FigureParts:
    """Makes the pictures, scripts and data files of figures.

    diagram_links: the pages to which the boxes of the model's diagram lead, by part.
    files: the data files of the page, by path in the site.
    """

    def __init__(
        self, renderer: FigureRenderer, diagram_links: Mapping[str, str] | None = None
    ) -> None:
        self._renderer = renderer
        self._diagram_links = diagram_links or {}
        self.files: dict[str, bytes] = {}

    def add_table(self, figure: figures.Figure, href: str) -> None:
        """Add the numbers of a figure as CSV."""
        self.files[href] = table_csv(tidy_table(figure)).encode()

    def html(self, figure: figures.Figure, id: str, script_href: str) -> str:
        """Return the HTML of a figure that is not a sequence."""
        picture = f"{id}{PICTURE_SUFFIX}"
        match figure:
            case figures.TokenStrip(tokenizer_json=""):
                return strip_html(figure)
            case figures.TokenStrip():
                scripts = tokenizer.script_files(figure, script_href)
                self.files |= scripts
                return tokenizer.live_html(figure, scripts)
            case figures.Passage():
                return passage_html(figure)
            case figures.Table():
                return table_html(figure, figure.title or gettext("Table"))
            case figures.Diagram():
                figure = replace(figure, links=self._diagram_links)
        return self._renderer.pictures(DrawingJob(picture, figure))[0]

    def frames(self, figure: figures.Frames, id: str) -> tuple[FrameView, ...]:
        """Return the steps of a sequence, each with its picture."""
        pictures = self._renderer.pictures(DrawingJob(f"{id}{PICTURE_SUFFIX}", figure))
        return tuple(
            FrameView(
                figures.label_text(frame.label),
                html,
                frame.picture.alt,
                frame.note,
                frame.token,
                frame.stop,
            )
            for frame, html in zip(figure.frames, pictures, strict=True)
        )

    def script(self, figure: figures.Figure, href: str) -> FigureScript | None:
        """Add the script with the data that a reader can open from the figure, if any."""
        data = getattr(figure, "interactive", None)
        if isinstance(data, figures.Widget) and data.large:
            self.files[href] = assign_data(href, data.data)
            return FigureScript(href, data.kind, bytes_(len(self.files[href])))
        if isinstance(data, figures.AttentionData):
            self.files[href] = attention.data_script(href, data, sequential())
            description = attention.description(data, len(self.files[href]))
            return FigureScript(href, "patterns", description)
        if isinstance(data, figures.SamplingData):
            self.files[href] = sampling.data_script(href, data)
            return FigureScript(href, "scores", sampling.description(len(self.files[href])))
        return None
