"""Results on disk: `experiments/results/MODEL/CHAPTER/ID.json`, committed, readable, each checking itself.

The envelope's fields come first, the result's own fields beside them:

    {"id", "chapter", "analysis", "model", "spec", "key", "digest", ...what the analysis measured}

`digest` is the sha256 of the file without its digest line, line ends taken as `\\n`; so an entry that was cut short,
edited by hand or merged with conflicts is noticed, and `read_header` can tell without reading the numbers.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, Literal, TypeVar

from pydantic import ValidationError

from layerbook.core.analysis import Result
from layerbook.core.errors import StoreError
from layerbook.store import arrays, atomic, json_format
from layerbook.store.keys import Key

R = TypeVar("R", bound=Result)
Reason = Literal["missing", "truncated", "conflict", "edited", "foreign", "schema", "arrays"]

ENVELOPE_FIELDS = ("id", "chapter", "analysis", "model", "spec", "key", "digest")
DIGEST_LINE = re.compile(rb'^ "digest": "([0-9a-f]{64})",?\n', re.MULTILINE)
CONFLICT_MARKER = re.compile(rb"^(<<<<<<<|>>>>>>>) ", re.MULTILINE)
FILE_NAME_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
REPAIR_HINT = "restore it from version control, or run the experiment again"


class ResultFileError(StoreError):
    """An entry that cannot be used; `reason` is the kind of trouble, the text names the file and what helps."""

    def __init__(self, path: Path, reason: Reason, what: str) -> None:
        self.path, self.reason, self.what = path, reason, what
        super().__init__(f"{path}: {what}")


@dataclass(frozen=True)
class ResultHeader:
    """What an entry says of itself, without its numbers."""

    id: str
    chapter: str
    analysis: str
    model: str
    spec: Mapping[str, Any]
    key: Key
    digest: str


@dataclass(frozen=True)
class StoredResult(Generic[R]):
    """A result and where it comes from; `spec` holds the canonical parameters."""

    id: str
    chapter: str
    analysis: str
    model: str
    spec: Mapping[str, Any]
    key: Key
    result: R


def result_path(root: Path, model: str, chapter: str, id: str) -> Path:
    """Where an entry lies under a results root. Raises StoreError for a name that is no file name."""
    for part in (model, chapter, id):
        if not FILE_NAME_PART.fullmatch(part):
            raise StoreError(
                f"{part!r} cannot be part of a result's path; letters, digits, '.', '_' and '-' can"
            )
    return path_in_folder(root / model / chapter, id)


def path_in_folder(folder: Path, id: str) -> Path:
    """Where a folder of results has one; the cells of a sweep, `SWEEP.DIGEST`, in a folder of its name, spread out."""
    sweep, _, cell = id.partition(".")
    return (folder / sweep / cell[:2] if cell else folder) / f"{id}.json"


def save(root: Path, envelope: StoredResult[Any]) -> Path:
    """Write an entry under a results root; equal bytes are left alone. Raises StoreError."""
    return write(result_path(root, envelope.model, envelope.chapter, envelope.id), envelope)


def write(path: Path, envelope: StoredResult[Any]) -> Path:
    """Write an entry to `path`, named `ID.json`, whole; equal bytes are left alone. Raises StoreError.

    Call it under the build's lock: what a killed build left of this very entry is swept away.
    """
    if path.name != f"{envelope.id}.json":
        raise StoreError(
            f"{path}: the result {envelope.id!r} belongs into a file called {envelope.id}.json"
        )
    if clashing := sorted(set(ENVELOPE_FIELDS) & type(envelope.result).model_fields.keys()):
        names = ", ".join(clashing)
        raise StoreError(
            f"{type(envelope.result).__name__}: the envelope of every result has {names} already"
        )
    sides = arrays.find_side_arrays(envelope.result)
    packed = arrays.encode_safetensors(sides) if sides else b""
    side = path.with_name(arrays.side_file_name(envelope.id, packed)) if sides else None
    # Waiting for the disk at each of many cells takes longer than the model; one that is lost is measured again.
    durable = "." not in envelope.id
    if side is not None:
        atomic.write(side, packed, durable=durable)
    atomic.write(path, _encode(envelope, sides, side, packed), durable=durable)
    for old in list(
        path.parent.iterdir()
    ):  # once, and no patterns: a sweep comes by here for every cell
        left = old.name.startswith(f".{envelope.id}.") and old.name.endswith(
            atomic.TEMPORARY_SUFFIX
        )
        if left or (old != side and arrays.is_side_file_of(envelope.id, old.name)):
            old.unlink(missing_ok=True)
    return path


def remove_leftovers(folder: Path) -> None:
    """Remove what killed writes left among a folder's entries: parts of files, arrays that no entry refers to now.

    Call it under the build's lock. An entry that is current is not written again, so `write` does not come by there.
    """
    atomic.remove_temporary_files(folder)
    for side in folder.glob("*.safetensors"):
        id = side.name.rsplit(".", 2)[0]
        entry = side.with_name(f"{id}.json")
        with suppress(
            StoreError, OSError
        ):  # a damaged entry may be mended, and then wants its arrays
            if (
                arrays.is_side_file_of(id, side.name)
                and read_header(entry).id == id
                and side.name not in array_files(entry)
            ):
                side.unlink(missing_ok=True)


def _encode(
    envelope: StoredResult[Any], sides: arrays.ArraysByPath, side: Path | None, packed: bytes
) -> bytes:
    numbers = arrays.dump_without_arrays(envelope.result, sides)
    if side is not None:
        arrays.insert_references(numbers, sides, side.name, hashlib.sha256(packed).hexdigest())
    origin = {name: getattr(envelope, name) for name in ("id", "chapter", "analysis", "model")}
    origin |= {"spec": dict(envelope.spec), "key": envelope.key.as_dict()}
    unsigned = json_format.encode(origin | {"digest": "0" * 64} | numbers)
    line = DIGEST_LINE.search(unsigned)
    assert line is not None
    digest = hashlib.sha256(unsigned[: line.start()] + unsigned[line.end() :]).hexdigest()
    return unsigned[: line.start(1)] + digest.encode() + unsigned[line.end(1) :]


def update_key(path: Path, envelope: StoredResult[Any], key: Key) -> Path:
    """Note under which key an entry's numbers were found to hold still; the numbers stay as they are.

    New code or another model goes into the file. Versions alone do not: they differ between machines, and each would
    rewrite the other's file for ever; what a machine agreed on is in its working cache. Another spec is another
    experiment: save it anew (ValueError).
    """
    if key.spec != envelope.key.spec:
        raise ValueError(f"{path}: these numbers were measured for another spec")
    return path if envelope.key.same_sources(key) else write(path, replace(envelope, key=key))


def read_header(path: Path) -> ResultHeader:
    """What the entry at `path` says of itself, checked against its digest, the numbers unread.

    Raises EntryError where it is missing, damaged, not ours, or has lost its arrays.
    """
    return _head(path, _read(path))


def load(path: Path, result_type: type[R]) -> StoredResult[R]:
    """The entry at `path`, its arrays read-only. Raises EntryError, which names the file and the trouble."""
    text = _read(path)
    origin = _head(path, text)

    def read(name: str) -> bytes:
        if not arrays.is_side_file_of(origin.id, name):
            raise ValueError(f"{name!r} is no file of arrays of this result")
        return path.with_name(name).read_bytes()

    try:
        data = arrays.resolve_references(
            {n: v for n, v in json.loads(text).items() if n not in ENVELOPE_FIELDS}, read
        )
    except (OSError, ValueError) as error:
        raise ResultFileError(path, "arrays", f"{error}; {REPAIR_HINT}") from error
    try:
        result = result_type.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"])
        what = f"was written for another form of {origin.analysis} ({where}: {first['msg']}); run the experiment again"
        raise ResultFileError(path, "schema", what) from error
    arrays.make_read_only(result)
    named = {
        name: getattr(origin, name)
        for name in ("id", "chapter", "analysis", "model", "spec", "key")
    }
    return StoredResult(**named, result=result)


def read_numbers(path: Path) -> dict[str, Any]:
    """What was measured, as the plain data of the entry's file: arrays beside it by their digests.

    Raises EntryError; for an entry of another form of its analysis, which `load` refuses, this still works.
    """
    text = _read(path)
    _head(path, text)
    return {name: value for name, value in json.loads(text).items() if name not in ENVELOPE_FIELDS}


def load_or_none(
    path: Path, result_type: type[R], on_problem: Callable[[ResultFileError], None]
) -> StoredResult[R] | None:
    """The entry at `path`; None where there is none, or where it is unusable, after `on_problem` heard why."""
    try:
        return load(path, result_type)
    except ResultFileError as error:
        if error.reason != "missing":
            on_problem(error)
        return None


def array_files(path: Path) -> frozenset[str]:
    """The names of the files that hold the entry's big arrays, beside it. Raises EntryError where it is missing."""
    return arrays.referenced_files(_read(path), path.stem)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes().replace(b"\r\n", b"\n")
    except FileNotFoundError as error:
        raise ResultFileError(
            path, "missing", "there is no such result; run the experiment"
        ) from error
    except OSError as error:
        raise StoreError(f"{path}: cannot be read ({error.strerror or error})") from error


