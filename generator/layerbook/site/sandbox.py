"""The sandboxed Jinja environment of all templates of a book.

A template reads fields of results and views, and calls the functions it was given, its own macros
and a few filters. All that it does counts as steps, and too many of them end it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import CodeType
from typing import Any

from jinja2 import TemplateRuntimeError, TemplateSyntaxError, Undefined, nodes, pass_context
from jinja2.environment import TemplateModule
from jinja2.exceptions import SecurityError
from jinja2.runtime import BlockReference, Context, LoopContext, Macro, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from layerbook.book.claims.values import field_names
from layerbook.site.prose.views import (
    FunctionView,
    ListView,
    MappingView,
    RecordView,
    count_values,
    identity,
    view,
)
from layerbook.site.sandbox_syntax import (
    CountingCodeGenerator,
    CountingTransformer,
    parse_template,
)

MAX_STEPS = 200_000  # about half a second
MAX_CALLS = 40  # inside each other
MAX_BITS = 1024  # of an integer, about 300 digits
MAX_PARTS = 10_000  # of `batch` and `slice`
MAX_SEPARATOR = 20

FILTERS = (
    *("abs", "batch", "count", "first", "last", "length", "list", "lower", "map", "max", "min"),
    *("reject", "rejectattr", "reverse", "round", "select", "selectattr", "slice", "sort", "sum"),
    "upper",
)
TESTS = (
    *("==", "!=", "<", "<=", ">", ">=", "eq", "ne", "lt", "le", "gt", "ge", "equalto", "in"),
    *("lessthan", "greaterthan", "boolean", "false", "true", "integer", "float", "number", "none"),
    *("string", "mapping", "sequence", "iterable", "defined", "undefined", "odd", "even"),
    *("divisibleby", "lower", "upper", "sameas"),
)
EQUALITY_TESTS = ("==", "!=", "eq", "ne", "equalto", "in")
METHODS: Mapping[type, tuple[str, ...]] = {
    str: ("startswith", "endswith", "lower", "upper", "strip"),
    list: ("index", "count"),
    tuple: ("index", "count"),
    ListView: ("index", "count"),
    dict: ("items", "keys", "values", "get"),
    MappingView: ("items", "keys", "values", "get"),
}
LOOP = (
    *("index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem"),
    *("nextitem", "depth", "depth0", "cycle", "changed"),
)
ELEMENTS = (str, list, tuple, ListView, Mapping, range, TemplateReference)
COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "lt": operator.lt,
    "lteq": operator.le,
    "gt": operator.gt,
    "gteq": operator.ge,
    "in": lambda item, container: item in container,
    "notin": lambda item, container: item not in container,
}


class LimitError(TemplateRuntimeError):
    """A template takes too long or writes too much."""


class Sandbox(ImmutableSandboxedEnvironment):
    """An environment with few filters, in which every step is allowed and counted.

    filters: beside those of Jinja in `FILTERS`.
    max_steps: for one piece of prose or one page; `restart` resets the count.
    """

    code_generator_class = CountingCodeGenerator
    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)
    intercepted_unops = frozenset(ImmutableSandboxedEnvironment.default_unop_table)

    def __init__(
        self,
        filters: Mapping[str, Callable[..., Any]],
        jinja_filters: Iterable[str] = FILTERS,
        max_steps: int = MAX_STEPS,
        **options: Any,
    ) -> None:
        super().__init__(optimized=False, trim_blocks=True, lstrip_blocks=True, **options)
        allowed: dict[str, Any] = {name: self.filters[name] for name in jinja_filters} | dict(
            filters
        )
        tests: dict[str, Any] = {name: self.tests[name] for name in TESTS}
        self.filters = {name: self._bounded(allowed[name], name) for name in allowed}
        self.tests = {name: self._bounded(tests[name], name) for name in tests}
        bounded_range: Any = self.globals["range"]
        self.globals = {"range": FunctionView("range", bounded_range)}
        self._max_steps = max_steps
        # Keeps each record alive, so that its id is not reused.
        self._fields: dict[tuple[int, str], tuple[RecordView, Any]] = {}
        self.restart()

    def restart(self) -> None:
        """Reset the count of steps."""
        self._steps = self._calls = 0

    def count(self, steps: int = 1) -> None:
        """Count steps. Raises LimitError if there are too many."""
        self._steps += steps
        if self._steps > self._max_steps:
            raise LimitError(f"the template takes more than {self._max_steps:,} steps")

    def measured(self, value: Any, *, deep: bool = False) -> Any:
        """Count the parts of a value as steps, and return it; `deep` enters lists of results."""
        self.count(count_values(value, self._max_steps - self._steps, deep=deep))
        return value

    def collected(self, value: Any) -> Any:
        """Count what is in a new list or mapping, and return it; nothing in it is undefined."""
        for element in (*value, *value.values()) if isinstance(value, dict) else value:
            if isinstance(element, Undefined):
                str(element)  # raises, with the name that is not defined
            if callable(element):
                raise TypeError(f"{element!r} cannot be in a list")
        return self.measured(value)

    def counted(self, items: Any) -> Iterator[Any]:
        """Iterate, and count each item."""
        return CountedItems(self, iter(items))

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return parse_template(self, source, name, filename)

    def _compile(self, source: str, filename: str) -> CodeType:
        try:
            return super()._compile(source, filename)
        except (SyntaxError, RecursionError, MemoryError):  # too many blocks inside each other
            raise TemplateSyntaxError("nested too deep", 1, None, filename) from None

    def _generate(
        self, source: nodes.Template, name: Any, filename: Any, defer_init: bool = False
    ) -> str:
        CountingTransformer(self).visit(source)
        return super()._generate(source, name, filename, defer_init)

    def concat(self, parts: Iterable[str]) -> str:
        """Join the output of a template or macro."""
        parts = list(parts)
        self.count(sum(map(len, parts)) // 100)
        return "".join(parts)

    def join_texts(self, *parts: Any) -> str:
        """Join as `~` does: markup if there is markup among the parts."""
        texts = [part if hasattr(part, "__html__") else str(self.measured(part)) for part in parts]
        self.count(sum(len(str(text)) for text in texts) // 100)
        if self.autoescape and any(hasattr(text, "__html__") for text in texts):
            return Markup("").join(texts)
        return "".join(map(str, texts))

    def compare(self, left: Any, *parts: Any) -> Any:
        """Compare as `left < right <= last` does."""
        holds: Any = True
        for name, right in zip(parts[::2], parts[1::2], strict=True):
            self.measured(left, deep=True)
            self.measured(right, deep=True)
            holds = COMPARISONS[name](left, right)
            if not holds:
                return holds
            left = right
        return holds

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a field, an allowed method, or the value under a key."""
        self.count()
        if isinstance(obj, Undefined):
            str(obj)  # raises, with the name that is not defined
        if isinstance(obj, RecordView) and attribute in dir(obj):
            return self._field(obj, attribute)
        if self.is_safe_attribute(obj, attribute, None):
            try:
                return view(getattr(obj, attribute))
            except AttributeError:
                pass
        return self._element(obj, attribute)

    def _field(self, record: RecordView, name: str) -> Any:
        """Return a field; a property is computed once, since it may take long."""
        key = (identity(record), name)
        if key not in self._fields:
            self._fields[key] = (record, self.measured(getattr(record, name)))
        return self._fields[key][1]

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an element, the value under a key, or a field."""
        self.count()
        if isinstance(obj, Undefined):
            str(obj)  # raises, with the name that is not defined
        value = self._element(obj, argument)
        if isinstance(value, Undefined) and isinstance(argument, str):
            return self.getattr(obj, argument)
        return value

    def _element(self, obj: Any, key: Any) -> Any:
        if isinstance(obj, ELEMENTS):
            try:
                return view(obj[key])
            except (TypeError, LookupError):
                pass
        return self.undefined(obj=obj, name=key)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow fields, and the methods of `METHODS`."""
        return attr in readable_names(obj)

    def is_safe_callable(self, obj: Any) -> bool:
        """Allow macros, blocks, recursive loops, and the methods of `METHODS` and `LOOP`."""
        if isinstance(obj, Macro | BlockReference | LoopContext):
            return True
        owner, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
        return name in (*METHODS.get(_plain_type(owner), ()), "cycle", "changed") and (
            isinstance(owner, LoopContext) or name not in ("cycle", "changed")
        )

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a function that the template was given, or one that is safe."""
        is_given = any(__obj is value for value in __context.parent.values())
        if isinstance(__obj, Undefined):
            str(__obj)  # raises, with the name that is not defined
        if not (is_given or __self.is_safe_callable(__obj)):
            raise SecurityError("a template cannot call this")
        if __self._calls >= MAX_CALLS:
            raise LimitError(f"the template makes more than {MAX_CALLS} calls inside each other")
        __self.count(getattr(__obj, "steps", 1))
        owner = getattr(__obj, "__self__", None)
        is_method = isinstance(owner, (*METHODS,))
        for value in (*args, *kwargs.values(), *([owner] if is_method else ())):
            __self.measured(value, deep=is_method)
        __self._calls += 1
        try:
            return view(__context.call(__obj, *args, **kwargs))
        finally:
            __self._calls -= 1

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate with numbers of bounded size; `+` also joins texts and lists."""
        self.count()
        for value in (left, right):
            if isinstance(value, Undefined):
                str(value)  # raises, with the name that is not defined
        if not (_is_number(left) and _is_number(right)):
            return self._join(operator, left, right)
        if isinstance(left, int) and isinstance(right, int):
            if _result_bits(operator, left, right) > MAX_BITS:
                raise OverflowError("the number is too large")
        try:
            number = self.binop_table[operator](left, right)
        except OverflowError:
            raise OverflowError("the number is too large") from None
        if isinstance(number, complex):
            raise ArithmeticError("there is no such number")
        return number

    def _join(self, operator: str, left: Any, right: Any) -> Any:
        if operator == "+" and isinstance(left, str) and isinstance(right, str):
            return self.measured(left + right)
        if operator == "+" and _is_list(left) and _is_list(right):
            return self.measured([*left, *right])
        wrong = right if _is_number(left) else left
        raise TypeError(f"{operator} needs numbers, not {wrong!r}")

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        """Change the sign of a number."""
        self.count()
        if isinstance(arg, Undefined):
            str(arg)
        if not _is_number(arg):
            raise TypeError(f"{operator} needs a number, not {arg!r}")
        return self.unop_table[operator](arg)

    def _bounded(self, function: Callable[..., Any], name: str) -> Callable[..., Any]:
        """Return a filter or test that counts what it reads and returns."""
        passed = getattr(function, "jinja_pass_arg", None)
        check_arguments = ARGUMENT_CHECKS.get(name)

        @pass_context
        def bounded(context: Context, value: Any, *args: Any, **kwargs: Any) -> Any:
            self.count()
            if isinstance(value, Iterator):
                value = self.counted(value)
            for argument in (value, *args, *kwargs.values()):
                self.measured(argument, deep=name in EQUALITY_TESTS)
            if check_arguments:
                check_arguments(*args, **kwargs)
            sources = {"context": context, "eval_context": context.eval_ctx, "environment": self}
            leading = (sources[passed.name],) if passed else ()
            result = function(*leading, value, *args, **kwargs)
            return self.counted(result) if isinstance(result, Iterator) else self.measured(result)

        return bounded


