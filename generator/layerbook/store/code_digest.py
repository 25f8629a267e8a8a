"""Digests of source code: either of the parts that can change a number, or of every byte."""

from __future__ import annotations

import ast
import hashlib
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
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
    root = _package()
    for part in IGNORED_MODULES:
        if _find_file(root, f"{root.name}.{part}") is None:
            raise StoreError(f"IGNORED_MODULES names {part}, which {root} does not have")
    engine = [f"{root.name}.{part}" for part in ENGINE_MODULES]
    names = [*map(portable_name, module_names), *engine]
    return module_digests(names, [root, *map(_package_of, module_names)])


def portable_name(module_name: str) -> str:
    """Return a module's name, beginning with the name of its package's folder.

    The package of a book's own code is imported under a name that depends on its place and content.
    """
    return f"{_package_of(module_name).name}.{module_name.partition('.')[2]}"


def source_digest(*names: str) -> str:
    """Return the digest of every byte of the named modules or folders; by default the package."""
    root = _package()
    files: list[Path] = []
    for part in [root / name for name in names] or [root]:
        file = part.with_suffix(".py")
        if not (part.is_dir() or file.is_file()):
            raise StoreError(f"{part}: there is no such module")
        files += part.rglob("*.py") if part.is_dir() else [file]
    return json_digest(
        {str(f.relative_to(root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}
    )


def packages_digest(module_names: Iterable[str]) -> str:
    """Return the digest of every byte of the package and of those that the modules are from."""
    folders = {_package_of(name) for name in module_names} - {_package()}
    others = sorted(
        f"{file.relative_to(folder.parent)} {hashlib.sha256(file.read_bytes()).hexdigest()}"
        for folder in folders
        for file in folder.rglob("*.py")
    )
    return json_digest([source_digest(), others])


def _package() -> Path:
    return Path(layerbook.__path__[0])


def _package_of(module_name: str) -> Path:
    """Return the folder of the package that a module is in. The module has been imported."""
    top = module_name.partition(".")[0]
    folders = getattr(sys.modules[top], "__path__", None) if top in sys.modules else None
    if top == _package().name:
        return _package()
    if not folders:
        raise StoreError(f"{module_name}: the module of an analysis should be in a package")
    return Path(next(iter(folders)))


def module_digests(module_names: Collection[str], packages: Sequence[Path]) -> dict[str, str]:
    """Return the digests of modules and of all that they import, transitively, by name.

    Constants count. Comments, formatting, docstrings, `figures` methods and TYPE_CHECKING blocks
    do not. A package's `__init__` counts if something is imported from it. Imports by a computed
    name are missed. Each call reads the files again, so that an edit during a run is noticed.
    Raises StoreError for a missing or broken module.

    packages: the folders of the modules; IGNORED_MODULES are in the first of them.
    """
    digests: dict[str, str] = {}
    pending = list(module_names)
    while pending:
        name = pending.pop()
        if name in digests:
            continue
        file = _find_module(packages, name)
        if file is None:
            raise StoreError(
                f"{name}: there is no such module in {listed(sorted(map(str, packages)))}"
            )
        is_package = file.name == "__init__.py"
        module = _parse(file.read_bytes(), name, is_package=is_package)
        digests[name] = module.digest
        resolved = (_resolve_import(packages, candidates) for candidates in module.imports)
        pending += filter(None, resolved)
    return digests


def _find_module(packages: Sequence[Path], name: str) -> Path | None:
    top = name.partition(".")[0]
    candidates = (_find_file(package, name) for package in packages if package.name == top)
    return next((file for file in candidates if file is not None), None)


def _find_file(package: Path, name: str) -> Path | None:
    base = package.joinpath(*name.split(".")[1:])
    candidates = [base / "__init__.py"]
    if base != package:
        candidates.insert(0, base.with_suffix(".py"))
    return next((path for path in candidates if path.is_file()), None)


def _resolve_import(packages: Sequence[Path], candidates: tuple[str, ...]) -> str | None:
    """Return the module that an import refers to; None if it is ignored or outside the packages."""
    for name in candidates:
        top, _, rest = name.partition(".")
        if _find_module(packages, name):
            is_first = top == packages[0].name
            return None if is_first and rest in IGNORED_MODULES else name
    return None


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
