"""How Ctrl-C ends the program, whenever it comes; so nothing is imported here that takes a while."""

from __future__ import annotations

import sys
from typing import NoReturn

INTERRUPTED_EXIT_CODE = 130


def exit_interrupted() -> NoReturn:
    """One line on standard error, and the exit code."""
    sys.stderr.write("layerbook: interrupted; what was there is whole\n")
    # An interrupt that passed through the `exec` of a text, which dataclasses use while torch is imported, makes
    # CPython end by the signal instead of by our code, unless another text is executed after it.
    exec("")
    sys.exit(INTERRUPTED_EXIT_CODE)
