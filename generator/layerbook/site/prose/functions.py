"""The functions that the prose of a chapter may call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from itertools import count
from typing import Protocol, get_args
from urllib.parse import quote

from layerbook.book.bibliography import REFERENCES_FILE, Bibliography
from layerbook.book.glossary import GLOSSARY_FILE, Glossary
from layerbook.core.errors import UsageError, did_you_mean
from layerbook.core.figures import Role
from layerbook.core.language import gettext
from layerbook.site.assets import render_block
from layerbook.site.pages import (
    ClaimView,
    CodeCellView,
    Download,
    FailedView,
    FigureView,
    ImageView,
    LiveModel,
    OwnTextView,
    SourceView,
    TickView,
    VideoView,
)
from layerbook.site.prose import folds
from layerbook.site.prose.diagrams import USAGE as DIAGRAM_USAGE
from layerbook.site.prose.diagrams import ProseDiagram
from layerbook.site.prose.folds import DEFAULT_TITLE, Fold
from layerbook.site.prose.highlight import code_html
from layerbook.site.prose.ids import PageIds
from layerbook.site.prose.images import USAGE, ProseImage
from layerbook.site.prose.journey import make_stages
from layerbook.site.prose.live_code import find_functions, live_length
from layerbook.site.prose.markup import Anchor, Block, Inline, escape_text
from layerbook.site.prose.math import MathRenderer
from layerbook.site.sandbox import Sandbox, takes_steps
from layerbook.site.tokens_html import as_token, chip


class Views(Protocol):
    """The experiments of a book as a chapter shows them. Unknown names raise LayerbookError."""

    def result(self, name: str) -> object:
        """`r("id")`: the result of an experiment; `r("chapter/id")` is one of another chapter."""

    def applies(self, name: str) -> bool:
        """Return whether the model can run an experiment."""

    def figure(self, name: str, figure_name: str | None = None) -> FigureView | FailedView:
        """Return a figure of an experiment."""

    def figure_name(self, name: str, figure_name: str | None = None) -> str:
        """Return the full name of a figure: `chapter/id figure`."""

    def claim(self, name: str, index: int = 0) -> ClaimView:
        """Return a claim with its verdict."""

    def source(self, name: str) -> SourceView:
        """Return the code that measured an experiment."""

    def code_cell(self, name: str) -> CodeCellView | FailedView:
        """Return a code cell of the chapter with its output."""

    def downloads(self, name: str) -> tuple[Download, ...]:
        """Return the files of a result."""


class Media(Protocol):
    """The book's own pictures and videos. Missing or invalid files raise LayerbookError."""

    def image(self, path: str, alt: str, caption: Inline | None) -> ImageView:
        """Return a picture; without a caption, one that is only decorative."""

    def diagram(self, source: str, name: str, alt: str, caption: Inline) -> ImageView:
        """Return a drawn diagram."""

    def video(self, path: str, poster: str, caption: str, track: str) -> VideoView:
        """Return a video."""


@dataclass(frozen=True)
class ChapterContext:
    """Everything that the prose of one chapter depends on.

    jinja_env: renders the page templates. bibliography: the sources that `cite` knows.
    glossary: the terms that `term` knows.
    ids: those of the chapter's page. media: the book's own; None where only words count.
    live: the model as pages run it; None if they cannot.
    """

    views: Views
    jinja_env: Sandbox
    math: MathRenderer
    bibliography: Bibliography | None = None
    glossary: Glossary | None = None
    ids: PageIds = field(default_factory=PageIds)
    media: Media | None = None
    live: LiveModel | None = None


FUNCTION_NAMES = (
    *("r", "applies", "figure", "claim", "tick", "holds", "source", "code_cell", "download"),
    *("cite", "term", "ref", "journey", "reveal", "sidebar", "predict", "tok", "quantity", "video"),
    *("own_text", "live_page", "try_page", "live_source", "live_length"),
)
"""The names of the functions that prose may call, so not `image` and `diagram`."""
BLOCK_FUNCTIONS = frozenset(
    {
        "figure",
        "claim",
        "source",
        "journey",
        "reveal",
        "sidebar",
        "predict",
        "tick",
        "code_cell",
        "own_text",
        "live_source",
        "video",
        "image",
        "diagram",
    }
)
"""The functions whose output is a block, not part of a sentence."""


