"""Titles distinguish a text, a chat, and a chat without the header of the answer."""

from __future__ import annotations

from layerbook.core.prompts import ChatPrompt, prompt_title


def test_titles_of_equal_texts_differ() -> None:
    """The three prompts have the same text."""
    prompts = ("hello", ChatPrompt(chat="hello"), ChatPrompt(chat="hello", answer=False))
    assert [prompt_title(prompt) for prompt in prompts] == [
        "“hello”",
        "“hello” in a chat",
        "“hello” in a chat, without the header of the answer",
    ]
