"""Results on disk: `experiments/results/MODEL/CHAPTER/ID.json`, committed and readable.

The header comes first, followed by the measured fields at the same level:

    {"id", "chapter", "analysis", "model", "spec", "key", "digest", ...}

`digest` is the sha256 of the file without its digest line, with `\\n` as line ends. It reveals,
without parsing the numbers, that a file was cut short, edited or merged with conflicts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

import pydantic.dataclasses
from pydantic import ValidationError

from layerbook.core import atomic
from layerbook.core.analysis import Result
from layerbook.core.errors import StoreError, one_line
from layerbook.core.paths import read_file, resolve_within
from layerbook.store import arrays, json_format
from layerbook.store.keys import Key

R = TypeVar("R", bound=Result)
Reason = Literal["missing", "truncated", "conflict", "edited", "foreign", "schema", "arrays"]

ORIGIN_FIELDS = ("id", "chapter", "analysis", "model")
HEADER_FIELDS = (*ORIGIN_FIELDS, "spec", "key", "digest")
DIGEST_LINE = re.compile(rb'^ "digest": "([0-9a-f]{64})",?\n', re.MULTILINE)
CONFLICT_MARKER = re.compile(rb"^(<<<<<<<|>>>>>>>) ", re.MULTILINE)
FILE_NAME_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
REPAIR_HINT = "restore it from version control, or run the experiment again"


class ResultFileError(StoreError):
    """A result file that cannot be used."""

    def __init__(self, path: Path, reason: Reason, message: str) -> None:
        self.path, self.reason, self.message = path, reason, message
        super().__init__(f"{path}: {message}")


@pydantic.dataclasses.dataclass(frozen=True, kw_only=True)
class ResultHeader:
    """The origin of a result. `spec` holds the canonical parameters, `digest` is set on reading.

    Raises ValueError for fields of other types, as in a forged file.
    """

    id: str
    chapter: str
    analysis: str
    model: str
    spec: Mapping[str, Any]
    key: Key
    digest: str = field(default="", compare=False)

    @property
    def name(self) -> str:
        """The name of the result among those of all models: `model/chapter/id`."""
        return f"{self.model}/{self.chapter}/{self.id}"


@dataclass(frozen=True, kw_only=True)
class StoredResult(ResultHeader, Generic[R]):
    """A result with its origin."""

    result: R


def result_path(root: Path, model: str, chapter: str, id: str) -> Path:
    """Return the path of a result under a results root. Raises StoreError for an invalid name."""
    for part in (model, chapter, id):
        if not FILE_NAME_PART.fullmatch(part):
            raise StoreError(
                f"{part!r} cannot be part of a result's path; use letters, digits, '.', '_' and '-'"
            )
    return path_in_folder(root / model / chapter, id)


def path_in_folder(folder: Path, id: str) -> Path:
    """Return the path of a result in a chapter's folder.

    The cells of a sweep, `SWEEP.DIGEST`, are spread over subfolders of `SWEEP`.
    """
    sweep, _, cell = id.partition(".")
    return (folder / sweep / cell[:2] if cell else folder) / f"{id}.json"


def write(path: Path, stored: StoredResult[Any]) -> Path:
    """Write a result to its path, unless the file has these bytes. Raises StoreError.

    Call this under the build's lock: it removes the temporary files of killed writes.
    """
    if clashes := sorted(set(HEADER_FIELDS) & type(stored.result).model_fields.keys()):
        raise StoreError(
            f"{type(stored.result).__name__}: the header of every result has {', '.join(clashes)}"
        )
    sidecar = arrays.pack_sidecar(stored.id, stored.result)
    # A sweep has too many cells to wait for the disk each time; a lost cell is measured again.
    durable = "." not in stored.id
    if sidecar is not None:
        atomic.write(path.with_name(sidecar.name), sidecar.data, durable=durable)
    atomic.write(path, _encode(stored, sidecar), durable=durable)
    for file in list(path.parent.iterdir()):  # faster than two globs, for the cells of a sweep
        is_temporary = file.name.startswith(f".{stored.id}.") and file.name.endswith(
            atomic.TEMPORARY_SUFFIX
        )
        is_current = sidecar is not None and file.name == sidecar.name
        if is_temporary or (arrays.is_sidecar_of(stored.id, file.name) and not is_current):
            file.unlink(missing_ok=True)
    return path


def remove_leftovers(root: Path) -> None:
    """Remove what killed writes left in the folders of chapters: temporary files, unused arrays.

    Call this under the build's lock. `write` cleans up only for the results that it writes.
    """
    for folder in root.glob("*/*/"):
        atomic.remove_temporary_files(folder)
    for sidecar in root.glob("*/*/*.safetensors"):
        id = sidecar.name.rsplit(".", 2)[0]
        path = sidecar.with_name(f"{id}.json")
        with suppress(StoreError, OSError):  # a damaged result may be repaired, arrays and all
            read_header(path)
            if arrays.is_sidecar_of(id, sidecar.name) and sidecar.name not in array_files(path):
                sidecar.unlink(missing_ok=True)


def update_key(path: Path, stored: StoredResult[Any], key: Key) -> None:
    """Write the key under which the same numbers were measured again, if its sources differ.

    A difference in library versions alone is not written, or each machine would replace the
    versions of another; the working cache records it.
    """
    if not stored.key.same_sources(key):
        write(path, replace(stored, key=key))


def read_header(path: Path) -> ResultHeader:
    """Read a result's header, checked against its digest, without parsing the numbers.

    Raises ResultFileError if the file is missing, damaged or foreign, or has lost its arrays.
    """
    return _parse_header(path, _read_file(path))


def load(path: Path, result_type: type[R]) -> StoredResult[R]:
    """Load a result, its arrays read-only. Raises ResultFileError."""
    text = _read_file(path)
    header = _parse_header(path, text)

    def read_sidecar(name: str) -> bytes:
        if not arrays.is_sidecar_of(header.id, name):
            raise ValueError(f"{name!r} is not a file of arrays of this result")
        return read_file(resolve_within(path.parent, path.parent / name))

    numbers = _parse_numbers(path, text)
    try:
        data = arrays.resolve_references(numbers, read_sidecar)
    except (OSError, StoreError, ValueError, TypeError, LookupError, RecursionError) as error:
        raise ResultFileError(path, "arrays", f"{one_line(error)}; {REPAIR_HINT}") from error
    try:
        result = result_type.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        location = ".".join(str(step) for step in first["loc"])
        reason = one_line(f"{location}: {first['msg']}")
        form = f"another form of {header.analysis} ({reason})"
        message = f"was written for {form}; run the experiment again"
        raise ResultFileError(path, "schema", message) from error
    arrays.make_read_only(result)
    return StoredResult(**vars(header), result=result)


def read_numbers(path: Path) -> dict[str, Any]:
    """Read the measured fields as plain data, with references in place of big arrays.

    Works also for a file that `load` refuses because the form of its analysis has changed.
    Raises ResultFileError.
    """
    text = _read_file(path)
    _parse_header(path, text)
    return _parse_numbers(path, text)


def has_own_header(path: Path, header: ResultHeader) -> bool:
    """Return whether a header fits its own key and the path of its file.

    The digest of a file does not show this, since anybody who changes a header can compute it.
    """
    try:
        location = result_path(Path(), header.model, header.chapter, header.id).parts
        spec_digest = json_format.json_digest(header.spec)
    except (StoreError, RecursionError):
        return False
    return (
        path.parts[-len(location) :] == location
        and header.analysis == header.spec.get("analysis")
        and spec_digest == header.key.spec
    )


def array_files(path: Path) -> frozenset[str]:
    """Return the names of the files beside a result that hold its arrays."""
    return arrays.referenced_files(_read_file(path), path.stem)


def _encode(stored: StoredResult[Any], sidecar: arrays.Sidecar | None) -> bytes:
    data = {name: getattr(stored, name) for name in ORIGIN_FIELDS}
    data |= {"spec": dict(stored.spec), "key": stored.key.as_dict(), "digest": "0" * 64}
    text = json_format.encode(data | arrays.dump(stored.result, sidecar))
    digest = _digest(text).encode()
    return DIGEST_LINE.sub(lambda line: line[0].replace(line[1], digest), text, count=1)


def _digest(text: bytes) -> str:
    return hashlib.sha256(DIGEST_LINE.sub(b"", text, count=1)).hexdigest()


def _read_file(path: Path) -> bytes:
    try:
        return read_file(path).replace(b"\r\n", b"\n")
    except FileNotFoundError as error:
        message = "there is no such result; run the experiment"
        raise ResultFileError(path, "missing", message) from error
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from error


def _parse_numbers(path: Path, text: bytes) -> dict[str, Any]:
    try:
        data = json.loads(text)
        return {name: value for name, value in data.items() if name not in HEADER_FIELDS}
    except (ValueError, AttributeError, RecursionError) as error:
        raise _foreign(path) from error


def _foreign(path: Path) -> ResultFileError:
    return ResultFileError(path, "foreign", f"is not a result of this program; {REPAIR_HINT}")


def _parse_header(path: Path, text: bytes) -> ResultHeader:
    line = DIGEST_LINE.search(text)
    if line is None or _digest(text) != line[1].decode():
        raise _diagnose(path, text)
    try:
        data = json.loads(text[: line.start()].rstrip(b",\n") + b"}")
        header = ResultHeader(**data, digest=line[1].decode())
    except (ValueError, TypeError, RecursionError) as error:
        raise _foreign(path) from error
    if header.id != path.stem:
        message = f"holds the result {header.id!r}, not {path.stem!r}; {REPAIR_HINT}"
        raise ResultFileError(path, "foreign", message)
    for name in sorted(arrays.referenced_files(text, header.id)):
        if not arrays.matches_name_digest(resolve_within(path.parent, path.parent / name)):
            message = f"its arrays in {name} are missing or damaged; {REPAIR_HINT}"
            raise ResultFileError(path, "arrays", message)
    return header


def _diagnose(path: Path, text: bytes) -> ResultFileError:
    """Return the error for a file without a matching digest."""
    reason: Reason
    if CONFLICT_MARKER.search(text):
        reason, message = "conflict", "has the marks of a merge conflict in it"
    elif not text.rstrip().endswith(b"}"):
        reason, message = "truncated", "is cut short"
    elif not DIGEST_LINE.search(text) and not text.startswith(b'{\n "id": "'):
        reason, message = "foreign", "is not a result of this program"
    else:
        reason = "edited"
        message = "does not match its own digest, so it was edited or damaged"
    return ResultFileError(path, reason, f"{message}; {REPAIR_HINT}")
