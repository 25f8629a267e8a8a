"""Find the links out of the book, and ask the web whether their addresses still exist."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from http.client import HTTPException
from threading import Thread
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urldefrag
from urllib.request import (
    HTTPDefaultErrorHandler,
    HTTPErrorProcessor,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    ProxyHandler,
    Request,
)

from markdown_it.common.normalize_url import normalizeLink

from layerbook import __version__
from layerbook.book import bibliography, glossary
from layerbook.core.errors import LayerbookError, Problem
from layerbook.site.prose.chapter_text import read_prose
from layerbook.site.prose.links import Link, chapter_links, definition_links
from layerbook.store.project import Project

PARALLEL = 8
SECONDS = 15
"""The timeout until a server sends something."""
SECONDS_IN_ALL = 60
"""The timeout of an address with all its redirects; a server may send one byte at a time."""
MAX_REASON = 200
"""Characters that are printed of a problem; a server may send thousands."""
REFUSED = (401, 403, 405, 429, 999)
"""Codes that servers send to programs, even if a browser would get the page."""
_HEADERS = {"User-Agent": f"layerbook/{__version__} (link check)", "Accept": "*/*"}


@dataclass(frozen=True)
class Answer:
    """The problem with an address, or "".

    is_doubtful: the page may be there for a browser. is_unreachable: no server answered.
    """

    message: str = ""
    is_doubtful: bool = False
    is_unreachable: bool = False


@dataclass(frozen=True)
class LinkReport:
    """Broken links, links that a server did not let a program check, and the number of all."""

    broken: Sequence[Problem]
    doubtful: Sequence[Problem]
    count: int


def check_outside_links(project: Project) -> LinkReport:
    """Request each address that the book links to.

    Raises SpecError if the prose cannot be read, LayerbookError if no server at all answers.
    """
    links = sorted(set(find_outside_links(project)), key=lambda link: link[1:])
    answers = ask_all({link.address for link in links})
    if answers and all(answer.is_unreachable for answer in answers.values()):
        first = next(iter(answers.values())).message
        raise LayerbookError(
            f"none of the {len(answers)} addresses can be reached ({first}); check the network"
        )
    broken: list[Problem] = []
    doubtful: list[Problem] = []
    for link in links:
        answer = answers[link.address]
        if answer.message:
            problem = link.problem(f"{link.address}: {answer.message}")
            (doubtful if answer.is_doubtful else broken).append(problem)
    return LinkReport(broken, doubtful, len(links))


def find_outside_links(project: Project) -> Iterator[Link]:
    """Yield the links in prose, captions, claims, terms and sources, without their anchors."""
    for link in _all_links(project):
        address = urldefrag(link.address).url
        if address.lower().startswith(("http://", "https://")):
            yield link._replace(address=address)


def _all_links(project: Project) -> Iterator[Link]:
    for chapter in project.book.pages:
        yield from chapter_links(chapter, read_prose(project, chapter))
    if terms := glossary.load(project.templates_dir):
        yield from definition_links(terms)
    if sources := bibliography.load(project.templates_dir):
        for key, (file, position) in sources.definitions.items():
            yield Link(sources.get(key).url, file, position.line, position.column)


def ask_all(addresses: Iterable[str]) -> Mapping[str, Answer]:
    """Request addresses, several at a time."""
    ordered = sorted(addresses)
    with ThreadPoolExecutor(PARALLEL) as pool:
        return dict(zip(ordered, pool.map(_ask_in_time, ordered), strict=True))


def _ask_in_time(address: str) -> Answer:
    """Request an address, but for no longer than SECONDS_IN_ALL."""
    late = Answer(f"no answer within {SECONDS_IN_ALL} seconds", is_unreachable=True)
    answers: list[Answer] = []
    # A thread that still waits does not keep the program from ending.
    thread = Thread(target=lambda: answers.append(ask(address)), daemon=True)
    thread.start()
    thread.join(SECONDS_IN_ALL)
    return answers[0] if answers else late


def ask(address: str) -> Answer:
    """Request an address by HEAD and, if that fails, by GET."""
    answer = _ask(address, "HEAD")
    if answer.message and not answer.is_unreachable:
        answer = _ask(address, "GET")  # some servers know nothing else
    return replace(answer, message=" ".join(answer.message.split())[:MAX_REASON])


def _ask(address: str, method: str) -> Answer:
    try:
        request = Request(normalizeLink(address), headers=_HEADERS, method=method)
        with _opener().open(request, timeout=SECONDS):
            return Answer()
    except HTTPError as error:
        error.close()
        return Answer(f"{error.code} {error.reason}", is_doubtful=error.code in REFUSED)
    except TimeoutError:
        return Answer(f"no answer within {SECONDS} seconds", is_unreachable=True)
    except URLError as error:
        return Answer(str(error.reason), is_unreachable=True)
    except (OSError, HTTPException, ValueError) as error:
        return Answer(str(error) or type(error).__name__)


class _Redirects(HTTPRedirectHandler):
    """Follows redirects without reading their content, which may never end."""

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        """Return the request for the next address."""
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        fp.close()
        return request


def _opener() -> OpenerDirector:
    """Return an opener for the web alone: no files, whatever a server redirects to."""
    opener = OpenerDirector()
    for handler in (
        ProxyHandler(),
        HTTPHandler(),
        HTTPSHandler(),
        _Redirects(),
        HTTPErrorProcessor(),
        HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener
