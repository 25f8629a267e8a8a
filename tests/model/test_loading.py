"""A model is loaded exactly as its files describe it, or refused with the reason."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.execution import run_requests
from fixtures.other_tokenizers import TOKENIZER_WRITERS
from fixtures.small_book import layerbook
from fixtures.tiny_families import SETTINGS, write_tiny_family
from fixtures.tiny_llama import write_tiny_model
from layerbook.core.errors import ModelError
from layerbook.core.requests import (
    EMBED,
    NEXT_LOGITS,
    Describe,
    EmbeddingMatrix,
    Forward,
    Generate,
    Prompt,
)
from layerbook.model import sources
from layerbook.model.loaded_model import LoadedModel
from safetensors.torch import load_file, save_file
from transformers import PreTrainedTokenizerFast
from transformers.models.llama.modeling_llama import LlamaForCausalLM

Weights = dict[str, torch.Tensor]
UP = "model.layers.1.mlp.up_proj.weight"


@pytest.fixture
def folder(tiny_model_dir, tmp_path) -> Path:
    """Copy the tiny model, for changes."""
    return Path(shutil.copytree(tiny_model_dir, tmp_path / "copy"))


def edit_weights(folder: Path, edit: Callable[[Weights], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    edit(weights)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def edit_json(path: Path, **changes: object) -> None:
    data = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    path.write_text(json.dumps(data | changes), encoding="utf-8")


WRONG_WEIGHTS: list[tuple[str, Callable[[Weights], object], str]] = [
    ("a norm", lambda w: w.pop("model.norm.weight"), r"missing: model\.norm\.weight\. Get all"),
    ("a matrix", lambda w: w.pop(UP), r"missing: model\.layers\.1\.mlp\.up_proj\.weight"),
    (
        "many",
        lambda w: [w.pop(name) for name in list(w) if "layers.1" in name],
        r"missing: (model\.layers\.1\.\S+, ){2}model\.layers\.1\.\S+ and 6 more",
    ),
    (
        "surplus layer",
        lambda w: w.update({"model.layers.2.mlp.up_proj.weight": torch.ones(64, 32)}),
        r"not part of this model: model\.layers\.2\.mlp\.up_proj\.weight",
    ),
    (
        "bias",
        lambda w: w.update({"model.layers.0.self_attn.q_proj.bias": torch.ones(32)}),
        r"not part of this model: model\.layers\.0\.self_attn\.q_proj\.bias",
    ),
    ("classifier", lambda w: w.update({"score.weight": torch.ones(2, 32)}), "It is a classifier"),
    (
        "lora",
        lambda w: w.update({UP.replace("weight", "lora_A.weight"): torch.ones(2, 32)}),
        "Merge the adapter",
    ),
    (
        "shape",
        lambda w: w.update({"model.norm.weight": torch.ones(31)}),
        r"of another shape: model\.norm\.weight \[31\], not \[32\]",
    ),
    ("int8", lambda w: w.update({UP: w[UP].to(torch.int8)}), r"up_proj\.weight \(I8\).*quantized"),
    ("NaN", lambda w: w[UP].__setitem__((3, 4), torch.nan), rf"NaN or infinite numbers in {UP}"),
    ("inf", lambda w: w[UP].__setitem__((3, 4), -torch.inf), rf"NaN or infinite numbers in {UP}"),
]


@pytest.mark.parametrize(
    ("edit", "message"), [case[1:] for case in WRONG_WEIGHTS], ids=[c[0] for c in WRONG_WEIGHTS]
)
def test_refuses_weights_of_another_model(folder, edit, message):
    """The message names the first tensors and says what to do."""
    edit_weights(folder, edit)
    with pytest.raises(ModelError, match=message):
        LoadedModel.load(folder, "tiny")


def test_untied_model_needs_its_unembedding(tmp_path):
    write_tiny_model(tmp_path, tie_word_embeddings=False)
    assert not LoadedModel.load(tmp_path, "tiny").facts.tied
    edit_weights(tmp_path, lambda weights: weights.pop("lm_head.weight"))
    with pytest.raises(ModelError, match=r"missing: lm_head\.weight.*set tie_word_embeddings"):
        LoadedModel.load(tmp_path, "tiny")


@pytest.mark.parametrize(
    "edit",
    [
        lambda w: w.update({"lm_head.weight": w["model.embed_tokens.weight"].clone()}),
        lambda w: [w.update({n.removeprefix("model."): w.pop(n)}) for n in list(w)],
        lambda w: w.update({"model.layers.0.self_attn.rotary_emb.inv_freq": torch.ones(4)}),
        lambda w: w.update({n: t.to(torch.bfloat16) for n, t in w.items()}),
    ],
    ids=["tied and stored twice", "without the prefix", "RoPE's table", "bfloat16"],
)
def test_loads_the_models_that_transformers_loads_completely(folder, edit):
    """Weights under other names give the same logits."""
    edit_weights(folder, edit)
    (run,) = run_requests(
        LoadedModel.load(folder, "tiny"),
        Forward(Prompt(ids=tuple(range(3, 20))), frozenset({NEXT_LOGITS})),
    )
    network = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    with torch.inference_mode():
        expected = network(torch.arange(3, 20)[None]).logits[0, -1].numpy()
    assert np.abs(run[NEXT_LOGITS] - expected).max() < 1e-4


def test_refuses_an_adapter(folder):
    """It is refused with or without the base model's config.json."""
    (folder / "adapter_config.json").write_text("{}")
    for _ in range(2):
        with pytest.raises(ModelError, match=r"adapter \(adapter_config\.json\).*merge it"):
            sources.resolve(str(folder)).prepare()
        (folder / "config.json").unlink(missing_ok=True)


