"""What a result depends on: its spec, the code that computes it, the weights, the tokenizer, the libraries.

Prose, captions, templates and titles are not in a key, nor is what only draws: a result stands until something
changes that could change a number.
"""

from __future__ import annotations

import ast
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import metadata
from pathlib import Path
from typing import Any

import layerbook
from layerbook.core.errors import StoreError

DIGEST_FIELDS = ("spec", "code", "weights", "tokenizer")
LIBRARIES = ("torch", "transformers", "numpy", "scikit-learn", "tokenizers")

# What every result depends on beside its analysis.
ENGINE_MODULES = ("model.llama", "model.convert", "model.execution", "model.plan")

# Modules that words, charts and progress are made of; no number passes through them.
IGNORED_MODULES = frozenset(
    {"core.errors", "core.figures", "core.progress", "core.text", "book.sweep_views"}
)

# The step of an analysis that comes after its result is on disk.
IGNORED_METHOD = "figures"


@dataclass(frozen=True)
class Key:
    """The named components a result depends on, each a digest; `versions` by library name."""

    spec: str
    code: str
    weights: str
    tokenizer: str
    versions: Mapping[str, str] = field(hash=False)

    @cached_property
    def digest(self) -> str:
        """sha256 over all components."""
        return json_digest(self.as_dict())

    def changed(self, other: Key) -> tuple[str, ...]:
        """The components in which `other`, the newer key, differs; libraries with both versions."""
        named = [
            name
            for name in ("spec", "code", "weights", "tokenizer")
            if getattr(self, name) != getattr(other, name)
        ]
        libraries = sorted(self.versions.keys() | other.versions.keys())
        pairs = [
            (name, self.versions.get(name, "absent"), other.versions.get(name, "absent"))
            for name in libraries
        ]
        moved = ", ".join(f"{name} {old} -> {new}" for name, old, new in pairs if old != new)
        return (*named, f"versions: {moved}") if moved else tuple(named)

    def same_sources(self, other: Key) -> bool:
        """Whether all but the libraries' versions is equal: those differ from machine to machine."""
        mine, theirs = self.as_dict(), other.as_dict()
        return mine | {"versions": {}} == theirs | {"versions": {}}

    def as_dict(self) -> dict[str, Any]:
        """The components as they are written into a result."""
        return {name: getattr(self, name) for name in DIGEST_FIELDS} | {
            "versions": dict(sorted(self.versions.items()))
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Key:
        """The key that was written; raises ValueError where this is none."""
        try:
            named = {name: str(data[name]) for name in DIGEST_FIELDS}
            return cls(
                **named,
                versions={str(name): str(version) for name, version in data["versions"].items()},
            )
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not a key") from error


def make_key(
    analysis_module: str,
    spec: Mapping[str, Any],
    weights: str,
    tokenizer: str,
    code: str | None = None,
) -> Key:
    """The key of a result of `analysis_module` (a dotted name) for a spec, as the sources stand on disk now.

    code: the module's `analysis_code_digest`, where it is known already.
    """
    return Key(
        json_digest(spec),
        code or analysis_code_digest(analysis_module),
        weights,
        tokenizer,
        versions(),
    )


def json_digest(data: Any) -> str:
    """sha256 of plain data as canonical JSON: sorted keys, no spaces, ASCII."""
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("ascii")).hexdigest()


@cache
def versions() -> Mapping[str, str]:
    """The installed version of each library that can move a number; `absent` where it is not installed."""
    return library_versions(LIBRARIES)


def library_versions(names: tuple[str, ...]) -> dict[str, str]:
    """The installed versions of libraries, by name; `absent` for those that are not installed."""
    return {name: _version(name) for name in names}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"


def analysis_code_digest(module_name: str) -> str:
    """The closure of an analysis' module together with what runs every experiment: planner, adapter, conversion."""
    return json_digest(analysis_code_modules(module_name))


def analysis_code_modules(module_name: str) -> dict[str, str]:
    """The modules of that closure by name, each with its own digest: `json_digest` these is `analysis_code_digest`."""
    root = _package()
    for part in IGNORED_MODULES:
        if _file(root, f"{root.name}.{part}") is None:
            raise StoreError(f"IGNORED_MODULES names {part}, which {root} does not have")
    return _closure([module_name, *(f"{root.name}.{part}" for part in ENGINE_MODULES)], root)


