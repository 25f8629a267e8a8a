"""A small made-up book for the tests: two chapters with every kind of block, and text that attacks."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

from generator.book.chapter import ChapterContext, render_caption, render_chapter, unknown
from generator.book.highlight import code_html
from generator.book.math import MathRenderer
from generator.book.pages import (
    BookInfo,
    ChapterPage,
    ClaimRow,
    ClaimsOfChapter,
    ClaimsPage,
    ClaimView,
    ColophonPage,
    Download,
    FailedView,
    FigureView,
    FrameView,
    IndexPage,
    Judged,
    Link,
    ModelColumn,
    NavChapter,
    Page,
    ReferencesPage,
    ReferenceView,
    SourceView,
)
from generator.book.search import chapter_rows, claim_rows, reference_rows, search_index
from generator.book.site import assets, environment, render_page, vendored
from generator.book.tokens_html import passage_html, strip_html, table_html
from generator.figure import Passage, Table, TokenStrip
from generator.tokens import Token

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><img src=x onerror=alert(1)>",
    "{{ 7 * 7 }}{% raw %}",
    "**bold** _it_ `code` [x](http://evil.example)",
    "| a | b |\n|---|---|\n# heading\n\n- item",
    "\ue0000\ue001",
    "$x^2$ $$\\frac{1$$",
    "\x00\x1b\u202e\ud800\ufffe",
    "\"'&<>",
)


def token(text: str, id: int = 7, special: bool = False) -> Token:
    """A token with the bytes of its text."""
    return Token(id, text, text.encode("utf-8", "surrogatepass").hex(), special)


@dataclass(frozen=True)
class Prompt:
    """One prompt's result."""

    prompt: str
    prob: float
    top: tuple[Token, ...]


@dataclass(frozen=True)
class Result:
    """A result as the prose sees it."""

    prompts: tuple[Prompt, ...]
    d_model: int = 576
    name: str = "SmolLM2-135M-Instruct"
    hostile: tuple[str, ...] = HOSTILE


RESULT = Result((Prompt(" 2 + 2 = ", 0.617, (token("4", 36), token(" the", 260), token("<|im_end|>", 2, True))),))

HEAT_TOKENS = ("·", "2", "·+", "·", "2", "·=", "·")


def heatmap_svg(seed: float = 1.0, side: int = 340) -> str:
    """A drawing of the size and kind that the real ones have."""
    n, cell, pad = len(HEAT_TOKENS), (side - 60) / len(HEAT_TOKENS), 40
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{side}" height="{side}" viewBox="0 0 {side} {side}">']
    for i in range(n):
        parts.append(
            f'<text x="{pad - 8}" y="{pad + (i + 0.6) * cell:.1f}" text-anchor="end" font-size="12" '
            f'font-family="monospace" fill="currentColor">{HEAT_TOKENS[i]}</text>'
        )
        parts.append(
            f'<text x="{pad + (i + 0.5) * cell:.1f}" y="{pad - 10}" text-anchor="middle" font-size="12" '
            f'font-family="monospace" fill="currentColor">{HEAT_TOKENS[i]}</text>'
        )
        for j in range(i + 1):
            opacity = abs(math.sin(seed + i * 1.3 + j * 2.1)) ** 2
            parts.append(
                f'<rect x="{pad + j * cell:.1f}" y="{pad + i * cell:.1f}" width="{cell - 1:.1f}" '
                f'height="{cell - 1:.1f}" fill="#b4532a" fill-opacity="{opacity:.2f}"/>'
            )
    return "".join(parts) + "</svg>"


def bars_svg() -> str:
    """Wide bars, wider than a telephone."""
    rows = []
    for i, (label, value) in enumerate(
        zip("4 2 3 1 the 8".split(), (0.617, 0.116, 0.099, 0.05, 0.03, 0.01), strict=True)
    ):
        rows.append(
            f'<text x="70" y="{28 + 30 * i}" text-anchor="end" font-size="13" fill="currentColor">{label}</text>'
            f'<rect x="80" y="{14 + 30 * i}" width="{value * 900:.0f}" height="20" fill="#2f7d78"/>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="200" viewBox="0 0 720 200">{"".join(rows)}</svg>'
    )


