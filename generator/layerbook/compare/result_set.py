"""Open sets of results to compare: a folder, a model of the book, or a revision of git."""

from __future__ import annotations

import io
import os
import subprocess
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile

from layerbook.book.contents import Experiment
from layerbook.core.child_process import end_with_parent, limit_memory
from layerbook.core.errors import OutsideError, UsageError
from layerbook.core.paths import MAX_BYTES, find_program, resolve_within
from layerbook.store import results
from layerbook.store.project import RESULTS_FOLDER, Project

GIT_SECONDS = 60
MAX_LISTING = 20_000_000
"""Bytes of git's list of results, enough for some hundred thousand."""
MAX_GIT_MEMORY = 10_000_000
"""Bytes of the largest file that git reads into memory; it reads larger files in parts."""
MAX_MEMORY = 500_000_000
"""Bytes that git may allocate: an object of a few bytes can stand for gigabytes."""


@dataclass(frozen=True)
class ResultSet:
    """A folder of results; `label` is its name in messages.

    chapters: for a folder written by `run --out`, the chapter of each result by id. These results
        are in the folder itself; other folders have a subfolder for each chapter.
    rest: the set with the results of all other chapters.
    """

    label: str
    folder: Path
    chapters: Mapping[str, str] = field(default_factory=dict)
    rest: ResultSet | None = None

    def addresses(self) -> tuple[str, ...]:
        """Return `chapter/id` of every result."""
        if self.chapters:
            return tuple(sorted(f"{chapter}/{id}" for id, chapter in self.chapters.items()))
        paths = self.folder.glob("*/*.json")
        return tuple(sorted(f"{path.parent.name}/{path.stem}" for path in paths))

    def covers(self, address: str) -> bool:
        """Return whether this set can have results of the chapter."""
        return not self.chapters or address.partition("/")[0] in self.chapters.values()

    def result_path(self, address: str) -> Path:
        """Return the path of a result, or of a cell's, existing or not.

        Raises StoreError for a link that leads out of the folder.
        """
        if self.rest is not None and not self.covers(address):
            return self.rest.result_path(address)
        chapter, _, id = address.partition("/")
        lies_here = self.chapters.get(id.partition(".")[0]) == chapter
        path = results.path_in_folder(self.folder if lies_here else self.folder / chapter, id)
        resolve_within(self.folder, path)
        return path

    def path_of_experiment(self, experiment: Experiment) -> Path:
        """Return the path of the result of an experiment or of a cell of a sweep."""
        return self.result_path(experiment.address)


def open_result_set(project: Project, name: str, scratch: Path) -> ResultSet:
    """Open a folder, a model with results in this book, or a git revision, tried in this order.

    Results from git are unpacked into `scratch`. Raises UsageError if there are none.
    """
    folder = Path(name)
    if folder.is_dir():
        return _require_results(ResultSet(name, folder, _read_chapters(folder)))
    if results.FILE_NAME_PART.fullmatch(name) and (project.results_root / name).is_dir():
        return _require_results(ResultSet(name, project.results_root / name))
    path = (RESULTS_FOLDER / project.source.name).as_posix()
    files = _read_revision(project.root, f"{name}^{{commit}}", path)
    if files is None:
        kinds = "neither a folder, nor a model with results in this book, nor a git revision"
        raise UsageError(f"{name}: {kinds}")
    try:
        for file, data in files.items():
            target = resolve_within(scratch, scratch / file)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
    except (OSError, OutsideError) as error:
        reason = f"it has a file {file!r:.200}, which cannot be written"
        raise UsageError(f"{name}: cannot be unpacked: {reason}") from error
    if not (scratch / path).is_dir():
        raise UsageError(f"{name}: holds no results of {project.source.name}")
    return _require_results(ResultSet(name, scratch / path))


def _read_chapters(folder: Path) -> dict[str, str]:
    """Return the chapter of each result in the folder. Raises StoreError for a damaged result."""
    chapters = {}
    for path in sorted(folder.glob("*.json")):
        resolve_within(folder, path)
        try:
            chapters[path.stem] = results.read_header(path).chapter
        except results.ResultFileError as error:
            if error.reason != "foreign":
                raise
    return chapters


def _require_results(result_set: ResultSet) -> ResultSet:
    if not result_set.addresses():
        hint = f"the results of a model are in {RESULTS_FOLDER}/MODEL, or where --out put them"
        raise UsageError(f"{result_set.label}: holds no results; {hint}")
    return result_set


def _read_revision(root: Path, commit: str, folder: str) -> dict[str, bytes] | None:
    """Return the files of a folder in a commit, by path from `root`; None without such a commit.

    Links are left out.

    Avoids `git archive` and `git checkout`, which run filters that a repository configures.
    """
    listing = _git(root, "ls-tree", "-r", "-z", "--end-of-options", commit, "--", folder)
    if listing is None:
        return None
    names = {}
    for entry in filter(None, listing.split(b"\0")):
        properties, _, path = entry.partition(b"\t")
        mode, kind, name = properties.decode().split()
        if kind == "blob" and mode.startswith("100"):
            names[os.fsdecode(path)] = name
    requests = "".join(f"{name}\n" for name in names.values()).encode()
    content = io.BytesIO(_git(root, "cat-file", "--batch", input=requests) or b"")
    files = {}
    for file in names:
        match content.readline().split():
            case [_, b"blob", size]:  # otherwise git lacks the object
                files[file] = content.read(int(size))
                content.readline()
    return files


def _git(root: Path, *arguments: str, input: bytes = b"") -> bytes | None:
    """Return what git prints, or None if it fails or is not installed.

    The repository may be untrusted: its settings may contain commands, so git must not fetch; its
    files may be pipes; and its objects may have any size.
    Raises UsageError if git takes too long or prints too much.
    """
    program = find_program("git")
    if program is None:
        return None
    command = [program, "-C", str(root), "-c", f"core.bigFileThreshold={MAX_GIT_MEMORY}"]
    environment = os.environ | {"GIT_NO_LAZY_FETCH": "1", "GIT_ALLOW_PROTOCOL": "none"}
    with TemporaryFile() as requests:
        requests.write(input)
        requests.seek(0)
        process = subprocess.Popen(
            [*command, *arguments],
            stdin=requests,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            preexec_fn=end_with_parent(),
        )
        limit_memory(process.pid, MAX_MEMORY)
        return _read_output(process, MAX_LISTING if "ls-tree" in arguments else MAX_BYTES)


def _read_output(process: subprocess.Popen[bytes], max_bytes: int) -> bytes | None:
    """Return what git prints, or None if it fails. Raises UsageError at the limits."""
    is_late = threading.Event()

    def stop() -> None:
        is_late.set()
        process.kill()

    timer = threading.Timer(GIT_SECONDS, stop)
    timer.start()
    try:
        with process:
            output = process.stdout.read(max_bytes + 1) if process.stdout else b""
            if len(output) > max_bytes:
                process.kill()
    finally:
        timer.cancel()
    if is_late.is_set():
        raise UsageError(f"git takes longer than {GIT_SECONDS} seconds to read the revision")
    if len(output) > max_bytes:
        raise UsageError("the results in this revision are too many or too large to be read")
    return output if process.returncode == 0 else None
