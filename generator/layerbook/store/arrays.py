"""Big arrays of a result, stored in a safetensors file beside its JSON.

In the JSON, a reference replaces each array: `{"file", "array", "shape", "dtype", "sha256"}`.
The file's name holds a digest of its content (`ID.1a2b3c4d.safetensors`). A new file is written
before the JSON is replaced, and the old one is removed afterwards, so no JSON lacks its arrays.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from layerbook.core.analysis import SidecarFile
from layerbook.core.errors import StoreError
from layerbook.core.paths import read_file

REFERENCE_KEYS = frozenset({"file", "array", "shape", "dtype", "sha256"})
JsonPath = tuple[str | int, ...]


class _LocatedArray(NamedTuple):
    path: JsonPath
    array: NDArray[Any]
    in_sidecar: bool


@dataclass(frozen=True)
class Sidecar:
    """The arrays of a result that go into a file, by their paths, and the file's name and bytes."""

    arrays: Mapping[JsonPath, NDArray[Any]]
    name: str
    data: bytes

    def reference(self, path: JsonPath) -> dict[str, Any]:
        """Return what takes an array's place in the JSON."""
        array = self.arrays[path]
        return {
            "file": self.name,
            "array": _array_name(path),
            "shape": list(array.shape),
            "dtype": str(array.dtype),
            "sha256": hashlib.sha256(self.data).hexdigest(),
        }


def pack_sidecar(id: str, result: BaseModel) -> Sidecar | None:
    """Collect the arrays of fields marked `SidecarFile`, anywhere in the result `id`."""
    arrays = {path: array for path, array, in_sidecar in _walk(result) if in_sidecar}
    if not arrays:
        return None
    from safetensors.numpy import save

    data = save({_array_name(path): np.ascontiguousarray(a) for path, a in arrays.items()})
    return Sidecar(arrays, f"{id}.{_short_digest(data)}.safetensors", data)


def dump(result: BaseModel, sidecar: Sidecar | None) -> dict[str, Any]:
    """Return a result as plain data, with references to the arrays in the sidecar."""
    if sidecar is None:
        return result.model_dump(mode="json")
    # Excluded, because turning big arrays into lists is slow.
    excluded: dict[Any, Any] = {}
    for path in sidecar.arrays:
        parent = excluded
        for step in path[:-1]:
            parent = parent.setdefault(step, {})
        parent[path[-1]] = True
    data = result.model_dump(mode="json", exclude=excluded)
    for path in sidecar.arrays:
        _insert(data, path, sidecar.reference(path))
    return data


def resolve_references(data: Any, read: Callable[[str], bytes]) -> Any:
    """Return `data` with every reference replaced by its array; `read` reads a file by name.

    Raises ValueError if an array is missing or does not fit its reference.
    """
    files: dict[str, dict[str, NDArray[Any]]] = {}

    def resolve(value: Any) -> Any:
        if isinstance(value, list):
            return [resolve(part) for part in value]
        if not isinstance(value, dict):
            return value
        if value.keys() != REFERENCE_KEYS:
            return {name: resolve(part) for name, part in value.items()}
        file = str(value["file"])
        if file not in files:
            files[file] = _load_file(file, read(file), value["sha256"])
        return _find_array(files[file], value)

    return resolve(data)


def make_read_only(result: BaseModel) -> None:
    """Make every array in a result read-only."""
    for located in _walk(result):
        located.array.setflags(write=False)


def matches_name_digest(path: Path) -> bool:
    """Return whether a sidecar file has the digest in its name."""
    try:
        return path.name.endswith(f".{_short_digest(read_file(path))}.safetensors")
    except (OSError, StoreError):
        return False


def is_sidecar_of(id: str, name: str) -> bool:
    """Return whether a file of that name holds, or once held, arrays of the result `id`."""
    digest = name.removeprefix(f"{id}.").removesuffix(".safetensors")
    return (
        name == f"{id}.{digest}.safetensors"
        and len(digest) == 8
        and set(digest) <= set("0123456789abcdef")
    )


def referenced_files(text: bytes, id: str) -> frozenset[str]:
    """Return the names of the files that a result's JSON refers to, without parsing it."""
    # A prompt cannot contain this text, because quotes in a JSON string are escaped.
    parts = text.split(b'"file": "')[1:]
    names = (part.split(b'"', 1)[0].decode("utf-8", "replace") for part in parts)
    return frozenset(name for name in names if is_sidecar_of(id, name))


def _walk(value: Any, path: JsonPath = (), *, in_sidecar: bool = False) -> Iterator[_LocatedArray]:
    """Yield every array in a result."""
    if isinstance(value, np.ndarray):
        yield _LocatedArray(path, value, in_sidecar)
    elif isinstance(value, BaseModel):
        for name, is_marked in _fields(type(value)).items():
            yield from _walk(getattr(value, name), (*path, name), in_sidecar=is_marked)
    elif isinstance(value, tuple | list | Mapping):
        items = value.items() if isinstance(value, Mapping) else enumerate(value)
        for step, part in items:
            yield from _walk(part, (*path, step), in_sidecar=in_sidecar)


@cache
def _fields(kind: type[BaseModel]) -> dict[str, bool]:
    """Return the fields of a model, each with whether it is marked `SidecarFile`."""
    return {
        name: _has_marker(field.metadata) or _mentions_marker(field.annotation)
        for name, field in kind.model_fields.items()
    }


def _has_marker(metadata: Any) -> bool:
    return any(isinstance(note, SidecarFile) for note in metadata)


def _mentions_marker(annotation: Any) -> bool:
    return _has_marker(getattr(annotation, "__metadata__", ())) or any(
        map(_mentions_marker, get_args(annotation))
    )


def _insert(data: dict[str, Any], path: JsonPath, reference: dict[str, Any]) -> None:
    parent: Any = data
    for step in path[:-1]:
        parent = parent[str(step) if isinstance(parent, dict) else step]
    step = path[-1]
    if isinstance(parent, list) and isinstance(step, int):
        parent.insert(step, reference)  # paths come in order, so the items before it are in place
    else:
        parent[str(step)] = reference


def _load_file(name: str, data: bytes, sha256: object) -> dict[str, NDArray[Any]]:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    if hashlib.sha256(data).hexdigest() != sha256:
        raise ValueError(f"the arrays in {name} are not those that the result was written with")
    try:
        return load(data)
    except SafetensorError as error:
        raise ValueError(f"{name} is not a safetensors file ({error})") from error


def _find_array(arrays: dict[str, NDArray[Any]], reference: dict[str, Any]) -> NDArray[Any]:
    name, array = reference["array"], arrays.get(reference["array"])
    expected = reference["shape"], reference["dtype"]
    if array is None or (list(array.shape), str(array.dtype)) != expected:
        raise ValueError(f"{reference['file']} has no array {name} of the expected shape and type")
    return array


def _array_name(path: JsonPath) -> str:
    return ".".join(str(step) for step in path)


def _short_digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:8]