NUMBERS = Table(
    ("query \\ key", *HEAT_TOKENS), tuple((t, *(0.1 * (i + j) for j in range(7))) for i, t in enumerate(HEAT_TOKENS))
)
MEASURE = '''    def measure(self, captures):
        """The pattern, averaged over the heads."""
        pattern = captures["prompt"].pattern(layer=0)  # [head, query, key]
        return Pattern(weights=pattern.mean(axis=0), tokens=("4", 2))
'''
SPEC = "- id: noise\n  analysis: attention-pattern\n  layers: [0, -1]   # both ends\n"


def figure_view(id: str, name: str | None, number: str = "") -> FigureView | FailedView:
    """A figure of the kind that its name asks for."""
    if id == "broken":
        return FailedView("fig-broken", f"The experiment failed: {HOSTILE[0]}")
    kinds = ("pattern", "bars", "tokens", "passage", "table", "steps", "hostile")
    if name not in kinds:
        raise unknown("figure of 'noise'", str(name), kinds)
    strip = TokenStrip(
        (("Hello, World!", (token("Hello", 19556), token(",", 28), token(" World", 2260), token("!", 17))),
         ("", (token("<|im_start|>", 1, True), token("user\n", 4093), token(" 2", 216), token(" 4", 513)))),
        alt="Two texts cut into tokens",
        prompt_length=(None, 2),
    )  # fmt: skip
    html = {
        "pattern": heatmap_svg(),
        "bars": bars_svg(),
        "tokens": strip_html(strip),
        "passage": passage_html(
            Passage("<|im_start|>user\nWhat is the capital of France?<|im_end|>\n" + "\n".join(HOSTILE), "text")
        ),
        "table": table_html(Table(("token", "id"), ((token(" the"), 260), (token("\n"), 198)))),
        "hostile": heatmap_svg(),
        "steps": "",
    }[name]
    frames = tuple(
        FrameView(f"after {i} tokens", heatmap_svg(float(i), 300), f"Heatmap {i}", f"The row {i} looks back.",
                  token(" 4", 513) if i < 7 else token("<|im_end|>", 2, True), stop=i == 7)
        for i in range(1, 8)
    )  # fmt: skip
    hostile = name == "hostile"
    caption = render_caption(
        "A row is a query, `{{ result.name }}` at {{ result.prompts[0].prob | percent }}." if not hostile
        else "{% for h in result.hostile %}{{ h }}{% endfor %}",
        "experiments/x.yaml", 3, {"result": RESULT}, MathRenderer(),
    )  # fmt: skip
    return FigureView(
        id=f"fig-{id}-{name}",
        number=number or f"1.{kinds.index(str(name)) + 1}",
        html=html,
        caption_html=caption.html,
        alt="".join(HOSTILE) if hostile else "Heatmap, 7 by 7; most weight lies on the first column.",
        table=Table(HOSTILE, (HOSTILE, tuple(token(h) for h in HOSTILE))) if hostile else NUMBERS,
        evidence="observation",
        kind={"pattern": "heatmap", "tokens": "token-strip", "steps": "frames"}.get(name, name),
        original=name == "pattern",
        data_href="data/noise.json",
        csv_href="data/noise.csv",
        source_html=code_html(MEASURE, "python"),
        spec_html=code_html(SPEC, "yaml"),
        provenance=(("Model", "smollm2-135m-instruct"), ("Seed", "0")),
        frames=frames if name == "steps" else None,
        title="".join(HOSTILE) if hostile else "Who looks at whom, averaged over the heads",
        step="token" if name == "steps" else "frame",
    )


