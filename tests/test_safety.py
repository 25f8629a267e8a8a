"""An untrusted book: commands run none of its code, and touch nothing outside its folder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import layerbook as layerbook_package
import pytest
from fixtures.poison import poison
from fixtures.small_book import layerbook, read_tree, start_layerbook
from fixtures.watching import watch_layerbook
from layerbook.core.errors import OutsideError, SpecError
from layerbook.core.progress import Reporter
from layerbook.runner.run import ProjectStore
from layerbook.site.build import BuildOptions, build
from layerbook.store import results
from layerbook.store.freshness import check_status
from layerbook.store.project import open_project

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize(
    "arguments",
    [("build", "--no-run", "--force", "--jobs", "2"), ("check",), ("status",), ("clean",)],
    ids=lambda arguments: arguments[0],
)
def test_python_modules_of_a_book_are_not_imported(
    arguments: tuple[str, ...], book: Path, tmp_path: Path
) -> None:
    """Not even by `python -m layerbook`, which first looks in the working directory."""
    poison(book, tmp_path / "imported")
    process = start_layerbook(*arguments, cwd=book)
    _, errors = process.communicate(timeout=120)
    assert not (tmp_path / "imported").exists(), (tmp_path / "imported").read_text()
    assert process.returncode == 0, errors


@pytest.mark.parametrize("form", ["-m layerbook", "-mlayerbook", "-Bm layerbook.__main__"])
def test_every_entry_point_ignores_code_of_the_book(form: str, tmp_path: Path) -> None:
    """The first imported modules matter most."""
    (tmp_path / "book").mkdir()
    poison(tmp_path / "book", tmp_path / "imported")
    command = [sys.executable, *form.split(), "--version"]
    subprocess.run(command, cwd=tmp_path / "book", check=True, capture_output=True)
    assert not (tmp_path / "imported").exists(), (tmp_path / "imported").read_text()


def test_relative_folders_of_other_packages_are_not_searched(book: Path, tmp_path: Path) -> None:
    """An editable install may add one to the search path; pydantic loads all plugins on it."""
    plugin = book / "added" / "plugin-1.0.dist-info"
    plugin.mkdir(parents=True)
    (plugin / "METADATA").write_text("Metadata-Version: 2.1\nName: plugin\nVersion: 1.0\n")
    (plugin / "entry_points.txt").write_text("[pydantic]\nplugin = plugin:new\n")
    (book / "added" / "plugin.py").write_text(f"open({str(tmp_path / 'imported')!r}, 'w')\n")
    start = "import sys; sys.path.append('added'); from layerbook.__main__ import main; main()"
    command = [sys.executable, "-P", "-c", start, "check"]
    completed = subprocess.run(command, cwd=book, capture_output=True, text=True)
    assert completed.returncode == 0, completed.stderr
    assert not (tmp_path / "imported").exists()


def test_settings_of_libraries_in_a_book_are_not_read(book: Path) -> None:
    """Matplotlib looks in the working directory, where a pipe would block it."""
    os.mkfifo(book / "matplotlibrc")
    build = ("build", "--no-run", "--force", "--jobs", "1")
    for arguments in (build, ("export", "--figures", "figures")):
        process = start_layerbook(*arguments, cwd=book)
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """Write a folder outside the book, which no command may change."""
    (tmp_path / "outside" / "folder").mkdir(parents=True)
    (tmp_path / "outside" / "secret.txt").write_text("SECRET\n")
    (tmp_path / "outside" / "secret.csv").write_text("prompt\nSECRET\n")
    return tmp_path / "outside"


SOURCES = (
    "experiments/book.yaml",
    "experiments/next.yaml",
    "experiments/results",
    "experiments/notes.txt",
    "experiments",
    "templates",
    "templates/chapters",
    "templates/chapters/next.md",
    "templates/references.yaml",
    "templates/base.html",
    "templates/assets",
)


@pytest.mark.parametrize("option", ["", "--book book"])
@pytest.mark.parametrize("name", SOURCES)
def test_linked_sources_are_refused(name: str, option: str, book: Path, outside: Path) -> None:
    """A chapter, data, results or templates elsewhere are neither read nor published."""
    link = book / name
    if link.is_dir():
        link.rename(outside / "moved")
        link.symlink_to(outside / "moved")
    else:
        link.unlink(missing_ok=True)
        link.symlink_to(outside / "secret.txt")
    before = read_tree(outside)
    folder = book.parent if option else book
    for command in (["check"], ["status"], ["build", "--no-run", "--quiet"], ["diff", "HEAD"]):
        process = layerbook(*command, *option.split(), cwd=folder)
        assert process.returncode == 2
        assert f"{name}:1:1: is a link" in process.stderr
        assert "SECRET" not in process.stdout + process.stderr
    assert read_tree(outside) == before
    assert not (book / "site").exists()


def test_links_that_appear_during_a_build_are_refused(book: Path, outside: Path) -> None:
    """The experiments may run for minutes, and a pull can change the book meanwhile."""
    project = open_project(book)
    site, reporter = project.site_dir, Reporter()
    (book / "templates" / "assets").mkdir()
    link = book / "templates" / "assets" / "extra.js"
    link.symlink_to(outside / "secret.txt")
    with pytest.raises(SpecError, match=r"extra\.js:1:1: is a link"):
        build(project, site, reporter, BuildOptions(run_stale=False))
    assert not site.exists()
    link.unlink()
    site.symlink_to(outside / "folder")
    with pytest.raises(OutsideError):
        build(project, site, reporter, BuildOptions(run_stale=False))
    assert not list((outside / "folder").iterdir())


def test_results_are_not_written_through_a_link_that_appears(book: Path, outside: Path) -> None:
    """A pull could replace the folder of a chapter while its experiments run."""
    project = open_project(book)
    status = check_status(project)[0]
    path = project.result_path(status.experiment)
    result = results.load(path, status.experiment.result_type).result
    path.parent.rename(book / "old")
    path.parent.symlink_to(outside / "folder")
    with pytest.raises(OutsideError):
        ProjectStore(project, Reporter()).save(status.experiment, status.key, result)
    assert not list((outside / "folder").iterdir())


def test_links_to_files_of_the_book_are_followed(book: Path) -> None:
    """Broken links, which editors leave beside open files, are ignored."""
    prose = book / "templates" / "chapters" / "next.md"
    prose.rename(book / "moved.md")
    prose.symlink_to("../../moved.md")
    (book / "experiments" / ".#next.yaml").symlink_to("somebody@computer.123")
    layerbook("build", "--no-run", "--quiet", cwd=book, check=True)


def test_pipes_are_refused(book: Path) -> None:
    """Reading one would wait forever."""
    os.mkfifo(book / "templates" / "pipe.html")
    process = layerbook("check", cwd=book)
    assert "templates/pipe.html:1:1: is neither a file nor a folder" in process.stderr


@pytest.mark.parametrize("name", ["link.csv", "folder/secret.csv", "folder/secret.cvs"])
def test_data_files_elsewhere_are_refused(name: str, outside: Path, tmp_path: Path) -> None:
    """At the place in the spec; the message does not reveal what is there."""
    (tmp_path / "spec").mkdir()
    (tmp_path / "spec" / "link.csv").symlink_to(outside / "secret.csv")
    (tmp_path / "spec" / "folder").symlink_to(outside)
    spec = tmp_path / "spec" / "words.yaml"
    spec.write_text(
        "chapter: words\ntitle: Words\nexperiments:\n  - id: sweep\n    title: A sweep\n"
        "    analysis: tokenize\n    sweep:\n"
        f"      prompts: {{file: {name}}}\n    measures: {{n: len(result.prompts)}}\n"
    )
    process = layerbook("check", spec, cwd=tmp_path)
    assert process.returncode == 2
    assert f"spec/words.yaml:8:23: '{name}' is outside the folder of the spec" in process.stderr
    assert "secret.csv'" not in process.stderr.replace(f"'{name}'", "")


@pytest.mark.parametrize(
    "name", ["site", "site/data", "site/next.html", "site/.layerbook-site.json"]
)
def test_linked_site_folder_is_not_written_through(name: str, book: Path, outside: Path) -> None:
    """Nothing is written or removed there, even if the site's list names its files."""
    layerbook("build", "--no-run", "--quiet", cwd=book, check=True)
    target = outside / "moved"
    (book / name).rename(target)
    (book / name).symlink_to(target)
    marker = book / "site" / ".layerbook-site.json"
    if marker.is_file() and not marker.is_symlink():
        listed = json.loads(marker.read_text())
        listed["files"]["folder/secret.txt"] = sha256(b"SECRET\n").hexdigest()
        marker.write_text(json.dumps(listed))
        (book / "site" / "folder").symlink_to(outside)
    with (book / "templates" / "chapters" / "next.md").open("a") as file:
        file.write("\nMore.\n")
    before = read_tree(outside)
    layerbook("status", "--check", cwd=book)
    layerbook("build", "--no-run", "--quiet", cwd=book)
    layerbook("build", "--no-run", "--quiet", "--force", cwd=book)
    layerbook("clean", "--all", cwd=book)
    assert read_tree(outside) == before