WRONG_SETTINGS = [
    ("config.json", {"hidden_act": "silo"}, r"hidden_act is 'silo'.*\(did you mean 'silu'\?\)"),
    ("config.json", {"eos_token_id": 320}, r"eos_token_id in config\.json is 320.*ids 0 to 319"),
    ("config.json", {"pad_token_id": 999}, r"pad_token_id in config\.json is 999"),
    ("generation_config.json", {"eos_token_id": [2, -4]}, r"in generation_config\.json is -4"),
    ("generation_config.json", {"bos_token_id": "1"}, r"bos_token_id .* is '1'"),
]


@pytest.mark.parametrize(("file", "changes", "message"), WRONG_SETTINGS)
def test_refuses_impossible_settings(folder, file, changes, message):
    """Ids out of range and unknown activation functions are refused."""
    edit_json(folder / file, **changes)
    with pytest.raises(ModelError, match=message):
        LoadedModel.load(folder, "tiny")


def test_no_padding_token_may_be_written_as_minus_one(folder):
    edit_json(folder / "config.json", pad_token_id=-1)
    LoadedModel.load(folder, "tiny")


def test_stop_ids_come_from_every_file(folder):
    """They come from config.json, generation_config.json and the tokenizer's end token."""
    edit_json(folder / "config.json", eos_token_id=[5, 6])
    edit_json(folder / "generation_config.json", eos_token_id=7)
    model = LoadedModel.load(folder, "tiny")
    assert model.stop_ids == model.facts.stop_ids == {2, 5, 6, 7}
    (folder / "generation_config.json").unlink()
    assert LoadedModel.load(folder, "tiny").stop_ids == {2, 5, 6}


def test_stop_id_of_config_json_ends_a_text(folder):
    """The first generated token is declared as the end."""
    (folder / "generation_config.json").unlink()
    prompt = Prompt(text="The cat")
    request = Generate(prompt, max_new_tokens=5)
    (free,) = run_requests(LoadedModel.load(folder, "tiny"), request)
    first = free.tokens[free.prompt_length].id
    assert len(free.tokens) == free.prompt_length + 5
    edit_json(folder / "config.json", eos_token_id=first)
    (ended,) = run_requests(LoadedModel.load(folder, "tiny"), request)
    assert ended.stopped and len(ended.tokens) == ended.prompt_length + 1


def resize_embedding(folder: Path, rows: int) -> None:
    """Give the model more or fewer rows of the embedding than the tokenizer has tokens."""
    edit_json(folder / "config.json", vocab_size=rows)
    name = "model.embed_tokens.weight"

    def resize(weights: Weights) -> None:
        old = weights[name]
        new = torch.cat([old, 3 * old])[:rows]  # a spare row wins often
        weights[name] = new.clone()

    edit_weights(folder, resize)


