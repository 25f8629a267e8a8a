"""Books that may run their own code, because the user trusts their files as they are.

A book's code is in its folder `analyses/`. Nothing else in a book is code: specs and checks are
parsed, and prose and page templates run in a sandbox.
"""

from __future__ import annotations

import hashlib
import io
import json
import linecache
import os
import shlex
from collections.abc import Mapping
from contextlib import suppress
from importlib.util import decode_source
from pathlib import Path

from layerbook.core import atomic
from layerbook.core.errors import StoreError
from layerbook.core.own_code import OwnCode
from layerbook.core.paths import paths_below, resolve_within
from layerbook.core.text import listed
from layerbook.model import user_cache

CODE_DIR = "analyses"
MAX_BYTES = 10_000_000


def read_code(root: Path) -> dict[str, bytes]:
    """Return the files of a book that are code by their paths in the book, sorted.

    Raises OutsideError for a link that leads out of the book, StoreError for more than 10 MB or
    deeply nested folders.
    """
    paths = paths_below(root / CODE_DIR)
    files = [path for path in paths if path.is_file() and "__pycache__" not in path.parts]
    if sum(path.stat().st_size for path in files) > MAX_BYTES:
        raise StoreError(f"{root / CODE_DIR}: has more than 10 MB; put data into experiments/data/")
    return {
        path.relative_to(root).as_posix(): resolve_within(root, path).read_bytes() for path in files
    }


def load_own_code(root: Path) -> OwnCode:
    """Return the own analyses of a book; if the user does not trust them, with the reason.

    Raises OutsideError for a link that leads out of the book.
    """
    code = read_code(root)
    is_trusted = not code or _load().get(_name(root)) == _digest(code)
    if is_trusted:
        _keep_sources(root, code)
    files = {path.removeprefix(f"{CODE_DIR}/"): content for path, content in code.items()}
    return OwnCode(root / CODE_DIR, files, "" if is_trusted else _refusal(root, code))


def _keep_sources(root: Path, code: Mapping[str, bytes]) -> None:
    """Make `inspect` return the code as it was read, even if its files change later.

    A book in another language runs a translated copy of this code.
    """
    for path, content in code.items():
        file = str(root.absolute() / path)
        with suppress(SyntaxError, UnicodeDecodeError):  # not Python, or an error when it is loaded
            lines = io.StringIO(decode_source(content)).readlines()
            linecache.cache[file] = (len(content), None, lines, file)  # None: never read again


def _refusal(root: Path, code: Mapping[str, bytes]) -> str:
    return (
        "this book has code of its own, which runs only if you trust it: "
        f"{listed(list(code))}; read it, then run `layerbook trust {shlex.quote(str(root))}`. "
        "It is also needed for results that are already computed, because it draws their figures"
    )


def trust(root: Path) -> tuple[str, ...]:
    """Trust the code of a book as it is now, and return the paths of its files."""
    code = read_code(root)
    if code:
        _save({**_load(), _name(root): _digest(code)})
    return tuple(code)


def revoke(root: Path) -> bool:
    """Stop trusting a book, and return whether it was trusted."""
    digests = _load()
    was_trusted = digests.pop(_name(root), None) is not None
    if was_trusted:
        _save(digests)
    return was_trusted


def trusted_folders() -> tuple[str, ...]:
    """Return the folders of the books that the user trusts, sorted."""
    return tuple(sorted(_load()))


def _digest(code: Mapping[str, bytes]) -> str:
    digests = {path: hashlib.sha256(content).hexdigest() for path, content in code.items()}
    return hashlib.sha256(json.dumps(digests, sort_keys=True).encode()).hexdigest()


def _name(root: Path) -> str:
    return os.path.realpath(root)


def trust_file() -> Path:
    """Return the file with the user's decisions, which may not exist yet."""
    return user_cache.root() / "trust.json"


def _load() -> dict[str, str]:
    """Return the digests by folder; none if the file is missing or damaged."""
    try:
        digests = json.loads(trust_file().read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return digests if isinstance(digests, dict) else {}


def _save(digests: Mapping[str, str]) -> None:
    data = json.dumps(digests, indent=1, sort_keys=True).encode()
    atomic.write(trust_file(), data, mode=0o600)
