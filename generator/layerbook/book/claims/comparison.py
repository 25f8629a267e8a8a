"""Compare the values of a check: order, equality and containment."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

from layerbook.book.claims import values
from layerbook.book.claims.bounds import StepCounter, fail
from layerbook.book.claims.values import Value, describe, is_list, is_number

TEXT_STEP = 1000  # characters that are compared or searched in one step

ORDER: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class Comparison:
    """Compare values of matching types; `steps` limits the work."""

    def __init__(self, steps: StepCounter) -> None:
        self.steps = steps

    def compare(self, node: ast.expr, sign: ast.cmpop, left: Value, right: Value) -> Value:
        """Compare two values; fail if their types cannot be compared."""
        match sign:
            case ast.In():
                return Value(self.contains(node, right.value, left.value))
            case ast.NotIn():
                return Value(not self.contains(node, right.value, left.value))
            case ast.Eq():
                return self.equality(node, left, right)
            case ast.NotEq():
                return self.equality(node, left, right).negated()
        if not (is_number(left.value) and is_number(right.value)):
            types = f"{describe(left.value)} and {describe(right.value)}"
            fail(node, f"cannot order {types}; only numbers have an order")
        margin = values.margin_between(left.value, right.value)
        return Value(bool(ORDER[type(sign)](left.value, right.value)), margin=margin)

    def equality(self, node: ast.expr, left: Value, right: Value) -> Value:
        """Compare two values for equality; the distance between ids is not a margin."""
        holds = self.is_equal(node, left.value, right.value)
        if isinstance(left.value, bool) and isinstance(right.value, bool):
            return values.equivalence(left, right)
        ids = any(values.is_id_expression(value.expression) for value in (left, right))
        if holds or ids or not (is_number(left.value) and is_number(right.value)):
            return Value(holds)
        return Value(False, margin=values.margin_between(left.value, right.value))

    def is_equal(self, node: ast.expr, left: Any, right: Any) -> bool:
        """Compare two values of one type; null equals only itself."""
        self.steps.add(node)
        if left is None or right is None:
            return left is right
        if is_list(left) and is_list(right):
            pairs = zip(map(values.to_python, left), map(values.to_python, right), strict=False)
            return len(left) == len(right) and all(self.is_equal(node, a, b) for a, b in pairs)
        if isinstance(left, str) and isinstance(right, str):
            self.steps.add(node, min(len(left), len(right)) // TEXT_STEP)
        comparable = is_number(left) and is_number(right)
        for comparable_type in (str, bool):
            comparable |= isinstance(left, comparable_type) and isinstance(right, comparable_type)
        if not comparable:
            fail(node, f"cannot compare {describe(left)} with {describe(right)}")
        return bool(left == right)

    def contains(self, node: ast.expr, container: Any, item: Any) -> bool:
        """Look for an element in a list, a part in a text, or a key in a mapping."""
        if isinstance(container, str):
            if not isinstance(item, str):
                fail(node, f"{describe(item)} cannot be in a text")
            self.steps.add(node, len(container) // TEXT_STEP)
            return item in container
        if isinstance(container, Mapping):
            return isinstance(item, str | int) and item in container
        if not is_list(container):
            fail(node, f"nothing can be in {describe(container)}")
        return any(self.is_equal(node, item, values.to_python(other)) for other in container)
