"""Joins the parts of scripts and style sheets: pages opened from disk can load neither modules nor many files fast."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from posixpath import normpath

PARTS = ("scripts/", "styles/")
"""The folders of `assets/` whose files are parts of others and are not published themselves."""

_CSS_IMPORT = re.compile(r'^@import "([^"]+)";\n', re.MULTILINE)
_JS_IMPORT = re.compile(
    r'^import (?:(\{[^}]*\}) from )?"(\.{1,2}/[^"]+)";[^\n]*\n', re.MULTILINE
)
_JS_EXPORT = re.compile(r"^export (?=(?:async )?(?:class|const|function) (\w+))", re.MULTILINE)
_COMMENT = re.compile(r"^[ \t]*//[^\n]*\n", re.MULTILINE)
_SCRIPT = """\
// Joined from the modules in templates/assets, which have the comments.
(() => {{
"use strict";
const modules = {{}};
const define = (name, run) => {{
	try {{
		modules[name] = run();
	}} catch (error) {{
		reportError(error); // the other parts go on
	}}
}};
{parts}}})();
"""


def bundle(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """The files to publish, by path: scripts and sheets with their imports joined, without the parts themselves."""
    published = {name: data for name, data in files.items() if not name.startswith(PARTS)}
    for name, data in published.items():
        if name.endswith(".js") and _JS_IMPORT.search(data.decode()):
            published[name] = _join_script(name, files).encode()
        elif name.endswith(".css"):
            published[name] = _join_sheet(name, files).encode()
    return published


def _join_sheet(name: str, files: Mapping[str, bytes]) -> str:
    """A style sheet with the sheets that it imports in their places."""
    return _CSS_IMPORT.sub(
        lambda match: _join_sheet(_resolve(name, match[1]), files), files[name].decode()
    )


def _join_script(entry: str, files: Mapping[str, bytes]) -> str:
    """One classic script of an ES module and all that it imports, each part in a scope of its own.

    Only `import {a, b} from "./x.js"`, `import "./x.js"` and `export` before a class, const or function are
    understood; a browser refuses the script if it has others.
    """
    parts: dict[str, str] = {}

    def add(name: str) -> None:
        if name in parts:
            return
        source = files[name].decode()
        parts[name] = ""  # in its place already if parts import each other
        for match in _JS_IMPORT.finditer(source):
            add(_resolve(name, match[2]))
        parts.pop(name)
        parts[name] = _as_function(name, source)

    add(entry)
    return _SCRIPT.format(parts="".join(parts.values()))


def _as_function(name: str, source: str) -> str:
    def destructure(match: re.Match[str]) -> str:
        return f'const {match[1]} = modules["{_resolve(name, match[2])}"];\n' if match[1] else ""

    exports = ", ".join(_JS_EXPORT.findall(source))
    body = _COMMENT.sub("", _JS_EXPORT.sub("", _JS_IMPORT.sub(destructure, source)))
    result = f"return {{ {exports} }};\n" if exports else ""
    return f'define("{name}", () => {{\n{body}{result}}});\n'


def _resolve(importer: str, path: str) -> str:
    return normpath(str(PurePosixPath(importer).parent / path))
