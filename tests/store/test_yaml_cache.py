"""Parsed YAML files are cached, and a cached tree is the same as a parsed one."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.specs import LIMITS, SpecFolder
from layerbook.book import yaml
from layerbook.book.loader import load_book
from layerbook.book.node import Node, ProblemList
from layerbook.book.yaml import read_list, read_mapping
from layerbook.store.cache import WorkingCache
from layerbook.store.yaml_cache import YAML_KIND, YamlCache

ROOT = Path(__file__).resolve().parents[2]
TEXT = """\
plain: &anchor {flow: [1, 2.5, -0.0, 1e3], "quoted": 'it''s', empty: }
folded: >-
  two
  lines
alias: *anchor
numbers: [0x1f, 123456789012345678901234567890]
constants: [true, null, ~]
"""


def describe(node: Node) -> object:
    """Return everything that a tree contains, each value with its type."""
    value = node.value
    if isinstance(value, dict):
        content: object = [(key, node.key_positions[key], describe(value[key])) for key in value]
    elif isinstance(value, tuple):
        content = tuple(map(describe, value))
    else:
        content = repr(value)
    place = (node.position, node.last_line, node.source, node.source_position)
    return (node.file, *place, node.reported, content)


@pytest.fixture
def parsed_texts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list of the texts that are parsed from now on."""
    texts: list[str] = []
    compose = yaml._compose

    def record(text: str) -> object:
        texts.append(text)
        return compose(text)

    monkeypatch.setattr(yaml, "_compose", record)
    return texts


@pytest.mark.parametrize("text", [TEXT, (ROOT / "experiments" / "mlp.yaml").read_text("utf-8")])
def test_cached_tree_is_the_same(tmp_path: Path, text: str, parsed_texts: list[str]) -> None:
    """Values, positions and sources survive, and the text is not parsed again."""
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    parsed_files = YamlCache(WorkingCache(tmp_path))
    parsed = read_mapping(path, ProblemList())
    assert parsed is not None
    for _ in range(2):
        problems = ProblemList()
        cached = read_mapping(path, problems, parsed_files)
        assert cached is not None
        assert describe(cached) == describe(parsed)
        assert cached.problems is problems
    assert parsed_texts == [text, text]


def test_second_load_of_a_book_parses_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parsed_texts: list[str]
) -> None:
    """Neither book.yaml, nor a spec, nor the front matter of a page."""
    monkeypatch.chdir(tmp_path)
    specs = SpecFolder(tmp_path)
    specs.write("experiments/book.yaml", "title: T\nmodel: m\nchapters: [c, page]\n")
    specs.write("experiments/c.yaml", "chapter: c\ntitle: C\nexperiments: []\n")
    specs.write("templates/pages/page.md", "---\ntitle: P\n---\nText.\n")
    parsed_files = YamlCache(WorkingCache(tmp_path))
    books = [load_book(Path(), LIMITS, parsed_files=parsed_files) for _ in range(2)]
    assert len(parsed_texts) == 3
    assert [chapter.title for chapter in books[1].chapters] == ["C", "P"]


def test_changed_text_is_parsed_again(tmp_path: Path, parsed_texts: list[str]) -> None:
    """An entry is for exactly one text; a file has one entry."""
    path = tmp_path / "a.yaml"
    parsed_files = YamlCache(WorkingCache(tmp_path))
    for text in ("- 1\n", "- 2\n", "- 1\n"):
        path.write_text(text, encoding="utf-8")
        node = read_list(path, ProblemList(), parsed_files)
        assert node is not None
        assert node.to_python() == [int(text[2])]
    assert len(parsed_texts) == 3
    entries = [p for p in (tmp_path / ".layerbook" / YAML_KIND).rglob("*") if p.is_file()]
    assert len(entries) == 1


def test_changed_parser_parses_again(tmp_path: Path, parsed_texts: list[str]) -> None:
    """Another version of the parser may read a text differently."""
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\n", encoding="utf-8")
    for parser in ("old", "new"):
        parsed_files = YamlCache(WorkingCache(tmp_path))
        parsed_files.__dict__["_parser"] = parser
        assert read_mapping(path, ProblemList(), parsed_files) is not None
    assert len(parsed_texts) == 2


def test_problems_are_reported_every_time(tmp_path: Path) -> None:
    """A file with problems has no entry."""
    path = tmp_path / "a.yaml"
    path.write_text("a: 1\na: 2\n", encoding="utf-8")
    parsed_files = YamlCache(WorkingCache(tmp_path))
    for _ in range(2):
        problems = ProblemList()
        read_mapping(path, problems, parsed_files)
        assert [problem.message for problem in problems] == [
            "the key 'a' is defined twice, first on line 1"
        ]
