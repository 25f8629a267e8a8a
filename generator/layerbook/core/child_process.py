"""Child processes that end with this one, even if it is killed."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable

PR_SET_PDEATHSIG = 1


def end_with_parent() -> Callable[[], None] | None:
    """Return the `preexec_fn` for a child of the main thread; None where only Linux can do it."""
    if sys.platform != "linux":
        return None
    parent, prctl = os.getpid(), ctypes.CDLL(None).prctl

    def ask_for_signal() -> None:
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:  # the parent died before prctl was called
            os._exit(1)

    return ask_for_signal


def limit_memory(process: int, max_bytes: int) -> None:
    """Let a process allocate at most `max_bytes`, on Linux; files that it maps do not count."""
    if sys.platform == "linux":
        import resource

        resource.prlimit(process, resource.RLIMIT_DATA, (max_bytes, max_bytes))
