"""Render a chapter's prose: Jinja for the values, then Markdown for the text, never mixed.

Each `{{ expression }}` leaves a slot, Markdown runs over the text without values, and the values
are filled in last.
Every mistake is a SpecError at the file and line of the prose.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from layerbook.site.blocks import Preview
from layerbook.site.pages import ChapterBody
from layerbook.site.prose.captions import line_containing, located_errors, render_definition
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.environment import evaluate
from layerbook.site.prose.functions import ProseFunctions
from layerbook.site.prose.functions.context import ChapterContext
from layerbook.site.prose.markdown import render_blocks, split_sentences
from layerbook.site.prose.markup import escape_text
from layerbook.site.prose.pictures import extract_pictures

# Matches only from the start of whitespace, since a listing can contain long runs of it.
_TICKS = re.compile(r'(?<!\s)\s*((?:<button class="tick [^>]*>.*?</button>\s*)+)', re.DOTALL)
_BETWEEN = re.compile(r"(?<=</button>)\s+")


@dataclass(frozen=True)
class Sentence:
    """A sentence of a chapter with its values filled in, and its line in the source."""

    line: int
    text: str


def render_chapter(source: str, file: str, context: ChapterContext) -> ChapterBody:
    """Render the text of a chapter's `file`. Raises SpecError."""
    text, functions = _prepare(source, file, context)
    with located_errors(TextPiece(file, 1, source)):
        markdown, slots = evaluate(text, file, functions.by_name())
        body = render_blocks(markdown, slots, context.math, context.ids)
    html = _TICKS.sub(_group_ticks, body.html) + functions.tick_boxes()
    return replace(body, html=html, previews=_render_previews(functions, context))


def _group_ticks(match: re.Match[str]) -> str:
    """Put neighboring ticks into one element right behind the word before them.

    They stay side by side and never begin a line.
    """
    ticks = match[1]
    space = " " if ticks[-1].isspace() else ""
    return f'<span class="ticks">&nbsp;{_BETWEEN.sub("", ticks)}</span>{space}'


def _render_previews(functions: ProseFunctions, context: ChapterContext) -> tuple[Preview, ...]:
    """Return the previews of the terms and sources that a chapter links to."""
    previews = []
    if glossary := context.glossary:
        for term, id in functions.terms.items():
            entry = glossary.entries[term]
            definition = render_definition(glossary, entry, context.math)
            previews.append(Preview(id, entry.term.name, definition.html))
    if sources := context.bibliography:
        for key, id in functions.sources.items():
            text = f"{sources.get(key).title}. {sources.get(key).venue}."
            previews.append(Preview(id, sources.label(key), escape_text(text)))
    return tuple(previews)


def _prepare(source: str, file: str, context: ChapterContext) -> tuple[str, ProseFunctions]:
    """Return a source with calls for its pictures, and the functions that it may call."""
    text, pictures = extract_pictures(source)
    return text, ProseFunctions(replace(context, file=file, pictures=pictures))


def chapter_sentences(source: str, file: str, context: ChapterContext) -> tuple[Sentence, ...]:
    """Return the sentences of a chapter without its figures and claims. Raises SpecError."""
    text, functions = _prepare(source, file, context)
    with located_errors(TextPiece(file, 1, source)):
        markdown, slots = evaluate(text, file, functions.by_name())
    sentences = []
    line = 1
    for sentence in split_sentences(markdown):
        text = " ".join(slots.fill_text(sentence, blocks=False).split())
        if not text:
            continue
        numbers = slots.numbers_in(sentence)
        first_words = sentence.partition("\n")[0]
        if numbers:
            line = slots.lines[numbers[0]]
        elif first_words in source:
            line = line_containing(source, first_words)
        sentences.append(Sentence(line, text))
    return tuple(sentences)
