"""The guide is a valid book, and describes everything that prose can call."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest
from fixtures.small_book import layerbook
from layerbook.core import registry
from layerbook.model.sources import DEFAULT_MODEL
from layerbook.site.blocks import EVIDENCE_MEANINGS
from layerbook.site.prose.filters import FILTERS
from layerbook.site.prose.functions import FUNCTIONS

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "guide"
SHOWN_AS_LISTING_ONLY = {"video", "code_cell"}


@pytest.fixture(scope="module")
def guide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the sources of the guide."""
    folder = tmp_path_factory.mktemp("guide") / "guide"
    shutil.copytree(GUIDE, folder, ignore=shutil.ignore_patterns("site", "results", ".layerbook"))
    return folder


@pytest.mark.parametrize("page", ["results", "prose"])
def test_generated_pages_are_current(page: str) -> None:
    """They are what `layerbook schema results` and `schema prose` print."""
    path = GUIDE / "templates" / "pages" / f"{page}.md"
    assert layerbook("schema", page, cwd=ROOT).stdout == path.read_text(encoding="utf-8")


def test_page_on_writing_explains_every_badge() -> None:
    """In the words of the pages that show them."""
    page = (GUIDE / "templates/pages/authoring.md").read_text(encoding="utf-8")
    table = "".join(f"| `{name}` | {text} |\n" for name, text in EVIDENCE_MEANINGS.items())
    assert table in page


def test_results_page_lists_the_parameters_of_every_analysis() -> None:
    """With their defaults, so that a spec can be written from the page."""
    page = (GUIDE / "templates/pages/results.md").read_text(encoding="utf-8")
    sections = dict(part.split("\n", 1) for part in page.split("\n## ")[1:])
    for name in registry.names():
        for parameter, field in registry.find(name).model_fields.items():
            row = re.search(rf"^\| `{parameter}` \| [^|]+ \| (.+?) \| \S", sections[name], re.M)
            assert row, f"{name}: {parameter}"
            assert (row[1] == "required") == field.is_required(), f"{name}: {parameter}"


def test_guide_is_a_book_without_problems_or_warnings(guide: Path, tiny_model_dir: Path) -> None:
    """It builds on any model."""
    layerbook("check", "--strict", "--model", tiny_model_dir, cwd=guide, check=True)
    layerbook("build", "--quiet", "--model", tiny_model_dir, cwd=guide, check=True)
    assert "tutorial.html" in (guide / "site" / "index.html").read_text(encoding="utf-8")


def test_every_function_and_filter_has_an_example() -> None:
    """Each is in a listing, and is called if it needs no other files."""
    text = (GUIDE / "templates" / "chapters" / "examples.md").read_text(encoding="utf-8")
    listings = "".join(re.findall(r"```jinja\n.*?```", text, re.DOTALL))
    prose = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    for name in FUNCTIONS:
        called = rf"\b{name}\("
        assert re.search(called, listings), name
        assert re.search(called, prose) or name in SHOWN_AS_LISTING_ONLY, name
    for name in FILTERS:
        assert re.search(rf"`[^`]*\| {name}\b", prose), name
        assert re.search(rf"\{{\{{[^}}]* \| {name}\b", prose), name


@pytest.mark.parametrize("path", sorted(GUIDE.rglob("*.md")), ids=lambda path: path.stem)
def test_links_of_the_sources_lead_to_files(path: Path) -> None:
    """Readers also follow them between the Markdown files on the web."""
    text = re.sub(r"```.*?```|`[^`\n]*`", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    for link in links:
        assert (path.parent / link).is_file(), link


def test_specs_for_every_model_load(tmp_path: Path) -> None:
    """With the layers and heads of a small model, with and without a chat template."""
    from layerbook.book.loader import load_chapter
    from layerbook.core.limits import Limits

    text = (GUIDE / "templates" / "pages" / "models.md").read_text(encoding="utf-8")
    listings = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    experiments = "".join(listings).replace("\n", "\n  ")
    spec = tmp_path / "a.yaml"
    head = "chapter: a\ntitle: A\nexperiments:\n  "
    spec.write_text(f"{head}{experiments.rstrip()}\n", encoding="utf-8")
    for chat_template in (True, False):
        limits = Limits(3, 2, 100, 64, chat_template=chat_template)
        heads, next_token = load_chapter(spec, limits).experiments
        assert (heads.analysis.layer, heads.analysis.head) == (2, 1)
        prompt = next_token.analysis.prompts[0]
        assert isinstance(prompt, str) != chat_template


def test_tutorial_works_as_written(tiny_model_dir: Path, tmp_path: Path) -> None:
    """Its files are written and its commands run in order, on a tiny model."""
    text = (GUIDE / "templates" / "pages" / "tutorial.md").read_text(encoding="utf-8")
    folder = tmp_path
    commands = 0
    for info, listing in re.findall(r"^```(.+)\n((?:.*\n)*?)```$", text, re.MULTILINE):
        kind, _, file = info.partition(" ")
        if file:
            path = folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(listing.replace(DEFAULT_MODEL, str(tiny_model_dir)), encoding="utf-8")
        for command in re.findall(r"^\$ (.+)$", listing, re.MULTILINE) if kind == "console" else ():
            program, *arguments = shlex.split(command)
            if program == "cd":
                folder /= arguments[0]
                continue
            assert program == "layerbook", command
            if arguments[0] == "init":
                arguments += ["--model", str(tiny_model_dir)]
            layerbook(*arguments, cwd=folder, check=True)
            commands += 1
    assert commands > 4
    page = (folder / "site" / "animals.html").read_text(encoding="utf-8")
    assert "The two animals of this chapter." in page
    assert "logo.svg" in page
    assert (folder / "site" / "reach.html").is_file()
    assert (folder / "course.epub").stat().st_size > 1000