def test_refuses_a_tokenizer_with_more_tokens_than_rows(folder):
    """The message has both numbers and the first token without a row."""
    resize_embedding(folder, 300)
    with pytest.raises(ModelError, match=r"ids up to 319.*300 rows: none for '\S+' \(id 300\)"):
        LoadedModel.load(folder, "tiny")


def test_unused_embedding_rows_are_named(folder):
    """Lists of the vocabulary include them."""
    resize_embedding(folder, 400)
    model = LoadedModel.load(folder, "tiny")
    assert model.facts.d_vocab == 400
    prompt = Prompt(text="The cat sat")
    run, text, again, matrix, _ = run_requests(
        model,
        Forward(prompt, frozenset({NEXT_LOGITS})),
        Generate(prompt, 6, stop=False),
        Generate(prompt, 3, stop=False, reencode=True),
        EmbeddingMatrix(),
        Describe(),
    )
    top = np.argsort(-run[NEXT_LOGITS])[:50]
    names = [run.vocabulary.token(int(id)).text for id in top]
    spare = [(int(id), name) for id, name in zip(top, names, strict=True) if id >= 320]
    assert spare and all(name == f"<unused {id}>" for id, name in spare)
    assert any(token.id >= 320 for token in text.tokens)
    assert again.tokens
    assert len(matrix[EMBED]) == 320


def test_model_command_approves_only_loadable_models(folder, tmp_path):
    """`layerbook model` refuses weights that `run` would refuse."""
    completed = layerbook("model", "--model", str(folder), cwd=tmp_path)
    assert completed.returncode == 0 and "2 layers, 4 heads" in completed.stdout, completed.stderr
    edit_weights(folder, lambda weights: weights.pop("model.norm.weight"))
    completed = layerbook("model", "--model", str(folder), cwd=tmp_path)
    assert completed.returncode == 1 and completed.stdout == ""
    assert "missing: model.norm.weight" in completed.stderr and "Traceback" not in completed.stderr


@pytest.mark.parametrize("kind", TOKENIZER_WRITERS)
def test_greedy_text_is_that_of_transformers(folder, kind):
    """Prompt, continuation, end and text agree for every tokenizer."""
    TOKENIZER_WRITERS[kind](folder)
    (folder / "generation_config.json").unlink()
    for _ in range(2):
        network = LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
        reference = PreTrainedTokenizerFast.from_pretrained(folder)
        inputs = reference("the cat sat", return_tensors="pt")
        ids = network.generate(**inputs, max_new_tokens=8, do_sample=False)[0].tolist()
        model = LoadedModel.load(folder, kind)
        (run,) = run_requests(model, Generate(Prompt(text="the cat sat"), 8))
        assert [token.id for token in run.tokens] == ids
        assert run.text == reference.decode(ids, clean_up_tokenization_spaces=False)
        edit_json(folder / "config.json", eos_token_id=ids[-3])  # ends the second text early
    assert run.stopped and len(run.tokens) < run.prompt_length + 8


@pytest.mark.parametrize("family", SETTINGS)
def test_every_family_is_loaded_completely_or_refused(tmp_path, family):
    """An extra tensor, another shape or a NaN is refused."""
    write_tiny_family(tmp_path, family)
    whole = load_file(tmp_path / "model.safetensors")
    LoadedModel.load(tmp_path, family)
    names = sorted(whole)

    def refused(weights: Weights, message: str) -> None:
        save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
        with pytest.raises(ModelError, match=message):
            LoadedModel.load(tmp_path, family)

    for name in (names[0], names[len(names) // 2], names[-1]):
        refused({n: w for n, w in whole.items() if n != name}, "missing: ")
    refused(whole | {"surplus.weight": torch.ones(2)}, r"not part of this model: \S*surplus")
    last = names[-1]
    refused(whole | {last: torch.cat([whole[last]] * 2)}, "of another shape: ")
    refused(whole | {last: torch.full_like(whole[last], torch.nan)}, "NaN or infinite")
    refused(whole | {last: whole[last].to(torch.int8)}, "not stored as floating point")