def source_digest(*names: str) -> str:
    """Digest over the bytes of parts of this package, modules or folders of it; of all of it where none is named.

    For what is drawn and laid out, where every character may show and making it again costs little.
    """
    root = _package()
    parts = [root / name for name in names] or [root]
    found = [
        path
        for part in parts
        for path in (*part.rglob("*.py"), part.with_suffix(".py"))
        if path.is_file()
    ]
    return json_digest(
        {
            str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in found
        }
    )


def module_code_digest(module_name: str, package: Path | None = None) -> str:
    """Digest over a module and the modules of its package that it imports, transitively, wherever it does so.

    A constant counts. Comments, formatting, docstrings, `figures` methods, and blocks that only a type checker
    reads do not. A package's `__init__` counts where something is imported from it. Imports by a computed name are
    not seen. The files are read anew at each call, so that a change in the middle of a run is noticed. Raises
    StoreError for a module that is missing or broken.

    package: the folder of the package, whose name is the package's; by default this package's own.
    """
    return json_digest(_closure([module_name], package or _package()))


def _package() -> Path:
    return Path(layerbook.__path__[0])


def _closure(start: list[str], package: Path) -> dict[str, str]:
    digests: dict[str, str] = {}
    waiting = list(start)
    while waiting:
        name = waiting.pop()
        if name in digests:
            continue
        file = _file(package, name)
        if file is None:
            raise StoreError(f"{name}: there is no such module in {package}")
        digests[name], imported = _read(file.read_bytes(), name, file.name == "__init__.py")
        waiting += [module for names in imported if (module := _module(package, names)) is not None]
    return digests


def _file(package: Path, name: str) -> Path | None:
    base = package.joinpath(*name.split(".")[1:])
    candidates = (
        (base.with_suffix(".py"), base / "__init__.py")
        if base != package
        else (base / "__init__.py",)
    )
    return next((path for path in candidates if path.is_file()), None)


def _module(package: Path, names: tuple[str, ...]) -> str | None:
    """The module that an import means; None for one of other packages, and for those beside the numbers."""
    for name in names:
        top, _, rest = name.partition(".")
        if top == package.name and _file(package, name):
            return None if rest in IGNORED_MODULES else name
    return None


@cache
def _read(source: bytes, name: str, is_package: bool) -> tuple[str, tuple[tuple[str, ...], ...]]:
    """A module's digest, and for each of its imports the candidates of what it means."""
    try:
        tree = _Bare().visit(ast.parse(source))
    except (SyntaxError, ValueError) as error:
        raise StoreError(f"{name}: is not valid Python ({error})") from error
    digest = hashlib.sha256("".join(_outline(tree)).encode("utf-8", "backslashreplace")).hexdigest()
    return digest, tuple(_imports(tree, name if is_package else name.rpartition(".")[0]))


def _imports(tree: ast.AST, parent: str) -> Iterator[tuple[str, ...]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name,) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = parent.split(".")[: len(parent.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            yield from ((f"{base}.{alias.name}", base) for alias in node.names)


class _Bare(ast.NodeTransformer):
    """Takes away what cannot change a number: docstrings, `figures`, imports for the type checker."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                node.body = node.body[1:]
            if isinstance(node, ast.ClassDef):
                node.body = [
                    part for part in node.body if getattr(part, "name", None) != IGNORED_METHOD
                ]
        return super().generic_visit(node)

    def visit_If(self, node: ast.If) -> ast.AST:
        if ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            node.body = []
        return self.generic_visit(node)


def _outline(node: Any) -> Iterator[str]:
    """A tree as text, alike on every Python: `ast.dump` differs in the empty fields it shows."""
    if isinstance(node, ast.AST):
        yield f"{type(node).__name__}("
        for name, value in ast.iter_fields(node):
            if value is not None and value != []:
                yield f"{name}="
                yield from _outline(value)
                yield ","
        yield ")"
    elif isinstance(node, list):
        yield "["
        for part in node:
            yield from _outline(part)
            yield ","
        yield "]"
    else:
        yield f"{type(node).__name__}:{node!a}"
