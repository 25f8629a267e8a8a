"""A folder to write specs into."""

from pathlib import Path

import pytest
from fixtures.specs import SpecFolder


@pytest.fixture
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SpecFolder:
    """An empty folder of specs, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return SpecFolder(tmp_path)
