"""Compiled page templates are cached, and only for the same source and the same sandbox."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from fixtures.sample_chapter import BOOK
from jinja2.nodes import Template
from layerbook.core.errors import SpecError
from layerbook.site.page_templates import make_environment, render_page
from layerbook.site.pages import IndexPage
from layerbook.site.sandbox.environment import Sandbox
from layerbook.site.template_cache import TemplateCache
from layerbook.store.cache import WorkingCache


@pytest.fixture
def parsed_sources(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list of the templates that are parsed from now on."""
    sources: list[str] = []
    parse = Sandbox._parse

    def record(sandbox: Sandbox, source: str, *names: str | None) -> Template:
        sources.append(source)
        return parse(sandbox, source, *names)

    monkeypatch.setattr(Sandbox, "_parse", record)
    return sources


def render(folder: Path, template_cache: TemplateCache) -> str:
    return render_page(IndexPage(), BOOK, make_environment(folder, template_cache))


def test_template_is_compiled_once(tmp_path: Path, parsed_sources: list[str]) -> None:
    (tmp_path / "index.html").write_text("{{ book.title }}")
    template_cache = TemplateCache(WorkingCache(tmp_path))
    assert [render(tmp_path, template_cache) for _ in range(2)] == [BOOK.title] * 2
    assert parsed_sources == ["{{ book.title }}"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_folder_can_have_a_name_that_is_not_utf8(tmp_path: Path, parsed_sources: list[str]) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    folder.mkdir()
    (folder / "index.html").write_text("{{ book.title }}")
    template_cache = TemplateCache(WorkingCache(folder))
    assert [render(folder, template_cache) for _ in range(2)] == [BOOK.title] * 2
    assert parsed_sources == ["{{ book.title }}"]


def test_changed_template_is_compiled_again(tmp_path: Path, parsed_sources: list[str]) -> None:
    template_cache = TemplateCache(WorkingCache(tmp_path))
    for source in ("first", "second"):
        (tmp_path / "index.html").write_text(source)
        assert render(tmp_path, template_cache) == source
    assert parsed_sources == ["first", "second"]


def test_changed_sandbox_compiles_again(tmp_path: Path, parsed_sources: list[str]) -> None:
    (tmp_path / "index.html").write_text("text")
    for compiler in (b"old", b"new"):
        template_cache = TemplateCache(WorkingCache(tmp_path))
        template_cache.__dict__["_compiler"] = compiler
        render(tmp_path, template_cache)
    assert parsed_sources == ["text", "text"]


def test_bytecode_of_someone_else_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, parsed_sources: list[str]
) -> None:
    """A book can come with a cache, but not with entries that this user wrote."""
    (tmp_path / "index.html").write_text("text")
    for name in ("author", "reader"):
        monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / name))
        render(tmp_path, TemplateCache(WorkingCache(tmp_path)))
    assert parsed_sources == ["text", "text"]


def test_cached_template_is_still_in_the_sandbox(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("{{ book.__class__ }}")
    template_cache = TemplateCache(WorkingCache(tmp_path))
    for _ in range(2):
        with pytest.raises(SpecError, match="__class__"):
            render(tmp_path, template_cache)
