"""`layerbook init`: a new book that builds at once."""

from __future__ import annotations

import ast
import csv
import errno
import html
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree
from layerbook.book import starter
from layerbook.model import sources

pytestmark = pytest.mark.long

LECTURES = {
    "en": ("about", "guess", "attention"),
    "de": ("ueber-das-buch", "raten", "aufmerksamkeit"),
}


@pytest.mark.parametrize("language", LECTURES)
@pytest.mark.parametrize("options", [(), ("--minimal",)])
def test_new_book_checks_and_builds_on_another_model(
    tiny_model_dir: Path, tmp_path: Path, options: tuple[str, ...], language: str
) -> None:
    """There are no warnings or failures, and every chapter has a page."""
    options = (*options, "--language", language)
    completed = layerbook(
        "init", "my-talk", *options, "--model", tiny_model_dir, cwd=tmp_path, check=True
    )
    assert completed.stdout.endswith(
        "Now: cd my-talk && layerbook build, then open site/index.html\n"
    )
    folder = tmp_path / "my-talk"
    layerbook("check", "--strict", cwd=folder, check=True)
    layerbook("build", "--quiet", cwd=folder, check=True)
    site = read_tree(folder / "site")
    names = LECTURES[language]
    chapters = {names[1]} if "--minimal" in options else {*names, "references", "glossary"}
    assert {"index.html", *(f"{name}.html" for name in chapters)} <= site.keys()
    assert b"<title>My talk</title>" in site["index.html"]
    has_code = "--minimal" not in options
    assert (b"layerbook trust .\nlayerbook build\n" in site["colophon.html"]) == has_code
    assert f'<html lang="{language}"'.encode() in site["index.html"]


ENGLISH_WORDS = re.compile(
    r"\b(?:with|and|which|this|from|each|next|mean|layer|likely|how|that|are)\b", re.IGNORECASE
)
"""Common words that are not among the tokens of the pages."""


def test_german_starter_contains_no_english(tiny_model_dir: Path, tmp_path: Path) -> None:
    """Neither its pages nor its comments, except for prompts and what the model says."""
    options = ("--language", "de-AT", "--model", tiny_model_dir)
    layerbook("init", "kurs", *options, cwd=tmp_path, check=True)
    book = tmp_path / "kurs"
    assert 'language: "de-AT"' in (book / "experiments" / "book.yaml").read_text()
    layerbook("build", "--quiet", "--jobs", "1", cwd=book, check=True)
    listings = re.compile(r'<pre class="code.*?</pre>|<code>.*?</code>', re.DOTALL)
    shown = {
        name: html.unescape(re.sub("<[^>]*>", " ", listings.sub("", data.decode())))
        for name, data in read_tree(book / "site").items()
        if name.endswith(".html")
    }
    pages = {name: page.replace(str(tmp_path), "") for name, page in shown.items()}
    comments = {
        str(path): "\n".join(re.findall(r"#[^\n]*|\"\"\".*?\"\"\"", path.read_text(), re.DOTALL))
        for folder in ("experiments", "analyses")
        for path in sorted((book / folder).rglob("*"))
        if path.suffix in (".yaml", ".py") and "results" not in path.parts
    }
    for name, text in (pages | comments).items():
        words = ENGLISH_WORDS.findall(text)
        assert words == [], name


@pytest.mark.parametrize(("language", "words"), [("de", "Miss die"), ("fr", "Measure the")])
def test_new_analysis_is_in_the_language_of_the_book(
    tmp_path: Path, language: str, words: str
) -> None:
    """In English if there is no starter in that language."""
    starter.write_starter(tmp_path / "a", "smollm2-135m-instruct", "minimal", "de-CH")
    spec = tmp_path / "a" / "experiments" / "book.yaml"
    spec.write_text(spec.read_text().replace('"de-CH"', language))
    catalogue = tmp_path / "a" / "templates" / "locale" / "fr" / "LC_MESSAGES" / "layerbook.po"
    catalogue.parent.mkdir(parents=True)
    catalogue.write_text('msgid ""\nmsgstr "Content-Type: text/plain; charset=utf-8\\n"\n')
    layerbook("new", "analysis", "reach", cwd=tmp_path / "a", check=True)
    assert words in (tmp_path / "a" / "analyses" / "reach.py").read_text(encoding="utf-8")


def read_experiments(path: Path) -> list[object]:
    """Return what the experiments of a spec measure and claim, without translated names."""
    from ruamel.yaml import YAML

    parameters = ("analysis", "prompt", "prompts", "top_k", "layer", "layers", "heads")
    experiments = []
    for experiment in YAML(typ="safe").load(path)["experiments"]:
        checks = [claim["check"] for claim in experiment.get("claims", ())]
        expressions = [*experiment.get("measures", {}).values(), *checks]
        experiments.append(
            (
                [experiment.get(parameter) for parameter in parameters],
                [re.sub(r'(row|cell)\["\w+"\]', r"\1", text) for text in expressions],
            )
        )
    return experiments


