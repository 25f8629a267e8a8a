"""Digests of source code: either of the parts that can change a number, or of every byte."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import layerbook
from layerbook.core.errors import StoreError
from layerbook.core.text import listed
from layerbook.store.json_format import json_digest

# Every result depends on these modules, in addition to its analysis.
ENGINE_MODULES = (
    "core.rounding",
    "model.loaded_model",
    "model.convert",
    "model.execution",
    "model.plan",
)

# Modules for words, charts and progress; no number passes through them.
IGNORED_MODULES = (
    *("core.charts", "core.errors", "core.figures", "core.language", "core.progress", "core.text"),
    "book.sweep_views",
)

# The method of an analysis that runs after its result is on disk.
IGNORED_METHOD = "figures"


def analysis_code_digest(*module_names: str) -> str:
    """Return the digest of the code that measures an analysis, and of the engine that runs it.

    module_names: the module of the analysis, and for a sweep that of its table.
    """
    return json_digest(analysis_code_modules(*module_names))


def analysis_code_modules(*module_names: str) -> dict[str, str]:
    """Return the modules behind `analysis_code_digest`, each with its own digest."""
    engine = [f"{_package().name}.{part}" for part in ENGINE_MODULES]
    names = [*map(portable_name, module_names), *engine]
    return module_digests(names, [_package(), *map(_package_of, module_names)])


def portable_name(module_name: str) -> str:
    """Return a module's name, beginning with the name of its package's folder.

    The package of a book's own code is imported under a name that depends on its place and content.
    """
    return f"{_package_of(module_name).name}.{module_name.partition('.')[2]}"


def source_digest(*names: str) -> str:
    """Return the digest of every byte of the named modules or folders of this package."""
    paths = [_package() / name for name in names]
    return json_digest([_file_digests(p if p.is_dir() else p.with_suffix(".py")) for p in paths])


def packages_digest(module_names: Iterable[str]) -> str:
    """Return the digest of every byte of this package and of those that the modules are from."""
    packages = {_package(), *map(_package_of, module_names)}
    return json_digest([_file_digests(package) for package in sorted(packages)])


def _file_digests(path: Path) -> dict[str, str]:
    """Return the digest of a Python file, or of each in a folder, by path."""
    files = path.rglob("*.py") if path.is_dir() else [path]
    return {
        str(file.relative_to(path.parent)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in files
    }


def _package() -> Path:
    return Path(layerbook.__path__[0])


def _package_of(module_name: str) -> Path:
    """Return the folder of the package that a module is in. The module has been imported."""
    top = module_name.partition(".")[0]
    if top == _package().name:
        return _package()
    folders = getattr(sys.modules.get(top), "__path__", None)
    if not folders:
        raise StoreError(f"{module_name}: the module of an analysis should be in a package")
    return Path(next(iter(folders)))


def module_digests(module_names: Iterable[str], packages: Sequence[Path]) -> dict[str, str]:
    """Return the digests of modules and of all that they import, transitively, by name.

    Constants count. Comments, formatting, docstrings, `figures` methods and TYPE_CHECKING blocks
    do not. A package's `__init__` counts if something is imported from it. Imports by a computed
    name are missed. Each call reads the files again, so that an edit during a run is noticed.
    Raises StoreError for a missing or broken module.

    packages: the folders of the modules; IGNORED_MODULES are in the first of them.
    """
    files = {name: file for package in packages for name, file in _module_files(package).items()}
    ignored = {f"{packages[0].name}.{part}" for part in IGNORED_MODULES}
    digests: dict[str, str] = {}
    pending = list(module_names)
    while pending:
        name = pending.pop()
        if name in digests:
            continue
        if name not in files:
            raise StoreError(
                f"{name}: there is no such module in {listed(sorted(map(str, packages)))}"
            )
        is_package = files[name].name == "__init__.py"
        module = _parse(files[name].read_bytes(), name, is_package=is_package)
        digests[name] = module.digest
        for candidates in module.imports:
            imported = next((candidate for candidate in candidates if candidate in files), None)
            if imported is not None and imported not in ignored:
                pending.append(imported)
    return digests


def _module_files(package: Path) -> dict[str, Path]:
    """Return the file of each module of a package, by name."""
    files = {}
    for file in package.rglob("*.py"):
        parts = file.relative_to(package.parent).with_suffix("").parts
        files[".".join(parts).removesuffix(".__init__")] = file
    return files


class _ParsedModule(NamedTuple):
    """The digest of a module, and the possible module names of each import, likeliest first."""

    digest: str
    imports: list[tuple[str, ...]]


@cache
def _parse(source: bytes, name: str, *, is_package: bool) -> _ParsedModule:
    try:
        tree = _IrrelevantCodeRemover().visit(ast.parse(source))
    except (SyntaxError, ValueError) as error:
        raise StoreError(f"{name}: is not valid Python ({error})") from error
    text = "".join(_serialize(tree)).encode("utf-8", "backslashreplace")
    parent = name if is_package else name.rpartition(".")[0]
    return _ParsedModule(hashlib.sha256(text).hexdigest(), list(_find_imports(tree, parent)))


def _find_imports(tree: ast.AST, parent: str) -> Iterator[tuple[str, ...]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name,) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = parent.split(".")[: len(parent.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            yield from ((f"{base}.{alias.name}", base) for alias in node.names)


class _IrrelevantCodeRemover(ast.NodeTransformer):
    """Remove what cannot change a number: docstrings, `figures`, imports for type checkers."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
        if isinstance(node, ast.ClassDef):
            node.body = [n for n in node.body if getattr(n, "name", None) != IGNORED_METHOD]
        return super().generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST:
        if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            node.body = []
        return self.generic_visit(node)


def _serialize(node: Any) -> Iterator[str]:
    """Yield a syntax tree as text. `ast.dump` differs between versions of Python."""
    if isinstance(node, ast.AST):
        yield f"{type(node).__name__}("
        for name, value in ast.iter_fields(node):
            if value is not None and value != []:
                yield f"{name}="
                yield from _serialize(value)
                yield ","
        yield ")"
    elif isinstance(node, list):
        yield "["
        for part in node:
            yield from _serialize(part)
            yield ","
        yield "]"
    else:
        yield f"{type(node).__name__}:{node!a}"
