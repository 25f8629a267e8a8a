"""Both precisions are used throughout, and float64 gives nearly equal numbers with more threads.

tests/runner/test_reproducible_results.py compares results under other instruction sets.
"""

from __future__ import annotations

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


def test_threads_change_the_last_digits_only(tiny_model_dir: Path) -> None:
    """The arrays differ by at most 1e-12 of their largest number."""
    model = LoadedModel.load(tiny_model_dir, "tiny")
    runs = []
    for threads in (1, 2):
        with torch_threads(threads):
            run, generated, _ = capture(model)
        runs.append({**run.sites, "generated": generated[LOGITS]})
    assert runs[0].keys() == runs[1].keys()
    for name, array in runs[0].items():
        scale = np.abs(array[np.isfinite(array)]).max()
        assert np.allclose(array, runs[1][name], rtol=0, atol=1e-12 * scale, equal_nan=True), name
