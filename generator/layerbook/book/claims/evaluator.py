"""Evaluate a check on results: in limited time, with strict types, recording what it reads."""

from __future__ import annotations

import ast
import json
import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, NoReturn

from layerbook.book.claims import values
from layerbook.book.claims.values import CheckError, Value, Verdict, describe, is_list, is_number
from layerbook.core.errors import LayerbookError, did_you_mean
from layerbook.core.text import shorten

MAX_STEPS = 200_000
TEXT_STEP = 1000  # characters that are compared or searched in one step
MAX_BITS = 4096  # of a whole number, about 1200 digits
MAX_VALUES = 6  # that a verdict lists

CONSTANTS = {"true": True, "false": False, "null": None}
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


def fail(node: ast.AST, message: str) -> NoReturn:
    """Raise an error at a part of the check."""
    raise CheckError(message, getattr(node, "col_offset", 0))


class Evaluator(ast.NodeVisitor):
    """Evaluate one check with valid grammar on one result.

    text: of the check. variables: the values of further names.
    """

    def __init__(
        self,
        text: str,
        result: object,
        result_of: Callable[[str], object] | None = None,
        variables: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        self.text = text
        self.result_of = result_of
        self.steps = 0
        self.loops = 0  # open comprehensions
        self.is_recording = True
        self.variables = {name: Value(value) for name, value in CONSTANTS.items()}
        for name, value in {"result": result, **variables}.items():
            self.variables[name] = Value(value, name)
        self.values_read: dict[str, Value] = {}

    def verdict(self, tree: ast.expr) -> Verdict:
        """Return whether the check holds, the values that decided it, and a few others."""
        truth = self.evaluate_truth(tree)
        by_expression = {value.expression: value for value in truth.shown()} | self.values_read
        shown = list(by_expression.values())
        texts = [(v.expression, values.format_value(v.value)) for v in shown[:MAX_VALUES]]
        if (more := len(shown) - MAX_VALUES) > 0:
            texts.append(("...", f"{more} more"))
        return Verdict(truth.value, tuple(texts), truth.margin)

    def count_steps(self, node: ast.AST, count: int = 1) -> None:
        """Fail if the check takes too many steps, so that every check ends soon."""
        self.steps += count
        if self.steps > MAX_STEPS:
            fail(node, f"the check takes more than {MAX_STEPS:,} steps")

    def visit(self, node: ast.AST) -> Value:
        """Evaluate a part without recording its value."""
        self.count_steps(node)
        value: Value = super().visit(node)
        return value

    def evaluate(self, node: ast.expr) -> Value:
        """Evaluate a part and record its value if it was read from a result."""
        value = self.visit(node)
        if value.expression and self.is_recording:
            self.values_read.setdefault(value.expression, value)
        return value

    def named(self, node: ast.expr, value: Value) -> Value:
        """Return a computed value with its text in the check as its expression.

        A truth value gets none, nor does a value in a comprehension, whose text has a variable.
        """
        if self.loops or value.expression or isinstance(value.value, bool):
            return value
        names = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
        if names <= CONSTANTS.keys():
            return value
        text = self.text[node.col_offset : node.end_col_offset]
        return replace(value, expression=" ".join(text.split()))

    def evaluate_truth(self, node: ast.expr) -> Value:
        """Evaluate a part that must be true or false."""
        value = self.evaluate(node)
        if not isinstance(value.value, bool):
            fail(node, f"must be true or false, not {describe(value.value)}")
        return value

    def evaluate_number(self, node: ast.expr) -> Value:
        """Evaluate a part that must be a number."""
        number = self.evaluate(node)
        if not is_number(number.value):
            fail(node, f"must be a number, not {describe(number.value)}")
        return number

    def elements(self, node: ast.expr, value: Value) -> list[Value]:
        """Return the elements of a value that must be a list."""
        if not is_list(value.value):
            fail(node, f"must be a list, not {describe(value.value)}")
        self.count_steps(node, len(value.value))
        return [value.element(i) for i in range(len(value.value))]

    def visit_Name(self, node: ast.Name) -> Value:
        return self.variables[node.id]

    def visit_Constant(self, node: ast.Constant) -> Value:
        return Value(node.value, computed_scale=0)

    def visit_List(self, node: ast.List) -> Value:
        return Value.from_elements([self.evaluate(part) for part in node.elts])

    def visit_Attribute(self, node: ast.Attribute) -> Value:
        container = self.visit(node.value)
        names = values.field_names(type(container.value))
        if names is None:
            hint = f'; write ["{node.attr}"]' if isinstance(container.value, Mapping) else ""
            fail(node, f"{describe(container.value)} has no fields{hint}")
        if node.attr not in names:
            raise values.missing_field_error(node, names)
        try:
            return container.part(getattr(container.value, node.attr), f".{node.attr}")
        except Exception as error:  # a property of a result can raise anything
            raise CheckError(f"{node.attr} cannot be read: {error}", node.col_offset) from error

    def visit_Subscript(self, node: ast.Subscript) -> Value:
        container, index = self.visit(node.value), self.visit(node.slice).value
        if isinstance(container.value, Mapping):
            if not isinstance(index, str | int) or index not in container.value:
                keys = [str(key) for key in container.value]
                hint = did_you_mean(str(index), keys)
                choices = shorten(", ".join(keys), 200)
                missing = f"there is no key {values.format_value(index)}{hint}"
                fail(node.slice, f"{missing}; available: {choices}")
            return container.part(container.value[index], f"[{json.dumps(index)}]")
        if not (is_list(container.value) or isinstance(container.value, str)):
            fail(node, f"{describe(container.value)} has no elements")
        if type(index) is not int:
            fail(node.slice, f"an index must be a whole number, not {describe(index)}")
        count = len(container.value)
        if not -count <= index < count:
            fail(node.slice, f"there is no element {index}: the length is {count}")
        return container.element(index)

    def visit_BoolOp(self, node: ast.BoolOp) -> Value:
        is_or = isinstance(node.op, ast.Or)
        truths: list[Value] = []
        for part in node.values:
            truths.append(self.evaluate_truth(part))
            if truths[-1].value is is_or:  # the rest cannot change the outcome
                break
        return values.disjunction(truths) if is_or else values.conjunction(truths)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            return self.evaluate_truth(node.operand).negated()
        number = self.evaluate_number(node.operand)
        return Value(-number.value, causes=(number,), computed_scale=number.scale)

    def visit_BinOp(self, node: ast.BinOp) -> Value:
        left, right = self.evaluate_number(node.left), self.evaluate_number(node.right)
        if isinstance(node.op, ast.Mult):
            if all(isinstance(side.value, int) for side in (left, right)):
                if left.value.bit_length() + right.value.bit_length() > MAX_BITS:
                    fail(node, "the number is too large")
        try:
            number = ARITHMETIC[type(node.op)](left.value, right.value)
            scale = values.combined_scale(type(node.op), left, right)
            return Value(number, causes=(left, right), computed_scale=scale)
        except ZeroDivisionError:
            fail(node, "division by zero")
        except OverflowError:
            fail(node, "the number is too large")

    def visit_Compare(self, node: ast.Compare) -> Value:
        left = self.named(node.left, self.evaluate(node.left))
        truths: list[Value] = []
        for sign, part in zip(node.ops, node.comparators, strict=True):
            right = self.named(part, self.evaluate(part))
            truths.append(self.compare(part, sign, left, right))
            if not truths[-1].value:
                break
            left = right
        return values.conjunction(truths)

    def compare(self, node: ast.expr, sign: ast.cmpop, left: Value, right: Value) -> Value:
        """Compare two values; fail if their types cannot be compared."""
        match sign:
            case ast.In():
                return Value(self.contains(node, right.value, left.value), causes=(left, right))
            case ast.NotIn():
                return Value(not self.contains(node, right.value, left.value), causes=(left, right))
            case ast.Eq():
                return self.equality(node, left, right)
            case ast.NotEq():
                return self.equality(node, left, right).negated()
        if not (is_number(left.value) and is_number(right.value)):
            types = f"{describe(left.value)} and {describe(right.value)}"
            fail(node, f"cannot order {types}; only numbers have an order")
        return values.comparison(bool(ORDER[type(sign)](left.value, right.value)), left, right)

    def equality(self, node: ast.expr, left: Value, right: Value) -> Value:
        """Compare two values for equality; the distance between ids is not a margin."""
        holds = self.is_equal(node, left.value, right.value)
        if isinstance(left.value, bool) and isinstance(right.value, bool):
            return values.equivalence(left, right)
        ids = any(values.is_id_expression(value.expression) for value in (left, right))
        if holds or ids or not (is_number(left.value) and is_number(right.value)):
            return Value(holds, causes=(left, right))
        return values.comparison(False, left, right)

    def is_equal(self, node: ast.expr, left: Any, right: Any) -> bool:
        """Compare two values of one type; null equals only itself."""
        self.count_steps(node)
        if left is None or right is None:
            return left is right
        if is_list(left) and is_list(right):
            pairs = zip(map(values.to_python, left), map(values.to_python, right), strict=False)
            return len(left) == len(right) and all(self.is_equal(node, a, b) for a, b in pairs)
        if isinstance(left, str) and isinstance(right, str):
            self.count_steps(node, min(len(left), len(right)) // TEXT_STEP)
        elif not (is_number(left) and is_number(right)) and not (
            isinstance(left, bool) and isinstance(right, bool)
        ):
            fail(node, f"cannot compare {describe(left)} with {describe(right)}")
        return bool(left == right)

    def contains(self, node: ast.expr, container: Any, item: Any) -> bool:
        """Look for an element in a list, a part in a text, or a key in a mapping."""
        if isinstance(container, str):
            if not isinstance(item, str):
                fail(node, f"{describe(item)} cannot be in a text")
            self.count_steps(node, len(container) // TEXT_STEP)
            return item in container
        if isinstance(container, Mapping):
            return isinstance(item, str | int) and item in container
        if not is_list(container):
            fail(node, f"nothing can be in {describe(container)}")
        return any(self.is_equal(node, item, values.to_python(other)) for other in container)

    def visit_ListComp(self, node: ast.ListComp) -> Value:
        (generator,) = node.generators
        name = values.name_of(generator.target)
        elements = []
        self.loops += 1
        for item in self.elements(generator.iter, self.visit(generator.iter)):
            self.variables[name] = item
            if all(self.evaluate_truth(condition).value for condition in generator.ifs):
                elements.append(self.evaluate(node.elt))
        self.loops -= 1
        self.variables.pop(name, None)
        return Value.from_elements(elements)

    def visit_Call(self, node: ast.Call) -> Value:
        name, argument = values.name_of(node.func), node.args[0]
        if name == "r":
            return self.other_result(node, ast.literal_eval(argument))
        if name == "abs":
            number = self.evaluate_number(argument)
            return Value(abs(number.value), causes=(number,))  # a distance is a number of its own
        if len(node.args) > 1:
            return self.aggregate(node, name, [self.evaluate_number(part) for part in node.args])
        was_recording = self.is_recording
        self.is_recording = was_recording and name in ("all", "any")
        value = self.visit(argument)
        self.is_recording = was_recording
        if name == "len":
            outcome = self.length(node, value)
        else:
            outcome = self.aggregate(node, name, self.elements(argument, value))
        if value.expression:
            outcome = replace(outcome, expression=f"{name}({value.expression})")
        return self.named(node, outcome)

    def other_result(self, node: ast.Call, name: str) -> Value:
        """Return the result of another experiment."""
        if self.result_of is None:
            fail(node, "the results of other experiments are not available here")
        try:
            return Value(self.result_of(name), f'r("{name}")')
        except LayerbookError as error:
            raise CheckError(str(error), node.col_offset) from error

    def length(self, node: ast.Call, value: Value) -> Value:
        """Return the length of a list, a text or a mapping."""
        if not (is_list(value.value) or isinstance(value.value, str | Mapping)):
            fail(node, f"{describe(value.value)} has no length")
        return Value(len(value.value))

    def aggregate(self, node: ast.Call, name: str, items: Sequence[Value]) -> Value:
        """Apply a function to the elements of a list."""
        takes_truths = name in ("all", "any")
        for item in items:
            is_bool = isinstance(item.value, bool)
            is_valid = is_bool if takes_truths else is_number(item.value)
            if not (is_valid or (is_bool and name == "sum")):
                expected = "true or false" if takes_truths else "numbers"
                fail(node, f"{name} is over {expected}; the list has {describe(item.value)}")
        if name == "all":
            return values.conjunction(items)
        if name == "any":
            return values.disjunction(items)
        if name == "monotone":
            self.count_steps(node, 4 * len(items))  # each pair has its margins
            return values.monotonicity(items)
        if name == "sum":
            return self.total(node, items)
        if not items:
            fail(node, f"the list is empty, so it has no {name}")
        return self.extreme(node, items, min if name == "min" else max)

    def extreme(
        self, node: ast.Call, items: Sequence[Value], choose: Callable[..., Value]
    ) -> Value:
        """Return the smallest or the largest of several numbers."""
        chosen = choose(items, key=lambda item: item.value)
        try:
            # A small difference of large numbers changes fast and can overtake the chosen number.
            reaches = (item.scale - abs(item.value - chosen.value) for item in items)
            scale = max(chosen.scale, *reaches)
        except OverflowError:
            fail(node, "the number is too large")
        return Value(chosen.value, causes=(chosen,), computed_scale=scale)

    def total(self, node: ast.Call, items: Sequence[Value]) -> Value:
        """Return the sum of numbers, or the number of trues."""
        try:
            return Value(
                sum(item.value for item in items), computed_scale=sum(item.scale for item in items)
            )
        except OverflowError:
            fail(node, "the number is too large")
