"""The files that a site depends on, and a digest of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from importlib.resources import files
from pathlib import Path

import layerbook
from layerbook.book.media import MEDIA_FOLDERS
from layerbook.core.paths import paths_below
from layerbook.site.provenance import model_sources
from layerbook.store.code_digest import packages_digest
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.json_format import json_digest
from layerbook.store.keys import LIBRARIES, code_modules, library_versions
from layerbook.store.project import Project
from layerbook.store.trust import CODE_DIR, trust_file

RENDERING_LIBRARIES = (
    "jinja2",
    "markdown-it-py",
    "mdit-py-plugins",
    "pygments",
    "matplotlib",
    "seaborn",
    "numpy",
)


def input_paths(project: Project) -> list[Path]:
    """Return the files and folders that a build reads."""
    models = {source for e in project.experiments() for source in model_sources(project, e)}
    return [
        project.root / "experiments",
        project.templates_dir,
        *(project.root / folder for folder in (CODE_DIR, *MEDIA_FOLDERS)),
        trust_file(),
        Path(layerbook.__file__).parent,
        Path(str(files("layerbook.templates"))),
        *(library for name in (*LIBRARIES, *RENDERING_LIBRARIES) for library in _metadata(name)),
        *(path for source in {project.source, *models} for path in source.files()),
    ]


def _metadata(name: str) -> list[Path]:
    """Return the file that changes when another version of a library is installed."""
    with suppress(metadata.PackageNotFoundError):
        path = getattr(metadata.distribution(name), "_path", None)
        return [Path(path) / "METADATA"] if path else []
    return []


def digest_inputs(project: Project, statuses: Sequence[ExperimentStatus]) -> str:
    """Return a digest of all inputs of the site except the chapters' prose.

    Reads no numbers, and imports nothing that draws.
    """
    folders = [project.root / name for name in ("experiments", *MEDIA_FOLDERS)]
    templates = [project.templates_dir, Path(str(files("layerbook.templates")))]
    return json_digest(
        [
            [chapter.name for chapter in project.book.pages],  # drafts are in it or not
            [_digest_files(folder) for folder in folders],
            # In a checkout, the package's folder has prose in it too.
            [_digest_files(folder, skipped=folder / "chapters") for folder in templates],
            [(status.experiment.address, status.freshness.usable) for status in statuses],
            packages_digest(m for status in statuses for m in code_modules(status.experiment)),
            library_versions(RENDERING_LIBRARIES),
            f"{project.source} {project.fingerprint} {project.publication_date}",
        ]
    )


def _digest_files(folder: Path, skipped: Path | None = None) -> dict[str, str]:
    """Return the digest of each file below a folder, by its path there.

    Leaves out bytecode, and arrays, whose digests are in the results.
    """
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths_below(folder)
        if path.is_file()
        and path.suffix not in (".pyc", ".safetensors")
        and not (skipped and path.is_relative_to(skipped))
    }
