"""Results of the book with forged numbers, sizes and texts make figures, or one plain error."""

from __future__ import annotations

import json
import random
import shutil
import warnings
from pathlib import Path
from typing import Any

from fixtures.edit_result import signed
from fixtures.fuzzing import cases, make_monitor
from layerbook.core.errors import LayerbookError
from layerbook.site.experiment_view import ExperimentView
from layerbook.store import results
from layerbook.store.project import open_project

ROOT = Path(__file__).resolve().parents[2]
MAX_BYTES = 2_000_000
NUMBERS = (-1, 0, 1, 10**6, 10**9, 2**70)
FRACTIONS = (0.0, -1.0, 2.0, 5e-324, 1e308, -1e308)
TEXTS = ("", "\0", "x\n" * 1000, "<script>", "a" * 10_000)


def find_values(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in plain data; of long lists, of the first only."""
    steps = list(value) if isinstance(value, dict) else range(len(value[:20]))
    paths = [(*path, step) for step in steps]
    inner = [each for each in paths if isinstance(value[each[-1]], dict | list)]
    return paths + [p for each in inner for p in find_values(value[each[-1]], each)]


def forge(rng: random.Random, data: dict[str, Any]) -> str:
    """Change one value, so that every field has the same chance; describe the change."""
    by_field: dict[tuple[Any, ...], list[tuple[Any, ...]]] = {}
    for path in find_values(data):
        field = tuple(step if isinstance(step, str) else "*" for step in path)
        by_field.setdefault(field, []).append(path)
    path = rng.choice(by_field[rng.choice(list(by_field))])
    parent: Any = data
    for step in path[:-1]:
        parent = parent[step]
    old = parent[path[-1]]
    match old:
        case bool():
            new: Any = not old
        case int():
            new = rng.choice((*NUMBERS, old + 1))
        case float():
            new = rng.choice(FRACTIONS)
        case str():
            new = rng.choice(TEXTS)
        case list():
            new = rng.choice(([], old[:1], [*old, *old[:1]], old[::-1], [old], [[]]))
        case _:
            new = {}
    parent[path[-1]] = new
    return f"{path}: {old!r:.80} -> {new!r:.80}"


def test_forged_results_make_figures_or_errors(tmp_path: Path) -> None:
    """The figures are not drawn, because drawing has its own limits."""
    monitor = make_monitor(tmp_path)
    project = open_project(ROOT, None)
    stored = [(e, project.result_path(e)) for e in project.experiments()]
    stored = [(e, p) for e, p in stored if p.is_file() and p.stat().st_size < MAX_BYTES]
    for number, rng in cases("forgeries"):
        experiment, original = stored[number % len(stored)]
        text = original.read_bytes()
        numbers = json.loads(text)
        header = {name: numbers.pop(name) for name in results.HEADER_FIELDS}
        change = forge(rng, numbers)
        path = monitor.folder / original.name
        path.write_bytes(signed(header, numbers))
        for file in original.parent.glob(f"{original.stem}.*.safetensors"):
            shutil.copy(file, monitor.folder)
        name = f"forgeries {number}: {experiment.address} {change}"
        with monitor.case(f"forgeries {number}", name), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                envelope = results.load(path, experiment.result_type)
                figures = ExperimentView(experiment, lambda _, p=path: p, envelope).figures
                assert figures is not None
            except LayerbookError as error:
                assert results.REPAIR_HINT in str(error) or "run the experiment" in str(error)
                raise
    monitor.report("forgeries")
