"""What a chapter's prose asks for by name, read without rendering it: so that a wrong name is found before any run."""

from __future__ import annotations

from dataclasses import dataclass

from jinja2 import TemplateSyntaxError, nodes

from layerbook.site.prose.render import prose_environment
from layerbook.core.errors import Problem, SpecError

REFERENCE_FUNCTIONS = frozenset({"r", "figure", "claim", "holds", "source", "download", "cite"})


@dataclass(frozen=True)
class Reference:
    """One call such as `figure("noise", "prompt-0")`: the function, what it names, and where it stands."""

    function: str
    name: str
    line: int
    column: int


def find_references(source: str, file: str) -> tuple[Reference, ...]:
    """Every experiment and source that the prose names as a plain string. Raises SpecError where it is no template."""
    try:
        tree = prose_environment().parse(source)
    except TemplateSyntaxError as error:
        raise SpecError([Problem(file, error.lineno, 1, error.message or "not a template")]) from error
    lines = source.splitlines()
    found = []
    for call in tree.find_all(nodes.Call):
        first = call.args[0] if call.args else None
        asks = isinstance(call.node, nodes.Name) and call.node.name in REFERENCE_FUNCTIONS
        if asks and isinstance(first, nodes.Const) and isinstance(first.value, str):
            column = max(lines[call.lineno - 1].find(f'"{first.value}"'), 0) + 1 if call.lineno <= len(lines) else 1
            found.append(Reference(call.node.name, first.value, call.lineno, column))  # type: ignore[attr-defined]
    return tuple(found)
