"""Oversized and malicious model files are refused in one line."""

from __future__ import annotations

import base64
import json
import re
import resource
import shutil
import struct
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures.gguf_file import overlap_tensors, write_gguf
from layerbook.core.errors import ModelError
from layerbook.core.requests import ChatMessage, Prompt
from layerbook.model import sources
from layerbook.model.loaded_model import LoadedModel
from layerbook.model.tokenizer import ModelTokenizer
from layerbook.model.tokenizer_bounds import TimeLimit
from safetensors.numpy import load_file, save_file

SECONDS = 10  # generous, for busy machines; each takes less than one alone


@pytest.fixture
def folder(tiny_model_dir: Path, tmp_path: Path) -> Path:
    """Copy the tiny model, for changes."""
    return Path(shutil.copytree(tiny_model_dir, tmp_path / "copy"))


def refusal(action: Callable[[], object]) -> str:
    """Return the line of a refusal, which must not take long."""
    start = time.process_time()
    with pytest.raises(ModelError) as caught:
        action()
    assert time.process_time() - start < SECONDS
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 700
    return str(caught.value)


def peak_memory() -> int:
    """Return the largest memory of this process so far, in the system's unit."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def prepare_and_load(location: Path) -> LoadedModel:
    """Load a model as commands do."""
    return LoadedModel.load(sources.resolve(str(location)).prepare(), "tiny")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num_hidden_layers": 100_000}, "100,000 layers, more than the 1,000 that can be run"),
        ({"num_hidden_layers": 900}, "describes a model of|missing"),
        ({"vocab_size": 900_000_000}, "describes a model of"),
        ({"intermediate_size": 900_000_000}, "describes a model of"),
        ({"intermediate_size": 10**12}, "intermediate_size is 1,000,000,000,000, beyond"),
        ({"num_labels": 10_000_000}, "num_labels is 10,000,000, beyond 10,000"),
        ({"num_hidden_layers": True}, "num_hidden_layers is True, not a positive number"),
        ({"rope_scaling": "linear"}, "rope_scaling is not an object"),
        ({"model_type": "smollm3", "no_rope_layer_interval": 0}, "has the wrong type"),
        ({"model_type": "granite", "attention_multiplier": []}, "has the wrong type"),
        ({"model_type": "x" * 9000}, "the architecture is"),
        ({"intermediate_size": [0] * 5000}, "cannot load the model"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_configs_are_bounded(folder: Path, settings: dict[str, object], message: str) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))
    line = refusal(lambda: prepare_and_load(folder))
    assert any(part in line for part in message.split("|")), line


@pytest.mark.parametrize(
    "name",
    ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"],
)
@pytest.mark.parametrize("start", ["[", '{"a":'])
def test_deep_files_are_refused(folder: Path, name: str, start: str) -> None:
    """They are refused at a depth that Python can parse and at one that it cannot."""
    for depth in (100_000, 400):
        (folder / name).write_text(start * depth + "1" + {"[": "]"}.get(start, "}") * depth)
        assert refusal(lambda: prepare_and_load(folder))


def header(*settings: bytes, tensors: int = 0) -> bytes:
    """Return a GGUF header with a few settings."""
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, len(settings)) + b"".join(settings)


def setting(kind: int, value: bytes, key: bytes = b"a") -> bytes:
    """Return a GGUF setting of a type."""
    return struct.pack("<Q", len(key)) + key + struct.pack("<I", kind) + value


HEADERS = {
    "a long list": header(setting(9, struct.pack("<IQ", 0, 2**60))),
    "a long list of texts": header(setting(9, struct.pack("<IQ", 8, 2**60))),
    "a list longer than the file": header(setting(9, struct.pack("<IQ", 4, 1000))),
    "lists in lists": header(setting(9, struct.pack("<IQ", 9, 1) * 5000)),
    "a long text": header(setting(8, struct.pack("<Q", 2**40))),
    "a long key": header(struct.pack("<Q", 2**63) + b"a"),
    "many settings": b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60),
    "many tensors": header(tensors=2**60),
    "many dimensions": header(tensors=1) + struct.pack("<Q1sI", 1, b"t", 2**31),
    "big endian": b"GGUF" + struct.pack(">IQQ", 3, 2**60, 2**60),
    "an unknown type": header(setting(77, b"")),
    "a short file": b"GGUF\3\0",
    "an empty file": b"",
}


@pytest.mark.parametrize("name", HEADERS)
def test_gguf_headers_are_bounded(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(HEADERS[name])
    line = refusal(lambda: sources.resolve(str(path)).limits())
    assert line.startswith("model.gguf cannot be read as GGUF (")


@pytest.mark.parametrize(
    "changes",
    [
        {"llama.block_count": 100_000},
        {"llama.block_count": "many"},
        {"llama.attention.layer_norm_rms_epsilon": float("nan")},
        {"tokenizer.ggml.tokens": 7},
        {"tokenizer.ggml.tokens": [1, 2, 3]},
        {"tokenizer.ggml.bos_token_id": "a"},
        {"tokenizer.chat_template": 7},
        {"general.type": "a" * 9000},
    ],
    ids=str,
)
def test_gguf_settings_have_their_types(
    tiny_model_dir: Path, tmp_path: Path, changes: dict[str, object]
) -> None:
    path = write_gguf(tiny_model_dir, tmp_path / "model.gguf", changes)
    assert refusal(lambda: prepare_and_load(path)).startswith("model.gguf: ")


def edit_tokenizer(folder: Path, **parts: object) -> None:
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | parts))


def replacing(old: str, new: str) -> dict[str, object]:
    return {"type": "Replace", "pattern": {"String": old}, "content": new}


def sequence(name: str, step: dict[str, object], count: int) -> dict[str, object]:
    return {"type": "Sequence", name: [step] * count}


BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
CHINESE = {
    "type": "BertNormalizer",
    "clean_text": True,
    "handle_chinese_chars": True,
    "strip_accents": None,
    "lowercase": True,
}
LONG_CHARACTERS = {
    "precompiled_charsmap": base64.b64encode(b"\x04" + bytes(7) + b"x" * 200 + b"\0").decode()
}
TEXT, OTHER_TEXT = ({"Sequence": {"id": id, "type_id": 0}} for id in "AB")
SPECIAL_TOKENS = {
    "type": "TemplateProcessing",
    "single": [TEXT, *[{"SpecialToken": {"id": "X", "type_id": 0}}] * 2000],
    "pair": [TEXT, OTHER_TEXT],
    "special_tokens": {"X": {"id": "X", "ids": [0] * 2000, "tokens": ["a"] * 2000}},
}
SPECIAL_AROUND = {"type": "BertProcessing", "sep": ["a", 0], "cls": ["b", 1]}
EXPLOSIONS: dict[str, dict[str, object]] = {
    "doubling": {"normalizer": sequence("normalizers", replacing("a", "aa"), 40)},
    "of nothing": {"normalizer": sequence("normalizers", replacing("", "a"), 40)},
    "in sequences": {
        "normalizer": sequence("normalizers", sequence("normalizers", replacing("a", "aa"), 8), 8)
    },
    "a long content": {"normalizer": replacing("a", "b" * 1_000_000)},
    "decoding": {"decoder": sequence("decoders", replacing("a", "aa"), 40)},
    "large steps": {"normalizer": sequence("normalizers", replacing("ab", "ba"), 100_000)},
    "many steps": {"normalizer": sequence("normalizers", {"type": "Lowercase"}, 10_000)},
    "bytes of bytes": {"normalizer": sequence("normalizers", {"type": "ByteLevel"}, 32)},
    "bytes of bytes, before the model": {
        "pre_tokenizer": sequence("pretokenizers", BYTE_LEVEL, 32),
    },
    "spaces around spaces": {"normalizer": sequence("normalizers", CHINESE, 90)},
    "a table of characters": {"normalizer": {"type": "Precompiled", **LONG_CHARACTERS}},
    "many special tokens": {"post_processor": SPECIAL_TOKENS},
    "special tokens around others": {
        "post_processor": sequence("processors", SPECIAL_AROUND, 90),
    },
}


@pytest.mark.parametrize("name", EXPLOSIONS)
def test_exponential_tokenizers_are_refused(folder: Path, name: str) -> None:
    edit_tokenizer(folder, **EXPLOSIONS[name])
    line = refusal(lambda: ModelTokenizer.load(folder))
    assert re.search("times as long|is larger than|has more than 100 steps", line), line


def test_ids_are_bounded(folder: Path) -> None:
    """Loops iterate over all ids."""
    path = folder / "tokenizer.json"
    tokenizer = json.loads(path.read_text())
    tokenizer["model"]["vocab"]["far"] = 2**32 - 1
    path.write_text(json.dumps(tokenizer))
    assert "has the id 4,294,967,295" in refusal(lambda: prepare_and_load(folder))


def test_slow_regular_expressions_are_stopped(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library panics after some millions of steps, which `except Exception` does not catch."""
    monkeypatch.setenv("RUST_BACKTRACE", "0")
    pattern = {"type": "Split", "pattern": {"Regex": "(a|aa)*[bc]$"}, "behavior": "Isolated"}
    edit_tokenizer(folder, pre_tokenizer={**pattern, "invert": False})
    tokenizer = ModelTokenizer.load(folder)
    line = refusal(lambda: tokenizer.encode(Prompt(text="a" * 60 + "bd")))
    assert "cannot encode this" in line


