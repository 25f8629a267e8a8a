"""Queries and keys that can be turned to any positions, as RoPE turns them.

Shapes:  q, k [H, T, d] -> scores [H, T, T]
Units:   scores q·k / sqrt(d), before the softmax
Source:  Su et al. 2021 (arXiv:2104.09864), equations 14, 15 and 34
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from layerbook.core.requests import ActivationCache, ModelFacts, RotaryEmbedding, Site
from layerbook.core.vectors import apply_rope


@dataclass(frozen=True)
class QueriesAndKeys:
    """Queries and keys [H, T, d] before RoPE, which can be rotated to any positions."""

    q: NDArray[np.floating]
    k: NDArray[np.floating]
    rope: RotaryEmbedding

    def rotated(
        self, q_pos: NDArray[np.integer], k_pos: NDArray[np.integer]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Turn the queries and keys to these positions [T]: [H, T, d] each."""
        q = apply_rope(self.q, q_pos, self.rope.speeds, self.rope.scale)
        k = apply_rope(self.k, k_pos, self.rope.speeds, self.rope.scale)
        return q, k

    def scores(self, q_pos: NDArray[np.integer], k_pos: NDArray[np.integer]) -> NDArray[np.float64]:
        """Return q·k / sqrt(d) [H, T, T], queries by keys, at these positions [T]."""
        q, k = self.rotated(q_pos, k_pos)
        return q @ k.swapaxes(1, 2) / q.shape[-1] ** 0.5

    def with_fastest(self, count: int) -> QueriesAndKeys:
        """Return the same queries and keys, of which only the `count` fastest pairs turn."""
        speeds = np.array(self.rope.speeds)  # [pairs], the fastest first
        speeds[count:] = 0
        return replace(self, rope=replace(self.rope, speeds=tuple(speeds.tolist())))


def read_queries_and_keys(run: ActivationCache, facts: ModelFacts, layer: int) -> QueriesAndKeys:
    """Return the queries and keys of a layer; a key is repeated for all queries that share it."""
    rope = facts.rope[layer]
    if rope is None:
        raise ValueError(f"layer {layer} does not turn queries and keys")
    keys = run[Site("k", layer)].repeat(facts.heads // facts.kv_heads, axis=0)  # [H, T, d]
    return QueriesAndKeys(run[Site("q", layer)], keys, rope)
