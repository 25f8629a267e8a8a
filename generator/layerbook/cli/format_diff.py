"""Format the outcome of `diff` as lines, JSON, or an HTML page."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

from layerbook.cli.output import json_value
from layerbook.compare.diff import Diff, ExperimentDiff
from layerbook.compare.prose import relative_path
from layerbook.core import language
from layerbook.core.language import gettext, mark
from layerbook.core.text import listed, pluralize, shorten
from layerbook.store.comparison import Difference
from layerbook.store.project import Project

MAX_LISTED = 6
STATES = (mark("changed"), mark("added"), mark("removed"), mark("unreadable"))
"""The states of experiments, and of figures, that a comparison reports."""
MAX_TABLE_ROWS = 200
TEXT_WIDTH = 110


def diff_lines(project: Project, diff: Diff) -> Iterator[str]:
    """Yield lines on experiments, verdicts, figures, sentences and uses, then the counts."""
    for experiment in diff.experiments:
        yield from _experiment_lines(experiment)
    yield from _same_numbers_lines(diff)
    for flip in diff.claims:
        verdicts = f"{flip.old} -> {flip.new}"
        yield f"claim: {flip.file}:{flip.line}: {flip.experiment}: {verdicts}: {flip.says}"
    yield from _figure_lines(diff)
    for change in diff.sentences:
        old, new = cut_around_difference(change.old, change.new, TEXT_WIDTH)
        yield f"sentence: {relative_path(change.file, project.root)}:{change.line}:"
        yield f"  - {old}"
        yield f"  + {new}"
    yield from _use_lines(project, diff)
    for note in diff.notes:
        yield f"note: {note}"
    yield _summary(diff)


def diff_data(project: Project, diff: Diff) -> dict[str, Any]:
    """Return the whole diff as data for JSON; numbers that JSON lacks become strings."""
    data: dict[str, Any] = json_value(dataclasses.asdict(diff))
    for kind in ("sentences", "uses", "claims"):
        for entry in data[kind]:
            entry["file"] = relative_path(entry["file"], project.root)
    return {"same": diff.same} | data


def diff_page(project: Project, diff: Diff) -> str:
    """Return a complete HTML page. `diff` must be in the language of the book."""
    from layerbook.site.page_templates import make_environment

    template = make_environment().get_template("diff.html")
    with language.use(project.book.own_words):
        return template.render(
            diff=diff,
            book=project.book.spec,
            title=gettext("{old} and {new}", old=diff.old, new=diff.new),
            experiments=[each for each in diff.experiments if each.state != "same"],
            summary=_page_summary(diff),
            number=lambda value: gettext("nothing") if value is None else _value_text(value),
            gap=lambda change: change.gap,
            place=lambda file: relative_path(file, project.root),
            most=MAX_TABLE_ROWS,
        )


def _page_summary(diff: Diff) -> str:
    """Return the counts in the current language."""
    changed = sum(experiment.state != "same" for experiment in diff.experiments)
    return gettext(
        "Experiments that differ: {changed} of {count}; verdicts that changed: {verdicts}; figures "
        "that differ: {figures}; sentences that differ: {sentences}",
        changed=changed,
        count=len(diff.experiments),
        verdicts=len(diff.claims),
        figures=len(diff.figures),
        sentences=len(diff.sentences),
    )


def _experiment_lines(diff: ExperimentDiff) -> Iterator[str]:
    if diff.state not in ("same", "changed"):
        yield f"{diff.address}: {diff.state}{': ' + diff.note if diff.note else ''}"
    if diff.state != "changed":
        return
    sources = f" ({'; '.join(diff.sources)})" if diff.sources else ""
    yield f"{diff.address}: {pluralize(len(diff.numbers), 'value')} changed{sources}"
    for change in sorted(diff.numbers, key=_sort_key)[:MAX_LISTED]:
        gap = f" ({change.gap})" if change.gap else ""
        yield f"  {change.path}: {_value_text(change.old)} -> {_value_text(change.new)}{gap}"
    if len(diff.numbers) > MAX_LISTED:
        yield f"  and {len(diff.numbers) - MAX_LISTED:,} more"


def _same_numbers_lines(diff: Diff) -> Iterator[str]:
    """Group experiments with equal numbers but changed sources, by what changed."""
    groups: dict[str, list[str]] = {}
    for experiment in diff.experiments:
        if experiment.state == "same" and experiment.sources:
            parts = (source.partition(":")[0] for source in experiment.sources)
            groups.setdefault(", ".join(dict.fromkeys(parts)), []).append(experiment.address)
    for changed, addresses in groups.items():
        names = listed(addresses, MAX_LISTED)
        yield f"same numbers from changed sources ({changed}): {names}"


def _figure_lines(diff: Diff) -> Iterator[str]:
    groups: dict[tuple[str, str], list[str]] = {}
    for change in diff.figures:
        groups.setdefault((change.experiment, change.state), []).append(change.figure)
    for (address, state), figures in groups.items():
        yield f"figures {state}: {address}: {listed(figures, MAX_LISTED)}"


def _use_lines(project: Project, diff: Diff) -> Iterator[str]:
    """List the uses on lines without a changed sentence or claim."""
    shown = {(change.file, change.line) for change in diff.sentences}
    shown |= {(flip.file, flip.line) for flip in diff.claims}
    for use in diff.uses:
        if (use.file, use.line) not in shown:
            file = relative_path(use.file, project.root)
            yield f"uses {use.experiment}: {file}:{use.line}: {use.text}"


def cut_around_difference(old: str, new: str, width: int) -> tuple[str, str]:
    """Cut two texts to `width`, starting a little before their first difference."""
    pairs = enumerate(zip(old, new, strict=False))
    first = next((i for i, (a, b) in pairs if a != b), min(len(old), len(new)))
    start = max(0, first - width // 3)
    return _excerpt(old, start, width), _excerpt(new, start, width)


def _excerpt(text: str, start: int, width: int) -> str:
    end = "…" if start + width < len(text) else ""
    return f"{'…' if start else ''}{text[start : start + width]}{end}"


def _sort_key(change: Difference) -> float:
    """Sort by the largest gap in the last digit; changes without one come first."""
    return -math.inf if change.quanta is None else -change.quanta


def _value_text(value: Any) -> str:
    return "nothing" if value is None else shorten(repr(value))


def _summary(diff: Diff) -> str:
    states = [experiment.state for experiment in diff.experiments]
    experiments = pluralize(len(states), "experiment")
    if diff.same:
        return f"{experiments}: {diff.old} and {diff.new} are the same"
    counts = ", ".join(f"{states.count(state)} {state}" for state in STATES if state in states)
    verdicts = pluralize(len(diff.claims), "verdict")
    figures, sentences = len(diff.figures), len(diff.sentences)
    return (
        f"{experiments}: {counts} from {diff.old} to {diff.new}; {verdicts} changed, "
        f"{pluralize(figures, 'figure')} and {pluralize(sentences, 'sentence')} differ"
    )
