"""The parts of a book that all its pages share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from layerbook.book import bibliography, glossary
from layerbook.book.bibliography import Bibliography
from layerbook.book.glossary import Glossary
from layerbook.book.media import MediaFolders
from layerbook.book.theme import find_theme_problems
from layerbook.core.errors import SpecError
from layerbook.plotting.pool import DrawingPool
from layerbook.site import pages
from layerbook.site.blocks import LiveModel
from layerbook.site.figure_cache import FigureRenderer
from layerbook.site.interactive.live_page import live_model
from layerbook.site.page_templates import make_environment, own_templates, render_page
from layerbook.site.provenance import hex_digest
from layerbook.site.sandbox.environment import Sandbox
from layerbook.site.template_cache import TemplateCache
from layerbook.site.theme import theme_view
from layerbook.store.project import Project


@dataclass(frozen=True)
class SiteParts:
    """The parts of a book that all its pages share.

    bibliography, glossary, live: None if the book has none, or cannot run its model in pages.
    """

    project: Project
    book: pages.BookInfo
    page_templates: Sandbox
    own_templates: Path | None
    figure_renderer: FigureRenderer
    media_folders: MediaFolders
    bibliography: Bibliography | None
    glossary: Glossary | None
    live: LiveModel | None

    def html(self, page: pages.Page) -> str:
        """Return the HTML of a page, its pictures still placeholders."""
        return render_page(page, self.book, self.page_templates)

    def files(self, page: pages.Page) -> dict[str, bytes]:
        """Return the file of a page by its path in the site; waits for its pictures."""
        html = self.figure_renderer.fill_placeholders(self.html(page))
        return {f"{page.name}.html": html.encode()}


def load_site_parts(project: Project, drawing_pool: DrawingPool) -> SiteParts:
    """Load the parts. Raises SpecError for the theme, the sources or the terms of the book."""
    if problems := find_theme_problems(project.root, project.book.spec.theme):
        raise SpecError(problems)
    sources = bibliography.load(project.templates_dir)
    terms = glossary.load(project.templates_dir)
    live = live_model(project.source)
    templates = own_templates(project.templates_dir)
    return SiteParts(
        project=project,
        book=replace(
            book_info(project),
            live=live is not None,
            references=sources is not None,
            glossary=terms is not None,
        ),
        page_templates=make_environment(templates, TemplateCache(project.cache)),
        own_templates=templates,
        figure_renderer=FigureRenderer(project.cache, drawing_pool),
        media_folders=MediaFolders(project.root),
        bibliography=sources,
        glossary=terms,
        live=live,
    )


def book_info(project: Project) -> pages.BookInfo:
    """Return the facts about a book that every page shows."""
    book, spec = project.book, project.book.spec
    chapters = (
        pages.NavChapter(
            chapter.name,
            chapter.title,
            chapter.number,
            chapter.summary,
            chapter.group.title,
            draft=chapter.draft,
            is_plain_page=chapter.is_plain_page,
        )
        for chapter in book.chapters
    )
    return pages.BookInfo(
        title=spec.title,
        subtitle=spec.subtitle,
        authors=spec.authors,
        chapters=tuple(chapters),
        model=project.source.name,
        digest=hex_digest(project.fingerprint.weights),
        language=spec.language,
        theme=theme_view(spec.theme, MediaFolders(project.root)),
        url=spec.url,
        edit_url=spec.edit_url,
    )
