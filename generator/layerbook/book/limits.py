"""What a model allows, checked before it is touched: layers, heads, vocabulary and context.

Fields say what they are through the markers of `layerbook.core.analysis`, which may stand anywhere in an annotation.
"""

from __future__ import annotations

from collections.abc import Iterator
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel

from layerbook.book.validation import node_at
from layerbook.book.yaml import Node, SpecFile
from layerbook.core.analysis import Analysis, HeadNumber, LayerNumber, Limits, VocabularyCount
from layerbook.core.errors import LayerbookError
from layerbook.core.requests import EmbeddingRows, Encode, Forward, Generate, Prompt, Request

A = TypeVar("A", bound=BaseModel)
KeyPath = tuple[str | int, ...]
MARKERS = (LayerNumber, HeadNumber, VocabularyCount)
MAX_CHAT_TEMPLATE_TOKENS = (
    1024  # tokens that a chat template may add: headers, and the model's default system turn
)


class NumberResolver:
    """Makes the layers and heads of a spec absolute, and notes each number that the model does not have."""

    def __init__(self, limits: Limits, node: Node, file: SpecFile) -> None:
        self.limits, self.node, self.file = limits, node, file

    def resolve(self, model: A, path: KeyPath = ()) -> A:
        """The model with `all` and negative numbers written as absolute ones."""
        changes = {}
        for name, info in type(model).model_fields.items():
            value = getattr(model, name)
            changes[name] = self._resolve_value(value, info.annotation, info.metadata, (*path, name))
        return model.model_copy(update=changes)

    def _resolve_value(self, value: Any, annotation: Any, metadata: list[Any], path: KeyPath) -> Any:
        origin = get_origin(annotation)
        if origin is Annotated:
            inner, *more = get_args(annotation)
            return self._resolve_value(value, inner, [*metadata, *more], path)
        if origin in (Union, UnionType):
            branch = next((a for a in get_args(annotation) if _matches(value, a)), None)
            return value if branch is None else self._resolve_value(value, branch, metadata, path)
        marker = next(
            (m for m in MARKERS if any(m in (item, type(item)) for item in metadata)), None
        )
        if isinstance(value, BaseModel):
            return self.resolve(value, path)
        if isinstance(value, tuple):
            return self._resolve_tuple(value, annotation, [marker] if marker else [], path)
        if marker and value == "all":
            return tuple(range(self.limits.layers if marker is LayerNumber else self.limits.heads))
        return self._resolve_number(value, marker, path) if marker and type(value) is int else value

    def _resolve_tuple(
        self, values: tuple[Any, ...], annotation: Any, metadata: list[Any], path: KeyPath
    ) -> tuple[Any, ...]:
        kinds = [kind for kind in get_args(annotation) if kind is not Ellipsis] or [Any]
        out = tuple(
            self._resolve_value(value, kinds[min(i, len(kinds) - 1)], metadata, (*path, i))
            for i, value in enumerate(values)
        )
        if not metadata or metadata[0] is VocabularyCount:
            return out
        if not values:
            self.file.add_problem(self._node_at(path).position, "should not be empty")
        for i, value in enumerate(values):
            if value in values[:i]:
                self.file.add_problem(self._node_at((*path, i)).position, f"{value} is listed twice")
        return tuple(dict.fromkeys(out))  # 0 and -1 are one layer of a model that has one

    def _resolve_number(self, value: int, marker: type, path: KeyPath) -> int:
        if marker is VocabularyCount:
            if not 1 <= value <= self.limits.d_vocab:
                self._add_problem(path, f"should be from 1 to {self.limits.d_vocab}: the model's vocabulary has "
                                   f"{self.limits.d_vocab}, not {value}")  # fmt: skip
            return value
        layers = marker is LayerNumber
        count, what = (self.limits.layers, "layer") if layers else (self.limits.heads, "head")
        if not -count <= value < count:
            there = (
                f"the model has {what}s 0 to {count - 1}"
                if count > 1
                else f"the model has only {what} 0"
            )
            back = f", and -1 to -{count} count from the end" if value < 0 and layers else ""
            self._add_problem(path, f"there is no {what} {value}: {there}{back}")
        return value % count if -count <= value < count else value

    def _add_problem(self, path: KeyPath, message: str) -> None:
        self.file.add_problem(self._node_at(path).position, message)

    def _node_at(self, path: KeyPath) -> Node:
        """The value in the file; what the file leaves to a default is its experiment's."""
        try:
            return node_at(self.node, path)
        except (KeyError, TypeError, IndexError):
            return self.node.get("analysis") or self.node


def _matches(value: Any, annotation: Any) -> bool:
    """Whether a validated value came through this branch of a union."""
    if get_origin(annotation) is Annotated:
        return _matches(value, get_args(annotation)[0])
    if get_origin(annotation) is Literal:
        return any(
            value == choice and type(value) is type(choice) for choice in get_args(annotation)
        )
    if get_origin(annotation) in (Union, UnionType):
        return any(_matches(value, branch) for branch in get_args(annotation))
    kind = get_origin(annotation) or annotation
    return isinstance(kind, type) and (
        type(value) is kind or (issubclass(kind, BaseModel) and isinstance(value, kind))
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
