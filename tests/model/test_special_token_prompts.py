"""Prompts that name a special token by its role rather than by its text."""

from dataclasses import replace

import pytest
from layerbook.core.errors import ModelError
from layerbook.core.requests import EMBED, EmbeddingRows, Prompt
from layerbook.model.tokenizer import ModelTokenizer


@pytest.fixture(scope="module")
def tokenizer(tiny_model_dir):
    """The tiny model's tokenizer."""
    return ModelTokenizer.load(tiny_model_dir)


def test_a_role_is_one_token(tokenizer):
    """The padding and the beginning token, as the tokenizer's settings name them."""
    assert tokenizer.encode(Prompt(special="pad_token")) == ((2,), "<|im_end|>")
    assert tokenizer.encode(Prompt(special="bos_token")) == ((1,), "<|im_start|>")


def test_without_a_padding_token_the_end_token_pads(tokenizer):
    """As people do who pad with a Llama that has none; other missing roles are an error that lists
    what there is.
    """
    bare = replace(tokenizer, role_ids=(("eos_token", 0),))
    assert bare.encode(Prompt(special="pad_token")) == ((0,), "<|endoftext|>")
    with pytest.raises(ModelError, match=r"no bos_token; it has eos_token"):
        bare.encode(Prompt(special="bos_token"))
    with pytest.raises(ModelError, match="none at all"):
        replace(tokenizer, role_ids=()).encode(Prompt(special="pad_token"))


def test_a_prompt_is_of_one_kind():
    """A role beside a text is refused."""
    with pytest.raises(ValueError, match="exactly one"):
        Prompt(text="a", special="pad_token")


def test_the_padding_has_a_row_of_the_embedding_matrix(tiny_model_dir):
    """Through planner and adapter: one row, that of the padding token."""
    from layerbook.model.execution import Execution
    from layerbook.model.llama import LoadedModel
    from layerbook.model.plan import make_plan

    model, request = (
        LoadedModel.load(tiny_model_dir, "tiny"),
        EmbeddingRows(Prompt(special="pad_token")),
    )
    capture = Execution(model, make_plan([request])).capture(request)
    assert (capture[EMBED] == model.network.model.embed_tokens.weight[2].numpy()).all() and capture[
        EMBED
    ].any()
