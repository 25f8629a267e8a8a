"""Converting a GGUF file gives the same model; unsupported settings are refused."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.gguf_file import gguf_settings, write_gguf
from fixtures.tiny_llama import write_tiny_model
from layerbook.core.errors import ModelError
from layerbook.model.convert import CONVERTER_VERSION, convert
from layerbook.model.tokenizer import ModelTokenizer
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer
from transformers.models.llama.modeling_llama import LlamaForCausalLM

TEXTS = [
    "The cat sat on the table.",
    "  10",
    "a  2 + 2 = 4\n\n",
    "naïve 🙂",
    "<|im_start|>user\nhi<|im_end|>\n",
]


def logits(directory: Path) -> np.ndarray:
    """Return transformers' logits [T, V] of a fixed sequence."""
    model = LlamaForCausalLM.from_pretrained(
        directory, attn_implementation="eager", dtype=torch.float32
    ).eval()
    with torch.inference_mode():
        return model(torch.arange(3, 43)[None]).logits[0].numpy()


def converted(gguf: Path, out: Path) -> Path:
    out.mkdir()
    convert(gguf, out)
    return out


@pytest.fixture(scope="module")
def out(tiny_model_dir, tmp_path_factory):
    """Write the tiny model as GGUF in float32, and convert it back."""
    folder = tmp_path_factory.mktemp("convert")
    return converted(write_gguf(tiny_model_dir, folder / "tiny.gguf"), folder / "out")


WRITTEN_FILES = {1: "5d28d452f486f77e605bc56edfec4534295b4712b8c4f58155ea64be9cbd99b8"}
"""The digest of what each version of the converter writes for the same GGUF."""


def test_other_output_needs_a_new_version(tiny_model_dir, tmp_path):
    """Without one, caches would go on giving the files of the older converter."""
    numbered = shutil.copytree(tiny_model_dir, tmp_path / "numbered")
    weights = load_file(numbered / "model.safetensors")
    for name, weight in weights.items():
        weights[name] = np.arange(weight.size, dtype=np.float32).reshape(weight.shape)
    save_file(weights, numbered / "model.safetensors")
    out = converted(write_gguf(numbered, tmp_path / "numbered.gguf"), tmp_path / "out")

    digest = hashlib.sha256()
    for path in sorted(out.iterdir()):
        digest.update(path.name.encode())
        if path.suffix == ".json":
            digest.update(json.dumps(json.loads(path.read_text()), sort_keys=True).encode())
        elif path.suffix == ".safetensors":
            for name, weight in sorted(load_file(path).items()):
                digest.update(f"{name} {weight.shape} {weight.dtype}".encode() + weight.tobytes())
        else:
            digest.update(path.read_bytes())
    assert digest.hexdigest() == WRITTEN_FILES[CONVERTER_VERSION]


def test_conversion_keeps_the_logits(tiny_model_dir, out):
    """A float32 GGUF converts to exactly the logits of the model it was written from."""
    before = logits(tiny_model_dir)

    assert before.std() > 0.1
    assert np.array_equal(before, logits(out))


def test_tied_weights_stay_tied(out):
    """Without an output matrix in the file, the unembedding is the embedding."""
    model = LlamaForCausalLM.from_pretrained(out)
    assert model.lm_head.weight is model.model.embed_tokens.weight
    assert "lm_head.weight" not in load_file(out / "model.safetensors")


def test_untied_weights_stay_untied(tmp_path):
    """A model with its own output matrix keeps it, and so keeps its logits."""
    (tmp_path / "untied").mkdir()
    source = write_tiny_model(tmp_path / "untied", tie_word_embeddings=False)
    out = converted(write_gguf(source, tmp_path / "untied.gguf"), tmp_path / "out")

    assert np.array_equal(logits(source), logits(out))
    assert not json.loads((out / "config.json").read_text())["tie_word_embeddings"]


def test_quantized_weights_become_float32(tiny_model_dir, tmp_path):
    """Q8_0 blocks (int8 times a scale per 32) are dequantized, close to the original."""
    out = converted(
        write_gguf(tiny_model_dir, tmp_path / "q8.gguf", quantized=True), tmp_path / "out"
    )
    name = "model.layers.1.mlp.down_proj.weight"
    before, after = (
        load_file(tiny_model_dir / "model.safetensors")[name],
        load_file(out / "model.safetensors")[name],
    )
    blocks = before.reshape(-1, 32)
    scale = (np.abs(blocks).max(axis=1, keepdims=True) / 127).astype(np.float16).astype(np.float32)

    assert after.dtype == np.float32
    error = np.abs(after - before).reshape(-1, 32)
    assert (error <= 0.51 * scale + np.abs(blocks) * 1e-3).all()
    assert 0 < error.max()


def test_conversion_keeps_the_tokenizer(tiny_model_dir, out):
    """Ids, special tokens, roles and chat template stay the same."""
    before, after = ModelTokenizer.load(tiny_model_dir), ModelTokenizer.load(out)

    for text in TEXTS:
        assert after.backend.encode(text).ids == before.backend.encode(text).ids
        assert after.decode(after.backend.encode(text).ids) == text
    assert (after.role_ids, after.special_ids, after.chat_template) == (
        before.role_ids,
        before.special_ids,
        before.chat_template,
    )


