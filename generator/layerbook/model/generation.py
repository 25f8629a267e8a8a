"""Generate token by token: several prompts together with the KV cache, or by re-encoding."""

from __future__ import annotations

from collections.abc import Sequence
from inspect import signature
from itertools import takewhile

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from transformers.cache_utils import DynamicCache

from layerbook.core.distributions import sample_token, sampling_distribution, softmax
from layerbook.core.requests import Generate, Prompt
from layerbook.model.network import NetworkParts
from layerbook.model.plan import TokenIds
from layerbook.model.tokenizer import ModelTokenizer


class Generation:
    """A text that is being generated or is finished: its ids, and what its request keeps.

    frames: the ids that each step of a re-encoded text saw.
    logits: [V] for each new token, what it was picked from.
    losses: -ln p of each new token.
    """

    def __init__(self, request: Generate, ids: TokenIds) -> None:
        self.request, self.ids = request, ids
        self.prompt_length = len(ids)
        self.stopped = False
        self.frames: list[TokenIds] = []
        self.logits: list[NDArray[np.floating]] = []
        self.losses: list[float] = []
        self._new_tokens = 0
        self._rng = np.random.default_rng(request.seed)

    def append_token(self, logits: NDArray[np.floating], stop_ids: frozenset[int]) -> None:
        """Pick the next token from logits [V]."""
        token = _pick_token(logits, self.request, self._rng)
        if self.request.keep_logits:
            self.logits.append(logits.copy())
        if self.request.keep_losses:
            self.losses.append(-float(np.log(softmax(logits)[token])))
        self.stopped = self.request.stop and token in stop_ids
        self._new_tokens += 1
        self._extend(token)

    def _extend(self, token: int) -> None:
        self.ids = (*self.ids, token)

    @property
    def finished(self) -> bool:
        """True if it has stopped or has reached its maximal length."""
        return self.stopped or self._new_tokens == self.request.max_new_tokens


class _ReencodedGeneration(Generation):
    """A text that is encoded again after each new token, so that earlier ids may change."""

    def __init__(self, request: Generate, ids: TokenIds, tokenizer: ModelTokenizer) -> None:
        super().__init__(request, ids)
        self._tokenizer = tokenizer
        self._source = request.prompt if request.prompt.generated is None else Prompt(ids=ids)
        self._text = tokenizer.encode(self._source).text

    def _extend(self, token: int) -> None:
        self.frames.append(self.ids)
        self._text += self._tokenizer.token(token).text
        self.ids = self._tokenizer.encode_text(self._text, self._source)


def generate_batch(
    parts: NetworkParts,
    tokenizer: ModelTokenizer,
    prompts: Sequence[TokenIds],
    requests: Sequence[Generate],
    stop_ids: frozenset[int],
) -> list[Generation]:
    """Continue several prompts together, each as its request says.

    Each step reads all weights once, however many rows there are. Texts that are equal so far share
    a row, which is split where they diverge. A row leaves the batch when its texts are finished.
    """
    generations = [
        _ReencodedGeneration(request, ids, tokenizer)
        if request.reencode
        else Generation(request, ids)
        for ids, request in zip(prompts, requests, strict=True)
    ]
    cache = _RowCache(parts)
    rows = [generations]
    while True:
        parents, rows = _split_rows(rows)
        if not rows:
            return generations
        cache.select(parents)
        logits = cache.next_logits([texts[0].ids for texts in rows])
        for texts, row_logits in zip(rows, logits, strict=True):
            for text in texts:
                text.append_token(row_logits, stop_ids)


class _RowCache:
    """The keys and values of each row of a batch, and the ids that they were computed from.

    Where the ids of a text begin like those of the previous step, their keys and values are still
    in the cache; the mask hides the others. Rows with fewer new ids are padded on the left.
    """

    def __init__(self, parts: NetworkParts) -> None:
        self._network = parts.model
        self._has_windows = any(parts.windows())
        self._cache = DynamicCache()
        self._ids: list[TokenIds] = [()]
        self._mask = torch.zeros(1, 0, dtype=torch.long)

    def select(self, rows: list[int]) -> None:
        """Keep these rows in this order; a row may be repeated."""
        if rows != list(range(len(self._ids))):
            self._cache.batch_select_indices(torch.tensor(rows))
        self._ids, self._mask = [self._ids[row] for row in rows], self._mask[rows]

    def next_logits(self, row_ids: list[TokenIds]) -> NDArray[np.floating]:
        """Return the logits [rows, V] after the ids of each row."""
        if self._has_windows and self._ids != [ids[:-1] for ids in row_ids]:
            # A sliding window counts hidden positions too, so start again if any text has changed.
            self._cache, self._mask = DynamicCache(), self._mask[:, :0]
            self._ids = [()] * len(row_ids)
        reused = [
            min(_common_prefix_length(cached, ids), len(ids) - 1)
            for cached, ids in zip(self._ids, row_ids, strict=True)
        ]
        new_ids, new_mask = _pad_left([ids[n:] for ids, n in zip(row_ids, reused, strict=True)])
        visible = self._mask * (self._mask.cumsum(-1) <= torch.tensor(reused)[:, None])
        self._mask, self._ids = torch.cat([visible, new_mask], dim=1), row_ids
        positions = (self._mask.cumsum(-1) - 1).clamp(min=0)[:, -new_ids.shape[1] :]
        output = self._network(
            input_ids=new_ids,
            attention_mask=self._mask,
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
            **cache_argument(self._network, self._cache),
        )
        return output.logits[:, -1].numpy()


def _pad_left(rows: Sequence[TokenIds]) -> tuple[Tensor, Tensor]:
    """Return ids and mask [rows, longest]."""
    width = max(map(len, rows))
    ids = [[0] * (width - len(row)) + list(row) for row in rows]
    mask = [[0] * (width - len(row)) + [1] * len(row) for row in rows]
    return torch.tensor(ids), torch.tensor(mask)


def _split_rows(rows: Sequence[list[Generation]]) -> tuple[list[int], list[list[Generation]]]:
    """Group the unfinished texts by row and ids; return each group's old row too."""
    groups: dict[tuple[int, TokenIds], list[Generation]] = {}
    for i, texts in enumerate(rows):
        for text in texts:
            if not text.finished:
                groups.setdefault((i, text.ids), []).append(text)
    return [i for i, _ in groups], list(groups.values())


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
