"""The keys of specs, as pydantic models."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from layerbook.core.requests import DEFAULT_PRECISION, Precision

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
Evidence = Literal["definition", "calculation", "observation", "correlation", "intervention"]
Part = Literal["tokens", "embeddings", "position", "attention", "rope", "mlp", "linear", "sampling"]


class Spec(BaseModel):
    """A mapping in a file of the book; any other key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ClaimSpec(Spec):
    """A sentence and the check that decides whether it holds."""

    says: NonEmptyStr = Field(description="The sentence, in inline Markdown.")
    check: NonEmptyStr = Field(
        description='The check, in the language of claims: result.prompts[0].top[0].text == "4".'
    )
    evidence: Evidence | None = Field(
        default=None,
        description="The badge of the claim in the list of all claims. By default, it is that of "
        "the experiment.",
    )


class FileAxis(Spec):
    """The values of an axis from a file beside the spec."""

    file: NonEmptyStr = Field(
        description="A .txt file with one value per line, a .csv or a .jsonl; the path starts at "
        "the spec."
    )
    column: NonEmptyStr | None = Field(
        default=None, description="The column with the values. The other columns become tags."
    )
    sha256: str | None = Field(
        default=None, description="The digest of the file; any other file is an error."
    )


class ViewSpec(Spec):
    """A figure of a sweep: a measure across the grid, or a figure of the cells to step through."""

    title: str = Field(
        default="", description="The heading of the figure. By default, it says what is drawn."
    )
    measure: str = Field(
        default="",
        description="The measure to draw. Cells that agree in all named columns are averaged.",
    )
    measures: tuple[NonEmptyStr, ...] = Field(
        default=(),
        min_length=2,
        description="Several measures in one figure, in place of `measure`: a line for each, or a "
        "chart for each.",
    )
    label: str = Field(
        default="", description="The name of the measure on its axis, if it differs."
    )
    unit: str = Field(
        default="",
        description="The unit of the measure; `percent` writes shares of one in percent.",
    )
    across: str = Field(default="", description="The column along the horizontal axis.")
    down: str = Field(default="", description="The column along the vertical axis, for a heat map.")
    by: str = Field(default="", description="The column whose values get a line each.")
    panels: str = Field(default="", description="The column whose values get a chart each.")
    figure: str = Field(
        default="", description="A figure of the analysis to step through, in place of a measure."
    )
    over: str = Field(
        default="",
        description="The axis to step along. The other axes stay at their first value.",
    )
    names: dict[NonEmptyStr, NonEmptyStr] = Field(
        default={},
        description="Other names for columns in the figure, such as {prompts: question}.",
    )


class ExperimentSpec(Spec):
    """One experiment. All other keys are parameters of its analysis."""

    id: Name = Field(
        description="The name of the experiment in its chapter, and of the file with its result."
    )
    title: str = Field(
        default="",
        description="The heading of figures that have no heading of their own.",
    )
    analysis: NonEmptyStr = Field(description="The analysis to run, such as next-token.")
    evidence: Evidence = Field(
        default="observation", description="What the figures can show. Pages print it as a badge."
    )
    badges: dict[NonEmptyStr, Evidence] = Field(
        default={},
        description="Badges of single figures, by name, or by the beginning of a name up to a "
        "hyphen.",
    )
    original: bool | tuple[NonEmptyStr, ...] = Field(
        default=False,
        description="True, or a list of figures named as in `badges`, if they are a first attempt, "
        "shown for comparison with a better figure. A badge says so.",
    )
    captions: dict[NonEmptyStr, NonEmptyStr] = Field(
        default={},
        description="Captions, by the name of the figure, or by the beginning of a name up to a "
        "hyphen.",
    )
    claims: tuple[ClaimSpec, ...] = Field(
        default=(), description="Sentences about the result, each with a check."
    )
    sweep: dict[NonEmptyStr, Annotated[tuple[Any, ...], Field(min_length=1)] | FileAxis] = Field(
        default={},
        description="Parameters and their values. Every combination is a cell.",
    )
    measures: dict[ColumnName, NonEmptyStr] = Field(
        default={},
        description="Columns of the table: expressions over the `result` of a cell and over "
        "`cell`, its place in the grid.",
    )
    views: dict[Name, ViewSpec] = Field(
        default={}, description="The figures of the sweep, by name."
    )


class PageSpec(Spec):
    """A page of prose: the front matter of its Markdown file, between two lines of `---`."""

    title: NonEmptyStr = Field(description="The heading.")
    summary: str = Field(default="", description="One line for the list of chapters.")
    part: Part | None = Field(
        default=None, description="The box in the diagram of the model that the chapter is about."
    )
    needs: tuple[Name, ...] = Field(
        default=(),
        description="The chapters to read before this one, listed at the top of the page.",
    )
    unnumbered: bool = Field(
        default=False, description="The chapter has no number, and its figures count from 1."
    )
    draft: bool = Field(
        default=False, description="The chapter is left out, unless the command has `--drafts`."
    )


