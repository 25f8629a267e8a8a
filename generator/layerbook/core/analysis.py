"""The interface of an analysis: its parameters, requests, measurement and figures.

An analysis is one file of `layerbook.analyses` and never holds the model. `runs()` returns the
requests, `measure()` turns the captured arrays into a small result, and `figures()` turns the
result into figures as data. All three are pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date as Day
from typing import Annotated, Any, ClassVar, Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    SerializerFunctionWrapHandler,
    ValidationInfo,
    WithJsonSchema,
    model_serializer,
)
from pydantic_core import PydanticCustomError

from layerbook.core.figures import Figure
from layerbook.core.requests import ActivationCaches, ChatMessage, Prompt, Request
from layerbook.core.rounding import Rounding
from layerbook.core.tokens import Token, visible

Feature = Literal["rope", "gated mlp", "silu", "plain scores", "plain outputs"]
"""A part that not every model has, and that some analyses need."""

FEATURE_DESCRIPTIONS: Mapping[Feature, str] = {
    "rope": "queries and keys that are turned by their positions (RoPE)",
    "gated mlp": "an MLP with a gate",
    "silu": "an MLP with SiLU as its activation function",
    "plain scores": "attention scores that are q·k / √d_head and nothing else",
    "plain outputs": "heads whose outputs are added as they are, and logits after an RMSNorm",
}


@dataclass(frozen=True)
class Limits:
    """The model's sizes and what it lacks, available before it is loaded.

    count_tokens: the tokenizer's count for a prompt; None if the tokenizer is not available.
    render_chat: lays out a chat prompt; None if chats are not checked. Both raise ModelError.
    family: the name of the model's family.
    missing: what it does not have.
    d_mlp: the number of neurons of a layer; 0 if it is not known.
    layers_without_rope: those of a model whose other layers turn queries and keys.
    chat_template: whether chats can be laid out.
    """

    layers: int
    heads: int
    d_vocab: int
    context: int
    count_tokens: Callable[[Prompt], int] | None = None
    render_chat: Callable[[Prompt], str] | None = None
    family: str = "Llama"
    missing: frozenset[Feature] = frozenset()
    layers_without_rope: frozenset[int] = frozenset()
    chat_template: bool = True
    d_mlp: int = 0


def _limits(info: ValidationInfo) -> Limits | None:
    return info.context.get("limits") if info.context else None


_AT_MOST = re.compile(r"at most (\d+)")


@dataclass(frozen=True)
class _ModelIndex:
    """Validate and resolve layer or head numbers if the validation context has `limits`."""

    noun: Literal["layer", "head", "neuron"]

    def read(self, value: object, info: ValidationInfo) -> object:
        """Replace `at most N` by N, or by the model's last number if that is lower."""
        match = _AT_MOST.fullmatch(value) if isinstance(value, str) else None
        count = self._count(info)
        if match is None or _limits(info) is None:
            return value
        return int(match[1]) if count is None else min(int(match[1]), count - 1)

    def check(self, number: int, info: ValidationInfo) -> int:
        """Reject a number that the model does not have."""
        count = self._count(info)
        if count is None or -count <= number < count:
            return number
        numbers = f"{self.noun}s 0 to {count - 1}" if count > 1 else f"only {self.noun} 0"
        negative = number < 0 and self.noun == "layer"
        hint = f", and -1 to -{count} count from the end" if negative else ""
        raise ValueError(f"there is no {self.noun} {number}: the model has {numbers}{hint}")

    def resolve(self, number: int, info: ValidationInfo) -> int:
        """Check the number; count a negative one from the end."""
        count = self._count(info)
        return number if count is None else self.check(number, info) % count

    def resolve_all(self, numbers: tuple[int, ...] | str, info: ValidationInfo) -> Any:
        """Replace `all` and negative numbers; reject an empty list and duplicates."""
        count = self._count(info)
        if count is None or numbers == "mean":
            return numbers
        if isinstance(numbers, str):
            return tuple(range(count))
        if not numbers:
            raise ValueError("should not be empty")
        for i, number in enumerate(numbers):
            if number in numbers[:i]:
                context = {"number": number, "index": i}
                raise PydanticCustomError("repeated", "{number} is listed twice", context)
        # In a model with one layer, 0 and -1 are the same.
        return tuple(dict.fromkeys(number % count for number in numbers))

    def _count(self, info: ValidationInfo) -> int | None:
        limits = _limits(info)
        if limits is None:
            return None
        counts = {"layer": limits.layers, "head": limits.heads, "neuron": limits.d_mlp}
        return counts[self.noun] or None


