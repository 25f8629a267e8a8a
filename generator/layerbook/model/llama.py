"""The loaded model: one class that runs batches of passes, generates, and says what it is."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from transformers.models.llama.configuration_llama import LlamaConfig
from transformers.models.llama.modeling_llama import LlamaForCausalLM
from transformers.utils import logging as transformers_logging

from layerbook.core.errors import ModelError
from layerbook.core.requests import NEXT_LOGITS, SITE_SHAPES, Generate, ModelFacts, ModuleInfo, Site
from layerbook.model.generation import GenerationOutput, generate_batch, reencode
from layerbook.model.hooks import PATCHABLE_SITES, ActivationHooks, Edit
from layerbook.model.plan import Pass, TokenIds
from layerbook.model.tokenizer import ModelTokenizer

Activations = Mapping[Site, NDArray[np.floating]]
SITES_BY_HEAD = frozenset({"q", "k", "v"})  # [heads, T, d_head]
SITES_BY_PAIR = frozenset({"scores", "pattern"})  # [heads, T, T]


@dataclass(frozen=True)
class LoadedModel:
    """A Llama in float32 with eager attention, and its tokenizer."""

    name: str
    network: LlamaForCausalLM
    tokenizer: ModelTokenizer
    stop_ids: frozenset[int]

    @classmethod
    def load(cls, directory: Path, name: str) -> LoadedModel:
        """Read a directory with `config.json`, safetensors and `tokenizer.json`.

        Raises ModelError when it is not a Llama or cannot be read.
        """
        tokenizer = ModelTokenizer.load(directory)
        try:
            config = LlamaConfig.from_pretrained(directory)
            verbosity = transformers_logging.get_verbosity()
            transformers_logging.set_verbosity_error()
            transformers_logging.disable_progress_bar()
            network = LlamaForCausalLM.from_pretrained(
                directory,
                config=config,
                attn_implementation="eager",
                dtype=torch.float32,
                use_safetensors=True,
            )
            transformers_logging.set_verbosity(verbosity)
            stop_ids = _declared_stop_ids(directory)
        # A damaged file ends in whatever the library that reads it raises, of which there are half a dozen kinds.
        except Exception as error:
            said = (
                "the weights do not have the shapes that config.json says"
                if _is_shape_mismatch(error)
                else str(error)
            )
            raise ModelError(f"{directory}: cannot load the model: {said}") from error
        network.requires_grad_(False).eval()
        stop_ids |= {id for role, id in tokenizer.role_ids if role == "eos_token"}
        return cls(name, network, tokenizer, frozenset(stop_ids))

    @property
    def config(self) -> LlamaConfig:
        """The model's configuration."""
        return self.network.config

    def run(
        self, batch: Sequence[Pass], edits: Sequence[Mapping[Site, Sequence[Edit]]] = ()
    ) -> list[Activations]:
        """One forward pass over a batch, padded on the right; per pass, its sites as read-only arrays.

        Causal attention keeps what stands left from seeing the padding, so no mask is needed. The next logits of a pass
        are [N, V], a row for each of its `logit_positions`.
        """
        keep = frozenset(site for item in batch for site in item.keep)
        self._check_sites(keep, edits)
        width = max(len(item.ids) for item in batch)
        ids = torch.tensor([(*item.ids, *[0] * (width - len(item.ids))) for item in batch])
        by_site: dict[Site, list[Edit]] = {}
        for row in edits:
            for site, wanted in row.items():
                by_site.setdefault(site, []).extend(wanted)
        hooks = ActivationHooks(self.network, keep, by_site)
        with torch.inference_mode():
            with hooks.registered():
                final = self.network.model(input_ids=ids, use_cache=False).last_hidden_state
            hooks.compute_logit_sites(final, ids)
            following = self._next_logits(final, [item.logit_positions for item in batch])
        every = frozenset.intersection(*(item.keep for item in batch))

        def rows(site: Site, row: int, length: int) -> NDArray[np.floating]:
            mine = slice_prefix(hooks.activations[site][row].numpy(), site, length)
            # Where every pass keeps a site, their rows are the whole of it, and copies would only hold it twice.
            return read_only(mine if site in every and mine.flags.c_contiguous else mine.copy())

        return [
            {site: rows(site, row, len(item.ids)) for site in item.keep if site != NEXT_LOGITS}
            | ({NEXT_LOGITS: following[row]} if item.logit_positions else {})
            for row, item in enumerate(batch)
        ]

    def _next_logits(
        self, final: torch.Tensor, logit_positions: Sequence[Sequence[int]]
    ) -> list[NDArray[np.floating]]:
        """Per pass of a batch, whose final vectors are [batch, T, D], the logits [N, V] at its positions, in one product.

        Nobody reads those of the other positions, and in a small model they would be a fifth of a pass's work.
        """
        rows = [row for row, lengths in enumerate(logit_positions) for _ in lengths]
        last = [end - 1 for lengths in logit_positions for end in lengths]
        logits = self.network.lm_head(final[torch.tensor(rows).long(), torch.tensor(last).long()])
        return [
            read_only(part.numpy())
            for part in logits.split([len(lengths) for lengths in logit_positions])
        ]

    def bytes_for(self, keep: frozenset[Site], length: int, logit_count: int = 1) -> int:
        """The bytes that these sites of a pass of so many tokens take, with next logits at `logit_count` positions."""
        config = self.config
        sizes: dict[str, int] = {
            "T": length,
            "D": config.hidden_size,
            "H": config.num_attention_heads,
            "K": config.num_key_value_heads,
            "d": self.network.model.layers[0].self_attn.head_dim,
            "M": config.intermediate_size,
            "V": config.vocab_size,
        }
        shapes = {
            site: prod(sizes[axis] for axis in SITE_SHAPES[site.name].split()) for site in keep
        }
        return 4 * sum(
            size * logit_count if site == NEXT_LOGITS else size for site, size in shapes.items()
        )

    def _check_sites(self, keep: frozenset[Site], edits: Sequence[Mapping[Site, Any]]) -> None:
        patched = {site for row in edits for site in row}
        for site in sorted(keep | patched, key=str):
            if site.layer is not None and not 0 <= site.layer < self.config.num_hidden_layers:
                raise ModelError(
                    f"{site}: the model has layers 0 to {self.config.num_hidden_layers - 1}"
                )
        for site in sorted(patched, key=str):
            if site.name not in PATCHABLE_SITES:
                raise ModelError(
                    f"{site} cannot be patched; these can: {', '.join(sorted(PATCHABLE_SITES))}"
                )

    def generate(
        self, prompts: Sequence[TokenIds], requests: Sequence[Generate]
    ) -> list[GenerationOutput]:
        """Continue prompts side by side; those that are encoded anew at each step, the lecture's way, by themselves."""
        plain = [i for i, request in enumerate(requests) if not request.reencode]
        together = generate_batch(
            self.network, [prompts[i] for i in plain], [requests[i] for i in plain], self.stop_ids
        ) if plain else []  # fmt: skip
        found = dict(zip(plain, together, strict=True))
        for i, request in enumerate(requests):
            if request.reencode:
                found[i] = reencode(self.network, self.tokenizer, prompts[i], request)
        return [found[i] for i in range(len(requests))]

    def embedding_rows(self, ids: Sequence[int]) -> NDArray[np.floating]:
        """Rows of the embedding matrix [T, d_model]."""
        return read_only(self.network.model.embed_tokens.weight[list(ids)].numpy())

    @cached_property
    def facts(self) -> ModelFacts:
        """The configuration and the modules, as the loaded model has them; a tied weight is counted once."""
        config, seen = self.config, set[int]()
        modules = []
        for path, module in self.network.named_modules():
            weights = list(module.parameters(recurse=False))
            if not weights:
                continue
            fresh = [w for w in weights if id(w) not in seen]
            seen.update(id(w) for w in weights)
            size = sum(w.numel() for w in fresh)
            modules.append(ModuleInfo(path, type(module).__name__, tuple(weights[0].shape), size))
        return ModelFacts(
            name=self.name,
            layers=config.num_hidden_layers,
            d_model=config.hidden_size,
            heads=config.num_attention_heads,
            kv_heads=config.num_key_value_heads,
            d_head=self.network.model.layers[0].self_attn.head_dim,
            d_mlp=config.intermediate_size,
            d_vocab=config.vocab_size,
            context=config.max_position_embeddings,
            rope_theta=float(config.rope_parameters["rope_theta"]),
            norm_epsilon=float(config.rms_norm_eps),
            activation=config.hidden_act,
            tied=self.network.lm_head.weight is self.network.model.embed_tokens.weight,
            parameters=sum(m.parameters for m in modules),
            modules=tuple(modules),
            special_tokens=tuple(
                (role, self.tokenizer.token(id)) for role, id in self.tokenizer.role_ids
            ),
            chat_template=self.tokenizer.chat_template,
        )


