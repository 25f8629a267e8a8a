"""Check that the prompts of an analysis fit the context of the model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from layerbook.book.yaml import Node, SpecFile
from layerbook.core.analysis import Analysis, Limits
from layerbook.core.errors import LayerbookError
from layerbook.core.requests import EmbeddingRows, Encode, Forward, Generate, Prompt, Request

MAX_CHAT_TEMPLATE_TOKENS = (
    1024  # tokens that a chat template may add: headers, and the model's default system turn
)


def check_context(analysis: Analysis[Any], limits: Limits, node: Node, file: SpecFile) -> None:
    """Note each prompt that, with what is to be written after it, does not fit the model's context."""
    for request in analysis.runs().values():
        for prompt, new in _prompts(request):
            if _certainly_fits(prompt, new, limits.context) or (
                limits.count_tokens is None and not prompt.ids
            ):
                continue
            try:
                count = len(prompt.ids) or limits.count_tokens(prompt)  # type: ignore[misc]
            except LayerbookError as error:
                file.add_problem(_prompt_node(prompt, node).position, str(error))
                continue
            if count + new > limits.context:
                more = f" and {new} more are to be written" if new else ""
                words = f"the prompt has {count} tokens{more}; the model's context holds {limits.context}"
                file.add_problem(_prompt_node(prompt, node).position, words)


def _prompts(request: Request) -> Iterator[tuple[Prompt, int]]:
    """The prompts of a request, and of the runs it patches from, each with the number of tokens written after it."""
    if isinstance(request, Generate):
        yield from (
            (prompt, new + request.max_new_tokens) for prompt, new in _prompts_generated(request.prompt)
        )
    elif isinstance(request, Forward):
        yield from _prompts_generated(request.prompt)
        for patch in request.patches:
            if patch.source is not None:
                yield from _prompts(patch.source)
    elif isinstance(request, Encode | EmbeddingRows):
        yield from _prompts_generated(request.prompt)


def _prompts_generated(prompt: Prompt) -> Iterator[tuple[Prompt, int]]:
    if prompt.generated is None:
        yield prompt, 0
    else:
        yield from _prompts(prompt.generated)


def _certainly_fits(prompt: Prompt, new: int, context: int) -> bool:
    """Whether it fits however it is tokenized: no tokenizer of the family makes two tokens of a byte."""
    text = prompt.text if prompt.text is not None else "".join(m.content for m in prompt.messages)
    count = len(prompt.ids) or 2 * len(text.encode("utf-8", "replace")) + MAX_CHAT_TEMPLATE_TOKENS
    return count + new <= context


def _prompt_node(prompt: Prompt, node: Node) -> Node:
    """Where the spec says this prompt: its text or its last turn; the experiment where an analysis made it up."""
    wanted = (
        prompt.text
        if prompt.text is not None
        else prompt.messages[-1].content
        if prompt.messages
        else None
    )
    return next(
        (found for found in _text_nodes(node) if found.value == wanted), node.get("analysis") or node
    )


def _text_nodes(node: Node) -> Iterator[Node]:
    inner = (
        node.value.values()
        if isinstance(node.value, dict)
        else node.value
        if isinstance(node.value, tuple)
        else ()
    )
    for child in inner:
        yield from _text_nodes(child)
    if isinstance(node.value, str):
        yield node
