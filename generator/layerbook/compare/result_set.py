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
from layerbook.store.project import RESULTS, Project


@dataclass(frozen=True)
class Side:
    """One of two sets of results; `label` is how it was named."""

    label: str
    folder: Path

    def addresses(self) -> tuple[str, ...]:
        """`chapter/id` of every entry that is there."""
        return tuple(
            sorted(f"{path.parent.name}/{path.stem}" for path in self.folder.glob("*/*.json"))
        )

    def entry(self, address: str) -> Path:
        """Where an entry lies, or would."""
        chapter, _, id = address.partition("/")
        return results.place(self.folder / chapter, id)

    def entry_of(self, experiment: Experiment) -> Path:
        """Where that of an experiment, or of a cell of a sweep, lies, or would."""
        return results.place(self.folder / experiment.chapter, experiment.id)


def side(project: Project, name: str, scratch: Path) -> Side:
    """The results that a name stands for: a folder that is there, a model with results, a revision, in this order.

    What comes from git is unpacked into `scratch`. Raises UsageError for a name that is none of these, and for a place
    that holds no results.
    """
    folder = Path(name)
    if folder.is_dir():
        return _checked(Side(name, folder))
    if results.PART.fullmatch(name) and (project.results / name).is_dir():
        return _checked(Side(name, project.results / name))
    commit = _git(
        project.root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}"
    )
    if commit is None:
        what = "is no folder, no model with results in this book, and no revision of git"
        raise UsageError(f"{name}: {what}")
    place = (RESULTS / project.source.name).as_posix()
    packed = _git(project.root, "archive", "--format=tar", commit.decode().strip(), "--", place)
    if packed is None:
        raise UsageError(f"{name}: holds no results of {project.source.name}")
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        archive.extractall(scratch, filter="data")
    return _checked(Side(name, scratch / place))


def _checked(found: Side) -> Side:
    if not found.addresses():
        raise UsageError(
            f"{found.label}: holds no results; those of a model lie in {RESULTS}/MODEL"
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
