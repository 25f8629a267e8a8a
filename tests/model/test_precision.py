"""Both precisions are used throughout, and float64 gives equal numbers on every machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.execution import run_requests
from fixtures.torch_threads import torch_threads
from layerbook.core.requests import (
    EMBED,
    LOGITS,
    LOSS,
    NEXT_LOGITS,
    ActivationCache,
    EmbeddingRows,
    Forward,
    Generate,
    Prompt,
    Site,
)
from layerbook.model.loaded_model import LoadedModel
from layerbook.model.precision import DTYPES

PROMPT = Prompt(text="The cat sat on the table\nand the dog under it. 2 + 2 =")
LAST = 1  # layer of the tiny model
SITES = frozenset(
    {
        *(Site(name, LAST) for name in ("resid_mid", "q", "k", "z", "scores", "pattern", "lens")),
        *(Site(name) for name in ("embed", "ln_final", "loss", "logits", "next_logits")),
    }
)


def capture(model: LoadedModel) -> tuple[ActivationCache, ActivationCache, ActivationCache]:
    """Run one pass, one generation with logits, and look up embedding rows."""
    forward, generate = Forward(PROMPT, SITES), Generate(PROMPT, 4, keep_logits=True, stop=False)
    run, generated, rows = run_requests(model, forward, generate, EmbeddingRows(PROMPT))
    return run, generated, rows


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_every_array_has_the_precision(tiny_model_dir: Path, precision: str) -> None:
    """Activations, losses, logits of a generation, embedding rows and RoPE's speeds have it."""
    model = LoadedModel.load(tiny_model_dir, "tiny", precision)  # type: ignore[arg-type]
    arrays = [array for cache in capture(model) for array in cache.sites.values()]
    assert len(arrays) == len(SITES) + 2
    assert {str(array.dtype) for array in arrays} == {precision}
    assert {str(buffer.dtype) for buffer in model.network.buffers()} == {f"torch.{precision}"}
    length = 7
    size = model.bytes_for(frozenset({Site("resid_mid", 0)}), length)
    assert size == length * model.config.hidden_size * DTYPES[model.precision].itemsize


def test_float64_computes_in_float64(tiny_model_dir: Path) -> None:
    """Norm, RoPE's angles and softmax agree with float64 arithmetic to its last digits."""
    model = LoadedModel.load(tiny_model_dir, "tiny")
    run, _, rows = capture(model)
    norm = model.network.model.norm
    residual = torch.from_numpy(capture_residual(model))
    scale = torch.rsqrt(residual.pow(2).mean(-1, keepdim=True) + norm.variance_epsilon)
    expected = (norm.weight * (residual * scale)).numpy()
    assert np.abs(run[Site("ln_final")] - expected).max() < 1e-13

    speeds = 100000.0 ** (-np.arange(0, 8, 2, dtype=np.float64) / 8)
    assert np.abs(model.network.model.rotary_emb.inv_freq.numpy() - speeds).max() < 1e-16

    scores = run[Site("scores", LAST)]
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares /= shares.sum(axis=-1, keepdims=True)
    assert np.abs(run[Site("pattern", LAST)] - shares).max() < 1e-15

    log_probs = run[LOGITS] - np.log(np.exp(run[LOGITS]).sum(axis=-1, keepdims=True))
    ids = [token.id for token in run.tokens]
    losses = -log_probs[np.arange(len(ids) - 1), ids[1:]]
    assert np.abs(run[LOSS][1:] - losses).max() < 1e-13
    assert (run[NEXT_LOGITS] - run[LOGITS][-1]).max() < 1e-13
    assert (rows[EMBED] == run[EMBED]).all()


def capture_residual(model: LoadedModel) -> np.ndarray:
    """Return the residual stream after the last layer."""
    site = Site("resid_post", LAST)
    return run_requests(model, Forward(PROMPT, frozenset({site})))[0][site].copy()


def test_float32_is_close_to_float64(tiny_model_dir: Path) -> None:
    """They agree within the rounding errors of float32 in a model of this size."""
    exact, rough = (
        capture(LoadedModel.load(tiny_model_dir, "tiny", precision))
        for precision in ("float64", "float32")
    )
    for site in SITES:
        assert np.allclose(exact[0][site], rough[0][site], rtol=0, atol=1e-4, equal_nan=True), site


SCRIPT = """
import sys
import numpy as np, torch
from pathlib import Path
torch.set_num_threads(int(sys.argv[2]))
from fixtures.execution import run_requests
from layerbook.core.requests import LOGITS, Forward, Generate, Prompt, Site
from layerbook.model.loaded_model import LoadedModel
model = LoadedModel.load(Path(sys.argv[1]), "model")
prompts = [Prompt(text=t) for t in ("2 + 2 =", "noise noise")]
last = model.config.num_hidden_layers - 1
keep = frozenset({LOGITS, Site("pattern", last), Site("resid_post", last)})
forwards = [Forward(prompt, keep) for prompt in prompts]
runs = run_requests(model, *forwards, Generate(prompts[0], 3, stop=False, keep_logits=True))
arrays = {f"{i} {site}": run[site] for i, run in enumerate(runs) for site in run.sites}
ids = [token.id for token in runs[-1].tokens]
np.savez(sys.argv[3], ids=ids, **arrays)
"""


def run_on(directory: Path, threads: int, capability: str, out: Path) -> dict[str, np.ndarray]:
    """Compute some activations in a process with these threads and instructions."""
    environment = os.environ | {"ATEN_CPU_CAPABILITY": capability}
    environment["PYTHONPATH"] = str(Path(__file__).parents[1])
    command = [sys.executable, "-c", SCRIPT, str(directory), str(threads), str(out)]
    subprocess.run(command, check=True, env=environment)
    return dict(np.load(out))


def assert_equal_to_the_last_digits(
    first: Mapping[object, np.ndarray], second: Mapping[object, np.ndarray]
) -> None:
    """Compare arrays relative to the scale of each."""
    assert first.keys() == second.keys()
    for name, array in first.items():
        scale = np.abs(array[np.isfinite(array)]).max()
        assert np.allclose(array, second[name], rtol=0, atol=1e-12 * scale, equal_nan=True), name


def test_threads_change_the_last_digits_only(tiny_model_dir: Path) -> None:
    model = LoadedModel.load(tiny_model_dir, "tiny")
    runs = []
    for threads in (1, 2):
        with torch_threads(threads):
            run, generated, _ = capture(model)
        runs.append({**run.sites, "generated": generated[LOGITS]})
    assert_equal_to_the_last_digits(*runs)


@pytest.mark.model
def test_other_instructions_change_the_last_digits_only(
    real_model_dir: Path, tmp_path: Path
) -> None:
    """Without vector instructions and with two threads, the real model gives the same numbers."""
    plain_run, other_run = (
        run_on(real_model_dir, threads, capability, tmp_path / f"{threads}.npz")
        for threads, capability in ((1, "avx2"), (2, "default"))
    )
    assert (plain_run.pop("ids") == other_run.pop("ids")).all()
    assert_equal_to_the_last_digits(plain_run, other_run)
