"""Continuations token by token: several prompts side by side with the KV cache, and the lecture's way, encoded anew."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
import torch
from torch import Tensor
from transformers.cache_utils import DynamicCache
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from generator.capture import Generate
from generator.model.tokenizer import ModelTokenizer
from generator.plan import Ids
from generator.sampling import draw, sampling_distribution

# transformers 5.24 renamed the argument.
CACHE_ARGUMENT = "cache" if "cache" in signature(LlamaForCausalLM.forward).parameters else "past_key_values"


@dataclass(frozen=True)
class Generated:
    """All ids of a generation, whether it stopped by itself, and what each re-encoded step saw."""

    ids: Ids
    prompt_length: int
    stopped: bool
    frames: tuple[Ids, ...] = ()


def continue_all(
    network: LlamaForCausalLM, prompts: Sequence[Ids], requests: Sequence[Generate], ends: frozenset[int]
) -> list[Generated]:
    """Continue several prompts at once, each as its request says; every step reads one new token a row.

    A step costs the reading of all weights, however many rows share it. Shorter prompts are padded on the left, the
    padding masked and not counted as positions. Each row draws from its own seed.
    """
    width = max(map(len, prompts))
    fresh = torch.tensor([[0] * (width - len(ids)) + list(ids) for ids in prompts])  # [rows, width]
    mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts])
    places = (mask.cumsum(-1) - 1).clamp(min=0)
    cache, texts = DynamicCache(config=network.config), [list(ids) for ids in prompts]
    streams = [np.random.default_rng(request.seed) for request in requests]
    open_rows, stopped = set(range(len(prompts))), [False] * len(prompts)
    with torch.inference_mode():
        while open_rows:
            logits = _step(network, fresh, cache, attention_mask=mask, position_ids=places)
            for row in sorted(open_rows):
                texts[row].append(_choose(logits[row], requests[row], streams[row]))
                stopped[row] = requests[row].stop and texts[row][-1] in ends
                if stopped[row] or len(texts[row]) - len(prompts[row]) == requests[row].max_new_tokens:
                    open_rows.remove(row)
            fresh = torch.tensor([[text[-1]] for text in texts])
            mask = torch.cat([mask, torch.ones_like(fresh)], dim=1)
            places = places[:, -1:] + 1
    done = zip(texts, prompts, stopped, strict=True)
    return [Generated(tuple(text), len(prompt), end) for text, prompt, end in done]


def _step(network: LlamaForCausalLM, fresh: Tensor, cache: DynamicCache, **more: Any) -> Tensor:
    """The logits [rows, V] after the new tokens [rows, n]; their keys and values join the cache."""
    output = network(input_ids=fresh, use_cache=True, logits_to_keep=1, **{CACHE_ARGUMENT: cache}, **more)
    logits: Tensor = output.logits[:, -1]
    return logits


def _choose(logits: Tensor, request: Generate, rng: np.random.Generator) -> int:
    scores = logits.numpy()
    if request.temperature == 0:
        return int(scores.argmax())
    return draw(sampling_distribution(scores, request.temperature, request.top_k, request.top_p), rng)


def _shared(one: Ids, other: Ids) -> int:
    """How many ids at the start are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(one), len(other)))


def reencode(network: LlamaForCausalLM, tokenizer: ModelTokenizer, prompt: Ids, request: Generate) -> Generated:
    """The lecture's animation, greedy: append the decoded token to the text and encode all of it again.

    Where the ids begin as those of the step before, their keys and values are still in the cache.
    """
    text, ids = tokenizer.decode(prompt), prompt
    known: Ids = ()
    frames: list[Ids] = []
    cache = DynamicCache(config=network.config)
    with torch.inference_mode():
        for _ in range(request.max_new_tokens):
            frames.append(ids)
            kept = min(_shared(known, ids), len(ids) - 1)
            if kept < len(known):
                cache.crop(kept - len(known))  # negative: so many fewer
            logits = _step(network, torch.tensor([ids[kept:]]), cache)
            text += tokenizer.decode([int(logits[0].argmax())])
            known, ids = ids, tuple(tokenizer.backend.encode(text).ids)
    return Generated(ids, len(prompt), stopped=False, frames=tuple(frames))
