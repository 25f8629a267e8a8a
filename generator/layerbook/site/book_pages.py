"""The pages about a whole book: its claims, references and glossary, and the model in the page."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from layerbook.book.bibliography import Bibliography
from layerbook.book.glossary import Glossary
from layerbook.site import blocks, pages
from layerbook.site.claim_list import ClaimList, ModelResults, load_other_models
from layerbook.site.experiment_view import ExperimentViews
from layerbook.site.figure_cache import FigureRenderer
from layerbook.site.interactive import live_page
from layerbook.site.mentions import Mention, glossary_page, references_page
from layerbook.site.page_cache import PageCache, RenderedPage
from layerbook.site.page_templates import render_page
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.ids import page_ids
from layerbook.site.sandbox.environment import Sandbox
from layerbook.site.search import claim_rows, glossary_rows, reference_rows
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.project import Project


@dataclass(frozen=True)
class PageWriter:
    """Renders the pages of a book to files, with their pictures."""

    book: pages.BookInfo
    jinja_env: Sandbox
    figure_renderer: FigureRenderer

    def html(self, page: pages.Page) -> str:
        """Return the HTML of a page, its pictures still placeholders."""
        return render_page(page, self.book, self.jinja_env)

    def files(self, page: pages.Page) -> dict[str, bytes]:
        """Return the file of a page by its path in the site; waits for its pictures."""
        html = self.figure_renderer.fill_placeholders(self.html(page))
        return {f"{page.name}.html": html.encode()}


@dataclass
class BookPages:
    """Renders the pages about a whole book, or takes unchanged ones from the cache."""

    project: Project
    statuses: Sequence[ExperimentStatus]
    writer: PageWriter
    page_cache: PageCache

    def load_or_render(
        self, name: str, inputs: str, render: Callable[[], RenderedPage]
    ) -> RenderedPage:
        """Return the cached page of these inputs; otherwise render and cache it."""
        page = self.page_cache.load(name, inputs)
        if page is None:
            page = render()
            self.page_cache.add(name, inputs, page)
        return page

    def claims(self, views: ExperimentViews, chapters: Mapping[str, RenderedPage]) -> RenderedPage:
        """Return the list of all claims, with links to the chapters that show them."""
        shown_ids = {name: frozenset(page.claim_ids) for name, page in chapters.items()}
        book = self.writer.book

        def render() -> RenderedPage:
            math = MathRenderer(self.project.cache)
            own = ModelResults(book.model, book.digest, views)
            others = load_other_models(self.project, self.statuses)
            ids = page_ids(self.writer.jinja_env, pages.ClaimsPage.template)
            page = ClaimList((own, *others), shown_ids, math).page(book.chapters, ids)
            rows = [row for chapter in page.chapters for row in chapter.rows]
            return RenderedPage(
                self.writer.files(page),
                rows=claim_rows(page),
                css_rules=math.css_rules,
                refuted=sum(row.judgements[0].state == "fails" for row in rows),
            )

        inputs = repr([sorted(ids) for ids in shown_ids.values()])
        return self.load_or_render("+claims", inputs, render)

    def references(self, sources: Bibliography, mentions: tuple[Mention, ...]) -> RenderedPage:
        """Return the list of sources with the places that cite them."""

        def render() -> RenderedPage:
            page = references_page(sources, mentions)
            return RenderedPage(self.writer.files(page), rows=reference_rows(page))

        return self.load_or_render("+references", repr(mentions), render)

    def glossary(self, terms: Glossary, mentions: tuple[Mention, ...]) -> RenderedPage:
        """Return the list of terms with the places that use them."""

        def render() -> RenderedPage:
            math = MathRenderer(self.project.cache)
            page = self.glossary_view(terms, mentions, math)
            return RenderedPage(
                self.writer.files(page), rows=glossary_rows(page), css_rules=math.css_rules
            )

        return self.load_or_render("+glossary", repr(mentions), render)

    def glossary_view(
        self, terms: Glossary, mentions: tuple[Mention, ...], math: MathRenderer
    ) -> pages.GlossaryPage:
        """Return the glossary as data. Raises SpecError for an invalid definition."""
        chapters = self.writer.book.chapters
        links = {chapter.name: blocks.Link(chapter.title, chapter.href) for chapter in chapters}
        return glossary_page(terms, mentions, links, math)

    def try_page(self, model: blocks.LiveModel) -> RenderedPage:
        """Return the page that runs the model, with its libraries."""

        def render() -> RenderedPage:
            return RenderedPage(self.writer.files(live_page.try_page(model)))

        page = self.load_or_render("+try", repr(model), render)
        return replace(page, files={**page.files, **live_page.library_files()})
