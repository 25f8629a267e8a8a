"""The tiny Llama, loaded the way the real one is."""

from __future__ import annotations

from pathlib import Path

import pytest
from layerbook.model.loaded_model import LoadedModel


@pytest.fixture(scope="session")
def model(tiny_model_dir: Path) -> LoadedModel:
    """Return the tiny Llama, which tests must not change."""
    return LoadedModel.load(tiny_model_dir, "tiny")
