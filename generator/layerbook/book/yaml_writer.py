"""Write specs as YAML."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from typing import Any

import yaml

LINE_WIDTH = 100
MAX_FLOW_WIDTH = 80
PLAIN_SCALAR = re.compile(r"[A-Za-z](?:[A-Za-z0-9 _.-]*[A-Za-z0-9_.-])?")
# PyYAML escapes characters beyond U+FFFF, and the space at which it wraps a quoted text.
ESCAPE = re.compile(r"\\(?:U([0-9A-F]{8})|.)")
WRAP = re.compile(r"(?<=\S)\\(\n +)\\ (?=\S)")


class _Spec(dict[str, Any]):
    """The mapping at the top, which is never on one line."""


class _Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Indent lists, quote everything except plain words, and write no aliases."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> Any:
        return super().increase_indent(flow)

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, text: str) -> Any:
        style = None if PLAIN_SCALAR.fullmatch(text) else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> Any:
        is_short = len(repr(mapping)) < MAX_FLOW_WIDTH
        return super().represent_mapping(tag, mapping, is_short and type(mapping) is not _Spec)

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> Any:
        is_short = len(repr(sequence)) < MAX_FLOW_WIDTH
        is_of_numbers = all(isinstance(value, int | float) for value in sequence)
        return super().represent_sequence(tag, sequence, is_short or is_of_numbers)


_Dumper.add_representer(str, _Dumper.represent_text)
_Dumper.add_representer(_Spec, _Dumper.represent_dict)


def dump_list_item(spec: Mapping[str, Any]) -> str:
    """Write a mapping as an item of a list; short lists and mappings are on one line."""
    text = yaml.dump(
        _Spec(spec), Dumper=_Dumper, width=LINE_WIDTH, sort_keys=False, allow_unicode=True
    )
    text = ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else match[0], text)
    text = WRAP.sub(r"\1", text)
    return "- " + textwrap.indent(text, "  ").removeprefix("  ")