def read_functions(path: Path) -> dict[str, str]:
    """Return the functions of a module by name, without docstrings."""
    functions = {}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            node.body = node.body[1:] if ast.get_docstring(node) else node.body
            functions[node.name] = ast.unparse(node)
    return functions


def test_new_books_of_all_languages_measure_the_same(tmp_path: Path) -> None:
    """So the tests below run the English one only."""
    books: list[list[object]] = []
    for language, (_, *chapters) in LECTURES.items():
        book = tmp_path / language
        starter.write_starter(book, "smollm2-135m-instruct", language=language)
        (table,) = (book / "experiments" / "data").glob("*.csv")
        rows = csv.DictReader(table.read_text(encoding="utf-8").splitlines())
        analysis = read_functions(book / "analyses" / "received_attention.py")
        books.append(
            [
                [row["prompt"] for row in rows],
                [read_experiments(book / "experiments" / f"{name}.yaml") for name in chapters],
                [analysis["runs"], analysis["measure"]],
                read_functions(book / "tests" / "test_received_attention.py"),
            ]
        )
    english, german = books
    assert english == german


def test_language_without_a_starter_is_refused(tmp_path: Path) -> None:
    """The message names the available ones, and nothing is written."""
    for language in ("fr", "de_AT", "de:\nx"):
        completed = layerbook("init", "talk", "--language", language, cwd=tmp_path)
        assert completed.returncode == 2
        assert "a new book can be in de or en, not in" in completed.stderr
    assert list(tmp_path.iterdir()) == []


def test_test_of_the_new_analysis_passes(tiny_model_dir: Path, tmp_path: Path) -> None:
    """Run as its first line says."""
    layerbook("init", "talk", "--model", tiny_model_dir, cwd=tmp_path, check=True)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    process = subprocess.run(command, cwd=tmp_path / "talk", capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "1 passed" in process.stdout


@pytest.mark.model
def test_claims_of_a_new_book_hold_on_the_default_model(
    real_model_dir: Path, tmp_path: Path
) -> None:
    layerbook("init", "talk", cwd=tmp_path, check=True)
    layerbook("build", "--quiet", "--strict", cwd=tmp_path / "talk", check=True)


def test_new_files_are_listed_and_complete(tmp_path: Path) -> None:
    """No placeholder is left in them."""
    completed = layerbook("init", "talk", cwd=tmp_path)
    files = read_tree(tmp_path / "talk")
    assert completed.stdout.splitlines()[:-1] == [f"talk/{name}" for name in sorted(files)]
    assert files[".gitignore"].startswith(b"#")
    assert not [name for name, data in files.items() if b"@TITLE@" in data or b"@MODEL@" in data]
    assert f'model: "{sources.DEFAULT_MODEL}"' in files["experiments/book.yaml"].decode()
    assert [path.name for path in tmp_path.iterdir()] == ["talk"]


def test_exported_files_and_pages_are_not_committed(tmp_path: Path) -> None:
    """Git ignores them, but neither sources, results nor files of the same kind in `static/`."""
    layerbook("init", ".", cwd=tmp_path, check=True)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)
    ignored = ["course.pdf", "course.epub", "site.zip", "slides.html", "site/index.html"]
    included = [
        "static/sheet.pdf",
        "templates/chapter.html",
        "experiments/results/m/guess/france.json",
    ]
    command = ["git", "check-ignore", *ignored, *included]
    completed = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert completed.stdout.splitlines() == ignored


def test_current_folder_can_become_the_book(tmp_path: Path) -> None:
    """Empty folders and new repositories are filled, and no `cd` is suggested."""
    (tmp_path / ".git").mkdir()
    completed = layerbook("init", ".", cwd=tmp_path, check=True)
    assert completed.stdout.endswith("Now: layerbook build, then open site/index.html\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(".git", ".github", ".gitignore", "README.md", "analyses", "experiments", "images"),
        *("templates", "tests"),
    ]


def test_folder_with_files_is_refused_unchanged(tmp_path: Path) -> None:
    """The message names one of the files."""
    (tmp_path / "talk").mkdir()
    (tmp_path / "talk" / "notes.txt").write_text("mine")
    completed = layerbook("init", "talk", cwd=tmp_path)
    assert (completed.returncode, completed.stdout) == (2, "")
    assert "talk: contains files, such as notes.txt" in completed.stderr
    assert read_tree(tmp_path) == {"talk/notes.txt": b"mine"}


