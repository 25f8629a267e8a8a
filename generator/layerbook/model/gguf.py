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

ROLES = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
NUMBERS = {  # config.json's name -> the header's
    "num_hidden_layers": "llama.block_count",
    "hidden_size": "llama.embedding_length",
    "intermediate_size": "llama.feed_forward_length",
    "num_attention_heads": "llama.attention.head_count",
    "num_key_value_heads": "llama.attention.head_count_kv",
    "max_position_embeddings": "llama.context_length",
    "rms_norm_eps": "llama.attention.layer_norm_rms_epsilon",
}
HEAD_SIZES = (
    "llama.rope.dimension_count",
    "llama.attention.key_length",
    "llama.attention.value_length",
)
MUST_BE = {  # settings that change the computation, and the only values computed here
    "general.type": "model",
    "split.count": 1,
    "llama.expert_count": 0,
    "llama.expert_used_count": 0,
    "llama.rope.scaling.type": "none",
    "tokenizer.ggml.model": "gpt2",
}
UNDERSTOOD = {
    *NUMBERS.values(),
    *HEAD_SIZES,
    *MUST_BE,
    "llama.rope.freq_base",
    "llama.vocab_size",
    *(f"tokenizer.ggml.{name}" for name in ("pre", "tokens", "token_type", "scores", "merges")),
    *(f"tokenizer.ggml.{name}" for name in ("add_bos_token", "add_eos_token", "add_space_prefix")),
}


@dataclass(frozen=True)
class Header:
    """What a GGUF says of itself, key by key, and its tensors: name -> (data, type) as they lie in the file."""

    path: Path
    values: Mapping[str, Any]
    tensors: Mapping[str, Any]

    def need(self, key: str) -> Any:
        """The value of a key; ModelError where the file lacks it."""
        if key not in self.values:
            raise ModelError(f"{self.path.name}: the header lacks {key}")
        return self.values[key]

    def whole(self, key: str, default: int | None = None) -> int:
        """A positive whole number (default None: it must be there)."""
        value = self.values.get(key, default) if default is not None else self.need(key)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise ModelError(f"{self.path.name}: {key} is {value!r}, not a positive whole number")
        return value

    @property
    def head_size(self) -> int:
        """Dimensions of one head."""
        split = self.whole("llama.embedding_length") // self.whole("llama.attention.head_count")
        return self.whole("llama.attention.key_length", split)

    def role(self, role: str) -> int | None:
        """The id of the bos, eos, unk or pad token."""
        id = self.values.get(f"tokenizer.ggml.{ROLES[role]}_token_id")
        if id is not None and not 0 <= id < len(self.need("tokenizer.ggml.tokens")):
            raise ModelError(
                f"{self.path.name}: the {role} token has id {id}, outside the vocabulary"
            )
        return id

    def config(self) -> dict[str, Any]:
        """The contents of `config.json`."""
        heads = self.whole("llama.attention.head_count")
        config: dict[str, Any] = {
            name: self.whole(key) for name, key in NUMBERS.items() if name in WHOLE
        }
        config["num_key_value_heads"] = self.whole("llama.attention.head_count_kv", heads)
        config |= {
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "dtype": "float32",
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
            "head_dim": self.head_size,
            # The header's float32 in its shortest decimal: 1e-05, not 9.999999747378752e-06.
            "rms_norm_eps": float(str(np.float32(self.need(NUMBERS["rms_norm_eps"])))),
            "rope_parameters": {
                "rope_type": "default",
                "rope_theta": float(
                    str(np.float32(self.values.get("llama.rope.freq_base", 10000.0)))
                ),
            },
            "vocab_size": self.whole("llama.vocab_size", len(self.need("tokenizer.ggml.tokens"))),
            "tie_word_embeddings": "output.weight" not in self.tensors,
        }
        return config | {f"{role}_token_id": self.role(role) for role in ("bos", "eos", "pad")}


WHOLE = frozenset(NUMBERS) - {"rms_norm_eps", "num_key_value_heads"}


def read_header(path: Path) -> Header:
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
    header = Header(path, values, tensors)
    if values.get("general.architecture") != "llama":
        found = values.get("general.architecture")
        raise ModelError(
            f"{path.name}: the architecture is {found!r}; only 'llama' (the Llama family) is supported"
        )
    for key, value in values.items():
        if key in MUST_BE and value != MUST_BE[key]:
            raise ModelError(
                f"{path.name}: {key} is {value!r}; only {MUST_BE[key]!r} is supported{_instead(key)}"
            )
        ours = key.startswith(("llama.", "tokenizer.ggml.", "split.")) and not key.endswith(
            "_token_id"
        )
        if ours and key not in UNDERSTOOD:
            raise ModelError(
                f"{path.name}: the setting {key} = {value!r} is not understood, and may change results"
            )
    for key in HEAD_SIZES:
        if header.whole(key, header.head_size) != header.head_size:
            raise ModelError(
                f"{path.name}: {key} is {values[key]}, but a head has {header.head_size} dimensions"
            )
    return header


def _instead(key: str) -> str:
    return (
        "; give the model's own folder with its tokenizer.json instead"
        if key.startswith("tokenizer")
        else ""
    )