def test_transformers_reads_the_same_tokenizer(out):
    """`AutoTokenizer` on the converted directory gives the ids of `tokenizer.json` alone."""
    from transformers import AutoTokenizer

    reference, loaded = (
        AutoTokenizer.from_pretrained(out),
        Tokenizer.from_file(str(out / "tokenizer.json")),
    )
    for text in TEXTS:
        assert reference(text, add_special_tokens=False).input_ids == loaded.encode(text).ids
    chat = reference.apply_chat_template(
        [{"role": "user", "content": "hi"}], tokenize=False, add_generation_prompt=True
    )
    assert chat == "<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n"
    assert (reference.bos_token_id, reference.eos_token_id, reference.pad_token_id) == (1, 2, 2)


def test_whitespace_before_digits_stays_together(tiny_model_dir, tmp_path):
    """`smollm` splits into `ĠĠ`, `1`, `0`; `gpt-2` alone into `Ġ`, `Ġ10`."""
    cuts = {}
    for rule in ("smollm", "gpt-2"):
        gguf = write_gguf(tiny_model_dir, tmp_path / f"{rule}.gguf", {"tokenizer.ggml.pre": rule})
        backend = Tokenizer.from_file(str(converted(gguf, tmp_path / rule) / "tokenizer.json"))
        cuts[rule] = [piece for piece, _ in backend.pre_tokenizer.pre_tokenize_str("  10")]

    assert cuts == {"smollm": ["ĠĠ", "1", "0"], "gpt-2": ["Ġ", "Ġ10"]}


def test_settings_of_the_header_are_loaded(tiny_model_dir, tmp_path):
    """RoPE base, epsilon, context length and the end-of-turn token reach the configuration."""
    changes = {
        "llama.rope.freq_base": 12345.0,
        "llama.attention.layer_norm_rms_epsilon": 1e-6,
        "llama.context_length": 77,
        "tokenizer.ggml.eot_token_id": 5,
        "tokenizer.ggml.add_bos_token": True,
    }
    out = converted(
        write_gguf(tiny_model_dir, tmp_path / "changed.gguf", changes), tmp_path / "out"
    )
    model = LlamaForCausalLM.from_pretrained(out)

    assert model.config.rope_parameters["rope_theta"] == 12345.0
    assert model.model.rotary_emb.inv_freq[1].item() == pytest.approx(12345.0 ** (-2 / 8))
    assert model.config.rms_norm_eps == 1e-6
    assert model.config.max_position_embeddings == 77
    assert json.loads((out / "generation_config.json").read_text())["eos_token_id"] == [2, 5]
    assert Tokenizer.from_file(str(out / "tokenizer.json")).encode("a").ids[0] == 1


def llama_3_factors(size: int, base: float, factor: float) -> np.ndarray:
    """Compute the factors that llama.cpp's converter writes for Llama 3.1, term by term."""
    factors = []
    for i in range(0, size, 2):
        wavelength = 2 * np.pi * base ** (i / size)
        if wavelength < 8192 / 4:
            factors.append(1.0)
        elif wavelength > 8192:
            factors.append(factor)
        else:
            smooth = (8192 / wavelength - 1) / (4 - 1)
            factors.append(1 / ((1 - smooth) / factor + smooth))
    return np.array(factors, np.float32)


@pytest.mark.parametrize("factor", [8.0, 32.0])
def test_slow_positions_of_llama_3_are_kept(tmp_path, factor):
    """The factors in the file become a RoPE of type llama3, with transformers' frequencies."""
    parameters = {
        "rope_type": "llama3",
        "rope_theta": 500000.0,
        "factor": factor,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
    }
    (tmp_path / "model").mkdir()
    settings = {"head_dim": 16, "max_position_embeddings": 16384}
    source = write_tiny_model(tmp_path / "model", rope_parameters=parameters, **settings)
    factors = llama_3_factors(16, 500000.0, factor)
    assert len(np.unique(factors)) > 2  # some are in between
    changes = {"llama.attention.key_length": 16, "llama.attention.value_length": 16}
    extra = {"rope_freqs.weight": factors}
    gguf = write_gguf(source, tmp_path / "llama.gguf", changes, extra=extra)
    out = converted(gguf, tmp_path / "out")
    assert json.loads((out / "config.json").read_text())["rope_parameters"] == parameters
    assert np.array_equal(logits(source), logits(out))


