"""Titles tell apart what was run: a text, a chat, and a chat without the answer's header."""

from __future__ import annotations

from layerbook.core.analysis import ChatPrompt, prompt_title


def test_titles_of_one_text_differ() -> None:
    """The text is the same in all three."""
    prompts = ("hello", ChatPrompt(chat="hello"), ChatPrompt(chat="hello", answer=False))
    assert [prompt_title(prompt) for prompt in prompts] == [
        "hello",
        "hello in a chat",
        "hello in a chat, without the header of the answer",
    ]