OWN_TEXT_KINDS = ("attention", "next", "lens")
"""The sides of the model that a box for a reader's own text can show."""


def unknown_name(kind: str, name: str, known: Iterable[str], *, owner: str = "") -> UsageError:
    """Return the error for an unknown name, with the nearest one and all that exist.

    owner: what lacks it, if it is not the book.
    """
    names = list(known)
    list_of_names = f"available: {', '.join(names)}" if names else "none exist"
    hint = did_you_mean(name, names)
    subject = f"{owner} has no {kind}" if owner else f"no {kind} named"
    return UsageError(f"{subject} {name!r}{hint}; {list_of_names}")


@takes_steps(10)
def token_chip(token: object) -> Inline:
    """`tok(token)`: a token as a chip."""
    return chip(as_token(token))


@takes_steps(10)
def quantity(name: str, show: str = "") -> Inline:
    """`quantity("key", "keys")`: a word in the colour that the quantity has in figures.

    Raises UsageError for a name without a colour.
    """
    if name not in get_args(Role):
        raise UsageError(
            f"quantity() has no colour for {name!r}{did_you_mean(str(name), get_args(Role))}; "
            f"available: {', '.join(get_args(Role))}"
        )
    words = str(show or name)
    return Inline(f'<span class="quantity {name}">{escape_text(words)}</span>', words)


def _label(number: str) -> str:
    return gettext("Figure {number}", number=number) if number else ""


