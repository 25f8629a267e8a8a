"""The models that analyses run on, each loaded once. Tests must not change them."""

from __future__ import annotations

from pathlib import Path

import pytest
from layerbook.model.loaded_model import LoadedModel


@pytest.fixture(scope="session")
def tiny(tiny_model_dir: Path) -> LoadedModel:
    """The tiny Llama."""
    return LoadedModel.load(tiny_model_dir, "tiny")


@pytest.fixture(scope="session")
def real(real_model_dir: Path) -> LoadedModel:
    """The default model of the book."""
    return LoadedModel.load(real_model_dir, "smollm2-135m-instruct")
