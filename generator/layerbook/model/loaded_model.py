"""The loaded model: runs batches of passes, generates, and describes itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import PreTrainedModel

from layerbook.core.errors import ModelError
from layerbook.core.requests import (
    DEFAULT_PRECISION,
    LN_FINAL,
    NEXT_LOGITS,
    SITE_SHAPES,
    Forward,
    Generate,
    ModelFacts,
    Precision,
    Site,
)
from layerbook.model import loading_checks
from layerbook.model.generation import Generation, generate_batch
from layerbook.model.hooks import PATCHABLE_SITES, ActivationHooks, Edit
from layerbook.model.network import NetworkParts, load_network
from layerbook.model.plan import Pass, Start, TokenIds
from layerbook.model.precision import DTYPES, arithmetic
from layerbook.model.restart import common_start, run_from
from layerbook.model.tokenizer import ModelTokenizer
from layerbook.model.tokenizer_bounds import library_errors_as_model_errors

Activations = Mapping[Site, NDArray[np.floating]]


@dataclass(frozen=True)
class LoadedModel:
    """A causal language model, its tokenizer, and the precision it computes with."""

    name: str
    parts: NetworkParts
    tokenizer: ModelTokenizer
    stop_ids: frozenset[int]
    precision: Precision

    @classmethod
    def load(
        cls, directory: Path, name: str, precision: Precision = DEFAULT_PRECISION
    ) -> LoadedModel:
        """Read a directory with `config.json`, safetensors and `tokenizer.json`.

        Raises ModelError if it is of no family that can be run, or cannot be read.
        """
        tokenizer = ModelTokenizer.load(directory)
        with library_errors_as_model_errors(f"{directory}: cannot load the model"):
            parts = load_network(directory, precision)
            stop_ids = loading_checks.read_stop_ids(directory)
        rows = len(parts.embedding)
        loading_checks.check_tokenizer_fits(directory, tokenizer, rows)
        if "eos_token" in tokenizer.role_ids:
            stop_ids |= {tokenizer.role_ids["eos_token"]}
        tokenizer = replace(tokenizer, embedding_rows=rows)
        return cls(name, parts, tokenizer, stop_ids, precision)

    @property
    def network(self) -> PreTrainedModel:
        """The model's object in transformers."""
        return self.parts.model

    @property
    def config(self) -> Any:
        """The model's configuration."""
        return self.network.config

    def run(self, batch: Sequence[Pass], edits: Sequence[Edit] = ()) -> list[Activations]:
        """Run one forward pass over a batch; return the sites of each pass as read-only arrays.

        Rows are padded on the right, where causal attention never looks, so no mask is needed.
        `NEXT_LOGITS` of a pass are [N, V], a row for each of its `logit_positions`.
        """
        keep = frozenset(site for item in batch for site in item.keep)
        self._check_sites(keep, {edit.site for edit in edits})
        width = max(len(item.ids) for item in batch)
        ids = torch.tensor([(*item.ids, *[0] * (width - len(item.ids))) for item in batch])
        hooks = ActivationHooks(self.parts, keep, edits)
        start = common_start(batch)
        with torch.inference_mode(), arithmetic(self.precision):
            if start == Start():
                with hooks.registered():
                    output = self.network.base_model(input_ids=ids, use_cache=False)
                final = output.last_hidden_state
            else:
                final = run_from(self.parts, ids, start, edits)
                hooks.activations[LN_FINAL] = final
            hooks.compute_logit_sites(final, ids)
            next_logits = self._next_logits(final, batch)
        common = frozenset.intersection(*(item.keep for item in batch))
        results: list[Activations] = []
        for row, item in enumerate(batch):
            arrays: dict[Site, NDArray[np.floating]] = {}
            for site in item.keep - {NEXT_LOGITS}:
                array = slice_prefix(hooks.activations[site][row].numpy(), site, len(item.ids))
                # If every pass keeps a site, a copy would only double its memory.
                shared = site in common and array.flags.c_contiguous
                arrays[site] = read_only(array if shared else array.copy())
            if item.logit_positions:
                arrays[NEXT_LOGITS] = next_logits[row]
            results.append(arrays)
        return results

    def _next_logits(
        self, final: torch.Tensor, batch: Sequence[Pass]
    ) -> list[NDArray[np.floating]]:
        """Compute the logits [N, V] at the logit positions of each pass in one product.

        The other positions would take a fifth of a pass's time in a small model.
        """
        counts = [len(item.logit_positions) for item in batch]
        rows = [row for row, count in enumerate(counts) for _ in range(count)]
        positions = [position for item in batch for position in item.logit_positions]
        index = torch.tensor(rows).long(), torch.tensor(positions).long()
        logits = self.parts.score(final[index])
        return [read_only(part.numpy()) for part in torch.split(logits, counts)]

    def bytes_for(self, keep: frozenset[Site], length: int, logit_count: int = 1) -> int:
        """Return the bytes of these sites of a pass, with `NEXT_LOGITS` at some positions."""
        config = self.config
        sizes: dict[str, int] = {
            "T": length,
            "D": config.hidden_size,
            "H": config.num_attention_heads,
            "K": self.parts.kv_heads,
            "d": self.parts.head_size,
            "M": self.parts.mlp_size,
            "V": config.vocab_size,
        }
        count = 0
        for site in keep:
            size = prod(sizes[axis] for axis in SITE_SHAPES[site.name].split())
            count += size * logit_count if site == NEXT_LOGITS else size
        return DTYPES[self.precision].itemsize * count

    def generate(
        self, prompts: Sequence[TokenIds], requests: Sequence[Generate]
    ) -> list[Generation]:
        """Continue several prompts together."""
        with torch.inference_mode(), arithmetic(self.precision):
            return generate_batch(self.parts, self.tokenizer, prompts, requests, self.stop_ids)

    def embedding_rows(self, ids: Sequence[int]) -> NDArray[np.floating]:
        """Return rows of the embedding matrix [T, d_model]."""
        return read_only(self.parts.embedding[list(ids)].numpy())

    def weight(self, site: Site) -> NDArray[np.floating]:
        """Return a weight in the layout of `WEIGHT_SHAPES`, as a view.

        Raises ModelError for a family that scales or norms what its heads add.
        """
        self._check_sites(frozenset({site}), set())
        return read_only(self.parts.weight(site).numpy())

    @cached_property
    def facts(self) -> ModelFacts:
        """The configuration and the modules of the loaded model."""
        config, modules = self.config, self.parts.modules()
        roles = self.tokenizer.role_ids.items()
        return ModelFacts(
            name=self.name,
            layers=config.num_hidden_layers,
            d_model=config.hidden_size,
            heads=config.num_attention_heads,
            kv_heads=self.parts.kv_heads,
            d_head=self.parts.head_size,
            d_mlp=self.parts.mlp_size,
            d_vocab=config.vocab_size,
            context=config.max_position_embeddings,
            rope=self.parts.rope(),
            windows=self.parts.windows(),
            activation=getattr(config, self.parts.family.activation[0]),
            tied=self.network.get_output_embeddings().weight is self.parts.embedding,
            parameters=sum(module.parameters for module in modules),
            modules=modules,
            special_tokens=tuple((role, self.tokenizer.token(id)) for role, id in roles),
            chat_template=self.tokenizer.chat_template,
            stop_ids=self.stop_ids,
        )

    def _check_sites(self, keep: frozenset[Site], patched: set[Site]) -> None:
        last = self.config.num_hidden_layers - 1
        for site in sorted(keep | patched, key=str):
            if site.layer is not None and not 0 <= site.layer <= last:
                raise ModelError(f"{site}: the model has layers 0 to {last}")
            if site in patched and site.name not in PATCHABLE_SITES:
                patchable = ", ".join(sorted(PATCHABLE_SITES))
                raise ModelError(f"{site} cannot be patched; these can: {patchable}")


def slice_for_request(arrays: Activations, item: Pass, request: Forward) -> Activations:
    """Return the sites and leading positions of a pass that a request asks for, as views."""
    sites: dict[Site, NDArray[np.floating]] = {}
    length = item.requests[request]
    for site in request.keep:
        if site == NEXT_LOGITS:
            sites[site] = arrays[site][item.logit_positions.index(length - 1)]
        else:
            sites[site] = slice_prefix(arrays[site], site, length)
    return sites


def slice_prefix(array: NDArray[np.floating], site: Site, length: int) -> NDArray[np.floating]:
    """Return the leading `length` positions of a site, as a view."""
    axes = SITE_SHAPES[site.name].split()
    return array[tuple(slice(length) if axis == "T" else slice(None) for axis in axes)]


def read_only(array: NDArray[np.floating]) -> NDArray[np.floating]:
    """Make an array read-only, since several analyses may read it."""
    array.flags.writeable = False
    return array
