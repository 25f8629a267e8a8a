"""A book's RO-Crate: the manifest with which an archive takes it in, `ro-crate-metadata.json` in JSON-LD.

RO-Crate Metadata Specification 1.1. Written here and not by the library `rocrate`, which stamps the current time and
random ids on what it writes; the same book gives the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

CRATE_FILE = "ro-crate-metadata.json"
SPECIFICATION = "https://w3id.org/ro/crate/1.1"
CONTEXT = [
    f"{SPECIFICATION}/context",
    {"sha256": "https://schema.org/sha256"},
]  # schema.org has it since, 1.1 not yet
SOFTWARE = "#layerbook"
FORMATS = {
    ".css": "text/css",
    ".csv": "text/csv",
    ".html": "text/html",
    ".js": "text/javascript",
    ".json": "application/json",
    ".parquet": "application/vnd.apache.parquet",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
}
"""By suffix; not from the system's list, which is another on every machine."""

Entity = dict[str, Any]


@dataclass(frozen=True)
class CrateModel:
    """The model that was measured; `uri` says where it is from, or is made of its digest. licence: SPDX name."""

    name: str
    uri: str
    digest: str
    version: str = ""
    licence: str = ""


@dataclass(frozen=True)
class CrateExperiment:
    """One experiment: where its spec is written, the spec itself, how to run it again, and the models it ran on."""

    address: str
    title: str
    spec_location: str
    spec: str
    command: str
    models: tuple[CrateModel, ...]


@dataclass(frozen=True)
class CrateMetadata:
    """The book as a whole. published: an ISO date, empty where none is known; licence: its SPDX name, the same.

    titles: of its pages, by path. version: of the software.
    """

    title: str
    description: str
    authors: Sequence[str]
    language: str
    version: str
    titles: Mapping[str, str]
    published: str = ""
    licence: str = ""


def build_crate(
    about: CrateMetadata, runs: Sequence[CrateExperiment], files: Mapping[str, bytes]
) -> bytes:
    """The manifest of a site with these files, itself not among them; of experiments, those whose results it has.

    Without a date of publication it lacks `datePublished`, which an archive will ask for.
    """
    listed = [_file(path, content, about.titles) for path, content in sorted(files.items())]
    made = _files_by_experiment(runs, files)
    measured = [entity for run in runs for entity in _run(run, made[run.address])]
    models = {model.uri: model for run in runs if made[run.address] for model in run.models}
    trained = [_model(model) for model in models.values()]
    authors = [
        {"@id": f"#author-{i}", "@type": "Person", "name": n}
        for i, n in enumerate(about.authors, start=1)
    ]
    software: Entity = {"@id": SOFTWARE, "@type": "SoftwareApplication", "name": "layerbook"}
    software |= {"version": about.version, "license": _reference(_licence("Apache-2.0"))}
    root: Entity = {
        "@id": "./",
        "@type": "Dataset",
        "name": about.title,
        "description": about.description or about.title,
        "inLanguage": about.language,
        "hasPart": _references([*listed, *trained]),
    }
    root |= {"author": _references(authors)} if authors else {}
    root |= {"datePublished": about.published} if about.published else {}
    root |= {"license": _reference(_licence(about.licence))} if about.licence else {}
    root |= {"mentions": _references(e for e in measured if e["@type"] == "CreateAction")}
    names = ("Apache-2.0", about.licence, *(model.licence for model in models.values()))
    licences = {name: _licence(name) for name in names if name}
    descriptor = {
        "@id": CRATE_FILE,
        "@type": "CreativeWork",
        "conformsTo": {"@id": SPECIFICATION},
        "about": {"@id": "./"},
    }
    rest = [*authors, *listed, *licences.values(), *measured, *trained, software]
    graph = [descriptor, root, *sorted(rest, key=lambda entity: str(entity["@id"]))]
    return (
        json.dumps({"@context": CONTEXT, "@graph": graph}, indent=1, ensure_ascii=False) + "\n"
    ).encode("utf-8", "backslashreplace")


def _file(path: str, content: bytes, titles: Mapping[str, str]) -> Entity:
    return {
        "@id": quote(path),
        "@type": "File",
        "name": titles.get(path, path),
        "contentSize": str(len(content)),
        "encodingFormat": FORMATS.get(PurePosixPath(path).suffix, "application/octet-stream"),
        "sha256": hashlib.sha256(content).hexdigest(),
    }


def _run(run: CrateExperiment, made: Sequence[str]) -> list[Entity]:
    """The action that made an experiment's files, and its spec; nothing where the site lacks the result itself."""
    if f"data/{run.address}.json" not in made:
        return []
    spec = {"@id": f"#spec/{run.address}", "@type": "CreativeWork", "name": run.spec_location}
    spec |= {"encodingFormat": "application/yaml", "text": run.spec}
    action = {
        "@id": f"#run/{run.address}",
        "@type": "CreateAction",
        "name": run.title or run.address,
        "description": run.command,
        "object": [_reference(spec), *(_reference(_model(model)) for model in run.models)],
        "instrument": {"@id": SOFTWARE},
        "result": [{"@id": quote(path)} for path in made],
    }
    return [spec, action]


def _files_by_experiment(
    runs: Sequence[CrateExperiment], paths: Iterable[str]
) -> dict[str, list[str]]:
    """The files of each experiment, by its address: `noise-gram-map.csv` is of `noise-gram`, not of `noise`."""
    found: dict[str, list[str]] = {run.address: [] for run in runs}
    for path in sorted(paths):
        stem, _, ending = path.removeprefix("data/").partition(".")
        while ending and stem and stem not in found:
            stem = stem.rpartition("-")[0]
        if path.startswith("data/") and stem in found:
            found[stem].append(path)
    return found


def _model(model: CrateModel) -> Entity:
    found: Entity = {
        "@id": model.uri,
        "@type": "Dataset",
        "name": model.name,
        "identifier": model.digest,
    }
    found |= {"version": model.version} if model.version else {}
    return found | ({"license": _reference(_licence(model.licence))} if model.licence else {})


def _licence(name: str) -> Entity:
    return {
        "@id": f"https://spdx.org/licenses/{quote(name)}",
        "@type": "CreativeWork",
        "name": name,
    }


def _reference(entity: Entity) -> Entity:
    return {"@id": entity["@id"]}


def _references(entities: Iterable[Entity]) -> list[Entity]:
    return [_reference(entity) for entity in entities]
