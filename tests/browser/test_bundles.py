"""Bundled scripts keep their scopes, and style sheets have only valid declarations."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fixtures.chromium import reading
from layerbook.site.assets import assets
from layerbook.site.bundling import bundle
from playwright.sync_api import Browser

pytestmark = pytest.mark.browser
MODULES = {
    "book.js": b'import { twice } from "./scripts/twice.js";\nimport "./scripts/broken.js";\n'
    b'import text from "./scripts/apart.js?raw";\n'
    b"const hidden = 2;\nwindow.answer = twice(hidden);\nwindow.text = text;\n",
    "scripts/apart.js": b'import { twice } from "./twice.js";\nwindow.apart = twice(21);\n',
    "scripts/twice.js": b'import { two } from "./two.js"; // a number\n\nconst hidden = two;\n'
    b"// Doubles.\nexport const twice = (x) => hidden * x;\n",
    "scripts/two.js": b"export const two = 2;\nexport function three() {\n\treturn 3;\n}\n",
    "scripts/broken.js": b'throw new Error("broken");\n',
}


def test_modules_have_separate_scopes_and_errors(browser: Browser, tmp_path: Path) -> None:
    """Equal names do not clash; an exception is reported, and other modules still run."""
    page_file = tmp_path / "page.html"
    page_file.write_text("<!DOCTYPE html><title>Parts</title>", encoding="utf-8")
    with reading(browser, page_file) as page:
        page.evaluate("window.errors = []; window.reportError = (e) => errors.push(e.message); 0")
        page.evaluate("window.apart = 0")
        page.evaluate(bundle(MODULES)["book.js"].decode())
        assert page.evaluate("[answer, errors, typeof hidden]") == [4, ["broken"], "undefined"]
        assert page.evaluate("apart") == 0  # imported as text, it does not run
        page.evaluate("(0, eval)(text)")
        assert page.evaluate("apart") == 42


def test_chromium_supports_all_declarations(browser: Browser, tmp_path: Path) -> None:
    """Browsers ignore a misspelt property or value silently."""
    sheets = "".join(data.decode() for name, data in assets({}).items() if name.endswith(".css"))
    # Descriptors of fonts are no properties, and CSS.supports knows properties only.
    styles = re.sub(r"/\*.*?\*/|@font-face\s*\{[^}]*\}", "", sheets, flags=re.DOTALL)
    declarations = re.findall(r"(?<=[{;\s])([a-z-]+):\s+([^;{}]+);", styles)
    assert len(declarations) > 1000
    page_file = tmp_path / "page.html"
    page_file.write_text("<!DOCTYPE html><title>Sheets</title>", encoding="utf-8")
    unknown = """pairs => pairs.filter(
        ([name, value]) => !CSS.supports(name, value.replace("!important", "")))"""
    with reading(browser, page_file) as page:
        assert page.evaluate(unknown, declarations) == []
