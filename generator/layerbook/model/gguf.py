"""What a GGUF file says of itself: its header as `config.json` has it, and the refusal of what is not understood.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from layerbook.core.errors import ModelError

TOKEN_ROLES = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
CONFIG_KEYS = {  # config.json's name -> the header's
    "num_hidden_layers": "llama.block_count",
    "hidden_size": "llama.embedding_length",
    "intermediate_size": "llama.feed_forward_length",
    "num_attention_heads": "llama.attention.head_count",
    "num_key_value_heads": "llama.attention.head_count_kv",
    "max_position_embeddings": "llama.context_length",
    "rms_norm_eps": "llama.attention.layer_norm_rms_epsilon",
}
HEAD_SIZE_KEYS = (
    "llama.rope.dimension_count",
    "llama.attention.key_length",
    "llama.attention.value_length",
)
REQUIRED_VALUES = {  # settings that change the computation, and the only values computed here
    "general.type": "model",
    "split.count": 1,
    "llama.expert_count": 0,
    "llama.expert_used_count": 0,
    "llama.rope.scaling.type": "none",
    "tokenizer.ggml.model": "gpt2",
}
SUPPORTED_KEYS = {
    *CONFIG_KEYS.values(),
    *HEAD_SIZE_KEYS,
    *REQUIRED_VALUES,
    "llama.rope.freq_base",
    "llama.vocab_size",
    *(f"tokenizer.ggml.{name}" for name in ("pre", "tokens", "token_type", "scores", "merges")),
    *(f"tokenizer.ggml.{name}" for name in ("add_bos_token", "add_eos_token", "add_space_prefix")),
}


@dataclass(frozen=True)
class GGUFHeader:
    """What a GGUF says of itself, key by key, and its tensors: name -> (data, type) as they lie in the file."""

    path: Path
    values: Mapping[str, Any]
    tensors: Mapping[str, Any]

    def require(self, key: str) -> Any:
        """The value of a key; ModelError where the file lacks it."""
        if key not in self.values:
            raise ModelError(f"{self.path.name}: the header lacks {key}")
        return self.values[key]

    def positive_int(self, key: str, default: int | None = None) -> int:
        """A positive whole number (default None: it must be there)."""
        value = self.values.get(key, default) if default is not None else self.require(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ModelError(f"{self.path.name}: {key} is {value!r}, not a positive whole number")
        return value

    @property
    def head_dim(self) -> int:
        """Dimensions of one head."""
        split = self.positive_int("llama.embedding_length") // self.positive_int(
            "llama.attention.head_count"
        )
        return self.positive_int("llama.attention.key_length", split)

    def special_token_id(self, role: str) -> int | None:
        """The id of the bos, eos, unk or pad token."""
        id = self.values.get(f"tokenizer.ggml.{TOKEN_ROLES[role]}_token_id")
        if id is not None and not 0 <= id < len(self.require("tokenizer.ggml.tokens")):
            raise ModelError(
                f"{self.path.name}: the {role} token has id {id}, outside the vocabulary"
            )
        return id

    def to_config(self) -> dict[str, Any]:
        """The contents of `config.json`."""
        heads = self.positive_int("llama.attention.head_count")
        config: dict[str, Any] = {
            name: self.positive_int(key)
            for name, key in CONFIG_KEYS.items()
            if name in INTEGER_SETTINGS
        }
        config["num_key_value_heads"] = self.positive_int("llama.attention.head_count_kv", heads)
        config |= {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "dtype": "float32",
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
            "head_dim": self.head_dim,
            # The header's float32 in its shortest decimal: 1e-05, not 9.999999747378752e-06.
            "rms_norm_eps": float(str(np.float32(self.require(CONFIG_KEYS["rms_norm_eps"])))),
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": float(
                    str(np.float32(self.values.get("llama.rope.freq_base", 10000.0)))
                ),
            },
            "vocab_size": self.positive_int(
                "llama.vocab_size", len(self.require("tokenizer.ggml.tokens"))
            ),
            "tie_word_embeddings": "output.weight" not in self.tensors,
        }
        return config | {
            f"{role}_token_id": self.special_token_id(role) for role in ("bos", "eos", "pad")
        }


INTEGER_SETTINGS = frozenset(CONFIG_KEYS) - {"rms_norm_eps", "num_key_value_heads"}


def read_header(path: Path) -> GGUFHeader:
    """Read a GGUF's header; ModelError where it is no GGUF, no Llama, or says what is not understood here."""
    try:
        from gguf import GGUFReader
    except ImportError as error:
        raise ModelError(
            "reading GGUF needs the package `gguf`: pip install 'layerbook[model]'"
        ) from error
    try:
        reader = GGUFReader(path)
        values = {name: field.contents() for name, field in reader.fields.items()}
        tensors = {tensor.name: tensor for tensor in reader.tensors}
    except Exception as error:  # the reader checks little, so a broken file fails anywhere in it
        raise ModelError(
            f"{path.name} cannot be read as GGUF ({error}); it may be incomplete"
        ) from error
    header = GGUFHeader(path, values, tensors)
    if values.get("general.architecture") != "llama":
        found = values.get("general.architecture")
        raise ModelError(
            f"{path.name}: the architecture is {found!r}; only 'llama' (the Llama family) is supported"
        )
    for key, value in values.items():
        if key in REQUIRED_VALUES and value != REQUIRED_VALUES[key]:
            raise ModelError(
                f"{path.name}: {key} is {value!r}; only {REQUIRED_VALUES[key]!r} is supported{_tokenizer_hint(key)}"
            )
        ours = key.startswith(("llama.", "tokenizer.ggml.", "split.")) and not key.endswith(
            "_token_id"
        )
        if ours and key not in SUPPORTED_KEYS:
            raise ModelError(
                f"{path.name}: the setting {key} = {value!r} is not understood, and may change results"
            )
    for key in HEAD_SIZE_KEYS:
        if header.positive_int(key, header.head_dim) != header.head_dim:
            raise ModelError(
                f"{path.name}: {key} is {values[key]}, but a head has {header.head_dim} dimensions"
            )
    return header


def _tokenizer_hint(key: str) -> str:
    return (
        "; give the model's own folder with its tokenizer.json instead"
        if key.startswith("tokenizer")
        else ""
    )
