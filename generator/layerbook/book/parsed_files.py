"""Parsed YAML files as plain data, which a cache can keep between commands."""

from __future__ import annotations

from typing import Any, Protocol

from layerbook.book.node import Node, Position, ProblemList


class ParsedFiles(Protocol):
    """A cache of the trees of YAML files."""

    def load(self, file: str, text: str) -> Any:
        """Return the tree that was saved for exactly this text, or None."""

    def save(self, file: str, text: str, tree: Any) -> None:
        """Save the tree of a file in place of an older one."""


def node_to_data(node: Node) -> list[Any]:
    """Return a tree without problems as plain data."""
    value = node.value
    if isinstance(value, dict):
        value = {
            key: [*node.key_positions[key], node_to_data(child)] for key, child in value.items()
        }
    elif isinstance(value, tuple):
        value = [node_to_data(child) for child in value]
    return [*node.position, node.last_line, *node.source_position, node.source, value]


def node_from_data(data: list[Any], file: str, problems: ProblemList) -> Node:
    """Return the tree that `node_to_data` turned into this data."""
    line, column, last_line, source_line, source_column, source, value = data
    key_positions: dict[str, Position] = {}
    if isinstance(value, dict):
        key_positions = {key: Position(*position) for key, (*position, _) in value.items()}
        value = {key: node_from_data(child, file, problems) for key, (*_, child) in value.items()}
    elif isinstance(value, list):
        value = tuple(node_from_data(child, file, problems) for child in value)
    return Node(
        value,
        Position(line, column),
        file,
        problems,
        last_line=last_line,
        key_positions=key_positions,
        source=source,
        source_position=Position(source_line, source_column),
    )
