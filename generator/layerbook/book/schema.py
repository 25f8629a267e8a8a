"""The keys of specs, and their JSON Schema.

The keys of an experiment depend on its `analysis`: a condition for each analysis leads to a closed
object, so that editors complete the parameters of that analysis.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, models_json_schema

from layerbook.core import registry
from layerbook.core.own_code import NO_CODE, OwnCode
from layerbook.core.requests import DEFAULT_PRECISION, Precision

DIALECT = "https://json-schema.org/draft/2020-12/schema"
COLUMN_PATTERN = r"^[a-z][a-z0-9_]*$"
MODEL_NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
URL_PATTERN = r"^(https?://[^\s]+)?$"
COLOR_PATTERN = r"^#[0-9a-fA-F]{6}$"
NAME_PATTERN = r"^[a-z0-9][a-z0-9-]*$"
# Names of other files in the specs and in the site.
RESERVED_NAMES = ("book", "index", "claims", "colophon", "references", "glossary")


def _check_date(text: str) -> str:
    try:
        date.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{text} is not a date: {error}") from error
    return text


Name = Annotated[str, Field(pattern=NAME_PATTERN, max_length=60)]
ColumnName = Annotated[str, Field(pattern=COLUMN_PATTERN, max_length=40)]
ModelName = Annotated[str, Field(pattern=MODEL_NAME_PATTERN, max_length=80)]
NonEmptyStr = Annotated[str, Field(min_length=1)]
Date = Annotated[
    str,
    Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"),
    AfterValidator(_check_date),
]
Color = Annotated[str, Field(pattern=COLOR_PATTERN)]
Evidence = Literal["definition", "observation", "correlation", "intervention"]
Part = Literal["tokens", "embeddings", "position", "attention", "rope", "mlp", "linear", "sampling"]


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClaimSpec(_Spec):
    """A sentence and the check that decides whether it holds."""

    says: NonEmptyStr = Field(description="The sentence, as the book prints it; inline Markdown.")
    check: NonEmptyStr = Field(
        description='The check, in the language of claims: result.prompts[0].top[0].text == "4".'
    )


class FileAxis(_Spec):
    """The values of an axis from a file beside the spec."""

    file: NonEmptyStr = Field(
        description="A .txt (a value a line), .csv or .jsonl file, relative to the spec."
    )
    column: NonEmptyStr | None = Field(
        default=None, description="Which column has the values; the others become tags."
    )
    sha256: str | None = Field(
        default=None, description="The file's digest, where it must not change unnoticed."
    )


class ViewSpec(_Spec):
    """A figure of a sweep: a measure across the grid, or the cells' own figure to step through."""

    title: str = Field(
        default="", description="The figure's heading; without one, it says what is drawn."
    )
    measure: NonEmptyStr | None = Field(
        default=None, description="The measure that is drawn: its mean over all that is not named."
    )
    measures: tuple[NonEmptyStr, ...] | None = Field(
        default=None,
        min_length=2,
        description="Instead of one measure, several in one figure: a line for each, or for bars "
        "and heat maps a chart for each.",
    )
    label: NonEmptyStr | None = Field(
        default=None, description="The measure's name on the axis; without one, its own."
    )
    unit: NonEmptyStr | None = Field(
        default=None, description="The measure's unit; `percent` writes shares of one in percent."
    )
    across: NonEmptyStr | None = Field(
        default=None, description="The column along the horizontal axis."
    )
    down: NonEmptyStr | None = Field(
        default=None, description="The column down the side: makes it a heat map."
    )
    by: NonEmptyStr | None = Field(
        default=None, description="The column that gives each line its colour."
    )
    panels: NonEmptyStr | None = Field(
        default=None, description="The column that gives each of its values a chart."
    )
    figure: NonEmptyStr | None = Field(
        default=None, description="Instead of a measure, a figure of the analysis."
    )
    over: NonEmptyStr | None = Field(
        default=None, description="The axis to step along, the others at their first value."
    )
    names: dict[NonEmptyStr, NonEmptyStr] = Field(
        default={},
        description="The names of columns in the figure, such as {prompts: question}; without "
        "one, a column is called as in the table or in its file.",
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
        description="Badges of single figures, by name or by a prefix of it up to a hyphen.",
    )
    original: bool | tuple[NonEmptyStr, ...] = Field(
        default=False,
        description="All figures, or those named as in `badges`, are drawn as in an earlier "
        "version, to be compared with a better one; a badge says so.",
    )
    captions: dict[NonEmptyStr, NonEmptyStr] = Field(
        default={},
        description="Captions by the name of the figure, or by a prefix of it up to a hyphen.",
    )
    claims: tuple[ClaimSpec, ...] = Field(
        default=(), description="Sentences about the result, each with a check."
    )
    sweep: dict[NonEmptyStr, Annotated[tuple[Any, ...], Field(min_length=1)] | FileAxis] = Field(
        default={},
        description="Parameters and their values; every combination is a cell.",
    )
    measures: dict[ColumnName, NonEmptyStr] = Field(
        default={},
        description="Columns of the table: expressions over the `result` and `cell` of a cell.",
    )
    views: dict[Name, ViewSpec] = Field(
        default={}, description="How a sweep is drawn, by the names of the figures."
    )


