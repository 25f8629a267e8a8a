"""The texts of a chapter: its prose, with the captions and claims of its experiments."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from jinja2 import TemplateSyntaxError, nodes

from layerbook.book.contents import Chapter
from layerbook.book.glossary import Entry, Glossary
from layerbook.book.node import Position
from layerbook.book.yaml import blank_front_matter
from layerbook.core.errors import OutsideError, Problem, SpecError, did_you_mean
from layerbook.core.paths import resolve_within
from layerbook.site.prose.environment import parse_prose
from layerbook.site.prose.outline import Outline, parse_outline
from layerbook.site.prose.pictures import extract_pictures
from layerbook.site.sandbox.syntax import MAX_SOURCE
from layerbook.store.project import Project


@dataclass(frozen=True)
class TextPiece:
    """A text, and the line of the file where it begins."""

    file: str
    first_line: int
    text: str

    @cached_property
    def outline(self) -> Outline:
        """Its Markdown."""
        return parse_outline(self.text)

    @cached_property
    def template(self) -> nodes.Template | None:
        """The syntax tree of its Jinja; None if it is invalid, which `template_checks` reports."""
        try:
            return parse_prose(self.text)
        except TemplateSyntaxError:
            return None

    @cached_property
    def lines(self) -> list[str]:
        """Its lines, as Jinja counts them."""
        return re.split("\r\n|\r|\n", self.text)

    def calls(self, *functions: str) -> Iterator[nodes.Call]:
        """Yield the calls of some functions."""
        for call in self.template.find_all(nodes.Call) if self.template else ():
            if isinstance(call.node, nodes.Name) and call.node.name in functions:
                yield call

    def problem(self, position: Position, message: str) -> Problem:
        """Return a problem at a position of the text."""
        return Problem(self.file, self.first_line + position.line - 1, position.column, message)

    def problem_at(self, line: int, excerpt: str, message: str) -> Problem:
        """Return a problem at the first place of a line that has the text `excerpt`."""
        column = self.lines[line - 1].find(excerpt) + 1 if 0 < line <= len(self.lines) else 1
        return self.problem(Position(line, max(column, 1)), " ".join(message.split()))


NO_PROSE = TextPiece("", 1, "")
"""The prose of a chapter whose file cannot be read."""


def prose_path(project: Project, chapter: Chapter) -> Path:
    """Return the path of a chapter's Markdown."""
    if chapter.is_prose_alone:
        return Path(chapter.file)
    return project.templates_dir / "chapters" / f"{chapter.name}.md"


def read_prose(project: Project, chapter: Chapter) -> TextPiece:
    """Read the Markdown of a chapter. Raises SpecError if it cannot be read."""
    path = prose_path(project, chapter)
    try:
        # The preview reads prose again that has changed since the book's links were checked.
        text = resolve_within(project.root, path).read_text(encoding="utf-8-sig")
        if len(text) > MAX_SOURCE:
            message = f"the text is longer than {MAX_SOURCE:,} characters"
            raise SpecError([Problem(str(path), 1, 1, message)])
        text = blank_front_matter(text) if chapter.is_prose_alone else text
        return TextPiece(str(path), 1, text)
    except FileNotFoundError as error:
        hint = did_you_mean(chapter.name, [other.stem for other in path.parent.glob("*.md")])
        message = f"the chapter's prose is missing: {path}{hint}"
        raise SpecError([Problem(chapter.file, 1, 1, message)]) from error
    except (OSError, UnicodeDecodeError, OutsideError) as error:
        raise SpecError([Problem(str(path), 1, 1, f"cannot be read: {error}")]) from error


def chapter_texts(chapter: Chapter, prose: TextPiece) -> Iterator[TextPiece]:
    """Yield the prose of a chapter, and each of its captions and claims."""
    yield prose
    yield from caption_texts(chapter, prose)
    for experiment in chapter.experiments:
        for claim in experiment.claims:
            yield TextPiece(experiment.file, claim.line, claim.says)


def definition_text(terms: Glossary, entry: Entry) -> TextPiece:
    """Return the definition of a term."""
    return TextPiece(terms.file, entry.text_position.line, entry.term.text)


def caption_texts(chapter: Chapter, prose: TextPiece) -> Iterator[TextPiece]:
    """Yield the captions of a chapter's pictures and figures."""
    for picture in extract_pictures(prose.text).pictures.values():
        yield TextPiece(prose.file, picture.caption_line, picture.caption)
    for experiment in chapter.experiments:
        for caption in experiment.captions.values():
            yield TextPiece(experiment.file, caption.line, caption.text)
