"""What a run holds in memory: counted as it is, kept once, and let go as soon as nobody needs
it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layerbook.book.loader import Experiment, load_chapter
from layerbook.core.analysis import Result
from layerbook.core.progress import SilentReporter
from layerbook.core.requests import (
    LN_FINAL,
    LOGITS,
    NEXT_LOGITS,
    SITE_SHAPES,
    WHOLE_MODEL_SITES,
    Forward,
    Patch,
    Prompt,
    Request,
    Site,
)
from layerbook.model import sources
from layerbook.model.execution import Execution
from layerbook.model.llama import LoadedModel
from layerbook.model.plan import Pass, PassRequest, build_passes, make_plan
from layerbook.model.timer import Timer
from layerbook.runner import local as measuring
from layerbook.runner.local import LocalExecutor
from layerbook.store.project import sweep_cells

SPEC = """\
chapter: many
title: Many
experiments:
  - id: numbers
    title: Numbers
    analysis: next-token
    top_k: 1
    sweep:
      prompts: {prompts}
    measures:
      best: result.prompts[0].top[0].prob
"""


@pytest.fixture(scope="module")
def model(tiny_model_dir: Path) -> LoadedModel:
    """The tiny Llama, loaded the way the real one is."""
    return LoadedModel.load(tiny_model_dir, "tiny")


@pytest.mark.parametrize("name", SITE_SHAPES)
def test_what_a_site_takes_is_counted_as_it_is(model: LoadedModel, name: str) -> None:
    """The bytes by which batches are cut are those of the arrays."""
    site = Site(name, None if name in WHOLE_MODEL_SITES else 1)
    asks = Forward(Prompt(ids=(1, 2, 3, 4, 5)), frozenset({site}))
    (arrays,) = model.run([Pass(asks.prompt.ids, asks.keep, requests=(PassRequest(asks, 5),))])
    assert model.bytes_for(frozenset({site}), 5) == arrays[site].nbytes


def test_the_next_logits_of_prefixes_are_counted(model: LoadedModel) -> None:
    """A pass that serves prefixes has a row of them for each prefix that asks, and none for one
    that does not.
    """
    ids = (1, 2, 3, 4, 5)
    asks = [Forward(Prompt(ids=ids[:n]), frozenset({NEXT_LOGITS})) for n in (2, 3, 5)]
    (item,) = build_passes(
        [*asks, Forward(Prompt(ids=ids[:4]), frozenset({LN_FINAL}))], lambda prompt: prompt.ids
    )
    (arrays,) = model.run([item])
    assert item.logit_positions == (1, 2, 4)
    assert model.bytes_for(frozenset({NEXT_LOGITS}), 5, 3) == arrays[NEXT_LOGITS].nbytes


def test_rows_of_one_batch_are_not_held_twice(model: LoadedModel) -> None:
    """What every pass keeps is the batch's own memory; what only some keep is copied out of it, and
    the rest goes.
    """
    mlp = Site("mlp_out", 0)
    passes = [Pass((1, 2, 3), frozenset({LOGITS})), Pass((4, 5, 6), frozenset({LOGITS, mlp}))]
    one, two = model.run(passes)
    assert one[LOGITS].base is not None and two[LOGITS].base is not None
    assert two[mlp].base is None
    alone = [model.run([item])[0] for item in passes]
    assert np.allclose(one[LOGITS], alone[0][LOGITS], atol=1e-5)
    assert np.allclose(two[LOGITS], alone[1][LOGITS], atol=1e-5)
    assert np.allclose(two[mlp], alone[1][mlp], atol=1e-5)
    assert not one[LOGITS].flags.writeable


def test_arrays_are_let_go_when_nobody_needs_them(model: LoadedModel) -> None:
    """But not those that a pass which is still to come patches from."""
    source = Forward(Prompt(ids=(1, 2, 3)), frozenset({LOGITS}))
    other = Forward(Prompt(ids=(4, 5, 6)), frozenset({LOGITS}))
    patched = Forward(other.prompt, frozenset({LOGITS}), (Patch(Site("resid_post", 0), source),))
    execution = Execution(model, make_plan([source, other, patched]))
    steps = execution.steps()
    next(steps), next(steps)  # the first batch is over
    assert execution.can_answer([source, other])
    assert not execution.can_answer([patched])
    execution.discard_except([patched])
    assert not execution.can_answer([other])
    assert not list(steps)
    assert execution.can_answer([patched])
    whole = model.run([Pass(source.prompt.ids, frozenset({LOGITS, Site("resid_post", 0)}))])[0]
    assert np.allclose(execution.capture(patched)[LOGITS], whole[LOGITS], atol=1e-4)


def test_memory_does_not_grow_with_the_number_of_prompts(
    tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is measured once its batch is over: of four times as many, no more are held at a
    time.
    """
    activation_counts: list[int] = []
    measure = measuring._measure_one

    def watched(
        experiment: Experiment,
        requests: dict[str, Request],
        execution: Execution,
        timer: Timer,
    ) -> Any:
        activation_counts[-1] = max(activation_counts[-1], len(execution._activations))
        return measure(experiment, requests, execution, timer)

    monkeypatch.setattr(measuring, "_measure_one", watched)
    source = sources.resolve(str(tiny_model_dir))
    bench = LocalExecutor(source, SilentReporter(), max_batch_tokens=64)
    for count in (20, 80):
        spec = tmp_path / f"{count}.yaml"
        spec.write_text(SPEC.format(prompts=[f"{i:03}" for i in range(count)]))
        (sweep,) = load_chapter(spec, source.limits()).experiments
        activation_counts.append(0)
        found = bench.measure([cell for _, cell in sweep_cells(sweep)])
        assert len(found) == count
        assert all(isinstance(result, Result) for result in found.values())
    assert 0 < activation_counts[1] <= activation_counts[0] + 1 < 40