def _head(path: Path, text: bytes) -> ResultHeader:
    line = DIGEST_LINE.search(text)
    rest = text[: line.start()] + text[line.end() :] if line else text
    if line is None or hashlib.sha256(rest).hexdigest().encode() != line[1]:
        raise _diagnosis(path, text, line is not None)
    try:
        data = json.loads(text[: line.start()].rstrip(b",\n") + b"}")
        named = {name: data[name] for name in ("id", "chapter", "analysis", "model")}
        found = ResultHeader(
            **named, spec=data["spec"], key=Key.from_dict(data["key"]), digest=line[1].decode()
        )
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ResultFileError(
            path, "foreign", f"is not a result of this program; {REPAIR_HINT}"
        ) from error
    if found.id != path.stem:
        raise ResultFileError(
            path, "foreign", f"holds the result {found.id!r}, not {path.stem!r}; {REPAIR_HINT}"
        )
    for name in sorted(arrays.referenced_files(text, found.id)):
        if not arrays.matches_name_digest(path.with_name(name)):
            raise ResultFileError(
                path, "arrays", f"its arrays in {name} are missing or damaged; {REPAIR_HINT}"
            )
    return found


def _diagnosis(path: Path, text: bytes, signed: bool) -> ResultFileError:
    """Why an entry without a matching digest is what it is."""
    if CONFLICT_MARKER.search(text):
        return ResultFileError(
            path, "conflict", f"has the marks of a merge conflict in it; {REPAIR_HINT}"
        )
    if not text.rstrip().endswith(b"}"):
        return ResultFileError(path, "truncated", f"is cut short; {REPAIR_HINT}")
    if not signed and not text.startswith(b'{\n "id": "'):
        return ResultFileError(path, "foreign", f"is not a result of this program; {REPAIR_HINT}")
    return ResultFileError(
        path,
        "edited",
        f"does not agree with its own digest, so it was edited or damaged; {REPAIR_HINT}",
    )
