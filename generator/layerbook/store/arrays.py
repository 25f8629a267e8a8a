"""Big arrays of a result: taken out into a safetensors file beside the JSON, and put back.

In the JSON a reference stands in an array's place: `{"file", "array", "shape", "dtype", "sha256"}`. The file's name
holds a digest of its content (`ID.1a2b3c4d.safetensors`), so that a JSON file never meets another's arrays: the new
arrays are written first, the JSON then replaced, the old arrays removed last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from layerbook.core.analysis import SidecarFile

REFERENCE_KEYS = frozenset({"file", "array", "shape", "dtype", "sha256"})
PathStep = str | int
JsonPath = tuple[PathStep, ...]
ArraysByPath = dict[JsonPath, NDArray[Any]]


def find_side_arrays(model: BaseModel) -> ArraysByPath:
    """The arrays of fields marked `SidecarFile`, anywhere in a result, by their place in its JSON."""
    return dict(_marked(model, (), side=False))


def _marked(value: Any, place: JsonPath, side: bool) -> Iterator[tuple[JsonPath, NDArray[Any]]]:
    if isinstance(value, np.ndarray):
        if side:
            yield place, value
    elif isinstance(value, BaseModel):
        for name, marked in _fields(type(value)):
            yield from _marked(getattr(value, name), (*place, name), marked)
    elif isinstance(value, tuple | list):
        for index, part in enumerate(value):
            yield from _marked(part, (*place, index), side)
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield from _marked(part, (*place, name), side)


@cache
def _fields(kind: type[BaseModel]) -> tuple[tuple[str, bool], ...]:
    """The fields of a model, and whether each is marked."""
    return tuple(
        (
            name,
            _mentions(field.annotation)
            or any(isinstance(note, SidecarFile) for note in field.metadata),
        )
        for name, field in kind.model_fields.items()
    )


def _mentions(annotation: Any) -> bool:
    notes = getattr(annotation, "__metadata__", ())
    return any(isinstance(note, SidecarFile) for note in notes) or any(
        _mentions(part) for part in get_args(annotation)
    )


def dump_without_arrays(model: BaseModel, sides: ArraysByPath) -> dict[str, Any]:
    """The result as plain data without the arrays of `sides`: they would be slow to turn into lists."""
    left_out: dict[Any, Any] = {}
    for place in sides:
        inner = left_out
        for step in place[:-1]:
            inner = inner.setdefault(step, {})
        inner[place[-1]] = True
    return model.model_dump(mode="json", exclude=left_out or None)


def encode_safetensors(sides: ArraysByPath) -> bytes:
    """All arrays of one result as a safetensors file, named by their places."""
    from safetensors.numpy import save

    return save({_name(place): np.ascontiguousarray(array) for place, array in sides.items()})


def side_file_name(id: str, packed: bytes) -> str:
    """The name of the file for these bytes, beside the result `id`."""
    return f"{id}.{_short(packed)}.safetensors"


def matches_name_digest(path: Path) -> bool:
    """Whether the file holds the bytes that its name was made from."""
    try:
        return path.name.endswith(f".{_short(path.read_bytes())}.safetensors")
    except OSError:
        return False


def _short(packed: bytes) -> str:
    return hashlib.sha256(packed).hexdigest()[:8]


def is_side_file_of(id: str, name: str) -> bool:
    """Whether a file of that name holds, or once held, arrays of the result `id`."""
    digest = name.removeprefix(f"{id}.").removesuffix(".safetensors")
    return (
        name == f"{id}.{digest}.safetensors"
        and len(digest) == 8
        and set(digest) <= set("0123456789abcdef")
    )


def insert_references(data: dict[str, Any], sides: ArraysByPath, file: str, digest: str) -> None:
    """Put a reference into `data` where each array of `sides` was left out."""
    for place, array in sides.items():
        inner: Any = data
        for step in place[:-1]:
            inner = inner[str(step) if isinstance(inner, dict) else step]
        reference = {"file": file, "array": _name(place), "shape": list(array.shape)}
        reference |= {"dtype": str(array.dtype), "sha256": digest}
        last = place[-1]
        if isinstance(inner, list) and isinstance(last, int):
            inner.insert(last, reference)  # left out, it closed the gap; places come in order
        else:
            inner[str(last)] = reference


def _name(place: JsonPath) -> str:
    return ".".join(str(step) for step in place)


def resolve_references(data: Any, read: Callable[[str], bytes]) -> Any:
    """`data` with every reference replaced by its array; `read` gives the bytes of a file beside the JSON.

    Raises ValueError where an array is missing or is not what the reference says.
    """
    opened: dict[str, dict[str, NDArray[Any]]] = {}

    def fetch(reference: dict[str, Any]) -> NDArray[Any]:
        from safetensors import SafetensorError
        from safetensors.numpy import load

        file = str(reference["file"])
        if file not in opened:
            packed = read(file)
            if hashlib.sha256(packed).hexdigest() != reference["sha256"]:
                raise ValueError(f"the arrays in {file} are not the ones it was written with")
            try:
                opened[file] = load(packed)
            except SafetensorError as error:
                raise ValueError(f"{file} is no safetensors file ({error})") from error
        array = opened[file].get(reference["array"])
        if (
            array is None
            or list(array.shape) != reference["shape"]
            or str(array.dtype) != reference["dtype"]
        ):
            raise ValueError(
                f"{file} has no array {reference['array']} of the shape and type that is expected"
            )
        return array

    def walk(value: Any) -> Any:
        if isinstance(value, dict):
            return (
                fetch(value)
                if value.keys() == REFERENCE_KEYS
                else {name: walk(part) for name, part in value.items()}
            )
        return [walk(part) for part in value] if isinstance(value, list) else value

    return walk(data)


def make_read_only(value: Any) -> None:
    """Make every array in a result read-only."""
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            make_read_only(getattr(value, name))
    elif isinstance(value, tuple | list):
        for part in value:
            make_read_only(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            make_read_only(part)


def referenced_files(text: bytes, id: str) -> frozenset[str]:
    """The names of the files that a result's JSON refers to, found without parsing it."""
    # Inside a JSON string the quotes would be escaped, so this cannot be a prompt's text.
    names = (
        part.split(b'"', 1)[0].decode("utf-8", "replace") for part in text.split(b'"file": "')[1:]
    )
    return frozenset(name for name in names if is_side_file_of(id, name))
