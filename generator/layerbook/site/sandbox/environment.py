"""The sandboxed Jinja environment of all templates of a book.

A template reads fields of results and views. It calls the functions that the page or the prose
provides, its own macros, and a few filters. Every step is counted, and too many are an error.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType
from typing import Any

from jinja2 import (
    TemplateError,
    TemplateRuntimeError,
    TemplateSyntaxError,
    Undefined,
    nodes,
    pass_context,
)
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, TemplateReference
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from layerbook.site.sandbox import views
from layerbook.site.sandbox.arithmetic import calculate, is_number
from layerbook.site.sandbox.filters import ARGUMENT_CHECKS, EQUALITY_TESTS, FILTERS, TESTS
from layerbook.site.sandbox.syntax import CountingCodeGenerator, CountingTransformer, parse_template

MAX_STEPS = 200_000  # about half a second
MAX_CALLS = 40  # inside each other
TEMPLATE_ERRORS = (
    TemplateError,
    TypeError,
    ValueError,
    LookupError,
    ArithmeticError,
    AttributeError,
)
"""The errors that a mistake in a template can raise."""
ELEMENTS = (str, list, tuple, views.ListView, Mapping, range, TemplateReference)
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

    `CountingTransformer` routes loops, comparisons and the like through the methods below.

    filters: additional ones. jinja_filters: the names of allowed filters of Jinja.
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
        self._max_steps = max_steps
        allowed: dict[str, Any] = {name: self.filters[name] for name in jinja_filters}
        allowed |= filters
        tests: dict[str, Any] = {name: self.tests[name] for name in TESTS}
        self.filters = {name: self._bounded(function, name) for name, function in allowed.items()}
        self.tests = {name: self._bounded(function, name) for name, function in tests.items()}
        bounded_range: Any = self.globals["range"]
        self.globals = {"range": views.FunctionView("range", bounded_range)}
        # Keeps each record alive, so that its id is not reused.
        self._fields: dict[tuple[int, str], tuple[views.RecordView, Any]] = {}
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
        """Count the parts of a value as steps, and return it; `deep` also counts inside results."""
        self.count(views.count_values(value, self._max_steps - self._steps, deep=deep))
        return value

    def collected(self, value: Any) -> Any:
        """Count the values in a new list or mapping, and return it.

        Raises UndefinedError for an undefined value, and TypeError for a function.
        """
        for element in (*value, *value.values()) if isinstance(value, dict) else value:
            views.require_defined(element)
            if callable(element):
                raise TypeError(f"{element!r} cannot be in a list")
        return self.measured(value)

    def counted(self, items: Any) -> Iterator[Any]:
        """Iterate, and count each item."""
        return CountedItems(self, iter(items))

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

    def _parse(self, source: str, name: str | None, filename: str | None) -> nodes.Template:
        return parse_template(self, source, name, filename)

    def _compile(self, source: str, filename: str) -> CodeType:
        try:
            return super()._compile(source, filename)
        except (SyntaxError, RecursionError, MemoryError):  # too many blocks inside each other
            raise TemplateSyntaxError("nested too deeply", 1, None, filename) from None

    def _generate(
        self, source: nodes.Template, name: Any, filename: Any, defer_init: bool = False
    ) -> str:
        CountingTransformer(self).visit(source)
        return super()._generate(source, name, filename, defer_init)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """Return a field, an allowed method, or the value under a key."""
        self.count()
        views.require_defined(obj)
        if isinstance(obj, views.RecordView) and attribute in dir(obj):
            return self._field(obj, attribute)
        if self.is_safe_attribute(obj, attribute, None):
            try:
                return views.view(getattr(obj, attribute))
            except AttributeError:
                pass
        return self._element(obj, attribute)

    def _field(self, record: views.RecordView, name: str) -> Any:
        """Return a field; a property is computed once, since it may take long."""
        key = (views.identity(record), name)
        if key not in self._fields:
            self._fields[key] = (record, self.measured(getattr(record, name)))
        return self._fields[key][1]

    def getitem(self, obj: Any, argument: Any) -> Any:
        """Return an element, the value under a key, or a field."""
        self.count()
        views.require_defined(obj)
        value = self._element(obj, argument)
        if isinstance(value, Undefined) and isinstance(argument, str):
            return self.getattr(obj, argument)
        return value

    def _element(self, obj: Any, key: Any) -> Any:
        if isinstance(obj, ELEMENTS):
            try:
                return views.view(obj[key])
            except (TypeError, LookupError):
                pass
        return self.undefined(obj=obj, name=key)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Allow fields, and the methods of `METHODS`."""
        return attr in views.readable_names(obj)

    def is_safe_callable(self, obj: Any) -> bool:
        """Allow macros, blocks, recursive loops, and a few methods."""
        return views.may_call(obj)

    def call(__self, __context: Context, __obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Call a function that the template is provided with, or one that is safe."""
        views.require_defined(__obj)
        is_provided = any(__obj is value for value in __context.parent.values())
        if not (is_provided or views.may_call(__obj)):
            raise SecurityError("a template cannot call this")
        if __self._calls >= MAX_CALLS:
            raise LimitError(f"the template makes more than {MAX_CALLS} calls inside each other")
        __self.count(getattr(__obj, "steps", 1))
        owner = getattr(__obj, "__self__", None)
        is_method = isinstance(owner, (*views.METHODS,))
        for value in (*args, *kwargs.values(), *([owner] if is_method else ())):
            __self.measured(value, deep=is_method)
        __self._calls += 1
        try:
            return views.view(__context.call(__obj, *args, **kwargs))
        finally:
            __self._calls -= 1

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """Calculate with numbers of bounded size; `+` also joins texts and lists."""
        self.count()
        views.require_defined(left, right)
        result = calculate(self.binop_table[operator], operator, left, right)
        return result if is_number(result) else self.measured(result)

    def call_unop(self, context: Context, operator: str, arg: Any) -> Any:
        """Change the sign of a number."""
        self.count()
        views.require_defined(arg)
        if not is_number(arg):
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

    def __init__(self, environment: Sandbox, items: Iterator[Any]) -> None:
        self._environment, self._items = environment, items

    def __next__(self) -> Any:
        item = next(self._items)
        self._environment.count()
        views.require_defined(item)
        return views.view(item)

    def __str__(self) -> str:
        raise TypeError("the result of this filter is not a list yet; add `| list`")

    def __repr__(self) -> str:
        return "the result of a filter; add `| list`"
