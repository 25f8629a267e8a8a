"""Data for the blocks that prose shows: figures, claims, code, media and links.

Fields that end in `html` or `svg` are trusted markup of this program; other strings are escaped.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from layerbook.core.figures import SamplingData, Table, Widget
from layerbook.core.language import mark
from layerbook.core.tokens import Token
from layerbook.site.prose.markup import Inline

EVIDENCE_MEANINGS: dict[str, str] = {
    "definition": mark(
        "True by construction: it shows how something is defined, not what the model does."
    ),
    "calculation": mark(
        "Computed outside the model, from its numbers or from a small example. The model did not "
        "run this way."
    ),
    "observation": mark(
        "Read off the model, as it is or as it ran. It shows what is there, not why."
    ),
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
    widget: the interactive picture that replaces the drawing on screens.
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

    expected: the model cannot run the experiment, so there is nothing to repair.
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
    by_definition: no run could refute it.
    """

    sentence: str | Inline
    check: str
    judgement: Judgement
    id: str = ""
    claims_href: str = ""
    by_definition: bool = False

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
class LiveModel:
    """The model as pages run it.

    size, memory: bytes of the model's file, and of all that a page needs.
    sha256: of the file. shades: the colors of shares from 0 to 1, RGB in hexadecimal.
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
    """A box in which readers run the model on their own text, and see one side of it."""

    kind: str
    model: LiveModel
    id: str


@dataclass(frozen=True)
class Preview:
    """The preview that a link shows on hover: an element with this id."""

    id: str
    title: str
    html: str
