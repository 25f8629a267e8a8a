"""The manifest for archives, an RO-Crate 1.1."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from fixtures.small_book import layerbook, read_tree
from layerbook import __version__
from layerbook.store import publish

CRATE_FILE = "ro-crate-metadata.json"
SPECIFICATION = "https://w3id.org/ro/crate/1.1"


@pytest.fixture
def book(built_sweep_book: Path, tmp_path: Path) -> Path:
    """A copy of the built book with a sweep."""
    return shutil.copytree(built_sweep_book, tmp_path / "book")


def entities(book: Path) -> dict[str, dict[str, Any]]:
    """Return the entities of the manifest by id."""
    data = json.loads((book / "site" / CRATE_FILE).read_bytes())
    assert data["@context"][0] == f"{SPECIFICATION}/context"
    graph = {entity["@id"]: entity for entity in data["@graph"]}
    assert len(graph) == len(data["@graph"])
    return graph


def references(value: Any) -> set[str]:
    """Return every id that a value refers to."""
    if isinstance(value, dict):
        return (
            {value["@id"]}
            if value.keys() == {"@id"}
            else set().union(*map(references, value.values()))
        )
    return set().union(*map(references, value)) if isinstance(value, list) else set()


def test_follows_the_specification(built_sweep_book: Path) -> None:
    """It has a descriptor, a root and types, and the graph is flat and complete."""
    graph = entities(built_sweep_book)
    descriptor, root = graph[CRATE_FILE], graph["./"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": SPECIFICATION}
    assert root["@type"] == "Dataset" and root["name"] == "A small book"
    assert all({"@id", "@type"} <= entity.keys() for entity in graph.values())
    for id, entity in graph.items():
        assert not urlsplit(id).path.startswith(("/", "..")) or urlsplit(id).scheme, id
        nested = [
            part
            for value in entity.values()
            for part in (value if isinstance(value, list) else [value])
        ]
        assert all(part.keys() == {"@id"} for part in nested if isinstance(part, dict)), (
            "the graph is not flat"
        )
        assert references([*entity.values()]) - graph.keys() <= {SPECIFICATION}, id
    data = {
        id for id, entity in graph.items() if entity["@type"] in ("File", "Dataset") and id != "./"
    }
    assert data == references(root["hasPart"]), "the parts of the root are its data entities"
    assert {entity["name"] for entity in graph.values() if entity["@type"] == "Person"} == {
        "Nobody in particular"
    }


def test_lists_every_file_with_its_digest(built_sweep_book: Path) -> None:
    site = read_tree(built_sweep_book / "site")
    files = {
        unquote(id): entity
        for id, entity in entities(built_sweep_book).items()
        if entity["@type"] == "File"
    }
    assert files.keys() == site.keys() - {CRATE_FILE, publish.MARKER_NAME}
    for path, entity in files.items():
        assert entity["sha256"] == hashlib.sha256(site[path]).hexdigest()
        assert entity["contentSize"] == str(len(site[path]))
    assert files["next.html"]["encodingFormat"] == "text/html"
    assert files["next.html"]["name"] == "What comes next"
    assert files["data/words/grid.parquet"]["encodingFormat"] == "application/vnd.apache.parquet"


def test_describes_the_spec_model_and_software_of_each_result(built_sweep_book: Path) -> None:
    graph = entities(built_sweep_book)
    runs = {id: entity for id, entity in graph.items() if entity["@type"] == "CreateAction"}
    assert runs.keys() == {"#run/next/sum", "#run/next/pattern", "#run/words/grid"}
    assert set(runs) == references(graph["./"]["mentions"])
    for id, run in runs.items():
        address = id.removeprefix("#run/")
        paths = references(run["result"])
        assert f"data/{address}.json" in paths
        assert all(path.startswith(f"data/{address}") for path in paths)
        spec, model = (graph[reference["@id"]] for reference in run["object"])
        file, _, lines = spec["name"].partition(", lines ")
        first = int(lines.split()[0])
        assert (built_sweep_book / file).read_text().splitlines()[
            first - 1
        ] == f"  - id: {address.split('/')[1]}"
        assert json.loads(spec["text"])["id"] == address.split("/")[1]
        entry = json.loads((built_sweep_book / "site" / "data" / f"{address}.json").read_bytes())
        assert model["identifier"] == entry["key"]["weights"]
        assert graph[run["instrument"]["@id"]]["version"] == __version__
    csv = {
        path for run in runs.values() for path in references(run["result"]) if path.endswith(".csv")
    }
    assert csv == {path for path in read_tree(built_sweep_book / "site") if path.endswith(".csv")}


def test_colophon_links_to_the_manifest(built_sweep_book: Path) -> None:
    assert f'href="{CRATE_FILE}"' in (built_sweep_book / "site" / "colophon.html").read_text(
        encoding="utf-8"
    )


def test_has_only_a_date_from_the_book_or_the_environment(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SOURCE_DATE_EPOCH changes nothing else."""
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    before = read_tree(book / "site")
    assert "datePublished" not in entities(book)["./"]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    layerbook("build", "--no-run", cwd=book, check=True)
    assert entities(book)["./"]["datePublished"] == "1970-01-02"
    after = read_tree(book / "site")
    assert {path for path in after if after[path] != before[path]} == {
        CRATE_FILE,
        publish.MARKER_NAME,
    }
    spec = book / "experiments" / "book.yaml"
    spec.write_text(spec.read_text() + "published: 2026-11-25\nlicence: CC-BY-4.0\n")
    layerbook("build", "--no-run", cwd=book, check=True)
    assert entities(book)["./"]["datePublished"] == "2026-11-25"
    assert entities(book)["./"]["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    spec.write_text(spec.read_text().replace("2026-11-25", "25.11.2026"))
    assert layerbook("check", cwd=book).returncode == 2
    spec.write_text(spec.read_text().replace("published: 25.11.2026\n", ""))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    result = layerbook("build", "--no-run", cwd=book)
    assert result.returncode == 2 and "SOURCE_DATE_EPOCH is 'today'" in result.stderr
