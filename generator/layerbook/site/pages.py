"""What page templates are given: frozen, typed, complete. A missing name in a template is an error.

Fields that end in `html` or `svg` are markup made by this program and trusted; every other string is escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from layerbook.site.prose.markdown import Heading, Section
from layerbook.site.prose.markup import Inline
from layerbook.core.figures import SamplingData, Table
from layerbook.core.tokens import Token

Evidence = Literal["definition", "observation", "correlation", "intervention"]

EVIDENCE_MEANINGS: dict[str, str] = {
    "definition": "True by construction: it shows how something is defined, not what the model does.",
    "observation": "Read off the model as it ran. It shows what happened here, not why.",
    "correlation": "Two things that vary together. Neither need be the cause of the other.",
    "intervention": "Something was changed inside the model or its input, and the effect was measured.",
}
"""What each badge claims."""


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
class FigureView:
    """A figure as the page shows it.

    `id` is unique on the page. `kind` names what was drawn; for `token-strip`, `passage` and `table` it is text, and is
    not announced as an image. `frames` replaces `html` for a sequence; a frame stands for a `step`. `script_href` is a
    script with what can be opened from it, of which `script_description` tells; `scores` where these are of all tokens.
    """

    id: str
    number: str
    html: str
    caption_html: str
    alt: str
    table: Table
    evidence: Evidence
    kind: str
    original: bool = False
    data_href: str | None = None
    csv_href: str | None = None
    script_href: str | None = None
    script_description: str = ""
    scores: SamplingData | None = None
    source_html: str | None = None
    spec_html: str = ""
    provenance: tuple[tuple[str, str], ...] = ()
    frames: tuple[FrameView, ...] | None = None
    title: str = ""
    step: str = "frame"


@dataclass(frozen=True)
class FailedView:
    """The placeholder of a figure whose experiment failed: never a silent hole."""

    id: str
    message: str


@dataclass(frozen=True)
class ClaimView:
    """A sentence of the spec and what checking it gave; `values` are what the check read, by expression.

    `margin` says how far it is from turning over, `close` that it is not far. `id` is the box's HTML id; the box of a
    claim that is on the page already has none. `listed` leads to the claim in the list of all.
    """

    sentence: str | Inline
    holds: bool
    check: str
    values: tuple[tuple[str, str], ...] = ()
    margin: str = ""
    close: bool = False
    id: str = ""
    claims_href: str = ""


@dataclass(frozen=True)
class SourceView:
    """The code behind an experiment; `analysis` is its name in specs, `about` the first line of its docstring."""

    analysis: str
    html: str
    about: str = ""


@dataclass(frozen=True)
class Download:
    """A file beside the page."""

    label: str
    href: str
    size: int


@dataclass(frozen=True)
class NavChapter:
    """A chapter in the list of contents."""

    name: str
    title: str
    number: int
    summary: str = ""

    @property
    def href(self) -> str:
        """Its page, beside every other page."""
        return f"{self.name}.html"


@dataclass(frozen=True)
class BookInfo:
    """What every page knows of the book; `digest` is that of the weights, in full; `references`: it has such a page."""

    title: str
    subtitle: str
    authors: tuple[str, ...]
    chapters: tuple[NavChapter, ...]
    model: str
    digest: str
    language: str = "en"
    description: str = ""
    references: bool = False


@dataclass(frozen=True)
class ChapterBody:
    """The rendered prose of a chapter; `toc` are its headings of level 2."""

    html: str
    toc: tuple[Heading, ...]
    headings: tuple[Heading, ...]
    sections: tuple[Section, ...]

    @property
    def claim_ids(self) -> tuple[str, ...]:
        """The HTML ids of its claims."""
        anchors = [anchor for section in self.sections for anchor in section.anchors]
        return tuple(anchor.id for anchor in anchors if anchor.kind == "claim")


@dataclass(frozen=True)
class ChapterPage:
    """A chapter; `diagram_svg` is the small decoder that shows where in the model we are."""

    name: str
    title: str
    number: int
    body: ChapterBody
    description: str = ""
    previous: Link | None = None
    next: Link | None = None
    diagram_svg: str | None = None
    diagram_alt: str = ""

    template = "chapter.html"


@dataclass(frozen=True)
class IndexPage:
    """The first page; in `diagram_svg` each part links to its chapter."""

    about_html: str = ""
    diagram_svg: str | None = None
    diagram_alt: str = ""
    next: Link | None = None

    name = "index"
    template = "index.html"


@dataclass(frozen=True)
class Licence:
    """Something of others that the book carries."""

    name: str
    licence: str
    text: str


@dataclass(frozen=True)
class ColophonPage:
    """How the book was made. `tables_html` are further tables under a heading each, such as what `verify` found."""

    model: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    seeds: tuple[tuple[str, str], ...]
    rebuild: tuple[str, ...]
    licences: tuple[Licence, ...]
    quantisation: str = ""
    tables_html: tuple[tuple[str, str], ...] = ()
    previous: Link | None = None

    name = "colophon"
    template = "colophon.html"


@dataclass(frozen=True)
class Judgement:
    """What one model's results say of a claim; `note` is why it is `open`, undecided."""

    state: Literal["holds", "fails", "open"]
    margin: str = ""
    close: bool = False
    note: str = ""


@dataclass(frozen=True)
class ClaimRow:
    """A claim in the list of all: `judged` by model, the book's own first; `href` is its place, if a page shows it."""

    id: str
    sentence: str | Inline
    check: str
    values: tuple[tuple[str, str], ...]
    evidence: Evidence
    experiment: str
    judgements: tuple[Judgement, ...]
    href: str | None = None


@dataclass(frozen=True)
class ChapterClaims:
    """The claims of one chapter."""

    id: str
    number: int
    title: str
    href: str
    rows: tuple[ClaimRow, ...]


@dataclass(frozen=True)
class ModelColumn:
    """A model whose results are at hand: its weights' digest, and what became of the claims, counted."""

    name: str
    digest: str
    counts: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ClaimsPage:
    """Every claim of the book; `models` in the order of each row's judgements."""

    models: tuple[ModelColumn, ...]
    chapters: tuple[ChapterClaims, ...]

    name = "claims"
    template = "claims.html"
    title = "What holds, on which model"


@dataclass(frozen=True)
class ReferenceView:
    """A source as the list shows it: `address` is what one reads of `url`; `places` lead to where it is cited."""

    key: str
    label: str
    authors: str
    year: str
    title: str
    venue: str
    url: str
    address: str
    used_for: str = ""
    places: tuple[Link, ...] = ()


@dataclass(frozen=True)
class ReferencesPage:
    """Every source of the book, by author."""

    entries: tuple[ReferenceView, ...]
    name = "references"
    template = "references.html"
    title = "References"


Page = ChapterPage | IndexPage | ColophonPage | ClaimsPage | ReferencesPage
