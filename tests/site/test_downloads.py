"""The tables that readers of the book can download, from its committed results."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from layerbook.core.errors import StoreError
from layerbook.core.figures import Table
from layerbook.core.tidy_table import tidy_table
from layerbook.site.tokens_html import table_csv
from layerbook.store import results
from layerbook.store.project import open_project

ROOT = Path(__file__).parents[2]
DRAWN = re.compile(r"(?<!\w)·|·(?!\w)|[⏎⇥⇤]")


def test_no_label_has_marks_of_display() -> None:
    """Spaces are spaces."""
    project, checked = open_project(ROOT), 0
    for experiment in project.experiments():
        with suppress(StoreError):
            path = project.result_path(experiment)
            result = results.load(path, experiment.result_type).result
            for name, figure in experiment.figures(result).items():
                if not isinstance(figure, Table):
                    text = table_csv(tidy_table(figure))
                    assert not DRAWN.search(text), (experiment.address, name)
                    checked += 1
    assert checked > 100
