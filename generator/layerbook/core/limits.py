"""The sizes and features of a model, which specs are checked against before it is loaded."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationInfo

from layerbook.core.requests import Prompt

Feature = Literal["rope", "gated mlp", "silu", "plain scores", "plain outputs"]
"""A property that some models lack and some analyses need."""

FEATURE_DESCRIPTIONS: Mapping[Feature, str] = {
    "rope": "queries and keys that are turned by their positions (RoPE)",
    "gated mlp": "an MLP with a gate",
    "silu": "an MLP with SiLU as its activation function",
    "plain scores": "attention scores that are q·k / √d_head and nothing else",
    "plain outputs": "heads whose outputs are added as they are, and logits after an RMSNorm",
}


@dataclass(frozen=True)
class Limits:
    """The model's sizes and the features that it lacks.

    count_tokens: counts the tokens of a prompt; None if the tokenizer is not available.
    render_chat: lays out a chat prompt; None if chats are not checked. Both raise ModelError.
    family: the name of the model's family.
    missing: the features that it lacks.
    layers_without_rope: the layers that do not turn queries and keys, in a model with RoPE.
    chat_template: whether chats can be laid out.
    d_mlp: the number of neurons of a layer; 0 if it is not known.
    """

    layers: int
    heads: int
    d_vocab: int
    context: int
    count_tokens: Callable[[Prompt], int] | None = None
    render_chat: Callable[[Prompt], str] | None = None
    family: str = "Llama"
    missing: frozenset[Feature] = frozenset()
    layers_without_rope: frozenset[int] = frozenset()
    chat_template: bool = True
    d_mlp: int = 0


def validation_limits(info: ValidationInfo) -> Limits | None:
    """Return the limits in pydantic's validation context, if it has any."""
    return info.context.get("limits") if info.context else None
