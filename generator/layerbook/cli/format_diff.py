"""What `diff` prints: lines for people, JSON for programs, and a page by itself with the two sides side by side."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from layerbook.cli.tables import cut
from layerbook.compare.diff import Compared, Diff, Moved
from layerbook.compare.prose import shown_path
from layerbook.core.progress import counted
from layerbook.store.project import Project

MOST = 6
WIDTH = 110


def diff_lines(project: Project, found: Diff) -> list[str]:
    """Experiments with their numbers, verdicts that turned, figures, sentences with both texts, then the counts."""
    lines = [line for one in found.experiments for line in _experiment(one)] + _made_anew(found)
    lines += [
        f"claim: {t.file}:{t.line}: {t.experiment}: {t.old} -> {t.new}: {t.says}"
        for t in found.claims
    ]
    by_experiment: dict[tuple[str, str], list[str]] = {}
    for one in found.figures:
        by_experiment.setdefault((one.experiment, one.state), []).append(one.figure)
    lines += [
        f"figures {state}: {name}: {_some(figures)}"
        for (name, state), figures in by_experiment.items()
    ]
    for sentence in found.sentences:
        old, new = cut(sentence.old, sentence.new, WIDTH)
        lines += [
            f"sentence: {shown_path(sentence.file, project.root)}:{sentence.line}:",
            f"  - {old}",
            f"  + {new}",
        ]
    told = {(one.file, one.line) for one in found.sentences} | {
        (one.file, one.line) for one in found.claims
    }
    quiet = [use for use in found.uses if (use.file, use.line) not in told]
    lines += [
        f"uses {u.experiment}: {shown_path(u.file, project.root)}:{u.line}: {u.text}" for u in quiet
    ]
    return [*lines, *(f"note: {note}" for note in found.notes), _counts(found)]


def diff_json(project: Project, found: Diff) -> str:
    """The same, whole, for programs; a number that JSON lacks is a string."""
    data = _plain(dataclasses.asdict(found))
    for kind in ("sentences", "uses", "claims"):
        for one in data[kind]:
            one["file"] = shown_path(one["file"], project.root)
    return json.dumps({"same": found.same} | data, indent=2, ensure_ascii=False)


def diff_page(project: Project, found: Diff) -> str:
    """One HTML file that needs no other."""
    from layerbook.site import assets as site

    pages = site.environment()
    return pages.get_template("diff.html").render(
        diff=found,
        book=project.book,
        experiments=[one for one in found.experiments if one.state != "same"],
        summary=_counts(found),
        number=_value,
        gap=lambda moved: "" if moved.gap is None else f"{moved.gap:.1e}",
        place=lambda file: shown_path(file, project.root),
        most=MOST_ROWS,
    )


MOST_ROWS = 200
"""Numbers of one experiment on the page; the JSON has all."""


def _experiment(one: Compared) -> list[str]:
    sources = f" ({'; '.join(one.sources)})" if one.sources else ""
    if one.state == "same":
        return []
    if one.state != "changed":
        return [f"{one.address}: {one.state}{': ' + one.note if one.note else ''}"]
    beyond = sum(moved.beyond for moved in one.numbers)
    head = f"{one.address}: {counted(len(one.numbers), 'value')} changed, {beyond} beyond the tolerance{sources}"
    worst = sorted(one.numbers, key=_rank)[:MOST]
    more = len(one.numbers) - len(worst)
    return [head, *map(_line, worst), *([f"  and {more:,} more"] if more else [])]


def _made_anew(found: Diff) -> list[str]:
    """Those whose numbers are the same and whose sources are not, together by what moved."""
    groups: dict[str, list[str]] = {}
    for one in found.experiments:
        if one.state == "same" and one.sources:
            what = ", ".join(dict.fromkeys(source.partition(":")[0] for source in one.sources))
            groups.setdefault(what, []).append(one.address)
    return [
        f"the same numbers, made from something else ({what}): {_some(names)}"
        for what, names in groups.items()
    ]


def _rank(moved: Moved) -> tuple[bool, float]:
    """What is no number first, then the largest gap."""
    return not moved.beyond, -(
        math.inf if moved.gap is None or math.isnan(moved.gap) else moved.gap
    )


def _line(moved: Moved) -> str:
    gap = "" if moved.gap is None else f" ({moved.gap:.1e})"
    return f"  {moved.path}: {_value(moved.old)} -> {_value(moved.new)}{gap}"


def _value(value: Any) -> str:
    text = "nothing" if value is None else repr(value)
    return text if len(text) <= 60 else text[:59] + "…"


def _some(names: Sequence[str]) -> str:
    more = len(names) - MOST
    return ", ".join(names[:MOST]) + (f" and {more} more" if more > 0 else "")


def _counts(found: Diff) -> str:
    states = [one.state for one in found.experiments]
    if found.same:
        return f"{counted(len(states), 'experiment')}: {found.old} and {found.new} say the same"
    parts = [
        f"{states.count(s)} {s}"
        for s in ("changed", "added", "removed", "unreadable")
        if s in states
    ]
    told = (
        f"{counted(len(found.claims), 'verdict')} turned, {counted(len(found.figures), 'figure')} and "
        f"{counted(len(found.sentences), 'sentence')} differ"
    )
    return f"{counted(len(states), 'experiment')}: {', '.join(parts)} from {found.old} to {found.new}; {told}"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
