"""GGUF to a directory that transformers and tokenizers load as it is: `config.json`, float32 safetensors, tokenizer.

The file is read with the `gguf` package and written out by hand, without torch. transformers' own GGUF reader
takes ten times as long, and drops the rule by which SmolLM's tokenizer splits text before BPE. Whatever the header
says and is not understood is refused rather than ignored, and what was written is read back through transformers'
configuration and the tokenizer, and compared with the header, before it counts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerbook.core.errors import ModelError
from layerbook.core.progress import Reporter, SilentReporter
from layerbook.model.gguf import CONFIG_KEYS, HEAD_SIZE_KEYS, TOKEN_ROLES, GGUFHeader, read_header

CONTROL, USER_DEFINED = 3, 4  # values of tokenizer.ggml.token_type


def convert(gguf_path: Path, out_dir: Path, report: Reporter | None = None) -> None:
    """Write a GGUF out as `config.json`, `model.safetensors` (float32), `tokenizer.json` and what goes with them.

    Raises ModelError where the file is not a Llama, carries what is not understood, or what was written does
    not read back as the header has it. Half-written files are the caller's to remove.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import save_file

    header = read_header(gguf_path)
    config = header.to_config()
    with (report or SilentReporter()).task("Converting the model", len(header.tensors)) as task:
        tensors = {}
        for name, array in _converted_tensors(header, config):
            tensors[name] = array
            task.advance()
        try:
            save_file(tensors, out_dir / "model.safetensors", metadata={"format": "pt"})
        except SafetensorError as error:  # a full disk
            raise ModelError(f"the converted weights cannot be written: {error}") from error
    _write_json(out_dir / "config.json", config)
    ends = sorted(
        {
            id
            for id in (
                header.special_token_id("eos"),
                header.values.get("tokenizer.ggml.eot_token_id"),
            )
            if id is not None
        }
    )
    generation = {
        "bos_token_id": config["bos_token_id"],
        "eos_token_id": ends,
        "pad_token_id": config["pad_token_id"],
    }
    _write_json(out_dir / "generation_config.json", generation)
    write_tokenizer(header, out_dir)
    check_conversion(header, out_dir)


def _write_json(path: Path, value: Any) -> None:
    path.write_text(
        json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )


