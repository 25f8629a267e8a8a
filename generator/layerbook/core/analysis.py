"""The base classes of an analysis and of its result.

An analysis is one file of `layerbook.analyses`. Its fields are the parameters of a spec, and it
never holds the model: `runs()` returns its requests, `measure()` turns the captured arrays into a
small result, and `figures()` describes the result as figures. All three are pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Generic, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    WithJsonSchema,
)

from layerbook.core.figures import Figure
from layerbook.core.limits import FEATURE_DESCRIPTIONS, Feature, Limits
from layerbook.core.requests import ActivationCaches, Request
from layerbook.core.rounding import Rounding


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
    """Mark a result's array that is too big for JSON: the store writes it to a safetensors file."""


BigArray = Annotated[Array, SidecarFile(), Rounding(to_float32=True)]


class Result(Record):
    """The numbers of one experiment; the store writes them as JSON."""

    model_config = ConfigDict(ser_json_inf_nan="constants")


def check_big_arrays(result_type: type[Result]) -> None:
    """Raise TypeError for a BigArray that the store would not write to a file.

    It stores the fields of the result itself, but not those of its records or parts of a list.
    """
    records: list[type[BaseModel]] = [result_type]
    for record in records:
        for name, field in record.model_fields.items():
            parts = list(_parts_of(field.annotation))
            if record is not result_type:
                parts += field.metadata
            if any(isinstance(part, SidecarFile) for part in parts):
                raise TypeError(
                    f"{record.__name__}.{name}: only a field of {result_type.__name__} itself can "
                    "be a BigArray; put all the numbers into one such field, or use Array"
                )
            types = [part for part in parts if isinstance(part, type) and part not in records]
            records += [part for part in types if issubclass(part, BaseModel)]


def _parts_of(annotation: Any) -> Iterator[Any]:
    """Yield an annotation, and all that is inside its brackets."""
    yield annotation
    for part in get_args(annotation):
        yield from _parts_of(part)


R = TypeVar("R", bound=Result)


class Analysis(BaseModel, Generic[R]):
    """The parameters of an analysis (the fields) and its three pure steps.

    `class MyAnalysis(Analysis[MyResult])` sets `result_type`.
    """

    # Defaults such as layer -1 are resolved too.
    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
    result_type: ClassVar[type[Result]]
    requires: ClassVar[frozenset[Feature]] = frozenset()  # features of the model

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        """Read the type of the result in `Analysis[...]`."""
        super().__pydantic_init_subclass__(**kwargs)
        for argument in cls.__pydantic_generic_metadata__["args"]:
            if isinstance(argument, type) and issubclass(argument, Result):
                cls.result_type = argument

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
