"""Join the parts of scripts and style sheets, because browsers load no modules from disk."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from posixpath import normpath

from layerbook.core import language
from layerbook.core.errors import LayerbookError
from layerbook.core.language import gettext

PARTS = ("live/", "scripts/", "styles/")
"""The folders of `assets/` whose files are parts of others and are not published themselves."""

_CSS_IMPORT = re.compile(r'^@import "([^"]+)";\n', re.MULTILINE)
_JS_IMPORT = re.compile(r'^import (?:(\{[^}]*\}) from )?"(\.{1,2}/[^"]+)";[^\n]*\n', re.MULTILINE)
_JS_RAW_IMPORT = re.compile(r'^import (\w+) from "(\.{1,2}/[^"]+)\?raw";\n', re.MULTILINE)
_JS_EXPORT = re.compile(r"^export (?=(?:async )?(?:class|const|function) (\w+))", re.MULTILINE)
_CATALOGUE = """\
const MESSAGES = Object.assign((globalThis.layerbookMessages ??= {}), %s);
const MARKS = %s;
"""
_EMPTY_CATALOGUE = _CATALOGUE % ("{}", '{ decimal: ".", group: "," }')
"""The text of `scripts/catalogue.js` in a joined script of a book in English."""
_MESSAGES = "scripts/catalogue.js"
"""The module that every script has, with the messages that it uses."""
CSS_WORDS = re.compile(r'(?<=content: ")[A-Za-z][^"\\]*[A-Za-z]')
_LEFT_OUT = re.compile(r"^[ \t]*(?://[^\n]*)?\n", re.MULTILINE)
_SCRIPT = """\
// Joined from the modules in templates/assets, which have the comments.
(() => {{
"use strict";
const modules = (globalThis.layerbookModules ??= {{}});
const sources = (globalThis.layerbookSources ??= {{}});
const define = (name, run) => {{
	sources[name] = run;
	try {{
		modules[name] = run();
	}} catch (error) {{
		reportError(error); // the other parts go on
	}}
}};
{parts}}})();
"""
_TEXT_OF_SCRIPT = """\
['"use strict"; const modules = {{}};'].concat({names}.map((name) => (
	`modules["${{name}}"] = (${{sources[name]}})();`
))).join("\\n")"""
"""JavaScript that builds the text of a script from the functions of its modules."""


def bundle(files: Mapping[str, bytes]) -> dict[str, bytes]:
    """Return the files to publish, by path, with imports of scripts and sheets inlined.

    Scripts have the messages that they use in the current language, sheets their few words.
    """
    published = {name: data for name, data in files.items() if not name.startswith(PARTS)}
    for name in published:
        try:
            if name.endswith(".js") and _JS_IMPORT.search(_text(name, files)):
                published[name] = _translate_script(_join_script(name, files)).encode()
            elif name.endswith(".css"):
                published[name] = _translate_sheet(_join_sheet(name, files, set())).encode()
        except RecursionError as error:
            raise LayerbookError(f"templates/assets/{name}: too many nested imports") from error
    return published


def _text(name: str, files: Mapping[str, bytes]) -> str:
    """Return the text of a file. Raises LayerbookError if it is not UTF-8."""
    try:
        return files[name].decode()
    except UnicodeDecodeError as error:
        raise LayerbookError(f"templates/assets/{name}: the file is not UTF-8") from error


def _translate_script(script: str) -> str:
    """Replace the empty catalogue of a joined script by the messages that it uses."""
    words = language.current()
    used = {key: text for key, text in words.messages.items() if _quote(key) in script}
    if not used:
        return script
    marks = {"decimal": words.decimal, "group": words.group}
    return script.replace(_EMPTY_CATALOGUE, _CATALOGUE % (_quote(used), _quote(marks)), 1)


def _quote(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _translate_sheet(sheet: str) -> str:
    return CSS_WORDS.sub(lambda match: " ".join(gettext(match[0]).split()), sheet)


def _join_sheet(name: str, files: Mapping[str, bytes], joined: set[str]) -> str:
    """Return a style sheet with the sheets that it imports filled in, each of them once.

    joined: those that are filled in already.
    """
    joined.add(name)

    def imported(match: re.Match[str]) -> str:
        sheet = _resolve(name, match[1], files)
        return "" if sheet in joined else _join_sheet(sheet, files, joined)

    return _CSS_IMPORT.sub(imported, _text(name, files))


def _join_script(entry: str, files: Mapping[str, bytes]) -> str:
    """Return an ES module and all that it imports as one classic script, each in its own scope.

    It understands `import {a, b} from "./x.js"`, `import "./x.js"`, `import text from
    "./x.js?raw"`, which is the joined script of x.js as a string, and `export` before a class,
    const or function; a browser rejects a script with any other form. An imported script that is
    published itself is not joined: the page has loaded it before, and its modules are shared. The
    modules of a script that is imported as a string are shared too, so none is in the page twice.
    """
    loaded = {
        name
        for earlier in _scripts_before(entry, files)
        for name in _module_names(earlier, files)
        if name != _MESSAGES
    }
    names = [name for name in _module_names(entry, files) if name not in loaded]
    texts = [
        module
        for name in names
        for script in _imports(name, files, _JS_RAW_IMPORT)
        for module in _module_names(script, files)
    ]
    unrun = [name for name in texts if name not in loaded | {*names}]
    parts = [f'sources["{name}"] = {_as_function(name, files)};\n' for name in unrun]
    parts += [f'define("{name}", {_as_function(name, files)});\n' for name in names]
    return _SCRIPT.format(parts="".join(parts))


def _module_names(entry: str, files: Mapping[str, bytes]) -> list[str]:
    """Return the modules of a script in running order, without those of other scripts."""
    names: list[str] = []
    visited: set[str] = set()  # so that parts that import each other end the recursion

    def add(name: str) -> None:
        visited.add(name)
        for imported in _imports(name, files):
            if imported.startswith(PARTS) and imported not in visited:
                add(imported)
        names.append(name)

    add(entry)
    return names


def _scripts_before(entry: str, files: Mapping[str, bytes]) -> set[str]:
    """Return the published scripts that a script imports, directly or not."""
    earlier: set[str] = set()
    pending = [entry]
    while pending:
        imported = {name for name in _imports(pending.pop(), files) if not name.startswith(PARTS)}
        pending += sorted(imported - earlier)
        earlier |= imported
    return earlier - {entry}


def _imports(
    name: str, files: Mapping[str, bytes], pattern: re.Pattern[str] = _JS_IMPORT
) -> list[str]:
    """Return the files that a module imports in the form of a pattern."""
    return [_resolve(name, match[2], files) for match in pattern.finditer(_text(name, files))]


def _as_function(name: str, files: Mapping[str, bytes]) -> str:
    source = _text(name, files)

    def destructure(match: re.Match[str]) -> str:
        imported = _resolve(name, match[2], files)
        return f'const {match[1]} = modules["{imported}"];\n' if match[1] else ""

    def join_text(match: re.Match[str]) -> str:
        names = _module_names(_resolve(name, match[2], files), files)
        return f"const {match[1]} = {_TEXT_OF_SCRIPT.format(names=json.dumps(names))};\n"

    exports = ", ".join(_JS_EXPORT.findall(source))
    body = _JS_EXPORT.sub("", _JS_RAW_IMPORT.sub(join_text, _JS_IMPORT.sub(destructure, source)))
    body = _LEFT_OUT.sub("", body)
    result = f"return {{ {exports} }};\n" if exports else ""
    return f"() => {{\n{body}{result}}}"


def _resolve(importer: str, path: str, files: Mapping[str, bytes]) -> str:
    name = normpath(str(PurePosixPath(importer).parent / path))
    if name not in files:
        raise LayerbookError(f"templates/assets/{importer} imports {path}, which is not there")
    return name
