"""Child processes that end with their parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SCRIPT = """
import subprocess, sys
from layerbook.core.child_process import end_with_parent
child = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(100)"]
subprocess.run(child, preexec_fn=end_with_parent())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can do it")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_child_ends_with_a_killed_parent(number: signal.Signals) -> None:
    """The child ends as well, such as a long download by pip."""
    parent = subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.send_signal(number)
    parent.wait()
    deadline = time.monotonic() + 10
    while is_running(child) and time.monotonic() < deadline:
        time.sleep(0.02)
    still_running = is_running(child)
    if still_running:
        os.kill(child, signal.SIGKILL)
    parent.stdout.close()
    assert not still_running


def is_running(process: int) -> bool:
    """Return whether a process runs, and is not only waiting to be reaped."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
