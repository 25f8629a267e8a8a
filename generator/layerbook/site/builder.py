"""Binding the book: chapters one by one, then the first page, the colophon, search, and what they need beside them.

What was laid out before is taken from the working cache: a chapter until its prose changes, and everything until
anything else does.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import Any

from layerbook.book import bibliography
from layerbook.site import colophon as front, provenance
from layerbook.site.prose import citations
from layerbook.site import assets as site
from layerbook.site.prose.render import ChapterContext, render_chapter
from layerbook.site.prose.math import MathRenderer
from layerbook.site.pages import BookInfo, ChapterBody, ChapterPage, FailedView, Link, NavChapter, Page
from layerbook.site.search import chapter_rows, claim_rows, reference_rows, search_index
from layerbook.site.claims_page import Model, claims_page, other_models
from layerbook.site.figure_cache import Drawings
from layerbook.core.errors import SpecError
from layerbook.site.experiment_view import Exhibit, decoder, load_exhibits
from layerbook.site.chapter_views import Gallery
from layerbook.book.loader import Chapter
from layerbook.core.figures import Diagram
from layerbook.site.colophon import bare_digest
from layerbook.site.page_cache import Leaf, keep, kept
from layerbook.store.project import Project, Work
from layerbook.site.verification_table import verified_html
from layerbook.plotting.pool import Workshop

_CLAIM = re.compile(r'\bid="(claim-[^"]+)"')


@dataclass(frozen=True)
class Draft:
    """A chapter laid out, with marks where its pictures will be, and what belongs to it."""

    page: ChapterPage
    math: MathRenderer
    files: Mapping[str, bytes]
    messages: tuple[str, ...]


class Binder:
    """Collects the pages of one book; `finish` gives the whole site, `keep` saves laying them out the next time.

    ground: a digest of everything that pages are made from but the chapters' prose. fresh: nothing kept is used.
    """

    def __init__(self, project: Project, work: Sequence[Work], workshop: Workshop, ground: str, fresh: bool) -> None:
        own = project.templates if (project.templates / "base.html").is_file() else None
        self.project, self.work, self.templates = project, work, own
        self.ground, self.fresh = ground, fresh
        self.drawings = Drawings(project.cache, workshop)
        self.pages = site.environment(own)
        self.bibliography = bibliography.load(project.templates)
        self.chapters: dict[str, tuple[str, Draft | Leaf]] = {}
        self.leaves: dict[str, Leaf] = {}
        self.laid_out: dict[str, str] = {}
        nav = tuple(NavChapter(c.name, c.title, i, c.summary) for i, c in enumerate(project.book.chapters, start=1))
        self.info = BookInfo(
            title=project.book.title,
            subtitle=project.book.subtitle,
            authors=project.book.authors,
            chapters=nav,
            model=project.source.name,
            digest=bare_digest(project.fingerprint.weights),
            language=project.book.language,
            references=self.bibliography is not None,
        )

    @cached_property
    def exhibits(self) -> dict[str, Exhibit]:
        """Every experiment with its result, by address; read once something must be laid out."""
        return load_exhibits(self.project, self.work)

    @cached_property
    def decoder(self) -> Diagram | None:
        """The drawing of the model, if the book has one."""
        return decoder(self.exhibits)

    def add_chapter(self, chapter: Chapter, number: int, prose: str) -> None:
        """Take a chapter as it was kept, or lay it out; where it needs a result that is not there, it says so.

        Raises SpecError with the problems of its prose, captions and claims.
        """
        key = self._key(prose)
        self.chapters[chapter.name] = key, self._kept(chapter.name, key) or self._draft(chapter, number, prose)

    def _draft(self, chapter: Chapter, number: int, prose: str) -> Draft:
        math = MathRenderer(self.project.cache)
        gallery = Gallery(
            chapter=chapter.name,
            number=number,
            exhibits=self.exhibits,
            drawings=self.drawings,
            math=math,
            provenance=partial(provenance.facts, self.project),
            entry=self.project.entry,
        )
        context = ChapterContext(
            results=gallery.result,
            figure=gallery.figure,
            claim=gallery.claim,
            source=gallery.source,
            downloads=gallery.downloads,
            pages=self.pages,
            math=math,
            chapters=tuple(c.name for c in self.project.book.chapters),
            bibliography=self.bibliography,
        )
        if misnamed := [p for e in chapter.experiments for p in self.exhibits[f"{e.chapter}/{e.id}"].misnamed()]:
            raise SpecError(misnamed)
        try:
            body = render_chapter(prose, f"templates/chapters/{chapter.name}.md", context)
        except SpecError:
            if not gallery.missed:
                raise
            body = self._missing(gallery.missed)
        missed = dict.fromkeys(gallery.missed)
        messages = tuple(f"{exhibit.address}: not shown: {exhibit.trouble}" for exhibit in missed)
        return Draft(self._page(chapter, number, body), math, gallery.files, messages)

    def _missing(self, missed: Sequence[Exhibit]) -> ChapterBody:
        blocks: Any = self.pages.get_template("blocks.html").module
        views = [FailedView(f"missing-{e.experiment.id}", f"{e.address}: {e.trouble}") for e in dict.fromkeys(missed)]
        return ChapterBody("".join(str(blocks.failed(view)) for view in views), (), (), ())

    def _page(self, chapter: Chapter, number: int, body: ChapterBody) -> ChapterPage:
        links = [Link("Contents", "index.html"), *(Link(c.title, c.href) for c in self.info.chapters)]
        links.append(Link("How this book was made", "colophon.html"))
        drawn = None
        if self.decoder is not None:
            lit = replace(self.decoder, highlight=chapter.part or "", title="")
            drawn = self.drawings.diagram(lit, "where", compact=True)
        return ChapterPage(
            name=chapter.name,
            title=chapter.title,
            number=number,
            body=body,
            description=chapter.summary,
            previous=links[number - 1],
            next=links[number + 1],
            diagram_svg=drawn,
            diagram_alt=f"Where in the model this chapter is: {chapter.title}" if drawn else "",
        )

    def finish(self) -> dict[str, bytes]:
        """Every file of the site by its path, once all chapters are added."""
        for name, (key, made) in self.chapters.items():
            self.leaves[name] = made if isinstance(made, Leaf) else self._new(name, key, self._chapter(made))
        shown = {name: frozenset(leaf.anchors) for name, leaf in self.leaves.items()}
        cited = tuple(one for leaf in self.leaves.values() for one in leaf.citations)
        places = repr([sorted(anchors) for anchors in shown.values()])
        self._leaf("+claims", places, lambda: self._claims(shown))
        self._leaf("+front", "", self._front)
        if self.bibliography:
            self._leaf("+references", repr(cited), partial(self._references, self.bibliography, cited))
        rows = [row for leaf in self.leaves.values() for row in leaf.rows]
        found: dict[str, bytes] = {"assets/search-index.js": search_index(rows)}
        rules: dict[str, str] = {}
        for leaf in self.leaves.values():
            found |= leaf.files
            rules |= leaf.styles
        found |= site.assets(rules, self.templates)
        return dict(sorted((found | provenance.manifest(self.project, self.info, found)).items()))

    @property
    def messages(self) -> list[str]:
        """One for each experiment that a chapter needs and that has no result."""
        return [message for leaf in self.leaves.values() for message in leaf.messages]

    @property
    def failed(self) -> int:
        """How many they are."""
        return len(self.messages)

    @property
    def refuted(self) -> int:
        """How many claims of the book do not hold on its model."""
        return sum(leaf.refuted for leaf in self.leaves.values())

    def keep(self) -> None:
        """Keep what was laid out for the next build."""
        for name, key in self.laid_out.items():
            keep(self.project.cache, f"{self.project.source.name}/{name}", key, self.leaves[name])

    def _key(self, own: str) -> str:
        return f"{self.ground} {hashlib.sha256(own.encode('utf-8', 'surrogatepass')).hexdigest()}"

    def _kept(self, name: str, key: str) -> Leaf | None:
        return None if self.fresh else kept(self.project.cache, f"{self.project.source.name}/{name}", key)

    def _leaf(self, name: str, own: str, make: Callable[[], Leaf]) -> Leaf:
        """The leaf of this name as it was kept, or a new one; `own` is what it is made from beside the ground."""
        key = self._key(own)
        self.leaves[name] = self._kept(name, key) or self._new(name, key, make())
        return self.leaves[name]

    def _new(self, name: str, key: str, leaf: Leaf) -> Leaf:
        self.laid_out[name] = key
        return leaf

    def _html(self, page: Page) -> dict[str, bytes]:
        laid_out = site.render_page(page, self.info, self.pages)
        return {f"{page.name}.html": self.drawings.filled(laid_out).encode()}

    def _chapter(self, draft: Draft) -> Leaf:
        return Leaf(
            files={**draft.files, **self._html(draft.page)},
            rows=chapter_rows(draft.page),
            styles=draft.math.rules,
            anchors=tuple(_CLAIM.findall(draft.page.body.html)),
            citations=citations.cited(draft.page),
            messages=draft.messages,
        )

    def _claims(self, shown: Mapping[str, frozenset[str]]) -> Leaf:
        """The list of all claims, with links to where they are `shown`."""
        own, math = Model(self.info.model, self.info.digest, self.exhibits), MathRenderer(self.project.cache)
        others = (replace(m, digest=bare_digest(m.digest)) for m in other_models(self.project, self.work))
        page = claims_page((own, *others), self.info.chapters, shown, math)
        refuted = sum(row.judged[0].state == "fails" for chapter in page.chapters for row in chapter.rows)
        return Leaf(self._html(page), claim_rows(page), math.rules, refuted=refuted)

    def _references(self, sources: bibliography.Bibliography, cited: tuple[tuple[str, str, str], ...]) -> Leaf:
        page = citations.references_page(sources, cited)
        return Leaf(self._html(page), reference_rows(page))

    def _front(self) -> Leaf:
        """The first page, and the last."""
        links = {c.part: f"{c.name}.html" for c in self.project.book.chapters if c.part}
        drawn = None
        if self.decoder is not None:
            drawn = self.drawings.diagram(replace(self.decoder, title=""), "map", compact=False, links=links)
        tables = verified_html(self.project, self.work)
        last = front.colophon_page(self.project, self.info, self.exhibits, tables)
        pages = front.index_page(self.info, drawn), last
        return Leaf(self._html(pages[0]) | self._html(pages[1]))
