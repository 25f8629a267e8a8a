"""Models for the tests: a tiny random Llama, made in a second, and the real default model."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.tiny_llama import write_tiny_model


@pytest.fixture(scope="session")
def tiny_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a tiny random Llama: 2 layers, d_model 32, 4 heads in 2 groups, 320 tokens."""
    return write_tiny_model(tmp_path_factory.mktemp("tiny-llama"))


@pytest.fixture(scope="session")
def real_model_dir() -> Path:
    """The default model, converted, in the user's cache; downloaded where it is not there yet."""
    from layerbook.model import download
    from layerbook.model import sources

    return download.prepare_model(sources.resolve(sources.DEFAULT_MODEL))
