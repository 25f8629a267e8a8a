"""Binding the book: chapters one by one, then the first page, the colophon, search, and what they need beside them.

What was laid out before is taken from the working cache: a chapter until its prose changes, and everything until
anything else does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from layerbook.book import bibliography
from layerbook.site import colophon as front, provenance
from layerbook.site.prose import citations
from layerbook.site import assets as site
from layerbook.site.prose.functions import ChapterContext
from layerbook.site.prose.render import render_chapter
from layerbook.site.prose.math import MathRenderer
from layerbook.site.pages import (
    BookInfo,
    ChapterBody,
    ChapterPage,
    FailedView,
    Link,
    NavChapter,
    Page,
)
from layerbook.site.search import chapter_rows, claim_rows, reference_rows, search_index
from layerbook.site.claims_page import ModelResults, claims_page, load_other_models
from layerbook.site.figure_cache import FigureRenderer
from layerbook.core.errors import SpecError
from layerbook.site.experiment_view import (
    ExperimentView,
    find_decoder_diagram,
    load_experiment_views,
)
from layerbook.site.chapter_views import ChapterViews
from layerbook.book.loader import Chapter
from layerbook.core.figures import Diagram
from layerbook.site.colophon import hex_digest
from layerbook.site.page_cache import CachedPage, store_page, load_page
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.project import Project
from layerbook.site.verification_table import verification_sections
from layerbook.plotting.pool import DrawingPool


@dataclass(frozen=True)
class RenderedChapter:
    """A chapter laid out, with marks where its pictures will be, and what belongs to it."""

    page: ChapterPage
    math: MathRenderer
    files: Mapping[str, bytes]
    messages: tuple[str, ...]


class SiteBuilder:
    """Collects the pages of one book; `site_files` gives the whole site, `store_pages` saves laying them out the next time.

    inputs_digest: of everything that pages are made from but the chapters' prose. ignore_cache: render every page anew.
    """

    def __init__(
        self,
        project: Project,
        statuses: Sequence[ExperimentStatus],
        drawing_pool: DrawingPool,
        inputs_digest: str,
        ignore_cache: bool,
    ) -> None:
        own = project.templates_dir if (project.templates_dir / "base.html").is_file() else None
        self.project, self.statuses, self.template_overrides = project, statuses, own
        self.inputs_digest, self.ignore_cache = inputs_digest, ignore_cache
        self.figure_renderer = FigureRenderer(project.cache, drawing_pool)
        self.pages = site.make_environment(own)
        self.bibliography = bibliography.load(project.templates_dir)
        self.chapters: dict[str, tuple[str, RenderedChapter | CachedPage]] = {}
        self.cached_pages: dict[str, CachedPage] = {}
        self.keys_to_store: dict[str, str] = {}
        nav = tuple(
            NavChapter(c.name, c.title, i, c.summary)
            for i, c in enumerate(project.book.chapters, start=1)
        )
        self.book_info = BookInfo(
            title=project.book.title,
            subtitle=project.book.subtitle,
            authors=project.book.authors,
            chapters=nav,
            model=project.source.name,
            digest=hex_digest(project.fingerprint.weights),
            language=project.book.language,
            references=self.bibliography is not None,
        )

    @cached_property
    def experiment_views(self) -> dict[str, ExperimentView]:
        """Every experiment with its result, by address; read once something must be laid out."""
        return load_experiment_views(self.project, self.statuses)

    @cached_property
    def decoder(self) -> Diagram | None:
        """The drawing of the model, if the book has one."""
        return find_decoder_diagram(self.experiment_views)

    def add_chapter(self, chapter: Chapter, number: int, prose: str) -> None:
        """Take a chapter as it was kept, or lay it out; where it needs a result that is not there, it says so.

        Raises SpecError with the problems of its prose, captions and claims.
        """
        key = self._cache_key(prose)
        self.chapters[chapter.name] = (
            key,
            self._load_page(chapter.name, key) or self._render_chapter(chapter, number, prose),
        )

    def _render_chapter(self, chapter: Chapter, number: int, prose: str) -> RenderedChapter:
        math = MathRenderer(self.project.cache)
        views = ChapterViews(
            chapter=chapter.name,
            number=number,
            experiment_views=self.experiment_views,
            figure_renderer=self.figure_renderer,
            math=math,
            provenance=partial(provenance.experiment_facts, self.project),
            result_path=self.project.result_path,
        )
        context = ChapterContext(
            views=views,
            pages=self.pages,
            math=math,
            chapters=tuple(c.name for c in self.project.book.chapters),
            bibliography=self.bibliography,
        )
        if unknown_figure_problems := [
            p
            for e in chapter.experiments
            for p in self.experiment_views[f"{e.chapter}/{e.id}"].unknown_figure_problems()
        ]:
            raise SpecError(unknown_figure_problems)
        try:
            body = render_chapter(prose, f"templates/chapters/{chapter.name}.md", context)
        except SpecError:
            if not views.unavailable:
                raise
            body = self._placeholder_body(views.unavailable)
        unavailable = dict.fromkeys(views.unavailable)
        messages = tuple(
            f"{experiment_view.address}: not shown: {experiment_view.unavailable_reason}"
            for experiment_view in unavailable
        )
        return RenderedChapter(
            self._chapter_page(chapter, number, body), math, views.files, messages
        )

    def _placeholder_body(self, unavailable: Sequence[ExperimentView]) -> ChapterBody:
        blocks: Any = self.pages.get_template("blocks.html").module
        placeholders = [
            FailedView(f"missing-{e.experiment.id}", f"{e.address}: {e.unavailable_reason}")
            for e in dict.fromkeys(unavailable)
        ]
        return ChapterBody("".join(str(blocks.failed(view)) for view in placeholders), (), (), ())

    def _chapter_page(self, chapter: Chapter, number: int, body: ChapterBody) -> ChapterPage:
        links = [
            Link("Contents", "index.html"),
            *(Link(c.title, c.href) for c in self.book_info.chapters),
        ]
        links.append(Link("How this book was made", "colophon.html"))
        drawn = None
        if self.decoder is not None:
            lit = replace(self.decoder, highlight=chapter.part or "", title="")
            drawn = self.figure_renderer.diagram(lit, "where", compact=True)
        return ChapterPage(
            name=chapter.name,
            title=chapter.title,
            number=number,
            body=body,
            description=chapter.summary,
            previous=links[number - 1],
            next=links[number + 1],
            diagram_svg=drawn,
            diagram_alt=f"Where in the model this chapter is: {chapter.title}" if drawn else "",
        )

    def site_files(self) -> dict[str, bytes]:
        """Every file of the site by its path, once all chapters are added."""
        for name, (key, made) in self.chapters.items():
            self.cached_pages[name] = (
                made
                if isinstance(made, CachedPage)
                else self._add_new(name, key, self._finish_chapter(made))
            )
        shown = {
            name: frozenset(cached_page.claim_ids)
            for name, cached_page in self.cached_pages.items()
        }
        cited = tuple(
            one for cached_page in self.cached_pages.values() for one in cached_page.citations
        )
        places = repr([sorted(claim_ids) for claim_ids in shown.values()])
        self._load_or_make("+claims", places, lambda: self._claims_page(shown))
        self._load_or_make("+front", "", self._index_and_colophon)
        if self.bibliography:
            self._load_or_make(
                "+references",
                repr(cited),
                partial(self._references_page, self.bibliography, cited),
            )
        rows = [row for cached_page in self.cached_pages.values() for row in cached_page.rows]
        found: dict[str, bytes] = {"assets/search-index.js": search_index(rows)}
        rules: dict[str, str] = {}
        for cached_page in self.cached_pages.values():
            found |= cached_page.files
            rules |= cached_page.css_rules
        found |= site.assets(rules, self.template_overrides)
        return dict(
            sorted((found | provenance.ro_crate_files(self.project, self.book_info, found)).items())
        )

    @property
    def messages(self) -> list[str]:
        """One for each experiment that a chapter needs and that has no result."""
        return [
            message
            for cached_page in self.cached_pages.values()
            for message in cached_page.messages
        ]

    @property
    def failed(self) -> int:
        """How many they are."""
        return len(self.messages)

    @property
    def refuted(self) -> int:
        """How many claims of the book do not hold on its model."""
        return sum(cached_page.refuted for cached_page in self.cached_pages.values())

    def store_pages(self) -> None:
        """Keep what was laid out for the next build."""
        for name, key in self.keys_to_store.items():
            store_page(
                self.project.cache,
                f"{self.project.source.name}/{name}",
                key,
                self.cached_pages[name],
            )

    def _cache_key(self, own: str) -> str:
        return f"{self.inputs_digest} {hashlib.sha256(own.encode('utf-8', 'surrogatepass')).hexdigest()}"

    def _load_page(self, name: str, key: str) -> CachedPage | None:
        return (
            None
            if self.ignore_cache
            else load_page(self.project.cache, f"{self.project.source.name}/{name}", key)
        )

    def _load_or_make(self, name: str, own: str, make: Callable[[], CachedPage]) -> CachedPage:
        """The leaf of this name as it was kept, or a new one; `own` is what it is made from beside the ground."""
        key = self._cache_key(own)
        self.cached_pages[name] = self._load_page(name, key) or self._add_new(name, key, make())
        return self.cached_pages[name]

    def _add_new(self, name: str, key: str, cached_page: CachedPage) -> CachedPage:
        self.keys_to_store[name] = key
        return cached_page

    def _page_files(self, page: Page) -> dict[str, bytes]:
        laid_out = site.render_page(page, self.book_info, self.pages)
        return {f"{page.name}.html": self.figure_renderer.fill_placeholders(laid_out).encode()}

    def _finish_chapter(self, draft: RenderedChapter) -> CachedPage:
        return CachedPage(
            files={**draft.files, **self._page_files(draft.page)},
            rows=chapter_rows(draft.page),
            css_rules=draft.math.css_rules,
            claim_ids=draft.page.body.claim_ids,
            citations=tuple(citations.find_citations(draft.page)),
            messages=draft.messages,
        )

    def _claims_page(self, shown: Mapping[str, frozenset[str]]) -> CachedPage:
        """The list of all claims, with links to where they are `shown`."""
        own, math = (
            ModelResults(self.book_info.model, self.book_info.digest, self.experiment_views),
            MathRenderer(self.project.cache),
        )
        others = (
            replace(m, digest=hex_digest(m.digest))
            for m in load_other_models(self.project, self.statuses)
        )
        page = claims_page((own, *others), self.book_info.chapters, shown, math)
        refuted = sum(
            row.judgements[0].state == "fails" for chapter in page.chapters for row in chapter.rows
        )
        return CachedPage(self._page_files(page), claim_rows(page), math.css_rules, refuted=refuted)

    def _references_page(
        self, sources: bibliography.Bibliography, cited: tuple[citations.Citation, ...]
    ) -> CachedPage:
        page = citations.references_page(sources, cited)
        return CachedPage(self._page_files(page), reference_rows(page))

    def _index_and_colophon(self) -> CachedPage:
        """The first page, and the last."""
        links = {c.part: f"{c.name}.html" for c in self.project.book.chapters if c.part}
        drawn = None
        if self.decoder is not None:
            drawn = self.figure_renderer.diagram(
                replace(self.decoder, title=""), "map", compact=False, links=links
            )
        tables = verification_sections(self.project, self.statuses)
        last = front.colophon_page(self.project, self.book_info, self.experiment_views, tables)
        pages = front.index_page(self.book_info, drawn), last
        return CachedPage(self._page_files(pages[0]) | self._page_files(pages[1]))
