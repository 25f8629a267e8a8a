"""End the program after Ctrl-C. Imported before anything else, so it imports nothing slow."""

from __future__ import annotations

import sys
from typing import NoReturn

INTERRUPTED_EXIT_CODE = 130


def exit_interrupted() -> NoReturn:
    """Print one line to stderr and exit."""
    sys.stderr.write("layerbook: interrupted; existing files are intact\n")
    # If Ctrl-C came during the `exec` of a string, as dataclasses use while torch is imported,
    # CPython ends by the signal instead of our exit code, unless another string is executed.
    exec("")
    sys.exit(INTERRUPTED_EXIT_CODE)