def _check_vocabulary_count(count: int, info: ValidationInfo) -> int:
    limits = _limits(info)
    if limits is not None and not 1 <= count <= limits.d_vocab:
        size = limits.d_vocab
        raise ValueError(
            f"should be from 1 to {size}: the model's vocabulary has {size}, not {count}"
        )
    return count


def _check_layer_turns(layer: int, info: ValidationInfo) -> int:
    limits = _limits(info)
    if limits is not None and layer in limits.layers_without_rope:
        raise ValueError(f"layer {layer} of this model does not turn queries and keys (no RoPE)")
    return layer


_LAYER, _HEAD, _NEURON = _ModelIndex("layer"), _ModelIndex("head"), _ModelIndex("neuron")
_LayerNumbers = tuple[Annotated[int, AfterValidator(_LAYER.check)], ...]
_HeadNumbers = tuple[Annotated[int, AfterValidator(_HEAD.check)], ...]

_NUMBER_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^at most \\d+$"}]}
)

Layer = Annotated[int, BeforeValidator(_LAYER.read), AfterValidator(_LAYER.resolve), _NUMBER_SCHEMA]
RopeLayer = Annotated[Layer, AfterValidator(_check_layer_turns)]
Head = Annotated[int, BeforeValidator(_HEAD.read), AfterValidator(_HEAD.resolve), _NUMBER_SCHEMA]
Neuron = Annotated[
    int,
    Field(ge=0),
    BeforeValidator(_NEURON.read),
    AfterValidator(_NEURON.resolve),
    _NUMBER_SCHEMA,
]
Layers = Annotated[_LayerNumbers | Literal["all"], AfterValidator(_LAYER.resolve_all)]
Heads = Annotated[_HeadNumbers | Literal["mean", "all"], AfterValidator(_HEAD.resolve_all)]
HeadNumbers = Annotated[_HeadNumbers | Literal["all"], AfterValidator(_HEAD.resolve_all)]
TopK = Annotated[int, Field(ge=1), AfterValidator(_check_vocabulary_count)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


def resolved(numbers: Layers | Heads) -> tuple[int, ...]:
    """Return layer or head numbers that the spec loader has resolved; TypeError for `all`."""
    if isinstance(numbers, str):
        raise TypeError(f"{numbers!r} must be resolved to numbers before an analysis runs")
    return numbers


class Record(BaseModel):
    """A frozen group of fields: one part of a result or of an analysis's parameters.

    Its numbers are finite, except those of a field with `Field(allow_inf_nan=True)`.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        arbitrary_types_allowed=True,
        allow_inf_nan=False,
        defer_build=True,  # most commands read few results, and pydantic builds validators slowly
    )


PromptText = Annotated[str, Field(min_length=1)]
ChatMessages = Annotated[tuple[ChatMessage, ...], Field(min_length=1)]


class ChatPrompt(Record):
    """A prompt laid out by the model's chat template; a plain string is one turn of the user."""

    chat: PromptText | ChatMessages = Field(
        description="One user turn as a string, or the list of turns."
    )
    answer: bool = Field(default=True, description="Append the header of the assistant's turn.")
    date: Day | None = Field(
        default=None,
        description="The day that the template takes for today, YYYY-MM-DD; by default 2024-07-26.",
    )
    without_template: Literal["plain"] | None = Field(
        default=None,
        description="`plain`: a model without a chat template reads the turns as plain text, "
        "a line each. By default it is an error.",
    )

    @model_serializer(mode="wrap")
    def _without_defaults(self, to_dict: SerializerFunctionWrapHandler) -> dict[str, Any]:
        optional = ("date", "without_template")
        data: dict[str, Any] = to_dict(self)
        return {name: data[name] for name in data if data[name] or name not in optional}

    def messages(self) -> tuple[ChatMessage, ...]:
        """Return the turns; a plain string is one turn of the user."""
        if isinstance(self.chat, str):
            return (ChatMessage(role="user", content=self.chat),)
        return self.chat


def _lay_out_plainly(prompt: str | ChatPrompt, info: ValidationInfo) -> str | ChatPrompt:
    """Resolve `without_template` by what the model has."""
    limits = _limits(info)
    if limits is None or isinstance(prompt, str) or prompt.without_template is None:
        return prompt
    if limits.chat_template:
        return prompt.model_copy(update={"without_template": None})
    return "\n".join(message.content for message in prompt.messages())


PromptSpec = Annotated[PromptText | ChatPrompt, AfterValidator(_lay_out_plainly)]
Prompts = Annotated[tuple[PromptSpec, ...], Field(min_length=1)]
Texts = Annotated[tuple[PromptText, ...], Field(min_length=1)]


def as_prompt(spec: PromptSpec) -> Prompt:
    """Return the prompt of a string or chat in a spec."""
    if isinstance(spec, str):
        return Prompt(text=spec)
    return Prompt(messages=spec.messages(), answer=spec.answer, date=spec.date)


def prompt_name(spec: PromptSpec) -> str:
    """Return the string, or the content of a chat's last turn."""
    return spec if isinstance(spec, str) else spec.messages()[-1].content


_SINGLE_SPACE = re.compile(r"(?<=\S) (?=\S)")


def shorten_prompt(
    prompt: PromptSpec, width: int = 40, *, keep: Literal["start", "end"] = "start"
) -> str:
    """Draw the prompt's whitespace, except single spaces between words, and cut it to `width`."""
    name = prompt_name(prompt)
    characters = [
        char
        if char == "\N{REPLACEMENT CHARACTER}" or _SINGLE_SPACE.match(name, i)
        else visible(Token(-1, char, "00"))
        for i, char in enumerate(name)
    ]
    if len(name) <= width:
        return "".join(characters)
    if keep == "end":
        return "…" + "".join(characters[1 - width :])
    return "".join(characters[: width - 1]) + "…"


def chat_suffix(prompt: PromptSpec) -> str:
    """Return ` in a chat` for the title of a chat prompt, nothing for a plain string."""
    if isinstance(prompt, str):
        return ""
    return " in a chat" if prompt.answer else " in a chat, without the header of the answer"


def prompt_title(prompt: PromptSpec) -> str:
    """Return a prompt for a title: shortened, and with a note if it is a chat."""
    return f"{shorten_prompt(prompt)}{chat_suffix(prompt)}"


def _check_finite(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise ValueError("should contain only finite numbers")
    return array


Array = Annotated[
    np.ndarray,
    BeforeValidator(np.asarray),
    AfterValidator(_check_finite),
    PlainSerializer(np.ndarray.tolist),
    WithJsonSchema({"type": "array"}),
]
"""An array that the result's JSON holds as nested lists."""


class SidecarFile:
    """Mark an array that is too big for JSON: the store writes it to a safetensors file."""


BigArray = Annotated[Array, SidecarFile(), Rounding(to_float32=True)]


class Result(Record):
    """The numbers of one experiment; the store writes them as JSON."""

    model_config = ConfigDict(ser_json_inf_nan="constants")


R = TypeVar("R", bound=Result)


class Analysis(BaseModel, Generic[R]):
    """The parameters of an analysis (the fields) and its three pure steps."""

    # Defaults such as layer -1 are resolved too.
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
    result_type: ClassVar[type[Result]]
    requires: ClassVar[frozenset[Feature]] = frozenset()  # features of the model

    @classmethod
    def missing_features(cls, limits: Limits) -> tuple[str, ...]:
        """Return in words what the analysis requires and a model does not have."""
        lacks = cls.requires & limits.missing
        return tuple(words for feature, words in FEATURE_DESCRIPTIONS.items() if feature in lacks)

    def runs(self) -> dict[str, Request]:
        """Return the requests by the names that `measure` uses."""
        raise NotImplementedError

    def measure(self, captures: ActivationCaches) -> R:
        """Compute the result from the captured arrays."""
        raise NotImplementedError

    def figures(self, result: R) -> dict[str, Figure]:
        """Return the figures of a result by name."""
        raise NotImplementedError


A = TypeVar("A", bound=Analysis[Any])


def resolve_numbers(analysis: A, limits: Limits) -> A:
    """Return the analysis with `all` and negative numbers replaced by a model's layers and heads.

    Raises ValueError for a number that the model does not have.
    """
    return type(analysis).model_validate(analysis.model_dump(), context={"limits": limits})
