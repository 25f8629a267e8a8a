"""Write a book's built site as files of other kinds."""

from __future__ import annotations

from pathlib import Path

from layerbook.book import bibliography, glossary
from layerbook.core.errors import StoreError, UsageError, did_you_mean
from layerbook.core.language import gettext
from layerbook.core.paths import check_output
from layerbook.site.export import archive, epub, figures, pdf, slides
from layerbook.site.pages import NavChapter
from layerbook.site.site_parts import book_info
from layerbook.store.project import Project


class Exporter:
    """Exports one book; its site must have been built.

    Raises StoreError if there is no site.
    """

    def __init__(self, project: Project) -> None:
        self._site, self._book = project.site_dir, book_info(project)
        if not (self._site / "index.html").is_file():
            raise StoreError(f"{self._site}: there is no book yet; run `layerbook build`")
        self._project = project

    def _pages(self) -> list[NavChapter]:
        """Return the chapters and the pages after them. Call it in the book's language."""
        templates = self._project.templates_dir
        pages = list(self._book.chapters)
        if glossary.load(templates):
            pages.append(NavChapter("glossary", gettext("Glossary"), ""))
        if bibliography.load(templates):
            pages.append(NavChapter("references", gettext("References"), ""))
        return pages

    def write_pdf(self, path: Path) -> None:
        """Write the book as a PDF; see `pdf.write_pdf` for what it raises."""
        check_output(self._project.root, path)
        pdf.write_pdf(self._site, self._book, self._pages(), path)

    def write_epub(self, path: Path) -> None:
        """Write the book as an EPUB."""
        check_output(self._project.root, path)
        published = self._project.publication_date
        epub.write_epub(self._site, self._book, self._pages(), published, path)

    def write_slides(self, chapter: str, path: Path) -> None:
        """Write a chapter as slides. Raises UsageError for an unknown chapter."""
        by_name = {chapter.name: chapter for chapter in self._book.chapters}
        if chapter not in by_name:
            raise UsageError(f"no chapter named {chapter!r}{did_you_mean(chapter, by_name)}")
        check_output(self._project.root, path)
        slides.write_slides(self._site, self._book, by_name[chapter], path)

    def write_zip(self, path: Path) -> None:
        """Write the published files of the site as an archive."""
        check_output(self._project.root, path)
        archive.write_zip(self._site, path)

    def write_figures(self, folder: Path) -> int:
        """Write the figures of all chapters as SVG and PNG, and return how many there are."""
        check_output(self._project.root, folder)
        return figures.write_figures(self._site, self._book.chapters, folder)
