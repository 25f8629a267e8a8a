"""From an experiment's mapping to its analysis: which one it names, its parameters checked, a sweep spread out."""

from __future__ import annotations

from typing import Any

from layerbook.book.limits import NumberCheck, check_context
from layerbook.book.schema import ExperimentSpec
from layerbook.book.sweep_parser import SweepReader
from layerbook.book.validation import unknown_key, validated
from layerbook.book.yaml import Node, SpecFile
from layerbook.core import registry as catalog
from layerbook.core.analysis import Analysis, Limits
from layerbook.core.errors import UsageError


def analysis_of(node: Node, file: SpecFile, limits: Limits) -> Analysis[Any] | None:
    """The analysis of an experiment, its layers and heads absolute; None, and the problems noted, where it has some."""
    name = node.get("analysis")
    if name is None or not isinstance(name.value, str) or not name.value:
        return None
    try:
        kind = catalog.find(name.value)
    except UsageError as error:
        file.add(name.place, str(error))
        return None
    before = len(file.problems)
    own = [key for key in node.value if key not in ExperimentSpec.model_fields]
    known = [*ExperimentSpec.model_fields, *kind.model_fields]
    for key in own:
        if key not in known:
            file.add(node.keys[key], unknown_key(key, known))

    def one(of: Node, told: SpecFile) -> Analysis[Any] | None:
        left_out = [key for key in of.value if key not in kind.model_fields]
        found = validated(kind, of, told, leave=left_out)
        if not isinstance(found, Analysis):
            return None
        already = len(told.problems)
        made = NumberCheck(limits, of, told).resolved(found)
        if len(told.problems) == already:
            check_context(made, limits, of, told)
        return made if len(told.problems) == already else None

    made = (
        one(node, file) if node.get("sweep") is None else SweepReader(node, kind, file, one).swept()
    )
    return made if len(file.problems) == before else None
