"""Generate the guide's page on analyses and results from the classes that define them."""

from __future__ import annotations

import inspect
import json
import types
from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import BaseModel, TypeAdapter
from pydantic.fields import FieldInfo

from layerbook.book.figure_names import analysis_name_patterns, readable_names
from layerbook.book.sweep import Sweep, SweepResult
from layerbook.book.validation import models_in
from layerbook.core import registry
from layerbook.core.analysis import Result, SidecarFile
from layerbook.core.own_code import NO_CODE, OwnCode
from layerbook.core.prompts import ChatPrompt
from layerbook.core.tokens import Token

INTRODUCTION = """\
---
title: Analyses and results
summary: "The parameters of every analysis and the fields of its result."
unnumbered: true
---
{# numerals: from the documentation of the code #}
For each analysis, the first table lists the parameters for a spec. A prompt is a text or a
[chat](#chat). `Figures` are the names for `figure("id", "name")`; `*` stands for a part that
depends on the result, such as the number of a prompt or a layer. The second table lists the fields
of the result, which texts and claims can read.

The result of an experiment is in `experiments/results/MODEL/CHAPTER/ID.json`;
`layerbook run SPEC.yaml --out DIR` writes `DIR/ID.json`. Every file begins with the same fields:

- `id`, `chapter`, `analysis` and `model`,
- `spec`, the parameters with defaults filled in and layers resolved,
- `key`, the digests of the spec, the code, the weights and the tokenizer, and the `versions` of the
  libraries that can change numbers,
- `digest`, the sha256 of the file without this line.

The fields of the analysis follow. A token is `{"id", "text", "hex", "special"}`: `text` is what the
id alone decodes to, and `hex` are its bytes. In shapes, T is tokens, D d_model, H query heads,
K key/value heads, d d_head, M d_mlp and V the vocabulary. Floats have their shortest exact form. A
large array is in the file `ID.DIGEST.safetensors`, and its field is
`{"file", "array", "shape", "dtype", "sha256"}`.

`layerbook schema results` generates this page from the code.
"""
TYPE_NAMES = {
    int: "integer",
    float: "number",
    str: "text",
    bool: "true or false",
    date: "date",
    Token: "token",
    ChatPrompt: "chat",
    np.ndarray: "array",
}


def results_markdown(own_code: OwnCode = NO_CODE) -> str:
    """Return the whole page, with the analyses of `own_code`."""
    sections = [INTRODUCTION]
    for name in registry.names(own_code):
        analysis_type = registry.find(name, own_code)
        names = readable_names(analysis_name_patterns(analysis_type))
        figures = ", ".join(f"`{figure}`" for figure in names)
        sections += [
            f"\n## {name}\n\n{_description(analysis_type)}\n\n{_parameter_table(analysis_type)}",
            f"Figures: {figures}\n\n{_field_table(analysis_type.result_type)}",
        ]
    sections += [
        f"\n## chat\n\n{inspect.getdoc(ChatPrompt)}\n\n{_parameter_table(ChatPrompt).rstrip()}\n",
        f"\n## sweep\n\n{_description(Sweep)}\n\n",
        f"Figures: one for each view\n\n{_field_table(SweepResult)}",
    ]
    return "".join(sections)


def _field_table(result_type: type[Result]) -> str:
    rows = (f"| `{row.path}` | {row.kind} | {row.text} |\n" for row in _rows(result_type))
    return f"| field | type | what it is |\n|---|---|---|\n{''.join(rows)}"


def _parameter_table(documented: type[BaseModel]) -> str:
    """Return the table of the parameters; empty if there are none."""
    rows = []
    for row in _rows(documented):
        name = row.path if "." in row.path else row.path.removesuffix("[]")
        field = documented.model_fields.get(name)
        default = "" if field is None else _default(field)
        rows.append(f"| `{name}` | {row.kind} | {default} | {row.text} |\n")
    header = "| parameter | type | default | what it is |\n|---|---|---|---|\n"
    return f"{header}{''.join(rows)}\n" if rows else ""


def _default(field: FieldInfo) -> str:
    """Return a default as a spec would write it."""
    if field.is_required():
        return "required"
    value = TypeAdapter(Any).dump_python(field.get_default(call_default_factory=True), mode="json")
    return f"`{json.dumps(value, ensure_ascii=False)}`".replace("|", "\\|")


def _description(documented: type) -> str:
    """Return a docstring with its labeled lines as a list."""
    first, _, rest = _no_links(inspect.getdoc(documented) or "").partition("\n")
    items: list[str] = []
    for line in filter(None, (line.strip() for line in rest.splitlines())):
        label, colon, _ = line.partition(":")
        if colon and label in ("Shapes", "Units", "Limits", "Source"):
            items.append(f"- {line}")
        elif items:
            items[-1] += f" {line}"
        else:
            first += f" {line}"
    return "\n".join([first, "", *items]) if items else first


def _no_links(text: str) -> str:
    """Escape brackets such as `[layer][head]`, which Markdown would read as a link."""
    return text.replace("][", "]\\[")


class _Row(NamedTuple):
    """A field: its path in the record, its type and its description."""

    path: str
    kind: str
    text: str


def _rows(model: type[BaseModel], prefix: str = "") -> Iterator[_Row]:
    """Yield every field, also of nested records."""
    hints = get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        inner = next(models_in(hints[name]), None)
        path = prefix + name
        if inner is not None and _is_list(hints[name]):
            path += "[]"
        description = _no_links(" ".join((field.description or "").split())).replace("|", "\\|")
        yield _Row(path, _type_name(hints[name]), description)
        if inner is not None and inner is not ChatPrompt:
            yield from _rows(inner, f"{path}.")


def _is_list(hint: Any) -> bool:
    return get_origin(hint) in (tuple, list) or any(_is_list(part) for part in get_args(hint))


def _type_name(hint: Any) -> str:
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        if any(isinstance(part, SidecarFile) for part in parts):
            return "array, in a file beside"
        return _type_name(parts[0])
    if origin is Literal:
        return " or ".join(f"`{part!r}`".replace("'", '"') for part in parts)
    if origin in (Union, types.UnionType):
        return " or ".join("null" if part is type(None) else _type_name(part) for part in parts)
    if origin is tuple:
        names = dict.fromkeys(_type_name(part) for part in parts if part is not Ellipsis)
        count = "list of" if Ellipsis in parts else f"{len(parts)} ×"
        return f"{count} {' and '.join(names)}"
    if origin is dict:
        return f"record of {_type_name(parts[1])}"
    return TYPE_NAMES.get(hint, "record") if inspect.isclass(hint) else "value"
