"""Plain data written as the YAML of a spec, to be read in the book and pasted into another spec."""

from __future__ import annotations

import io
import re
import textwrap
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.representer import RoundTripRepresenter

LINE_WIDTH = 100
PLAIN_SCALAR = re.compile(r"[A-Za-z](?:[A-Za-z0-9 _.-]*[A-Za-z0-9_.-])?")


def dump_list_item(spec: Mapping[str, Any]) -> str:
    """A mapping as an item of a list; short lists and mappings in it stand on one line."""
    out = io.StringIO()
    writer = YAML()
    writer.Representer = _Representer
    writer.width = LINE_WIDTH
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump({key: _with_flow_style(value) for key, value in spec.items()}, out)
    return "- " + textwrap.indent(out.getvalue(), "  ").removeprefix("  ")


class _Representer(RoundTripRepresenter):
    """Writes `null` where ruamel would write nothing, and quotes all but plain words."""

    def null(self, _: None) -> Any:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")

    def text(self, value: str) -> Any:
        return self.represent_scalar(
            "tag:yaml.org,2002:str", value, style=None if PLAIN_SCALAR.fullmatch(value) else '"'
        )


_Representer.add_representer(type(None), _Representer.null)
_Representer.add_representer(str, _Representer.text)


def _with_flow_style(value: Any) -> Any:
    if not isinstance(value, dict | list):
        return value
    made: CommentedMap | CommentedSeq
    if isinstance(value, dict):
        made = CommentedMap({key: _with_flow_style(inner) for key, inner in value.items()})
    else:
        made = CommentedSeq([_with_flow_style(inner) for inner in value])
    if len(repr(value)) < 80:
        made.fa.set_flow_style()
    return made


def last_line_of_item(text: str, first: int) -> int:
    """The last line of the item of a list that begins on a line, both counted from 1.

    Its lines are those that are indented deeper than the first; blank ones and comments after it are not its own.
    """
    lines = text.splitlines()
    indents = [len(line) - len(line.lstrip(" ")) for line in lines]
    last = first
    for number in range(first + 1, len(lines) + 1):
        told = lines[number - 1].strip()
        if told and indents[number - 1] <= indents[first - 1]:
            break
        if told and not told.startswith("#"):
            last = number
    return last
