"""Warnings and notes about a book that can be built as it is."""

from __future__ import annotations

from layerbook.book import bibliography
from layerbook.book.contents import Chapter
from layerbook.book.node import Position
from layerbook.core.errors import Problem, first_problems
from layerbook.site.prose.chapter_text import caption_texts, prose_path, read_prose
from layerbook.site.prose.lint import EXEMPT_PAGE, find_typed_answers, find_typed_numbers
from layerbook.site.prose.references import Reference, find_references
from layerbook.store.project import Project

MAX_CLAIM_BOXES = 3
"""The limit before a chapter turns into a list of boxes."""


def find_uncited_sources(project: Project) -> list[Problem]:
    """Report sources that no chapter cites."""
    sources = bibliography.load(project.templates_dir)
    if sources is None:
        return []
    cited_keys = {
        reference.name
        for chapter in project.book.pages
        for reference in _references(project, chapter)
        if reference.function == "cite"
    }
    return [
        Problem(file, position.line, position.column, f"no chapter cites {key!r}")
        for key, (file, position) in sources.definitions.items()
        if key not in cited_keys
    ]


def find_crowded_chapters(project: Project) -> list[Problem]:
    """Report the first claim box beyond the limit in each chapter; ticks take less room."""
    problems = []
    for chapter in project.book.pages:
        boxes = [item for item in _references(project, chapter) if item.function == "claim"]
        for box in boxes[MAX_CLAIM_BOXES : MAX_CLAIM_BOXES + 1]:
            message = (
                f"{len(boxes)} boxes of claims in this chapter; "
                f'a tick takes less room: {{{{ tick("{box.name}", {box.second or 0}) }}}}'
            )
            file = str(prose_path(project, chapter))
            problems.append(Problem(file, box.line, box.column, message))
    return problems


def find_inapplicable(project: Project) -> list[Problem]:
    """Report experiments that the book's model cannot run; pages show a note in their place."""
    return [
        Problem(e.file, e.line, 1, f"{e.id} is not applicable: {e.inapplicable}")
        for e in project.experiments()
        if e.inapplicable
    ]


def lint_prose(project: Project) -> list[Problem]:
    """Report numbers and answers to predictions that are typed instead of read from a result.

    Numbers in claims are not reported, because a claim is checked.
    """
    decimal = project.book.own_words.decimal
    problems: list[Problem] = []
    for chapter in project.book.pages:
        prose = read_prose(project, chapter)
        problems += first_problems(find_typed_numbers(prose.text, prose.file, decimal))
        problems += first_problems(find_typed_answers(prose.text, prose.file))
        if not EXEMPT_PAGE.search(prose.text):
            problems += first_problems(
                caption.problem(Position(problem.line, problem.column), problem.message)
                for caption in caption_texts(chapter, prose)
                for problem in find_typed_numbers(caption.text, caption.file, decimal)
            )
    return problems


def _references(project: Project, chapter: Chapter) -> tuple[Reference, ...]:
    return find_references(read_prose(project, chapter))
