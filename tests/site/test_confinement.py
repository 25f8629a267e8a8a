"""Built pages and code cells are confined as docs/security.md describes."""

from __future__ import annotations

import re
from pathlib import Path

import html5lib
import pytest
from fixtures.small_book import layerbook

ALLOWED = {
    "default-src": {"'none'"},
    "script-src": {"'self'", "file:"},
    "style-src": {"'self'", "file:"},
    "img-src": {"'self'", "file:", "data:"},
    "media-src": {"'self'", "file:", "data:"},
    "font-src": {"'self'", "file:"},
    "base-uri": {"'none'"},
    "form-action": {"'none'"},
}
LIVE_SOURCES = {"'wasm-unsafe-eval'", "blob:"}


@pytest.fixture
def built(book: Path) -> Path:
    """The small book with a code cell that writes a file, built."""
    cell = book / "templates" / "code" / "next" / "write.py"
    cell.parent.mkdir(parents=True)
    code = 'from pathlib import Path\nPath("written").touch()\n5\n'
    cell.write_text(f'# equals: r("sum").top_k\n{code}', encoding="utf-8")
    prose = book / "templates" / "chapters" / "next.md"
    prose.write_text(prose.read_text("utf-8") + '\n{{ code_cell("write") }}\n', encoding="utf-8")
    layerbook("build", "--quiet", "--no-run", "--jobs", "1", cwd=book, check=True)
    return book


def test_pages_load_nothing_from_elsewhere(built: Path) -> None:
    """Each has the policy, and nothing inline that would need permission."""
    pages = sorted((built / "site").glob("*.html"))
    assert len(pages) >= 5
    for page in pages:
        tree = html5lib.parse(page.read_text("utf-8"), namespaceHTMLElements=False)
        (policy,) = (
            meta.get("content")
            for meta in tree.iter("meta")
            if meta.get("http-equiv") == "Content-Security-Policy"
        )
        rules = {name: set(rest) for name, *rest in map(str.split, policy.split(";"))}
        if "live" not in page.read_text("utf-8"):
            assert rules == ALLOWED, page.name
        rules["script-src"] -= LIVE_SOURCES
        assert {name: rules[name] for name in ALLOWED} == ALLOWED, page.name
        for element in tree.iter():
            assert not [name for name in element.attrib if re.match("on|style$", str(name))]
            if element.tag == "script" and element.get("type") != "application/json":
                assert element.get("src") and not (element.text or "").strip(), page.name
            assert element.tag != "style", page.name


def test_code_cells_are_shown_and_never_run(built: Path) -> None:
    """Neither by a build nor by a check."""
    layerbook("check", cwd=built, check=True)
    assert "touch" in (built / "site" / "next.html").read_text("utf-8")
    assert (built / "site" / "next.ipynb").is_file()
    assert not list(built.rglob("written"))
