"""Chromium, started once for the tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from fixtures.chromium import chromium
from playwright.sync_api import Browser


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium.

    It runs for one module and not for the session: Playwright keeps an event loop running, and
    other tests start their own.
    """
    with chromium() as running_browser:
        yield running_browser
