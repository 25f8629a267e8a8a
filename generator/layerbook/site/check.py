"""Check a book: find the problems that would stop a build, before anything runs."""

from __future__ import annotations

from layerbook.core.errors import SpecError
from layerbook.plotting.pool import DrawingPool
from layerbook.site.builder import SiteBuilder
from layerbook.site.prose.checks import find_prose_problems
from layerbook.store.freshness import check_status
from layerbook.store.project import Project


def check_book(project: Project) -> None:
    """Check all prose, captions and claims, statically and with the existing results.

    Raises SpecError with all problems.
    """
    problems = find_prose_problems(project)
    known_places = {(problem.file, problem.line) for problem in problems}
    # Prose that shows a faulty file repeats its problem.
    repeated = tuple(f"{problem.file}:{problem.line}:{problem.column}: " for problem in problems)
    with DrawingPool(1) as drawing_pool:
        try:
            builder = SiteBuilder(project, check_status(project), drawing_pool)
            page_problems = builder.find_problems()
        except SpecError as error:  # for the list of sources, reported above
            page_problems = list(error.problems)
    problems += [
        p
        for p in page_problems
        if (p.file, p.line) not in known_places and not p.message.startswith(repeated)
    ]
    if problems:
        raise SpecError(problems)