def _converted_tensors(
    header: GGUFHeader, config: Mapping[str, Any]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Every tensor by transformers' name, dequantised; ModelError for one missing, left over or of another shape."""
    from gguf import dequantize

    expected = tensor_layout(config)
    for name in [
        *(name for name in expected if name not in header.tensors),
        *(set(header.tensors) - set(expected)),
    ]:
        what = "is missing" if name in expected else "is not part of a plain Llama"
        raise ModelError(f"{header.path.name}: the tensor {name} {what}")
    for name, (target, shape) in expected.items():
        tensor = header.tensors[name]
        try:
            array = dequantize(tensor.data, tensor.tensor_type).astype(np.float32, copy=False)
        except NotImplementedError as error:
            raise ModelError(
                f"{header.path.name}: {name} is {tensor.tensor_type.name}, which gguf cannot read"
            ) from error
        if array.shape != shape:
            raise ModelError(f"{header.path.name}: {name} has shape {array.shape}, not {shape}")
        if target.endswith(("q_proj.weight", "k_proj.weight")):
            array = undo_rope_permutation(array, config["head_dim"])
        yield target, np.ascontiguousarray(array)


def undo_rope_permutation(weight: NDArray[np.float32], head_size: int) -> NDArray[np.float32]:
    """Rows of a query or key projection [heads * d, D], from RoPE on neighbours (2i, 2i+1) to RoPE on (i, i + d/2).

    GGUF keeps Llama's rows in the order of the first, transformers computes the second.
    """
    pairs = weight.reshape(-1, head_size // 2, 2, weight.shape[1])
    return pairs.swapaxes(1, 2).reshape(weight.shape)


def tensor_layout(config: Mapping[str, Any]) -> dict[str, tuple[str, tuple[int, ...]]]:
    """GGUF tensor name -> (transformers' name, shape) for every tensor of a Llama without biases."""
    d_model, d_mlp, d_vocab = (
        config["hidden_size"],
        config["intermediate_size"],
        config["vocab_size"],
    )
    queries = config["num_attention_heads"] * config["head_dim"]
    keys = config["num_key_value_heads"] * config["head_dim"]
    names = {
        "token_embd.weight": ("model.embed_tokens.weight", (d_vocab, d_model)),
        "output_norm.weight": ("model.norm.weight", (d_model,)),
    }
    if not config["tie_word_embeddings"]:
        names["output.weight"] = ("lm_head.weight", (d_vocab, d_model))
    for layer in range(config["num_hidden_layers"]):
        for name, target, shape in (
            ("attn_norm", "input_layernorm", (d_model,)),
            ("attn_q", "self_attn.q_proj", (queries, d_model)),
            ("attn_k", "self_attn.k_proj", (keys, d_model)),
            ("attn_v", "self_attn.v_proj", (keys, d_model)),
            ("attn_output", "self_attn.o_proj", (d_model, queries)),
            ("ffn_norm", "post_attention_layernorm", (d_model,)),
            ("ffn_gate", "mlp.gate_proj", (d_mlp, d_model)),
            ("ffn_up", "mlp.up_proj", (d_mlp, d_model)),
            ("ffn_down", "mlp.down_proj", (d_model, d_mlp)),
        ):
            names[f"blk.{layer}.{name}.weight"] = (f"model.layers.{layer}.{target}.weight", shape)
    return names


def write_tokenizer(header: GGUFHeader, out_dir: Path) -> None:
    """Write `tokenizer.json`, `tokenizer_config.json` and the chat template of a byte-level BPE tokenizer."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, processors

    tokens, types = (
        header.require("tokenizer.ggml.tokens"),
        header.require("tokenizer.ggml.token_type"),
    )
    merges = [tuple(merge.split(" ", 1)) for merge in header.require("tokenizer.ggml.merges")]
    try:
        backend = Tokenizer(
            models.BPE(vocab={text: id for id, text in enumerate(tokens)}, merges=merges)
        )
    except Exception as error:  # the library raises bare Exception
        raise ModelError(
            f"{header.path.name}: the tokenizer's merges do not fit its vocabulary: {error}"
        ) from error
    backend.pre_tokenizer = pre_tokenizer(header)
    backend.decoder = decoders.ByteLevel()
    for kind in (CONTROL, USER_DEFINED):
        of_kind = [text for text, type in zip(tokens, types, strict=True) if type == kind]
        special = kind == CONTROL
        add = backend.add_special_tokens if special else backend.add_tokens
        add([AddedToken(text, special=special, normalized=False) for text in of_kind])
    names = {
        role: tokens[id]
        for role in TOKEN_ROLES
        if (id := header.special_token_id(role)) is not None
    }
    around = [
        names[role] if header.values.get(f"tokenizer.ggml.add_{role}_token") else ""
        for role in ("bos", "eos")
    ]
    if any(around):
        single = " ".join(filter(None, (around[0], "$A", around[1])))
        used = [(text, tokens.index(text)) for text in dict.fromkeys(around) if text]
        backend.post_processor = processors.TemplateProcessing(single=single, special_tokens=used)
    backend.save(str(out_dir / "tokenizer.json"))
    settings = {f"{role}_token": text for role, text in names.items()}
    settings |= {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
    }
    settings["model_max_length"] = header.positive_int(CONFIG_KEYS["max_position_embeddings"])
    _write_json(out_dir / "tokenizer_config.json", settings)
    if template := header.values.get("tokenizer.chat_template"):
        (out_dir / "chat_template.jinja").write_bytes(template.encode())


def pre_tokenizer(header: GGUFHeader) -> Any:
    """How text is cut before BPE, by the name that `tokenizer.ggml.pre` gives the rule.

    smollm: every digit by itself, then the rule of GPT-2, so that whitespace before a digit stays together
    (`"  10"` is `ĠĠ 1 0`; with the rule of GPT-2 alone it is `Ġ Ġ 1 0`).
    """
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    bytewise = ByteLevel(
        add_prefix_space=bool(header.values.get("tokenizer.ggml.add_space_prefix", False))
    )
    rules = {"smollm": Sequence([Digits(individual_digits=True), bytewise]), "gpt-2": bytewise}
    name = header.require("tokenizer.ggml.pre")
    if name not in rules:
        raise ModelError(
            f"{header.path.name}: the tokenizer's rule {name!r} (tokenizer.ggml.pre) is not known, only "
            f"{', '.join(rules)}; give the model's own folder with its tokenizer.json instead"
        )
    return rules[name]


def check_conversion(header: GGUFHeader, out_dir: Path) -> None:
    """Read back what was written, as it will be loaded, and compare it with the header; ModelError at a difference."""
    wrong = [
        f"\n  {key}: {str(said)[:60]!r} in the file, {str(loaded)[:60]!r} loaded"
        for key, said, loaded in loaded_settings(header, out_dir)
        if said != loaded
    ]
    if wrong:
        raise ModelError(
            f"{header.path.name}: the conversion does not read back as the file has it:{''.join(wrong)}"
        )


def loaded_settings(header: GGUFHeader, out_dir: Path) -> Iterator[tuple[str, Any, Any]]:
    """For every setting of the header that is converted: its key, its value there, its value as loaded."""
    from transformers.models.llama.configuration_llama import LlamaConfig

    from layerbook.model.tokenizer import ModelTokenizer

    values, config, tokenizer = (
        header.values,
        LlamaConfig.from_pretrained(out_dir),
        ModelTokenizer.load(out_dir),
    )
    for name, key in CONFIG_KEYS.items():
        if key in values:
            yield key, np.float32(values[key]), np.float32(getattr(config, name))
    for key in HEAD_SIZE_KEYS:
        yield key, values.get(key, header.head_dim), config.head_dim
    yield (
        "llama.rope.freq_base",
        values.get("llama.rope.freq_base", 10000.0),
        config.rope_parameters["rope_theta"],
    )
    yield "llama.vocab_size", values.get("llama.vocab_size", tokenizer.size), config.vocab_size
    yield "output.weight", "output.weight" not in header.tensors, config.tie_word_embeddings
    merges = json.loads(tokenizer.backend.to_str())["model"]["merges"]
    tokens, types = values["tokenizer.ggml.tokens"], values["tokenizer.ggml.token_type"]
    yield (
        "tokenizer.ggml.tokens",
        tokens,
        [tokenizer.backend.id_to_token(id) for id in range(tokenizer.size)],
    )
    yield (
        "tokenizer.ggml.merges",
        values["tokenizer.ggml.merges"],
        [" ".join(pair) for pair in merges],
    )
    yield (
        "tokenizer.ggml.token_type",
        {i for i, t in enumerate(types) if t == CONTROL},
        set(tokenizer.special_ids),
    )
    yield (
        "tokenizer.ggml.pre",
        pre_tokenizer(header).__getstate__(),
        tokenizer.backend.pre_tokenizer.__getstate__(),
    )
    for role in TOKEN_ROLES:
        yield (
            f"{role} token",
            header.special_token_id(role),
            dict(tokenizer.role_ids).get(f"{role}_token"),
        )
    yield (
        "tokenizer.chat_template",
        values.get("tokenizer.chat_template", ""),
        tokenizer.chat_template,
    )
    plain = tokenizer.backend.encode("").ids
    added = [
        header.special_token_id(role)
        for role in ("bos", "eos")
        if values.get(f"tokenizer.ggml.add_{role}_token")
    ]
    yield "tokenizer.ggml.add_bos_token", added, plain
