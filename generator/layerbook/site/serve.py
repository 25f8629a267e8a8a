"""A local web server for the built site."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import unquote_to_bytes

from layerbook.core.errors import OutsideError, UsageError
from layerbook.core.paths import resolve_inside

ADDRESS = "127.0.0.1"
HOST_NAMES = ("localhost", "127.0.0.1", "[::1]")
"""The names of this machine. A page of another site may reach us under a name of its own."""
TIMEOUT_SECONDS = 30
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing about a broken connection."""


class _SiteHandler(SimpleHTTPRequestHandler):
    """Serves the files of a site: no links, no hidden files, no listings of folders.

    The browser does not cache them, so that a reload shows the newest build.
    """

    timeout = TIMEOUT_SECONDS

    def send_head(self) -> io.BytesIO | BinaryIO | None:
        """Send the headers of the requested file and return it; None after sending an error."""
        if not self._host_is_ours():
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST, "Not a name of this machine")
            return None
        try:
            path = _parse_path(self.path)
        except ValueError:
            self.send_error(HTTPStatus.BAD_REQUEST)
            return None
        try:
            file = _find_file(Path(self.directory), path).open("rb")
        except OSError:
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(os.fstat(file.fileno()).st_size))
        self.end_headers()
        return file

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send an error; lines that are too long are bad requests like others."""
        too_long = (
            HTTPStatus.REQUEST_URI_TOO_LONG,
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        )
        super().send_error(HTTPStatus.BAD_REQUEST if code in too_long else code, message, explain)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""

    def _host_is_ours(self) -> bool:
        port = self.connection.getsockname()[1]
        hosts = {f"{name}:{port}" for name in HOST_NAMES}
        if port == 80:
            hosts |= set(HOST_NAMES)
        host_headers = self.headers.get_all("Host", [])
        return len(host_headers) == 1 and host_headers[0].strip().lower() in hosts


def _parse_path(target: str) -> str:
    """Return the path of a request's target, relative to the site.

    Raises ValueError for what is not a path: bad escapes, null characters, other encodings.
    """
    quoted = target.partition("?")[0].partition("#")[0]
    if not quoted.startswith("/"):
        raise ValueError("not an absolute path")
    if _BAD_ESCAPE.search(quoted):
        raise ValueError("an escape without two hexadecimal digits")
    path = unquote_to_bytes(quoted).decode()
    if any(ord(character) < 32 for character in path) or "\\" in path:
        raise ValueError("a character that no path of a site has")
    return path[1:] + ("index.html" if path.endswith("/") else "")


def _find_file(folder: Path, path: str) -> Path:
    """Return a file of the site. Raises FileNotFoundError."""
    parts = path.split("/")
    if any(part.startswith(".") or not part for part in parts):
        raise FileNotFoundError(path)
    try:
        file = resolve_inside(folder, path, links=False)
    except OutsideError as error:
        raise FileNotFoundError(path) from error
    if not file.is_file():  # a folder, or a pipe, which would block
        raise FileNotFoundError(path)
    return file


def serve(folder: Path, port: int, on_ready: Callable[[str], None]) -> None:
    """Serve a folder until interrupted; call `on_ready` with the address.

    Raises UsageError if the port cannot be used.
    """
    handler = partial(_SiteHandler, directory=str(folder))
    try:
        server = _Server((ADDRESS, port), handler)
    except (OSError, OverflowError) as error:
        raise UsageError(f"--port {port}: cannot be used ({error})") from error
    with server:
        on_ready(f"http://{ADDRESS}:{server.server_address[1]}/")
        server.serve_forever()
