"""The pages about a whole book: its claims, references and glossary, and the model in the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from layerbook.book.bibliography import Bibliography
from layerbook.book.glossary import Glossary
from layerbook.site import pages
from layerbook.site.blocks import LiveModel
from layerbook.site.claims import ModelResults, claims_page, load_other_models
from layerbook.site.experiment_view import ExperimentViews
from layerbook.site.interactive import live_page
from layerbook.site.mentions import Mention, glossary_page, references_page
from layerbook.site.page_cache import PageCache, RenderedPage
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.ids import page_ids
from layerbook.site.search import search_rows
from layerbook.site.site_parts import SiteParts
from layerbook.store.freshness import ExperimentStatus


@dataclass(frozen=True)
class BookPages:
    """Renders the pages about a whole book, or takes unchanged ones from the cache."""

    parts: SiteParts
    statuses: Sequence[ExperimentStatus]
    page_cache: PageCache

    def claims(self, views: ExperimentViews, chapters: Mapping[str, RenderedPage]) -> RenderedPage:
        """Return the list of all claims, with links to the chapters that show them."""
        shown_ids = {name: frozenset(page.claim_ids) for name, page in chapters.items()}

        def render() -> RenderedPage:
            book, project = self.parts.book, self.parts.project
            math = MathRenderer(project.cache)
            own = ModelResults(book.model, book.digest, views)
            models = (own, *load_other_models(project, self.statuses))
            ids = page_ids(self.parts.page_templates, pages.ClaimsPage.template)
            page = claims_page(models, shown_ids, book.chapters, ids, math)
            rows = [row for chapter in page.chapters for row in chapter.rows]
            return RenderedPage(
                self.parts.files(page),
                rows=search_rows(page),
                css_rules=math.css_rules,
                refuted=sum(row.judgements[0].state == "fails" for row in rows),
            )

        inputs = repr([sorted(ids) for ids in shown_ids.values()])
        return self.page_cache.load_or_render("+claims", inputs, render)

    def references(self, sources: Bibliography, mentions: tuple[Mention, ...]) -> RenderedPage:
        """Return the list of sources with the places that cite them."""

        def render() -> RenderedPage:
            page = references_page(sources, mentions)
            return RenderedPage(self.parts.files(page), rows=search_rows(page))

        return self.page_cache.load_or_render("+references", repr(mentions), render)

    def glossary(self, terms: Glossary, mentions: tuple[Mention, ...]) -> RenderedPage:
        """Return the list of terms with the places that use them."""

        def render() -> RenderedPage:
            math = MathRenderer(self.parts.project.cache)
            links = {chapter.name: chapter.link for chapter in self.parts.book.chapters}
            page = glossary_page(terms, mentions, links, math)
            return RenderedPage(
                self.parts.files(page), rows=search_rows(page), css_rules=math.css_rules
            )

        return self.page_cache.load_or_render("+glossary", repr(mentions), render)

    def try_page(self, model: LiveModel) -> RenderedPage:
        """Return the page that runs the model, with its libraries."""

        def render() -> RenderedPage:
            return RenderedPage(self.parts.files(live_page.try_page(model)))

        page = self.page_cache.load_or_render("+try", repr(model), render)
        return replace(page, files={**page.files, **live_page.library_files()})
