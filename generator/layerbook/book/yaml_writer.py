"""Write specs as YAML."""

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


class _Representer(RoundTripRepresenter):
    """Write `null` where ruamel would write nothing, and quote everything except plain words."""

    def represent_null(self, _: None) -> Any:
        return self.represent_scalar("tag:yaml.org,2002:null", "null")

    def represent_text(self, value: str) -> Any:
        style = None if PLAIN_SCALAR.fullmatch(value) else '"'
        return self.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Representer.add_representer(type(None), _Representer.represent_null)
_Representer.add_representer(str, _Representer.represent_text)


def dump_list_item(spec: Mapping[str, Any]) -> str:
    """Write a mapping as an item of a list, with short lists and mappings on one line."""
    out = io.StringIO()
    writer = YAML()
    writer.Representer = _Representer
    writer.width = LINE_WIDTH
    writer.indent(mapping=2, sequence=4, offset=2)
    writer.dump({key: _with_flow_style(value) for key, value in spec.items()}, out)
    return "- " + textwrap.indent(out.getvalue(), "  ").removeprefix("  ")


def _with_flow_style(value: Any) -> Any:
    if not isinstance(value, dict | list):
        return value
    styled: CommentedMap | CommentedSeq
    if isinstance(value, dict):
        styled = CommentedMap({key: _with_flow_style(inner) for key, inner in value.items()})
    else:
        styled = CommentedSeq([_with_flow_style(inner) for inner in value])
    if len(repr(value)) < 80:
        styled.fa.set_flow_style()
    return styled
