"""Binding the book: chapters one by one, then the first page, the colophon, search, and what they need beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

from generator import __version__, bibliography
from generator.book import citations, site
from generator.book.chapter import ChapterContext, render_chapter
from generator.book.math import MathRenderer
from generator.book.pages import (
    BookInfo,
    ChapterBody,
    ChapterPage,
    ClaimsPage,
    ColophonPage,
    FailedView,
    IndexPage,
    Licence,
    Link,
    NavChapter,
    Page,
)
from generator.claims_page import Model, claims_page, other_models
from generator.drawing import Drawings
from generator.errors import SpecError
from generator.exhibits import Exhibit, Gallery, decoder, load_exhibits
from generator.experiments import Chapter, Experiment
from generator.project import Project, Work
from generator.workshop import Workshop

APACHE = "Apache License 2.0: https://www.apache.org/licenses/LICENSE-2.0"


class Binder:
    """Collects the pages of one book; `finish` gives the whole site."""

    def __init__(self, project: Project, work: Sequence[Work], workshop: Workshop) -> None:
        own = project.templates if (project.templates / "base.html").is_file() else None
        self.project, self.templates = project, own
        self.exhibits = load_exhibits(project, work)
        self.drawings, self.math = Drawings(project.cache, workshop), MathRenderer(project.cache)
        self.pages = site.environment(own)
        self.decoder = decoder(self.exhibits)
        self.bibliography = bibliography.load(project.templates)
        self.chapters: list[ChapterPage] = []
        self.files: dict[str, bytes] = {}
        self.work, self.failed = work, 0
        self.messages: list[str] = []
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

    def add_chapter(self, chapter: Chapter, number: int, prose: str) -> None:
        """Render a chapter; where its prose needs a result that is not there, the page says so instead.

        Raises SpecError with the problems of its prose, captions and claims.
        """
        gallery = Gallery(
            chapter=chapter.name,
            number=number,
            exhibits=self.exhibits,
            drawings=self.drawings,
            math=self.math,
            provenance=self._provenance,
            entry=self.project.entry,
        )
        context = ChapterContext(
            results=gallery.result,
            figure=gallery.figure,
            claim=gallery.claim,
            source=gallery.source,
            downloads=gallery.downloads,
            pages=self.pages,
            math=self.math,
            chapters=tuple(c.name for c in self.project.book.chapters),
            bibliography=self.bibliography,
        )
        try:
            body = render_chapter(prose, f"templates/chapters/{chapter.name}.md", context)
        except SpecError:
            if not gallery.missed:
                raise
            body = self._missing(gallery.missed)
        for exhibit in dict.fromkeys(gallery.missed):
            self.failed += 1
            self.messages.append(f"{exhibit.address}: not shown: {exhibit.trouble}")
        self.files |= gallery.files
        self.chapters.append(self._page(chapter, number, body))

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

    @property
    def refuted(self) -> int:
        """How many claims of the book do not hold on its model."""
        return sum(row.judged[0].state == "fails" for chapter in self.claims.chapters for row in chapter.rows)

    @cached_property
    def claims(self) -> ClaimsPage:
        """Every claim of the chapters that were added."""
        own = Model(self.info.model, self.info.digest, self.exhibits)
        others = (replace(m, digest=bare_digest(m.digest)) for m in other_models(self.project, self.work))
        return claims_page((own, *others), self.chapters, self.math)

    def finish(self) -> dict[str, bytes]:
        """Every file of the site by its path."""
        sources = citations.references_page(self.bibliography, self.chapters) if self.bibliography else None
        pages: list[Page] = [*self.chapters, self.claims, self._index(), self._colophon()]
        pages += [sources] if sources else []
        for page in pages:
            laid_out = site.render_page(page, self.info, self.pages)
            self.files[f"{page.name}.html"] = self.drawings.filled(laid_out).encode()
        self.files["assets/search-index.js"] = site.search_index(self.chapters, self.claims, sources)
        return dict(sorted((self.files | site.assets(self.math, self.templates)).items()))

    def _index(self) -> IndexPage:
        links = {c.part: f"{c.name}.html" for c in self.project.book.chapters if c.part}
        drawn = None
        if self.decoder is not None:
            drawn = self.drawings.diagram(replace(self.decoder, title=""), "map", compact=False, links=links)
        first = self.info.chapters[0] if self.info.chapters else None
        return IndexPage(
            diagram_svg=drawn,
            diagram_alt="The model, part by part; each part leads to its chapter",
            next=Link(first.title, first.href) if first else None,
        )

    def _colophon(self) -> ColophonPage:
        last = self.info.chapters[-1] if self.info.chapters else None
        source, weights = self.project.source, self.project.fingerprint.weights
        bundle = source.kind in ("bundle", "gguf")
        model = [("Name", source.name), ("Source", f"{source.kind}: {source.location}")]
        model += [("Revision", source.revision)] if source.revision else []
        model += [("Weights", bare_digest(weights)), ("Arithmetic", "float32 on a CPU, attention computed eagerly")]
        licences = site.vendored()
        if source.kind == "bundle":
            licences = (*licences, Licence(f"The weights of {source.name}", "Apache-2.0", APACHE))
        return ColophonPage(
            model=tuple(model),
            versions=(("layerbook", __version__), *sorted(self._versions().items())),
            seeds=tuple(self._seeds()),
            rebuild=("make site", "make test"),
            licences=licences,
            quantisation=QUANTISED if bundle else "",
            previous=Link(last.title, last.href) if last else None,
        )

    def _versions(self) -> dict[str, str]:
        """The libraries that the results were measured with; several versions of one are all named."""
        found: dict[str, list[str]] = {}
        for exhibit in self.exhibits.values():
            for name, version in (exhibit.envelope.key.versions if exhibit.envelope else {}).items():
                found.setdefault(name, []).append(version)
        return {name: ", ".join(sorted(set(versions))) for name, versions in found.items()}

    def _seeds(self) -> list[tuple[str, str]]:
        """Every seed that something random started from; always taking the best token is not random."""
        specs = [(exhibit.address, exhibit.experiment.spec()) for exhibit in self.exhibits.values()]
        return [
            (address, f"{name} {value}")
            for address, spec in specs
            for name, value in spec.items()
            if name.endswith("seed") and value is not None and spec.get("temperature") != 0
        ]

    def _provenance(self, exhibit: Exhibit) -> tuple[tuple[str, str], ...]:
        experiment: Experiment = exhibit.experiment
        versions = exhibit.envelope.key.versions if exhibit.envelope else {}
        return (
            ("Model", self.project.source.name),
            ("Weights", bare_digest(self.project.fingerprint.weights)[:12]),
            ("Written in", f"experiments/{experiment.chapter}.yaml, line {experiment.line}"),
            ("Computed with", ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))),
            ("Run it again", f"layerbook run --only {exhibit.address} --force"),
        )


QUANTISED = (
    "The weights come as a GGUF file. Those of the default model are a 4-bit quantisation, turned back into 32-bit "
    "floating point before anything is computed; they differ a little from the ones that were published in full, and "
    "so do all numbers in this book."
)


def bare_digest(fingerprint: str) -> str:
    """The hexadecimal part of a fingerprint: `gguf:b179.../1` -> `b179...`; a Hub's commit."""
    return fingerprint.rpartition("@")[2].rpartition(":")[2].partition("/")[0]
