"""End the program after Ctrl-C. This module is imported first, so it imports nothing slow."""

from __future__ import annotations

import sys
from typing import NoReturn

INTERRUPTED_EXIT_CODE = 130


def exit_interrupted() -> NoReturn:
    """Print one line to stderr and exit."""
    sys.stderr.write("layerbook: interrupted; existing files are intact\n")
    # If Ctrl-C interrupts the `exec` of a string, as dataclasses use it while torch is imported,
    # CPython dies of the signal and loses the exit code, unless another string is executed.
    exec("")
    sys.exit(INTERRUPTED_EXIT_CODE)
