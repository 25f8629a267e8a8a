"""The loaded model: runs batches of passes, generates, and describes itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaForCausalLM
from transformers.utils import logging as transformers_logging

from layerbook.core.errors import ModelError
from layerbook.core.requests import (
    DEFAULT_PRECISION,
    NEXT_LOGITS,
    SITE_SHAPES,
    Generate,
    ModelFacts,
    ModuleInfo,
    Precision,
    Site,
)
from layerbook.model import loading_checks
from layerbook.model.generation import GenerationOutput, generate_batch, reencode
from layerbook.model.hooks import PATCHABLE_SITES, ActivationHooks, Edit
from layerbook.model.plan import Pass, PassRequest, TokenIds
from layerbook.model.precision import DTYPES, arithmetic
from layerbook.model.tokenizer import ModelTokenizer

Activations = Mapping[Site, NDArray[np.floating]]


@dataclass(frozen=True)
class LoadedModel:
    """A Llama with eager attention, its tokenizer, and the precision it computes with."""

    name: str
    network: LlamaForCausalLM
    tokenizer: ModelTokenizer
    stop_ids: frozenset[int]
    precision: Precision

    @classmethod
    def load(
        cls, directory: Path, name: str, precision: Precision = DEFAULT_PRECISION
    ) -> LoadedModel:
        """Read a directory with `config.json`, safetensors and `tokenizer.json`.

        Raises ModelError if it is not a Llama or cannot be read.
        """
        tokenizer = ModelTokenizer.load(directory)
        try:
            network = _load_network(directory, precision)
            stop_ids = loading_checks.read_stop_ids(directory)
        except ModelError:
            raise
        except Exception as error:  # libraries raise half a dozen kinds for damaged files
            raise ModelError(f"{directory}: cannot load the model: {error}") from error
        rows = network.get_input_embeddings().num_embeddings
        loading_checks.check_tokenizer_fits(directory, tokenizer, rows)
        stop_ids |= {id for role, id in tokenizer.role_ids if role == "eos_token"}
        tokenizer = replace(tokenizer, embedding_rows=rows)
        return cls(name, network, tokenizer, stop_ids, precision)

    @property
    def config(self) -> LlamaConfig:
        """The model's configuration."""
        return self.network.config

    def run(self, batch: Sequence[Pass], edits: Sequence[Edit] = ()) -> list[Activations]:
        """Run one forward pass over a batch; return the sites of each pass as read-only arrays.

        Rows are padded on the right, which causal attention never sees, so no mask is needed.
        `NEXT_LOGITS` of a pass are [N, V], a row for each of its `logit_positions`.
        """
        keep = frozenset(site for item in batch for site in item.keep)
        self._check_sites(keep, {edit.site for edit in edits})
        width = max(len(item.ids) for item in batch)
        ids = torch.tensor([(*item.ids, *[0] * (width - len(item.ids))) for item in batch])
        hooks = ActivationHooks(self.network, keep, edits)
        with torch.inference_mode(), arithmetic(self.precision):
            with hooks.registered():
                final = self.network.model(input_ids=ids, use_cache=False).last_hidden_state
            hooks.compute_logit_sites(final, ids)
            next_logits = self._next_logits(final, batch)
        common = frozenset.intersection(*(item.keep for item in batch))
        results: list[Activations] = []
        for row, item in enumerate(batch):
            arrays: dict[Site, NDArray[np.floating]] = {}
            for site in item.keep - {NEXT_LOGITS}:
                array = slice_prefix(hooks.activations[site][row].numpy(), site, len(item.ids))
                # If every pass keeps a site, a copy would only hold its memory twice.
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

        The other positions are left out: in a small model they would be a fifth of a pass's work.
        """
        counts = [len(item.logit_positions) for item in batch]
        rows = [row for row, count in enumerate(counts) for _ in range(count)]
        positions = [position for item in batch for position in item.logit_positions]
        index = torch.tensor(rows).long(), torch.tensor(positions).long()
        logits = self.network.lm_head(final[index])
        return [read_only(part.numpy()) for part in logits.split(counts)]

    def bytes_for(self, keep: frozenset[Site], length: int, logit_count: int = 1) -> int:
        """Return the bytes of these sites of a pass, with `NEXT_LOGITS` at some positions."""
        config = self.config
        sizes: dict[str, int] = {
            "T": length,
            "D": config.hidden_size,
            "H": config.num_attention_heads,
            "K": config.num_key_value_heads,
            "d": self._head_size,
            "M": config.intermediate_size,
            "V": config.vocab_size,
        }
        count = 0
        for site in keep:
            size = prod(sizes[axis] for axis in SITE_SHAPES[site.name].split())
            count += size * logit_count if site == NEXT_LOGITS else size
        return DTYPES[self.precision].itemsize * count

    def generate(
        self, prompts: Sequence[TokenIds], requests: Sequence[Generate]
    ) -> list[GenerationOutput]:
        """Continue several prompts together with the KV cache."""
        with torch.inference_mode(), arithmetic(self.precision):
            return generate_batch(self.network, prompts, requests, self.stop_ids)

    def reencode(self, prompt: TokenIds, request: Generate) -> GenerationOutput:
        """Continue a prompt the lecture's way, encoding the whole text at each step."""
        with torch.inference_mode(), arithmetic(self.precision):
            return reencode(self.network, self.tokenizer, prompt, request)

    def embedding_rows(self, ids: Sequence[int]) -> NDArray[np.floating]:
        """Return rows of the embedding matrix [T, d_model]."""
        return read_only(self.network.model.embed_tokens.weight[list(ids)].numpy())

    @cached_property
    def facts(self) -> ModelFacts:
        """The configuration and the modules of the loaded model."""
        config, modules = self.config, self._modules()
        roles = self.tokenizer.role_ids
        return ModelFacts(
            name=self.name,
            layers=config.num_hidden_layers,
            d_model=config.hidden_size,
            heads=config.num_attention_heads,
            kv_heads=config.num_key_value_heads,
            d_head=self._head_size,
            d_mlp=config.intermediate_size,
            d_vocab=config.vocab_size,
            context=config.max_position_embeddings,
            rope_theta=float(config.rope_parameters["rope_theta"]),
            norm_epsilon=float(config.rms_norm_eps),
            activation=config.hidden_act,
            tied=self.network.lm_head.weight is self.network.model.embed_tokens.weight,
            parameters=sum(module.parameters for module in modules),
            modules=tuple(modules),
            special_tokens=tuple((role, self.tokenizer.token(id)) for role, id in roles),
            chat_template=self.tokenizer.chat_template,
            stop_ids=self.stop_ids,
        )

    @property
    def _head_size(self) -> int:
        size: int = self.network.model.layers[0].self_attn.head_dim
        return size

    def _modules(self) -> list[ModuleInfo]:
        """List the modules with weights; a tied weight counts once."""
        counted: set[int] = set()
        modules = []
        for path, module in self.network.named_modules():
            weights = list(module.parameters(recurse=False))
            if weights:
                size = sum(weight.numel() for weight in weights if id(weight) not in counted)
                counted.update(map(id, weights))
                shape = tuple(weights[0].shape)
                modules.append(ModuleInfo(path, type(module).__name__, shape, size))
        return modules

    def _check_sites(self, keep: frozenset[Site], patched: set[Site]) -> None:
        last = self.config.num_hidden_layers - 1
        for site in sorted(keep | patched, key=str):
            if site.layer is not None and not 0 <= site.layer <= last:
                raise ModelError(f"{site}: the model has layers 0 to {last}")
            if site in patched and site.name not in PATCHABLE_SITES:
                patchable = ", ".join(sorted(PATCHABLE_SITES))
                raise ModelError(f"{site} cannot be patched; these can: {patchable}")