class CountedItems(Iterator[Any]):
    """The items of a loop, or of a filter such as `map`; each counts as a step."""

    def __init__(self, sandbox: Sandbox, items: Iterator[Any]) -> None:
        self._sandbox, self._items = sandbox, items

    def __next__(self) -> Any:
        item = next(self._items)
        self._sandbox.count()
        if isinstance(item, Undefined):
            str(item)  # raises, with the name that is not defined
        return view(item)

    def __str__(self) -> str:
        raise TypeError("the result of this filter is not a list yet; add `| list`")

    def __repr__(self) -> str:
        return "the result of a filter; add `| list`"


def readable_names(obj: object) -> Sequence[str]:
    """Return the names that a template may read of a value: its fields, and a few methods."""
    if isinstance(obj, RecordView):
        return dir(obj)
    if isinstance(obj, LoopContext):
        return LOOP
    if isinstance(obj, TemplateModule):
        return [name for name in vars(obj) if not name.startswith("_")]
    if hasattr(type(obj), "_fields"):
        return tuple(getattr(obj, "_fields", ()))
    if methods := METHODS.get(_plain_type(obj)):
        return methods
    names = field_names(type(obj)) or ()
    constants = (name for name, value in vars(type(obj)).items() if isinstance(value, str))
    public = (name for name in constants if names and not name.startswith("_"))
    return list(dict.fromkeys((*names, *public)))


