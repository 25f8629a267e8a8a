"""Render the chapters of a book, and its front page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property

from layerbook.book.book_file import FRONT_PAGE
from layerbook.book.contents import Chapter
from layerbook.core.errors import SpecError, first_problems
from layerbook.core.figures import Diagram
from layerbook.core.language import gettext
from layerbook.plotting.pool import DrawingJob
from layerbook.site import blocks, pages
from layerbook.site.chapter_media import ChapterMedia
from layerbook.site.chapter_views import ChapterViews
from layerbook.site.experiment_view import (
    ExperimentView,
    StoredViews,
    unknown_figure_problems,
)
from layerbook.site.figure_parts import FigureParts
from layerbook.site.mentions import find_mentions
from layerbook.site.notebook import notebook
from layerbook.site.page_cache import RenderedPage
from layerbook.site.page_templates import render_block
from layerbook.site.prose.chapter_text import TextPiece, prose_path
from layerbook.site.prose.code_cells import CodeCell, cell_folder
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.functions.context import ChapterContext
from layerbook.site.prose.ids import CHAPTER_DIAGRAM, PageIds, page_ids
from layerbook.site.prose.links import chapter_links
from layerbook.site.prose.markdown_checks import find_text_problems
from layerbook.site.prose.render import render_chapter
from layerbook.site.search import search_rows
from layerbook.site.site_parts import SiteParts
from layerbook.store.freshness import ExperimentStatus


class ChapterRenderer:
    """Renders chapters.

    views: the experiments of the book; each result is loaded when it is needed.
    """

    def __init__(self, parts: SiteParts, statuses: Sequence[ExperimentStatus]) -> None:
        self._parts, self._project = parts, parts.project
        self.views = StoredViews(parts.project, statuses)

    @cached_property
    def _decoder(self) -> Diagram | None:
        """The first diagram of the model that an experiment draws, without its title."""
        figures = (figure for view in self.views.values() for figure in view.figures.values())
        diagrams = (figure for figure in figures if isinstance(figure, Diagram))
        return next((replace(diagram, title="") for diagram in diagrams), None)

    @cached_property
    def _part_links(self) -> dict[str, str]:
        """The first chapter about each part of the model; the RoPE of old books is `position`."""
        chapters = reversed(self._project.book.chapters)
        links = {chapter.part: f"{chapter.name}.html" for chapter in chapters if chapter.part}
        return {"rope": links["position"], **links} if "position" in links else links

    def render(
        self, chapter: Chapter, prose: TextPiece, minutes: Mapping[str, int]
    ) -> RenderedPage:
        """Render a chapter, with placeholders for its pictures.

        A chapter that needs a missing result becomes a placeholder itself.
        minutes: the reading time of each chapter, for the front page.
        Raises SpecError with the problems of its prose, captions and claims.
        """
        self._check(chapter, prose)
        is_front = chapter.name == FRONT_PAGE
        page_type = pages.IndexPage if is_front else pages.ChapterPage
        ids = page_ids(self._parts.page_templates, page_type.template)
        math = MathRenderer(self._project.cache)
        views = self._chapter_views(chapter, math, ids)
        media = ChapterMedia(self._parts.media_folders, views.next_number, ids, self._project.cache)
        context = ChapterContext(
            views=views,
            jinja_env=self._parts.page_templates,
            math=math,
            bibliography=self._parts.bibliography,
            glossary=self._parts.glossary,
            ids=ids,
            media=media,
            live=self._parts.live,
        )
        try:
            body = render_chapter(prose.text, prose.file, context)
        except SpecError:
            if not views.unavailable:
                raise
            body = self._placeholder_body(chapter, views.unavailable.values())
        page = self.index_page(body, minutes) if is_front else self._chapter_page(chapter, body)
        html = {f"{page.name}.html": self._parts.html(page).encode()}
        return RenderedPage(
            files=views.files | media.files | html | self._notebook_file(page, views.cells),
            rows=search_rows(page),
            css_rules=math.css_rules,
            claim_ids=body.claim_ids,
            minutes=body.minutes,
            targets=body.targets,
            mentions=tuple(find_mentions(page)),
            messages=tuple(
                f"{view.address}: not shown: {view.unavailable_reason}"
                for view in views.unavailable.values()
                if not view.inapplicable
            ),
            incomplete=bool(views.unavailable),
            links=tuple({link.address: None for link in chapter_links(chapter, prose)}),
        )

    def _check(self, chapter: Chapter, prose: TextPiece) -> None:
        """Raise SpecError for mistakes that would silently drop text or captions."""
        problems = [
            problem
            for experiment in chapter.experiments
            for problem in unknown_figure_problems(
                experiment, self.views[experiment.address].figures
            )
        ]
        problems += first_problems(find_text_problems(chapter, prose))
        if problems:
            raise SpecError(problems)

    def _chapter_views(self, chapter: Chapter, math: MathRenderer, ids: PageIds) -> ChapterViews:
        links = {part: href for part, href in self._part_links.items() if part != chapter.part}
        return ChapterViews(
            chapter=chapter,
            views=self.views,
            cell_folder=cell_folder(self._project.templates_dir, chapter.name),
            figure_parts=FigureParts(self._parts.figure_renderer, links),
            math=math,
            ids=ids,
        )

    def _notebook_file(
        self, page: pages.ChapterPage | pages.IndexPage, cells: Mapping[str, CodeCell]
    ) -> dict[str, bytes]:
        """Return the notebook of a page that shows code cells."""
        sections = page.body.sections
        if not any(anchor.kind == "cell" for section in sections for anchor in section.anchors):
            return {}
        book = self._parts.book
        address = f"{book.url}{page.name}.html"
        content = notebook(address, page.title, book.title, sections, cells)
        return {f"{page.name}.ipynb": content}

    def _placeholder_body(
        self, chapter: Chapter, unavailable: Iterable[ExperimentView]
    ) -> pages.ChapterBody:
        if chapter.name == FRONT_PAGE:  # the page is complete without a text
            return pages.ChapterBody()
        html = "".join(
            render_block(self._parts.page_templates, "failed", view.failed_view("chapter"))
            for view in unavailable
        )
        return pages.ChapterBody(html)

    def _chapter_page(self, chapter: Chapter, body: pages.ChapterBody) -> pages.ChapterPage:
        chapters = self._parts.book.chapters
        links = {other.name: other.link for other in chapters}
        order = [
            blocks.Link(gettext("Contents"), "index.html"),
            *links.values(),
            blocks.Link(gettext(pages.ColophonPage.heading), pages.ColophonPage.template),
        ]
        index = list(links).index(chapter.name)
        # Paths in messages are relative to the working directory, which may be above the book.
        source = prose_path(self._project, chapter).absolute()
        return pages.ChapterPage(
            name=chapter.name,
            title=chapter.title,
            label=chapters[index].label,
            body=body,
            description=chapter.summary,
            previous=order[index],
            next=order[index + 2],
            diagram_svg=self._place_diagram(chapter.part),
            diagram_alt=gettext("Where in the model this chapter is: {title}", title=chapter.title),
            needs=tuple(links[name] for name in chapter.needs if name in links),
            draft=chapter.draft,
            source=source.relative_to(self._project.root.absolute()).as_posix(),
        )

    def _place_diagram(self, part: str | None) -> str | None:
        """Return the diagram of the model, a part highlighted; None if no experiment draws it."""
        if self._decoder is None:
            return None
        known_part = part if part in {block.part for block in self._decoder.blocks} else ""
        small = replace(self._decoder, highlight=known_part, compact=True)
        return self._parts.figure_renderer.pictures(DrawingJob(CHAPTER_DIAGRAM, small))[0]

    def index_page(self, body: pages.ChapterBody, minutes: Mapping[str, int]) -> pages.IndexPage:
        """Return the front page with its text."""
        diagram = None
        if self._decoder:
            linked = replace(self._decoder, links=self._part_links)
            diagram = self._parts.figure_renderer.pictures(DrawingJob("map", linked))[0]
        book = self._parts.book
        return pages.IndexPage(
            title=book.title,
            body=body,
            minutes=minutes,
            diagram_svg=diagram,
            diagram_alt=gettext("The model, part by part; each part leads to its chapter"),
            next=book.chapters[0].link if book.chapters else None,
        )
