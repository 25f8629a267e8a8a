"""The command `export`: the built site in other formats."""

from __future__ import annotations

from pathlib import Path

import click

from layerbook.cli.options import book_option, model_option
from layerbook.cli.output import print_text
from layerbook.core.errors import UsageError

NEW_FILE = click.Path(path_type=Path, dir_okay=False)
NEW_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@book_option
@model_option
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
def export(
    root: Path,
    model: str | None,
    pdf: Path | None,
    epub: Path | None,
    slides: tuple[str, Path] | None,
    archive: Path | None,
    figures: Path | None,
) -> None:
    """Write the built site in other formats. Builds nothing: run `layerbook build` first."""
    from layerbook.core import language
    from layerbook.site.export.write import Exporter
    from layerbook.store.project import open_project

    if not (pdf or epub or slides or archive or figures):
        raise UsageError("name what to write: --pdf, --epub, --slides, --zip or --figures")
    for file in (pdf, epub, slides and slides[1], archive):
        if file and not file.parent.is_dir():
            raise UsageError(f"{file}: there is no folder {file.parent}")
    project = open_project(root, model)
    exporter = Exporter(project)
    if (pdf or epub) and not project.book.url:
        print_text(
            "note: links to downloads and to pages that only the site has become plain text; "
            "with `url` in book.yaml, they lead to the published site",
            err=True,
        )
    with language.use(project.book.own_words):
        for write, file in (
            (exporter.write_pdf, pdf),
            (exporter.write_epub, epub),
            (exporter.write_zip, archive),
        ):
            if file:
                write(file)
                print_text(str(file))
        if slides:
            exporter.write_slides(*slides)
            print_text(str(slides[1]))
        if figures:
            count = exporter.write_figures(figures)
            print_text(f"{figures}: {count:,} figures")