SLOW_PATTERN = {"pattern": {"Regex": "a*a*a*[^a]"}}
SLOW_SPLIT = {"type": "Split", **SLOW_PATTERN, "behavior": "Isolated", "invert": False}


def test_slow_patterns_do_not_hold_up_a_command(folder: Path) -> None:
    """They take millions of steps at each place of a text; after one such text, none is tried."""
    edit_tokenizer(folder, pre_tokenizer=SLOW_SPLIT)
    tokenizer = replace(ModelTokenizer.load(folder), limit=TimeLimit(0.2))
    for _ in range(2):
        start = time.monotonic()
        line = refusal(lambda: tokenizer.encode(Prompt(text="a" * 250)))
        assert "takes longer than 0.2 seconds" in line
    assert time.monotonic() - start < 0.2


def test_slow_patterns_of_a_decoder_do_not_hold_up_a_command(folder: Path) -> None:
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    id = model["vocab"].pop("a")
    vocabulary = {**model["vocab"], "a" * 250: id}
    edit_tokenizer(
        folder,
        decoder=replacing("", "") | SLOW_PATTERN,
        model={**model, "merges": [], "vocab": vocabulary},
    )
    tokenizer = replace(ModelTokenizer.load(folder), limit=TimeLimit(0.2))
    assert "takes longer than 0.2 seconds" in refusal(lambda: tokenizer.decode([id]))


