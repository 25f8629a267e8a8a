"""Check that the prompts of an analysis fit the model's context."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from layerbook.book.node import Node
from layerbook.core.analysis import Analysis
from layerbook.core.errors import LayerbookError
from layerbook.core.limits import Limits
from layerbook.core.requests import EmbeddingRows, Encode, Forward, Generate, Prompt, Request

# Tokens that may be added: around a text, and by a chat template, with its default system turn.
MAX_ADDED_TOKENS = 1024


class PromptUse(NamedTuple):
    """A prompt, and the number of tokens that are generated after it."""

    prompt: Prompt
    new_tokens: int


def check_context_length(analysis: Analysis[Any], limits: Limits, node: Node) -> None:
    """Report each prompt that, with the tokens generated after it, exceeds the model's context.

    With `limits.render_chat`, also report the chats that the model's template refuses.
    """
    for use in prompt_uses(analysis.runs().values()):
        try:
            problem = _check_use(use, limits)
        except LayerbookError as error:
            problem = str(error)
        if problem:
            _find_prompt(use.prompt, node).add_problem(problem)


def _check_use(use: PromptUse, limits: Limits) -> str:
    """Return the problem with a prompt; empty if it fits. Raises ModelError for a refused chat."""
    count = _max_count(use.prompt, limits)
    if count + use.new_tokens > limits.context and not use.prompt.ids:
        if limits.count_tokens is None:
            return ""
        count = limits.count_tokens(use.prompt)
    if count + use.new_tokens <= limits.context:
        return ""
    generated = f" and generates {use.new_tokens} more" if use.new_tokens else ""
    return f"the prompt has {count} tokens{generated}; the model's context holds {limits.context}"


def _max_count(prompt: Prompt, limits: Limits) -> int:
    """Return an upper bound of a prompt's tokens without tokenizing: at most two per byte."""
    if prompt.ids:
        return len(prompt.ids)
    if prompt.messages and limits.render_chat is not None:
        return 2 * len(limits.render_chat(prompt).encode("utf-8", "replace"))
    parts = [prompt.text or "", *(message.content for message in prompt.messages)]
    return 2 * len("".join(parts).encode("utf-8", "replace")) + MAX_ADDED_TOKENS


def prompt_uses(requests: Iterable[Request]) -> Iterator[PromptUse]:
    """Yield the prompts of requests, and of the runs that they patch from, each once.

    Thousands of patched runs can share a prompt, and the sources of their values.
    """
    pending = deque(requests)
    seen, seen_sources = set[object](), set[int]()
    while pending:
        request = pending.popleft()
        if id(request) in seen:
            continue
        seen.add(id(request))
        for patch in request.patches if isinstance(request, Forward) else ():
            if id(patch.source) not in seen_sources:
                seen_sources.add(id(patch.source))
                pending += patch.sources
        if isinstance(request, Forward | Generate | Encode | EmbeddingRows):
            use = _first_prompt(request)
            if (id(use.prompt), use.new_tokens) not in seen:
                seen.add((id(use.prompt), use.new_tokens))
                yield use


def _first_prompt(request: Forward | Generate | Encode | EmbeddingRows) -> PromptUse:
    """Return the prompt that a request begins with."""
    new_tokens = request.max_new_tokens if isinstance(request, Generate) else 0
    prompt = request.prompt
    while prompt.generated is not None:
        new_tokens += prompt.generated.max_new_tokens
        prompt = prompt.generated.prompt
    return PromptUse(prompt, new_tokens)


def _find_prompt(prompt: Prompt, node: Node) -> Node:
    """Return the node with the text or the last turn of a prompt, or else that of `analysis`."""
    text = prompt.text
    if text is None and prompt.messages:
        text = prompt.messages[-1].content
    for text_node in _text_nodes(node):
        if text_node.value == text:
            return text_node
    return node.get("analysis") or node


def _text_nodes(node: Node) -> Iterator[Node]:
    if isinstance(node.value, str):
        yield node
    for child in node.children:
        yield from _text_nodes(child)
