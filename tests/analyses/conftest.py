"""The models that analyses are tried on, loaded once."""

from __future__ import annotations

from pathlib import Path

import pytest
from layerbook.model.loaded_model import LoadedModel


@pytest.fixture(scope="session")
def tiny(tiny_model_dir: Path) -> LoadedModel:
    """The tiny Llama, loaded the way the real one is."""
    return LoadedModel.load(tiny_model_dir, "tiny")
