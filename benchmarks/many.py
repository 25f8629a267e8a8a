"""Many short prompts, and the sweep over them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

SPEC = """\
chapter: many
title: Many prompts
experiments:
  - id: sums
    title: Sums
    analysis: next-token
    top_k: 20
    sweep:
      prompts: {file: data/prompts.txt}
    measures:
      best: result.prompts[0].top[0].prob
"""


def prompts(first: int, count: int) -> list[str]:
    """Return distinct sums of a few tokens each; none is a prefix of another."""
    return [f" {i // 10 + 10} + {i % 10} = " for i in range(first, first + count)]


def write_spec(folder: Path, texts: Sequence[str]) -> Path:
    """Write a sweep over these prompts and return its spec."""
    (folder / "data").mkdir(parents=True, exist_ok=True)
    (folder / "data" / "prompts.txt").write_text("\n".join(texts) + "\n", encoding="utf-8")
    (folder / "many.yaml").write_text(SPEC, encoding="utf-8")
    return folder / "many.yaml"
