"""Run patched passes only from where they first differ from the passes without patches.

In a causal decoder, a patch changes nothing in the layers below it or at the positions before it.
Passes that differ only in their patches share that work.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from transformers.cache_utils import DynamicCache

from layerbook.core.requests import SITE_SHAPES, Site
from layerbook.model.generation import cache_argument
from layerbook.model.hooks import ActivationHooks, Edit
from layerbook.model.network import NetworkParts
from layerbook.model.plan import Pass, Start


def common_start(batch: Sequence[Pass]) -> Start:
    """Return where the passes of a batch first differ from their plain passes.

    It is the very beginning unless at least two passes share a plain pass on average.
    """
    if 2 * len({item.ids for item in batch}) > len(batch):
        return Start()
    return Start(
        min(item.start.layer for item in batch), min(item.start.position for item in batch)
    )


def run_from(parts: NetworkParts, ids: Tensor, start: Start, edits: Sequence[Edit]) -> Tensor:
    """Return the final norm's output [batch, T, D] of edited passes over ids [batch, T].

    Equal rows of ids share one pass without edits: its residual stream that enters the first
    edited layer, and its keys and values before the first edited position.
    """
    layer, position = start
    distinct, rows = torch.unique(ids, dim=0, return_inverse=True)
    entering = Site("resid_pre", layer)
    plain = ActivationHooks(parts, frozenset({entering}), ())
    cache = DynamicCache()
    with plain.registered():
        final = _final(parts, distinct, cache)
    residual = plain.activations[entering][rows, position:]
    if position:
        cache.crop(position - ids.shape[1])  # negative: the number of positions to drop
        cache.batch_select_indices(rows)
    else:
        cache = DynamicCache()
    edited = ActivationHooks(parts, frozenset(), [_shifted(edit, position) for edit in edits])
    with _skipped(parts.layers[:layer], residual), edited.registered():
        rest = _final(parts, ids[:, position:], cache)
    return torch.cat([final[rows, :position], rest], dim=1)


def _final(parts: NetworkParts, ids: Tensor, cache: DynamicCache) -> Tensor:
    decoder: Any = parts.model.base_model
    output = decoder(input_ids=ids, use_cache=True, **cache_argument(decoder, cache))
    return output.last_hidden_state


def _shifted(edit: Edit, start: int) -> Edit:
    """Return the edit of a pass that begins at a later position."""
    axis = SITE_SHAPES[edit.site.name].split().index("T")
    value = edit.value
    if value is not None:
        start_in_value = min(start, value.shape[axis])
        value = value.narrow(axis, start_in_value, value.shape[axis] - start_in_value)
    return replace(edit, positions=tuple(p - start for p in edit.positions), value=value)


@contextmanager
def _skipped(layers: Sequence[nn.Module], residual: Tensor) -> Iterator[None]:
    """Make these layers return the residual stream after the last of them within the block."""

    def return_residual(*args: object, **options: object) -> Tensor:
        return residual

    for layer in layers:
        layer.forward = return_residual
    try:
        yield
    finally:
        for layer in layers:
            del layer.forward