def test_many_declared_tokens_are_read_quickly(folder: Path) -> None:
    """Recompiling all tokens for each declared token would take minutes."""
    path = folder / "tokenizer_config.json"
    size = ModelTokenizer.load(folder).size
    declared = {str(size + i): {"content": f"<extra {i}>"} for i in range(20_000)}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"added_tokens_decoder": declared}))
    start = time.process_time()
    assert ModelTokenizer.load(folder).size == size + 20_000
    assert time.process_time() - start < SECONDS


@pytest.mark.parametrize(
    "source",
    [
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}",
        "{% for i in range(99999) %}{% for j in range(99999) %}x{% endfor %}{% endfor %}",
        "{% set n = namespace(x='a') %}{% for i in range(60) %}{% set n.x = n.x~n.x %}{% endfor %}",
        "{% set n = namespace(x=[1]) %}{% for i in range(60) %}{% set n.x = n.x+n.x %}{% endfor %}",
        "{% macro m(n) %}{{ m(n) }}{{ m(n) }}{% endmacro %}{{ m(1) }}",
        "{{ 'a' * 10**9 }}",
        "{{ 'a' * 1000 * 1000 * 1000 }}",
        "{{ [1] * 10**9 }}",
        "{{ 9 ** 99999999 }}",
        "{{ '%999999999d' % 1 }}",
        "{{ '%*d' % (999999999, 1) }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ '%999999999d' | format(1) }}",
        "{{ 'a'.center(999999999) }}",
        "{{ 'a' | center(999999999) }}",
        "{{ 'a' | indent(width=999999999, first=true) }}",
        "{{ [1] | batch(999999999, 1) | list }}",
        "{{ [1] | slice(999999999) | list }}",
        "{{ " + "(" * 5000 + ")" * 5000 + " }}",
        "{% if 1 %}" * 3000,
        "x" * 1_000_000,
    ],
    ids=lambda source: source[:50],
)
def test_slow_chat_templates_are_stopped(folder: Path, source: str) -> None:
    """They use loops, doubled strings or single expensive operations."""
    (folder / "chat_template.jinja").write_text(source)
    render = sources.resolve(str(folder)).limits(check_chats=True).render_chat
    assert render is not None
    chat = Prompt(messages=(ChatMessage(role="user", content="a"),))
    assert "refuses this chat" in refusal(lambda: render(chat))