def _plain_type(value: object) -> type:
    return next((kind for kind in METHODS if isinstance(value, kind)), object)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float)


def _result_bits(operator: str, left: int, right: int) -> int:
    """Return how many bits the result of an operation may have."""
    if operator == "**":
        return left.bit_length() * max(right, 0)
    if operator == "*":
        return left.bit_length() + right.bit_length()
    return max(left.bit_length(), right.bit_length()) + 1


def _is_list(value: object) -> bool:
    return isinstance(value, list | tuple | ListView)


def _check_round(precision: object = 0, method: str = "common") -> None:
    if not isinstance(precision, int) or abs(precision) > 300:
        raise TypeError("round needs a number of digits up to 300")


def _check_parts(number: object, *_: object, **__: object) -> None:
    if type(number) is not int or not 1 <= number <= MAX_PARTS:
        raise TypeError(f"the number of parts should be from 1 to {MAX_PARTS:,}, not {number!r}")


def _check_join(d: str = "", attribute: object = None) -> None:
    if len(d) > MAX_SEPARATOR:
        raise ValueError(f"join takes a separator of up to {MAX_SEPARATOR} characters")


def _check_sum(attribute: object = None, start: object = 0) -> None:
    if not _is_number(start):
        raise TypeError(f"sum needs numbers, not {start!r}")


ARGUMENT_CHECKS: Mapping[str, Callable[..., None]] = {
    "round": _check_round,
    "batch": _check_parts,
    "slice": _check_parts,
    "sum": _check_sum,
    "join": _check_join,
}
"""The types that arguments of a filter may have."""
