"""Results are the same bytes under other instruction sets and numbers of threads."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.long, pytest.mark.model]
SPEC = """
chapter: reproduced
title: Reproduced
experiments:
  - id: next
    analysis: next-token
    prompts: [" 2 + 2 = ", "The capital of France is", {chat: Who are you?}]
    top_k: 50
  - id: pattern
    analysis: attention-pattern
    prompts: [" 2 + 2 noise noise noise = "]
    layers: [0, 15, -1]
    heads: all
  - id: gram
    analysis: attention-gram
    prompts: ["The cat sat on the mat because the cat was tired."]
    layers: [0, 15, -1]
  - id: rope
    analysis: rope
    prompt: The river bank was steep.
    layer: 3
    head: 2
  - id: map
    analysis: embedding-pca
    prompts: [The cat sat on the mat., A dog ran in the park., Rain falls on the hills.]
  - id: continuation
    analysis: generate
    prompts: [Once upon a time]
    max_new_tokens: 12
    temperature: 0.8
    seed: 5
"""
SETTINGS = [
    {"OMP_NUM_THREADS": "2"},
    {"OMP_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    {
        "OMP_NUM_THREADS": "2",
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3",
    },
]


def run_spec(spec: Path, out: Path, settings: dict[str, str]) -> dict[str, bytes]:
    """Run a spec in a child process; return the bytes of its results by file name."""
    process = subprocess.run(
        [sys.executable, "-m", "layerbook", "run", str(spec), "--out", str(out), "--quiet"],
        env=os.environ | settings,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def test_same_bytes_on_every_machine(tmp_path: Path) -> None:
    """The spec covers attention, vectors, distributions and a text on the real model."""
    spec = tmp_path / "reproduced.yaml"
    spec.write_text(SPEC)
    expected, *other_runs = (
        run_spec(spec, tmp_path / str(number), settings) for number, settings in enumerate(SETTINGS)
    )
    assert len(expected) == 6
    for files in other_runs:
        different = [name for name in expected if files[name] != expected[name]]
        assert not different
