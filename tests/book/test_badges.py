"""The badges of the book: an intervention changes something and measures the effect."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from layerbook.book.contents import Book, Experiment, full_address
from layerbook.book.loader import load_book
from layerbook.core.limits import Limits
from layerbook.core.requests import Forward, Request

ROOT = Path(__file__).parents[2]
LIMITS = Limits(layers=30, heads=9, d_vocab=49152, context=8192)  # of the book's model


@pytest.fixture(scope="module")
def book() -> Book:
    return load_book(ROOT, LIMITS)


def requests_of(experiment: Experiment) -> Iterator[Request]:
    """Yield what an experiment asks of the model, for a sweep in all its cells."""
    cells = experiment.sweep.cells() if experiment.sweep else ()
    for analysis in [cell.analysis for cell in cells] or [experiment.analysis]:
        yield from analysis.runs().values()


def changes_something(experiments: list[Experiment]) -> bool:
    """Return whether the model runs with patches, or on at least two different prompts."""
    requests = [request for experiment in experiments for request in requests_of(experiment)]
    passes = [request for request in requests if isinstance(request, Forward)]
    return any(run.patches for run in passes) or len({run.prompt for run in passes}) > 1


def test_interventions_patch_activations_or_change_the_prompt(book: Book) -> None:
    experiments = {e.address: e for chapter in book.pages for e in chapter.experiments}
    wrong, count = [], 0
    for experiment in experiments.values():
        badges = {experiment.evidence, *experiment.badges.values()}
        if "intervention" in badges:
            count += 1
            if not changes_something([experiment]):
                wrong.append(experiment.address)
        for index, claim in enumerate(experiment.claims):
            if claim.evidence == "intervention":
                names = [reference.name for reference in claim.check.references]
                read = [experiments[full_address(name, experiment.chapter)] for name in names]
                if not changes_something([experiment, *read]):
                    wrong.append(f"{experiment.address}: claim {index}")
    assert count > 5 and wrong == []
