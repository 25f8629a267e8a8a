"""The built site at an address of this machine; for looking, not for the world."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from layerbook.core.errors import UsageError


class _NoCacheHandler(SimpleHTTPRequestHandler):
    def end_headers(self) -> None:
        """Nothing is kept by the browser, so that a reload shows the newest build."""
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


def serve(folder: Path, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve until interrupted; `on_ready` is told the address. Raises UsageError where the port is taken."""
    try:
        server = ThreadingHTTPServer(
            ("127.0.0.1", port), partial(_NoCacheHandler, directory=str(folder))
        )
    except (OSError, OverflowError) as error:
        raise UsageError(f"--port {port}: cannot be used ({error})") from error
    with server:
        on_ready(f"http://127.0.0.1:{server.server_address[1]}/")
        server.serve_forever()
