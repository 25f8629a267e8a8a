"""The addresses of the live preview; see tests/browser for its pages."""

from __future__ import annotations

import json
import os
import queue
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.small_book import layerbook
from layerbook.core.progress import Reporter
from layerbook.site.preview import Preview
from layerbook.site.serve import add_preview, serve


@pytest.fixture
def served(book: Path) -> tuple[Preview, int]:
    """Serve the small book with its preview; return the preview and the port."""
    layerbook("build", "--no-run", "--quiet", cwd=book, check=True)
    preview = Preview(book, None, drafts=False, run=False)
    preview.rebuild(Reporter())
    ports: queue.Queue[int] = queue.Queue()

    def on_ready(address: str) -> None:
        ports.put(int(address.rstrip("/").rpartition(":")[2]))

    threading.Thread(target=serve, args=(book / "site", 0, on_ready, preview), daemon=True).start()
    return preview, ports.get(timeout=10)


def lines(port: int, target: str, host: str = "localhost") -> Iterator[str]:
    """Send a request and yield the lines of the answer as they arrive."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as connection:
        connection.sendall(f"GET {target} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        with connection.makefile(encoding="utf-8") as answer:
            yield from (line.rstrip("\n") for line in answer)


def test_events_are_sent_to_local_names_only(served: tuple[Preview, int]) -> None:
    assert "421" in next(lines(served[1], "/-/events", host="evil.example"))


@pytest.mark.parametrize("target", ["/-/", "/-/serve.py", "/-/../serve.py", "/-/preview.js/"])
def test_preview_has_two_files(served: tuple[Preview, int], target: str) -> None:
    assert "404" in next(lines(served[1], target))


def test_served_pages_may_connect_to_the_server_only(
    served: tuple[Preview, int],
) -> None:
    """The policy of the page on disk gets one more source."""
    preview, port = served
    page = "\n".join(lines(port, "/next.html"))
    assert "default-src 'none'; connect-src 'self'; script-src 'self' file:;" in page
    assert f'src="/-/preview.js" data-version="{preview.state.version}"' in page
    assert "unsafe" not in page.partition("<title>")[0]


def test_every_change_sends_an_event(book: Path, served: tuple[Preview, int]) -> None:
    """It has the version of the published files, which a mistake does not change."""
    preview, port = served
    events = (line for line in lines(port, "/-/events") if line.startswith("data: "))

    def state() -> dict[str, object]:
        data: dict[str, object] = json.loads(next(events).removeprefix("data: "))
        return data

    first = state()
    words = first.pop("words")
    assert first == {"version": preview.state.version, "problems": [], "stale": []}
    assert words["problems"] == "The last change is not in this page"  # type: ignore[index]
    prose = book / "templates" / "chapters" / "words.md"
    original = prose.read_text()
    prose.write_text(f"{original}\n{{{{ nothing }}}}\n")
    preview.rebuild(Reporter())
    broken = state()
    assert broken["version"] == first["version"]
    [problem] = broken["problems"]  # type: ignore[misc]
    assert problem["place"].endswith(f"words.md:{len(original.splitlines()) + 2}:1")
    assert problem["source"] == "{{ nothing }}"
    prose.write_text(f"{original}\nMore.\n")
    preview.rebuild(Reporter())
    repaired = state()
    assert repaired["problems"] == [] and repaired["version"] not in ("", first["version"])


def test_prose_that_becomes_a_link_is_refused(
    book: Path, served: tuple[Preview, int], tmp_path: Path
) -> None:
    """After an edit of prose alone, the rest of the book is not read again."""
    preview, _ = served
    (tmp_path / "outside.md").write_text("SECRET\n")
    prose = book / "templates" / "chapters" / "words.md"
    prose.unlink()
    prose.symlink_to(tmp_path / "outside.md")
    preview.rebuild(Reporter(), [prose])
    [problem] = preview.state.problems
    assert "leads outside" in problem.message
    assert "SECRET" not in (book / "site" / "words.html").read_text()


def test_files_other_than_pages_are_served_unchanged() -> None:
    assert add_preview("<p>No head.</p>", "1") == "<p>No head.</p>"


def test_panel_speaks_the_language_of_the_book(book: Path) -> None:
    """This includes its message about results that are out of date."""
    spec = book / "experiments" / "book.yaml"
    text = spec.read_text(encoding="utf-8")
    spec.write_text(text.replace("language: en", "language: de"), encoding="utf-8")
    next_spec = book / "experiments" / "next.yaml"
    changed = next_spec.read_text(encoding="utf-8").replace("top_k: 5", "top_k: 4")
    next_spec.write_text(changed, encoding="utf-8")
    preview = Preview(book, None, drafts=False, run=False)
    preview.rebuild(Reporter())
    assert preview.state.stale == ("next/sum",)
    words = json.loads(preview.state_json())["words"]
    assert words["stale"] == "1 Experiment ist nicht mehr aktuell"
    assert words["problems"] == "Die letzte Änderung ist nicht in dieser Seite"


@pytest.mark.parametrize("name", ["next.html", ".layerbook-site.json"])
def test_huge_files_of_a_site_are_not_served(
    name: str, book: Path, served: tuple[Preview, int]
) -> None:
    """The preview reads pages and the list of files whole; a file of zeros fills the memory."""
    preview, port = served
    os.truncate(book / "site" / name, 200 * 10**9)
    answer = next(lines(port, "/next.html"))
    assert ("404" if name == "next.html" else "200") in answer
    preview.rebuild(Reporter())
    assert preview.state.version or preview.state.problems


@pytest.mark.parametrize("kind", ["pipe", "huge"])
def test_preview_shows_no_line_of_a_file_that_it_cannot_read(kind: str, book: Path) -> None:
    """A pipe blocks its reader, and a file of zeros fills the memory."""
    path = book / "experiments" / "words.yaml"
    if kind == "pipe":
        path.unlink()
        os.mkfifo(path)
    else:
        os.truncate(path, 200 * 10**9)
    preview = Preview(book, None, drafts=False, run=False)
    thread = threading.Thread(target=preview.rebuild, args=(Reporter(),), daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    problem = preview.state.problems[0]
    assert "words.yaml" in problem.place
    assert problem.source == ""
