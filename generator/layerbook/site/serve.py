"""A local web server for the built site."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from layerbook.core.errors import UsageError


class _NoCacheHandler(SimpleHTTPRequestHandler):
    """Serves files that the browser does not cache, so that a reload shows the newest build."""

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""


def serve(folder: Path, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve a folder until interrupted; call `on_ready` with the address.

    Raises UsageError if the port cannot be used.
    """
    handler = partial(_NoCacheHandler, directory=str(folder))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except (OSError, OverflowError) as error:
        raise UsageError(f"--port {port}: cannot be used ({error})") from error
    with server:
        on_ready(f"http://127.0.0.1:{server.server_address[1]}/")
        server.serve_forever()
