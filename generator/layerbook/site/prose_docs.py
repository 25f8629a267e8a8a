"""Generate the guide's page on functions and filters of prose from their docstrings."""

from __future__ import annotations

import inspect
import itertools
import re
from collections.abc import Callable, Iterator

from layerbook.site.prose.filters import FILTERS
from layerbook.site.prose.functions import FUNCTIONS

INTRODUCTION = """\
---
title: Functions and filters
summary: "All that a text can call, and how values are written."
unnumbered: true
---
{# numerals: examples #}
`layerbook schema prose` generates this page from the code.
[Every block by example](../chapters/examples.md) shows each at work.

A text asks for values in double braces. Conditions and settings stand in `{` and `%`. They read
results:

```jinja
{{ r("france").prompts[0].top[0].prob | percent }}
{% set top = r("france").prompts[0].top %}
{% if holds("france") %}The model knows the city: {{ tok(top[0]) }}.{% endif %}
```

`r("id")` has the fields that [Analyses and results](results.md) lists. An experiment of another
chapter is `r("chapter/id")`, in all functions that take an id.
"""
_USAGE = re.compile(r"`(?P<usage>.+?)`: (?P<text>.*)", re.DOTALL)
_PARAMETER = re.compile(r"(?P<name>[a-z_]+): (?P<text>.*)")


def prose_markdown() -> str:
    """Return the whole page."""
    functions = itertools.starmap(_function_section, FUNCTIONS.items())
    filters = [_filter_section(name, function) for name, function in FILTERS.items()]
    return "".join([INTRODUCTION, "\n## Functions\n", *functions, "\n## Filters\n", *filters])


def _function_section(name: str, function: Callable[..., object]) -> str:
    match = _USAGE.match(inspect.getdoc(function) or "")
    if match is None:
        raise ValueError(f"the docstring of {name}() does not begin with its usage in backquotes")
    usage = match["usage"]
    if usage.startswith("{%"):
        listing = f"{usage}\nText, figures and claims.\n{{% endcall %}}"
    else:
        listing = f"{{{{ {usage} }}}}"
    return f"\n### {name}\n\n```jinja\n{listing}\n```\n\n{_text(match['text'])}\n"


def _filter_section(name: str, function: Callable[..., object]) -> str:
    value, *options = inspect.signature(function).parameters.values()
    written = ", ".join(f"{option.name}={option.default}" for option in options)
    usage = f"{value.name} | {name}{f'({written})' if options else ''}"
    return (
        f"\n### {name}\n\n```jinja\n{{{{ {usage} }}}}\n```\n\n"
        f"{_text(inspect.getdoc(function) or '')}\n"
    )


def _text(docstring: str) -> str:
    return "\n\n".join(_paragraphs(docstring))


def _paragraphs(docstring: str) -> Iterator[str]:
    """Yield a docstring's paragraphs, without what only callers from Python need."""
    for paragraph in docstring.split("\n\n"):
        text = " ".join(paragraph.split())
        if text.startswith("Raises "):
            continue
        if parameter := _PARAMETER.match(text):
            yield f"`{parameter['name']}`: {parameter['text']}"
        else:
            yield text[:1].upper() + text[1:]
