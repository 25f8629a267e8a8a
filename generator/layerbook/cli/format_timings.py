"""Format the times of a run as tables."""

from __future__ import annotations

from collections.abc import Sequence

from layerbook.cli.output import format_table
from layerbook.core.text import listed, pluralize
from layerbook.model.timer import StepTime, Timer

MAX_NAMES = 4
MAX_STEPS = 25
NOTE = (
    "The passes of a batch share its time equally. Texts that are generated together share their",
    "time by their tokens. The experiments that need a pass share its time equally. The time for",
    "loading the model is not shared.",
)


def timing_lines(timer: Timer) -> list[str]:
    """Return a table of the experiments, slowest first, and a table of the slowest steps."""
    return [
        *_experiment_table(timer),
        *NOTE,
        f"Loading the model took {timer.loading:.2f} s.",
        "",
        *_step_table(timer.steps),
    ]


def _experiment_table(timer: Timer) -> list[str]:
    rows = []
    totals = [0.0] * 4
    by_time = sorted(timer.experiments.items(), key=lambda item: -item[1].total)
    for address, times in by_time:
        seconds = (times.generating, times.passes, times.measuring, times.total)
        rows.append((address, *map(_seconds, seconds)))
        totals = [total + own for total, own in zip(totals, seconds, strict=True)]
    header = ("experiment", "generating", "passes", "measuring", "total")
    rows.append(("total", *map(_seconds, totals)))
    return format_table([header, *rows], right=range(1, len(header)))


def _step_table(steps: Sequence[StepTime]) -> list[str]:
    by_time = sorted(steps, key=lambda step: -step.seconds)
    slowest, shorter_steps = by_time[:MAX_STEPS], by_time[MAX_STEPS:]
    rows = [
        (_describe_step(step), _seconds(step.seconds), listed(step.experiments, MAX_NAMES))
        for step in steps
        if step in slowest
    ]
    lines = format_table([("step", "seconds", "for"), *rows], right=[1])
    if shorter_steps:
        seconds = sum(step.seconds for step in shorter_steps)
        lines.append(f"and {pluralize(len(shorter_steps), 'shorter step')}, {_seconds(seconds)}")
    return lines


def _describe_step(step: StepTime) -> str:
    if step.kind == "generating":
        return f"{pluralize(step.rows, 'text')} of {pluralize(step.tokens, 'token')} together"
    passes = f"{step.rows:,} pass{'' if step.rows == 1 else 'es'}"
    return f"{passes}, {pluralize(step.tokens, 'token')} with padding"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s"
