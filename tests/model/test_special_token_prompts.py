"""Prompts that name a special token by its role."""

from dataclasses import replace

import pytest
from fixtures.execution import run_requests
from layerbook.core.errors import ModelError
from layerbook.core.requests import EMBED, EmbeddingRows, Prompt
from layerbook.model.tokenizer import ModelTokenizer


@pytest.fixture(scope="module")
def tokenizer(tiny_model_dir):
    """Return the tiny model's tokenizer."""
    return ModelTokenizer.load(tiny_model_dir)


def test_special_prompt_is_one_token(tokenizer):
    assert tokenizer.encode(Prompt(special="pad_token")) == ((2,), "<|im_end|>")
    assert tokenizer.encode(Prompt(special="bos_token")) == ((1,), "<|im_start|>")


def test_end_token_pads_without_a_padding_token(tokenizer):
    """Other missing roles are an error that lists the existing ones."""
    bare = replace(tokenizer, role_ids={"eos_token": 0})
    assert bare.encode(Prompt(special="pad_token")) == ((0,), "<|endoftext|>")
    with pytest.raises(ModelError, match=r"no bos_token; it has eos_token"):
        bare.encode(Prompt(special="bos_token"))
    with pytest.raises(ModelError, match="none at all"):
        replace(tokenizer, role_ids={}).encode(Prompt(special="pad_token"))


def test_refuses_prompts_of_two_kinds():
    with pytest.raises(ValueError, match="exactly one"):
        Prompt(text="a", special="pad_token")


def test_padding_token_has_a_row_of_the_embedding_matrix(model):
    request = EmbeddingRows(Prompt(special="pad_token"))
    (capture,) = run_requests(model, request)
    assert (capture[EMBED] == model.network.model.embed_tokens.weight[2].numpy()).all()
    assert capture[EMBED].any()
