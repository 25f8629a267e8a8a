"""Links to other sites, asked for on a server of the test's own."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from fixtures.small_book import layerbook
from layerbook.site import outside_links
from layerbook.site.outside_links import ask, ask_all

GLOSSARY = "- id: logits\n  name: logits\n  text: Scores, see [there]({site}/gone#top).\n"
SOURCES = """\
smith2020:
  authors: ["Smith, Ann"]
  year: 2020
  title: A title
  venue: A journal
  url: {site}/gone
"""


class Server(BaseHTTPRequestHandler):
    """Answers by path; some paths know only GET, some wait."""

    requests: list[tuple[str, str]]

    def answer(self) -> None:
        """Send the status that the path names."""
        self.requests.append((self.command, self.path))
        status = {"/here": 200, "/busy": 429, "/moved": 302, "/away": 302}.get(self.path, 404)
        if self.path == "/get-only":
            status = 200 if self.command == "GET" else 501
        if self.path == "/no-http":
            self.wfile.write(b"no HTTP " * 1000)
            return
        if self.path == "/slow":
            threading.Event().wait(1)
        if self.path == "/endless" and self.command == "GET":
            self.send_endless()
            return
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/here" if self.path == "/moved" else "file:///etc/hosts")
        self.end_headers()

    def send_endless(self) -> None:
        """Lead on, in an answer that does not end before the client goes."""
        self.send_response(302)
        self.send_header("Location", "/here")
        self.end_headers()
        with suppress(OSError):
            for _ in range(10_000):
                self.wfile.write(bytes(10_000))
            self.requests.append(("read", self.path))

    do_GET = do_HEAD = answer

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    """Serve on a free port; return the address."""
    Server.requests = []
    with ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def add_prose(book: Path, text: str) -> None:
    """Add a text to a chapter, from its line 7 on."""
    path = book / "templates" / "chapters" / "words.md"
    path.write_text(f"{path.read_text(encoding='utf-8')}\n{text}", encoding="utf-8")


def test_broken_links_are_named_at_their_places(book: Path, site: str) -> None:
    """In prose, terms and sources; an address is asked for once, without its fragment."""
    (book / "templates" / "glossary.yaml").write_text(GLOSSARY.format(site=site), encoding="utf-8")
    (book / "templates" / "references.yaml").write_text(SOURCES.format(site=site), encoding="utf-8")
    add_prose(
        book,
        f"A [good]({site}/here), a [moved]({site}/moved), [one]({site}/get-only).\n"
        f"Here <{site}/gone> and [here]({site}/gone#a), `{site}/code`.\n"
        f"[busy]({site}/busy) {{{{ cite('smith2020') }}}} {{{{ term('logits') }}}}\n",
    )
    process = layerbook("check", "--links", cwd=book)
    assert process.returncode == 1
    gone, busy = f"{site}/gone: 404 Not Found", f"{site}/busy: 429 Too Many Requests"
    lines = process.stderr.splitlines()
    assert [line.split(": ", 1)[1] for line in lines] == [
        *[f"broken link: {gone}"] * 4,
        f"not checked: {busy}",
    ]
    second = len(f"Here <{site}/gone> and [here](") + 1
    assert [line.split(": ")[0] for line in lines] == [
        "templates/chapters/words.md:8:7",
        f"templates/chapters/words.md:8:{second}",
        "templates/glossary.yaml:3:9",
        "templates/references.yaml:1:1",
        "templates/chapters/words.md:9:8",
    ]
    assert "8 links to other sites: 4 broken" in process.stdout
    assert sorted(Server.requests) == sorted(set(Server.requests))
    assert not any(path == "/code" for _, path in Server.requests)


def test_without_the_option_nothing_is_asked(book: Path, site: str) -> None:
    """Neither by `check` nor by `build`."""
    add_prose(book, f"A [bad]({site}/gone).\n")
    layerbook("check", cwd=book, check=True)
    layerbook("build", "--no-run", cwd=book, check=True)
    assert Server.requests == []


def test_no_network_is_said_once(book: Path) -> None:
    """Not as a broken link at each place."""
    add_prose(book, "A [link](http://127.0.0.1:1/a), [another](http://127.0.0.1:1/b).\n")
    process = layerbook("check", "--links", cwd=book)
    assert process.returncode == 1
    assert "none of the 2 addresses can be reached" in process.stderr
    assert "check the network" in process.stderr


def test_a_server_cannot_lead_to_a_file(site: str) -> None:
    """A redirect leads to the web or nowhere."""
    assert ask(f"{site}/away").message


def test_an_address_may_have_other_than_ascii_letters(site: str) -> None:
    """As sources have it; it is encoded as in a browser."""
    assert ask(f"{site}/größe").message == "404 Not Found"
    assert Server.requests[0] == ("HEAD", "/gr%C3%B6%C3%9Fe")


def test_a_slow_server_is_given_up(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """After some seconds, which the message names."""
    monkeypatch.setattr(outside_links, "SECONDS", 0.1)
    assert ask(f"{site}/slow").message == "no answer within 0.1 seconds"


def test_the_answer_that_leads_on_is_not_read(site: str) -> None:
    """It may have any size."""
    assert ask(f"{site}/endless").message == ""
    assert ("read", "/endless") not in Server.requests


def test_a_server_that_goes_on_and_on_is_given_up(
    site: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if it sends something in time, again and again; others are still asked."""
    monkeypatch.setattr(outside_links, "SECONDS_IN_ALL", 0.3)
    answers = ask_all([f"{site}/slow", f"{site}/here"])
    assert answers[f"{site}/slow"].message == "no answer within 0.3 seconds"
    assert answers[f"{site}/here"].message == ""


def test_an_answer_that_is_not_http_is_shortened(site: str) -> None:
    """Its first line can have thousands of characters."""
    answer = ask(f"{site}/no-http")
    assert answer.message.startswith("no HTTP no HTTP")
    assert len(answer.message) <= outside_links.MAX_REASON
