"""The facts about a book that every page shows."""

from __future__ import annotations

from layerbook.book.media import MediaFolders
from layerbook.site import pages
from layerbook.site.provenance import hex_digest
from layerbook.site.theme import theme_view
from layerbook.store.project import Project


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
