"""Read the header of a GGUF file as a `config.json`, and reject unsupported models.

Format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerbook.core.errors import LayerbookError, ModelError, one_line
from layerbook.model.families import MAX_LAYERS, MAX_SIZE
from layerbook.model.gguf_bounds import check_bounds

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
INTEGER_SETTINGS = CONFIG_KEYS.keys() - {"rms_norm_eps", "num_key_value_heads"}
HEAD_SIZE_KEYS = (
    "llama.rope.dimension_count",
    "llama.attention.key_length",
    "llama.attention.value_length",
)
ROPE_BASE_KEY = "llama.rope.freq_base"
ROPE_FACTORS = "rope_freqs.weight"  # of Llama 3.1 and later: the divisors of the frequencies
LLAMA_3_ROPE = {  # the settings that all of them share
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 8192,
}
SUPPORTED_VALUES: Mapping[str, tuple[Any, ...]] = {  # of settings that change the computation
    "general.type": ("model",),
    "split.count": (1,),
    "llama.expert_count": (0,),
    "llama.expert_used_count": (0,),
    "llama.rope.scaling.type": ("none",),
    "tokenizer.ggml.model": ("gpt2", "llama"),
}
KEY_TYPES: Mapping[str, type] = {
    "general.architecture": str,
    "tokenizer.chat_template": str,
    CONFIG_KEYS["rms_norm_eps"]: float,
    ROPE_BASE_KEY: float,
    "tokenizer.ggml.model": str,
    "tokenizer.ggml.pre": str,
    "tokenizer.ggml.add_bos_token": bool,
    "tokenizer.ggml.add_eos_token": bool,
    "tokenizer.ggml.add_space_prefix": bool,
}
ELEMENT_TYPES: Mapping[str, type] = {
    "tokenizer.ggml.tokens": str,
    "tokenizer.ggml.merges": str,
    "tokenizer.ggml.token_type": int,
    "tokenizer.ggml.scores": float,
}
SUPPORTED_KEYS = {
    *CONFIG_KEYS.values(),
    *HEAD_SIZE_KEYS,
    *SUPPORTED_VALUES,
    *KEY_TYPES,
    *ELEMENT_TYPES,
    "llama.vocab_size",
}
GGUF_PACKAGE_MISSING = "reading GGUF needs the package `gguf`: pip install 'layerbook[model]'"
TOKENIZER_HINT = "; give the model's own folder with its tokenizer.json instead"


@dataclass(frozen=True)
class GGUFHeader:
    """The settings of a GGUF file by key, and its tensors by name."""

    path: Path
    values: Mapping[str, Any]
    tensors: Mapping[str, Any]

    def error(self, problem: str) -> ModelError:
        """Return an error that names the file."""
        return ModelError(f"{self.path.name}: {problem}")

    def require(self, key: str) -> Any:
        """Return the value of a key; ModelError if the file lacks it."""
        if key not in self.values:
            raise self.error(f"the header lacks {key}")
        return self.values[key]

    def positive_int(self, key: str, default: int | None = None) -> int:
        """Return a positive whole number, which the file must have if there is no default."""
        value = self.require(key) if default is None else self.values.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < 1:
            raise self.error(f"{key} is {value!r:.80}, not a positive whole number")
        if value > (limit := MAX_LAYERS if key.endswith("block_count") else MAX_SIZE):
            raise self.error(f"{key} is {value:,}, more than {limit:,}")
        return value

    @property
    def tokens(self) -> list[str]:
        """The vocabulary, by id."""
        return self.require("tokenizer.ggml.tokens")

    def tokens_of_type(self, *kinds: int) -> dict[int, str]:
        """Return the tokens of some types by id; ModelError unless each token has one type."""
        types: list[int] = self.require("tokenizer.ggml.token_type")
        if len(types) != len(self.tokens):
            raise self.error(
                f"{len(self.tokens)} tokens have {len(types)} types (tokenizer.ggml.token_type)"
            )
        return {id: self.tokens[id] for id, kind in enumerate(types) if kind in kinds}

    @property
    def head_dim(self) -> int:
        """The dimensions of one head."""
        width = self.positive_int("llama.embedding_length")
        heads = self.positive_int("llama.attention.head_count")
        return self.positive_int("llama.attention.key_length", width // heads)

    @property
    def rope_base(self) -> float:
        """The base of RoPE's frequencies."""
        return _shortest_decimal(self.values.get(ROPE_BASE_KEY, 10000.0))

    def rope_parameters(self) -> dict[str, Any]:
        """Return the parameters of RoPE, plain or scaled as in Llama 3.1.

        Raises ModelError if the factors in the file are not those of Llama 3.1.
        """
        plain = {"rope_type": "default", "rope_theta": self.rope_base}
        if ROPE_FACTORS not in self.tensors:
            return plain
        factors = np.asarray(self.tensors[ROPE_FACTORS].data, dtype=np.float32).ravel()
        largest = float(factors.max(initial=1.0))
        expected = _llama_3_factors(self.head_dim, self.rope_base, largest)
        if factors.shape != expected.shape or not np.allclose(factors, expected, rtol=1e-4):
            raise self.error(
                f"{ROPE_FACTORS} scales RoPE differently from Llama 3.1, "
                "which is not supported; give the model's own folder instead"
            )
        if largest == 1:
            return plain
        return {**plain, "rope_type": "llama3", "factor": largest, **LLAMA_3_ROPE}

    def special_token_id(self, role: str) -> int | None:
        """Return the id of the bos, eos, unk or pad token."""
        id = self.values.get(f"tokenizer.ggml.{TOKEN_ROLES[role]}_token_id")
        if id is not None and not 0 <= id < len(self.tokens):
            raise self.error(f"the {role} token has id {id}, outside the vocabulary")
        return id

    def to_config(self) -> dict[str, Any]:
        """Return the contents of `config.json`."""
        heads = self.positive_int("llama.attention.head_count")
        config: dict[str, Any] = {
            name: self.positive_int(CONFIG_KEYS[name]) for name in sorted(INTEGER_SETTINGS)
        }
        return config | {
            "num_key_value_heads": self.positive_int("llama.attention.head_count_kv", heads),
            "architectures": ["LlamaForCausalLM"],
            "model_type": "llama",
            "dtype": "float32",
            "hidden_act": "silu",
            "attention_bias": False,
            "mlp_bias": False,
            "head_dim": self.head_dim,
            "rms_norm_eps": _shortest_decimal(self.require(CONFIG_KEYS["rms_norm_eps"])),
            "rope_parameters": self.rope_parameters(),
            "vocab_size": self.positive_int("llama.vocab_size", len(self.tokens)),
            "tie_word_embeddings": "output.weight" not in self.tensors,
            "bos_token_id": self.special_token_id("bos"),
            "eos_token_id": self.special_token_id("eos"),
            "pad_token_id": self.special_token_id("pad"),
        }


