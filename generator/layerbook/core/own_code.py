"""Import a book's own analyses from the contents of its files as they were first read.

The folder is not read again, and compiled files in it are never used.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.abc import MetaPathFinder, SourceLoader
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from pathlib import Path
from types import ModuleType

from layerbook.core.errors import UsageError

_PREFIX = "layerbook_own_"


@dataclass(frozen=True)
class OwnCode:
    """The Python files of a book's folder `analyses/`.

    folder: that folder. files: their contents, by path in it with `/`.
    refusal: why they must not run; empty if they may.
    """

    folder: Path = Path()
    files: Mapping[str, bytes] = field(default_factory=dict)
    refusal: str = ""

    def names(self) -> tuple[str, ...]:
        """Return the names of the analyses as specs write them, sorted."""
        stems = (name.removesuffix(".py") for name in self.files if name.endswith(".py"))
        analyses = (stem for stem in stems if stem.isidentifier() and not stem.startswith("_"))
        return tuple(sorted(stem.replace("_", "-") for stem in analyses))

    def path(self, name: str) -> Path:
        """Return the file of an analysis."""
        return self.folder / f"{name.replace('-', '_')}.py"

    def load(self, name: str) -> ModuleType:
        """Import the module of an analysis, once for the same files.

        Raises UsageError if they must not run, and whatever the module raises.
        """
        if self.refusal:
            raise UsageError(self.refusal)
        package = self._package_name()
        if package not in sys.modules:
            sys.meta_path.insert(0, _Importer(package, self.folder.absolute(), self.files))
        return import_module(f"{package}.{self.path(name).stem}")

    def _package_name(self) -> str:
        """Return a name that depends on the files, to keep two books in one process apart."""
        digest = hashlib.sha256(str(self.folder.absolute()).encode("utf-8", "surrogateescape"))
        for name, content in sorted(self.files.items()):
            digest.update(f"\0{name}\0{len(content)}\0".encode("utf-8", "surrogateescape"))
            digest.update(content)
        return f"{_PREFIX}{digest.hexdigest()[:16]}"


NO_CODE = OwnCode()


def is_own(analysis_type: type) -> bool:
    """Return whether a class was loaded from a book."""
    return analysis_type.__module__.startswith(_PREFIX)


class _Importer(MetaPathFinder, SourceLoader):  # type: ignore[misc]  # typeshed: source_to_code
    """Import one package from contents; a folder in it is a package too."""

    def __init__(self, package: str, folder: Path, files: Mapping[str, bytes]) -> None:
        self._package, self._folder = package, folder
        self._sources = {str(folder / name): data for name, data in files.items()}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a module of the package is.

        Raises ModuleNotFoundError for a missing module, before other finders look for it.
        """
        if fullname.partition(".")[0] != self._package:
            return None
        return spec_from_file_location(fullname, self.get_filename(fullname), loader=self)

    def get_filename(self, fullname: str) -> str:
        """Return the file of a module. Raises ModuleNotFoundError."""
        location = self._folder.joinpath(*fullname.split(".")[1:])
        file = f"{location}.py"
        if location != self._folder and file in self._sources:
            return file
        if any(Path(source).is_relative_to(location) for source in self._sources):
            return str(location / "__init__.py")
        raise ModuleNotFoundError(f"there is no file {file}", name=fullname)

    def get_data(self, path: str | bytes) -> bytes:
        """Return the content of a file; a package without `__init__.py` is empty."""
        return self._sources.get(str(path), b"")
