"""What a spec may say: the keys of a book, a chapter, an experiment and a claim, and their JSON Schema.

The schema is JSON Schema 2020-12. Which keys an experiment has beside its own depends on its `analysis`: one condition
for each analysis leads to a closed object, so that an editor completes the parameters of the one that is named.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema

from layerbook.core import registry

DIALECT = "https://json-schema.org/draft/2020-12/schema"
NAME_PATTERN = r"^[a-z0-9][a-z0-9-]*$"
# Files beside the chapters', in the specs and in the site.
RESERVED_NAMES = ("book", "index", "claims", "colophon", "references")

Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=60)]
ColumnName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
NonEmptyStr = Annotated[str, Field(min_length=1)]
Date = Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$")]
Evidence = Literal["definition", "observation", "correlation", "intervention"]
Part = Literal["tokens", "embeddings", "position", "attention", "mlp", "linear", "sampling"]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClaimSpec(_Spec):
    """A sentence and the check that decides whether it holds."""

    says: NonEmptyStr = Field(description="The sentence, as the book prints it; inline Markdown.")
    check: NonEmptyStr = Field(
        description='The check, as docs/claims.md explains: result.prompts[0].top[0].text == "4".'
    )


class FileAxis(_Spec):
    """The values of an axis from a file beside the spec."""

    file: NonEmptyStr = Field(
        description="A .txt (a value a line), .csv or .jsonl file, as a path from the spec's folder."
    )
    column: NonEmptyStr | None = Field(
        default=None, description="Which column has the values; the others become tags."
    )
    sha256: str | None = Field(
        default=None, description="The file's digest, where it must not change unnoticed."
    )


class ViewSpec(_Spec):
    """One figure of a sweep: a measure across the grid, or the cells' own figure to step through."""

    title: str = Field(
        default="", description="The figure's heading; without one, it says what is drawn."
    )
    measure: NonEmptyStr | None = Field(
        default=None, description="The measure that is drawn: its mean over all that is not named."
    )
    across: NonEmptyStr | None = Field(default=None, description="The column along the horizontal axis.")
    down: NonEmptyStr | None = Field(
        default=None, description="The column down the side: makes it a heat map."
    )
    by: NonEmptyStr | None = Field(default=None, description="The column that gives each line its colour.")
    panels: NonEmptyStr | None = Field(
        default=None, description="The column that gives each of its values a chart."
    )
    figure: NonEmptyStr | None = Field(
        default=None, description="Instead of a measure, a figure of the analysis."
    )
    over: NonEmptyStr | None = Field(
        default=None, description="The axis to step along, the others at their first value."
    )


class ExperimentSpec(_Spec):
    """One experiment; the keys beside these are the parameters of its analysis."""

    id: Name = Field(
        description="Names the experiment within its chapter, its result's file and its figures."
    )
    title: str = Field(
        default="",
        description="The heading of figures that have none of their own, in plain words.",
    )
    analysis: NonEmptyStr = Field(
        description="Which analysis runs: a file of generator/analyses, with hyphens."
    )
    evidence: Evidence = Field(
        default="observation", description="What its figures can show; printed as a badge."
    )
    badges: dict[NonEmptyStr, Evidence] = Field(
        default={},
        description="Other badges for single figures, by name or by how it begins (up to a hyphen).",
    )
    original: bool | tuple[NonEmptyStr, ...] = Field(
        default=False,
        description="Drawn as the lecture drew it, faults included: all figures, or those named, as under badges.",
    )
    captions: dict[NonEmptyStr, NonEmptyStr] = Field(
        default={},
        description="Captions by the figure's name, or by how the name begins (up to a hyphen).",
    )
    claims: tuple[ClaimSpec, ...] = Field(
        default=(), description="What the chapter says of the result, checked."
    )
    sweep: dict[NonEmptyStr, Annotated[tuple[Any, ...], Field(min_length=1)] | FileAxis] = Field(
        default={},
        description="Parameters and the values each takes; every combination is a cell of its own.",
    )
    measures: dict[ColumnName, NonEmptyStr] = Field(
        default={},
        description="What to keep of each cell, by name: an expression over its `result` and its `cell`.",
    )
    views: dict[Name, ViewSpec] = Field(
        default={}, description="How a sweep is drawn, by the names of the figures."
    )


class ChapterSpec(_Spec):
    """One chapter of the book."""

    chapter: Name = Field(description="Names the chapter: its file, its page, its prose.")
    title: NonEmptyStr = Field(description="The chapter's heading.")
    summary: str = Field(default="", description="One line for the list of chapters.")
    part: Part | None = Field(
        default=None, description="Which box of the diagram of the model the chapter is about."
    )
    experiments: tuple[Any, ...] = Field(default=(), description="What the chapter runs and shows.")


