"""Joined scripts and sheets in a browser: each part in its own scope, no unknown declaration."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.chromium import chromium, reading
from layerbook.site.assets import assets
from layerbook.site.bundling import bundle
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
MODULES = {
    "book.js": b'import { twice } from "./scripts/twice.js";\nimport "./scripts/broken.js";\n'
    b"const hidden = 2;\nwindow.answer = twice(hidden);\n",
    "scripts/twice.js": b'import { two } from "./two.js"; // a number\n\nconst hidden = two;\n'
    b"// Doubles.\nexport const twice = (x) => hidden * x;\n",
    "scripts/two.js": b"export const two = 2;\nexport function three() {\n\treturn 3;\n}\n",
    "scripts/broken.js": b'throw new Error("broken");\n',
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests here."""
    with chromium() as browser:
        yield browser


def test_each_part_has_its_own_scope_and_fails_alone(browser: Browser, tmp_path: Path) -> None:
    """The same name in two parts is no conflict; one that throws is reported, the others run."""
    page_file = tmp_path / "page.html"
    page_file.write_text("<!DOCTYPE html><title>Parts</title>", encoding="utf-8")
    with reading(browser, page_file) as page:
        page.evaluate("window.errors = []; window.reportError = (e) => errors.push(e.message); 0")
        page.evaluate(bundle(MODULES)["book.js"].decode())
        assert page.evaluate("[answer, errors, typeof hidden]") == [4, ["broken"], "undefined"]


def test_chromium_knows_every_declaration(browser: Browser, tmp_path: Path) -> None:
    """A misspelt property or value is dropped in silence, so each is asked for by itself."""
    sheets = "".join(data.decode() for name, data in assets({}).items() if name.endswith(".css"))
    plain = re.sub(r"/\*.*?\*/", "", sheets, flags=re.DOTALL)
    declarations = re.findall(r"(?<=[{;\s])([a-z-]+):\s+([^;{}]+);", plain)
    assert len(declarations) > 1000
    page_file = tmp_path / "page.html"
    page_file.write_text("<!DOCTYPE html><title>Sheets</title>", encoding="utf-8")
    unknown = """pairs => pairs.filter(
        ([name, value]) => !CSS.supports(name, value.replace("!important", "")))"""
    with reading(browser, page_file) as page:
        assert page.evaluate(unknown, declarations) == []
