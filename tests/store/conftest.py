"""Kills of a child process at every step that it takes on the disk."""

from __future__ import annotations

import os
import resource
import signal
import sys
import traceback
from collections.abc import Callable

import pytest

STEPS = frozenset({"open", "os.rename", "os.remove", "os.mkdir", "os.rmdir"})
Work = Callable[[], object]


def _in_child(work: Work, arm: Callable[[], None]) -> int:
    """Run `work` in a forked process after `arm`; return the signal that ended it, or 0."""
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            arm()
            work()
        except BaseException:
            traceback.print_exc(file=sys.__stderr__)
            os._exit(70)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    assert not os.WIFEXITED(status) or os.WEXITSTATUS(status) == 0, "the work itself failed"
    return os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0


@pytest.fixture
def killed_before_step() -> Callable[[Work, int], bool]:
    """Return `kill(work, n)`: SIGKILL before the nth step on the disk.

    False if `work` ended sooner.
    """

    def kill(work: Work, number: int) -> bool:
        steps_left = number

        def watch(event: str, _: object) -> None:
            nonlocal steps_left
            if event not in STEPS:  # os.kill is an event too
                return
            steps_left -= 1
            if steps_left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        return _in_child(work, lambda: sys.addaudithook(watch)) == signal.SIGKILL

    return kill


@pytest.fixture
def killed_while_writing() -> Callable[[Work, int], bool]:
    """Return `kill(work, n)`: kill once a file has n bytes; False if no file grows so long."""

    def kill(work: Work, size: int) -> bool:
        def arm() -> None:
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

        return _in_child(work, arm) == signal.SIGXFSZ

    return kill