def slice_for_request(
    arrays: Activations, item: Pass, site: Site, length: int
) -> NDArray[np.floating]:
    """What one that asked for the leading `length` tokens of a pass gets of a site, as a view."""
    if site == NEXT_LOGITS:
        row: NDArray[np.floating] = arrays[site][item.logit_positions.index(length)]
        return row
    return arrays[site] if length == len(item.ids) else slice_prefix(arrays[site], site, length)


def slice_prefix(array: NDArray[np.floating], site: Site, length: int) -> NDArray[np.floating]:
    """The leading `length` positions of a site, as a view: many prefixes of one pass share its memory."""
    if site.name in SITES_BY_PAIR:
        return array[:, :length, :length]
    return array[:, :length] if site.name in SITES_BY_HEAD else array[:length]


def read_only(array: NDArray[np.floating]) -> NDArray[np.floating]:
    """The array, made read-only: an analysis must not write into what others read."""
    array.flags.writeable = False
    return array


def _is_shape_mismatch(error: Exception) -> bool:
    """Whether it is transformers' error for shapes, which only names an option of its own."""
    return "ignore_mismatched_sizes" in str(error)


def _declared_stop_ids(directory: Path) -> set[int]:
    """End-of-text ids that `generation_config.json` declares, one or several."""
    path = directory / "generation_config.json"
    declared = (
        json.loads(path.read_text(encoding="utf-8")).get("eos_token_id") if path.is_file() else None
    )
    stop_ids: list[Any] = declared if isinstance(declared, list) else [declared]
    return {id for id in stop_ids if id is not None}