class ProseFunctions:
    """The functions for one rendering of one chapter.

    images, diagrams: those in its Markdown, by line. render_caption: renders that of one.
    """

    def __init__(
        self,
        context: ChapterContext,
        images: Mapping[int, ProseImage],
        diagrams: Mapping[int, ProseDiagram],
        render_caption: Callable[[ProseImage | ProseDiagram, Mapping[str, object]], Inline],
    ) -> None:
        self._diagrams = diagrams
        self._media, self._images, self._render_caption = context.media, images, render_caption
        self._views, self._bibliography = context.views, context.bibliography
        self._glossary = context.glossary
        self._page_templates = context.jinja_env
        self._live = context.live
        self._claim = cache(context.views.claim)
        self._page_ids = context.ids
        self._shown_ids: set[str] = set()
        self._shown_cells: set[str] = set()
        self._tick_boxes: dict[tuple[str, int], TickView] = {}
        self._citations: Counter[str] = Counter()
        self._term_uses: Counter[str] = Counter()
        self._preview_ids: dict[str, str] = {}
        self._prediction_numbers = count(1)

    def by_name(self) -> dict[str, Callable[..., object]]:
        """Return the functions by the names that prose has for them."""
        return {
            "r": self._views.result,
            "applies": self.applies,
            "figure": self.figure,
            "claim": self.claim,
            "tick": self.tick,
            "holds": self.holds,
            "source": self.source,
            "code_cell": self.code_cell,
            "download": self.download,
            "cite": self.cite,
            "term": self.term,
            "ref": self.ref,
            "journey": self.journey,
            "reveal": self.reveal,
            "sidebar": self.sidebar,
            "predict": self.predict,
            "tok": token_chip,
            "quantity": quantity,
            "video": self.video,
            "own_text": self.own_text,
            "live_page": self.live_page,
            "try_page": self.try_page,
            "live_source": self.live_source,
            "live_length": self.live_length,
            "image": self.image,
            "diagram": self.diagram,
        }

    def _block(self, name: str, view: object) -> str:
        return render_block(self._page_templates, name, view)

    def applies(self, id: str) -> bool:
        """`applies("id")`: true if the model can run an experiment, so that it has a result."""
        return self._views.applies(id)

    def figure(self, id: str, name: str | None = None) -> Block:
        """`figure("id", "name")`: a figure, once a page."""
        view = self._views.figure(id, name)
        if view.id in self._shown_ids:
            raise UsageError(f"the figure {view.id!r} is already on this page")
        self._shown_ids.add(view.id)
        if isinstance(view, FailedView):
            return Block(self._block("failed", view), view.message, "figure()")
        text = f"{view.title} {view.alt}".strip()
        return Block(
            self._block("figure", view), text, "figure()", label=_label(view.number), id=view.id
        )

    @takes_steps(100)
    def claim(self, id: str, index: int = 0) -> Block:
        """`claim("id", 0)`: a claim in a box; its first box or tick on the page is its anchor."""
        view = self._claim(id, index)
        view = replace(view, id=self._take_claim_id(view.id))
        anchors = (Anchor("claim", view.id),) if view.id else ()
        return Block(self._block("claim", view), str(view.sentence), "claim()", anchors)

    def _take_claim_id(self, id: str) -> str:
        """Return the id of a claim for its first box or tick, and nothing for the others."""
        is_first = id not in self._shown_ids
        self._shown_ids.add(id)
        return id if is_first else ""

    @takes_steps(100)
    def tick(self, id: str, index: int = 0) -> Inline:
        """`tick("id", 0)`: a mark that says whether a claim holds, and opens its box."""
        claim = self._claim(id, index)
        if (id, index) not in self._tick_boxes:
            box_id = self._page_ids.add(f"{claim.id}-box")
            self._tick_boxes[id, index] = TickView(claim, box_id)
        view = replace(self._tick_boxes[id, index], id=self._take_claim_id(claim.id))
        anchors = (Anchor("claim", view.id),) if view.id else ()
        return Inline(self._block("tick", view), "", anchors)

    def tick_boxes(self) -> str:
        """Return the boxes that the ticks of the page open."""
        return "".join(self._block("tick_box", view) for view in self._tick_boxes.values())

    def holds(self, id: str, index: int = 0) -> bool:
        """`holds("id", 0)`: true if a claim holds."""
        claim = self._claim(id, index)
        if claim.judgement.state == "inapplicable":
            raise UsageError(f"{claim.judgement.note}; ask applies() before holds()")
        return claim.holds

    @takes_steps(1000)
    def image(self, line: int) -> Block:
        """Return the picture at a line of the Markdown."""
        image = self._images.get(line)
        if image is None:
            raise UsageError(USAGE)
        if message := image.problem():
            raise UsageError(message)
        caption = None
        if not image.is_decorative:
            caption = self._caption(image)
        text = f"{image.alt} {caption}" if caption else ""
        anchors = caption.anchors if caption else ()
        if self._media is None:
            return Block("", text, "an image", anchors)
        view = self._media.image(image.path, image.alt, caption)
        html = self._block("image", view)
        return Block(html, text, "an image", anchors, _label(view.number), view.id)

    def _caption(self, picture: ProseImage | ProseDiagram) -> Inline:
        names = {name: f for name, f in self.by_name().items() if name not in BLOCK_FUNCTIONS}
        return self._render_caption(picture, names)

    @takes_steps(1000)
    def diagram(self, line: int) -> Block:
        """Return the diagram at a line of the Markdown."""
        diagram = self._diagrams.get(line)
        if diagram is None:
            raise UsageError(DIAGRAM_USAGE)
        if message := diagram.problem():
            raise UsageError(message)
        caption = self._caption(diagram)
        text = f"{diagram.alt} {caption}"
        if self._media is None:
            return Block("", text, "a diagram", caption.anchors)
        view = self._media.diagram(diagram.source, diagram.name, diagram.alt, caption)
        html = self._block("image", view)
        return Block(html, text, "a diagram", caption.anchors, _label(view.number), view.id)

    @takes_steps(1000)
    def video(self, path: str, *, poster: str, caption: object, track: str = "") -> Block:
        """`video("static/x.mp4", poster="images/x.png", caption="...")`: a video as a figure.

        `track="static/x.en.vtt"` gives it subtitles.
        """
        if self._media is None:
            return Block("", str(caption), "video()")
        view = self._media.video(path, poster, str(caption), track)
        html = self._block("video", view)
        return Block(html, view.caption, "video()", label=_label(view.number), id=view.id)

    @takes_steps(1000)
    def source(self, id: str) -> Block:
        """`source("id")`: the code that measured an experiment."""
        return Block(self._block("source", self._views.source(id)), "", "source()")

    @takes_steps(1000)
    def code_cell(self, name: str) -> Block:
        """`code_cell("name")`: a program that a reader can run, once a page."""
        view = self._views.code_cell(name)
        if name in self._shown_cells:
            raise UsageError(f"the code cell {name!r} is already on this page")
        self._shown_cells.add(name)
        if isinstance(view, FailedView):
            id = self._page_ids.add(view.id)
            return Block(self._block("failed", replace(view, id=id)), "", "code_cell()")
        view = replace(view, id=self._page_ids.add(f"code-{name}"))
        anchors = (Anchor("cell", view.id, name),)
        return Block(self._block("code_cell", view), "", "code_cell()", anchors)

    @takes_steps(1000)
    def own_text(self, kind: str) -> Block:
        """`own_text("attention")`: a box that runs the model on a text of the reader's own.

        It shows the `attention` of all heads, the `next` token, or the `lens` of every layer. In a
        book whose model does not run in pages it shows nothing.

        Raises UsageError for an unknown kind.
        """
        if kind not in OWN_TEXT_KINDS:
            raise UsageError(
                f"own_text() cannot show {kind!r}{did_you_mean(str(kind), OWN_TEXT_KINDS)}; "
                f"available: {', '.join(OWN_TEXT_KINDS)}"
            )
        if self._live is None:
            return Block("", "", "own_text()")
        view = OwnTextView(kind, self._live, self._page_ids.add(f"own-{kind}"))
        anchors = (Anchor("own-text", view.id),)
        return Block(self._block("own_text", view), "", "own_text()", anchors)

    def live_page(self) -> bool:
        """`live_page()`: true if the book's pages can run its model, as they can a GGUF file."""
        return self._live is not None

    @takes_steps(20)
    def try_page(self, show: str, text: str = "") -> Inline:
        """`try_page("words", "The cat")`: a link to the page that runs the model, on a text.

        The words alone in a book that has no such page.
        """
        if self._live is None:
            return Inline(escape_text(str(show)), str(show))
        fragment = f"#text={quote(str(text), safe='')}" if text else ""
        return Inline(f'<a href="try.html{fragment}">{escape_text(str(show))}</a>', str(show))

    @takes_steps(1000)
    def live_source(self, *names: str) -> Block:
        """`live_source("Model.mlp", "Model.attention")`: functions of the model in the page."""
        return Block(code_html(find_functions(names), "javascript"), "", "live_source()")

    @takes_steps(100)
    def live_length(self) -> int:
        """`live_length()`: how many lines of code that model has."""
        return live_length()

    @takes_steps(1000)
    def download(self, id: str) -> Inline:
        """`download("id")`: links to the files of a result."""
        files = self._views.downloads(id)
        return Inline(self._block("downloads", files), ", ".join(file.label for file in files))

    @takes_steps(20)
    def cite(self, key: str, show: str = "label") -> Inline:
        """`cite("key")`: a link to a source, with an anchor that the list of sources links to."""
        if self._bibliography is None:
            where = f"templates/{REFERENCES_FILE}, which this book does not have"
            raise UsageError(f"cite() looks sources up in {where}")
        source, label = self._bibliography.get(key), self._bibliography.label(key)
        texts = {
            "label": label,
            "authors": source.short_authors,
            "year": self._bibliography.year(key),
            "title": source.title,
        }
        if show not in texts:
            hint = did_you_mean(show, texts)
            raise UsageError(f"cite() cannot show {show!r}{hint}; available: {', '.join(texts)}")
        tooltip = label if show == "title" else source.title
        self._citations[key] += 1
        id = self._page_ids.add(f"cite-{key}-{self._citations[key]}")
        preview = self._preview_id(f"source-{key}")
        attributes = f'id="{id}" href="references.html#{key}" title="{escape_text(tooltip)}"'
        attributes += f' data-preview="{preview}"'
        html = f'<a class="cite" {attributes}>{escape_text(texts[show])}</a>'
        return Inline(html, texts[show], (Anchor("citation", id, key),))

    @takes_steps(20)
    def term(self, name: str, show: str = "") -> Inline:
        """`term("logits", "words to show")`: a link to a term, which shows its entry on hover."""
        if self._glossary is None:
            where = f"templates/{GLOSSARY_FILE}, which this book does not have"
            raise UsageError(f"term() looks terms up in {where}")
        term = self._glossary.get(name).term
        id, text = term.id, show or term.name
        self._term_uses[id] += 1
        anchor = self._page_ids.add(f"term-{id}-{self._term_uses[id]}")
        attributes = (
            f'id="{anchor}" href="glossary.html#{id}" data-preview="{self._preview_id(id)}"'
        )
        html = f'<a class="term" {attributes}>{escape_text(text)}</a>'
        return Inline(html, text, (Anchor("term", anchor, id),))

    @takes_steps(20)
    def ref(self, id: str, name: str | None = None) -> Inline:
        """`ref("id", "figure")`: a link such as *Figure 5.3*, also to figures of other chapters."""
        figure = escape_text(self._views.figure_name(id, name))
        return Inline(f'<a class="reference" data-figure="{figure}">Figure</a>', "Figure")

    def _preview_id(self, key: str) -> str:
        if key not in self._preview_ids:
            self._preview_ids[key] = self._page_ids.add(f"about-{key}")
        return self._preview_ids[key]

    @property
    def terms(self) -> dict[str, str]:
        """The terms used so far, in order, and the ids of what their links show."""
        return {term: self._preview_id(term) for term in self._term_uses}

    @property
    def sources(self) -> dict[str, str]:
        """The sources cited so far, in order, and the ids of what their links show."""
        return {key: self._preview_id(f"source-{key}") for key in self._citations}

    @takes_steps(1000)
    def journey(self, stages: object = ()) -> Block:
        """`journey([{"title": "A", "href": "a.html", "text": "B.", "tokens": tokens}])`: a text
        on its way through the model, with a picture for each stage.
        """
        view = make_stages(stages)
        text = " ".join(f"{stage.title}: {stage.text}" for stage in view)
        return Block(self._block("journey", view), text, "journey()")

    @takes_steps(100)
    def sidebar(self, title: str = "", *, caller: Callable[[], str] | None = None) -> Fold:
        """`{% call sidebar("title") %}`: a short detour in a box that opens at its title."""
        if caller is None or not title:
            raise UsageError(f"sidebar() needs a title and a text: {folds.SIDEBAR_USAGE}")
        opening = Block(self._block("sidebar", title), title, "sidebar()")
        return Fold(opening, caller(), Block("</div></details></aside>", "", "sidebar()"))

    @takes_steps(100)
    def reveal(self, title: str = "", *, caller: Callable[[], str] | None = None) -> Fold:
        """`{% call reveal("title") %}`: prose that opens at its title."""
        if caller is None:
            raise UsageError(f"reveal() needs something to hide: {folds.REVEAL_USAGE}")
        title = title or gettext(DEFAULT_TITLE)
        opening = Block(self._block("reveal", title), title, "reveal()")
        return Fold(opening, caller(), Block("</div></details>", "", "reveal()"))

    @takes_steps(100)
    def predict(
        self,
        question: object = "",
        choices: object = (),
        right: object = None,
        title: str = "",
        *,
        caller: Callable[[], str] | None = None,
    ) -> Fold:
        """`{% call predict("Which?", [...], right=i) %}`: choices, and the answer folded.

        right: the choice that came true, counted from 0, or several; None if no result says it.
        """
        if caller is None:
            raise UsageError(f"predict() needs an answer to hide: {folds.PREDICT_USAGE}")
        number = next(self._prediction_numbers)
        title = title or gettext(DEFAULT_TITLE)
        view = folds.make_prediction(number, question, choices, right, title)
        text = f"{view.question} {'; '.join(map(str, view.choices))}"
        parts = [part for part in (view.question, *view.choices) if isinstance(part, Inline)]
        anchors = tuple(anchor for part in parts for anchor in part.anchors)
        opening = Block(self._block("predict", view), text, "predict()", anchors)
        return Fold(opening, caller(), Block("</div></details></div>", "", "predict()"))
