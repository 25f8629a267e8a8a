"""The command `export`: the built site in other formats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import click

from layerbook.cli.options import ChosenBook, book_options, pass_options
from layerbook.cli.output import print_text
from layerbook.core.errors import UsageError

NEW_FILE = click.Path(path_type=Path, dir_okay=False)
NEW_FOLDER = click.Path(path_type=Path, file_okay=False)


@dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """The options of `export`: the book, and the files to write."""

    book: ChosenBook
    pdf: Path | None
    epub: Path | None
    slides: tuple[str, Path] | None
    archive: Path | None
    figures: Path | None

    def check(self) -> None:
        """Raise UsageError if no file is named, or the folder of one does not exist."""
        if not (self.pdf or self.epub or self.slides or self.archive or self.figures):
            raise UsageError("name what to write: --pdf, --epub, --slides, --zip or --figures")
        for file in (self.pdf, self.epub, self.slides and self.slides[1], self.archive):
            if file and not file.parent.is_dir():
                raise UsageError(f"{file}: there is no folder {file.parent}")


@click.command()
@book_options
@click.option("--pdf", type=NEW_FILE, help="All chapters as one PDF; needs Chromium or Chrome.")
@click.option("--epub", type=NEW_FILE, help="All chapters as EPUB 3, for e-readers.")
@click.option(
    "--slides",
    type=(str, NEW_FILE),
    metavar="CHAPTER FILE",
    help="A chapter as slides: a single HTML file.",
)
@click.option("--zip", "archive", type=NEW_FILE, help="The site as an archive.")
@click.option("--figures", type=NEW_FOLDER, help="Each figure as SVG and PNG, for other slides.")
@pass_options(ExportOptions)
def export(options: ExportOptions) -> None:
    """Write the built site in other formats. Builds nothing: run `layerbook build` first."""
    from layerbook.core import language
    from layerbook.site.export.write import Exporter
    from layerbook.store.project import open_project

    options.check()
    project = open_project(options.book.root, options.book.model)
    exporter = Exporter(project)
    if (options.pdf or options.epub) and not project.book.spec.url:
        print_text(
            "note: links to downloads and to pages that only the site has become plain text; "
            "with `url` in book.yaml, they lead to the published site",
            err=True,
        )
    with language.use(project.book.own_words):
        for write, file in (
            (exporter.write_pdf, options.pdf),
            (exporter.write_epub, options.epub),
            (exporter.write_zip, options.archive),
        ):
            if file:
                write(file)
                print_text(str(file))
        if options.slides:
            exporter.write_slides(*options.slides)
            print_text(str(options.slides[1]))
        if options.figures:
            count = exporter.write_figures(options.figures)
            print_text(f"{options.figures}: {count:,} figures")
