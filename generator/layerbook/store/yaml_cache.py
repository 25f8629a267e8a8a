"""Parsed YAML files of a project, kept until their text or the parser changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from layerbook.store.cache import WorkingCache
from layerbook.store.code_digest import source_digest
from layerbook.store.json_format import json_digest
from layerbook.store.keys import library_versions

YAML_KIND = "yaml"


@dataclass(frozen=True)
class YamlCache:
    """The trees of a project's YAML files in its working cache, one entry for each file."""

    cache: WorkingCache

    @cached_property
    def _parser(self) -> str:
        code = source_digest("book/yaml", "book/node", "book/parsed_files")
        return json_digest([code, library_versions(("ruamel.yaml",))])

    def load(self, file: str, text: str) -> Any:
        """Return the tree that was saved for exactly this text, or None."""
        entry = json.loads(self.cache.get_blob(YAML_KIND, file) or b"{}")
        return entry["tree"] if entry.get("inputs") == self._inputs(text) else None

    def save(self, file: str, text: str, tree: Any) -> None:
        """Save the tree of a file in place of an older one."""
        entry = {"inputs": self._inputs(text), "tree": tree}
        self.cache.put_blob(YAML_KIND, file, json.dumps(entry).encode())

    def _inputs(self, text: str) -> str:
        return json_digest([self._parser, text])
