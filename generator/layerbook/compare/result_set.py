"""Where results to be compared lie: a folder, a model of the book, or the book's results at a revision of git."""

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
    """One of two sets of results; `label` is how it was named."""

    label: str
    folder: Path

    def addresses(self) -> tuple[str, ...]:
        """`chapter/id` of every entry that is there."""
        return tuple(
            sorted(f"{path.parent.name}/{path.stem}" for path in self.folder.glob("*/*.json"))
        )

    def result_path(self, address: str) -> Path:
        """Where an entry lies, or would."""
        chapter, _, id = address.partition("/")
        return results.path_in_folder(self.folder / chapter, id)

    def path_of_experiment(self, experiment: Experiment) -> Path:
        """Where that of an experiment, or of a cell of a sweep, lies, or would."""
        return results.path_in_folder(self.folder / experiment.chapter, experiment.id)


def open_result_set(project: Project, name: str, scratch: Path) -> ResultSet:
    """The results that a name stands for: a folder that is there, a model with results, a revision, in this order.

    What comes from git is unpacked into `scratch`. Raises UsageError for a name that is none of these, and for a place
    that holds no results.
    """
    folder = Path(name)
    if folder.is_dir():
        return _with_results(ResultSet(name, folder))
    if results.FILE_NAME_PART.fullmatch(name) and (project.results_root / name).is_dir():
        return _with_results(ResultSet(name, project.results_root / name))
    commit = _git(
        project.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    )
    if commit is None:
        what = "is no folder, no model with results in this book, and no revision of git"
        raise UsageError(f"{name}: {what}")
    place = (RESULTS_FOLDER / project.source.name).as_posix()
    packed = _git(project.root, "archive", "--format=tar", commit.decode().strip(), "--", place)
    if packed is None:
        raise UsageError(f"{name}: holds no results of {project.source.name}")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(scratch, filter="data")
    return _with_results(ResultSet(name, scratch / place))


def _with_results(found: ResultSet) -> ResultSet:
    if not found.addresses():
        raise UsageError(
            f"{found.label}: holds no results; those of a model lie in {RESULTS_FOLDER}/MODEL"
        )
    return found


def _git(root: Path, *arguments: str) -> bytes | None:
    """What git prints; None where it fails, or is not installed."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, check=False
        )
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None
