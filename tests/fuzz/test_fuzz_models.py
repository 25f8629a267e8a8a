"""Mutated model files either run or are refused in one line, quickly."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.execution import run_requests
from fixtures.fuzzing import cases, make_monitor, mutate_bytes, mutate_json_text, mutate_text
from fixtures.gguf_file import write_gguf
from layerbook.core.requests import NEXT_LOGITS, ChatMessage, Forward, Prompt
from layerbook.model import sources
from layerbook.model.loaded_model import LoadedModel

JSON_FILES = (
    *("config.json", "config.json", "tokenizer.json", "tokenizer_config.json"),
    *("generation_config.json", "special_tokens_map.json", "model.safetensors.index.json"),
)
HEADER = 12_000  # bytes of the GGUF that are not weights
PLAIN = Prompt(text="The cat sat on 10 tables")
CHAT = Prompt(messages=(ChatMessage(role="user", content="The cat"),))


@pytest.fixture
def original(tiny_model_dir: Path, tmp_path: Path) -> Path:
    """The tiny model with every file that can be beside it, and as GGUF."""
    folder = Path(shutil.copytree(tiny_model_dir, tmp_path / "original"))
    (folder / "special_tokens_map.json").write_text('{"bos_token": "<|im_start|>"}')
    weights = {"model.norm.weight": "model.safetensors"}
    index = {"metadata": {"total_size": 1}, "weight_map": weights}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    write_gguf(tiny_model_dir, folder / "model.gguf")
    return folder


def change(rng: random.Random, folder: Path, secret: Path) -> tuple[Path, bytes]:
    """Change one file; return the model's path and the file's bytes."""
    kind = rng.choices(("json", "gguf", "safetensors", "template"), (6, 3, 2, 1))[0]
    if kind == "json":
        path = folder / rng.choice(JSON_FILES)
        text = mutate_json_text(rng, path.read_text(encoding="utf-8"), secret)
        data = text.encode("utf-8", "surrogatepass")
    elif kind == "template":
        path = folder / "chat_template.jinja"
        data = mutate_text(rng, path.read_text(), secret).encode("utf-8", "surrogatepass")
    else:
        path = folder / f"model.{kind}"
        data = mutate_bytes(rng, path.read_bytes(), HEADER if kind == "gguf" else 3000)
    path.write_bytes(data)
    return (path if kind == "gguf" else folder), data


def steps(location: Path) -> Iterator[object]:
    """Do everything that commands do with a model, step by step."""
    source = sources.resolve(str(location))
    yield source.limits(check_chats=True)
    yield source.fingerprint()
    directory = source.prepare()
    limits = source.limits(check_chats=True)
    assert limits.count_tokens is not None
    yield limits.count_tokens(PLAIN)
    model = LoadedModel.load(directory, "tiny")
    encoded = model.tokenizer.encode(PLAIN)
    yield model.tokenizer.tokens(encoded.ids), model.tokenizer.decode(encoded.ids)
    yield model.tokenizer.find(" cat"), model.tokenizer.tokens(range(model.tokenizer.size))
    yield model.facts
    yield run_requests(model, Forward(PLAIN, frozenset({NEXT_LOGITS})))
    assert limits.render_chat is not None
    yield limits.render_chat(CHAT)


def test_mutated_model_files_are_refused_or_run(
    original: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monitor = make_monitor(tmp_path)
    monkeypatch.setenv("LAYERBOOK_CACHE", str(monitor.folder / "cache"))
    monkeypatch.setenv("RUST_BACKTRACE", "0")
    folder = monitor.folder / "model"
    for location in (
        original,
        original / "model.gguf",
    ):  # imports, which no case should be charged for
        assert list(steps(location))
    for number, rng in cases("models"):
        shutil.copytree(original, folder)
        location, data = change(rng, folder, monitor.secret)
        with monitor.case(f"models {number}", data):
            for _ in steps(location):
                pass
        shutil.rmtree(folder)
        shutil.rmtree(monitor.folder / "cache", ignore_errors=True)
    monitor.report("model files")