@pytest.mark.parametrize("target", ["outside", "book/analyses"])
@pytest.mark.parametrize("options", ["", "--book book", "--book book --site book/site"])
def test_files_are_not_published_through_links(
    options: str, target: str, book: Path, outside: Path, tmp_path: Path
) -> None:
    """The book chooses the names and the content of the files in `static/`."""
    (tmp_path / target).mkdir(exist_ok=True)
    (book / "static").mkdir()
    (book / "static" / "secret.txt").write_text("REPLACED\n")
    (book / "site").mkdir()
    (book / "site" / ".layerbook-site.json").write_text('{"files": {}}')
    (book / "site" / "static").symlink_to(tmp_path / target)
    before = read_tree(tmp_path / target)
    command = ["build", "--no-run", "--quiet", *options.split()]
    process = layerbook(*command, cwd=tmp_path if options else book)
    assert process.returncode == 1
    assert "site/static: leads outside" in process.stderr
    assert read_tree(tmp_path / target) == before


@pytest.mark.parametrize("option", ["", "--book book"])
def test_the_working_cache_is_not_written_through_a_link(
    option: str, book: Path, outside: Path
) -> None:
    """Commands work without it, or end with an error."""
    (book / ".layerbook").rename(outside / "moved")
    (book / ".layerbook").symlink_to(outside / "moved")
    before = read_tree(outside)
    for command in ("check", "status", "build --no-run --force", "run", "verify", "clean --all"):
        layerbook(*command.split(), *option.split(), cwd=book.parent if option else book)
    assert read_tree(outside) == before


