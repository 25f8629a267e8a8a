"""Mutated prose is rendered or refused at its line, and executes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from fixtures.fuzzing import cases, make_monitor, mutate_text
from fixtures.sample_chapter import CHAPTER, SampleViews, context
from fixtures.small_book import NEXT_PROSE, WORDS_PROSE
from layerbook.core.analysis import Array, Record, Result
from layerbook.core.tokens import Token
from layerbook.site.prose.captions import render_caption
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.render import render_chapter

FILE = "templates/chapters/attention.md"
CHAPTERS = Path(__file__).parents[2] / "templates" / "chapters"
EXPRESSIONS = (
    "{{ r('noise').name }} {{ r('noise').layers | listing }}",
    "{% for part in r('noise').parts %}{{ tok(part.token) }} {{ part.share|percent }}{% endfor %}",
    "{% set x = r('noise').layers | map('string') | list %}{{ x | join(', ') }}",
    "{% macro m(a) %}{{ a * 2 }}{% endmacro %}{{ m(3) }}",
    "{{ figure('noise', 'prompt-0') }}\n\n{{ claim('noise', 0) }}\n\n{{ source('noise') }}",
)


class Part(Record):
    """A part of a result."""

    token: Token = Token(4, " a", "2061")
    share: float = 0.25


class Sample(Result):
    """A result with a field of every kind."""

    name: str = "llama"
    weights: Array = (1.0, 2.0)  # type: ignore[assignment]
    layers: tuple[int, ...] = (0, 29)
    parts: tuple[Part, ...] = (Part(), Part())
    shares: Mapping[str, float] = {"mlp": 0.5}


def paragraphs() -> list[str]:
    """Return pieces of the prose of the book and of the tests."""
    texts = [CHAPTER, NEXT_PROSE, WORDS_PROSE, *EXPRESSIONS]
    for path in sorted(CHAPTERS.glob("*.md")):
        parts = path.read_text(encoding="utf-8").split("\n\n")
        texts += ["\n\n".join(parts[i : i + 4]) for i in range(0, len(parts), 4)]
    return texts


def test_mutated_prose_is_refused_or_rendered(tmp_path: Path) -> None:
    monitor, texts, math = make_monitor(tmp_path), paragraphs(), MathRenderer()
    views = SampleViews(Sample())
    math.render("x", display=False)  # starts the engine, which no case should be charged for
    for number, rng in cases("prose"):
        text = mutate_text(rng, rng.choice(texts), monitor.secret)
        with monitor.case(f"prose {number}", text):
            if rng.random() < 0.3:
                render_caption(TextPiece(FILE, 1, text), {"result": Sample()}, math)
            else:
                html = render_chapter(text, FILE, context(views)).html
                assert "<script" not in html
    monitor.report("prose")