def test_memory_freed_before_is_not_granted_to_a_chat_template(folder: Path) -> None:
    """Loading a model leaves a peak that must not raise the limit."""
    loop = "{% for i in range(60) %}{% set n.x = n.x~n.x %}{% endfor %}"
    (folder / "chat_template.jinja").write_text("{% set n = namespace(x='a') %}" + loop)
    render = sources.resolve(str(folder)).limits(check_chats=True).render_chat
    assert render is not None
    freed = b"x" * 1_500_000_000
    del freed
    before = peak_memory()
    chat = Prompt(messages=(ChatMessage(role="user", content="a"),))
    assert "takes more than 200,000,000 bytes" in refusal(lambda: render(chat))
    assert peak_memory() == before


HUB_CODE = ["kernels-community/flash-attn", "someone/code:function", "flash_attention_2"]


@pytest.mark.parametrize("name", ["attn_implementation", "_attn_implementation"])
@pytest.mark.parametrize("value", HUB_CODE)
def test_no_code_of_the_hub_is_loaded(folder: Path, name: str, value: str) -> None:
    """A model may name a repository whose code transformers would use for its attention."""
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {name: value}))
    prepare_and_load(folder)


def test_remarks_of_transformers_are_not_printed(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """They quote a stranger's files."""
    path = folder / "config.json"
    config = json.loads(path.read_text())
    config["rope_parameters"]["\x1b[2J"] = 1
    path.write_text(json.dumps(config))
    prepare_and_load(folder)
    assert "rope_parameters" not in "".join(capfd.readouterr())


def test_overlapping_tensors_are_refused(
    tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small file could have a thousand layers that all lie in the same place."""
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "cache"))  # without older conversions
    path = write_gguf(tiny_model_dir, tmp_path / "tiny.gguf")
    overlap_tensors(path)
    assert "its tensors overlap" in refusal(lambda: sources.resolve(str(path)).prepare())


def test_many_stored_tensors_are_read_quickly(folder: Path) -> None:
    """The header is not parsed for each of them; 10,000 took four minutes."""
    path = folder / "model.safetensors"
    empty = {f"x{number}": np.zeros(0, np.float32) for number in range(4_000)}
    save_file(load_file(path) | empty, path, metadata={"format": "pt"})
    assert "not part of this model: x0, x1" in refusal(lambda: prepare_and_load(folder))


def test_weights_in_two_files_are_refused(folder: Path) -> None:
    """Other programs would load the copy that the index names, whatever the names of the files."""
    first, second = folder / "a.safetensors", folder / "b.safetensors"
    (folder / "model.safetensors").rename(first)
    weights = load_file(first)
    norm = "model.norm.weight"
    save_file({norm: weights[norm] * 2}, second, metadata={"format": "pt"})
    shards = {name: first.name for name in weights} | {"unused": second.name}
    index = json.dumps({"metadata": {}, "weight_map": shards})
    (folder / "model.safetensors.index.json").write_text(index)
    message = refusal(lambda: prepare_and_load(folder))
    assert f"more than one file has the weights {norm};" in message
