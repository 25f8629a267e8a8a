"""Deciding a check on results: bounded, strict about kinds, and keeping note of what it read."""

from __future__ import annotations

import ast
import json
import operator
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from layerbook.book.claims.margins import (
    Robustness,
    conjunction,
    disjunction,
    equivalence,
    margin_between,
    monotonicity,
)
from layerbook.book.claims.parser import CONSTANTS, CheckError, column_of, missing_field_error
from layerbook.book.claims.values import (
    Value,
    Verdict,
    describe,
    field_names,
    format_value,
    is_id_expression,
    is_list,
    is_number,
    shorten,
    to_python,
)
from layerbook.core.errors import LayerbookError, did_you_mean

MAX_STEPS = 200_000
MAX_VALUES = 8

ARITHMETIC: Mapping[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
ORDER: Mapping[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


class Evaluator:
    """One check on one result."""

    def __init__(self, text: str, result: object, result_of: Callable[[str], object] | None) -> None:
        self.text, self.result, self.result_of = text, result, result_of
        self.steps = 0
        self.variables: dict[str, Value] = {}
        self.values_read: dict[str, str] = {}

    def verdict(self, tree: ast.expr) -> Verdict:
        """Whether it holds, and the first few values that it read."""
        robustness = self.evaluate_truth(tree)
        shown = list(self.values_read.items())
        if len(shown) > MAX_VALUES:
            shown = [*shown[:MAX_VALUES], ("...", f"{len(shown) - MAX_VALUES} more")]
        return Verdict(robustness.holds, tuple(shown), robustness.margin)

    def fail(self, node: ast.AST, message: str) -> NoReturn:
        """Raise the error at a part of the check."""
        raise CheckError(message, column_of(self.text, node))

    def count_steps(self, node: ast.AST, count: int = 1) -> None:
        """Count work, so that every check ends soon."""
        self.steps += count
        if self.steps > MAX_STEPS:
            self.fail(node, f"the check takes more than {MAX_STEPS:,} steps")

    def evaluate_and_record(self, node: ast.expr) -> Value:
        """A part's value; what was read of a result to get it is noted."""
        found = self.evaluate(node)
        if found.expression:
            self.values_read.setdefault(found.expression, format_value(found.value))
        return found

    def evaluate(self, node: ast.expr) -> Value:
        """A part's value and where it was read."""
        self.count_steps(node)
        finder: Callable[[Any], Value] = getattr(self, f"_{type(node).__name__}")
        return finder(node)

    def evaluate_truth(self, node: ast.expr) -> Robustness:
        """A part's value, which must be true or false."""
        value = self.evaluate_and_record(node)
        if not isinstance(value.value, bool):
            self.fail(node, f"must be true or false, not {describe(value.value)}")
        return value.robustness

    def evaluate_number(self, node: ast.expr) -> Any:
        """A part's value, which must be a number."""
        value = self.evaluate_and_record(node).value
        if not is_number(value):
            self.fail(node, f"must be a number, not {describe(value)}")
        return value

    def elements(self, node: ast.expr, found: Value) -> list[Value]:
        """The elements of a list, each with where it was read."""
        if not is_list(found.value):
            self.fail(node, f"must be a list, not {describe(found.value)}")
        self.count_steps(node, len(found.value))
        at = (f"{found.expression}[{i}]" if found.expression else "" for i in range(len(found.value)))
        element_margins = found.element_margins or (None,) * len(found.value)
        rows = zip(found.value, at, element_margins, strict=True)
        return [Value(to_python(item), expression, margin) for item, expression, margin in rows]

    def _Name(self, node: ast.Name) -> Value:
        if node.id == "result":
            return Value(self.result, "result")
        return self.variables[node.id] if node.id in self.variables else Value(CONSTANTS[node.id])

    def _Constant(self, node: ast.Constant) -> Value:
        return Value(node.value)

    def _List(self, node: ast.List) -> Value:
        return Value.from_elements([self.evaluate_and_record(part) for part in node.elts])

    def _Attribute(self, node: ast.Attribute) -> Value:
        owner = self.evaluate(node.value)
        names = field_names(type(owner.value))
        if names is None:
            hint = f'; write ["{node.attr}"]' if isinstance(owner.value, Mapping) else ""
            self.fail(node, f"{describe(owner.value)} has no fields{hint}")
        if node.attr not in names:
            raise missing_field_error(self.text, node, names)
        try:
            value = to_python(getattr(owner.value, node.attr))
        except Exception as error:  # a property of a result that failed
            raise CheckError(
                f"{node.attr} cannot be read: {error}", column_of(self.text, node)
            ) from error
        return Value(value, f"{owner.expression}.{node.attr}" if owner.expression else "")

    def _Subscript(self, node: ast.Subscript) -> Value:
        owner, index = self.evaluate(node.value), self.evaluate(node.slice).value
        expression = f"{owner.expression}[{json.dumps(index, default=str)}]" if owner.expression else ""
        if isinstance(owner.value, Mapping):
            if not isinstance(index, str | int) or index not in owner.value:
                there = [str(key) for key in owner.value]
                near = did_you_mean(str(index), there)
                self.fail(
                    node.slice,
                    f"there is no key {format_value(index)}{near}; there are {shorten(', '.join(there), 200)}",
                )
            return Value(to_python(owner.value[index]), expression)
        if not (is_list(owner.value) or isinstance(owner.value, str)):
            self.fail(node, f"{describe(owner.value)} has no elements")
        if type(index) is not int:
            self.fail(node.slice, f"an index must be a whole number, not {describe(index)}")
        if not -len(owner.value) <= index < len(owner.value):
            self.fail(node.slice, f"there is no element {index}: there are {len(owner.value)}")
        return Value(to_python(owner.value[index]), expression, owner.element_margins[index] if owner.element_margins else None)

    def _BoolOp(self, node: ast.BoolOp) -> Value:
        decisive = isinstance(node.op, ast.Or)
        robustnesses: list[Robustness] = []
        for part in node.values:
            robustnesses.append(self.evaluate_truth(part))
            if robustnesses[-1].holds is decisive:
                break
        return Value.from_robustness(disjunction(robustnesses) if decisive else conjunction(robustnesses))

    def _UnaryOp(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            return Value.from_robustness(self.evaluate_truth(node.operand).negated())
        return Value(-self.evaluate_number(node.operand))

    def _BinOp(self, node: ast.BinOp) -> Value:
        left, right = self.evaluate_number(node.left), self.evaluate_number(node.right)
        try:
            return Value(ARITHMETIC[type(node.op)](left, right))
        except ZeroDivisionError:
            self.fail(node, "division by zero")
        except OverflowError:
            self.fail(node, "the number is too large")

    def _Compare(self, node: ast.Compare) -> Value:
        left = self.evaluate_and_record(node.left)
        robustnesses: list[Robustness] = []
        for sign, part in zip(node.ops, node.comparators, strict=True):
            right = self.evaluate_and_record(part)
            robustnesses.append(self.compare(part, sign, left, right))
            if not robustnesses[-1].holds:
                break
            left = right
        return Value.from_robustness(conjunction(robustnesses))

    def compare(self, node: ast.expr, sign: ast.cmpop, left: Value, right: Value) -> Robustness:
        """One comparison; kinds that cannot be compared are an error rather than false."""
        if isinstance(sign, ast.In | ast.NotIn):
            return Robustness(self.contains(node, right.value, left.value) is isinstance(sign, ast.In))
        numbers = is_number(left.value) and is_number(right.value)
        if isinstance(sign, ast.Eq | ast.NotEq):
            found = Robustness(self.equal(node, left.value, right.value))
            if isinstance(left.value, bool) and isinstance(right.value, bool):
                found = equivalence(left.robustness, right.robustness)
            elif (
                numbers
                and not found.holds
                and not (is_id_expression(left.expression) or is_id_expression(right.expression))
            ):
                found = Robustness(False, margin_between(left.value, right.value))
            return found if isinstance(sign, ast.Eq) else found.negated()
        if not numbers:
            self.fail(
                node,
                f"cannot order {describe(left.value)} and {describe(right.value)}; only numbers have an order",
            )
        return Robustness(bool(ORDER[type(sign)](left.value, right.value)), margin_between(left.value, right.value))

    def equal(self, node: ast.expr, left: Any, right: Any) -> bool:
        """Equality of numbers, of texts, of truths, of lists; null equals only itself."""
        self.count_steps(node)
        if left is None or right is None:
            return left is right
        if is_list(left) and is_list(right):
            pairs = zip(left, right, strict=False)
            return len(left) == len(right) and all(
                self.equal(node, to_python(a), to_python(b)) for a, b in pairs
            )
        alike = (is_number(left) and is_number(right)) or any(
            isinstance(left, t) and isinstance(right, t) for t in (str, bool)
        )
        if not alike:
            self.fail(node, f"cannot compare {describe(left)} with {describe(right)}")
        return bool(left == right)

    def contains(self, node: ast.expr, where: Any, what: Any) -> bool:
        """An element of a list, a part of a text, a key of a mapping."""
        if isinstance(where, str):
            if not isinstance(what, str):
                self.fail(node, f"{describe(what)} cannot be in a text")
            return what in where
        if isinstance(where, Mapping):
            return isinstance(what, str | int) and what in where
        if not is_list(where):
            self.fail(node, f"nothing can be in {describe(where)}")
        return any(self.equal(node, what, to_python(item)) for item in where)

    def _ListComp(self, node: ast.ListComp) -> Value:
        generator = node.generators[0]
        assert isinstance(generator.target, ast.Name)
        name, out = generator.target.id, []
        for item in self.elements(generator.iter, self.evaluate(generator.iter)):
            self.variables[name] = item
            if all(self.evaluate_truth(condition).holds for condition in generator.ifs):
                out.append(self.evaluate_and_record(node.elt))
        self.variables.pop(name, None)
        return Value.from_elements(out)

    def _Call(self, node: ast.Call) -> Value:
        assert isinstance(node.func, ast.Name)
        if node.func.id == "r":
            return self.other_result(node)
        call: Callable[[ast.Call, str], Value] = getattr(self, f"_{node.func.id}", self._aggregate)
        return call(node, node.func.id)

    def other_result(self, node: ast.Call) -> Value:
        """The result of another experiment."""
        name = node.args[0].value  # type: ignore[attr-defined]
        if self.result_of is None:
            self.fail(node, "the results of other experiments are not at hand here")
        try:
            return Value(self.result_of(name), f'r("{name}")')
        except LayerbookError as error:
            raise CheckError(str(error), column_of(self.text, node)) from error

    def _len(self, node: ast.Call, name: str) -> Value:
        found = self.evaluate(node.args[0])
        if not (is_list(found.value) or isinstance(found.value, str | Mapping)):
            self.fail(node, f"{describe(found.value)} has no length")
        return Value(len(found.value), f"len({found.expression})" if found.expression else "")

    def _abs(self, node: ast.Call, name: str) -> Value:
        return Value(abs(self.evaluate_number(node.args[0])))

    def _aggregate(self, node: ast.Call, name: str) -> Value:
        """The functions over a list; of a list that was read they show the outcome, not the list."""
        if len(node.args) > 1:
            return Value(AGGREGATES[name]([self.evaluate_number(part) for part in node.args]))
        found = self.evaluate(node.args[0])
        given = self.elements(node.args[0], found)
        items = [item.value for item in given]
        wanted = bool if name in ("all", "any") else None
        for item in items:
            if not (
                isinstance(item, bool)
                if wanted or (name == "sum" and isinstance(item, bool))
                else is_number(item)
            ):
                expected = "true or false" if wanted else "numbers"
                self.fail(node, f"{name} is over {expected}; the list has {describe(item)}")
        if not items and name in ("min", "max"):
            self.fail(node, f"the list is empty, so it has no {name}")
        expression = f"{name}({found.expression})" if found.expression else ""
        if name in TRUTH_FUNCTIONS:
            robustness = TRUTH_FUNCTIONS[name](items if name == "monotone" else [item.robustness for item in given])
            return Value(robustness.holds, expression, robustness.margin)
        try:
            return Value(AGGREGATES[name](items), expression)
        except OverflowError:
            self.fail(node, "the number is too large")


AGGREGATES: Mapping[str, Callable[[Any], Any]] = {"min": min, "max": max, "sum": sum}
TRUTH_FUNCTIONS: Mapping[str, Callable[[Any], Robustness]] = {
    "all": conjunction,
    "any": disjunction,
    "monotone": monotonicity,
}
