"""Open sets of results to compare: a folder, a model of the book, or a revision of git."""

from __future__ import annotations

import io
import subprocess
import tarfile
from dataclasses import dataclass
from pathlib import Path

from layerbook.book.loader import Experiment
from layerbook.core.errors import UsageError
from layerbook.store import results
from layerbook.store.project import RESULTS_FOLDER, Project


@dataclass(frozen=True)
class ResultSet:
    """A folder of results; `label` is the name the user gave it."""

    label: str
    folder: Path

    def addresses(self) -> tuple[str, ...]:
        """Return `chapter/id` of every result."""
        paths = self.folder.glob("*/*.json")
        return tuple(sorted(f"{path.parent.name}/{path.stem}" for path in paths))

    def result_path(self, address: str) -> Path:
        """Return the path of a result, existing or not."""
        chapter, _, id = address.partition("/")
        return results.path_in_folder(self.folder / chapter, id)

    def path_of_experiment(self, experiment: Experiment) -> Path:
        """Return the path of the result of an experiment or of a cell of a sweep."""
        return results.path_in_folder(self.folder / experiment.chapter, experiment.id)


def open_result_set(project: Project, name: str, scratch: Path) -> ResultSet:
    """Open a folder, a model with results in this book, or a git revision, tried in this order.

    Results from git are unpacked into `scratch`. Raises UsageError if there are none.
    """
    folder = Path(name)
    if folder.is_dir():
        return _require_results(ResultSet(name, folder))
    if results.FILE_NAME_PART.fullmatch(name) and (project.results_root / name).is_dir():
        return _require_results(ResultSet(name, project.results_root / name))
    revision = f"{name}^{{commit}}"
    commit = _git(project.root, "rev-parse", "--verify", "--quiet", "--end-of-options", revision)
    if commit is None:
        kinds = "neither a folder, nor a model with results in this book, nor a git revision"
        raise UsageError(f"{name}: {kinds}")
    path = (RESULTS_FOLDER / project.source.name).as_posix()
    archive = _git(project.root, "archive", "--format=tar", commit.decode().strip(), "--", path)
    if archive is None:
        raise UsageError(f"{name}: holds no results of {project.source.name}")
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        files.extractall(scratch, filter="data")
    return _require_results(ResultSet(name, scratch / path))


def _require_results(result_set: ResultSet) -> ResultSet:
    if not result_set.addresses():
        hint = f"the results of a model are in {RESULTS_FOLDER}/MODEL"
        raise UsageError(f"{result_set.label}: holds no results; {hint}")
    return result_set


def _git(root: Path, *arguments: str) -> bytes | None:
    """Return what git prints, or None if it fails or is not installed."""
    command = ["git", "-C", str(root), *arguments]
    try:
        process = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return None
    return process.stdout if process.returncode == 0 else None
