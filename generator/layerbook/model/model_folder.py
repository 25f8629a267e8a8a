"""The files of a model's folder: what they must contain, their digests and their limits.

Nothing here imports torch.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from layerbook.core.errors import ModelError
from layerbook.core.limits import Limits
from layerbook.core.requests import Prompt
from layerbook.model import user_cache
from layerbook.model.families import (
    check_config,
    find_family,
    layers_without_rope,
    missing_features,
    wrong_types_as_model_errors,
)
from layerbook.model.json_files import read_json

WEIGHT_FILES = ("config.json", "*.safetensors", "*.safetensors.index.json")
SHARD_NAME = re.compile(r"[^/\\]+\.safetensors")
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "generation_config.json",
    "special_tokens_map.json",
)


@dataclass(frozen=True)
class Fingerprint:
    """The digests of a model's weights and tokenizer, which results depend on."""

    weights: str
    tokenizer: str


def directory_fingerprint(directory: Path) -> Fingerprint:
    """Return the digests of a folder's weights and tokenizer. Raises ModelError."""
    try:
        return Fingerprint(
            _files_digest(directory, WEIGHT_FILES), _files_digest(directory, TOKENIZER_FILES)
        )
    except OSError as error:
        raise ModelError(f"{error.filename}: cannot be read: {error.strerror}") from error


def _files_digest(directory: Path, patterns: Sequence[str]) -> str:
    paths = sorted({path for pattern in patterns for path in directory.glob(pattern)})
    for path in paths:
        if path.exists() and not path.is_file():  # a pipe would block its reader
            raise ModelError(f"{path}: is not a file")
    lines = "".join(f"{path.name} {user_cache.file_digest(path)}\n" for path in paths)
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


@wrong_types_as_model_errors()
def limits_from_config(config: dict[str, Any]) -> Limits:
    """Return the limits that a `config.json` states; ModelError if one is missing."""
    family = find_family(config)
    names = ("num_hidden_layers", "num_attention_heads", "vocab_size", "max_position_embeddings")
    sizes = {family.renamed.get(name, name): family.setting(config, name) for name in names}
    for name, size in sizes.items():
        if type(size) is not int or size < 1:
            raise ModelError(f"config.json: {name} is {size!r:.40}, not a positive number")
    layers, heads, d_vocab, context = sizes.values()
    d_mlp = family.setting(config, "intermediate_size")
    return Limits(
        layers,
        heads,
        d_vocab,
        context,
        family=family.name,
        missing=missing_features(config),
        layers_without_rope=layers_without_rope(config),
        d_mlp=d_mlp if type(d_mlp) is int and d_mlp > 0 else 0,  # not always stated as one number
    )


def make_token_counter(directory: Path) -> Callable[[Prompt], int]:
    """Return a function that counts the tokens of a prompt; of a generated text, the maximum.

    The function reads the tokenizer when it is first called.
    """

    @cache
    def tokenizer() -> Any:
        from layerbook.model.tokenizer import ModelTokenizer

        return ModelTokenizer.load(directory)

    def count(prompt: Prompt) -> int:
        if prompt.generated is not None:
            return count(prompt.generated.prompt) + prompt.generated.max_new_tokens
        return len(tokenizer().encode(prompt).ids)

    return count


def read_config(directory: Path) -> dict[str, Any]:
    """Read the `config.json` of a directory; ModelError if the directory cannot be loaded."""
    if (directory / "adapter_config.json").is_file():
        raise ModelError(
            f"{directory}: this is an adapter (adapter_config.json), not a whole model; merge it "
            "into its base model and save that"
        )
    try:
        config = read_json(directory / "config.json")
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{directory}: not a model's folder: config.json cannot be read ({error})"
        ) from error
    if not isinstance(config, dict):
        raise ModelError(f"{directory}: config.json is not an object")
    try:
        check_config(config)
    except ModelError as error:
        raise ModelError(f"{directory}: {error}") from error
    if config.get("quantization_config"):
        raise ModelError(
            f"{directory}: the weights are quantized; give plain safetensors, or a GGUF file"
        )
    for name in sorted(weight_files(directory)):
        if not (directory / name).is_file():
            raise ModelError(f"{directory}: {name} is missing; the download may be incomplete")
    if not (directory / "tokenizer.json").is_file():
        raise ModelError(
            f"{directory}: tokenizer.json is missing; save the tokenizer in its fast form"
        )
    return config


def weight_files(directory: Path) -> set[str]:
    """Return the names of the files with a model's weights; ModelError for a damaged index."""
    index = directory / "model.safetensors.index.json"
    if index.exists():
        try:
            names = set(read_json(index)["weight_map"].values())
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise ModelError(f"{index}: cannot be read: {error}") from error
        for name in sorted(names, key=str):
            # The digest of the weights covers these and no others.
            if not isinstance(name, str) or not SHARD_NAME.fullmatch(name):
                raise ModelError(f"{index}: {name!r:.80} is not a .safetensors file of this folder")
        return names
    pickles = [path for suffix in ("bin", "pt", "pth") for path in directory.glob(f"*.{suffix}")]
    if pickles and not (directory / "model.safetensors").is_file():
        raise ModelError(
            f"{directory}: only safetensors and GGUF are read, never pickles ({pickles[0].name})"
        )
    return {"model.safetensors"}
