"""What `diff` prints: lines for people, JSON for programs, and a page by itself with the two sides side by side."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from layerbook.cli.tables import cut_around_difference
from layerbook.compare.diff import Diff, ExperimentDiff, ValueChange
from layerbook.compare.prose import relative_path
from layerbook.core.text import pluralize
from layerbook.store.project import Project

MAX_LISTED = 6
TEXT_WIDTH = 110


def diff_lines(project: Project, found: Diff) -> list[str]:
    """Experiments with their numbers, verdicts that turned, figures, sentences with both texts, then the counts."""
    lines = [line for one in found.experiments for line in _experiment_lines(one)] + _changed_inputs_lines(found)
    lines += [
        f"claim: {t.file}:{t.line}: {t.experiment}: {t.old} -> {t.new}: {t.says}"
        for t in found.claims
    ]
    by_experiment: dict[tuple[str, str], list[str]] = {}
    for one in found.figures:
        by_experiment.setdefault((one.experiment, one.state), []).append(one.figure)
    lines += [
        f"figures {state}: {name}: {_first_names(figures)}"
        for (name, state), figures in by_experiment.items()
    ]
    for sentence in found.sentences:
        old, new = cut_around_difference(sentence.old, sentence.new, TEXT_WIDTH)
        lines += [
            f"sentence: {relative_path(sentence.file, project.root)}:{sentence.line}:",
            f"  - {old}",
            f"  + {new}",
        ]
    told = {(one.file, one.line) for one in found.sentences} | {
        (one.file, one.line) for one in found.claims
    }
    quiet = [use for use in found.uses if (use.file, use.line) not in told]
    lines += [
        f"uses {u.experiment}: {relative_path(u.file, project.root)}:{u.line}: {u.text}" for u in quiet
    ]
    return [*lines, *(f"note: {note}" for note in found.notes), _summary(found)]


def diff_json(project: Project, found: Diff) -> str:
    """The same, whole, for programs; a number that JSON lacks is a string."""
    data = _json_value(dataclasses.asdict(found))
    for kind in ("sentences", "uses", "claims"):
        for one in data[kind]:
            one["file"] = relative_path(one["file"], project.root)
    return json.dumps({"same": found.same} | data, indent=2, ensure_ascii=False)


def diff_page(project: Project, found: Diff) -> str:
    """One HTML file that needs no other."""
    from layerbook.site import assets as site

    pages = site.make_environment()
    return pages.get_template("diff.html").render(
        diff=found,
        book=project.book,
        experiments=[one for one in found.experiments if one.state != "same"],
        summary=_summary(found),
        number=_value_text,
        gap=lambda moved: "" if moved.gap is None else f"{moved.gap:.1e}",
        place=lambda file: relative_path(file, project.root),
        most=MAX_TABLE_ROWS,
    )


MAX_TABLE_ROWS = 200
"""Numbers of one experiment on the page; the JSON has all."""


def _experiment_lines(one: ExperimentDiff) -> list[str]:
    sources = f" ({'; '.join(one.sources)})" if one.sources else ""
    if one.state == "same":
        return []
    if one.state != "changed":
        return [f"{one.address}: {one.state}{': ' + one.note if one.note else ''}"]
    beyond = sum(moved.beyond for moved in one.numbers)
    head = f"{one.address}: {pluralize(len(one.numbers), 'value')} changed, {beyond} beyond the tolerance{sources}"
    worst = sorted(one.numbers, key=_sort_key)[:MAX_LISTED]
    more = len(one.numbers) - len(worst)
    return [head, *map(_change_line, worst), *([f"  and {more:,} more"] if more else [])]


def _changed_inputs_lines(found: Diff) -> list[str]:
    """Those whose numbers are the same and whose sources are not, together by what moved."""
    groups: dict[str, list[str]] = {}
    for one in found.experiments:
        if one.state == "same" and one.sources:
            what = ", ".join(dict.fromkeys(source.partition(":")[0] for source in one.sources))
            groups.setdefault(what, []).append(one.address)
    return [
        f"the same numbers, made from something else ({what}): {_first_names(names)}"
        for what, names in groups.items()
    ]


def _sort_key(moved: ValueChange) -> tuple[bool, float]:
    """What is no number first, then the largest gap."""
    return not moved.beyond, -(
        math.inf if moved.gap is None or math.isnan(moved.gap) else moved.gap
    )


def _change_line(moved: ValueChange) -> str:
    gap = "" if moved.gap is None else f" ({moved.gap:.1e})"
    return f"  {moved.path}: {_value_text(moved.old)} -> {_value_text(moved.new)}{gap}"


def _value_text(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _first_names(names: Sequence[str]) -> str:
    more = len(names) - MAX_LISTED
    return ", ".join(names[:MAX_LISTED]) + (f" and {more} more" if more > 0 else "")


def _summary(found: Diff) -> str:
    states = [one.state for one in found.experiments]
    if found.same:
        return f"{pluralize(len(states), 'experiment')}: {found.old} and {found.new} say the same"
    parts = [
        f"{states.count(s)} {s}"
        for s in ("changed", "added", "removed", "unreadable")
        if s in states
    ]
    told = (
        f"{pluralize(len(found.claims), 'verdict')} turned, {pluralize(len(found.figures), 'figure')} and "
        f"{pluralize(len(found.sentences), 'sentence')} differ"
    )
    return f"{pluralize(len(states), 'experiment')}: {', '.join(parts)} from {found.old} to {found.new}; {told}"


def _json_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _json_value(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_json_value(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
