"""A Jinja environment that counts the steps of a template and stops it after too many."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Mapping
from types import CodeType
from typing import Any

from jinja2 import TemplateRuntimeError, TemplateSyntaxError, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from layerbook.site.sandbox.access import require_defined
from layerbook.site.sandbox.syntax import (
    CountingCodeGenerator,
    CountingTransformer,
    parse_template,
)
from layerbook.site.sandbox.views import count_values, view

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


class CountingEnvironment(ImmutableSandboxedEnvironment):
    """An environment with a limit for the steps of one piece of prose or one page.

    `CountingTransformer` routes loops, comparisons and the like through the methods below.
    """

    code_generator_class = CountingCodeGenerator

    def __init__(self, max_steps: int, **options: Any) -> None:
        super().__init__(**options)
        self._max_steps = max_steps
        self.restart()

    def restart(self) -> None:
        """Reset the count of steps."""
        self._steps = 0

    def count(self, steps: int = 1) -> None:
        """Count steps. Raises LimitError if there are too many."""
        self._steps += steps
        if self._steps > self._max_steps:
            raise LimitError(f"the template takes more than {self._max_steps:,} steps")

    def measured(self, value: Any, *, deep: bool = False) -> Any:
        """Count the parts of a value as steps, and return it; `deep` also counts inside results."""
        self.count(count_values(value, self._max_steps - self._steps, deep=deep))
        return value

    def collected(self, value: Any) -> Any:
        """Count the values in a new list or mapping, and return it.

        Raises UndefinedError for an undefined value, and TypeError for a function.
        """
        for element in (*value, *value.values()) if isinstance(value, dict) else value:
            require_defined(element)
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


class CountedItems(Iterator[Any]):
    """The items of a loop, or of a filter such as `map`; each counts as a step."""

    def __init__(self, environment: CountingEnvironment, items: Iterator[Any]) -> None:
        self._environment, self._items = environment, items

    def __next__(self) -> Any:
        item = next(self._items)
        self._environment.count()
        require_defined(item)
        return view(item)

    def __str__(self) -> str:
        raise TypeError("the result of this filter is not a list yet; add `| list`")

    def __repr__(self) -> str:
        return "the result of a filter; add `| list`"
