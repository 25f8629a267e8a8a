"""Data for whole pages, and the facts about the book that all pages show.

Fields that end in `html` or `svg` are trusted markup of this program; other strings are escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import ClassVar

from layerbook.core.language import gettext, mark
from layerbook.site.blocks import Fact, Judgement, Link, LiveModel, Preview
from layerbook.site.prose.markup import Heading, Inline, Section, Target

WORDS_PER_MINUTE = 200


@dataclass(frozen=True)
class NavChapter:
    """A chapter in the table of contents, under the heading of its part; some have no number.

    is_plain_page: it has neither experiments nor a number, such as a preface.
    """

    name: str
    title: str
    number: str
    summary: str = ""
    part: str = ""
    draft: bool = False
    is_plain_page: bool = False

    @property
    def href(self) -> str:
        """The file name of its page."""
        return f"{self.name}.html"

    @property
    def link(self) -> Link:
        """A link to its page."""
        return Link(self.title, self.href)

    @property
    def label(self) -> str:
        """The line above its title: `Chapter 5`, `Appendix A`, or the name of its part."""
        if not self.number:
            return self.part
        is_chapter = self.number.isdecimal()
        return gettext(
            "Chapter {number}" if is_chapter else "Appendix {number}", number=self.number
        )


@dataclass(frozen=True)
class NavPart:
    """Chapters of one part of the book; those before the first part have no title."""

    title: str
    chapters: tuple[NavChapter, ...]


@dataclass(frozen=True)
class ThemeView:
    """The look of a book: paths in the site.

    stylesheets: loaded after the style sheets of every book.
    logo, dark_logo: shown before the title.
    """

    stylesheets: tuple[str, ...] = ()
    logo: str | None = None
    dark_logo: str | None = None
    favicon: str | None = None


@dataclass(frozen=True)
class BookInfo:
    """The book, as every page shows it.

    digest: the digest of the model's weights.
    references: the book has a page of references. glossary: it has one of terms.
    live: it has a page that runs the model.
    url: where it is published. Like `edit_url` it ends in a slash, or is empty.
    edit_url: the folder of its sources where readers can edit them.
    """

    title: str
    subtitle: str
    authors: tuple[str, ...]
    chapters: tuple[NavChapter, ...]
    model: str
    digest: str
    language: str = "en"
    references: bool = False
    glossary: bool = False
    live: bool = False
    theme: ThemeView = ThemeView()
    url: str = ""
    edit_url: str = ""

    @property
    def parts(self) -> tuple[NavPart, ...]:
        """The chapters by part, in order."""
        groups = groupby(self.chapters, key=lambda chapter: chapter.part)
        return tuple(NavPart(title, tuple(chapters)) for title, chapters in groups)

    @property
    def chapter_count(self) -> int:
        """The number of chapters, without plain pages."""
        return sum(not chapter.is_plain_page for chapter in self.chapters)


@dataclass(frozen=True)
class ChapterBody:
    """The rendered prose of a chapter.

    targets: the places that references in the text of any page can lead to.
    """

    html: str = ""
    headings: tuple[Heading, ...] = ()
    sections: tuple[Section, ...] = ()
    targets: tuple[Target, ...] = ()
    previews: tuple[Preview, ...] = ()

    @property
    def toc(self) -> tuple[Heading, ...]:
        """The headings of level 2."""
        return tuple(heading for heading in self.headings if heading.level == 2)

    @property
    def minutes(self) -> int:
        """The reading time in minutes, at WORDS_PER_MINUTE."""
        words = sum(len(section.text.split()) for section in self.sections)
        return max(1, round(words / WORDS_PER_MINUTE))

    @property
    def runs_model(self) -> bool:
        """Return whether a reader can run the model in it."""
        anchors = (anchor for section in self.sections for anchor in section.anchors)
        return any(anchor.kind == "own-text" for anchor in anchors)

    @property
    def claim_ids(self) -> tuple[str, ...]:
        """The HTML ids of its claims."""
        anchors = [anchor for section in self.sections for anchor in section.anchors]
        return tuple(anchor.id for anchor in anchors if anchor.kind == "claim")


@dataclass(frozen=True)
class ChapterPage:
    """A chapter; `diagram_svg` shows its place in the model.

    needs: the chapters to read before. source: the file of its text, as `edit_url` names it.
    """

    name: str
    title: str
    label: str
    body: ChapterBody
    description: str = ""
    previous: Link | None = None
    next: Link | None = None
    diagram_svg: str | None = None
    diagram_alt: str = ""
    needs: tuple[Link, ...] = ()
    draft: bool = False
    source: str = ""

    template = "chapter.html"


@dataclass(frozen=True)
class IndexPage:
    """The first page, with its text, if it has one; parts in `diagram_svg` link to chapters.

    minutes: how long each chapter takes to read, by name.
    """

    title: str = ""
    body: ChapterBody = field(default_factory=ChapterBody)
    minutes: Mapping[str, int] = field(default_factory=dict)
    diagram_svg: str | None = None
    diagram_alt: str = ""
    next: Link | None = None

    name = "index"
    template = "index.html"

    @property
    def total(self) -> str:
        """The reading time of the whole book; from ten minutes on, rounded to ten."""
        total = sum(self.minutes.values())
        hours, minutes = divmod(10 * round(total / 10) if total >= 10 else total, 60)
        parts = [gettext("{hours} h", hours=hours)] if hours else []
        if minutes:
            parts.append(gettext("{minutes} min", minutes=minutes))
        return " ".join(parts)


class _TitledPage:
    """A page whose title is a message of the program."""

    heading: ClassVar[str]

    @property
    def title(self) -> str:
        """The heading, in the language of the book."""
        return gettext(self.heading)


@dataclass(frozen=True)
class Licence:
    """The licence of third-party work in the book."""

    name: str
    licence: str
    text: str


@dataclass(frozen=True)
class ColophonPage(_TitledPage):
    """The colophon: the model, versions and licences behind a book.

    originals: whether a figure is a first attempt.
    """

    model: tuple[Fact, ...]
    versions: tuple[Fact, ...]
    seeds: tuple[Fact, ...]
    rebuild: tuple[str, ...]
    licences: tuple[Licence, ...]
    quantization: str = ""
    originals: bool = False
    previous: Link | None = None

    name = "colophon"
    template = "colophon.html"
    heading = mark("How this book was made")


@dataclass(frozen=True)
class ClaimRow:
    """A claim in the list of all claims.

    judgements: one for each model, the book's own first.
    href: its place in a chapter, if one shows it.
    """

    id: str
    sentence: str | Inline
    check: str
    evidence: str
    experiment: str
    judgements: tuple[Judgement, ...]
    href: str | None = None

    @property
    def own_judgement(self) -> Judgement:
        """The verdict on the book's own model."""
        return self.judgements[0]


