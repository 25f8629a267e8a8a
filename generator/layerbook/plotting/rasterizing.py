"""Turn a stranger's drawings into pixels, in a process with limits of time and memory.

A short drawing can take hours, or gigabytes. Run as a program, this module draws until its input
ends.
"""

from __future__ import annotations

import base64
import faulthandler
import json
import subprocess
import sys
from types import TracebackType

from layerbook.core.child_process import limit_memory
from layerbook.plotting.rasterize import svg_to_png

SECONDS = 20
MAX_MEMORY = 2_000_000_000


class DrawingProcess:
    """A process that draws one picture after the other; it is started when it is needed."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> DrawingProcess:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self._end()

    def png(self, svg: str, scale: float) -> bytes:
        """Return what `svg_to_png` returns. Raises ValueError, also at the limits."""
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__, str(SECONDS)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                encoding="ascii",
            )
            limit_memory(self._process.pid, MAX_MEMORY)
        try:
            print(json.dumps([svg, scale]), file=self._process.stdin, flush=True)
            png, message = json.loads(next(iter(self._process.stdout or ())))
        except (BrokenPipeError, StopIteration):  # the process has ended, without an answer
            self._end()
            raise ValueError("it takes too much time or memory") from None
        if message:
            raise ValueError(message)
        return base64.b64decode(png)

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def main() -> None:
    """Answer each line of the input, a drawing and its scale, with a picture or a message."""
    for line in sys.stdin:
        faulthandler.dump_traceback_later(float(sys.argv[1]), exit=True)
        try:
            answer = [base64.b64encode(svg_to_png(*json.loads(line))).decode(), ""]
        except ValueError as error:
            answer = ["", str(error)]
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()
        faulthandler.cancel_dump_traceback_later()


if __name__ == "__main__":
    main()