class BookSpec(_Spec):
    """The book: its title page, its model, the order of its chapters."""

    title: NonEmptyStr = Field(description="The title.")
    subtitle: str = Field(default="", description="The line below it.")
    authors: tuple[NonEmptyStr, ...] = Field(default=(), description="Who wrote it.")
    published: Date | None = Field(
        default=None, description="The day of publication, for archives: YYYY-MM-DD."
    )
    licence: str = Field(
        default="", description="The licence of the book, for archives: its SPDX name."
    )
    language: NonEmptyStr = Field(
        default="en", description="The language of the prose, as BCP 47 writes it."
    )
    model: NonEmptyStr = Field(
        description="The model: a name, a folder, a .gguf file, or ORG/NAME@REVISION of the Hub."
    )
    chapters: tuple[Name, ...] = Field(
        min_length=1, description="The chapters in order; each is experiments/NAME.yaml."
    )


class _UntitledSchema(GenerateJsonSchema):
    """Without the titles that pydantic makes up from the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def book_schema() -> dict[str, Any]:
    """The JSON Schema of experiments/book.yaml."""
    schema = BookSpec.model_json_schema(schema_generator=_UntitledSchema)
    return {"$schema": DIALECT, **schema, "title": "Layerbook book"}


def chapter_schema() -> dict[str, Any]:
    """The JSON Schema of a chapter's spec, over all analyses; imports each of them."""
    analyses = {name: registry.find(name) for name in registry.names()}
    models: list[type[BaseModel]] = [*analyses.values(), ExperimentSpec, ChapterSpec]
    refs, shared = models_json_schema(
        [(model, "validation") for model in models],
        schema_generator=_UntitledSchema,
        ref_template="#/$defs/{model}",
    )
    defs = shared["$defs"]

    def definition(model: type[BaseModel]) -> JsonSchemaValue:
        found: JsonSchemaValue = defs.pop(
            refs[model, "validation"]["$ref"].removeprefix("#/$defs/")
        )
        return found

    parameters = {name: definition(model) for name, model in analyses.items()}
    common, chapter = definition(ExperimentSpec), definition(ChapterSpec)
    closed = {name: _closed_object(name, common, of) for name, of in parameters.items()}
    chapter["properties"]["experiments"]["items"] = {"$ref": "#/$defs/experiment"}
    head = {"$schema": DIALECT, **chapter, "title": "Layerbook chapter"}
    return head | {"$defs": {"experiment": _experiment_object(common, tuple(closed)), **closed, **defs}}


def _experiment_object(common: JsonSchemaValue, names: tuple[str, ...]) -> JsonSchemaValue:
    """Any experiment: its common keys, and for each analysis the closed object that it must then be."""
    properties = common["properties"] | {
        "analysis": common["properties"]["analysis"] | {"enum": list(names)}
    }
    branches = [
        {
            "if": {"properties": {"analysis": {"const": name}}, "required": ["analysis"]},
            "then": {"$ref": f"#/$defs/{name}"},
        }
        for name in names
    ]
    described = {"type": "object", "description": common["description"]}
    return described | {"properties": properties, "required": common["required"], "allOf": branches}


def _closed_object(name: str, common: JsonSchemaValue, parameters: JsonSchemaValue) -> JsonSchemaValue:
    """An experiment of one analysis, with every key that it may have; a required one may be swept instead."""
    about = str(parameters.get("description", name)).split("\n\n")[0].replace("\n", " ")
    own = parameters.get("properties", {})
    shared = {key: {"$ref": f"#/$defs/experiment/properties/{key}"} for key in common["properties"]}
    values = common["properties"]["sweep"]["additionalProperties"]
    sweep = common["properties"]["sweep"] | {"properties": dict.fromkeys((*own, "model"), values)}
    sweep |= {"additionalProperties": False}
    properties = shared | {"analysis": {"const": name, "description": about}, "sweep": sweep} | own
    given = [_given_or_in_sweep(parameter) for parameter in parameters.get("required", ())]
    closed = {
        "type": "object",
        "description": about,
        "properties": properties,
        "required": common["required"],
    }
    return closed | {"additionalProperties": False} | ({"allOf": given} if given else {})


def _given_or_in_sweep(parameter: str) -> JsonSchemaValue:
    swept = {"required": ["sweep"], "properties": {"sweep": {"required": [parameter]}}}
    return {"anyOf": [{"required": [parameter]}, swept]}