@contextmanager
def damaged_gguf_as_model_errors(path: Path) -> Iterator[None]:
    """Turn any exception raised by invalid headers or tensors into a ModelError."""
    try:
        yield
    except (LayerbookError, OSError):
        raise
    except Exception as error:
        reason = one_line(f"{type(error).__name__}: {error}")
        raise ModelError(f"{path.name}: cannot be read as a model ({reason})") from error


def read_header(path: Path) -> GGUFHeader:
    """Read a GGUF's header; ModelError if it is not a Llama, or not one that is fully supported."""
    try:
        from gguf import GGUFReader
    except ImportError as error:
        raise ModelError(GGUF_PACKAGE_MISSING) from error
    try:
        check_bounds(path)
        reader = GGUFReader(path)
        values = {name: field.contents() for name, field in reader.fields.items()}
        tensors = {tensor.name: tensor for tensor in reader.tensors}
        # A thousand tensors could lie in the same place, and would all be written out.
        if sum(int(tensor.n_bytes) for tensor in reader.tensors) > path.stat().st_size:
            raise ValueError("its tensors overlap")
    except Exception as error:  # the reader checks little, so a broken file can fail anywhere
        raise ModelError(
            f"{path.name} cannot be read as GGUF ({one_line(error)}); it may be incomplete"
        ) from error
    header = GGUFHeader(path, values, tensors)
    _check_types(header)
    _check_supported(header)
    return header


def _check_types(header: GGUFHeader) -> None:
    """Raise ModelError for the first value that is of another type than its key has."""
    for key, value in header.values.items():
        kind = int if key.endswith("_token_id") else KEY_TYPES.get(key)
        elements = ELEMENT_TYPES.get(key)
        if elements is not None:
            expected = f"a list of {elements.__name__}"
            fits = isinstance(value, list) and all(type(part) is elements for part in value)
        else:
            expected = kind.__name__ if kind else "finite"
            fits = kind is None or isinstance(value, kind)
            fits = fits and not (isinstance(value, float) and not math.isfinite(value))
        if not fits:
            raise header.error(f"{key} is {str(value)!r:.40}, but should be {expected}")


def _check_supported(header: GGUFHeader) -> None:
    """Raise ModelError for the first setting that is not supported."""
    architecture = header.values.get("general.architecture")
    if architecture != "llama":
        raise header.error(
            f"the architecture is {architecture!r:.80}; "
            "only 'llama' (the Llama family) is supported"
        )
    for key, value in header.values.items():
        supported = SUPPORTED_VALUES.get(key, (value,))
        if value not in supported:
            hint = TOKENIZER_HINT if key.startswith("tokenizer") else ""
            values = " or ".join(map(repr, supported))
            raise header.error(f"{key} is {value!r:.80}; only {values} is supported{hint}")
        relevant = key.startswith(("llama.", "tokenizer.ggml.", "split."))
        if relevant and key not in SUPPORTED_KEYS and not key.endswith("_token_id"):
            raise header.error(
                f"the setting {key} = {value!r:.80} is not supported, and may change results"
            )
    for key in HEAD_SIZE_KEYS:
        size = header.positive_int(key, header.head_dim)
        if size != header.head_dim:
            raise header.error(f"{key} is {size}, but a head has {header.head_dim} dimensions")


def _shortest_decimal(value: float) -> float:
    """Return a float32 in its shortest decimal: 1e-05, not 9.999999747378752e-06."""
    return float(str(np.float32(value)))


def _llama_3_factors(head_size: int, base: float, largest: float) -> NDArray[np.float64]:
    """Return the factors [d/2] of Llama 3.1, from 1 for short wavelengths to `largest` for long."""
    context = LLAMA_3_ROPE["original_max_position_embeddings"]
    low, high = LLAMA_3_ROPE["low_freq_factor"], LLAMA_3_ROPE["high_freq_factor"]
    wavelengths = 2 * np.pi * base ** (np.arange(0, head_size, 2) / head_size)
    smooth = np.clip((context / wavelengths - low) / (high - low), 0, 1)
    return 1 / ((1 - smooth) / largest + smooth)
