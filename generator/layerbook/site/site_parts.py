"""The parts of a book that all its pages share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from layerbook.book import bibliography, glossary
from layerbook.book.media import MediaFolders
from layerbook.book.theme import find_theme_problems
from layerbook.core.errors import SpecError
from layerbook.plotting.pool import DrawingPool
from layerbook.site import pages
from layerbook.site.blocks import LiveModel
from layerbook.site.book_pages import PageWriter
from layerbook.site.figure_cache import FigureRenderer
from layerbook.site.interactive.live_page import live_model
from layerbook.site.page_templates import make_environment, own_templates
from layerbook.site.provenance import hex_digest
from layerbook.site.template_cache import TemplateCache
from layerbook.site.theme import theme_view
from layerbook.store.project import Project
from layerbook.store.yaml_cache import YamlCache


@dataclass(frozen=True)
class SiteParts:
    """The parts of a book that all its pages share.

    bibliography, glossary, live: None if the book has none, or cannot run its model in pages.
    """

    project: Project
    writer: PageWriter
    media_folders: MediaFolders
    own_templates: Path | None
    bibliography: bibliography.Bibliography | None
    glossary: glossary.Glossary | None
    live: LiveModel | None


def load_site_parts(project: Project, drawing_pool: DrawingPool) -> SiteParts:
    """Load the parts. Raises SpecError for the theme, the sources or the terms of the book."""
    if problems := find_theme_problems(project.root, project.book.theme):
        raise SpecError(problems)
    parsed_files = YamlCache(project.cache)
    sources = bibliography.load(project.templates_dir, parsed_files)
    terms = glossary.load(project.templates_dir, parsed_files)
    live = live_model(project.source)
    book = replace(
        book_info(project),
        live=live is not None,
        references=sources is not None,
        glossary=terms is not None,
    )
    templates = own_templates(project.templates_dir)
    page_templates = make_environment(templates, TemplateCache(project.cache))
    figure_renderer = FigureRenderer(project.cache, drawing_pool)
    return SiteParts(
        project,
        PageWriter(book, page_templates, figure_renderer),
        MediaFolders(project.root),
        templates,
        sources,
        terms,
        live,
    )


def book_info(project: Project) -> pages.BookInfo:
    """Return the facts about a book that every page shows."""
    book = project.book
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
        title=book.title,
        subtitle=book.subtitle,
        authors=book.authors,
        chapters=tuple(chapters),
        model=project.source.name,
        digest=hex_digest(project.fingerprint.weights),
        language=book.language,
        theme=theme_view(book.theme, MediaFolders(project.root)),
        url=book.url,
        edit_url=book.edit_url,
    )
