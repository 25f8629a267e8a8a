"""Types for the parameters of analyses; with a model's `Limits`, they check and resolve values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from layerbook.core.limits import validation_limits
from layerbook.core.rounding import Rounding

_AT_MOST = re.compile(r"at most (\d+)")


@dataclass(frozen=True)
class _ModelIndex:
    """Check and resolve the numbers of layers, heads or neurons; without limits, leave them."""

    noun: Literal["layer", "head", "neuron"]

    def read(self, value: object, info: ValidationInfo) -> object:
        """Replace `at most N` by N, or by the model's last number if that is lower."""
        match = _AT_MOST.fullmatch(value) if isinstance(value, str) else None
        if match is None or validation_limits(info) is None:
            return value
        count = self._count(info)
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
        """Return how many the model has; None if that is not known."""
        limits = validation_limits(info)
        if limits is None:
            return None
        counts = {"layer": limits.layers, "head": limits.heads, "neuron": limits.d_mlp}
        return counts[self.noun] or None


def _check_vocabulary_count(count: int, info: ValidationInfo) -> int:
    limits = validation_limits(info)
    if limits is not None and not 1 <= count <= limits.d_vocab:
        size = limits.d_vocab
        raise ValueError(
            f"should be from 1 to {size}: the model's vocabulary has {size}, not {count}"
        )
    return count


def _check_layer_turns(layer: int, info: ValidationInfo) -> int:
    limits = validation_limits(info)
    if limits is not None and layer in limits.layers_without_rope:
        raise ValueError(f"layer {layer} of this model does not turn queries and keys (no RoPE)")
    return layer


_LAYER, _HEAD, _NEURON = _ModelIndex("layer"), _ModelIndex("head"), _ModelIndex("neuron")
_LayerNumbers = tuple[Annotated[int, AfterValidator(_LAYER.check)], ...]
_HeadNumbers = tuple[Annotated[int, AfterValidator(_HEAD.check)], ...]

_NUMBER_SCHEMA = WithJsonSchema(
    {"anyOf": [{"type": "integer"}, {"type": "string", "pattern": "^at most \\d+$"}]}
)

Layer = Annotated[
    int,
    BeforeValidator(_LAYER.read),
    AfterValidator(_LAYER.resolve),
    _NUMBER_SCHEMA,
    Field(description="The layer; negative numbers count from the last."),
]
RopeLayer = Annotated[Layer, AfterValidator(_check_layer_turns)]
Head = Annotated[int, BeforeValidator(_HEAD.read), AfterValidator(_HEAD.resolve), _NUMBER_SCHEMA]
Neuron = Annotated[
    int,
    Field(ge=0),
    BeforeValidator(_NEURON.read),
    AfterValidator(_NEURON.resolve),
    _NUMBER_SCHEMA,
]
Layers = Annotated[
    _LayerNumbers | Literal["all"],
    AfterValidator(_LAYER.resolve_all),
    Field(description="The layers; negative numbers count from the last."),
]
Heads = Annotated[_HeadNumbers | Literal["mean", "all"], AfterValidator(_HEAD.resolve_all)]
HeadNumbers = Annotated[_HeadNumbers | Literal["all"], AfterValidator(_HEAD.resolve_all)]
TopK = Annotated[int, Field(ge=1), AfterValidator(_check_vocabulary_count)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]

# How a token is drawn; parameters of an analysis and fields of its result.
Temperature = Annotated[
    float,
    Rounding(exact=True),
    Field(ge=0, description="Divides the logits; 0 always takes the likeliest token."),
]
SamplingTopK = Annotated[
    TopK | None,
    Field(description="Draw only from this many of the likeliest tokens; null for all."),
]
SamplingTopP = Annotated[
    float | None,
    Rounding(exact=True),
    Field(
        gt=0,
        le=1,
        description="Draw only from the likeliest tokens that together reach this probability; "
        "null for all.",
    ),
]


def resolved(numbers: Layers | Heads) -> tuple[int, ...]:
    """Return layer or head numbers that the spec loader has resolved; TypeError for `all`."""
    if isinstance(numbers, str):
        raise TypeError(f"{numbers!r} must be resolved to numbers before an analysis runs")
    return numbers
