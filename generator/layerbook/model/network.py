"""Load a network of transformers, and find its parts by the names of its family."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import safe_open
from torch import Tensor, nn
from transformers import PreTrainedModel
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES
from transformers.utils import logging as transformers_logging

from layerbook.core.errors import ModelError
from layerbook.core.requests import ModuleInfo, Precision, RotaryEmbedding, Site
from layerbook.model import loading_checks
from layerbook.model.attention import ATTENTION, add_score_modules
from layerbook.model.families import PLAIN_OUTPUTS, Family, SitePoint, find_family
from layerbook.model.json_files import read_object
from layerbook.model.model_folder import weight_files
from layerbook.model.precision import DTYPES, arithmetic

MAX_MAPPED = 2**26
"""Bytes of a file that are in memory at most while it is read, unless one tensor is larger."""


@dataclass(frozen=True, eq=False)
class NetworkParts:
    """A causal language model, with its family's names for its parts."""

    model: PreTrainedModel
    family: Family

    @property
    def config(self) -> Any:
        """The model's configuration."""
        return self.model.config

    @cached_property
    def layers(self) -> list[Any]:
        """The layers, first to last."""
        return list(self.model.get_submodule(self.family.layers).children())

    @cached_property
    def attentions(self) -> list[Any]:
        """The attention of each layer."""
        return [layer.get_submodule(self.family.attention) for layer in self.layers]

    @property
    def embedding(self) -> nn.Parameter:
        """The embedding matrix [rows, D]."""
        return self.model.get_input_embeddings().weight

    @property
    def final_norm(self) -> Any:
        """The norm before the unembedding."""
        return self.model.get_submodule(self.family.sites["ln_final"].module)

    @property
    def head_size(self) -> int:
        """The length of a query."""
        return self.attentions[0].head_dim

    @property
    def kv_heads(self) -> int:
        """The number of key and value heads in a layer."""
        return getattr(self.config, "num_key_value_heads", self.config.num_attention_heads)

    @property
    def mlp_size(self) -> int:
        """The length of the vector inside the MLP."""
        down = self.layers[0].get_submodule(self.family.layer_sites["mlp_act"].module)
        return weight_shape(down)[1]

    @property
    def fused_sizes(self) -> list[int]:
        """The lengths of all queries, keys and values of a position."""
        keys = self.kv_heads * self.head_size
        return [self.config.num_attention_heads * self.head_size, keys, keys]

    def find(self, site: Site) -> tuple[nn.Module, SitePoint] | None:
        """Return the module and the point of a site; None for sites after the unembedding."""
        if site.layer is None:
            root: Any = self.model
            point = self.family.sites.get(site.name)
        else:
            root, point = self.layers[site.layer], self.family.layer_sites.get(site.name)
        return None if point is None else (root.get_submodule(point.module), point)

    def scale(self, point: SitePoint) -> float:
        """Return the factor from a module's output to the site."""
        if self.family.scaled_embedding and point is self.family.sites["embed"]:
            return float(self.config.hidden_size**-0.5)
        return float(getattr(self.config, point.scale)) if point.scale else 1.0

    def score(self, final: Tensor) -> Tensor:
        """Return the logits [..., V] of the final norm's output [..., D]."""
        logits: Tensor = self.model.get_output_embeddings()(final)
        if divisor := getattr(self.config, "logits_scaling", None):  # Granite
            logits = logits / divisor
        if cap := getattr(self.config, "final_logit_softcapping", None):  # Gemma
            logits = cap * torch.tanh(logits / cap)
        return logits

    def weight(self, site: Site) -> Tensor:
        """Return a weight in the layout of `WEIGHT_SHAPES`.

        Raises ModelError for a family that scales or norms the outputs of heads.
        """
        if self.config.model_type not in PLAIN_OUTPUTS:
            raise ModelError(f"{site} is not read from models of the family {self.family.name}")
        if site.name == "W_U":
            return self.model.get_output_embeddings().weight.T
        if site.layer is None:
            return self.final_norm.weight
        reads = self.family.layer_sites["z" if site.name == "W_O" else "mlp_act"]
        weight = self.layers[site.layer].get_submodule(reads.module).weight.T
        if site.name == "W_O":
            return weight.reshape(-1, self.head_size, weight.shape[-1])
        return weight

    def rope(self) -> tuple[RotaryEmbedding | None, ...]:
        """Return the rotary position embedding of each layer, as the model has computed it."""
        module = getattr(self.model.base_model, "rotary_emb", None)
        if module is None:
            return (None,) * len(self.layers)
        kinds = getattr(self.config, "layer_types", None) or [""] * len(self.layers)
        ropes = []
        for kind, attention in zip(kinds, self.attentions, strict=True):
            prefix = f"{kind}_" if hasattr(module, f"{kind}_inv_freq") else ""
            parameters = self.config.rope_parameters
            rope = RotaryEmbedding(
                theta=float((parameters[kind] if prefix else parameters)["rope_theta"]),
                speeds=tuple(getattr(module, f"{prefix}inv_freq").tolist()),
                scale=float(getattr(module, f"{prefix}attention_scaling")),
            )
            ropes.append(rope if getattr(attention, "use_rope", True) else None)
        return tuple(ropes)

    def windows(self) -> tuple[int | None, ...]:
        """Return the number of keys that a query sees in each layer; None if it sees all."""
        window = getattr(self.config, "sliding_window", None)
        if not (kinds := getattr(self.config, "layer_types", None)):
            return (window,) * len(self.layers)
        return tuple(window if kind == "sliding_attention" else None for kind in kinds)

    def modules(self) -> tuple[ModuleInfo, ...]:
        """List the modules with weights; a tied weight counts once."""
        counted: set[int] = set()
        modules = []
        for path, module in self.model.named_modules():
            weights = list(module.parameters(recurse=False))
            if weights:
                size = sum(weight.numel() for weight in weights if id(weight) not in counted)
                counted.update(map(id, weights))
                inside = path.removeprefix(f"{self.family.layers}.").partition(".")[2]
                role = self.family.roles.get(path) or self.family.roles[inside]
                kind = type(module).__name__
                modules.append(ModuleInfo(path, kind, role, weight_shape(module), size))
        return tuple(modules)