@pytest.mark.parametrize("link", ["next", "next/sum.json"])
def test_links_in_compared_results_are_not_followed(link: str, book: Path, outside: Path) -> None:
    """`diff` also reads folders beside the book."""
    (model,) = (book / "experiments" / "results").iterdir()
    shutil.copytree(model, book.parent / "other")
    (book.parent / "other" / link).rename(outside / "moved")
    (book.parent / "other" / link).symlink_to(outside / "moved")
    process = layerbook("diff", "other", "--book", "book", cwd=book.parent)
    assert process.returncode == 1
    assert "leads outside" in process.stderr


def test_revisions_are_read_without_links_and_filters(book: Path, tmp_path: Path) -> None:
    """A repository's settings can name commands, and its trees can contain any link."""
    (result,) = (book / "experiments" / "results").glob("*/next/sum.json")
    for name, target in {"absolute": "/etc/passwd", "up": "../../../../../../etc"}.items():
        result.with_name(f"{name}.json").symlink_to(target)
    (book / ".gitattributes").write_text("*.json filter=run diff=run\n")
    git = ["git", "-C", str(book), "-c", "user.name=N", "-c", "user.email=n@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "One"]):
        subprocess.run([*git, *arguments], check=True)
    for name in ("absolute", "up"):
        result.with_name(f"{name}.json").unlink()
    command = f"sh -c 'touch {tmp_path}/ran; cat'"
    for key in ("filter.run.smudge", "core.fsmonitor", "diff.run.textconv", "core.pager"):
        subprocess.run([*git, "config", key, command], check=True)
    process = layerbook("diff", "HEAD", cwd=book)
    assert (process.returncode, process.stderr) == (0, "")
    assert "are the same" in process.stdout
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", [b"\xff\xfe.yaml", b"a\nb:1:1: no problem.yaml"])
def test_names_of_files_can_have_any_bytes(name: bytes, book: Path) -> None:
    """Linux allows them; a line feed cannot begin another line of a report."""
    (book / "experiments" / os.fsdecode(name)).write_text("chapter: x\n")
    (book / "templates" / "assets").mkdir()
    (book / "templates" / "assets" / os.fsdecode(name)).write_text("")
    for command in ("check", "status", "build --no-run", "schema", "clean --orphans"):
        process = layerbook(*command.split(), cwd=book)
        lines = process.stderr.splitlines()
        assert process.returncode == (0 if command == "schema" else 2)
        assert not [line for line in lines if line.startswith("b:1:1")]


CONTROL_CHARACTERS = "\x1b]0;title\x07[/INST]"


def test_control_characters_of_a_book_are_not_printed(book: Path) -> None:
    """Neither from titles and problems nor from names of files and options."""
    spec = book / "experiments" / "next.yaml"
    title = json.dumps(CONTROL_CHARACTERS)
    spec.write_text(spec.read_text().replace("title: What comes next", f"title: {title}", 1))
    (book / "experiments" / f"{CONTROL_CHARACTERS.replace('/', '')}.yaml").write_text("chapter: no")
    (book / "templates" / "chapters" / "next.md").write_text(f"{{{{ r({title}) }}}}")
    outputs = [
        layerbook(*command, cwd=book)
        for command in (
            ["check"],
            ["status"],
            ["build", "--no-run"],
            ["run", "--only", CONTROL_CHARACTERS],
            ["check", CONTROL_CHARACTERS],
            ["diff", CONTROL_CHARACTERS],
            ["diff", "HEAD", CONTROL_CHARACTERS],
            ["--debug", "check", f"experiments/{CONTROL_CHARACTERS.replace('/', '')}.yaml"],
        )
    ]
    (book / "experiments" / f"{CONTROL_CHARACTERS.replace('/', '')}.yaml").unlink()
    outputs += [layerbook(*command, cwd=book) for command in (["check"], ["build", "--no-run"])]
    for output in outputs:
        assert output.returncode in (1, 2)
        assert not {"\x1b", "\x07"} & set(output.stdout + output.stderr)


COMMANDS = {
    "check": (),
    "status --check --jobs 1": (),
    "build --no-run --force --jobs 1": (),
    "run --force": (),
    "verify": (),
    "diff HEAD": ("git",),
    "clean --all": (),
}
SYSTEM = ("/dev", "/etc", "/lib", "/opt", "/proc", "/sys", "/usr")


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_write_only_inside_the_book(
    command: str, book: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """They write in the book and the user's caches, and start no program, except git for `diff`
    with a revision; matplotlib and torch have their own caches.
    """
    import matplotlib

    git = ["git", "-C", str(book), "-c", "user.name=N", "-c", "user.email=n@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "One"]):
        subprocess.run([*git, *arguments], check=True)
    folders = {name: tmp_path / name for name in ("home", "cache", "temporary", "torch")}
    for folder in folders.values():
        folder.mkdir()
    watched = watch_layerbook(
        *command.split(),
        cwd=book,
        report=tmp_path / "report.json",
        HOME=str(folders["home"]),
        LAYERBOOK_CACHE=str(folders["cache"]),
        TMPDIR=str(folders["temporary"]),
        MPLCONFIGDIR=matplotlib.get_cachedir(),
        TORCHINDUCTOR_CACHE_DIR=str(folders["torch"]),
        OMP_NUM_THREADS="1",
    )
    assert "Traceback" not in watched.errors
    assert watched.returncode in (0, 1), watched.errors
    assert tuple(Path(name).name for name in watched.programs) == COMMANDS[command]
    assert watched.network == ()
    caches = [Path(matplotlib.get_cachedir()), folders["torch"]]
    own = [book, folders["cache"], folders["temporary"], *caches, Path("/dev/null")]
    assert [path for path in watched.written if not is_below(path, own)] == []
    installed = [sys.prefix, sys.base_prefix, layerbook_package.__path__[0], *SYSTEM, *sys.path]
    readable = [*own, tiny_model_dir, ROOT / "templates", *map(Path, filter(None, installed))]
    assert [path for path in watched.read if not is_below(path, readable)] == []
    assert not list(folders["temporary"].iterdir())


def is_below(path: Path, folders: Iterable[Path]) -> bool:
    """Return whether a path lies in one of the folders."""
    return any(path.is_relative_to(folder.resolve()) for folder in folders)


def test_links_in_the_results_folder_are_not_followed(
    outside: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """`run --out` names the folder itself."""
    spec = tmp_path / "words.yaml"
    spec.write_text(
        "chapter: words\ntitle: Words\nexperiments:\n  - id: grid\n    title: A grid\n"
        "    analysis: tokenize\n    sweep: {prompts: [a, b]}\n"
        "    measures: {n: len(result.prompts)}\n"
    )
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "grid").symlink_to(outside)
    before = read_tree(outside)
    for out in (tmp_path / "out", "out"):
        command = ("run", spec, "--out", out, "--model", tiny_model_dir)
        process = layerbook(*command, cwd=tmp_path)
        assert process.returncode == 1 and "leads outside" in process.stderr + process.stdout
    assert read_tree(outside) == before


def test_reading_a_revision_fetches_nothing(book: Path, tmp_path: Path) -> None:
    """Git would fetch a missing object by a command that the repository chooses."""
    git = ["git", "-C", str(book), "-c", "user.name=N", "-c", "user.email=n@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "One"]):
        subprocess.run([*git, *arguments], check=True)
    (result,) = (book / "experiments" / "results").glob("*/next/sum.json")
    name = subprocess.check_output(
        [*git, "rev-parse", f"HEAD:{result.relative_to(book)}"], text=True
    )
    (book / ".git" / "objects" / name[:2] / name[2:].strip()).unlink()
    settings = {
        "core.repositoryFormatVersion": "1",
        "extensions.partialClone": "origin",
        "protocol.ext.allow": "always",
        "remote.origin.promisor": "true",
        "remote.origin.url": f"ext::sh -c touch% {tmp_path}/ran",
    }
    for key, value in settings.items():
        subprocess.run([*git, "config", key, value], check=True)
    process = layerbook("diff", "HEAD", cwd=book)
    assert process.returncode == 1 and "next/sum: added" in process.stdout
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "name",
    ["../../outside/secret.txt", "layerbook/../../../outside/secret.txt", "../site/build.py"],
)
def test_page_templates_include_only_files_of_their_folders(name: str, book: Path) -> None:
    """The book's `templates/` and the package's, with any number of `..`."""
    package = Path(str(files("layerbook.templates")))
    up = "/".join([".."] * len(package.parts))
    for path in (name, f"{up}/etc/hostname", f"layerbook/{up}/etc/hostname"):
        (book / "templates" / "index.html").write_text(f"{{% include {path!r} %}}")
        process = layerbook("build", "--no-run", "--quiet", "--force", cwd=book)
        assert process.returncode == 2
        assert "templates/index.html:1:1: " in process.stderr
    assert not (book / "site").exists()


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("templates/chapters/next.md", 21, "is larger than 20 MB"),
        ("templates/code/next/cell.py", 5000, "is larger than 20 MB"),
        ("templates/assets/own.js", 21, "is larger than 20 MB"),
        ("static/film.mp4", 101, "is larger than 100 MB"),
    ],
)
def test_large_files_are_refused_without_reading(
    name: str, size: int, message: str, book: Path
) -> None:
    """A file of zeros is small in an archive but fills the memory."""
    (book / name).parent.mkdir(parents=True, exist_ok=True)
    os.truncate(os.open(book / name, os.O_CREAT | os.O_WRONLY), size * 1_000_000)
    process = layerbook("check", cwd=book)
    assert process.returncode == 2
    assert f"{name}:1:1: {message}" in process.stderr


def test_total_size_of_files_is_limited(book: Path) -> None:
    """A build holds all of them in memory."""
    (book / "static").mkdir()
    for number in range(6):
        (book / "static" / f"{number}.mp4").touch()
        os.truncate(book / "static" / f"{number}.mp4", 90_000_000)
    process = layerbook("check", cwd=book)
    assert "static:1:1: has more than 500 MB of files" in process.stderr


def test_names_invalid_in_addresses_are_refused(book: Path) -> None:
    """They cannot be in the list of the site's files either."""
    (book / "static").mkdir()
    for name in (b"not-utf8-\xff.txt", b"line\nend.txt", b"a:b.txt", b"a\\b.txt"):
        path = Path(os.fsdecode(os.fsencode(book / "static") + b"/" + name))
        path.touch()
        process = layerbook("build", "--no-run", cwd=book)
        assert process.returncode == 2
        assert "its name has a character that a URL path cannot contain" in process.stderr
        path.unlink()
