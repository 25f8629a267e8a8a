"""A local web server for the built site, and for its live preview."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

from layerbook.core.errors import StoreError, UsageError
from layerbook.core.paths import read_file, resolve_within

if TYPE_CHECKING:
    from layerbook.site.preview import Preview

ADDRESS = "127.0.0.1"
HOST_NAMES = ("localhost", "127.0.0.1", "[::1]")
"""The names of this machine; other names would allow DNS rebinding by a foreign page."""
TIMEOUT_SECONDS = 30
PREVIEW_FILES = {"-/preview.js": "preview.js", "-/preview.css": "preview.css"}
"""The preview's own files by their path; no file of a site has such a path."""
SECONDS_BETWEEN_PINGS = 15
_BAD_ESCAPE = re.compile("%(?![0-9A-Fa-f]{2})")


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print nothing about a broken connection."""


class _SiteHandler(SimpleHTTPRequestHandler):
    """Serves the files of a site: no links, no hidden files, no listings of folders.

    The browser does not cache them, so that a reload shows the newest build.
    """

    timeout = TIMEOUT_SECONDS

    def __init__(self, *args: Any, preview: Preview | None = None, **options: Any) -> None:
        self._preview = preview
        super().__init__(*args, **options)

    def do_GET(self) -> None:
        """Answer a request; the events of the preview go on until the browser leaves."""
        if self._preview and self.path == "/-/events" and self._host_is_ours():
            self._send_events(self._preview)
        else:
            super().do_GET()

    def send_head(self) -> io.BytesIO | None:
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
            content = self._read(path)
        except (OSError, StoreError):
            self.send_error(HTTPStatus.NOT_FOUND)
            return None
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", self.guess_type(path))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return io.BytesIO(content)

    def _read(self, path: str) -> bytes:
        """Read the file of a path; pages get the script of the preview.

        Raises OSError or StoreError.
        """
        if self._preview and path in PREVIEW_FILES:
            return files("layerbook.site").joinpath(PREVIEW_FILES[path]).read_bytes()
        # The state comes before the page, so that it cannot be newer.
        version = self._preview.state.version if self._preview else ""
        content = read_file(_find_file(Path(self.directory), path))
        if self._preview and path.endswith(".html"):
            return add_preview(content.decode("utf-8", "replace"), version).encode()
        return content

    def _send_events(self, preview: Preview) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        try:
            state = preview.state
            while True:
                self.wfile.write(f"data: {preview.state_json()}\n\n".encode())
                self.wfile.flush()
                state = preview.wait_for_change(state, SECONDS_BETWEEN_PINGS)
        except OSError:
            self.close_connection = True  # the page was closed

    def end_headers(self) -> None:
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        # The data are in scripts, which a page of another site could otherwise load and read.
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        super().end_headers()

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Send an error; a line that is too long counts as a bad request."""
        if code in (HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE):
            code = HTTPStatus.BAD_REQUEST
        super().send_error(code, message, explain)

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
    """Return a file of the site. Raises FileNotFoundError, or OutsideError for a link."""
    parts = path.split("/")
    if any(part.startswith(".") or not part for part in parts):
        raise FileNotFoundError(path)
    # From the parent, because the folder could become a link while it is served.
    file = resolve_within(folder.parent, folder / path, links=False)
    if not file.is_file():  # a folder, or a pipe, which would block
        raise FileNotFoundError(path)
    return file


def add_preview(html: str, version: str) -> str:
    """Return a page that loads the preview's script and may talk to this server.

    version: of the site, `PreviewState.version`.
    """
    head = (
        '<link rel="stylesheet" href="/-/preview.css">\n'
        f'<script src="/-/preview.js" data-version="{version}" defer></script>\n'
        "</head>"
    )
    html = html.replace("default-src 'none';", "default-src 'none'; connect-src 'self';", 1)
    return html.replace("</head>", head, 1)


def serve(
    folder: Path,
    port: int,
    on_ready: Callable[[str], None],
    preview: Preview | None = None,
    follow: Callable[[], None] | None = None,
) -> None:
    """Serve a folder until interrupted; call `on_ready` with the address.

    preview: the state that pages show. follow: runs meanwhile, in this thread.
    Raises UsageError if the port cannot be used.
    """
    handler = partial(_SiteHandler, directory=str(folder), preview=preview)
    try:
        server = _Server((ADDRESS, port), handler)
    except (OSError, OverflowError) as error:
        raise UsageError(f"--port {port}: cannot be used ({error})") from error
    with server:
        on_ready(f"http://{ADDRESS}:{server.server_address[1]}/")
        if follow is None:
            server.serve_forever()
        else:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                follow()
            finally:
                server.shutdown()