def slice_for_request(arrays: Activations, item: Pass, part: PassRequest) -> Activations:
    """Return the sites and leading positions of a pass that a request asks for, as views."""
    sites: dict[Site, NDArray[np.floating]] = {}
    for site in part.request.keep:
        if site == NEXT_LOGITS:
            sites[site] = arrays[site][item.logit_positions.index(part.length - 1)]
        else:
            sites[site] = slice_prefix(arrays[site], site, part.length)
    return sites


def slice_prefix(array: NDArray[np.floating], site: Site, length: int) -> NDArray[np.floating]:
    """Return the leading `length` positions of a site, as a view."""
    axes = SITE_SHAPES[site.name].split()
    return array[tuple(slice(length) if axis == "T" else slice(None) for axis in axes)]


def read_only(array: NDArray[np.floating]) -> NDArray[np.floating]:
    """Make an array read-only, since several analyses may read it."""
    array.flags.writeable = False
    return array


def _load_network(directory: Path, precision: Precision) -> LlamaForCausalLM:
    """Load the weights, all of them and no others."""
    config = LlamaConfig.from_pretrained(directory)
    loading_checks.check_special_ids(directory, config.vocab_size)
    loading_checks.check_activation(directory, config)
    loading_checks.check_stored_weights(directory)
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        with arithmetic(precision):  # RoPE's speeds are computed here
            network, loading_info = LlamaForCausalLM.from_pretrained(
                directory,
                config=config,
                attn_implementation="eager",
                dtype=DTYPES[precision],
                use_safetensors=True,
                output_loading_info=True,
                ignore_mismatched_sizes=True,  # they are in the report, which is checked
            )
    finally:
        transformers_logging.set_verbosity(verbosity)
    loading_checks.check_loaded_weights(directory, loading_info)
    loading_checks.check_finite(directory, network)
    return network.requires_grad_(False).eval()
