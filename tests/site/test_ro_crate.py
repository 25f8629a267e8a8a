"""The manifest for archives: an RO-Crate 1.1 of every file of the site, and of where each result
comes from.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from fixtures.small_book import layerbook, read_tree, write_small_book
from fixtures.sweep_book import write_sweep_book

from layerbook import __version__
from layerbook.store import publish

CRATE_FILE = "ro-crate-metadata.json"
SPECIFICATION = "https://w3id.org/ro/crate/1.1"


@pytest.fixture(scope="module")
def built(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book with a sweep, built once."""
    folder = write_sweep_book(write_small_book(tmp_path_factory.mktemp("small"), tiny_model_dir))
    assert layerbook("build", cwd=folder).returncode == 0
    return folder


@pytest.fixture
def book(built: Path, tmp_path: Path) -> Path:
    """A copy of the built book."""
    return shutil.copytree(built, tmp_path / "book")


def entities(book: Path) -> dict[str, dict[str, Any]]:
    """What the manifest describes, by id; each once."""
    data = json.loads((book / "site" / CRATE_FILE).read_bytes())
    assert data["@context"][0] == f"{SPECIFICATION}/context"
    found = {entity["@id"]: entity for entity in data["@graph"]}
    assert len(found) == len(data["@graph"])
    return found


def referenced(value: Any) -> set[str]:
    """Every id that is referred to."""
    if isinstance(value, dict):
        return {value["@id"]} if value.keys() == {"@id"} else set().union(*map(referenced, value.values()))
    return set().union(*map(referenced, value)) if isinstance(value, list) else set()


def test_it_keeps_the_rules_of_ro_crate(built: Path) -> None:
    """What the specification says MUST be: descriptor, root, types, a flat graph in which all that
    is named is told.
    """
    found = entities(built)
    descriptor, root = found[CRATE_FILE], found["./"]
    assert descriptor["@type"] == "CreativeWork"
    assert descriptor["about"] == {"@id": "./"}
    assert descriptor["conformsTo"] == {"@id": SPECIFICATION}
    assert root["@type"] == "Dataset" and root["name"] == "A small book"
    assert all({"@id", "@type"} <= entity.keys() for entity in found.values())
    for id, entity in found.items():
        assert not urlsplit(id).path.startswith(("/", "..")) or urlsplit(id).scheme, id
        nested = [part for value in entity.values() for part in (value if isinstance(value, list) else [value])]
        assert all(part.keys() == {"@id"} for part in nested if isinstance(part, dict)), "the graph is not flat"
        assert referenced([*entity.values()]) - found.keys() <= {SPECIFICATION}, id
    data = {id for id, entity in found.items() if entity["@type"] in ("File", "Dataset") and id != "./"}
    assert data == referenced(root["hasPart"]), "the parts of the root are its data entities"
    assert {entity["name"] for entity in found.values() if entity["@type"] == "Person"} == {"Nobody in particular"}


def test_every_file_is_in_it_with_its_digest(built: Path) -> None:
    """And nothing that is not there."""
    site = read_tree(built / "site")
    files = {unquote(id): entity for id, entity in entities(built).items() if entity["@type"] == "File"}
    assert files.keys() == site.keys() - {CRATE_FILE, publish.MARKER_NAME}
    for path, entity in files.items():
        assert entity["sha256"] == hashlib.sha256(site[path]).hexdigest()
        assert entity["contentSize"] == str(len(site[path]))
    assert files["next.html"]["encodingFormat"] == "text/html"
    assert files["next.html"]["name"] == "What comes next"
    assert files["data/words/grid.parquet"]["encodingFormat"] == "application/vnd.apache.parquet"


def test_each_result_leads_to_its_spec_its_model_and_the_software(built: Path) -> None:
    """One action for each result that the site has; its files are its own, its spec is where it
    says.
    """
    found = entities(built)
    runs = {id: entity for id, entity in found.items() if entity["@type"] == "CreateAction"}
    assert runs.keys() == {"#run/next/sum", "#run/next/pattern", "#run/words/grid"}
    assert set(runs) == referenced(found["./"]["mentions"])
    for id, run in runs.items():
        address = id.removeprefix("#run/")
        made = referenced(run["result"])
        assert f"data/{address}.json" in made
        assert all(path.startswith(f"data/{address}") for path in made)
        spec, model = (found[one["@id"]] for one in run["object"])
        file, _, lines = spec["name"].partition(", lines ")
        first = int(lines.split()[0])
        assert (built / file).read_text().splitlines()[first - 1] == f"  - id: {address.split('/')[1]}"
        assert f"id: {address.split('/')[1]}" in spec["text"]
        entry = json.loads((built / "site" / "data" / f"{address}.json").read_bytes())
        assert model["identifier"] == entry["key"]["weights"]
        assert found[run["instrument"]["@id"]]["version"] == __version__
    csv = {path for run in runs.values() for path in referenced(run["result"]) if path.endswith(".csv")}
    assert csv == {path for path in read_tree(built / "site") if path.endswith(".csv")}


def test_the_colophon_leads_to_it(built: Path) -> None:
    """A link beside how to rebuild the book."""
    assert f'href="{CRATE_FILE}"' in (built / "site" / "colophon.html").read_text(encoding="utf-8")


def test_it_has_no_date_but_one_that_was_given(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The book's own before that of SOURCE_DATE_EPOCH, which changes nothing else; no number is an
    error.
    """
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    before = read_tree(book / "site")
    assert "datePublished" not in entities(book)["./"]
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    assert layerbook("build", "--no-run", cwd=book).returncode == 0
    assert entities(book)["./"]["datePublished"] == "1970-01-02"
    after = read_tree(book / "site")
    assert {path for path in after if after[path] != before[path]} == {CRATE_FILE, publish.MARKER_NAME}
    spec = book / "experiments" / "book.yaml"
    spec.write_text(spec.read_text() + "published: 2026-11-25\nlicence: CC-BY-4.0\n")
    assert layerbook("build", "--no-run", cwd=book).returncode == 0
    assert entities(book)["./"]["datePublished"] == "2026-11-25"
    assert entities(book)["./"]["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    spec.write_text(spec.read_text().replace("2026-11-25", "25.11.2026"))
    assert layerbook("check", cwd=book).returncode == 2
    spec.write_text(spec.read_text().replace("published: 25.11.2026\n", ""))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "today")
    done = layerbook("build", "--no-run", cwd=book)
    assert done.returncode == 2 and "SOURCE_DATE_EPOCH is 'today'" in done.stderr
