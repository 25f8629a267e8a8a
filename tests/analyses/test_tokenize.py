"""Tokens against the tokenizers library and transformers' chat template."""

from fixtures.run_analysis import json_round_trip, run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.tokenize import Tokenize
from layerbook.core.prompts import ChatPrompt
from layerbook.core.requests import ChatMessage
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


def test_ids_are_those_of_the_tokenizers_library(tiny, tiny_model_dir):
    """With all 256 bytes in the vocabulary, no text loses characters."""
    backend = Tokenizer.from_file(str(tiny_model_dir / "tokenizer.json"))
    for text, tokenized in zip(TEXTS, run(tiny, Tokenize(prompts=TEXTS)).prompts, strict=True):
        assert [token.id for token in tokenized.tokens] == backend.encode(text).ids
        assert (tokenized.prompt, tokenized.text) == (text, text)
        assert tokenized.lossless


def test_chats_are_those_of_transformers(tiny, tiny_model_dir):
    """Text and ids agree with `apply_chat_template`, for one turn and for two."""
    from transformers import AutoTokenizer

    encode = AutoTokenizer.from_pretrained(tiny_model_dir)
    turns = (
        ChatMessage(role="user", content="The capital of France?"),
        ChatMessage(role="assistant", content="It is Paris."),
    )
    chats = [
        ChatPrompt(chat=turns[:count], answer=answer)
        for count in (1, 2)
        for answer in (True, False)
    ]
    for chat, tokenized in zip(
        chats, run(tiny, Tokenize(prompts=tuple(chats))).prompts, strict=True
    ):
        messages = [turn.model_dump() for turn in chat.messages()]
        text = encode.apply_chat_template(
            messages, tokenize=False, add_generation_prompt=chat.answer
        )
        assert tokenized.text == text
        assert [token.id for token in tokenized.tokens] == encode(text, add_special_tokens=False)[
            "input_ids"
        ]
        assert tokenized.prompt == chat.messages()[-1].content


def test_text_that_continues_another_is_marked():
    """It starts with all ids of the previous text; the first text continues none."""
    pieces = ByteVocabulary("H", "ell", "Hello", ",")
    analysis = Tokenize(prompts=("Hell", "Hello", "Hello,", "HelloH"))
    texts = {
        f"prompt-{i}": pieces.capture(ids) for i, ids in enumerate(([0, 1], [2], [2, 3], [2, 0]))
    }

    assert [
        tokenized.extends_previous
        for tokenized in json_round_trip(analysis, analysis.measure(texts)).prompts
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

    assert [tokenized.lossless for tokenized in analysis.measure(captures).prompts] == [False, True]


def test_figures_show_the_tokens_of_each_text(tiny):
    """Rows have the text as their label, chats have none."""
    analysis = Tokenize(prompts=("Hello", ChatPrompt(chat="Hello")))
    result = run(tiny, analysis)
    figures = analysis.figures(result)

    assert [name for name, _ in figures["tokens"].rows] == ["Hello", ""]
    assert [tokens for _, tokens in figures["tokens"].rows] == [
        tokenized.tokens for tokenized in result.prompts
    ]
    assert figures["text-1"].text == result.prompts[1].text
    assert f"“Hello” is {len(result.prompts[0].tokens)} tokens" in figures["tokens"].alt
