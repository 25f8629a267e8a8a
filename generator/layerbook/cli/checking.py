"""The command `check`: specs, prose and links of a book."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from layerbook.cli.options import FILE, ChosenBook, book_options, drafts_option
from layerbook.cli.output import print_text
from layerbook.core.errors import Problem, UsageError
from layerbook.core.progress import make_reporter
from layerbook.core.text import pluralize

if TYPE_CHECKING:
    from layerbook.store.project import Project


@click.command()
@book_options
@click.option("--strict", is_flag=True, help="Exit with 1 if there are warnings.")
@click.option("--links", is_flag=True, help="Also request every address that the book links to.")
@drafts_option
@click.argument("specs", nargs=-1, type=FILE)
def check(
    book: ChosenBook, strict: bool, links: bool, drafts: bool, specs: tuple[Path, ...]
) -> None:
    """Check the specs and the prose of the book, or only SPECS. Runs nothing.

    Uses the network only with --links.
    """
    if not specs:
        _check_book(book, strict=strict, links=links, drafts=drafts)
    elif links:
        raise UsageError("--links checks the prose of a book; leave out SPECS")
    else:
        _check_specs(specs, book.model)


def _check_book(book: ChosenBook, *, strict: bool, links: bool, drafts: bool) -> None:
    from layerbook.book.theme import find_contrast_warnings
    from layerbook.site.check import check_book
    from layerbook.site.prose.lint import (
        find_crowded_chapters,
        find_inapplicable,
        find_uncited_sources,
        lint_prose,
    )
    from layerbook.store.project import open_project

    project = open_project(book.root, book.model, check_chats=True, drafts=drafts)
    check_book(project)
    contrast = find_contrast_warnings(project.root, project.book.spec.theme)
    warnings = sorted((*lint_prose(project), *find_uncited_sources(project), *contrast))
    _print_problems("warning", warnings)
    _print_problems("note", [*find_crowded_chapters(project), *find_inapplicable(project)])
    counted_warnings = f", {pluralize(len(warnings), 'warning')}" if warnings else ""
    print_text(f"{_count_contents(project)}: no problems{counted_warnings}")
    has_broken_links = links and _check_links(project)
    if has_broken_links or (strict and warnings):
        sys.exit(1)


def _check_specs(specs: tuple[Path, ...], model: str | None) -> None:
    from layerbook.runner.spec_files import check_spec_files

    count = check_spec_files(specs, model, make_reporter(quiet=False))
    counts = f"{pluralize(len(specs), 'spec')}, {pluralize(count, 'experiment')}"
    print_text(f"{counts}: no problems")


def _count_contents(project: Project) -> str:
    """Return the numbers of chapters, pages and experiments: `3 chapters, 7 experiments`."""
    pages = sum(chapter.is_plain_page for chapter in project.book.chapters)
    counts = [pluralize(len(project.book.chapters) - pages, "chapter")]
    counts += [pluralize(pages, "page")] if pages else []
    return ", ".join([*counts, pluralize(len(project.experiments()), "experiment")])


def _check_links(project: Project) -> bool:
    """Print the broken links to other sites, and return whether there are any."""
    from layerbook.site.outside_links import check_outside_links

    report = check_outside_links(project)
    _print_problems("broken link", report.broken)
    _print_problems("not checked", report.doubtful)
    broken = f"{len(report.broken)} broken"
    print_text(f"{pluralize(report.count, 'link')} to other sites: {broken}")
    return bool(report.broken)


def _print_problems(kind: str, problems: Iterable[Problem]) -> None:
    for p in problems:
        print_text(f"{p.file}:{p.line}:{p.column}: {kind}: {p.message}", err=True)
