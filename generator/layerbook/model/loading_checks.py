"""Reject a model whose files would not load as described; each check raises ModelError.

transformers initializes missing weights at random, ignores extra weights and casts integers, so a
broken model would still give numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from math import prod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerbook.core.errors import ModelError, did_you_mean
from layerbook.core.text import listed, pluralize
from layerbook.model.json_files import read_object
from layerbook.model.model_folder import weight_files
from layerbook.model.tokenizer import ModelTokenizer

if TYPE_CHECKING:
    from torch import nn

FLOAT_TYPES = frozenset({"F64", "F32", "F16", "BF16"})
ID_ROLES = ("bos_token_id", "eos_token_id", "pad_token_id")
ACTIVATION_SETTINGS = ("hidden_act", "hidden_activation", "activation_function")
SHOWN_TENSORS = 3
MAX_UNSTORED = 20_000_000


def declared_token_ids(directory: Path) -> Iterator[tuple[str, str, Any]]:
    """Yield the file, role and id of each special token whose id a model's folder declares."""
    for name in ("config.json", "generation_config.json"):
        settings = read_object(directory / name)
        for role in ID_ROLES:
            declared = settings.get(role)
            for id in declared if isinstance(declared, list) else [declared]:
                if id is not None:
                    yield name, role, id


def read_stop_ids(directory: Path) -> frozenset[int]:
    """Return the ids that end a text, according to `config.json` and `generation_config.json`."""
    return frozenset(id for _, role, id in declared_token_ids(directory) if role == "eos_token_id")


def check_special_ids(directory: Path, d_vocab: int) -> None:
    """Refuse an id of a special token that the model does not have.

    Older conversions use -1 for a missing padding token.
    """
    for name, role, id in declared_token_ids(directory):
        if (role, id) == ("pad_token_id", -1):
            continue
        if type(id) is not int or not 0 <= id < d_vocab:
            raise ModelError(
                f"{directory}: {role} in {name} is {id!r:.40}, but the model has the ids 0 to "
                f"{d_vocab - 1}; correct it, or remove it"
            )


def check_activation(directory: Path, config: Any) -> None:
    """Refuse an activation function that transformers does not know."""
    from transformers.activations import ACT2FN

    for setting in ACTIVATION_SETTINGS:
        name = getattr(config, setting, None)
        if name is not None and name not in ACT2FN:
            raise ModelError(
                f"{directory}: config.json: {setting} is {name!r:.80}, an unknown activation "
                f"function{did_you_mean(str(name), ACT2FN)}"
            )


def check_stored_weights(directory: Path) -> int:
    """Return how many numbers are stored; refuse numbers that are not floating point.

    A tensor in two files is refused too, because it would be unclear which of them is meant.
    Only the headers of the files are read. GPT-2 also stores its causal mask, as `attn.bias`.
    """
    tensors = list(_stored_tensors(directory))
    copies = Counter(name for name, _, _ in tensors)
    if repeated := [name for name, count in copies.items() if count > 1]:
        raise ModelError(
            f"{directory}: more than one file has the weights {listed(repeated, SHOWN_TENSORS)}; "
            "the files do not belong together"
        )
    quantized = [
        f"{name} ({kind})"
        for name, kind, _ in tensors
        if kind not in FLOAT_TYPES and not name.endswith((".attn.bias", ".masked_bias"))
    ]
    if quantized:
        raise ModelError(
            f"{directory}: these weights are not stored as floating point numbers: "
            f"{listed(quantized, SHOWN_TENSORS)}; they are quantized in an unknown way. "
            "Give plain safetensors (float32, float16, bfloat16), or a GGUF file"
        )
    return sum(size for _, _, size in tensors)


def _stored_tensors(directory: Path) -> Iterator[tuple[str, str, int]]:
    """Yield the name, the type and the size of each stored tensor."""
    from safetensors import safe_open

    for file_name in sorted(weight_files(directory)):
        with safe_open(directory / file_name, framework="numpy") as file:
            for name in sorted(file.keys()):
                tensor = file.get_slice(name)
                yield name, tensor.get_dtype(), prod(tensor.get_shape())


def check_size(directory: Path, described: nn.Module, stored: int) -> None:
    """Reject a model with far more parameters than are stored, before allocating memory.

    The causal masks of GPT-2 are not stored.
    """
    size = sum(part.numel() for part in (*described.parameters(), *described.buffers()))
    if size > 2 * stored + MAX_UNSTORED:
        raise ModelError(
            f"{directory}: config.json describes a model of {size:,} numbers, but only "
            f"{stored:,} are stored; the files do not belong together"
        )


def check_loaded_weights(directory: Path, loading_info: Mapping[str, Any]) -> None:
    """Refuse weights that are missing, superfluous or of another shape than `config.json` says.

    loading_info: the report of `from_pretrained`.
    """
    missing = sorted(loading_info["missing_keys"])
    unexpected = sorted(loading_info["unexpected_keys"])
    shapes = [
        f"{name} {list(stored)}, not {list(expected)}"
        for name, stored, expected in sorted(loading_info["mismatched_keys"])
    ]
    lists = {"missing": missing, "not part of this model": unexpected, "of another shape": shapes}
    faults = [f"{fault}: {listed(names, SHOWN_TENSORS)}" for fault, names in lists.items() if names]
    if faults:
        raise ModelError(
            f"{directory}: the weights are not those that config.json describes. "
            f"{'; '.join(faults)}. {_advice(missing, unexpected)}"
        )


def _advice(missing: list[str], unexpected: list[str]) -> str:
    names = " ".join(unexpected)
    if "lora_" in names:
        return "Merge the adapter into its base model and save that"
    if any(head in names for head in ("score.", "classifier.", "qa_outputs.")):
        return "It is a classifier; give a model that predicts the next token"
    if missing == ["lm_head.weight"]:
        return (
            "If the unembedding is the embedding, set tie_word_embeddings to true in config.json; "
            "otherwise get the whole causal language model"
        )
    return "Get all files of the same causal language model again"


def check_finite(directory: Path, network: nn.Module) -> None:
    """Refuse weights that are not finite numbers."""
    broken = [name for name, weight in network.named_parameters() if not _is_finite(weight)]
    if broken:
        raise ModelError(
            f"{directory}: NaN or infinite numbers in {listed(broken, SHOWN_TENSORS)}; "
            "the file is damaged, or the training diverged"
        )


def _is_finite(weight: nn.Parameter) -> bool:
    low, high = weight.detach().aminmax()  # both NaN if any number is
    return bool(low.isfinite() and high.isfinite())


def check_tokenizer_fits(directory: Path, tokenizer: ModelTokenizer, rows: int) -> None:
    """Refuse a tokenizer with ids that have no row of the embedding matrix."""
    beyond = range(rows, tokenizer.size)
    tokens = [tokenizer.token(id) for id in beyond if tokenizer.backend.id_to_token(id)]
    if tokens:
        more = f", and {pluralize(len(tokens) - 1, 'more token')}" if len(tokens) > 1 else ""
        raise ModelError(
            f"{directory}: the tokenizer has ids up to {tokenizer.size - 1}, but the embedding has "
            f"{rows} rows: none for {tokens[0].text!r:.80} (id {tokens[0].id}){more}. Use the "
            "tokenizer that the weights were trained with, or enlarge the embedding"
        )
