"""Arrays of a run are counted, shared, and freed as soon as possible."""

from __future__ import annotations

import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layerbook.book.contents import Experiment
from layerbook.book.loader import load_chapter
from layerbook.core.analysis import Result
from layerbook.core.progress import Reporter
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
from layerbook.model.loaded_model import LoadedModel
from layerbook.model.plan import Pass, build_passes, make_plan
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


@pytest.mark.parametrize("name", SITE_SHAPES)
def test_bytes_for_counts_the_arrays(model: LoadedModel, name: str) -> None:
    """The bytes that limit batches are those of the arrays."""
    site = Site(name, None if name in WHOLE_MODEL_SITES else 1)
    request = Forward(Prompt(ids=(1, 2, 3, 4, 5)), frozenset({site}))
    (arrays,) = model.run([Pass(request.prompt.ids, request.keep, requests={request: 5})])
    assert model.bytes_for(frozenset({site}), 5) == arrays[site].nbytes


def test_bytes_for_counts_next_logits_of_prefixes(model: LoadedModel) -> None:
    """A pass has a row of next logits for each prefix that requests them."""
    ids = (1, 2, 3, 4, 5)
    requests = [Forward(Prompt(ids=ids[:n]), frozenset({NEXT_LOGITS})) for n in (2, 3, 5)]
    (item,) = build_passes(
        [*requests, Forward(Prompt(ids=ids[:4]), frozenset({LN_FINAL}))], lambda prompt: prompt.ids
    )
    (arrays,) = model.run([item])
    assert item.logit_positions == (1, 2, 4)
    assert model.bytes_for(frozenset({NEXT_LOGITS}), 5, 3) == arrays[NEXT_LOGITS].nbytes


def test_rows_of_a_batch_share_its_memory(model: LoadedModel) -> None:
    """Sites that every pass keeps are views of the batch; others are copied out of it."""
    mlp = Site("mlp_out", 0)
    passes = [Pass((1, 2, 3), frozenset({LOGITS})), Pass((4, 5, 6), frozenset({LOGITS, mlp}))]
    first, second = model.run(passes)
    assert first[LOGITS].base is not None and second[LOGITS].base is not None
    assert second[mlp].base is None
    alone = [model.run([item])[0] for item in passes]
    assert np.allclose(first[LOGITS], alone[0][LOGITS], atol=1e-5)
    assert np.allclose(second[LOGITS], alone[1][LOGITS], atol=1e-5)
    assert np.allclose(second[mlp], alone[1][mlp], atol=1e-5)
    assert not first[LOGITS].flags.writeable


def test_discards_arrays_that_are_no_longer_needed(model: LoadedModel) -> None:
    """Sources of patches stay until the patched pass has run."""
    source = Forward(Prompt(ids=(1, 2, 3)), frozenset({LOGITS}))
    other = Forward(Prompt(ids=(4, 5, 6)), frozenset({LOGITS}))
    patched = Forward(other.prompt, frozenset({LOGITS}), (Patch(Site("resid_post", 0), source),))
    execution = Execution(model, make_plan([source, other, patched]))
    steps = execution.steps()
    next(steps)
    assert execution.can_answer([source, other])
    assert not execution.can_answer([patched])
    execution.discard_except([patched])
    assert not execution.can_answer([other])
    assert len(list(steps)) == 1
    assert execution.can_answer([patched])
    whole = model.run([Pass(source.prompt.ids, frozenset({LOGITS, Site("resid_post", 0)}))])[0]
    assert np.allclose(execution.capture(patched)[LOGITS], whole[LOGITS], atol=1e-4)


# The peak is read from /proc because `ru_maxrss` begins with the peak of the parent process.
LOADING = """
import re, sys
from pathlib import Path
from layerbook.model.loaded_model import LoadedModel
model = LoadedModel.load(Path(sys.argv[1]), "model")
status = Path("/proc/self/status").read_text()
peak, now = (int(re.search(f"{name}:\\\\s+(\\\\d+) kB", status)[1]) for name in ("VmHWM", "VmRSS"))
print((peak - now) / 1024)
"""


@pytest.mark.model
@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no /proc")
def test_stored_weights_are_never_all_in_memory(real_model_dir: Path) -> None:
    """Loading needs at most 200 MB more than the loaded model; the stored weights have 540 MB."""
    command = [sys.executable, "-c", LOADING, str(real_model_dir)]
    completed = subprocess.run(command, capture_output=True, text=True, check=True)
    assert float(completed.stdout) < 200


def test_memory_does_not_grow_with_the_number_of_prompts(
    tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each prompt is measured after its batch."""
    activation_counts: list[int] = []
    measure = measuring._measure_one

    def watched(experiment: Experiment, requests: dict[str, Request], execution: Execution) -> Any:
        activation_counts[-1] = max(activation_counts[-1], len(execution._activations))
        return measure(experiment, requests, execution)

    monkeypatch.setattr(measuring, "_measure_one", watched)
    source = sources.resolve(str(tiny_model_dir))
    small_batches = partial(Execution, max_batch_tokens=64)
    monkeypatch.setattr("layerbook.model.execution.Execution", small_batches)
    executor = LocalExecutor(source, Reporter())
    for count in (20, 80):
        spec = tmp_path / f"{count}.yaml"
        spec.write_text(SPEC.format(prompts=[f"{i:03}" for i in range(count)]))
        (sweep,) = load_chapter(spec, source.limits()).experiments
        activation_counts.append(0)
        measured = executor.measure([cell for _, cell in sweep_cells(sweep)])
        assert len(measured) == count
        assert all(isinstance(result, Result) for result in measured.values())
    assert 0 < activation_counts[1] <= activation_counts[0] + 1 < 40
