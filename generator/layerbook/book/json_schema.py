"""The JSON Schemas of specs, for editors.

The keys of an experiment depend on its `analysis`: a condition for each analysis leads to a closed
object, so that editors complete the parameters of that analysis.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema

from layerbook.book.schema import BookSpec, ChapterSpec, ExperimentSpec
from layerbook.core import registry
from layerbook.core.own_code import NO_CODE, OwnCode

DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _UntitledSchema(GenerateJsonSchema):
    """Leave out the titles that pydantic derives from the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def book_schema() -> dict[str, Any]:
    """Return the JSON Schema of experiments/book.yaml."""
    schema = BookSpec.model_json_schema(schema_generator=_UntitledSchema)
    return {"$schema": DIALECT, **schema, "title": "Layerbook book"}


def chapter_schema(own_code: OwnCode = NO_CODE) -> dict[str, Any]:
    """Return the JSON Schema of a chapter's spec; imports all analyses, also a book's own."""
    analyses = {name: registry.find(name, own_code) for name in registry.names(own_code)}
    models: list[type[BaseModel]] = [*analyses.values(), ExperimentSpec, ChapterSpec]
    refs, shared = models_json_schema(
        [(model, "validation") for model in models],
        schema_generator=_UntitledSchema,
        ref_template="#/$defs/{model}",
    )
    defs = shared["$defs"]

    def pop_definition(model: type[BaseModel]) -> JsonSchemaValue:
        ref = refs[model, "validation"]["$ref"]
        definition: JsonSchemaValue = defs.pop(ref.removeprefix("#/$defs/"))
        return definition

    parameters = {name: pop_definition(model) for name, model in analyses.items()}
    common, chapter = pop_definition(ExperimentSpec), pop_definition(ChapterSpec)
    closed = {name: _closed_object(name, common, keys) for name, keys in parameters.items()}
    chapter["properties"]["experiments"]["items"] = {"$ref": "#/$defs/experiment"}
    return {
        "$schema": DIALECT,
        **chapter,
        "title": "Layerbook chapter",
        "$defs": {"experiment": _experiment_object(common, tuple(closed)), **closed, **defs},
    }


def _experiment_object(common: JsonSchemaValue, names: tuple[str, ...]) -> JsonSchemaValue:
    """Return any experiment: the common keys, and a condition for each analysis."""
    analysis = common["properties"]["analysis"] | {"enum": list(names)}
    branches = [
        {
            "if": {"properties": {"analysis": {"const": name}}, "required": ["analysis"]},
            "then": {"$ref": f"#/$defs/{name}"},
        }
        for name in names
    ]
    return {
        "type": "object",
        "description": common["description"],
        "properties": common["properties"] | {"analysis": analysis},
        "required": common["required"],
        "allOf": branches,
    }


def _closed_object(
    name: str, common: JsonSchemaValue, parameters: JsonSchemaValue
) -> JsonSchemaValue:
    """Return an experiment of one analysis with all keys that it can have."""
    description = str(parameters.get("description", name)).split("\n\n")[0].replace("\n", " ")
    own_keys = parameters.get("properties", {})
    shared = {key: {"$ref": f"#/$defs/experiment/properties/{key}"} for key in common["properties"]}
    swept_values = common["properties"]["sweep"]["additionalProperties"]
    sweep = common["properties"]["sweep"] | {
        "properties": dict.fromkeys((*own_keys, "model"), swept_values),
        "additionalProperties": False,
    }
    analysis = {"const": name, "description": description}
    closed = {
        "type": "object",
        "description": description,
        "properties": {**shared, "analysis": analysis, "sweep": sweep, **own_keys},
        "required": common["required"],
        "additionalProperties": False,
    }
    required = [_given_or_swept(parameter) for parameter in parameters.get("required", ())]
    return closed | ({"allOf": required} if required else {})


def _given_or_swept(parameter: str) -> JsonSchemaValue:
    swept = {"required": ["sweep"], "properties": {"sweep": {"required": [parameter]}}}
    return {"anyOf": [{"required": [parameter]}, swept]}
