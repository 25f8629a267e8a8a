"""Specs written into a temporary folder, and what the loader says of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from generator.analysis import Limits
from generator.errors import SpecError
from generator.experiments import Book, Chapter, load_book, load_chapter

LIMITS = Limits(layers=30, heads=9, d_vocab=49152, context=8192)
HEAD = "chapter: test\ntitle: Test\nexperiments:\n"  # so that an experiment begins on line 4
ITEM = "  - id: one\n    title: One\n"  # and its own keys on line 6


def problems(load: Callable[[], object]) -> list[str]:
    """What is wrong, each as `file:line:col: message`; the test fails where nothing is."""
    with pytest.raises(SpecError) as caught:
        load()
    assert caught.value.exit_code == 2
    return [str(problem) for problem in caught.value.problems]


class Specs:
    """A folder with specs in it, which is the working directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def write(self, name: str, text: str | bytes) -> Path:
        """Put a file there."""
        path = self.root / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    def chapter(self, text: str | bytes, limits: Limits = LIMITS) -> Chapter:
        """A chapter from its whole text."""
        self.write("c.yaml", text)
        return load_chapter(Path("c.yaml"), limits)

    def wrong(self, text: str | bytes, limits: Limits = LIMITS) -> list[str]:
        """What is wrong with a chapter's text, without the file's name."""
        return [line.removeprefix("c.yaml:") for line in problems(lambda: self.chapter(text, limits))]

    def experiment(self, keys: str, limits: Limits = LIMITS) -> Chapter:
        """A chapter of one experiment from its keys, which begin on line 6, column 5."""
        return self.chapter(HEAD + ITEM + indented(keys), limits)

    def amiss(self, keys: str, limits: Limits = LIMITS) -> list[str]:
        """What is wrong with one experiment's keys."""
        return self.wrong(HEAD + ITEM + indented(keys), limits)

    def book(self, limits: Limits = LIMITS) -> Book:
        """The book of the folder."""
        return load_book(Path(), limits)


def indented(keys: str) -> str:
    """The keys as they stand in an item of `experiments`."""
    return "".join(f"    {line}\n" for line in keys.splitlines())
