"""Continuations token by token: several prompts side by side with the KV cache, and the lecture's way, encoded anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from inspect import signature
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers.cache_utils import DynamicCache
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from layerbook.core.requests import Generate
from layerbook.core.sampling import sample_token, sampling_distribution
from layerbook.model.plan import TokenIds
from layerbook.model.small_matmul import fast_small_matmul
from layerbook.model.tokenizer import ModelTokenizer

# transformers 5.24 renamed the argument.
CACHE_ARGUMENT = (
    "cache" if "cache" in signature(LlamaForCausalLM.forward).parameters else "past_key_values"
)


@dataclass(frozen=True)
class GenerationOutput:
    """All ids of a generation, whether it stopped by itself, what each re-encoded step saw, and the logits if kept."""

    ids: TokenIds
    prompt_length: int
    stopped: bool
    frames: tuple[TokenIds, ...] = ()
    logits: NDArray[np.float32] | None = None


@dataclass
class _Sequence:
    """A text under way: its ids so far, its own random numbers, the logits it keeps."""

    request: Generate
    ids: list[int]
    prompt_length: int
    rng: np.random.Generator
    logits: list[NDArray[np.float32]] = field(default_factory=list)
    stopped: bool = False

    def append_token(self, logits: NDArray[np.float32], stop_ids: frozenset[int]) -> None:
        """Pick the next token from logits [V]."""
        self.ids.append(_pick_token(logits, self.request, self.rng))
        if self.request.keep_logits:
            self.logits.append(logits.copy())
        self.stopped = self.request.stop and self.ids[-1] in stop_ids

    @property
    def finished(self) -> bool:
        """Whether it ended its turn or is as long as it may be."""
        return self.stopped or len(self.ids) == self.prompt_length + self.request.max_new_tokens

    def to_output(self) -> GenerationOutput:
        """What came of it."""
        logits = np.stack(self.logits) if self.logits else None
        return GenerationOutput(tuple(self.ids), self.prompt_length, self.stopped, logits=logits)


def generate_batch(
    network: LlamaForCausalLM,
    prompts: Sequence[TokenIds],
    requests: Sequence[Generate],
    stop_ids: frozenset[int],
) -> list[GenerationOutput]:
    """Continue several prompts at once, each as its request says; every step reads one new token a row.

    A step costs the reading of all weights, however many rows share it. Shorter prompts are padded on the left, the
    padding masked and not counted as positions. A row that is done leaves the batch.
    """
    width = max(map(len, prompts))
    fresh = torch.tensor([[0] * (width - len(ids)) + list(ids) for ids in prompts])  # [rows, width]
    mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts])
    places = (mask.cumsum(-1) - 1).clamp(min=0)
    cache = DynamicCache(config=network.config)
    texts = [
        _Sequence(request, list(ids), len(ids), np.random.default_rng(request.seed))
        for ids, request in zip(prompts, requests, strict=True)
    ]
    rows = texts
    with torch.inference_mode(), fast_small_matmul(network):
        while True:
            logits = _forward_step(network, fresh, cache, attention_mask=mask, position_ids=places)
            for text, scores in zip(rows, logits, strict=True):
                text.append_token(scores, stop_ids)
            left = [i for i, text in enumerate(rows) if not text.finished]
            if not left:
                return [text.to_output() for text in texts]
            if len(left) < len(rows):
                cache.batch_select_indices(torch.tensor(left))
                mask, places, rows = mask[left], places[left], [rows[i] for i in left]
            fresh = torch.tensor([[text.ids[-1]] for text in rows])
            mask = torch.cat([mask, torch.ones_like(fresh)], dim=1)
            places = places[:, -1:] + 1


def _forward_step(
    network: LlamaForCausalLM, fresh: Tensor, cache: DynamicCache, **more: Any
) -> NDArray[np.float32]:
    """The logits [rows, V] after the new tokens [rows, n]; their keys and values join the cache."""
    output = network(
        input_ids=fresh, use_cache=True, logits_to_keep=1, **{CACHE_ARGUMENT: cache}, **more
    )
    logits: NDArray[np.float32] = output.logits[:, -1].numpy()
    return logits


def _pick_token(logits: NDArray[np.float32], request: Generate, rng: np.random.Generator) -> int:
    if request.temperature == 0:
        return int(logits.argmax())
    return sample_token(
        sampling_distribution(logits, request.temperature, request.top_k, request.top_p), rng
    )


def _common_prefix_length(one: TokenIds, other: TokenIds) -> int:
    """How many ids at the start are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def reencode(
    network: LlamaForCausalLM, tokenizer: ModelTokenizer, prompt: TokenIds, request: Generate
) -> GenerationOutput:
    """The lecture's animation, greedy: append the decoded token to the text and encode all of it again.

    Where the ids begin as those of the step before, their keys and values are still in the cache.
    """
    text, ids = tokenizer.decode(prompt), prompt
    known: TokenIds = ()
    frames: list[TokenIds] = []
    kept_logits: list[NDArray[np.float32]] = []
    cache = DynamicCache(config=network.config)
    with torch.inference_mode(), fast_small_matmul(network):
        for _ in range(request.max_new_tokens):
            frames.append(ids)
            kept = min(_common_prefix_length(known, ids), len(ids) - 1)
            if kept < len(known):
                cache.crop(kept - len(known))  # negative: so many fewer
            logits = _forward_step(network, torch.tensor([ids[kept:]]), cache)
            kept_logits += [logits[0].copy()] if request.keep_logits else []
            text += tokenizer.decode([int(logits[0].argmax())])
            known, ids = ids, tuple(tokenizer.backend.encode(text).ids)
    logits_of_steps = np.stack(kept_logits) if kept_logits else None
    return GenerationOutput(
        ids, len(prompt), stopped=False, frames=tuple(frames), logits=logits_of_steps
    )