def context(**changes: object) -> ChapterContext:
    """What the chapters of this book can ask for."""

    def results(id: str) -> Result:
        if id.split("/")[-1] not in ("noise", "answer"):
            raise unknown("experiment", id, ("noise", "answer"))
        return RESULT

    parts: dict[str, object] = {
        "results": results,
        "figure": figure_view,
        "claim": lambda id, index: ClaimView(
            "The most likely next token is 4" if index == 0 else f"Noise breaks it {HOSTILE[0]}",
            index == 0,
            'result.prompts[0].top[0].text == "4"',
            (("result.prompts[0].top[0].text", "4"),),
            margin="exact" if index == 0 else "fails by 0.02 (3.1 %)",
            close=index == 1,
            id=f"claim-{id}-{index}",
            listed=f"claims.html#claim-attention-{id}-{index}",
        ),
        "source": lambda id: SourceView("attention-pattern", code_html(MEASURE, "python"), "Who looks at whom."),
        "downloads": lambda id: (Download("answer.json", "data/answer.json", 2345),),
        "pages": environment(),
        "math": MathRenderer(),
        "chapters": ("attention", "mlp"),
    }
    return ChapterContext(**(parts | changes))  # type: ignore[arg-type]


CHAPTER = r"""
The word "bank" means one thing after "river" and another after "savings". Its embedding is the same both times, a
list of {{ r("noise").d_model }} numbers. Where does the difference come from?

**Attention** is the only place in the whole model where information moves from one position to another; everything else
treats each position by itself. See [the next chapter](mlp.html), or the [paper](https://arxiv.org/abs/1706.03762).

## How it works

The scores are scaled by $\sqrt{d}$, with $d = {{ r("noise").d_model }}$, and turned into shares:

$$
\mathrm{Attention}(Q, K, V) = \mathrm{softmax}\left(\frac{QK^{\top}}{\sqrt{d_{head}}} + M\right) V
$$

> The first prompt is `2 + 2 =`. The second has the word "noise" three times in front of it. In which of them
> will the model still answer 4?

{% call predict("In which of " ~ r("noise").hostile[0] ~ "?", ["In the first", r("noise").hostile[1],
  tok(r("answer").prompts[0].top[0])], right=r("answer").prompts | length, title="In this one") %}
It is {{ tok(r("answer").prompts[0].top[0]) }}.
{% endcall %}

{% for p in r("answer").prompts %}
- {{ tok(p.top[0]) }} with {{ p.prob | percent }} for {{ p.prompt | visible }}
- {{ p.top | tokens }} are {{ p.top | ids }}
{% endfor %}

{{ claim("noise", 0) }}

{{ claim("noise", 1) }}

{% if holds("noise", 0) %}This one holds.{% else %}It does not.{% endif %}
And the sentence goes on in the same paragraph{% if holds("noise", 1) %} wrongly{% endif %}.

{{ figure("noise", "pattern") }}

The first column is bright. A head that has nothing to do must still hand out its whole share, since every row has to
sum to one, and it parks it on the first token.

{{ figure("noise", "bars") }}

{{ source("noise") }}

## Three prompts {{ tok(r("answer").prompts[0].top[1]) }}

{{ figure("noise", "tokens") }}

{{ figure("noise", "passage") }}

{{ figure("noise", "table") }}

### Step by step

{{ figure("noise", "steps") }}

{{ figure("broken", "x") }}

| part | size |
|------|------|
| heads | {{ 9 | integer }} |
| rate | {{ 1.7e-6 | scientific }} |

The data: {{ download("answer") }}. A footnote[^1].

[^1]: It says {{ r("answer").prompts[0].prob | num(3) }}.
"""

HOSTILE_CHAPTER = """
{% for text in r("noise").hostile %}
Here is {{ text }} in a sentence, *{{ text }}* and `{{ text }}` and {{ text | visible }}.

{{ text }}

- {{ text }}

## Heading {{ text }}

{% endfor %}
$$
x = {{ r("noise").hostile[3] }}
$$

{{ figure("noise", "hostile") }}
"""

NAV = (
    NavChapter(
        "attention", "Attention", 1, "How information moves between positions, and what a pattern does not say."
    ),
    NavChapter("mlp", f"The MLP {HOSTILE[0]}", 2, "What happens to it once it has arrived."),
)
BOOK = BookInfo(
    title="Inside a small language model",
    subtitle="A lecture you can rerun, from a string of characters to the next token",
    authors=("A. Author", "B. Author"),
    chapters=NAV,
    model="smollm2-135m-instruct",
    digest="0123456789abcdef" * 4,
    references=True,
)


