"""Compiled page templates, stored for the next build."""

from __future__ import annotations

from functools import cached_property

from jinja2.bccache import Bucket, BytecodeCache

from layerbook.store.cache import WorkingCache
from layerbook.store.code_digest import source_digest
from layerbook.store.json_format import json_digest
from layerbook.store.keys import library_versions


class TemplateCache(BytecodeCache):
    """The bytecode of page templates in a project's working cache, one entry for each template.

    Jinja compares the source of a template. The sandbox rewrites templates when they are compiled,
    so its code counts too.
    """

    def __init__(self, cache: WorkingCache) -> None:
        self._cache = cache

    @cached_property
    def _compiler(self) -> bytes:
        code = source_digest("site/sandbox", "site/page_templates")
        return json_digest([code, library_versions(("jinja2",))]).encode()

    def get_cache_key(self, name: str, filename: str | None = None) -> str:
        """Return the key of a template, whose path may have bytes that are not UTF-8."""
        return f"{name}|{filename}"

    def load_bytecode(self, bucket: Bucket) -> None:
        """Fill a bucket if its template was compiled by the same code."""
        data = self._cache.get_blob("templates", bucket.key) or b""
        compiler, _, bytecode = data.partition(b"\n")
        if compiler == self._compiler:
            bucket.bytecode_from_string(bytecode)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Store the bytecode of a template in place of an older version."""
        data = self._compiler + b"\n" + bucket.bytecode_to_string()
        self._cache.put_blob("templates", bucket.key, data)