class PageSpec(_Spec):
    """A page of prose: the front matter of its Markdown file, between two lines of `---`."""

    title: NonEmptyStr = Field(description="The heading.")
    summary: str = Field(default="", description="One line for the list of chapters.")
    part: Part | None = Field(
        default=None, description="Which box of the diagram of the model the chapter is about."
    )
    needs: tuple[Name, ...] = Field(
        default=(), description="The chapters to read before this one; shown in its head."
    )
    unnumbered: bool = Field(
        default=False, description="The chapter has no number, and its figures count from 1."
    )
    draft: bool = Field(
        default=False, description="Only `--drafts` shows the chapter and runs its experiments."
    )


class ChapterSpec(PageSpec):
    """One chapter of the book."""

    chapter: Name = Field(description="Names the chapter: its file, its page, its prose.")
    experiments: tuple[Any, ...] = Field(default=(), description="What the chapter runs and shows.")


class PartSpec(_Spec):
    """A part of the book: the chapters listed after it, up to the next part."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["part"]}, {"required": ["appendix"]}]}
    )

    part: NonEmptyStr | None = Field(
        default=None, description="The heading of the part in the list of chapters."
    )
    appendix: NonEmptyStr | None = Field(
        default=None, description="Instead, the heading of a part whose chapters have letters."
    )
    unnumbered: bool = Field(default=False, description="Its chapters have no numbers.")


class Colors(_Spec):
    """The colours of pages, as #rrggbb; those that are not set stay."""

    accent: Color | None = Field(default=None, description="Links, and what is marked.")
    paper: Color | None = Field(default=None, description="Behind everything.")
    ink: Color | None = Field(default=None, description="The text.")
    soft: Color | None = Field(default=None, description="Text beside the text, such as captions.")
    panel: Color | None = Field(default=None, description="Behind boxes.")
    raised: Color | None = Field(default=None, description="Behind listings and claims.")
    rule: Color | None = Field(default=None, description="Thin lines.")


class Fonts(_Spec):
    """Files of fonts in static/."""

    text: NonEmptyStr | None = Field(default=None, description="For the text.")
    headings: NonEmptyStr | None = Field(
        default=None, description="For headings, captions and menus."
    )
    code: NonEmptyStr | None = Field(default=None, description="For code and tokens.")


class ThemeSpec(_Spec):
    """The look of the pages."""

    light: Colors = Field(default=Colors(), description="The colours of light pages.")
    dark: Colors = Field(default=Colors(), description="The colours of dark pages.")
    fonts: Fonts = Field(default=Fonts(), description="Fonts from files.")
    logo: NonEmptyStr | None = Field(
        default=None, description="A picture before the title, in images/ or static/."
    )
    favicon: NonEmptyStr | None = Field(
        default=None, description="A picture for the tab of the browser."
    )
    css: NonEmptyStr | None = Field(
        default=None, description="A style sheet in static/, which pages read after ours."
    )


def _as_folder(address: str) -> str:
    """Return a URL with a trailing slash. Raises ValueError if it is not a web address."""
    if not address:
        return address
    if not re.fullmatch(r"https?://[^\s?#<>\"']+", address):
        raise ValueError(f"an address looks like https://example.org/course/, not {address!r}")
    return address if address.endswith("/") else f"{address}/"


Address = Annotated[str, AfterValidator(_as_folder)]


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
        default="en",
        description="The language of the book as BCP 47 writes it, such as `de`: that of the "
        "prose, and of all that pages say beside it.",
    )
    url: Address = Field(
        default="",
        description="Where the site is published, such as https://example.org/course/. Its pages "
        "then name their addresses, and there are sitemap.xml, 404.html and a picture for links.",
    )
    edit_url: Address = Field(
        default="",
        description="The folder of the book's sources where readers can edit them, such as "
        "https://example.org/me/course/edit/main/. Each chapter then links to its text there.",
    )
    model: NonEmptyStr = Field(
        description="The model: a name, a folder, a .gguf file, or ORG/NAME@REVISION of the Hub. "
        "Paths start at the book's folder."
    )
    model_name: ModelName | None = Field(
        default=None,
        description="The name that the model's results are filed under and pages show. By default "
        "that of a folder or file with a digest of what is in it, or of the Hub with the revision.",
    )
    precision: Precision = Field(
        default=DEFAULT_PRECISION,
        description="The numbers the model computes with. float64 gives the same results on every "
        "machine; float32 takes half the memory and about half the time.",
    )
    theme: ThemeSpec = Field(
        default=ThemeSpec(), description="Colours, fonts, logo and style of the pages."
    )
    chapters: tuple[Name | PartSpec, ...] = Field(
        min_length=1,
        description="The chapters in order, each experiments/NAME.yaml, or a page of prose alone, "
        "templates/chapters/NAME.md or templates/pages/NAME.md. Between them, parts.",
    )


class _UntitledSchema(GenerateJsonSchema):
    """Leave out the titles that pydantic derives from the names."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def book_schema() -> dict[str, Any]:
    """Return the JSON Schema of experiments/book.yaml."""
    schema = BookSpec.model_json_schema(schema_generator=_UntitledSchema)
    return {"$schema": DIALECT, **schema, "title": "Layerbook book"}


def chapter_schema(own: OwnCode = NO_CODE) -> dict[str, Any]:
    """Return the JSON Schema of a chapter's spec; imports every analysis, also those of `own`."""
    analyses = {name: registry.find(name, own) for name in registry.names(own)}
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
