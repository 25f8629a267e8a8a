"""Render a whole book: its chapters, claims, references, glossary, colophon and other pages."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache

from layerbook.book.book_file import FRONT_PAGE
from layerbook.book.contents import Chapter
from layerbook.core import language
from layerbook.core.errors import Problem, SpecError, first_problems
from layerbook.core.progress import Reporter
from layerbook.plotting.pool import DrawingPool
from layerbook.site.assets import assets
from layerbook.site.book_pages import BookPages
from layerbook.site.chapter_renderer import ChapterRenderer
from layerbook.site.claims import claims_of
from layerbook.site.colophon import colophon_page, rebuild_commands
from layerbook.site.cross_references import FilledPage, fill_cross_references
from layerbook.site.inputs import digest_inputs, input_paths
from layerbook.site.page_cache import PageCache, RenderedPage
from layerbook.site.pages import ChapterBody
from layerbook.site.prose.captions import render_definition
from layerbook.site.prose.chapter_text import TextPiece, read_prose
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.ids import find_ids
from layerbook.site.prose.links import LinkTargets, find_link_problems, page_files
from layerbook.site.prose.markdown_checks import find_clashing_files
from layerbook.site.prose.references import find_unknown_references, find_unshown_figures
from layerbook.site.published import published_files
from layerbook.site.ro_crate import CRATE_FILE, ro_crate_manifest
from layerbook.site.search import search_index
from layerbook.site.site_parts import load_site_parts
from layerbook.site.theme import theme_files
from layerbook.store.build_stamp import Snapshot
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.json_format import json_digest
from layerbook.store.project import Project


@dataclass(frozen=True)
class SiteContents:
    """The files of a site by path.

    messages: one for each experiment that a chapter needs and that has no result.
    refuted: number of claims that do not hold on the book's model.
    """

    files: Mapping[str, bytes]
    messages: tuple[str, ...]
    refuted: int


class SiteBuilder:
    """Renders a book from its results as they are; never imports torch.

    Use it once. ignore_cache: render all pages, also those whose inputs are unchanged.
    """

    def __init__(
        self,
        project: Project,
        statuses: Sequence[ExperimentStatus],
        drawing_pool: DrawingPool,
        *,
        ignore_cache: bool = False,
    ) -> None:
        self._project = project
        self._inputs = Snapshot.take(input_paths(project))
        self._page_cache = PageCache(
            project.cache,
            project.source.name,
            digest_inputs(project, statuses),
            ignore_stored=ignore_cache,
        )
        self._parts = load_site_parts(project, drawing_pool)
        self._renderer = ChapterRenderer(self._parts, statuses)
        self._book_pages = BookPages(self._parts, statuses, self._page_cache)
        self._prose: dict[str, TextPiece] = {}
        self._chapters: dict[str, RenderedPage] = {}
        self._new_inputs: dict[str, str] = {}
        """The inputs of each chapter that was not in the cache."""

    def inputs_are_unchanged(self) -> bool:
        """Return whether no file that the book depends on has changed since the start."""
        is_unchanged = Snapshot.take(self._inputs.paths) == self._inputs
        return is_unchanged and self._project.specs_are_unchanged()

    def render(self, reporter: Reporter) -> SiteContents:
        """Render the site in memory. Raises SpecError with the problems of all chapters."""
        with language.use(self._project.book.own_words):
            if problems := self._add_chapters(reporter):
                raise SpecError(problems)
            contents = self._finish()
        # A page may mix old and new inputs if they changed during the rendering.
        if self.inputs_are_unchanged():
            self._page_cache.save()
        return contents

    def find_problems(self) -> list[Problem]:
        """Report problems that a build would find with the existing results. Draws nothing."""
        with language.use(self._project.book.own_words):
            problems = self._add_chapters(Reporter())
            math = MathRenderer(self._project.cache)
            for claim in claims_of(self._renderer.views):
                with _collect(problems):
                    claim.sentence(claim.judge_own(), math)
            if glossary := self._parts.glossary:
                for entry in glossary.sorted_entries():
                    with _collect(problems):
                        render_definition(glossary, entry, math)
            are_all_there = len(self._chapters) == len(self._project.book.pages)
            if are_all_there and not any(page.incomplete for page in self._chapters.values()):
                problems += self._reference_problems(self._fill_references(self._chapters))
            pages = self._chapters.values()
            files = {path: data for page in pages for path, data in page.files.items()}
            targets = LinkTargets(
                page_files(self._project, self._parts.bibliography, self._parts.glossary),
                files=None,
                find_ids=self._page_ids(files),
                static=tuple(self._parts.media_folders.static_paths()),
            )
            links = find_link_problems(self._project, self._prose, targets)
            return problems + first_problems(links)

    def _add_chapters(self, reporter: Reporter) -> list[Problem]:
        """Add all chapters, and return their problems, each once."""
        problems: list[Problem] = []
        chapters = self._project.book.pages
        with reporter.task("Rendering", len(chapters)) as task:
            for chapter in chapters:
                task.set_status(chapter.title)
                with _collect(problems):
                    self._add_chapter(chapter, read_prose(self._project, chapter))
                task.advance()
        return list(dict.fromkeys(problems))

    def _add_chapter(self, chapter: Chapter, prose: TextPiece) -> None:
        """Add a chapter; one that needs a missing result becomes a placeholder.

        Raises SpecError with the problems of its prose, captions and claims.
        """
        self._prose[chapter.name] = prose
        minutes = self._minutes()
        inputs = json_digest([prose.text, minutes]) if chapter.name == FRONT_PAGE else prose.text
        page = self._page_cache.load(chapter.name, inputs)
        if page is None:
            page = self._renderer.render(chapter, prose, minutes)
            self._new_inputs[chapter.name] = inputs
        self._chapters[chapter.name] = page

    def _minutes(self) -> dict[str, int]:
        """Return the reading time in minutes of each chapter added so far, by name."""
        return {name: page.minutes for name, page in self._chapters.items() if name != FRONT_PAGE}

    def _finish(self) -> SiteContents:
        """Return the site of all added chapters. Raises SpecError for links that lead nowhere."""
        chapters = {name: self._finish_chapter(name) for name in self._chapters}
        pages = [
            *chapters.values(),
            self._book_pages.claims(self._renderer.views, chapters),
            self._front_pages(),
        ]
        if self._parts.live:
            pages.append(self._book_pages.try_page(self._parts.live))
        mentions = tuple(mention for page in pages for mention in page.mentions)
        if self._parts.bibliography:
            pages.append(self._book_pages.references(self._parts.bibliography, mentions))
        if self._parts.glossary:
            pages.append(self._book_pages.glossary(self._parts.glossary, mentions))
        math_rules = {name: rule for page in pages for name, rule in page.css_rules.items()}
        rows = [row for page in pages for row in page.rows]
        files = {"assets/search-index.js": search_index(rows)}
        if problems := first_problems(find_clashing_files(self._project.root)):
            raise SpecError(problems)
        files |= self._parts.media_folders.static_files()
        files |= theme_files(self._project.book.spec.theme, self._parts.media_folders)
        for page in pages:
            files |= page.files
        filled = self._fill_references(chapters)
        is_complete = not any(page.incomplete for page in chapters.values())
        if is_complete and (problems := self._reference_problems(filled)):
            raise SpecError(problems)
        files |= {f"{name}.html": page.html.encode() for name, page in filled.items()}
        self._check_links(files)
        files |= assets(math_rules, self._parts.own_templates)
        page_paths = [path for path in files if path.endswith(".html")]
        files |= published_files(self._parts.book, page_paths)
        files[CRATE_FILE] = ro_crate_manifest(self._project, self._parts.book, files)
        return SiteContents(
            dict(sorted(files.items())),
            messages=tuple(message for page in pages for message in page.messages),
            refuted=sum(page.refuted for page in pages),
        )

    def _finish_chapter(self, name: str) -> RenderedPage:
        """Return a chapter with its pictures filled in; add it to the cache if it is new."""
        page = self._chapters[name]
        if name in self._new_inputs:
            html = self._parts.figure_renderer.fill_placeholders(page.html(name))
            page = replace(page, files={**page.files, f"{name}.html": html.encode()})
            self._page_cache.add(name, self._new_inputs[name], page)
        return page

    def _front_pages(self) -> RenderedPage:
        """Return the colophon and, for a book without a text of its own for it, the front page."""

        def render() -> RenderedPage:
            last = colophon_page(self._project, self._parts.book, self._renderer.views)
            files = self._parts.files(last)
            if self._project.book.front is None:
                files |= self._parts.files(
                    self._renderer.index_page(ChapterBody(), self._minutes())
                )
            return RenderedPage(files)

        inputs = repr([self._minutes(), rebuild_commands(self._project)])
        return self._page_cache.load_or_render("+front", inputs, render)

    def _fill_references(self, chapters: Mapping[str, RenderedPage]) -> dict[str, FilledPage]:
        """Return the chapters with their references to figures and to places on other pages."""
        titles = {chapter.name: chapter.title for chapter in self._project.book.pages}
        return fill_cross_references(chapters, titles)

    def _reference_problems(self, filled: Mapping[str, FilledPage]) -> list[Problem]:
        """Report references that lead nowhere."""
        unshown = {figure for page in filled.values() for figure in page.unshown}
        unknown = {name: page.unknown for name, page in filled.items()}
        problems = find_unshown_figures(self._project, self._prose, unshown)
        problems += first_problems(find_unknown_references(self._project, self._prose, unknown))
        return problems

    def _check_links(self, files: Mapping[str, bytes]) -> None:
        """Raise SpecError for links that lead nowhere; links to incomplete pages may."""
        names = [path for path in files if path.endswith(".html") and "/" not in path]
        targets = LinkTargets(names, {*files, CRATE_FILE}, self._page_ids(files))
        if any(
            targets.problem(address, f"{name}.html")
            for name, chapter in self._chapters.items()
            for address in chapter.links
        ):
            # The texts are parsed only now, to find the places of the links.
            problems = find_link_problems(self._project, self._prose, targets)
            raise SpecError(first_problems(problems))

    def _page_ids(self, files: Mapping[str, bytes]) -> Callable[[str], frozenset[str] | None]:
        """Return a function from a page to its ids.

        They are None if results are missing, or if the page is not among the files.
        """

        @cache
        def find(page: str) -> frozenset[str] | None:
            chapter = self._chapters.get(page.removesuffix(".html"))
            is_incomplete = chapter is not None and chapter.incomplete
            return None if is_incomplete or page not in files else find_ids(files[page].decode())

        return find


@contextmanager
def _collect(problems: list[Problem]) -> Iterator[None]:
    """Add the problems of a SpecError in the block to a list."""
    try:
        yield
    except SpecError as error:
        problems += error.problems
