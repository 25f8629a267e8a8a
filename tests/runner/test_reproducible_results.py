"""Results are the same bytes under other instruction sets and numbers of threads."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree, start_layerbook

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
OTHER_MACHINES = [
    {"OMP_NUM_THREADS": "2", "ATEN_CPU_CAPABILITY": "avx2", "MKL_ENABLE_INSTRUCTIONS": "AVX2"},
    {
        "OMP_NUM_THREADS": "3",
        "ATEN_CPU_CAPABILITY": "default",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
        "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3",
    },
]


def test_same_bytes_on_every_machine(tmp_path: Path) -> None:
    """The spec covers attention, vectors, distributions and a text on the real model."""
    spec = tmp_path / "reproduced.yaml"
    spec.write_text(SPEC)
    layerbook("run", spec, "--out", "here", "--quiet", cwd=tmp_path, check=True)
    expected = read_tree(tmp_path / "here")
    assert len(expected) == 6
    for number, settings in enumerate(OTHER_MACHINES):
        command = ("run", spec, "--out", str(number), "--quiet")
        with start_layerbook(*command, cwd=tmp_path, **settings) as process:
            _, errors = process.communicate()
        assert process.returncode == 0, errors
        assert read_tree(tmp_path / str(number)) == expected
