"""Collect the pages of a book: chapters, claims, references, glossary, colophon and others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property

from layerbook.book import bibliography, glossary
from layerbook.book.book_file import FRONT_PAGE
from layerbook.book.contents import Chapter
from layerbook.book.media import MediaFolders
from layerbook.book.theme import find_theme_problems
from layerbook.core.errors import Problem, SpecError, first_problems
from layerbook.core.figures import Diagram
from layerbook.core.language import gettext
from layerbook.plotting.pool import DrawingPool
from layerbook.site import colophon, pages
from layerbook.site.assets import assets, make_environment, own_templates, render_block
from layerbook.site.book_info import book_info
from layerbook.site.book_pages import BookPages, PageWriter
from layerbook.site.chapter_media import ChapterMedia
from layerbook.site.chapter_views import ChapterViews
from layerbook.site.claims import check_claim
from layerbook.site.cross_references import PageTargets, collect_places, fill_cross_references
from layerbook.site.cross_references import Place as TargetPlace
from layerbook.site.experiment_view import (
    ExperimentView,
    StoredViews,
    find_decoder_diagram,
    unknown_figure_problems,
)
from layerbook.site.figure_cache import FigureRenderer
from layerbook.site.figure_links import Place, fill_figure_links
from layerbook.site.interactive import live_page
from layerbook.site.notebook import notebook
from layerbook.site.page_cache import CachedPage, PageCache
from layerbook.site.prose.checks import (
    find_link_problems,
    find_text_problems,
    find_unknown_references,
    find_unshown_figures,
    link_addresses,
    page_files,
    prose_path,
)
from layerbook.site.prose.code_cells import cell_folder
from layerbook.site.prose.functions.context import ChapterContext
from layerbook.site.prose.ids import CHAPTER_DIAGRAM, find_ids, page_ids
from layerbook.site.prose.links import LinkTargets
from layerbook.site.prose.markdown import Target
from layerbook.site.prose.math import MathRenderer
from layerbook.site.prose.mentions import find_mentions
from layerbook.site.prose.render import render_chapter
from layerbook.site.published import published_files
from layerbook.site.ro_crate import CRATE_FILE, ro_crate_manifest
from layerbook.site.search import (
    chapter_rows,
    search_index,
)
from layerbook.site.theme import theme_files
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.json_format import json_digest
from layerbook.store.project import Project


@dataclass(frozen=True)
class SiteContents:
    """The files of a site by path.

    messages: one for each experiment that a chapter needs and that has no result.
    refuted: number of claims that do not hold on the book's model.
    """

    files: Mapping[str, bytes]
    messages: list[str]
    refuted: int


@dataclass(frozen=True)
class RenderedChapter:
    """A chapter whose pictures are still placeholders."""

    inputs: str
    links: tuple[str, ...]
    page: pages.ChapterPage | pages.IndexPage
    math: MathRenderer
    views: ChapterViews
    media: ChapterMedia


class SiteBuilder:
    """Collects the pages of one book; takes unchanged ones from the cache."""

    def __init__(
        self,
        project: Project,
        statuses: Sequence[ExperimentStatus],
        drawing_pool: DrawingPool,
        page_cache: PageCache,
    ) -> None:
        self._project, self._page_cache = project, page_cache
        self._views = StoredViews(project, statuses)
        self._media_folders = MediaFolders(project.root)
        if problems := find_theme_problems(project.root, project.book.theme):
            raise SpecError(problems)
        self._figure_renderer = FigureRenderer(project.cache, drawing_pool)
        self._own_templates = own_templates(project.templates_dir)
        self._jinja_env = make_environment(self._own_templates)
        self._bibliography = bibliography.load(project.templates_dir)
        self._glossary = glossary.load(project.templates_dir)
        self._live = live_page.live_model(project.source)
        self._book = replace(
            book_info(project),
            live=self._live is not None,
            references=self._bibliography is not None,
            glossary=self._glossary is not None,
        )
        self._writer = PageWriter(self._book, self._jinja_env, self._figure_renderer)
        self._book_pages = BookPages(project, statuses, self._writer, page_cache)
        self._chapters: dict[str, RenderedChapter | CachedPage] = {}
        self._prose: dict[str, str] = {}

    @cached_property
    def _decoder(self) -> Diagram | None:
        return find_decoder_diagram(self._views)

    @cached_property
    def _part_links(self) -> dict[str, str]:
        """The first chapter about each part of the model; the RoPE of old books is `position`."""
        links: dict[str, str] = {}
        for chapter in self._project.book.chapters:
            if chapter.part:
                links.setdefault(chapter.part, f"{chapter.name}.html")
        if "position" in links:
            links.setdefault("rope", links["position"])
        return links

    def add_chapter(self, chapter: Chapter, prose: str) -> None:
        """Add a chapter; one that needs a missing result becomes a placeholder.

        Raises SpecError with the problems of its prose, captions and claims.
        """
        self._prose[chapter.name] = prose
        inputs = json_digest([prose, self._minutes()]) if chapter.name == FRONT_PAGE else prose
        cached = self._page_cache.load(chapter.name, inputs)
        self._chapters[chapter.name] = cached or self._render_chapter(chapter, prose, inputs)

    def _minutes(self) -> dict[str, int]:
        """Return how long reading takes each of the chapters so far."""
        return {
            name: page.minutes if isinstance(page, CachedPage) else page.page.body.minutes
            for name, page in self._chapters.items()
            if name != FRONT_PAGE
        }

    def _render_chapter(self, chapter: Chapter, prose: str, inputs: str) -> RenderedChapter:
        file = str(prose_path(self._project, chapter))
        problems = [
            problem
            for experiment in chapter.experiments
            for problem in unknown_figure_problems(
                experiment, self._views[experiment.address].figures
            )
        ]
        problems += first_problems(find_text_problems(chapter, prose, file))
        if problems:
            raise SpecError(problems)
        math = MathRenderer(self._project.cache)
        page_type = pages.IndexPage if chapter.name == FRONT_PAGE else pages.ChapterPage
        ids = page_ids(self._jinja_env, page_type.template)
        folder = cell_folder(self._project.templates_dir, chapter.name)
        views = ChapterViews(
            chapter.name,
            chapter.number,
            self._views,
            figure_renderer=self._figure_renderer,
            math=math,
            ids=ids,
            cell_folder=folder,
            diagram_links={
                part: href for part, href in self._part_links.items() if part != chapter.part
            },
        )
        media = ChapterMedia(self._media_folders, views.next_number, ids, self._project.cache)
        context = ChapterContext(
            views=views,
            jinja_env=self._jinja_env,
            math=math,
            bibliography=self._bibliography,
            glossary=self._glossary,
            ids=ids,
            media=media,
            live=self._live,
        )
        try:
            body = render_chapter(prose, file, context)
        except SpecError:
            if not views.unavailable:
                raise
            body = self._placeholder_body(chapter, views.unavailable.values())
        is_front = chapter.name == FRONT_PAGE
        page = self._index_page(body) if is_front else self._chapter_page(chapter, body)
        links = link_addresses(chapter, prose)
        return RenderedChapter(inputs, links, page, math, views, media)

    def _placeholder_body(
        self, chapter: Chapter, unavailable: Iterable[ExperimentView]
    ) -> pages.ChapterBody:
        if chapter.name == FRONT_PAGE:  # which does not need its text
            return pages.ChapterBody()
        html = "".join(
            render_block(self._jinja_env, "failed", view.failed_view("chapter"))
            for view in unavailable
        )
        return pages.ChapterBody(html, toc=(), headings=(), sections=())

    def _chapter_page(self, chapter: Chapter, body: pages.ChapterBody) -> pages.ChapterPage:
        own = next(other for other in self._book.chapters if other.name == chapter.name)
        links = {other.name: pages.Link(other.title, other.href) for other in self._book.chapters}
        order = [
            pages.Link(gettext("Contents"), "index.html"),
            *links.values(),
            pages.Link(gettext("How this book was made"), "colophon.html"),
        ]
        place = order.index(links[chapter.name])
        diagram = None
        if self._decoder:
            parts = {block.part for block in self._decoder.blocks}
            part = chapter.part if chapter.part in parts else ""
            highlighted = replace(self._decoder, highlight=part or "", title="")
            diagram = self._figure_renderer.diagram(highlighted, CHAPTER_DIAGRAM, compact=True)
        # Paths in messages are relative to the working directory, which may be above the book.
        source = prose_path(self._project, chapter).absolute()
        return pages.ChapterPage(
            name=chapter.name,
            title=chapter.title,
            label=own.label,
            body=body,
            description=chapter.summary,
            previous=order[place - 1],
            next=order[place + 1],
            diagram_svg=diagram,
            diagram_alt=(
                gettext("Where in the model this chapter is: {title}", title=chapter.title)
                if diagram
                else ""
            ),
            needs=tuple(links[name] for name in chapter.needs if name in links),
            draft=chapter.draft,
            source=source.relative_to(self._project.root.absolute()).as_posix(),
        )

    def finish(self) -> SiteContents:
        """Return the site, once all chapters are added. Raises SpecError for links to nowhere."""
        chapters = {name: self._finish_chapter(name) for name in self._chapters}
        parts = [
            *chapters.values(),
            self._book_pages.claims(self._views, chapters),
            self._front_pages(),
        ]
        if self._live:
            parts.append(self._book_pages.try_page(self._live))
        mentions = tuple(mention for part in parts for mention in part.mentions)
        if self._bibliography:
            parts.append(self._book_pages.references(self._bibliography, mentions))
        if self._glossary:
            parts.append(self._book_pages.glossary(self._glossary, mentions))
        math_rules = {name: rule for part in parts for name, rule in part.css_rules.items()}
        rows = [row for part in parts for row in part.rows]
        files = {"assets/search-index.js": search_index(rows)}
        files |= self._media_folders.static_files()
        files |= theme_files(self._project.book.theme, self._media_folders)
        for part in parts:
            files |= part.files
        files |= self._fill_references(chapters)
        self._check_links(files, chapters)
        files |= assets(math_rules, self._own_templates)
        files |= published_files(self._book, [path for path in files if path.endswith(".html")])
        files[CRATE_FILE] = ro_crate_manifest(self._project, self._book, files)
        return SiteContents(
            dict(sorted(files.items())),
            messages=[message for part in parts for message in part.messages],
            refuted=sum(part.refuted for part in parts),
        )

    def _fill_references(self, chapters: Mapping[str, CachedPage]) -> dict[str, bytes]:
        """Return the chapters with their references to figures and to places on other pages.

        Raises SpecError for one that leads nowhere, unless some page is incomplete.
        """
        titles = {chapter.name: chapter.title for chapter in self._project.book.pages}
        places = self._places({name: page.targets for name, page in chapters.items()})
        figures: dict[str, list[Place]] = {}
        for name, page in chapters.items():
            for shown in page.shown:
                figures.setdefault(shown.name, []).append(Place(name, titles[name], shown))
        missing: set[str] = set()
        unknown: dict[str, dict[str, str]] = {}
        filled = {}
        for name, page in chapters.items():
            html = page.files[f"{name}.html"].decode()
            html = fill_figure_links(html, name, figures, missing.add)
            report = unknown.setdefault(name, {}).setdefault
            filled[f"{name}.html"] = fill_cross_references(html, name, places, report).encode()
        if not any(page.incomplete for page in chapters.values()):
            problems = find_unshown_figures(self._project, self._prose, missing)
            problems += find_unknown_references(self._project, self._prose, unknown)
            if problems:
                raise SpecError(problems)
        return filled

    def _places(self, targets: Mapping[str, tuple[Target, ...]]) -> dict[str, list[TargetPlace]]:
        titles = {chapter.name: chapter.title for chapter in self._project.book.pages}
        return collect_places(PageTargets(name, titles[name], targets[name]) for name in targets)

    def _cross_reference_problems(self) -> list[Problem]:
        """Report references to places that no page has, once every page is complete."""
        html: dict[str, str] = {}
        targets: dict[str, tuple[Target, ...]] = {}
        for name, chapter in self._chapters.items():
            if isinstance(chapter, CachedPage):
                html[name], targets[name] = chapter.files[f"{name}.html"].decode(), chapter.targets
            else:
                html[name], targets[name] = chapter.page.body.html, chapter.page.body.targets
        places = self._places(targets)
        unknown: dict[str, dict[str, str]] = {}
        for name, text in html.items():
            report = unknown.setdefault(name, {}).setdefault
            fill_cross_references(text, name, places, report)
        return find_unknown_references(self._project, self._prose, unknown)

    def find_problems(self) -> list[Problem]:
        """Report claims that cannot be judged, and links to nowhere on the chapters so far."""
        problems: list[Problem] = []
        for view in self._views.values():
            for index in range(len(view.experiment.claims)):
                try:
                    check_claim(view, index, self._views, MathRenderer(self._project.cache))
                except SpecError as error:
                    problems += error.problems
        if self._glossary:
            try:
                self._book_pages.glossary_view(
                    self._glossary, (), MathRenderer(self._project.cache)
                )
            except SpecError as error:
                problems += error.problems
        pages = page_files(self._project, self._bibliography, self._glossary)
        targets = LinkTargets(
            pages, None, self._chapter_page_ids, tuple(self._media_folders.static_paths())
        )
        if not any(map(_is_incomplete, self._chapters.values())):
            problems += self._cross_reference_problems()
        return problems + find_link_problems(self._project, self._prose, targets)

    def _chapter_page_ids(self, page: str) -> Collection[str] | None:
        """Return the ids of a chapter's page; None of another page, or if results are missing."""
        chapter = self._chapters.get(page.removesuffix(".html"))
        if isinstance(chapter, RenderedChapter) and not chapter.views.unavailable:
            html = self._writer.html(chapter.page)
        elif isinstance(chapter, CachedPage) and not chapter.incomplete:
            html = chapter.files[page].decode()
        else:
            return None
        return find_ids(html)

    def _check_links(self, files: Mapping[str, bytes], chapters: Mapping[str, CachedPage]) -> None:
        """Raise SpecError for links to nowhere; incomplete pages may lack what they lead to."""

        @cache
        def ids_of(page: str) -> frozenset[str] | None:
            chapter = chapters.get(page.removesuffix(".html"))
            is_incomplete = chapter is not None and chapter.incomplete
            return None if is_incomplete else find_ids(files[page].decode())

        pages = [path for path in files if path.endswith(".html") and "/" not in path]
        targets = LinkTargets(pages, files={*files, CRATE_FILE}, find_ids=ids_of)
        if any(
            targets.problem(address, f"{name}.html")
            for name, chapter in chapters.items()
            for address in chapter.links
        ):
            # Only now are the texts parsed, for the places of the links.
            raise SpecError(find_link_problems(self._project, self._prose, targets))

    def _finish_chapter(self, name: str) -> CachedPage:
        chapter = self._chapters[name]
        if isinstance(chapter, CachedPage):
            return chapter
        page = CachedPage(
            files={
                **chapter.views.files,
                **chapter.media.files,
                **self._writer.files(chapter.page),
                **self._notebook_file(chapter),
            },
            rows=chapter_rows(chapter.page),
            css_rules=chapter.math.css_rules,
            claim_ids=chapter.page.body.claim_ids,
            minutes=chapter.page.body.minutes,
            shown=tuple(chapter.views.shown),
            targets=chapter.page.body.targets,
            mentions=tuple(find_mentions(chapter.page)),
            messages=tuple(
                f"{view.address}: not shown: {view.unavailable_reason}"
                for view in chapter.views.unavailable.values()
                if not view.inapplicable
            ),
            incomplete=bool(chapter.views.unavailable),
            links=chapter.links,
        )
        self._page_cache.add(name, chapter.inputs, page)
        return page

    def _notebook_file(self, chapter: RenderedChapter) -> dict[str, bytes]:
        """Return the notebook of a chapter that shows code cells."""
        page, cells = chapter.page, chapter.views.cells
        sections = page.body.sections
        if not any(anchor.kind == "cell" for section in sections for anchor in section.anchors):
            return {}
        content = notebook(f"{page.name}.html", page.title, self._book.title, sections, cells)
        return {f"{page.name}.ipynb": content}

    def _index_page(self, body: pages.ChapterBody) -> pages.IndexPage:
        diagram = None
        if self._decoder:
            untitled = replace(self._decoder, title="")
            diagram = self._figure_renderer.diagram(
                untitled, "map", compact=False, links=self._part_links
            )
        return colophon.index_page(self._book, diagram, body, self._minutes())

    def _front_pages(self) -> CachedPage:
        """Return the colophon, and the first page of a book that has no text for it."""

        def render() -> CachedPage:
            last = colophon.colophon_page(self._project, self._book, self._views)
            files = self._writer.files(last)
            if self._project.book.front is None:
                files |= self._writer.files(self._index_page(pages.ChapterBody()))
            return CachedPage(files)

        return self._book_pages.load_or_render("+front", repr(self._minutes()), render)


def _is_incomplete(chapter: RenderedChapter | CachedPage) -> bool:
    if isinstance(chapter, CachedPage):
        return chapter.incomplete
    return bool(chapter.views.unavailable)
