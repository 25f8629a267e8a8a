"""The analysis interface: parameters, the runs it needs, what it measures, the figures it describes.

An analysis is one file in `generator/analyses/`. It never holds the model: `runs()` says what it needs as
data, `measure()` messages the captured arrays into a small result, `figures()` turns the result into charts
described as data. All three are pure.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
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
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError

from layerbook.core.figures import Figure
from layerbook.core.requests import ActivationCache, ActivationCaches, Message, Prompt, Request
from layerbook.core.tokens import Token, visible


@dataclass(frozen=True)
class Limits:
    """What the model allows, known before it is loaded; `count_tokens` where its tokenizer is at hand."""

    layers: int
    heads: int
    d_vocab: int
    context: int
    count_tokens: Callable[[Prompt], int] | None = None


def _limits(info: ValidationInfo) -> Limits | None:
    return info.context.get("limits") if info.context else None


@dataclass(frozen=True)
class _ModelIndex:
    """Validate and resolve layer or head numbers where the validation context has `limits`."""

    noun: Literal["layer", "head"]

    def check(self, number: int, info: ValidationInfo) -> int:
        """Refuse a number that the model does not have."""
        count = self._count(info)
        if count is None or -count <= number < count:
            return number
        numbers = f"{self.noun}s 0 to {count - 1}" if count > 1 else f"only {self.noun} 0"
        negative = number < 0 and self.noun == "layer"
        hint = f", and -1 to -{count} count from the end" if negative else ""
        raise ValueError(f"there is no {self.noun} {number}: the model has {numbers}{hint}")

    def resolve(self, number: int, info: ValidationInfo) -> int:
        """Refuse a number that the model does not have; count a negative one from the end."""
        count = self._count(info)
        return number if count is None else self.check(number, info) % count

    def resolve_all(self, numbers: tuple[int, ...] | str, info: ValidationInfo) -> Any:
        """Replace `all` and negative numbers; refuse an empty list and repetitions."""
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
        return limits.layers if self.noun == "layer" else limits.heads


def _check_vocabulary_count(count: int, info: ValidationInfo) -> int:
    limits = _limits(info)
    if limits is not None and not 1 <= count <= limits.d_vocab:
        size = limits.d_vocab
        raise ValueError(
            f"should be from 1 to {size}: the model's vocabulary has {size}, not {count}"
        )
    return count


_LAYER, _HEAD = _ModelIndex("layer"), _ModelIndex("head")
_LayerNumbers = tuple[Annotated[int, AfterValidator(_LAYER.check)], ...]
_HeadNumbers = tuple[Annotated[int, AfterValidator(_HEAD.check)], ...]

Layer = Annotated[int, AfterValidator(_LAYER.resolve)]
Head = Annotated[int, AfterValidator(_HEAD.resolve)]
Layers = Annotated[_LayerNumbers | Literal["all"], AfterValidator(_LAYER.resolve_all)]
Heads = Annotated[_HeadNumbers | Literal["mean", "all"], AfterValidator(_HEAD.resolve_all)]
TopK = Annotated[int, Field(ge=1), AfterValidator(_check_vocabulary_count)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]


def resolved(numbers: Layers | Heads) -> tuple[int, ...]:
    """Layer or head numbers as the spec's loader leaves them: absolute; TypeError while a word stands for them."""
    if isinstance(numbers, str):
        raise TypeError(f"{numbers!r} must be resolved to numbers before an analysis runs")
    return numbers


class ChatMessage(BaseModel):
    """One turn of a chat prompt."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    role: Literal["system", "user", "assistant"] = Field(description="Who speaks.")
    content: str = Field(min_length=1, description="What is said.")


class ChatPrompt(BaseModel):
    """A prompt laid out by the model's chat template; a plain string is one turn of the user."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    chat: Annotated[str, Field(min_length=1)] | Annotated[tuple[ChatMessage, ...], Field(min_length=1)] = (
        Field(description="One user turn as a string, or the list of turns.")
    )
    answer: bool = Field(default=True, description="Append the header of the assistant's turn.")

    def messages(self) -> tuple[ChatMessage, ...]:
        """The turns, a lone string made into one."""
        return (ChatMessage(role="user", content=self.chat),) if isinstance(self.chat, str) else self.chat


_SINGLE_SPACE = re.compile(r"(?<=\S) (?=\S)")

PromptText = Annotated[str, Field(min_length=1)]
PromptSpec = PromptText | ChatPrompt
Prompts = Annotated[tuple[PromptSpec, ...], Field(min_length=1)]
Texts = Annotated[tuple[PromptText, ...], Field(min_length=1)]


def as_prompt(spec: PromptSpec) -> Prompt:
    """The prompt that a spec's string or chat stands for."""
    if isinstance(spec, str):
        return Prompt(text=spec)
    return Prompt(
        messages=tuple(Message(t.role, t.content) for t in spec.messages()), answer=spec.answer
    )


def prompt_name(spec: PromptSpec) -> str:
    """The prompt as a person would cite it: the string, or the last turn's content."""
    return spec if isinstance(spec, str) else spec.messages()[-1].content