def claims_page() -> ClaimsPage:
    """Three models, four claims, every kind of judgement."""
    judged = (
        (Judged("holds", "exact"), Judged("fails", "fails by 3"), Judged("open", note="stale (spec)")),
        (Judged("fails", "fails by 0.02 (3.1 %)", True), Judged("holds", "holds by 1", True), Judged("open", note="")),
    )
    sentences = ("The most likely next token is 4", f"Noise breaks it {HOSTILE[0]}")
    rows = [
        ClaimRow(
            f"claim-attention-noise-{i}",
            sentence,
            "".join(HOSTILE),
            ((HOSTILE[1], HOSTILE[0]), ("result.x", "4")),
            "observation",
            "attention/noise",
            judged[i],
            f"attention.html#claim-noise-{i}",
        )
        for i, sentence in enumerate(sentences)
    ]
    unshown = replace(rows[0], id="claim-mlp-frames-0", experiment="mlp/frames", href=None)
    counts = (("Claims", "3"), ("Hold", "2"), ("Do not hold", "1"))
    names = (BOOK.model, "another-model-of-a-rather-long-name", "third")
    return ClaimsPage(
        tuple(ModelColumn(name, BOOK.digest, counts) for name in names),
        (
            ClaimsOfChapter("attention", 1, "Attention", "attention.html", tuple(rows)),
            ClaimsOfChapter("mlp", 2, NAV[1].title, "mlp.html", (unshown,)),
        ),
    )


def references_page() -> ReferencesPage:
    """Two sources, one of them hostile and cited nowhere."""
    place = Link("Attention: How it works", "attention.html#how-it-works")
    url = "https://example.org/a?b=c"
    cited = ReferenceView(
        "a2020", "A, 2020", "A, B.", "2020", "A title", "A venue", url, "example.org", "It.", (place,)
    )
    text = "".join(HOSTILE)
    return ReferencesPage((cited, ReferenceView("b2021", text, text, "2021", text, text, url, text, text)))


def pages(ctx: ChapterContext) -> dict[str, tuple[Page, BookInfo]]:
    """Every page of the book, before it is rendered."""
    attention = render_chapter(CHAPTER, "templates/chapters/attention.md", ctx)
    mlp = render_chapter(HOSTILE_CHAPTER, "templates/chapters/mlp.md", ctx)
    chapters = (
        ChapterPage("attention", "Attention", 1, attention, NAV[0].summary, next=Link("The MLP", "mlp.html")),
        ChapterPage("mlp", NAV[1].title, 2, mlp, "".join(HOSTILE), previous=Link("Attention", "attention.html")),
    )
    colophon = ColophonPage(
        model=(("Name", BOOK.model), ("Digest (SHA-256)", BOOK.digest)),
        versions=(("torch", "2.13.0"), ("transformers", "5.23.0")),
        seeds=(("sampling / sampled", "0"),),
        rebuild=("make site",),
        licences=vendored(),
        quantisation="The weights were quantised to four bits and are computed with in 32-bit floats.",
    )
    index = IndexPage(
        "<p>What happens between a question and the next word?</p>",
        bars_svg(),
        "The decoder",
        Link("Attention", "attention.html"),
    )
    return {
        f"{page.name}.html": (page, BOOK) for page in (*chapters, claims_page(), references_page(), index, colophon)
    }


def write_book(folder: Path) -> Path:
    """The whole book on disk."""
    ctx = context()
    described = pages(ctx)
    files = {name: render_page(page, book, ctx.pages).encode() for name, (page, book) in described.items()}
    files |= assets(ctx.math.rules)
    rows = [row for page, _ in described.values() if isinstance(page, ChapterPage) for row in chapter_rows(page)]
    files |= {
        "assets/search-index.js": search_index([*rows, *claim_rows(claims_page()), *reference_rows(references_page())]),
        "data/noise.json": b"{}",
        "data/noise.csv": b"",
    }
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder
