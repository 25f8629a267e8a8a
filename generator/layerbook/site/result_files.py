"""The files of an experiment's result, for readers who download them."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from layerbook.book.sweep import SweepResult
from layerbook.core.figures import Table
from layerbook.core.paths import read_file
from layerbook.site.experiment_view import ExperimentView
from layerbook.site.tokens_html import table_csv
from layerbook.store import results


def result_files(view: ExperimentView) -> dict[str, bytes]:
    """Return the stored result, then its arrays, then the table of a sweep, by name."""
    path = view.result_path(view.experiment)
    names = (path.name, *sorted(results.array_files(path)))
    files = {name: read_file(path.with_name(name)) for name in names}
    if isinstance(view.result, SweepResult):
        files |= _sweep_files(view.experiment.id, view.result.columns)
    return files


def _sweep_files(id: str, columns: Mapping[str, Sequence[Any]]) -> dict[str, bytes]:
    """Return a sweep's table as `ID.csv` and `ID.parquet`, a row for each cell."""
    import pyarrow
    from pyarrow import parquet

    rows = tuple(zip(*columns.values(), strict=True))
    table = pyarrow.table({name: list(column) for name, column in columns.items()})
    buffer = io.BytesIO()
    parquet.write_table(table, buffer)
    return {
        f"{id}.csv": table_csv(Table(tuple(columns), rows)).encode(),
        f"{id}.parquet": buffer.getvalue(),
    }
