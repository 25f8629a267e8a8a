"""`layerbook init`: a new book that builds at once."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree
from layerbook.book import starter
from layerbook.model import sources


@pytest.mark.parametrize("options", [(), ("--minimal",)])
def test_new_book_checks_and_builds_on_another_model(
    tiny_model_dir: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    """There are no warnings or failures, and every chapter has a page."""
    done = layerbook("init", "my-talk", *options, "--model", tiny_model_dir, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Now: cd my-talk && layerbook build, then open site/index.html\n")
    folder = tmp_path / "my-talk"
    checked = layerbook("check", "--strict", cwd=folder)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    built = layerbook("build", "--quiet", cwd=folder)
    assert built.returncode == 0, built.stdout + built.stderr
    site = read_tree(folder / "site")
    chapters = (
        {"guess.html"}
        if options
        else {*("about.html", "guess.html", "attention.html", "references.html", "glossary.html")}
    )
    assert {"index.html", *chapters} <= site.keys()
    assert b"<title>My talk</title>" in site["index.html"]


def test_test_of_the_new_analysis_passes(tiny_model_dir: Path, tmp_path: Path) -> None:
    """Run as its first line says."""
    done = layerbook("init", "talk", "--model", tiny_model_dir, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests"]
    process = subprocess.run(command, cwd=tmp_path / "talk", capture_output=True, text=True)
    assert process.returncode == 0, process.stdout + process.stderr
    assert "1 passed" in process.stdout


@pytest.mark.model
def test_claims_of_a_new_book_hold_on_the_default_model(
    real_model_dir: Path, tmp_path: Path
) -> None:
    assert layerbook("init", "talk", cwd=tmp_path).returncode == 0
    built = layerbook("build", "--quiet", "--strict", cwd=tmp_path / "talk")
    assert built.returncode == 0, built.stdout + built.stderr


def test_new_files_are_listed_and_complete(tmp_path: Path) -> None:
    """No placeholder is left in them."""
    done = layerbook("init", "talk", cwd=tmp_path)
    files = read_tree(tmp_path / "talk")
    assert done.stdout.splitlines()[:-1] == [f"talk/{name}" for name in sorted(files)]
    assert files[".gitignore"].startswith(b"#")
    assert not [name for name, data in files.items() if b"@TITLE@" in data or b"@MODEL@" in data]
    assert f'model: "{sources.DEFAULT_MODEL}"' in files["experiments/book.yaml"].decode()
    assert [path.name for path in tmp_path.iterdir()] == ["talk"]


def test_current_folder_can_become_the_book(tmp_path: Path) -> None:
    """Empty folders and new repositories are filled, and no `cd` is suggested."""
    (tmp_path / ".git").mkdir()
    done = layerbook("init", ".", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("Now: layerbook build, then open site/index.html\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(".git", ".github", ".gitignore", "README.md", "analyses", "experiments", "images"),
        *("templates", "tests"),
    ]


def test_folder_with_files_is_refused_unchanged(tmp_path: Path) -> None:
    """The message names one of the files."""
    (tmp_path / "talk").mkdir()
    (tmp_path / "talk" / "notes.txt").write_text("mine")
    done = layerbook("init", "talk", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert "talk: contains files, such as notes.txt" in done.stderr
    assert read_tree(tmp_path) == {"talk/notes.txt": b"mine"}


def test_file_or_link_as_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("file", "link"):
        done = layerbook("init", name, cwd=tmp_path)
        assert done.returncode == 2
        assert f"{name}: is not a folder" in done.stderr
    assert not (tmp_path / "elsewhere").exists()


def test_misspelt_model_writes_nothing(tmp_path: Path) -> None:
    """The message suggests the nearest name."""
    done = layerbook("init", "talk", "--model", "smollm2-135m-instrct", cwd=tmp_path)
    assert done.returncode == 2
    assert "smollm2-135m-instruct" in done.stderr
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
    done = layerbook("init", "talk", cwd=tmp_path)
    assert done.returncode == 1
    assert "talk: cannot be written (No space left on device)" in done.stderr
    assert read_tree(tmp_path) == {}
    assert [path.name for path in tmp_path.rglob("*")] == (["talk"] if exists else [])


def test_title_follows_from_the_folder(tmp_path: Path) -> None:
    """Quotes and colons stay text."""
    for name, title in (("how-it_reads", "How it reads"), ('a "b": c', 'A "b": c')):
        starter.write_starter(tmp_path / name, "smollm2-135m-instruct", "minimal")
        done = layerbook("check", cwd=tmp_path / name)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / name / "README.md").read_text().startswith(f"# {title}\n")


def test_build_in_an_empty_folder_suggests_init(tmp_path: Path) -> None:
    done = layerbook("build", cwd=tmp_path)
    assert done.returncode == 2
    assert "write a new book with `layerbook init NAME`" in done.stderr


def test_every_folder_name_gives_a_valid_title(tmp_path: Path) -> None:
    """Also names that are not UTF-8 or contain control characters."""
    for name in (b"lecture-\xff", b"a\x1b]0;title\x07", b"line\nend"):
        folder = tmp_path / os.fsdecode(name)
        assert layerbook("init", str(folder), cwd=tmp_path).returncode == 0
        assert layerbook("check", cwd=folder).returncode == 0
        assert b"\x1b" not in (folder / "README.md").read_bytes()


def test_new_book_has_a_workflow_that_publishes_it(tmp_path: Path) -> None:
    """It is valid YAML, and every layerbook command in it exists."""
    from layerbook.cli.main import main
    from ruamel.yaml import YAML

    assert layerbook("init", "talk", cwd=tmp_path).returncode == 0
    path = tmp_path / "talk" / ".github" / "workflows" / "publish.yml"
    steps = YAML(typ="safe").load(path.read_text())["jobs"]["publish"]["steps"]
    commands = [step["run"].split() for step in steps if "run" in step]
    ours = [words[1:] for words in commands if words[0] == "layerbook"]
    assert [words[0] for words in ours] == ["check", "build"]
    for name, *options in ours:
        known_options = {
            option for parameter in main.commands[name].params for option in parameter.opts
        }
        assert set(options) <= known_options
    uploads = [step["with"]["path"] for step in steps if "upload" in step.get("uses", "")]
    assert uploads == ["site"]
