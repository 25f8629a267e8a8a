"""The colophon, with its note on quantized weights."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from fixtures.small_book import layerbook
from layerbook.model import sources
from layerbook.site import colophon as front
from ruamel.yaml import YAML

DEFAULT = sources.resolve(sources.DEFAULT_MODEL)


def test_describes_storage_only_of_known_weights(tmp_path: Path) -> None:
    """They are identified by digest, not by file name."""
    (tmp_path / "other.gguf").write_bytes(b"GGUF")
    other = sources.resolve(str(tmp_path / "other.gguf"))
    same = sources.GGUFSource("copy", "copy.gguf", sha256=DEFAULT.sha256)
    full = sources.DirectorySource("full", str(tmp_path))

    assert "4 bits" in front.quantization(DEFAULT) and front.quantization(
        same
    ) == front.quantization(DEFAULT)
    assert "4 bits" not in front.quantization(other) and "GGUF" in front.quantization(other)
    assert front.quantization(full) == ""


@pytest.mark.model
def test_default_model_is_stored_as_described(real_model_dir: Path) -> None:
    """Q4_1 in the layers, Q8_0 for the embedding, and no unembedding."""
    from layerbook.model.gguf import read_header

    tensors = read_header(DEFAULT.gguf_path()).tensors
    kinds = {name: tensor.tensor_type.name for name, tensor in tensors.items()}

    assert real_model_dir.is_dir() and "output.weight" not in kinds
    assert kinds.pop("token_embd.weight") == "Q8_0"
    assert Counter(kinds.values()) == {"Q4_1": 7 * 30, "F32": 2 * 30 + 1}
    assert all((kind == "Q4_1") == (len(tensors[name].shape) == 2) for name, kind in kinds.items())
    assert all(
        word in front.quantization(DEFAULT) for word in ("4 bits a number (Q4_1)", "8 (Q8_0)")
    )


def test_page_describes_its_own_book(book: Path) -> None:
    """Only the repository of Layerbook has a Makefile; originals are named if there are any."""
    layerbook("build", "--no-run", "--quiet", cwd=book, check=True)
    page = (book / "site" / "colophon.html").read_text()
    assert "make site" not in page and "layerbook build" in page
    assert "first attempt" not in page
    spec = book / "experiments" / "next.yaml"
    spec.write_text(spec.read_text().replace("  - id: sum\n", "  - id: sum\n    original: true\n"))
    layerbook("build", "--no-run", "--quiet", cwd=book, check=True)
    assert "first attempt" in (book / "site" / "colophon.html").read_text()
    (book / "generator" / "layerbook").mkdir(parents=True)
    completed = layerbook("build", "--no-run", "--quiet", "--force", cwd=book)
    assert (
        completed.returncode == 0 and "make site" in (book / "site" / "colophon.html").read_text()
    )


def test_lists_the_seeds_of_every_experiment_that_draws() -> None:
    """Analyses that draw many times without a seed in the spec count their seeds from 0."""
    root = Path(__file__).resolve().parents[2]
    specs = YAML(typ="safe").load((root / "experiments" / "sampling.yaml").read_text("utf-8"))
    drawing = [spec for spec in specs["experiments"] if "draws" in spec]
    seeds = (root / "site" / "colophon.html").read_text("utf-8").split('id="seeds"')[1]

    assert len(drawing) == 4
    for spec in drawing:
        last = spec["draws"] - 1
        row = seeds.split(f">sampling/{spec['id']}<")[1][:200]
        assert "seed 0" in row if spec["analysis"] == "tally" else f"seeds 0–{last}" in row
