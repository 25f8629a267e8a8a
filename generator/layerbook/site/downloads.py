"""The table of a sweep for readers who want to go on with it: a row a cell, as CSV and as Parquet."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from layerbook.site.tokens_html import table_csv
from layerbook.core.figures import Table


def sweep_files(id: str, columns: Mapping[str, Sequence[Any]]) -> dict[str, bytes]:
    """`ID.csv` and `ID.parquet`; equal tables are equal bytes."""
    import pyarrow
    from pyarrow import parquet

    rows = tuple(zip(*columns.values(), strict=True))
    buffer = io.BytesIO()
    parquet.write_table(
        pyarrow.table({name: list(column) for name, column in columns.items()}), buffer
    )
    return {
        f"{id}.csv": table_csv(Table(tuple(columns), rows)).encode(),
        f"{id}.parquet": buffer.getvalue(),
    }
