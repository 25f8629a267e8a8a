"""From an experiment's mapping to its analysis: which one it names, its parameters checked, a sweep spread out."""

from __future__ import annotations

from typing import Any

from layerbook.book.limits import check_context
from layerbook.book.schema import ExperimentSpec
from layerbook.book.sweep_parser import SweepParser
from layerbook.book.validation import unknown_key_message, validate
from layerbook.book.yaml import Node, SpecFile
from layerbook.core import registry
from layerbook.core.analysis import Analysis, Limits
from layerbook.core.errors import UsageError


def build_analysis(node: Node, file: SpecFile, limits: Limits) -> Analysis[Any] | None:
    """The analysis of an experiment, its layers and heads absolute; None, and the problems noted, where it has some."""
    name = node.get("analysis")
    if name is None or not isinstance(name.value, str) or not name.value:
        return None
    try:
        kind = registry.find(name.value)
    except UsageError as error:
        file.add_problem(name.position, str(error))
        return None
    before = len(file.problems)
    own = [key for key in node.value if key not in ExperimentSpec.model_fields]
    known = [*ExperimentSpec.model_fields, *kind.model_fields]
    for key in own:
        if key not in known:
            file.add_problem(node.key_positions[key], unknown_key_message(key, known))

    def build(of: Node, spec_file: SpecFile) -> Analysis[Any] | None:
        left_out = [key for key in of.value if key not in kind.model_fields]
        found = validate(kind, of, spec_file, exclude=left_out, limits=limits)
        if not isinstance(found, Analysis):
            return None
        already = len(spec_file.problems)
        check_context(found, limits, of, spec_file)
        return found if len(spec_file.problems) == already else None

    made = (
        build(node, file) if node.get("sweep") is None else SweepParser(node, kind, file, build).parse()
    )
    return made if len(file.problems) == before else None
