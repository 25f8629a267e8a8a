"""Measured predictions of the default model: tokens exactly, probabilities to 0.005."""

import pytest
from fixtures.run_analysis import run
from layerbook.analyses.architecture import Architecture
from layerbook.analyses.generate import Generate
from layerbook.analyses.next_token import NextToken
from layerbook.analyses.tokenize import Tokenize
from layerbook.analyses.vocabulary import Vocabulary
from layerbook.core.prompts import ChatPrompt

pytestmark = pytest.mark.model


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        (" 2 + 2 = ", [("4", 0.617), ("2", 0.116), ("3", 0.099)]),
        (" noise noise noise 2 + 2 = ", [("4", 0.929)]),
        (" 2 + 2 noise noise noise = ", [("4", 0.460), ("2", 0.160)]),
        ("The capital of France is", [(" Paris", 0.77)]),
    ],
)
def test_next_token_matches_the_reference(real, prompt, expected):
    top = run(real, NextToken(prompts=(prompt,), top_k=3)).prompts[0].top

    for token, (text, prob) in zip(top, expected, strict=False):
        assert token.text == text
        assert token.prob == pytest.approx(prob, abs=0.005)


def test_model_opens_a_turn_without_the_header(real):
    """After a chat without the header of the answer, `<|im_start|>` has 0.997."""
    prompt = ChatPrompt(chat="What is the capital of France?", answer=False)
    best = run(real, NextToken(prompts=(prompt,), top_k=1)).prompts[0].top[0]

    assert best.text == "<|im_start|>"
    assert best.prob == pytest.approx(0.997, abs=0.005)


@pytest.mark.parametrize(
    ("text", "ids"),
    [("Hell", [56, 478]), ("Hello", [19556]), ("Hello, World!", [19556, 28, 2260, 17])],
)
def test_ids_are_as_published(real, text, ids):
    """They are the ids of SmolLM's own tokenizer."""
    assert [t.id for t in run(real, Tokenize(prompts=(text,))).prompts[0].tokens] == ids


def test_two_spaces_before_a_number_stay_together(real):
    """The conversion kept the pre-tokenizer, which splits digits one by one."""
    assert [t.text for t in run(real, Tokenize(prompts=("  10",))).prompts[0].tokens] == [
        "  ",
        "1",
        "0",
    ]


def test_vocabulary_is_as_published(real):
    """It has 49,152 entries, with `H` and `ell` but without `Hell`."""
    result = run(real, Vocabulary(find=("Hello", "Hell", "H", "ell")))

    assert result.size == 49152
    assert [f.id for f in result.lookups] == [19556, None, 56, 478]
    assert result.bytes < 256
    assert not run(real, Tokenize(prompts=("a\x13b",))).prompts[0].lossless


def test_model_is_as_published(real):
    """It has 134,515,008 parameters in 30 layers, with tied embeddings."""
    result = run(real, Architecture())

    assert (result.parameters, result.layers, result.d_model, result.tied) == (
        134_515_008,
        30,
        576,
        True,
    )
    assert sum(part.total for part in result.parts) == result.parameters


def test_model_completes_the_capital_of_france(real):
    """The greedy answer to the chat names Paris and ends its turn."""
    text = run(
        real,
        Generate(prompts=(ChatPrompt(chat="What is the capital of France?"),), max_new_tokens=30),
    ).prompts[0]

    assert "Paris" in text.answer
    assert text.stopped
    assert text.new_tokens[-1].text == "<|im_end|>"
