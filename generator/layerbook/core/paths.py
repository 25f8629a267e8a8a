"""Paths that must stay inside a folder, wherever the links in it lead."""

from __future__ import annotations

import os
from pathlib import Path

from layerbook.core.errors import OutsideError


def resolve_inside(root: Path, path: Path | str, *, links: bool = True) -> Path:
    """Return a path, relative to `root` or absolute, with all its links resolved.

    It need not exist; `root` itself may be a link. links: allow links that stay inside.
    Raises OutsideError if the path leads outside `root`, or through a link that is not allowed.
    """
    try:
        resolved, resolved_root = (Path(os.path.realpath(each)) for each in (root / path, root))
    except ValueError as error:  # a null character
        raise OutsideError(f"{str(path)!r} is not a path ({error})") from error
    if not resolved.is_relative_to(resolved_root):
        raise OutsideError(f"{root / path}: leads outside {root}, perhaps through a link")
    if not links and resolved != resolved_root / os.path.relpath(root / path, root):
        raise OutsideError(f"{root / path}: is or lies behind a link")
    return resolved
