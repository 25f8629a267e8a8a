"""Deciding a check on results: bounded, strict about kinds, and keeping note of what it read."""

from __future__ import annotations

import ast
import json
import operator
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

from layerbook.book.claims.margins import Lean, distance, monotone, same, strongest, weakest
from layerbook.book.claims.parser import CONSTANTS, CheckError, column_of, no_field
from layerbook.book.claims.values import (
    Value,
    Verdict,
    cut,
    field_names,
    is_list,
    is_number,
    kind,
    names_something,
    plain,
    shown,
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


class Evaluation:
    """One check on one result."""

    def __init__(self, text: str, result: object, results: Callable[[str], object] | None) -> None:
        self.text, self.result, self.results = text, result, results
        self.steps = 0
        self.bound: dict[str, Value] = {}
        self.seen: dict[str, str] = {}

    def verdict(self, tree: ast.expr) -> Verdict:
        """Whether it holds, and the first few values that it read."""
        lean = self.truth(tree)
        shown = list(self.seen.items())
        if len(shown) > MAX_VALUES:
            shown = [*shown[:MAX_VALUES], ("...", f"{len(shown) - MAX_VALUES} more")]
        return Verdict(lean.holds, tuple(shown), lean.margin)

    def fail(self, node: ast.AST, message: str) -> NoReturn:
        """Raise the error at a part of the check."""
        raise CheckError(message, column_of(self.text, node))

    def step(self, node: ast.AST, count: int = 1) -> None:
        """Count work, so that every check ends soon."""
        self.steps += count
        if self.steps > MAX_STEPS:
            self.fail(node, f"the check takes more than {MAX_STEPS:,} steps")

    def value(self, node: ast.expr) -> Value:
        """A part's value; what was read of a result to get it is noted."""
        found = self.find(node)
        if found.read:
            self.seen.setdefault(found.read, shown(found.it))
        return found

    def find(self, node: ast.expr) -> Value:
        """A part's value and where it was read."""
        self.step(node)
        finder: Callable[[Any], Value] = getattr(self, f"_{type(node).__name__}")
        return finder(node)

    def truth(self, node: ast.expr) -> Lean:
        """A part's value, which must be true or false."""
        value = self.value(node)
        if not isinstance(value.it, bool):
            self.fail(node, f"must be true or false, not {kind(value.it)}")
        return value.lean

    def number(self, node: ast.expr) -> Any:
        """A part's value, which must be a number."""
        value = self.value(node).it
        if not is_number(value):
            self.fail(node, f"must be a number, not {kind(value)}")
        return value

    def items(self, node: ast.expr, found: Value) -> list[Value]:
        """The elements of a list, each with where it was read."""
        if not is_list(found.it):
            self.fail(node, f"must be a list, not {kind(found.it)}")
        self.step(node, len(found.it))
        at = (f"{found.read}[{i}]" if found.read else "" for i in range(len(found.it)))
        margins = found.margins or (None,) * len(found.it)
        rows = zip(found.it, at, margins, strict=True)
        return [Value(plain(item), read, margin) for item, read, margin in rows]

    def _Name(self, node: ast.Name) -> Value:
        if node.id == "result":
            return Value(self.result, "result")
        return self.bound[node.id] if node.id in self.bound else Value(CONSTANTS[node.id])

    def _Constant(self, node: ast.Constant) -> Value:
        return Value(node.value)

    def _List(self, node: ast.List) -> Value:
        return Value.row([self.value(part) for part in node.elts])

    def _Attribute(self, node: ast.Attribute) -> Value:
        owner = self.find(node.value)
        names = field_names(type(owner.it))
        if names is None:
            hint = f'; write ["{node.attr}"]' if isinstance(owner.it, Mapping) else ""
            self.fail(node, f"{kind(owner.it)} has no fields{hint}")
        if node.attr not in names:
            raise no_field(self.text, node, names)
        try:
            value = plain(getattr(owner.it, node.attr))
        except Exception as error:  # a property of a result that failed
            raise CheckError(
                f"{node.attr} cannot be read: {error}", column_of(self.text, node)
            ) from error
        return Value(value, f"{owner.read}.{node.attr}" if owner.read else "")

    def _Subscript(self, node: ast.Subscript) -> Value:
        owner, index = self.find(node.value), self.find(node.slice).it
        read = f"{owner.read}[{json.dumps(index, default=str)}]" if owner.read else ""
        if isinstance(owner.it, Mapping):
            if not isinstance(index, str | int) or index not in owner.it:
                there = [str(key) for key in owner.it]
                near = did_you_mean(str(index), there)
                self.fail(
                    node.slice,
                    f"there is no key {shown(index)}{near}; there are {cut(', '.join(there), 200)}",
                )
            return Value(plain(owner.it[index]), read)
        if not (is_list(owner.it) or isinstance(owner.it, str)):
            self.fail(node, f"{kind(owner.it)} has no elements")
        if type(index) is not int:
            self.fail(node.slice, f"an index must be a whole number, not {kind(index)}")
        if not -len(owner.it) <= index < len(owner.it):
            self.fail(node.slice, f"there is no element {index}: there are {len(owner.it)}")
        return Value(plain(owner.it[index]), read, owner.margins[index] if owner.margins else None)

    def _BoolOp(self, node: ast.BoolOp) -> Value:
        decisive = isinstance(node.op, ast.Or)
        leans: list[Lean] = []
        for part in node.values:
            leans.append(self.truth(part))
            if leans[-1].holds is decisive:
                break
        return Value.of(strongest(leans) if decisive else weakest(leans))

    def _UnaryOp(self, node: ast.UnaryOp) -> Value:
        if isinstance(node.op, ast.Not):
            return Value.of(self.truth(node.operand).reversed())
        return Value(-self.number(node.operand))

    def _BinOp(self, node: ast.BinOp) -> Value:
        left, right = self.number(node.left), self.number(node.right)
        try:
            return Value(ARITHMETIC[type(node.op)](left, right))
        except ZeroDivisionError:
            self.fail(node, "division by zero")
        except OverflowError:
            self.fail(node, "the number is too large")

    def _Compare(self, node: ast.Compare) -> Value:
        left = self.value(node.left)
        leans: list[Lean] = []
        for sign, part in zip(node.ops, node.comparators, strict=True):
            right = self.value(part)
            leans.append(self.compare(part, sign, left, right))
            if not leans[-1].holds:
                break
            left = right
        return Value.of(weakest(leans))

    def compare(self, node: ast.expr, sign: ast.cmpop, left: Value, right: Value) -> Lean:
        """One comparison; kinds that cannot be compared are an error rather than false."""
        if isinstance(sign, ast.In | ast.NotIn):
            return Lean(self.contains(node, right.it, left.it) is isinstance(sign, ast.In))
        numbers = is_number(left.it) and is_number(right.it)
        if isinstance(sign, ast.Eq | ast.NotEq):
            found = Lean(self.equal(node, left.it, right.it))
            if isinstance(left.it, bool) and isinstance(right.it, bool):
                found = same(left.lean, right.lean)
            elif (
                numbers
                and not found.holds
                and not (names_something(left.read) or names_something(right.read))
            ):
                found = Lean(False, distance(left.it, right.it))
            return found if isinstance(sign, ast.Eq) else found.reversed()
        if not numbers:
            self.fail(
                node,
                f"cannot order {kind(left.it)} and {kind(right.it)}; only numbers have an order",
            )
        return Lean(bool(ORDER[type(sign)](left.it, right.it)), distance(left.it, right.it))

    def equal(self, node: ast.expr, left: Any, right: Any) -> bool:
        """Equality of numbers, of texts, of truths, of lists; null equals only itself."""
        self.step(node)
        if left is None or right is None:
            return left is right
        if is_list(left) and is_list(right):
            pairs = zip(left, right, strict=False)
            return len(left) == len(right) and all(
                self.equal(node, plain(a), plain(b)) for a, b in pairs
            )
        alike = (is_number(left) and is_number(right)) or any(
            isinstance(left, t) and isinstance(right, t) for t in (str, bool)
        )
        if not alike:
            self.fail(node, f"cannot compare {kind(left)} with {kind(right)}")
        return bool(left == right)

    def contains(self, node: ast.expr, where: Any, what: Any) -> bool:
        """An element of a list, a part of a text, a key of a mapping."""
        if isinstance(where, str):
            if not isinstance(what, str):
                self.fail(node, f"{kind(what)} cannot be in a text")
            return what in where
        if isinstance(where, Mapping):
            return isinstance(what, str | int) and what in where
        if not is_list(where):
            self.fail(node, f"nothing can be in {kind(where)}")
        return any(self.equal(node, what, plain(item)) for item in where)

    def _ListComp(self, node: ast.ListComp) -> Value:
        generator = node.generators[0]
        assert isinstance(generator.target, ast.Name)
        name, out = generator.target.id, []
        for item in self.items(generator.iter, self.find(generator.iter)):
            self.bound[name] = item
            if all(self.truth(condition).holds for condition in generator.ifs):
                out.append(self.value(node.elt))
        self.bound.pop(name, None)
        return Value.row(out)

    def _Call(self, node: ast.Call) -> Value:
        assert isinstance(node.func, ast.Name)
        if node.func.id == "r":
            return self.other(node)
        call: Callable[[ast.Call, str], Value] = getattr(self, f"_{node.func.id}", self._fold)
        return call(node, node.func.id)

    def other(self, node: ast.Call) -> Value:
        """The result of another experiment."""
        name = node.args[0].value  # type: ignore[attr-defined]
        if self.results is None:
            self.fail(node, "the results of other experiments are not at hand here")
        try:
            return Value(self.results(name), f'r("{name}")')
        except LayerbookError as error:
            raise CheckError(str(error), column_of(self.text, node)) from error

    def _len(self, node: ast.Call, name: str) -> Value:
        found = self.find(node.args[0])
        if not (is_list(found.it) or isinstance(found.it, str | Mapping)):
            self.fail(node, f"{kind(found.it)} has no length")
        return Value(len(found.it), f"len({found.read})" if found.read else "")

    def _abs(self, node: ast.Call, name: str) -> Value:
        return Value(abs(self.number(node.args[0])))

    def _fold(self, node: ast.Call, name: str) -> Value:
        """The functions over a list; of a list that was read they show the outcome, not the list."""
        if len(node.args) > 1:
            return Value(FOLDS[name]([self.number(part) for part in node.args]))
        found = self.find(node.args[0])
        given = self.items(node.args[0], found)
        items = [item.it for item in given]
        wanted = bool if name in ("all", "any") else None
        for item in items:
            if not (
                isinstance(item, bool)
                if wanted or (name == "sum" and isinstance(item, bool))
                else is_number(item)
            ):
                expected = "true or false" if wanted else "numbers"
                self.fail(node, f"{name} is over {expected}; the list has {kind(item)}")
        if not items and name in ("min", "max"):
            self.fail(node, f"the list is empty, so it has no {name}")
        read = f"{name}({found.read})" if found.read else ""
        if name in TRUTHS:
            lean = TRUTHS[name](items if name == "monotone" else [item.lean for item in given])
            return Value(lean.holds, read, lean.margin)
        try:
            return Value(FOLDS[name](items), read)
        except OverflowError:
            self.fail(node, "the number is too large")


FOLDS: Mapping[str, Callable[[Any], Any]] = {"min": min, "max": max, "sum": sum}
TRUTHS: Mapping[str, Callable[[Any], Lean]] = {
    "all": weakest,
    "any": strongest,
    "monotone": monotone,
}
