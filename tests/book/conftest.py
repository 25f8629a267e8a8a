"""A folder to write specs into."""

from pathlib import Path

import pytest
from fixtures.specs import Specs


@pytest.fixture
def specs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Specs:
    """An empty folder of specs, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    return Specs(tmp_path)
