"""Fixtures of tests of specs."""

from pathlib import Path

import pytest
from fixtures.specs import SpecFolder


@pytest.fixture
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SpecFolder:
    """Return an empty folder of specs, the working directory."""
    monkeypatch.chdir(tmp_path)
    return SpecFolder(tmp_path)
