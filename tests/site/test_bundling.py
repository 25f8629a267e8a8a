"""Scripts and style sheets are bundled; test_bundles.py runs the result in a browser."""

from __future__ import annotations

import re

import pytest
from layerbook.core.errors import LayerbookError
from layerbook.site.assets import assets, static_files
from layerbook.site.bundling import bundle

FILES = {
    "book.js": b'import { two } from "./scripts/two.js";\nconsole.log(two);\n',
    "scripts/two.js": b"export const two = 2; // a number\n",
    "plain.js": b"console.log(1);\n",
    "book.css": b'/* All */\n@import "./styles/a.css";\nb { color: red; }\n',
    "styles/a.css": b"a { color: blue; }\n",
}


def test_parts_are_joined_and_not_published() -> None:
    """An imported sheet replaces its import; files without imports do not change."""
    published = bundle(FILES)
    assert set(published) == {"book.js", "plain.js", "book.css"}
    assert published["book.css"] == b"/* All */\na { color: blue; }\nb { color: red; }\n"
    assert published["plain.js"] == FILES["plain.js"]


def test_import_of_nothing_is_an_error_with_both_names() -> None:
    """A book's own script or sheet may be wrong."""
    with pytest.raises(LayerbookError, match=r"mine\.css imports \./no\.css, which is not there"):
        bundle({"mine.css": b'@import "./no.css";\n'})


def test_scripts_of_pages_are_classic_and_without_comments() -> None:
    """Pages opened from disk cannot load modules."""
    for name in ("book.js", "theme.js"):
        script = assets({})[f"assets/{name}"].decode()
        assert not re.search(r"^(import|export)\b|^\s*// (?!Joined)", script, re.MULTILINE)


def test_no_module_is_in_a_page_twice() -> None:
    """The worker's script is made of the functions that the page has already."""
    scripts = [assets({})[f"assets/{name}.js"].decode() for name in ("book", "own_text", "try")]
    modules = re.findall(r'(?:define\("|sources\[")([^"$]+)"', "".join(scripts))
    assert "live/worker.js" in modules and "live/model.js" in modules
    shared = {"scripts/catalogue.js"}  # every script has its own messages
    assert [name for name in modules if modules.count(name) > 1 and name not in shared] == []


def test_every_variable_of_the_style_sheets_is_declared_and_used() -> None:
    """No browser reports a misspelt variable."""
    sheets = "".join(data.decode() for name, data in assets({}).items() if name.endswith(".css"))
    scripts = "".join(data.decode() for name, data in assets({}).items() if name.endswith(".js"))
    declared = set(re.findall(r"(--[\w-]+):", sheets))
    declared |= set(re.findall(r'setProperty\("(--[\w-]+)"', scripts))
    used = set(re.findall(r"var\((--[\w-]+)", sheets))
    drawn = {name for name in declared if name.startswith("--fig-")}  # by plotting/colors.py
    assert used <= declared and declared - drawn <= used


def test_lines_of_scripts_and_sheets_are_short() -> None:
    """At most 120 characters; the formatter does not break comments and strings."""
    scripts_and_sheets = {
        name: data for name, data in static_files().items() if name.endswith((".js", ".css"))
    }
    for name, data in scripts_and_sheets.items():
        for line in data.decode().expandtabs(2).splitlines():
            assert len(line) <= 120, (name, line)
