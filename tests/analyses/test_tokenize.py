"""Tokens against the tokenizers library and transformers' chat template."""

import pytest
from fixtures.run_analysis import json_round_trip, run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.tokenize import Tokenize
from layerbook.core.analysis import ChatPrompt
from layerbook.core.requests import ChatMessage
from layerbook.model.loaded_model import LoadedModel
from tokenizers import Tokenizer

TEXTS = (
    " 2 + 2 = ",
    "  10",
    "1234",
    "Hello, World!",
    "line one\n\n\tindented",
    "naïve café 🦉",
    "<|im_start|>",
    "\x00",
)


@pytest.fixture(scope="module")
def model(tiny_model_dir):
    """The tiny Llama; these tests use its tokenizer."""
    return LoadedModel.load(tiny_model_dir, "tiny")


def test_ids_are_those_of_the_tokenizers_library(model, tiny_model_dir):
    """With all 256 bytes in the vocabulary, no text loses characters."""
    backend = Tokenizer.from_file(str(tiny_model_dir / "tokenizer.json"))
    for text, one in zip(TEXTS, run(model, Tokenize(prompts=TEXTS)).prompts, strict=True):
        assert [token.id for token in one.tokens] == backend.encode(text).ids
        assert (one.prompt, one.text) == (text, text)
        assert one.lossless


def test_chats_are_those_of_transformers(model, tiny_model_dir):
    """Text and ids agree with `apply_chat_template`, for one turn and for two."""
    from transformers import AutoTokenizer

    theirs = AutoTokenizer.from_pretrained(tiny_model_dir)
    turns = (
        ChatMessage(role="user", content="The capital of France?"),
        ChatMessage(role="assistant", content="It is Paris."),
    )
    chats = [
        ChatPrompt(chat=turns[:count], answer=answer)
        for count in (1, 2)
        for answer in (True, False)
    ]
    for chat, one in zip(chats, run(model, Tokenize(prompts=tuple(chats))).prompts, strict=True):
        messages = [turn.model_dump() for turn in chat.messages()]
        text = theirs.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=chat.answer
        )
        assert one.text == text
        assert [token.id for token in one.tokens] == theirs(text, add_special_tokens=False)[
            "input_ids"
        ]
        assert one.prompt == chat.messages()[-1].content


def test_text_that_continues_another_is_marked():
    """It starts with all ids of the previous text; the first text continues none."""
    pieces = ByteVocabulary("H", "ell", "Hello", ",")
    analysis = Tokenize(prompts=("Hell", "Hello", "Hello,", "HelloH"))
    texts = {
        f"prompt-{i}": pieces.capture(ids) for i, ids in enumerate(([0, 1], [2], [2, 3], [2, 0]))
    }

    assert [
        one.continues for one in json_round_trip(analysis, analysis.measure(texts)).prompts
    ] == [
        False,
        False,
        True,
        False,
    ]


def test_lost_character_is_reported():
    """A text is lossy if the bytes of its tokens differ from it."""
    analysis = Tokenize(prompts=("a\x13b", "ab"))
    pieces = ByteVocabulary("a", "b")
    captures = {
        "prompt-0": pieces.capture([0, 1], text="a\x13b"),
        "prompt-1": pieces.capture([0, 1], text="ab"),
    }

    assert [one.lossless for one in analysis.measure(captures).prompts] == [False, True]


def test_figures_show_the_tokens_of_each_text(model):
    """Rows have the text as their label, chats have none."""
    analysis = Tokenize(prompts=("Hello", ChatPrompt(chat="Hello")))
    result = run(model, analysis)
    figures = analysis.figures(result)

    assert [name for name, _ in figures["tokens"].rows] == ["Hello", ""]
    assert [tokens for _, tokens in figures["tokens"].rows] == [
        one.tokens for one in result.prompts
    ]
    assert figures["text-1"].text == result.prompts[1].text
    assert f"“Hello” is {len(result.prompts[0].tokens)} tokens" in figures["tokens"].alt
