"""Results of experiments that were renamed in the book or removed from it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from layerbook.core.errors import OutsideError, StoreError
from layerbook.core.paths import paths_below, resolve_within
from layerbook.store import arrays, cache, results
from layerbook.store.project import Project, open_project


@dataclass(frozen=True)
class Orphan:
    """A result without an experiment: its model, its address, and its file or folder of cells."""

    model: str
    address: str
    path: Path


def find_orphans(project: Project) -> tuple[Orphan, ...]:
    """Return the results of every model that belong to no experiment, sorted.

    Results of drafts, and old cells of sweeps that the book still has, are not orphans.
    """
    known = {experiment.address for experiment in project.experiments()}
    orphans = tuple(_find(project, known))
    if not orphans:
        return ()
    with_drafts = open_project(project.root, project.book.spec.model, drafts=True)
    drafts = {experiment.address for experiment in with_drafts.experiments()}
    return tuple(orphan for orphan in orphans if orphan.address not in drafts)


def remove_orphans(project: Project) -> tuple[Orphan, ...]:
    """Remove the results that belong to no experiment, with arrays and cells, and return them.

    Raises StoreError while a build is running.
    """
    with cache.lock(project.root):
        orphans = find_orphans(project)
        for orphan in orphans:
            if orphan.path.is_dir():
                shutil.rmtree(orphan.path)
            else:
                for file in list(orphan.path.parent.iterdir()):
                    if arrays.is_sidecar_of(orphan.path.stem, file.name):
                        file.unlink()
                orphan.path.unlink()
            with suppress(OSError):  # not empty
                os.removedirs(orphan.path.parent)
    return orphans


def _find(project: Project, known: Collection[str]) -> Iterator[Orphan]:
    for path in sorted(project.results_root.glob("*/*/*")):
        model, chapter, name = path.relative_to(project.results_root).parts
        id = name if path.is_dir() else path.stem
        address = f"{chapter}/{id}"
        if address not in known and _is_result(project.root, path):
            yield Orphan(model, address, path)


def _is_result(root: Path, path: Path) -> bool:
    """Return whether a path is a result, perhaps a damaged one, or a folder of cells."""
    try:
        resolve_within(root, path, links=False)
        if path.is_dir():
            return _has_only_cells(path)
        if path.suffix == ".json":
            results.read_header(path)
            return True
    except results.ResultFileError as error:
        return error.reason != "foreign"
    except (StoreError, OutsideError):
        pass
    return False


def _has_only_cells(folder: Path) -> bool:
    """Return whether a folder has results of cells and their arrays, and no other files."""
    files = [path for path in paths_below(folder) if path.is_symlink() or not path.is_dir()]
    return any(file.suffix == ".json" for file in files) and all(
        file.name.startswith(f"{folder.name}.") and file.suffix in (".json", ".safetensors")
        for file in files
    )
