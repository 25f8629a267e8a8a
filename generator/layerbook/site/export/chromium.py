"""Chromium, or a browser of its family, as a program that prints pages."""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path

from layerbook.core.errors import LayerbookError, UsageError
from layerbook.core.paths import find_program

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SECONDS = 600
OPTIONS = (
    "--headless",
    "--disable-gpu",
    "--disable-extensions",
    "--disable-background-networking",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # a page on disk needs no network
)


def find_chromium() -> str:
    """Return the program. Raises UsageError if there is none."""
    named = os.environ.get("CHROMIUM", "")
    path = find_program(*([named] if named else NAMES))
    if path is None:
        problem = f"CHROMIUM={named} is not a program" if named else "Chromium was not found"
        raise UsageError(
            f"{problem}, and the PDF is printed with it. Install Chromium or Chrome, or set "
            "the variable CHROMIUM to its path"
        )
    return path


def run_chromium(page: Path, *options: str) -> None:
    """Run the browser on a page on disk with extra options.

    Raises LayerbookError if the browser fails or takes longer than ten minutes.
    """
    program = find_chromium()
    as_root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with tempfile.TemporaryDirectory(prefix="layerbook-chromium-") as profile:
        command = [program, *OPTIONS, *as_root, f"--user-data-dir={profile}", *options]
        try:
            completed = subprocess.run(
                [*command, page.as_uri()],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=SECONDS,
            )
        except subprocess.TimeoutExpired as error:
            raise LayerbookError(f"{program} took longer than {SECONDS} seconds") from error
    if completed.returncode:
        last = (completed.stderr.strip().splitlines() or ["it printed no error"])[-1]
        raise LayerbookError(f"{program} failed: {last}")
