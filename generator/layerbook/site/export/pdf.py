"""The book as a PDF, printed by Chromium: chapters in order, an outline, page numbers and links."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from layerbook.core import atomic
from layerbook.core.errors import LayerbookError, UsageError
from layerbook.core.language import gettext
from layerbook.core.paths import find_program
from layerbook.site.export.document import Links, fill_template, read_article, serialize
from layerbook.site.export.site_files import SiteFiles, embed_media, style_sheets
from layerbook.site.pages import BookInfo, NavChapter

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SECONDS = 600
OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # a page on disk needs no network
)
_DATE = re.compile(rb"(/(?:CreationDate|ModDate) \()D:\d{14}(?=[^)]*\))")


def _find_chromium() -> str:
    """Return the path of the browser. Raises UsageError if there is none."""
    named = os.environ.get("CHROMIUM", "")
    path = find_program(*([named] if named else NAMES))
    if path is None:
        problem = f"CHROMIUM={named} is not a program" if named else "Chromium was not found"
        raise UsageError(
            f"{problem}, and the PDF is printed with it. Install Chromium or Chrome, or set "
            "the variable CHROMIUM to its path"
        )
    return path


def _run_chromium(page: Path, option: str) -> None:
    """Run the browser on a page on disk.

    Raises LayerbookError if the browser fails or takes longer than ten minutes.
    """
    program = _find_chromium()
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="layerbook-chromium-") as profile:
        command = [program, *OPTIONS, *as_root, f"--user-data-dir={profile}", option]
        try:
            completed = subprocess.run(
                [*command, page.as_uri()],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise LayerbookError(f"{program} took longer than {SECONDS} seconds") from error
    if completed.returncode:
        last = (completed.stderr.strip().splitlines() or ["it printed no error"])[-1]
        raise LayerbookError(f"{program} failed: {last}")


def write_pdf(site: Path, book: BookInfo, pages: Sequence[NavChapter], path: Path) -> None:
    """Print pages of a built site as one PDF.

    Equal sites give equal bytes with one version of the browser. Raises StoreError for a page that
    is missing, UsageError without a browser, LayerbookError if it fails.
    """
    html = _document(site, book, pages)
    with tempfile.TemporaryDirectory(prefix="layerbook-pdf-") as folder:
        source, printed = Path(folder) / "book.html", Path(folder) / "book.pdf"
        source.write_text(html, encoding="utf-8")
        _run_chromium(source, f"--print-to-pdf={printed}")
        if not printed.is_file():
            raise LayerbookError("the browser wrote no PDF")
        atomic.write_output(path, _without_dates(printed.read_bytes()))


def _without_dates(data: bytes) -> bytes:
    """Return a PDF with fixed dates of the same length, so that its offset table stays valid."""
    return _DATE.sub(rb"\1D:20000101000000", data)


def _document(site: Path, book: BookInfo, pages: Sequence[NavChapter]) -> str:
    site_files = SiteFiles(site)
    articles = {page.name: read_article(site, page) for page in pages}
    links = Links(articles, prefix=True, url=book.url)
    for name, article in articles.items():
        links.relink(name, article)
        embed_media(article, site_files, videos=False)
    print_css = files("layerbook.site.export").joinpath("pdf.css").read_text(encoding="utf-8")
    note = gettext(
        "In print, interactive figures stand still, long sequences show only a few of their "
        "steps, and every answer is shown."
    )
    return fill_template(
        "pdf.html",
        book=book,
        entries=pages,
        articles={name: serialize(article) for name, article in articles.items()},
        site_style=style_sheets(site_files, book.theme),
        print_style=print_css + _running_titles(pages),
        contents=gettext("Contents"),
        note=note,
    )


def _running_titles(pages: Sequence[NavChapter]) -> str:
    """Return rules that print the title of a chapter at the top of its sheets."""
    font = 'font: 9pt "Source Serif 4", serif; color: #555;'
    return "\n".join(
        f"#{page.name} {{ page: p{number}; }} "
        f'@page p{number} {{ @top-center {{ content: "{_css_text(page.title)}"; {font} }} }}'
        for number, page in enumerate(pages)
    )


def _css_text(text: str) -> str:
    return re.sub(r'[\\"\n<>]', lambda match: f"\\{ord(match[0]):x} ", text)