def weight_shape(module: nn.Module) -> tuple[int, ...]:
    """Return the shape of a module's weight, [out, in] for a matrix."""
    weight: Tensor = next(module.parameters(recurse=False))
    shape = tuple(weight.shape)
    # GPT-2 stores its matrices the other way round.
    return shape[::-1] if type(module).__name__ == "Conv1D" else shape


def load_network(directory: Path, precision: Precision) -> NetworkParts:
    """Load the weights, all of them and no others. Raises ModelError."""
    with _quiet_transformers():
        return _load(directory, precision)


@contextmanager
def _quiet_transformers() -> Iterator[None]:
    """Silence the library's remarks, which may quote a stranger's files."""
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(verbosity)


def _load(directory: Path, precision: Precision) -> NetworkParts:
    settings = read_object(directory / "config.json")
    family = find_family(settings)
    network_class = getattr(transformers, MODEL_FOR_CAUSAL_LM_MAPPING_NAMES[settings["model_type"]])
    config = network_class.config_class.from_pretrained(directory)
    # A config.json can name a repository of the Hub, from which transformers would load code.
    config._attn_implementation = ATTENTION
    loading_checks.check_special_ids(directory, config.vocab_size)
    loading_checks.check_activation(directory, config)
    stored = loading_checks.check_stored_weights(directory)
    with torch.device("meta"):  # without allocating memory
        described = network_class(config)
    loading_checks.check_size(directory, described, stored)
    model = _load_weights(directory, network_class, config, precision)
    loading_checks.check_finite(directory, model)
    network = NetworkParts(model.requires_grad_(False).eval(), family)
    for attention in network.attentions:
        add_score_modules(attention)
    return network


def _load_weights(
    directory: Path, network_class: type[PreTrainedModel], config: Any, precision: Precision
) -> PreTrainedModel:
    """Load the weights into a model of this class and configuration. Raises ModelError."""
    dtype = DTYPES[precision]
    weights = _read_weights(directory, dtype)
    with arithmetic(precision):  # RoPE's speeds are computed here
        model, loading_info = network_class.from_pretrained(
            None,
            config=config,
            state_dict=weights,
            attn_implementation=ATTENTION,
            dtype=dtype,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # mismatches are in the report, which is checked
        )
    loading_checks.check_loaded_weights(directory, loading_info)
    return model


def _read_weights(directory: Path, dtype: torch.dtype) -> dict[str, Tensor]:
    """Read the tensors of a model's folder by name; floating-point numbers become `dtype`."""
    weights: dict[str, Tensor] = {}
    for name in sorted(weight_files(directory)):
        for key, tensor in _read_tensors(directory / name):
            weights[key] = tensor.to(dtype) if tensor.is_floating_point() else tensor
    return weights


def _read_tensors(path: Path) -> Iterator[tuple[str, Tensor]]:
    """Yield the name and the numbers of each tensor in a file.

    The file is opened again after every `MAX_MAPPED` bytes, which frees the pages that were read.
    Otherwise all of the stored float32 weights would be in memory beside the float64 ones. Opening
    takes time for every tensor, so a file with many small ones is not opened for each of them.
    """
    pending: list[str] | None = None
    while pending is None or pending:
        with safe_open(path, framework="pt") as file:
            pending = sorted(file.keys(), reverse=True) if pending is None else pending
            bytes_read = 0
            while pending and bytes_read < MAX_MAPPED:
                name = pending.pop()
                tensor: Tensor = file.get_tensor(name)
                bytes_read += tensor.nbytes
                yield name, tensor
                del tensor  # it keeps the file's pages in memory