def shorten_prompt(spec: PromptSpec, width: int = 40, end: bool = False) -> str:
    """The prompt for titles and alt texts: whitespace drawn, but for single spaces between words; long ones cut.

    end: keep the end of a long one, where what follows it is the matter, instead of the beginning.
    """
    name = prompt_name(spec)
    drawn = [
        c
        if c == "\N{REPLACEMENT CHARACTER}" or _SINGLE_SPACE.match(name, i)
        else visible(Token(-1, c, "00"))
        for i, c in enumerate(name)
    ]
    if len(name) > width:
        drawn = ["…", *drawn[1 - width :]] if end else [*drawn[: width - 1], "…"]
    return "".join(drawn)


def _to_lists(array: NDArray[Any]) -> Any:
    # The shortest decimal that gives the same float32 back, rather than its float64 expansion.
    if array.dtype == np.float32:
        flat = [float(str(v)) for v in array.ravel()]
        return np.array(flat, dtype=np.float64).reshape(array.shape).tolist()
    return array.tolist()


Array = Annotated[
    np.ndarray,
    BeforeValidator(lambda v: v if isinstance(v, np.ndarray) else np.asarray(v)),
    PlainSerializer(_to_lists),
    WithJsonSchema({"type": "array"}),
]
"""An array written into the result as nested lists."""


class SidecarFile:
    """Marks an array that is too big to read in JSON: the store keeps it in a safetensors file beside."""


BigArray = Annotated[Array, SidecarFile()]


class Result(BaseModel):
    """What an analysis measured: small, frozen, readable; the store writes it as JSON."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, ser_json_inf_nan="constants"
    )


R = TypeVar("R", bound=Result)


class Analysis(BaseModel, Generic[R]):
    """Parameters of one analysis (the fields), and its three pure steps."""

    # Defaults such as layer -1 are resolved too.
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
    result_type: ClassVar[type[Result]]

    def runs(self) -> dict[str, Request]:
        """The requests, by a name that `measure` uses."""
        raise NotImplementedError

    def measure(self, captures: ActivationCaches) -> R:
        """The numbers, from the captured arrays alone."""
        raise NotImplementedError

    def figures(self, result: R) -> dict[str, Figure]:
        """The charts, by name, from the result alone."""
        raise NotImplementedError


A = TypeVar("A", bound=Analysis[Any])


def resolve_numbers(analysis: A, limits: Limits) -> A:
    """Return the analysis with `all` and negative layers written out for a model.

    Raises ValueError for a number that the model does not have.
    """
    return type(analysis).model_validate(analysis.model_dump(), context={"limits": limits})


class Ranked(BaseModel):
    """A token and its place in a next-token distribution; `prob` is a share in 0..1 of the whole vocabulary."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    id: int = Field(description="The token's id.")
    text: str = Field(description="What the id alone decodes to.")
    hex: str = Field(description="Its bytes in hexadecimal.")
    special: bool = Field(default=False, description="Whether it is a special token.")
    logit: float = Field(description="Its score before the softmax.")
    prob: float = Field(description="Its share of the whole vocabulary, 0 to 1.")

    @property
    def token(self) -> Token:
        """The token alone."""
        return Token(self.id, self.text, self.hex, self.special)


CHUNK_SIZE = 64  # logits at a time, whose best is found faster than an order among all


def softmax(scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """exp(s) / sum exp(s) over the last axis, in float64, shifted so that nothing overflows."""
    shifted = scores.astype(np.float64) - np.max(scores, axis=-1, keepdims=True)
    grown = np.exp(shifted)
    shares: NDArray[np.float64] = grown / grown.sum(axis=-1, keepdims=True)
    return shares


def ranked(capture: ActivationCache, logits: NDArray[np.floating], count: int) -> tuple[Ranked, ...]:
    """The `count` likeliest tokens of one logit vector [V], best first, ties by the lower id.

    Raises ValueError where there are not so many.
    """
    if count > len(logits):
        raise ValueError(f"there are {len(logits)} logits, not {count}")
    prob = softmax(logits)
    near = np.flatnonzero(
        logits >= _top_threshold(logits, count)
    )  # sorting these alone spares sorting the vocabulary
    best = near[np.argsort(-logits[near], kind="stable")][:count]
    rows = [(capture.vocabulary.token(int(i)), float(str(logits[i])), float(prob[i])) for i in best]
    return tuple(
        Ranked(id=t.id, text=t.text, hex=t.hex, special=t.special, logit=logit, prob=p)
        for t, logit, p in rows
    )


def _top_threshold(logits: NDArray[np.floating], count: int) -> float:
    """A score that at least `count` of the logits reach, and few others: the count-th of the bests of all stretches."""
    best = logits[: len(logits) // CHUNK_SIZE * CHUNK_SIZE].reshape(-1, CHUNK_SIZE).max(axis=1)
    return float(np.partition(best, -count)[-count] if len(best) >= count else logits.min())


def entropy(prob: NDArray[np.floating]) -> float:
    """-sum p log2 p, in bits; 0 log 0 counts as 0."""
    positive = prob[prob > 0]
    return float(-(positive * np.log2(positive)).sum())
