"""Big arrays of a result, stored in a safetensors file beside its JSON.

They are the result's fields marked `SidecarFile`. In the JSON, a reference replaces each array:
`{"file", "array", "shape", "dtype", "sha256"}`. The file's name holds a digest of its content
(`ID.1a2b3c4d.safetensors`). A new file is written before the JSON is replaced, and the old one is
removed afterwards, so no JSON lacks its arrays.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from layerbook.core.analysis import SidecarFile
from layerbook.core.errors import StoreError
from layerbook.core.paths import read_file

REFERENCE_KEYS = frozenset({"file", "array", "shape", "dtype", "sha256"})


@dataclass(frozen=True)
class Sidecar:
    """The arrays of a result that go into a file, by field, and the file's name and bytes."""

    arrays: Mapping[str, NDArray[Any]]
    name: str
    data: bytes

    def references(self) -> dict[str, Any]:
        """Return what takes the place of each array in the JSON."""
        digest = hashlib.sha256(self.data).hexdigest()
        return {
            field: {
                "file": self.name,
                "array": field,
                "shape": list(array.shape),
                "dtype": str(array.dtype),
                "sha256": digest,
            }
            for field, array in self.arrays.items()
        }


def pack_sidecar(id: str, result: BaseModel) -> Sidecar | None:
    """Collect the big arrays of the result `id`; return None if it has none."""
    arrays = {
        name: np.ascontiguousarray(getattr(result, name))
        for name, field in type(result).model_fields.items()
        if any(isinstance(note, SidecarFile) for note in field.metadata)
    }
    if not arrays:
        return None
    from safetensors.numpy import save

    data = save(arrays)
    return Sidecar(arrays, f"{id}.{_short_digest(data)}.safetensors", data)


def dump(result: BaseModel, sidecar: Sidecar | None) -> dict[str, Any]:
    """Return a result as plain data, with references to the arrays in the sidecar."""
    references = sidecar.references() if sidecar else {}
    in_order = dict.fromkeys(type(result).model_fields)
    return in_order | result.model_dump(mode="json", exclude=set(references)) | references


def resolve_references(data: Mapping[str, Any], read: Callable[[str], bytes]) -> dict[str, Any]:
    """Return the fields of a result with each reference replaced by its array.

    read: reads a file by name. Raises ValueError if an array is missing or does not fit its
    reference.
    """

    @cache
    def load(file: str, sha256: str) -> dict[str, NDArray[Any]]:
        return _load_file(file, read(file), sha256)

    def resolve(value: Any) -> Any:
        if not isinstance(value, dict) or value.keys() != REFERENCE_KEYS:
            return value
        return _find_array(load(str(value["file"]), str(value["sha256"])), value)

    return {name: resolve(value) for name, value in data.items()}


def make_read_only(value: Any) -> None:
    """Make every array in a result read-only."""
    if isinstance(value, np.ndarray):
        value.setflags(write=False)
    elif isinstance(value, BaseModel):
        make_read_only(vars(value))
    elif isinstance(value, Mapping):
        make_read_only(list(value.values()))
    elif isinstance(value, tuple | list):
        for part in value:
            make_read_only(part)


def matches_name_digest(path: Path) -> bool:
    """Return whether a sidecar file has the digest in its name."""
    try:
        return path.name.endswith(f".{_short_digest(read_file(path))}.safetensors")
    except (OSError, StoreError):
        return False


def is_sidecar_of(id: str, name: str) -> bool:
    """Return whether a file of that name holds, or once held, arrays of the result `id`."""
    return re.fullmatch(_name_pattern(id), name) is not None


def referenced_files(text: bytes, id: str) -> frozenset[str]:
    """Return the names of the files that a result's JSON refers to, without parsing it."""
    # A prompt cannot contain this text, because quotes in a JSON string are escaped.
    names = re.findall(f'"file": "({_name_pattern(id)})"'.encode(), text)
    return frozenset(name.decode() for name in names)


def _name_pattern(id: str) -> str:
    return rf"{re.escape(id)}\.[0-9a-f]{{8}}\.safetensors"


def _load_file(name: str, data: bytes, sha256: str) -> dict[str, NDArray[Any]]:
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


def _short_digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:8]
