"""Chromium, and the pages that several modules open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.chromium import chromium
from fixtures.sample_chapter import write_book
from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium.

    It runs for one module and not for the session: Playwright keeps an event loop running, and
    other tests start their own.
    """
    with chromium() as running_browser:
        yield running_browser


@pytest.fixture(scope="session")
def sample_book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pages of the sample book, which has every kind of block."""
    return write_book(tmp_path_factory.mktemp("sample"))
