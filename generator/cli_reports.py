"""The commands that look and report, and change neither results nor site."""

from __future__ import annotations

from pathlib import Path

import click

from generator.cli_options import book_option, jobs_option, model_option, print_lines
from generator.guard import for_people

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def add_to(group: click.Group) -> None:
    """Make these commands of the program."""
    for command in (status, timings):
        group.add_command(command)


@click.command()
@book_option
@model_option
@click.option("--check", "checking", is_flag=True, help="Exit 1 unless results and site/ are what the sources give.")
@json_option
@jobs_option
@for_people
def status(root: Path, model: str | None, checking: bool, as_json: bool, jobs: int) -> int:
    """Say which results are not what the sources would give, what changed, and how long a run would take.

    Nothing runs.
    """
    from generator.project import open_project, survey
    from generator.telling import look, status_json, status_lines

    project = open_project(root, model)
    work = survey(project)
    pages = None
    if checking:
        from generator.render import differing_pages
        from generator.workshop import Workshop

        with Workshop(jobs) as workshop:
            pages = differing_pages(project, work, project.root / "site", workshop)
    found = look(project, work)
    print_lines([status_json(project.source.name, found, pages)] if as_json else status_lines(found, pages))
    return 1 if checking and (pages or not all(w.freshness.usable for w in work)) else 0


@click.command()
@book_option
@model_option
@json_option
@for_people
def timings(root: Path, model: str | None, as_json: bool) -> int:
    """Say how long runs took on this machine: by experiment, and by each step of the last run. Nothing runs."""
    from generator import timings as found
    from generator.project import model_of
    from generator.store.cache import Cache
    from generator.telling_times import timing_json, timing_lines

    name = model_of(root, model).name
    known = found.read(Cache(root), name)
    return print_lines([timing_json(name, known)] if as_json else timing_lines(known))
