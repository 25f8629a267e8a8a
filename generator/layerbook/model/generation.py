"""Generate token by token: several prompts together with the KV cache, or by re-encoding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from inspect import signature
from itertools import takewhile
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.cache_utils import DynamicCache

from layerbook.core.distributions import softmax
from layerbook.core.requests import Generate, Prompt
from layerbook.core.sampling import sample_token, sampling_distribution
from layerbook.model.plan import TokenIds
from layerbook.model.tokenizer import ModelTokenizer


@dataclass(frozen=True)
class GenerationOutput:
    """All ids of a generation; `frames`: the ids that each re-encoded step saw.

    logits: [N, V], what the N new tokens were picked from, if kept.
    losses: [N], -ln p of each new token, if kept.
    """

    ids: TokenIds
    prompt_length: int
    stopped: bool
    frames: tuple[TokenIds, ...] = ()
    logits: NDArray[np.floating] | None = None
    losses: NDArray[np.floating] | None = None


@dataclass
class _Sequence:
    """A text being generated: its ids so far, its own random numbers, and what it keeps."""

    request: Generate
    ids: list[int]
    prompt_length: int
    rng: np.random.Generator
    logits: list[NDArray[np.floating]] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)
    stopped: bool = False

    def append_token(self, logits: NDArray[np.floating], stop_ids: frozenset[int]) -> None:
        """Pick the next token from logits [V]."""
        self.ids.append(_pick_token(logits, self.request, self.rng))
        if self.request.keep_logits:
            self.logits.append(logits.copy())
        if self.request.keep_losses:
            self.losses.append(-float(np.log(softmax(logits)[self.ids[-1]])))
        self.stopped = self.request.stop and self.ids[-1] in stop_ids

    @property
    def finished(self) -> bool:
        """True if it has stopped or has reached its maximal length."""
        return self.stopped or len(self.ids) == self.prompt_length + self.request.max_new_tokens

    def to_output(self) -> GenerationOutput:
        return GenerationOutput(
            tuple(self.ids),
            self.prompt_length,
            self.stopped,
            logits=np.stack(self.logits) if self.logits else None,
            losses=np.array(self.losses) if self.losses else None,
        )


def generate_batch(
    network: PreTrainedModel,
    prompts: Sequence[TokenIds],
    requests: Sequence[Generate],
    stop_ids: frozenset[int],
) -> list[GenerationOutput]:
    """Continue several prompts together, each as its request says.

    Each step reads all weights once, however many rows there are. Texts that are equal so far share
    a row, which is split where they diverge. Shorter prompts are padded on the left. A row leaves
    the batch when its texts are finished.
    """
    width = max(map(len, prompts))
    distinct = list(dict.fromkeys(prompts))
    new_ids = torch.tensor([[0] * (width - len(ids)) + list(ids) for ids in distinct])  # [rows, T]
    mask = torch.tensor([[0] * (width - len(ids)) + [1] * len(ids) for ids in distinct])
    positions = (mask.cumsum(-1) - 1).clamp(min=0)
    cache = DynamicCache()
    sequences = [
        _Sequence(request, list(ids), len(ids), np.random.default_rng(request.seed))
        for ids, request in zip(prompts, requests, strict=True)
    ]
    rows = [[s for s in sequences if tuple(s.ids) == ids] for ids in distinct]
    while True:
        logits = _forward_step(network, new_ids, cache, attention_mask=mask, position_ids=positions)
        for texts, row_logits in zip(rows, logits, strict=True):
            for text in texts:
                text.append_token(row_logits, stop_ids)
        parents, rows = _split_rows(rows)
        if not rows:
            return [sequence.to_output() for sequence in sequences]
        if parents != list(range(len(logits))):
            cache.batch_select_indices(torch.tensor(parents))
            mask, positions = mask[parents], positions[parents]
        new_ids = torch.tensor([[texts[0].ids[-1]] for texts in rows])
        mask = torch.cat([mask, torch.ones_like(new_ids)], dim=1)
        positions = positions[:, -1:] + 1


def _split_rows(rows: Sequence[list[_Sequence]]) -> tuple[list[int], list[list[_Sequence]]]:
    """Group the unfinished texts by row and last token; return each group's old row too."""
    groups: dict[tuple[int, int], list[_Sequence]] = {}
    for i, texts in enumerate(rows):
        for text in texts:
            if not text.finished:
                groups.setdefault((i, text.ids[-1]), []).append(text)
    return [i for i, _ in groups], list(groups.values())


def reencode(
    network: PreTrainedModel, tokenizer: ModelTokenizer, prompt: TokenIds, request: Generate
) -> GenerationOutput:
    """Generate greedily: append the decoded token, then encode the whole text again.

    Where the new ids begin like the previous ones, their keys and values are still in the cache.
    """
    source = request.prompt if request.prompt.generated is None else Prompt(ids=prompt)
    text, ids = tokenizer.encode(source).text, prompt
    cached_ids: TokenIds = ()
    frames: list[TokenIds] = []
    kept_logits: list[NDArray[np.floating]] = []
    cache = DynamicCache()
    for _ in range(request.max_new_tokens):
        frames.append(ids)
        reused = min(_common_prefix_length(cached_ids, ids), len(ids) - 1)
        if reused < len(cached_ids):
            cache.crop(reused - len(cached_ids))  # negative: the number of positions to drop
        logits = _forward_step(network, torch.tensor([ids[reused:]]), cache)
        if request.keep_logits:
            kept_logits.append(logits[0].copy())
        text += tokenizer.token(int(logits[0].argmax())).text
        cached_ids, ids = ids, tokenizer.encode_text(text, source)
    stacked = np.stack(kept_logits) if kept_logits else None
    return GenerationOutput(ids, len(prompt), stopped=False, frames=tuple(frames), logits=stacked)


def _forward_step(
    network: PreTrainedModel, new_ids: Tensor, cache: DynamicCache, **arguments: Any
) -> NDArray[np.floating]:
    """Return the logits [rows, V] after the new tokens [rows, n], which join the cache."""
    arguments |= cache_argument(network, cache)
    output = network(input_ids=new_ids, use_cache=True, logits_to_keep=1, **arguments)
    logits: NDArray[np.floating] = output.logits[:, -1].numpy()
    return logits


def cache_argument(network: nn.Module, cache: DynamicCache) -> dict[str, DynamicCache]:
    """Return the KV cache by the name that the network has for it."""
    # transformers 5.24 renamed the argument.
    renamed = "cache" in signature(network.forward).parameters
    return {"cache" if renamed else "past_key_values": cache}


def _pick_token(logits: NDArray[np.floating], request: Generate, rng: np.random.Generator) -> int:
    if request.temperature == 0:
        return int(logits.argmax())
    return sample_token(
        sampling_distribution(logits, request.temperature, request.top_k, request.top_p), rng
    )


def _common_prefix_length(first: TokenIds, second: TokenIds) -> int:
    pairs = zip(first, second, strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
