"""Pages and comparisons explain why an experiment has no result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from layerbook.core import language
from layerbook.core.language import Language
from layerbook.site.experiment_view import load_view
from layerbook.store.project import open_project

DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "its result is cut short": lambda data: data[: len(data) // 2],
    "its result was edited or damaged": lambda data: data.replace(b"2 + 2", b"2 + 3", 1),
    "its result has the marks of a merge conflict": lambda data: b"<<<<<<< HEAD\n" + data,
    "its file is not a result": lambda data: b"{}",
}


@pytest.mark.parametrize("reason", DAMAGE)
def test_a_damaged_result_is_described_in_the_language_of_the_book(book: Path, reason: str) -> None:
    project = open_project(book)
    experiment = next(e for e in project.experiments() if e.address == "next/sum")
    path = project.result_path(experiment)
    path.write_bytes(DAMAGE[reason](path.read_bytes()))
    assert load_view(experiment, project.result_path).unavailable_reason == reason
    with language.use(Language("de", {reason: "kaputt"})):
        view = load_view(experiment, project.result_path)
    assert view.envelope is None
    assert view.unavailable_reason == "kaputt"


def test_a_result_that_is_missing_or_there(book: Path) -> None:
    project = open_project(book)
    experiment = next(e for e in project.experiments() if e.address == "next/sum")
    assert load_view(experiment, project.result_path).result.prompts
    project.result_path(experiment).unlink()
    assert load_view(experiment, project.result_path).unavailable_reason == "no result"
