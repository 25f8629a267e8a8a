"""Counted multiplications against torch's counter, and the cache against no cache."""

from __future__ import annotations

from inspect import signature

import pytest
import torch
from fixtures.run_analysis import capture_requests, run
from layerbook.analyses.kv_cache import KvCache, KvCacheResult
from layerbook.core.requests import LOGITS, Prompt
from layerbook.model.loaded_model import LoadedModel
from torch.utils.flop_counter import FlopCounterMode
from transformers import LlamaForCausalLM

CACHE = "cache" if "cache" in signature(LlamaForCausalLM.forward).parameters else "past_key_values"
TEXT, NEW = "The cat sat on", 5


@pytest.fixture(scope="module")
def result(tiny: LoadedModel) -> KvCacheResult:
    return run(tiny, KvCache(prompt=TEXT, max_new_tokens=NEW, count_to=12))


def counted_by_torch(model: LoadedModel, length: int, *, cached: bool) -> int:
    """Return the multiplications of one step; torch counts an addition for each as well.

    torch's attention computes all pairs of tokens, ours only those that the mask leaves, so the
    difference is taken off.
    """
    ids = torch.tensor([list(model.tokenizer.encode(Prompt(text="a " * length)).ids)[:length]])
    assert ids.shape[1] == length
    config = model.config
    per_pair = 2 * config.num_hidden_layers * config.hidden_size
    with torch.inference_mode():
        cache = model.network(ids[:, :-1], use_cache=True).past_key_values if cached else None
        counter = FlopCounterMode(display=False)
        with counter:
            new = ids[:, -1:] if cached else ids
            model.network(new, **{CACHE: cache}, use_cache=cached, logits_to_keep=1)
    hidden_pairs = 0 if cached else length * (length - 1) // 2
    return counter.get_total_flops() // 2 - hidden_pairs * per_pair


@pytest.mark.parametrize("length", [2, 5, 12])
def test_counts_agree_with_torch(tiny: LoadedModel, result, length: int) -> None:
    """Counts of matrices, attention and unembedding are equal."""
    i = result.lengths.index(length)
    assert result.uncached[i] == counted_by_torch(tiny, length, cached=False)
    assert result.cached[i] == counted_by_torch(tiny, length, cached=True)


def test_logits_are_equal_with_and_without_the_cache(tiny: LoadedModel, result) -> None:
    """Each step is recomputed from the start without a cache, to 1e-5."""
    analysis = KvCache(prompt=TEXT, max_new_tokens=NEW)
    written = capture_requests(tiny, analysis)["written"]
    ids = [token.id for token in written.tokens]
    assert len(ids) == written.prompt_length + NEW
    for n, logits in enumerate(written[LOGITS]):
        prefix = torch.tensor([ids[: written.prompt_length + n]])
        with torch.inference_mode():
            anew = tiny.network(prefix, use_cache=False).logits[0, -1].numpy()
        assert abs(logits - anew).max() < 1e-5
    assert result.same_tokens and result.largest_difference < 1e-5


def test_cache_size_counts_a_key_and_a_value_for_each_head(tiny: LoadedModel, result) -> None:
    with torch.inference_mode():
        cache = tiny.network(torch.tensor([[1, 2, 3]]), use_cache=True).past_key_values
    numbers = sum(layer.keys.numel() + layer.values.numel() for layer in cache.layers)
    assert result.cached_numbers == numbers // 3
