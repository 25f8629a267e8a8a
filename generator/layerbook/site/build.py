"""A whole build: run what is not current, then render, one build at a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from layerbook.runner.executors import ExecutorFactory, local_executor
from layerbook.store.freshness import check_status, select
from layerbook.store.project import Project
from layerbook.site.render import RenderResult, render
from layerbook.core.progress import Reporter
from layerbook.runner.run import Outcome, run_experiments
from layerbook.store import cache, publish
from layerbook.plotting.pool import MIN_JOBS_FOR_POOL, DrawingPool


@dataclass(frozen=True)
class BuildResult:
    """What ran, and what was rendered."""

    outcomes: tuple[Outcome, ...]
    render_result: RenderResult


def build(
    project: Project,
    site: Path,
    report: Reporter,
    *,
    run_stale: bool = True,
    only: Sequence[str] = (),
    force: bool = False,
    jobs: int = 1,
    executor_factory: ExecutorFactory = local_executor,
) -> BuildResult:
    """Bring results and site up to date; with `run_stale` false, render the results that are there.

    Raises SpecError for the prose, before anything runs where the fault shows without results; StoreError where
    another build is under way, and, before anything runs, for a site folder that is somebody else's.
    """
    with cache.lock(project.root), DrawingPool(jobs) as drawing_pool:
        project.remove_leftovers()
        statuses = check_status(project)
        todo = select(statuses, only, force=force) if run_stale else ()
        outcomes: tuple[Outcome, ...] = ()
        if todo:
            from layerbook.site.prose.checks import check_prose

            check_prose(project)
            publish.check_target(site)
            if len(todo) >= MIN_JOBS_FOR_POOL:
                drawing_pool.start()
            outcomes = run_experiments(
                project, todo, report, force, executor_factory=executor_factory
            )
            statuses = check_status(project)
        return BuildResult(outcomes, render(project, statuses, site, report, drawing_pool, force))
