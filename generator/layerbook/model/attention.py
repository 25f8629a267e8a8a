"""Attention for all families; its scores and its pattern pass through modules, for hooks."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

ATTENTION = "layerbook"
"""The name under which transformers knows this implementation."""


def attend(
    module: Any,  # an attention with the modules that `add_score_modules` gives it
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    scaling: float,
    softcap: float | None = None,
    **_: Any,
) -> tuple[Tensor, Tensor]:
    """Return each head's mix of values [batch, T, H, d] and the pattern [batch, H, T, keys].

    query: [batch, H, T, d], key and value: [batch, K, keys, d], after RoPE.
    attention_mask: True where a query may see a key.
    """
    batch, heads, length, d_head = query.shape
    kv_heads, keys = key.shape[1:3]
    # Queries that share keys are rows of one matrix, so that the keys need no copies.
    by_kv_head = (batch, kv_heads, heads // kv_heads * length)
    scores = query.reshape(*by_kv_head, d_head) @ key.transpose(-1, -2) * scaling
    scores = scores.view(batch, heads, length, keys)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    # A row of padding sees nothing, and its softmax would be NaN. So it may see everything.
    sees_something = attention_mask.any(dim=-1, keepdim=True)
    scores = scores.masked_fill(~attention_mask & sees_something, -torch.inf)
    pattern = module.pattern(module.scores(scores).softmax(dim=-1))
    mix = pattern.reshape(*by_kv_head, keys) @ value
    return mix.view(batch, heads, length, -1).transpose(1, 2).contiguous(), pattern


def visible_keys(*args: Any, **kwargs: Any) -> Tensor:
    """Return the mask [batch, 1, T, keys] of the keys that each query may see."""
    skipped = {"allow_is_causal_skip": False, "allow_is_bidirectional_skip": False}
    return sdpa_mask(*args, **(kwargs | skipped))


def add_score_modules(attention: nn.Module) -> None:
    """Add to an attention module the modules that its scores and pattern pass through."""
    attention.scores = nn.Identity()
    attention.pattern = nn.Identity()


AttentionInterface.register(ATTENTION, attend)
AttentionMaskInterface.register(ATTENTION, visible_keys)