@dataclass(frozen=True)
class ChapterClaims:
    """The claims of one chapter."""

    id: str
    number: str
    title: str
    href: str
    rows: tuple[ClaimRow, ...]


@dataclass(frozen=True)
class ModelColumn:
    """A model in the list of all claims: the digest of its weights, and its verdicts, counted."""

    name: str
    digest: str
    counts: tuple[Fact, ...]


@dataclass(frozen=True)
class ClaimsPage(_TitledPage):
    """Every claim of the book; `models` has the order of each row's judgements.

    refuted_id, close_id: of the lists at the top, which repeat some claims.
    """

    models: tuple[ModelColumn, ...]
    chapters: tuple[ChapterClaims, ...]
    refuted_id: str = "refuted"
    close_id: str = "only-just"

    name = "claims"
    template = "claims.html"
    heading = mark("What holds, on which model")

    @property
    def rows(self) -> tuple[ClaimRow, ...]:
        """All claims, in the order of the book."""
        return tuple(row for chapter in self.chapters for row in chapter.rows)

    @property
    def refuted(self) -> tuple[ClaimRow, ...]:
        """The claims that do not hold on the book's own model."""
        return tuple(row for row in self.rows if row.own_judgement.state == "fails")

    @property
    def close(self) -> tuple[ClaimRow, ...]:
        """The claims that hold only just on the book's own model."""
        return tuple(
            row
            for row in self.rows
            if row.own_judgement.state == "holds" and row.own_judgement.close
        )


@dataclass(frozen=True)
class ReferenceView:
    """A source in the list of references.

    display_url: the text of the link to `url`.
    places: where chapters cite it.
    """

    key: str
    label: str
    authors: str
    year: str
    title: str
    venue: str
    url: str
    display_url: str
    used_for: str = ""
    places: tuple[Link, ...] = ()


@dataclass(frozen=True)
class ReferencesPage(_TitledPage):
    """Every source of the book, by author."""

    entries: tuple[ReferenceView, ...]
    name = "references"
    template = "references.html"
    heading = mark("References")


@dataclass(frozen=True)
class TermView:
    """A term in the glossary.

    see: chapters that say more. places: where chapters use it.
    """

    id: str
    name: str
    definition: Inline
    see: tuple[Link, ...] = ()
    places: tuple[Link, ...] = ()


@dataclass(frozen=True)
class GlossaryPage(_TitledPage):
    """Every term that the book explains, by name."""

    entries: tuple[TermView, ...]
    name = "glossary"
    template = "glossary.html"
    heading = mark("Glossary")


@dataclass(frozen=True)
class TryPage(_TitledPage):
    """The page that runs the model on a reader's own text; `source_html` is its script."""

    model: LiveModel
    source_html: str

    name = "try"
    template = "try.html"
    heading = mark("Try it yourself")


Page = ChapterPage | IndexPage | ColophonPage | ClaimsPage | ReferencesPage | GlossaryPage | TryPage
