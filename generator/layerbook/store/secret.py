"""The user's secret, which authenticates the working caches of books."""

from __future__ import annotations

import secrets
from functools import cache
from pathlib import Path

from layerbook.core import atomic
from layerbook.core.errors import StoreError
from layerbook.model import user_cache

SECRET_BYTES = 32


def user_secret() -> bytes | None:
    """Return the secret, created when first needed; None if the user's cache refuses it."""
    return _load_or_create(user_cache.root() / "secret")


@cache
def _load_or_create(path: Path) -> bytes | None:
    if (secret := _load(path)) is None:
        try:
            atomic.write(path, secrets.token_bytes(SECRET_BYTES), mode=0o600)
        except StoreError:
            return None
        secret = _load(path)  # another process may have replaced it meanwhile
    return secret


def _load(path: Path) -> bytes | None:
    try:
        secret = path.read_bytes()
    except OSError:
        return None
    return secret if len(secret) == SECRET_BYTES else None