def test_file_or_link_as_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        completed = layerbook("init", name, cwd=tmp_path)
        assert completed.returncode == 2
        assert f"{name}: is not a folder" in completed.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_misspelt_model_writes_nothing(tmp_path: Path) -> None:
    """The message suggests the nearest name."""
    completed = layerbook("init", "talk", "--model", "smollm2-135m-instrct", cwd=tmp_path)
    assert completed.returncode == 2
    assert "smollm2-135m-instruct" in completed.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("exists", [False, True])
def test_full_disk_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exists: bool
) -> None:
    """Files written before are removed, and an empty folder stays."""
    folder = tmp_path / "talk"
    if exists:
        folder.mkdir()
    write_bytes = Path.write_bytes

    def refuse(path: Path, data: bytes) -> int:
        if path.name == "references.yaml":
            raise OSError(errno.ENOSPC, "No space left on device")
        return write_bytes(path, data)

    monkeypatch.setattr(Path, "write_bytes", refuse)
    completed = layerbook("init", "talk", cwd=tmp_path)
    assert completed.returncode == 1
    assert "talk: cannot be written (No space left on device)" in completed.stderr
    assert read_tree(tmp_path) == {}
    assert [path.name for path in tmp_path.rglob("*")] == (["talk"] if exists else [])


def test_leftovers_of_a_killed_init_do_not_matter(tmp_path: Path) -> None:
    """In a container, the next command often has the same process id."""
    (tmp_path / f".layerbook-init-{os.getpid()}").mkdir()
    layerbook("init", "talk", cwd=tmp_path, check=True)


def test_title_follows_from_the_folder(tmp_path: Path) -> None:
    """Quotes and colons stay text."""
    for name, title in (("how-it_reads", "How it reads"), ('a "b": c', 'A "b": c')):
        starter.write_starter(tmp_path / name, "smollm2-135m-instruct", "minimal")
        layerbook("check", cwd=tmp_path / name, check=True)
        assert (tmp_path / name / "README.md").read_text().startswith(f"# {title}\n")


def test_build_in_an_empty_folder_suggests_init(tmp_path: Path) -> None:
    completed = layerbook("build", cwd=tmp_path)
    assert completed.returncode == 2
    assert "write a new book with `layerbook init NAME`" in completed.stderr


def test_every_folder_name_gives_a_valid_title(tmp_path: Path) -> None:
    """Names may contain control characters or not be UTF-8."""
    for name in (b"lecture-\xff", b"a\x1b]0;title\x07", b"line\nend"):
        folder = tmp_path / os.fsdecode(name)
        layerbook("init", str(folder), cwd=tmp_path, check=True)
        layerbook("check", cwd=folder, check=True)
        assert b"\x1b" not in (folder / "README.md").read_bytes()


def test_new_book_has_a_workflow_that_publishes_it(tmp_path: Path) -> None:
    """It is valid YAML, and every layerbook command in it exists."""
    from layerbook.cli.main import main
    from ruamel.yaml import YAML

    layerbook("init", "talk", cwd=tmp_path, check=True)
    path = tmp_path / "talk" / ".github" / "workflows" / "publish.yml"
    steps = YAML(typ="safe").load(path.read_text())["jobs"]["publish"]["steps"]
    commands = [step["run"].split() for step in steps if "run" in step]
    ours = [words[1:] for words in commands if words[0] == "layerbook"]
    assert [words[0] for words in ours] == ["trust", "check", "build"]
    for name, *options in ours:
        known_options = {
            option for parameter in main.commands[name].params for option in parameter.opts
        }
        assert {option for option in options if option != "."} <= known_options
    uploads = [step["with"]["path"] for step in steps if "upload" in step.get("uses", "")]
    assert uploads == ["site"]


def test_commands_of_the_workflow_build_a_fresh_clone(
    tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine that has never seen the book, from its committed files alone."""
    layerbook("init", "talk", "--model", tiny_model_dir, cwd=tmp_path, check=True)
    layerbook("build", "--quiet", cwd=tmp_path / "talk", check=True)
    clone = tmp_path / "clone"
    shutil.copytree(tmp_path / "talk", clone, ignore=shutil.ignore_patterns("site", ".layerbook"))
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "cache"))
    workflow = (clone / ".github" / "workflows" / "publish.yml").read_text(encoding="utf-8")
    commands = re.findall(r"- run: layerbook (.+)", workflow)
    assert commands[0] == "trust ."
    refused = layerbook("check", cwd=clone)
    assert refused.returncode == 2 and "`layerbook trust .`" in refused.stderr
    for command in commands:
        layerbook(*command.split(), cwd=clone, check=True)
    built = {name for name in read_tree(clone / "site") if name.endswith(".html")}
    assert built == {n for n in read_tree(tmp_path / "talk" / "site") if n.endswith(".html")}
