"""Child processes that end with this one, even if it is killed, and that have limits."""

from __future__ import annotations

import ctypes
import faulthandler
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from typing import Any

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


class AnsweringProcess:
    """A module of this package as a program that answers questions, one after the other.

    The module calls `answer_lines`. The first question starts the program, and so does the first
    after a failure. It ends when this process closes its input.

    seconds: the time that it has for an answer. max_memory: the bytes that it may allocate, on
        Linux; 0 for any number.
    """

    def __init__(self, module: str, seconds: float, max_memory: int = 0) -> None:
        # -P: import nothing from the working directory, perhaps a stranger's book.
        self._command = [sys.executable, "-P", "-m", module, str(seconds)]
        self._max_memory = max_memory
        self._process: subprocess.Popen[str] | None = None

    def ask(self, *question: Any) -> Any:
        """Return the answer to a question; both are sent as JSON.

        Raises EOFError if the program ends without an answer, as it does after `seconds`.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="ascii",
            )
            if self._max_memory:
                limit_memory(self._process.pid, self._max_memory)
        try:
            print(json.dumps(question), file=self._process.stdin, flush=True)
            return json.loads(next(iter(self._process.stdout or ())))
        except (BrokenPipeError, StopIteration):
            self.close()
            raise EOFError from None

    def close(self) -> None:
        """End the program."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def answer_lines(answer: Callable[..., Any]) -> None:
    """Answer the questions of an `AnsweringProcess`; end the program if one takes too long."""
    for line in sys.stdin:
        faulthandler.dump_traceback_later(float(sys.argv[1]), exit=True)
        sys.stdout.write(json.dumps(answer(*json.loads(line))) + "\n")
        sys.stdout.flush()
        faulthandler.cancel_dump_traceback_later()
