"""Convert GGUF to a directory that transformers and tokenizers can load.

The file is read with the `gguf` package and written without torch. transformers' own GGUF reader
takes ten times as long, and drops the rule by which SmolLM's tokenizer splits text before BPE.
The written files are loaded again and compared with the header.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerbook.core.errors import ModelError
from layerbook.core.progress import Reporter
from layerbook.model.gguf import CONFIG_KEYS, ROPE_BASE_KEY, ROPE_FACTORS, GGUFHeader, read_header
from layerbook.model.gguf_tokenizer import compare_tokenizer, write_tokenizer
from layerbook.model.json_files import write_json

CONVERTER_VERSION = 1
"""Raise it with every change of the written files: it is part of their place in the cache."""

LOADED_SETTINGS = (*CONFIG_KEYS, "head_dim", "vocab_size", "tie_word_embeddings")


def convert(gguf_path: Path, out_dir: Path, report: Reporter | None = None) -> None:
    """Write `config.json`, `model.safetensors` (float32), `tokenizer.json` and companions.

    Raises ModelError if the file is not a fully supported Llama, or does not convert exactly. The
    caller removes incomplete files.
    """
    header = read_header(gguf_path)
    config = header.to_config()
    _write_weights(header, config, out_dir, report or Reporter())
    write_json(out_dir / "config.json", config)
    ends = {header.special_token_id("eos"), header.values.get("tokenizer.ggml.eot_token_id")}
    generation = {
        "bos_token_id": config["bos_token_id"],
        "eos_token_id": sorted(id for id in ends if id is not None),
        "pad_token_id": config["pad_token_id"],
    }
    write_json(out_dir / "generation_config.json", generation)
    write_tokenizer(header, out_dir)
    if mismatches := _find_mismatches(header, out_dir):
        listing = "".join(f"\n  {mismatch}" for mismatch in mismatches)
        raise header.error(f"the converted files differ from the GGUF:{listing}")


def _write_weights(
    header: GGUFHeader, config: Mapping[str, Any], out_dir: Path, report: Reporter
) -> None:
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    tensors = {}
    with report.task("Converting the model", len(header.tensors)) as task:
        for name, array in _converted_tensors(header, config):
            tensors[name] = array
            task.advance()
        try:
            save_file(tensors, out_dir / "model.safetensors", metadata={"format": "pt"})
        except SafetensorError as error:  # a full disk
            raise ModelError(f"the converted weights cannot be written: {error}") from error


def _converted_tensors(
    header: GGUFHeader, config: Mapping[str, Any]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield every tensor by transformers' name, dequantized."""
    from gguf import dequantize

    layout = tensor_layout(config)
    for name in (*layout, *header.tensors):
        if name not in header.tensors:
            raise header.error(f"the tensor {name} is missing")
        if name not in layout and name != ROPE_FACTORS:  # stored in the configuration instead
            raise header.error(f"the tensor {name} is not part of a plain Llama")
    for name, (target, shape) in layout.items():
        tensor = header.tensors[name]
        try:
            array = dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
        except NotImplementedError as error:
            kind = tensor.tensor_type.name
            raise header.error(f"{name} is {kind}, which gguf cannot read") from error
        if array.shape != shape:
            raise header.error(f"{name} has shape {array.shape}, not {shape}")
        if target.endswith(("q_proj.weight", "k_proj.weight")):
            array = undo_rope_permutation(array, config["head_dim"])
        yield target, np.ascontiguousarray(array)


def undo_rope_permutation(weight: NDArray[np.float32], head_size: int) -> NDArray[np.float32]:
    """Reorder the rows of a query or key projection [heads * d, D] for transformers.

    GGUF's rows are for RoPE on neighbors (2i, 2i+1), transformers computes it on (i, i + d/2).
    """
    pairs = weight.reshape(-1, head_size // 2, 2, weight.shape[1])
    return pairs.swapaxes(1, 2).reshape(weight.shape)


def tensor_layout(config: Mapping[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """Map the tensors of a plain Llama from GGUF's names to transformers' names and shapes."""
    d_model, d_mlp = config["hidden_size"], config["intermediate_size"]
    embedding = (config["vocab_size"], d_model)
    queries = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    layer_tensors: dict[str, tuple[str, tuple[int, ...]]] = {
        "attn_norm": ("input_layernorm", (d_model,)),
        "attn_q": ("self_attn.q_proj", (queries, d_model)),
        "attn_k": ("self_attn.k_proj", (keys, d_model)),
        "attn_v": ("self_attn.v_proj", (keys, d_model)),
        "attn_output": ("self_attn.o_proj", (d_model, queries)),
        "ffn_norm": ("post_attention_layernorm", (d_model,)),
        "ffn_gate": ("mlp.gate_proj", (d_mlp, d_model)),
        "ffn_up": ("mlp.up_proj", (d_mlp, d_model)),
        "ffn_down": ("mlp.down_proj", (d_model, d_mlp)),
    }
    layout: dict[str, tuple[str, tuple[int, ...]]] = {
        "token_embd.weight": ("model.embed_tokens.weight", embedding),
        "output_norm.weight": ("model.norm.weight", (d_model,)),
    }
    if not config["tie_word_embeddings"]:
        layout["output.weight"] = ("lm_head.weight", embedding)
    for layer in range(config["num_hidden_layers"]):
        for name, (target, shape) in layer_tensors.items():
            layout[f"blk.{layer}.{name}.weight"] = (f"model.layers.{layer}.{target}.weight", shape)
    return layout


def _find_mismatches(header: GGUFHeader, out_dir: Path) -> list[str]:
    """Load a converted directory, and compare it with the header it was written from."""
    from transformers.models.llama.configuration_llama import LlamaConfig

    from layerbook.model.tokenizer import ModelTokenizer

    config, tokenizer = LlamaConfig.from_pretrained(out_dir), ModelTokenizer.load(out_dir)
    declared = header.to_config()
    pairs = {name: (declared[name], getattr(config, name)) for name in LOADED_SETTINGS}
    theta = header.values.get(ROPE_BASE_KEY, 10000.0)
    pairs["rope_theta"] = (theta, config.rope_parameters["rope_theta"])
    pairs |= compare_tokenizer(header, tokenizer)
    return [
        f"{name}: {str(stored)[:60]!r} in the file, {str(loaded)[:60]!r} loaded"
        for name, (stored, loaded) in pairs.items()
        if stored != loaded
    ]
