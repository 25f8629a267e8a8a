"""A whole build: run what is not current, then render, one build at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from layerbook.runner.executors import Opener, local
from layerbook.store.project import Project, chosen, survey
from layerbook.site.render import Rendered, check_prose, render
from layerbook.core.progress import Reporter
from layerbook.runner.run import Outcome, refresh
from layerbook.store import atomic, cache
from layerbook.plotting.pool import MANY, Workshop


@dataclass(frozen=True)
class Built:
    """What ran, and what was rendered."""

    outcomes: tuple[Outcome, ...]
    rendered: Rendered


def build(
    project: Project,
    site: Path,
    report: Reporter,
    *,
    running: bool = True,
    only: Sequence[str] = (),
    force: bool = False,
    jobs: int = 1,
    opener: Opener = local,
) -> Built:
    """Bring results and site up to date; with `running` false, render the results that are there.

    Raises SpecError for the prose, before anything runs where the fault shows without results; StoreError where
    another build is under way, and, before anything runs, for a site folder that is somebody else's.
    """
    with cache.lock(project.root), Workshop(jobs) as workshop:
        project.tidy()
        work = survey(project)
        todo = chosen(work, only, force) if running else ()
        outcomes: tuple[Outcome, ...] = ()
        if todo:
            check_prose(project)
            atomic.check_folder(site)
            if len(todo) >= MANY:
                workshop.open()
            outcomes = refresh(project, todo, report, force, opener=opener)
            work = survey(project)
        return Built(outcomes, render(project, work, site, report, workshop, force))