REFUSED = [
    ({"changes": {"llama.rope.scaling.type": "yarn"}}, "llama.rope.scaling.type is 'yarn'"),
    ({"changes": {"llama.logit_scale": 2.0}}, "llama.logit_scale = 2.0 is not supported"),
    ({"changes": {"llama.expert_count": 8}}, "llama.expert_count is 8"),
    ({"changes": {"llama.rope.dimension_count": 4}}, "a head has 8 dimensions"),
    ({"changes": {"llama.block_count": 3}}, r"tensor blk\.2\.\S+ is missing"),
    ({"changes": {"llama.block_count": 0}}, "llama.block_count is 0"),
    ({"changes": {"llama.embedding_length": None}}, "the header lacks llama.embedding_length"),
    ({"changes": {"llama.feed_forward_length": 65}}, "has shape"),
    ({"changes": {"tokenizer.ggml.pre": "tekken"}}, "rule 'tekken'"),
    ({"changes": {"tokenizer.ggml.pre": None}}, "lacks tokenizer.ggml.pre"),
    ({"changes": {"tokenizer.ggml.model": "t5"}}, "model is 't5'; only 'gpt2' or 'llama'"),
    ({"changes": {"tokenizer.ggml.model": "llama"}}, "lacks tokenizer.ggml.scores"),
    ({"changes": {"tokenizer.ggml.token_type": [1, 1]}}, "320 tokens have 2 types"),
    (
        {"changes": {"tokenizer.ggml.add_bos_token": True, "tokenizer.ggml.bos_token_id": None}},
        "adds the bos token, and tokenizer.ggml.bos_token_id is missing",
    ),
    ({"changes": {"tokenizer.ggml.bos_token_id": 999}}, "bos token has id 999, outside"),
    ({"changes": {"tokenizer.ggml.merges": ["q qq"]}}, "merges do not fit"),
    ({"changes": {"llama.vocab_size": 319}}, "has shape"),
    ({"without": "blk.1.ffn_up.weight"}, "blk.1.ffn_up.weight is missing"),
    (
        {"extra": {"rope_freqs.weight": np.array([1, 2, 3, 9], np.float32)}},
        "rope_freqs.weight scales RoPE differently from Llama 3.1",
    ),
    (
        {"extra": {"blk.0.attn_q_norm.weight": np.ones(8, np.float32)}},
        "blk.0.attn_q_norm.weight is not part of a plain Llama",
    ),
    ({"architecture": "qwen2"}, "the architecture is 'qwen2'; only 'llama'"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED, ids=[message for _, message in REFUSED])
def test_refuses_unsupported_settings(tiny_model_dir, tmp_path, options, message):
    """A setting or a tensor outside a plain Llama stops the conversion with its name."""
    gguf = write_gguf(tiny_model_dir, tmp_path / "tiny.gguf", **options)
    with pytest.raises(ModelError, match=message):
        converted(gguf, tmp_path / "out")


def test_refuses_a_repeated_token(tiny_model_dir, tmp_path):
    """A vocabulary with a repeated token does not read back as it is in the file."""
    header = gguf_settings(tiny_model_dir)
    tokens, merges = header["tokenizer.ggml.tokens"], header["tokenizer.ggml.merges"]
    tokens[-1] = tokens[10]
    changes = {"tokenizer.ggml.tokens": tokens, "tokenizer.ggml.merges": merges[:1]}
    gguf = write_gguf(tiny_model_dir, tmp_path / "t.gguf", changes)
    with pytest.raises(ModelError, match=r"converted files differ.*\n.*tokenizer\.ggml\.tokens"):
        converted(gguf, tmp_path / "out")


@pytest.mark.parametrize("keep", [0, 3, 100, 0.5])
def test_refuses_a_truncated_file(tiny_model_dir, tmp_path, keep):
    """The message names the file and says that it may be incomplete."""
    data = write_gguf(tiny_model_dir, tmp_path / "whole.gguf").read_bytes()
    short = tmp_path / "short.gguf"
    short.write_bytes(data[: keep if isinstance(keep, int) else int(len(data) * keep)])
    with pytest.raises(ModelError, match=r"short\.gguf cannot be read as GGUF .* incomplete"):
        converted(short, tmp_path / "out")


@pytest.mark.model
def test_default_model_tokenizes_to_the_reference_ids(real_model_dir):
    """The ids are SmolLM2's, even for whitespace before digits."""
    backend = Tokenizer.from_file(str(real_model_dir / "tokenizer.json"))

    assert backend.encode("Hell").ids == [56, 478]
    assert backend.encode("Hello, World!").ids == [19556, 28, 2260, 17]
    assert backend.encode("  10").tokens == ["ĠĠ", "1", "0"]
    assert backend.encode("<|im_start|>").ids == [1]


@pytest.mark.model
def test_default_model_equals_the_one_transformers_reads(real_model_dir):
    """Weights and logits equal those of transformers' slow GGUF reader bit for bit."""
    from layerbook.model import sources
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    gguf = sources.resolve(sources.DEFAULT_MODEL).gguf_path()
    reference = AutoModelForCausalLM.from_pretrained(
        gguf.parent, gguf_file=gguf.name, dtype=torch.float32, attn_implementation="eager"
    ).eval()
    loaded = LlamaForCausalLM.from_pretrained(
        real_model_dir, attn_implementation="eager", dtype=torch.float32
    ).eval()

    expected = reference.state_dict()
    assert expected.keys() == loaded.state_dict().keys()
    assert all(torch.equal(weight, expected[name]) for name, weight in loaded.state_dict().items())
    ids = torch.tensor([[19556, 28, 2260, 17]])
    with torch.inference_mode():
        assert torch.equal(reference(ids).logits, loaded(ids).logits)
