"""docs/results.md: the shape of every result, from the classes that write them."""

from __future__ import annotations

import inspect
import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

import numpy as np
from pydantic import BaseModel

from layerbook.book.sweep import SweepAnalysis
from layerbook.core import registry
from layerbook.core.analysis import Analysis, SidecarFile
from layerbook.core.tokens import Token

INTRODUCTION = """\
# Results

Every experiment writes `experiments/results/MODEL/CHAPTER/ID.json`, and `layerbook run SPEC.yaml --out DIR` writes
`DIR/ID.json`. This page is made from the code by `layerbook schema results`.

Every file begins with the same fields: `id`, `chapter`, `analysis`, `model`; `spec`, the parameters with defaults
filled in and layers resolved; `key`, digests of the spec, the code, the weights and the tokenizer, and the `versions`
of the libraries that move numbers; `digest`, the sha256 of the file without that line. What the analysis measured
follows.

A token is `{"id", "text", "hex", "special"}`: what the id alone decodes to, and its bytes in hexadecimal. Shapes are
written T tokens, D d_model, H query heads, K key/value heads, d d_head, M d_mlp, V vocabulary. Floats have the shortest
form that gives them back. An array too big to read lies in `ID.DIGEST.safetensors` beside, and in its place stands
`{"file", "array", "shape", "dtype", "sha256"}`.
"""


def results_markdown() -> str:
    """The whole page."""
    return (
        INTRODUCTION
        + "".join(_analysis_section(name, registry.find(name)) for name in registry.names())
        + _analysis_section("sweep", SweepAnalysis)
    )


def _analysis_section(name: str, cls: type[Analysis[Any]]) -> str:
    about = inspect.getdoc(cls) or ""
    lines = [
        f"\n## {name}\n\n{_paragraphs(about)}\n\n| field | type | what it is |\n|---|---|---|\n"
    ]
    lines += [
        f"| `{path}` | {kind} | {what} |\n" for path, kind, what in _field_rows(cls.result_type, "")
    ]
    return "".join(lines)


def _paragraphs(about: str) -> str:
    """The docstring, each of its labelled lines an item."""
    first, _, rest = about.partition("\n")
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


def _field_rows(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, str, str]]:
    hints = get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        inner, path = _model_in(hints[name]), prefix + name
        many = "[]" if inner is not None and _is_many(hints[name]) else ""
        what = " ".join((field.description or "").split()).replace("|", "\\|")
        yield f"{path}{many}", _type_name(hints[name]), what
        if inner is not None:
            yield from _field_rows(inner, f"{path}{many}.")


def _model_in(hint: Any) -> type[BaseModel] | None:
    if inspect.isclass(hint) and issubclass(hint, BaseModel):
        return hint
    return next((found for part in get_args(hint) if (found := _model_in(part)) is not None), None)


def _is_many(hint: Any) -> bool:
    return get_origin(hint) in (tuple, list) or any(_is_many(part) for part in get_args(hint))


def _type_name(hint: Any) -> str:
    """The type in a reader's words."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return (
            "array, in a file beside"
            if any(isinstance(p, SidecarFile) for p in parts[1:])
            else _type_name(parts[0])
        )
    if origin is Literal:
        return " or ".join(f"`{part!r}`".replace("'", '"') for part in parts)
    if origin in (Union, types.UnionType):
        return " or ".join("null" if part is type(None) else _type_name(part) for part in parts)
    if origin is tuple:
        kinds = list(dict.fromkeys(_type_name(part) for part in parts if part is not Ellipsis))
        return (
            f"list of {' and '.join(kinds)}"
            if Ellipsis in parts
            else f"{len(parts)} × {' and '.join(kinds)}"
        )
    if origin is dict:
        return f"record of {_type_name(parts[1])}"
    words = {
        int: "integer",
        float: "number",
        str: "text",
        bool: "true or false",
        Token: "token",
        np.ndarray: "array",
    }
    return words.get(hint, "record") if inspect.isclass(hint) else "value"
