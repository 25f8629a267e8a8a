"""The local web server answers only to local names, with files of the site."""

from __future__ import annotations

import os
import queue
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from layerbook.core.errors import UsageError
from layerbook.site.serve import serve

Ask = Callable[..., tuple[int, bytes]]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Write a site beside a file outside of it, with links and a pipe."""
    site = tmp_path / "site"
    (site / "data" / "empty").mkdir(parents=True)
    (tmp_path / "secret.txt").write_text("SECRET")
    (site / "index.html").write_text("FRONT")
    (site / "data" / "a b.csv").write_text("TABLE")
    (site / ".layerbook-site.json").write_text("{}")
    (site / "out.txt").symlink_to(tmp_path / "secret.txt")
    (site / "up").symlink_to(tmp_path)
    (site / "in.html").symlink_to("index.html")
    os.mkfifo(site / "pipe")
    return site


@pytest.fixture
def ask(site: Path) -> Ask:
    """Send a request to a server in a thread; return status and body."""
    ports: queue.Queue[int] = queue.Queue()

    def on_ready(address: str) -> None:
        ports.put(int(address.rstrip("/").rpartition(":")[2]))

    threading.Thread(target=serve, args=(site, 0, on_ready), daemon=True).start()
    port = ports.get(timeout=10)

    def ask(
        target: str, *, host: str | None = "localhost:{port}", line: str = ""
    ) -> tuple[int, bytes]:
        host_line = f"Host: {host.format(port=port)}\r\n" if host is not None else ""
        request = line or f"GET {target} HTTP/1.1\r\n{host_line}Connection: close\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(request.encode())
            answer = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"no-store" in head and b"nosniff" in head
        assert b"Cross-Origin-Resource-Policy: same-origin" in head  # or any site could load data
        return int(head.split()[1]), body

    return ask


@pytest.mark.parametrize(
    ("target", "body"),
    [("/", b"FRONT"), ("/index.html?x#y", b"FRONT"), ("/data/a%20b.csv", b"TABLE")],
)
def test_serves_files(ask: Ask, target: str, body: bytes) -> None:
    assert ask(target) == (200, body)


def test_site_that_becomes_a_link_is_not_served(ask: Ask, site: Path, tmp_path: Path) -> None:
    """A pull could replace the folder while it is served."""
    site.rename(tmp_path / "old")
    site.symlink_to(tmp_path)
    assert ask("/secret.txt")[0] == 404


@pytest.mark.parametrize(
    "host", ["localhost:{port}", "LOCALHOST:{port}", "127.0.0.1:{port}", "[::1]:{port}"]
)
def test_answers_to_names_of_this_machine(ask: Ask, host: str) -> None:
    assert ask("/", host=host)[0] == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:{port}",
        "localhost",
        "localhost:1",
        "localhost:{port}.evil.example",
        "",
        None,
    ],
)
def test_answers_to_no_other_name(ask: Ask, host: str | None) -> None:
    """Another site can point its own name to this machine."""
    status, body = ask("/", host=host)
    assert status in (400, 421)
    assert b"FRONT" not in body


@pytest.mark.parametrize(
    "target",
    [
        *("/out.txt", "/up/secret.txt", "/in.html", "/up", "/up/", "/pipe"),
        *("/data", "/data/", "/data/empty/", "/.layerbook-site.json", "/missing"),
        *("/../secret.txt", "/data/../../secret.txt", "/%2e%2e/secret.txt", "//secret.txt"),
        *("//evil.example/..", "/data//a%20b.csv", "/x" * 200),
    ],
)
def test_serves_neither_links_nor_folders(ask: Ask, target: str) -> None:
    """Nor hidden files or files outside, and it redirects nowhere."""
    status, body = ask(target)
    assert status == 404
    assert b"SECRET" not in body and b"a b.csv" not in body


@pytest.mark.parametrize(
    "target",
    [
        "/%00",
        "/a%00.html",
        "/%",
        "/%zz",
        "/%f",
        "/%ff",
        "/a%0db",
        "/..%5csecret.txt",
        "x",
        "/" + "a" * 70_000,
    ],
)
def test_bad_paths_are_bad_requests(
    ask: Ask, target: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The browser gets one line, without a traceback."""
    assert ask(target)[0] == 400
    assert capfd.readouterr() == ("", "")


def test_long_headers_are_bad_requests(ask: Ask, capfd: pytest.CaptureFixture[str]) -> None:
    """A header that is too long, and too many headers."""
    assert ask("/", line=f"GET / HTTP/1.1\r\nX: {'a' * 70_000}\r\n\r\n")[0] == 400
    assert ask("/", line="GET / HTTP/1.1\r\n" + "X: 1\r\n" * 200 + "\r\n")[0] == 400
    assert capfd.readouterr() == ("", "")


def test_port_that_is_taken_is_a_usage_error(site: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as occupied:
        with pytest.raises(UsageError, match="cannot be used"):
            serve(site, occupied.getsockname()[1], lambda address: None)