class ChapterSpec(PageSpec):
    """One chapter of the book."""

    chapter: Name = Field(
        description="The name of the chapter, which is that of its file, page and prose."
    )
    experiments: tuple[Any, ...] = Field(default=(), description="The experiments of the chapter.")


class PartSpec(Spec):
    """A part of the book: the chapters listed after it, up to the next part."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["part"]}, {"required": ["appendix"]}]}
    )

    part: NonEmptyStr | None = Field(
        default=None, description="The heading of the part in the list of chapters."
    )
    appendix: NonEmptyStr | None = Field(
        default=None,
        description="The heading of an appendix, in place of `part`. Its chapters have letters.",
    )
    unnumbered: bool = Field(default=False, description="Its chapters have no numbers.")


class Colors(Spec):
    """The colors of pages, as #rrggbb. A color that is not set keeps its default."""

    accent: Color | None = Field(default=None, description="Links and marks.")
    paper: Color | None = Field(default=None, description="The background of the page.")
    ink: Color | None = Field(default=None, description="The text.")
    soft: Color | None = Field(default=None, description="Secondary text, such as captions.")
    panel: Color | None = Field(default=None, description="The background of boxes.")
    raised: Color | None = Field(default=None, description="The background of listings and claims.")
    rule: Color | None = Field(default=None, description="Thin lines.")


class Fonts(Spec):
    """Font files in static/."""

    text: NonEmptyStr | None = Field(default=None, description="For the text.")
    headings: NonEmptyStr | None = Field(
        default=None, description="For headings, captions and menus."
    )
    code: NonEmptyStr | None = Field(default=None, description="For code and tokens.")


class ThemeSpec(Spec):
    """The look of the pages."""

    light: Colors = Field(default=Colors(), description="The colors of light pages.")
    dark: Colors = Field(default=Colors(), description="The colors of dark pages.")
    fonts: Fonts = Field(default=Fonts(), description="Fonts from files.")
    logo: NonEmptyStr | None = Field(
        default=None, description="A picture before the title, in images/ or static/."
    )
    favicon: NonEmptyStr | None = Field(
        default=None, description="The picture in the tab of the browser."
    )
    css: NonEmptyStr | None = Field(
        default=None,
        description="A style sheet in static/, which is read after that of the program.",
    )


def _as_folder(address: str) -> str:
    """Return a URL with a trailing slash. Raises ValueError if it is not a web address."""
    if not address:
        return address
    if not re.fullmatch(r"https?://[^\s?#<>\"']+", address):
        raise ValueError(f"an address looks like https://example.org/course/, not {address!r}")
    return address if address.endswith("/") else f"{address}/"


Address = Annotated[str, AfterValidator(_as_folder)]


class BookSpec(Spec):
    """The book: its title page, its model, the order of its chapters."""

    title: NonEmptyStr = Field(description="The title.")
    subtitle: str = Field(default="", description="The line below the title.")
    authors: tuple[NonEmptyStr, ...] = Field(default=(), description="The authors.")
    published: Date | None = Field(
        default=None, description="The day of publication, for archives: YYYY-MM-DD."
    )
    licence: str = Field(
        default="", description="The licence of the book, for archives: its SPDX name."
    )
    language: NonEmptyStr = Field(
        default="en",
        description="The language of the book as a BCP 47 code, such as `de`: that of the prose, "
        "and of the words that the program adds.",
    )
    url: Address = Field(
        default="",
        description="The address of the published site, such as https://example.org/course/. Pages "
        "then state their addresses, and the site gets sitemap.xml, 404.html and a preview "
        "picture.",
    )
    edit_url: Address = Field(
        default="",
        description="The address where readers can edit the sources of the book, such as "
        "https://example.org/me/course/edit/main/. Each chapter then links to its text there.",
    )
    model: NonEmptyStr = Field(
        description="The model: a name, a folder, a .gguf file, or ORG/NAME@REVISION of the Hub. "
        "Paths start at the book's folder."
    )
    model_name: ModelName | None = Field(
        default=None,
        description="The name of the model in results and on pages. By default, the name of the "
        "folder or file with a digest of its content, or the name on the Hub with the revision.",
    )
    precision: Precision = Field(
        default=DEFAULT_PRECISION,
        description="The precision of the computation. float64 gives the same results on every "
        "machine; float32 takes half the memory and about half the time.",
    )
    theme: ThemeSpec = Field(
        default=ThemeSpec(), description="Colors, fonts, logo and style sheet of the pages."
    )
    chapters: tuple[Name | PartSpec, ...] = Field(
        min_length=1,
        description="The chapters in order, with parts between them. A chapter is a spec, "
        "experiments/NAME.yaml, or a page without experiments, templates/chapters/NAME.md or "
        "templates/pages/NAME.md.",
    )
