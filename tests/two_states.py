"""A book in two states of its sources, what clean builds make of them, and what must hold in between."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing.context import ForkServerContext
from pathlib import Path

import test_sweeps
from killing import build
from small_book import BOOK, NEXT, NEXT_PROSE, tree, write_small_book

from generator.store import atomic, results

EVERY = """\
  - id: every
    title: Every head
    analysis: attention-all
    prompt: {prompt}
    captions: {{grid: All., explorer: All of them.}}
"""
MORE = """\
chapter: more
title: One more
experiments:
  - {id: pieces, analysis: tokenize, evidence: definition, prompts: ["Paris"], captions: {tokens: Pieces.}}
"""
VIEWS = re.compile(r"^      (heat|bars|panels): .*\n", re.MULTILINE)


@dataclass(frozen=True)
class State:
    """One state of the sources, and what a clean build makes of them."""

    sources: Mapping[str, bytes]
    results: Mapping[str, bytes]
    site: Mapping[str, bytes]


def write_sources(book: Path, model: Path, second: bool) -> None:
    """The book in its first or its second state."""
    write_small_book(book, model)
    spec = VIEWS.sub("", test_sweeps.SPEC).replace("heat: Heat., bars: Bars., panels: Panels., ", "")
    pets = test_sweeps.PETS
    if second:
        spec = spec.replace("      kept: len", "      lead: result.prompts[0].lead\n      kept: len")
        pets = [*pets[:1], ("The table", 5, "stands"), ("Noise", 6, "hums")]
    test_sweeps.write(book, spec, pets)
    shown = re.sub(r'{{ figure\("grid", "(heat|bars|panels)"\) }}\n\n', "", test_sweeps.PROSE)
    (book / "templates" / "chapters" / "words.md").write_text(shown)
    chapters = "chapters: [more, next, words]" if second else "chapters: [next, words]"
    said = BOOK.format(model=model).replace("chapters: [next, words]", chapters)
    (book / "experiments" / "book.yaml").write_text(said)
    prompt = '"The cat sat on the table"' if second else '"The dog sat"'
    spec = NEXT.replace("2 + 2", "4 + 4") if second else NEXT
    (book / "experiments" / "next.yaml").write_text(spec + EVERY.format(prompt=prompt))
    prose = NEXT_PROSE.replace("likeliest", "best") if second else NEXT_PROSE
    (book / "templates" / "chapters" / "next.md").write_text(prose + '\n{{ figure("every", "explorer") }}\n')
    more = book / "experiments" / "more.yaml", book / "templates" / "chapters" / "more.md"
    if second:
        more[0].write_text(MORE)
        more[1].write_text('{{ figure("pieces", "tokens") }}\n')
    else:
        for path in more:
            path.unlink(missing_ok=True)


def made(book: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """The results and the site of a book."""
    return tree(book / "experiments" / "results"), tree(book / "site")


def clean_states(warm: ForkServerContext, model: Path, folder: Path) -> tuple[State, State]:
    """Both states, each built where nothing was."""
    found = []
    for second in (False, True):
        book = folder / f"clean-{second}" / "book"
        write_sources(book, model, second)
        sources = tree(book)
        ended = build(book, warm)
        assert ended.code == 0, ended.said
        found.append(State(sources, *made(book)))
    return found[0], found[1]


def differing(old: State, new: State, book: Path) -> list[str]:
    """The files that a clean build would not have left so; results of a chapter that is gone stay as they were."""
    found, site = made(book)
    kept = {path: data for path, data in old.results.items() if path.split("/")[1] == "more" and path in found}
    pairs = (found, kept | new.results), (site, new.site)
    return sorted(
        path for one, other in pairs for path in one.keys() | other.keys() if one.get(path) != other.get(path)
    )


def put(book: Path, sources: Mapping[str, bytes]) -> None:
    """Lay the sources out in place of those that are there; results, site and cache stay."""
    for name in ("experiments", "templates"):
        for path in (book / name).rglob("*"):
            if path.is_file() and "results" not in path.parts:
                path.unlink()
    for name, content in sources.items():
        (book / name).parent.mkdir(parents=True, exist_ok=True)
        (book / name).write_bytes(content)


def check_site(book: Path, *allowed: State) -> None:
    """Each page is that of one state, whole; the front page is of a state whose every page is there."""
    site = {path: data for path, data in tree(book / "site").items() if not path.endswith(atomic.TEMPORARY)}
    del site[atomic.MARKER]
    for path, data in site.items():
        assert data in [state.site.get(path) for state in allowed], f"{path} is of no state"
    front = site["index.html"].decode()
    linked = {href.partition("#")[0] for href in re.findall(r'(?:href|src)="([^":]+)"', front)} - {""}
    assert linked <= site.keys(), "the front page links what is not there"


def check_results(book: Path, *allowed: State) -> None:
    """Each entry that can be read is one of a clean build; where one cannot, it says so by itself."""
    root = book / "experiments" / "results"
    for path, data in tree(root).items():
        if path.endswith(".json"):
            entry = results.head(root / path)
            assert entry.digest == json.loads(data)["digest"]
        if not path.endswith(atomic.TEMPORARY):
            assert data in [state.results.get(path) for state in allowed], f"{path} is of no state"
