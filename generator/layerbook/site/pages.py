"""Data for the page templates: frozen, typed and complete.

Fields that end in `html` or `svg` are trusted markup of this program; other strings are escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal, NamedTuple

from layerbook.core.figures import SamplingData, Table, Widget
from layerbook.core.language import gettext, mark
from layerbook.core.tokens import Token
from layerbook.site.prose.markdown import Heading, Section, Target
from layerbook.site.prose.markup import Inline

WORDS_PER_MINUTE = 200
EVIDENCE_MEANINGS: dict[str, str] = {
    "definition": mark(
        "True by construction: it shows how something is defined, not what the model does."
    ),
    "observation": mark("Read off the model as it ran. It shows what happened here, not why."),
    "correlation": mark("Two things that vary together. Neither need be the cause of the other."),
    "intervention": mark(
        "Something was changed inside the model or its input, and the effect was measured."
    ),
}
"""The explanation of each badge."""


class Fact(NamedTuple):
    """A label and its value in a list of facts."""

    label: str
    value: str


@dataclass(frozen=True)
class Link:
    """A relative link."""

    title: str
    href: str


@dataclass(frozen=True)
class FrameView:
    """One step of a sequence; `html` is its picture."""

    label: str
    html: str
    alt: str
    note: str = ""
    token: Token | None = None
    stop: bool = False


@dataclass(frozen=True)
class FigureScript:
    """A script with the data of a figure, which the page loads on request."""

    href: str
    opens: Literal["patterns", "scores", "map", "waves", "turns", "writing"]
    description: str


@dataclass(frozen=True)
class SourceView:
    """The code of an analysis; `about` is the first line of its docstring.

    id: the place of the code on the page. html: empty where the page has the code already.
    """

    analysis: str
    id: str
    html: str
    about: str = ""


@dataclass(frozen=True)
class FigureView:
    """A figure on a page.

    id: unique on the page.
    kind: its name in the style sheet.
    scores: the logits that a reader can sample from.
    source: the code that measured it, None of a figure that nothing measured.
    frames: the pictures of a sequence, instead of `html`; each stands for one `step`.
    widget: what takes the picture's place on screens.
    """

    id: str
    number: str
    html: str
    caption_html: str
    alt: str
    table: Table
    evidence: str
    kind: str
    original: bool = False
    data_href: str | None = None
    csv_href: str | None = None
    script: FigureScript | None = None
    scores: SamplingData | None = None
    source: SourceView | None = None
    spec_html: str = ""
    provenance: tuple[Fact, ...] = ()
    frames: tuple[FrameView, ...] | None = None
    title: str = ""
    step: str = "frame"
    widget: Widget | None = None


@dataclass(frozen=True)
class ImageView:
    """A picture of the book's own, in pixels; a decorative one has no number, alt or caption."""

    id: str
    number: str
    href: str
    width: int
    height: int
    alt: str
    caption_html: str
    dark_href: str | None = None


@dataclass(frozen=True)
class SubtitlesView:
    """Subtitles of a video, as a `data:` address, and their language."""

    href: str
    language: str


@dataclass(frozen=True)
class VideoView:
    """A video of the book's own, with the picture that it shows before it plays."""

    id: str
    number: str
    href: str
    poster_href: str
    width: int
    height: int
    caption: str
    subtitles: SubtitlesView | None = None


@dataclass(frozen=True)
class FailedView:
    """The placeholder of a figure whose experiment has no result.

    expected: the model cannot run the experiment, so nothing is amiss.
    """

    id: str
    message: str
    expected: bool = False


@dataclass(frozen=True)
class Judgement:
    """The verdict of one model's results on a claim.

    margin: the distance from the opposite verdict, in words; `close` if it is small.
    note: the reason why the verdict is open, or inapplicable: the model cannot run the experiment.
    values: the expressions in the check, each with its value.
    """

    state: Literal["holds", "fails", "open", "inapplicable"]
    margin: str = ""
    close: bool = False
    note: str = ""
    values: tuple[tuple[str, str], ...] = ()

    @property
    def decided(self) -> bool:
        """Return whether the claim could be checked."""
        return self.state in ("holds", "fails")


@dataclass(frozen=True)
class ClaimView:
    """A claim and its verdict.

    id: the HTML id of the box, empty if the claim is already on the page.
    claims_href: its place in the list of all claims.
    """

    sentence: str | Inline
    check: str
    judgement: Judgement
    id: str = ""
    claims_href: str = ""

    @property
    def holds(self) -> bool:
        """Return whether the claim is true of the book's model."""
        return self.judgement.state == "holds"


@dataclass(frozen=True)
class TickView:
    """A mark after a sentence, which opens the box of its claim: the popover `box_id`.

    id: the HTML id of the mark, empty if the claim is already on the page.
    """

    claim: ClaimView
    box_id: str
    id: str = ""


@dataclass(frozen=True)
class CodeCellView:
    """A short program with the value of its last line, None if it gives none.

    notebook_href: the notebook with all cells of the chapter.
    """

    name: str
    html: str
    output: str | None
    notebook_href: str
    id: str = ""


@dataclass(frozen=True)
class Download:
    """A file to download, with its size in bytes."""

    label: str
    href: str
    size: int


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
    def label(self) -> str:
        """Its place in the book, as its head shows it: `Chapter 5`, `Appendix A`, or the part."""
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

    stylesheets: read after those of every book. logo, dark_logo: before the title.
    """

    stylesheets: tuple[str, ...] = ()
    logo: str | None = None
    dark_logo: str | None = None
    favicon: str | None = None


@dataclass(frozen=True)
class BookInfo:
    """The book, as every page shows it.

    digest: that of the model's weights.
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
    description: str = ""
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
class Preview:
    """The preview that a link shows on hover: an element with this id."""

    id: str
    title: str
    html: str


@dataclass(frozen=True)
class ChapterBody:
    """The rendered prose of a chapter.

    toc: the headings of level 2.
    targets: the places that references in the text of any page can lead to.
    """

    html: str = ""
    toc: tuple[Heading, ...] = ()
    headings: tuple[Heading, ...] = ()
    sections: tuple[Section, ...] = ()
    previews: tuple[Preview, ...] = ()
    targets: tuple[Target, ...] = ()

    @property
    def minutes(self) -> int:
        """The reading time in words."""
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
        """The reading time of the whole book, to ten minutes from ten minutes on."""
        total = sum(self.minutes.values())
        hours, minutes = divmod(10 * round(total / 10) if total >= 10 else total, 60)
        parts = [gettext("{hours} h", hours=hours)] if hours else []
        if minutes:
            parts.append(gettext("{minutes} min", minutes=minutes))
        return " ".join(parts)


@dataclass(frozen=True)
class Licence:
    """The licence of third-party work in the book."""

    name: str
    licence: str
    text: str


@dataclass(frozen=True)
class ColophonPage:
    """The page about the book's making.

    originals: whether a figure is drawn as in an earlier version.
    """

    model: tuple[Fact, ...]
    versions: tuple[Fact, ...]
    seeds: tuple[Fact, ...]
    rebuild: tuple[str, ...]
    licences: tuple[Licence, ...]
    quantisation: str = ""
    originals: bool = False
    previous: Link | None = None

    name = "colophon"
    template = "colophon.html"


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
class ClaimsPage:
    """Every claim of the book; `models` has the order of each row's judgements."""

    models: tuple[ModelColumn, ...]
    chapters: tuple[ChapterClaims, ...]

    name = "claims"
    template = "claims.html"

    @property
    def title(self) -> str:
        """The heading."""
        return gettext("What holds, on which model")


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
class ReferencesPage:
    """Every source of the book, by author."""

    entries: tuple[ReferenceView, ...]
    name = "references"
    template = "references.html"

    @property
    def title(self) -> str:
        """The heading."""
        return gettext("References")


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
class GlossaryPage:
    """Every term that the book explains, by name."""

    entries: tuple[TermView, ...]
    name = "glossary"
    template = "glossary.html"

    @property
    def title(self) -> str:
        """The heading."""
        return gettext("Glossary")


@dataclass(frozen=True)
class LiveModel:
    """The model as pages run it.

    size, memory: bytes of the model's file, and of all that a page needs.
    sha256: of the file. shades: the colours of shares from 0 to 1, RGB in hexadecimal.
    libraries: the scripts that cut and lay out texts.
    """

    name: str
    size: int
    memory: int
    sha256: str
    shades: str
    libraries: tuple[str, ...]


@dataclass(frozen=True)
class OwnTextView:
    """A box in which a reader sees one side of the model on a text of their own."""

    kind: str
    model: LiveModel
    id: str


@dataclass(frozen=True)
class TryPage:
    """The page that runs the model on a reader's own text; `source_html` is its script."""

    model: LiveModel
    source_html: str

    name = "try"
    template = "try.html"

    @property
    def title(self) -> str:
        """The heading."""
        return gettext("Try it yourself")


Page = ChapterPage | IndexPage | ColophonPage | ClaimsPage | ReferencesPage | GlossaryPage | TryPage
