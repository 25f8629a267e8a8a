"""A stranger's files that fill the memory, block their reader, or stand where a file is written."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zlib
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree
from layerbook.compare import result_set

EXPORTS = ("--zip", "--epub", "--slides next", "--figures")


@pytest.fixture
def built(built_book: Path, tmp_path: Path) -> Path:
    """A copy of the small book with its site."""
    return shutil.copytree(built_book, tmp_path / "book")


def make_deep(folder: Path) -> None:
    """Make a folder whose paths are longer than Python's stack."""
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("a", dir_fd=descriptor)
        deeper = os.open("a", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = deeper
    os.close(descriptor)


def remove_deep(folder: Path) -> None:
    """Remove it, which `shutil.rmtree` cannot."""
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def make_pipe(path: Path) -> None:
    """Replace a file by a pipe, which blocks its reader."""
    path.unlink()
    os.mkfifo(path)


def make_huge(path: Path) -> None:
    """Make a file of zeros, larger than the memory but not on disk."""
    path.touch()
    os.truncate(path, 200 * 10**9)


DEEP = [
    ("experiments", ("check",), 2),
    ("experiments/results", ("clean", "--orphans"), 2),
    ("templates", ("build", "--no-run"), 2),
    ("static", ("check",), 2),
    ("analyses", ("trust",), 1),
    ("site/data", ("build", "--no-run", "--force"), 1),
]


@pytest.mark.parametrize(("folder", "command", "code"), DEEP, ids=[name for name, *_ in DEEP])
def test_deeply_nested_folders_are_refused(
    folder: str, command: tuple[str, ...], code: int, built: Path
) -> None:
    """Functions that call themselves for each level fail on them."""
    make_deep(built / folder / "deep")
    try:
        completed = layerbook(*command, cwd=built)
    finally:
        remove_deep(built / folder / "deep")
    assert completed.returncode == code
    assert "nested more than 50 deep" in completed.stderr


def test_clean_removes_deeply_nested_folders(book: Path) -> None:
    """Folders in one another, and a link to a folder, which stays."""
    experiments = book / "experiments"
    names = sorted(path.name for path in experiments.iterdir())
    make_deep(book / ".layerbook" / "pages")
    (book / ".layerbook" / "pages" / "a" / "a" / "link").symlink_to(experiments)
    try:
        completed = layerbook("clean", cwd=book)
        assert (completed.returncode, completed.stderr) == (0, "")
        assert not (book / ".layerbook" / "pages").exists()
    finally:
        remove_deep(book / ".layerbook")
    assert sorted(path.name for path in experiments.iterdir()) == names


@pytest.mark.parametrize("make", [make_pipe, make_huge])
@pytest.mark.parametrize("export", EXPORTS)
def test_exports_refuse_pages_that_are_no_plain_files(
    export: str, make: object, built: Path, tmp_path: Path
) -> None:
    assert callable(make)
    make(built / "site" / "next.html")
    completed = layerbook("export", *export.split(), tmp_path / "out", cwd=built)
    assert completed.returncode == 1
    assert "next.html: is not a file" in completed.stderr or "is larger than" in completed.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["next.html", "old.bin", ".layerbook-site.json"])
def test_huge_files_of_a_site_are_not_read(name: str, built: Path) -> None:
    """A page is replaced, another file stays, and a list of files is an error."""
    marker = built / "site" / ".layerbook-site.json"
    listed = json.loads(marker.read_text())
    listed["files"]["old.bin"] = "0" * 64
    marker.write_text(json.dumps(listed))
    make_huge(built / "site" / name)
    completed = layerbook("build", "--no-run", "--quiet", "--force", cwd=built)
    assert completed.returncode == (1 if name.startswith(".") else 0), completed.stderr
    assert (built / "site" / "next.html").stat().st_size < 10**6 or name == ".layerbook-site.json"
    assert layerbook("status", "--check", cwd=built).returncode in (0, 1)


def test_huge_entries_of_the_working_cache_are_ignored(built: Path) -> None:
    """Their names are digests of public texts, so that anybody can write such an entry."""
    entries = [path for path in (built / ".layerbook").rglob("*") if path.is_file()]
    for path in entries:
        make_huge(path)
    for command in (("status",), ("build", "--no-run", "--quiet")):
        layerbook(*command, cwd=built, check=True)


def test_huge_arrays_of_a_result_are_not_read(built: Path) -> None:
    (path,) = built.glob("experiments/results/*/next/sum.json")
    make_huge(path.with_name("sum.00000000.safetensors"))
    completed = layerbook("check", cwd=built)
    assert completed.returncode == 2
    assert "sum.00000000.safetensors:1:1: is larger than 500 MB" in completed.stderr


LINKS = [
    ("export --zip out", "out"),
    ("export --epub out", "out"),
    ("export --slides next out", "out"),
    ("export --figures out", "out"),
    ("export --figures figures", "figures/next"),
    ("diff MODEL --html out", "out"),
    ("run experiments/next.yaml --out out", "out"),
    ("build --no-run --site out", "out"),
]


@pytest.mark.parametrize(("command", "name"), LINKS, ids=[command for command, _ in LINKS])
def test_nothing_is_written_through_links_of_a_book(
    command: str, name: str, built: Path, tmp_path: Path
) -> None:
    """A reader names a file such as `book.pdf`, which is a link to a file elsewhere."""
    outside = tmp_path / "outside"
    is_folder = "figures" in command or "run" in command
    if is_folder:
        outside.mkdir()
    else:
        outside.write_text("SECRET")
    (built / name).parent.mkdir(exist_ok=True)
    (built / name).symlink_to(outside)
    (model,) = (path.name for path in (built / "experiments" / "results").iterdir())
    completed = layerbook(*command.replace("MODEL", model).split(), cwd=built)
    assert completed.returncode == 1, completed.stdout
    assert "leads outside" in completed.stderr
    assert (read_tree(outside) == {}) if is_folder else (outside.read_text() == "SECRET")


def test_nothing_is_written_through_a_link_from_a_folder_of_the_book(
    built: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (built / "out").symlink_to(outside)
    completed = layerbook("run", "next.yaml", "--out", "../out", cwd=built / "experiments")
    assert completed.returncode == 1, completed.stdout
    assert "leads outside" in completed.stderr
    assert read_tree(outside) == {}


@pytest.mark.parametrize("command", ["init", "guide"])
def test_new_books_are_not_written_through_a_link(
    command: str, built: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (built / "docs").symlink_to(outside)
    completed = layerbook(command, "docs/new", cwd=built)
    assert completed.returncode == 1, completed.stdout
    assert "leads outside" in completed.stderr
    assert read_tree(outside) == {}


def insert(book: Path, html: str) -> None:
    """Write HTML at the end of a page's text."""
    page = book / "site" / "next.html"
    page.write_text(page.read_text().replace("</article>", f"{html}</article>", 1))


SLOW = [
    "<div>" * 1000 + "</div>" * 1000,
    f"<a {' '.join(f'a{number}' for number in range(200_000))}></a>",
]


@pytest.mark.parametrize("html", SLOW, ids=["deep", "attributes"])
def test_pages_that_are_slow_to_parse_are_refused(
    html: str, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("layerbook.site.export.document.PARSING_SECONDS", 2)
    insert(built, html)
    completed = layerbook("export", "--slides", "next", tmp_path / "out", cwd=built)
    assert completed.returncode == 1
    assert (
        "nested more than 200 deep" in completed.stderr or "takes longer than" in completed.stderr
    )


def test_exports_have_a_largest_size(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page can show one large picture a thousand times."""
    monkeypatch.setattr("layerbook.site.export.site_files.MAX_TOTAL_BYTES", 5_000_000)
    (built / "site" / "big.png").write_bytes(bytes(1_000_000))
    insert(built, '<img src="big.png">' * 10)
    completed = layerbook("export", "--slides", "next", tmp_path / "out", cwd=built)
    assert completed.returncode == 1
    assert "files are larger than 5 MB together" in completed.stderr


def test_style_sheets_are_embedded_in_linear_time(built: Path, tmp_path: Path) -> None:
    sheet = built / "site" / "assets" / "book.css"
    sheet.write_text(sheet.read_text() + "url(" * 300_000 + "url(" + " " * 300_000)
    layerbook("export", "--slides", "next", tmp_path / "out", cwd=built, check=True)


def test_names_in_an_archive_lead_down_only(built: Path, tmp_path: Path) -> None:
    """The site contains the file, but unpacking `EPUB/../../book` would write elsewhere."""
    shutil.copy(built / "site" / "assets" / "book.css", built / "site" / "x.png")
    insert(built, f'<img src="../../{built.name}/site/x.png">')
    completed = layerbook("export", "--epub", tmp_path / "out", cwd=built)
    assert completed.returncode == 1
    assert "not the path of a picture or video in the site" in completed.stderr


@pytest.mark.parametrize("name", ["more.xhtml", "book.opf", "style.css"])
def test_epub_contains_no_unchecked_pages(name: str, built: Path, tmp_path: Path) -> None:
    """A stranger's site may name a page with scripts, or the list of files, as a picture."""
    (built / "site" / name).write_text("<script>SECRET</script>")
    insert(built, f'<img src="{name}" alt="">')
    completed = layerbook("export", "--epub", tmp_path / "book.epub", cwd=built)
    assert completed.returncode == 1, completed.stdout
    assert "is not the path of a picture or video" in completed.stderr
    assert not (tmp_path / "book.epub").exists()


DRAWINGS = {
    "huge": '<svg width="1000000" height="1000000"></svg>',
    "without size": '<svg width="100%" height="9"></svg>',
    "uses": '<svg width="9" height="9"><defs><g id="a0"><rect width="1" height="1"/></g>'
    + "".join(f'<g id="a{n + 1}">{f"<use href=#a{n} />" * 10}</g>' for n in range(9))
    + "</defs><use href=#a9 /></svg>",
    "many layers": '<svg width="2400" height="2400">'
    + f"{'<g opacity=.9>' * 180}<rect width=2400 height=2400 />{'</g>' * 180}</svg>",
    "slow": f'<svg width="2400" height="2400">{"<rect width=2400 height=2400 opacity=.5 />" * 9000}'
    "</svg>",
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_drawings_too_large_for_pixels_are_errors(
    name: str, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The renderer would end the program, or never end."""
    monkeypatch.setattr("layerbook.plotting.rasterizing.SECONDS", 5)
    insert(built, f'<figure id="evil">{DRAWINGS[name]}</figure>')
    completed = layerbook("export", "--figures", tmp_path / "out", cwd=built)
    assert completed.returncode == 1
    assert "next.html: the figure 'evil' cannot be drawn" in completed.stderr


def commit(book: Path) -> None:
    """Put a book under version control."""
    git = ["git", "-C", str(book), "-c", "user.name=N", "-c", "user.email=n@example.org"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "One"]):
        subprocess.run([*git, *arguments], check=True)


def test_git_is_stopped_when_it_waits(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its settings may include a pipe."""
    commit(book)
    with (book / ".git" / "config").open("a") as file:
        file.write("[include]\npath = pipe\n")
    os.mkfifo(book / ".git" / "pipe")
    monkeypatch.setattr(result_set, "GIT_SECONDS", 1)
    completed = layerbook("diff", "HEAD", cwd=book)
    assert completed.returncode == 2
    assert "git takes longer than 1 seconds" in completed.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the memory")
def test_git_is_stopped_when_it_fills_the_memory(
    book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It reads a branch to the end of its file, or an object that is long when unpacked."""
    commit(book)
    (branch,) = (book / ".git" / "refs" / "heads").iterdir()
    branch.unlink()
    branch.symlink_to("/dev/zero")
    monkeypatch.setattr(result_set, "GIT_SECONDS", 10)
    monkeypatch.setattr(result_set, "MAX_MEMORY", 50_000_000)
    completed = layerbook("diff", "HEAD", cwd=book)
    assert completed.returncode == 2
    assert "HEAD: neither a folder" in completed.stderr


def test_large_revisions_are_refused(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of zeros is small in git."""
    (result,) = book.glob("experiments/results/*/next/sum.json")
    result.with_name("zeros.json").write_bytes(bytes(3_000_000))
    commit(book)
    result.with_name("zeros.json").unlink()
    monkeypatch.setattr(result_set, "MAX_BYTES", 2_000_000)
    completed = layerbook("diff", "HEAD", cwd=book)
    assert completed.returncode == 2
    assert "too many or too large" in completed.stderr


def write_object(book: Path, kind: str, content: bytes) -> bytes:
    """Write an object of git, however strange, and return its name."""
    data = f"{kind} {len(content)}\0".encode() + content
    name = hashlib.sha1(data, usedforsecurity=False).hexdigest()
    path = book / ".git" / "objects" / name[:2] / name[2:]
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        path.write_bytes(zlib.compress(data))
    return bytes.fromhex(name)


@pytest.mark.parametrize("name", ["..", "a" * 3000, "sum.json"])
def test_strange_names_in_a_revision_are_errors(name: str, book: Path) -> None:
    """Git itself writes no such trees, but reads them."""
    commit(book)
    (model,) = (path.name for path in (book / "experiments" / "results").iterdir())
    blob = b"100644 sum.json\0" + write_object(book, "blob", b"{}")
    tree = b"40000 " + name.encode() + b"\0" + write_object(book, "tree", blob)
    tree = write_object(book, "tree", blob + tree)
    for folder in ("next", model, "results", "experiments"):
        tree = write_object(book, "tree", f"40000 {folder}\0".encode() + tree)
    text = f"tree {tree.hex()}\nauthor N <n@n> 0 +0000\ncommitter N <n@n> 0 +0000\n\nOne\n"
    revision = write_object(book, "commit", text.encode()).hex()
    completed = layerbook("diff", revision, cwd=book)
    if name == "..":  # `next/../sum.json` still lies in the folder of results
        assert completed.returncode in (1, 2)
    else:
        assert (completed.returncode, "cannot be unpacked" in completed.stderr) == (2, True)
    assert "Errno" not in completed.stderr


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("diff HEAD", "HEAD: neither a folder"),
        ("export --pdf out.pdf", "Chromium was not found"),
        ("check", "`dot` is not on the PATH"),
    ],
    ids=["git", "chromium", "dot"],
)
def test_programs_in_the_working_directory_are_not_run(
    command: str, message: str, built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even where the PATH has the working directory, or an empty entry, which means the same."""
    commit(built)
    with (built / "templates" / "chapters" / "next.md").open("a") as file:
        file.write("\n```dot\n// caption: A to b.\n// alt: a, b\ndigraph { a -> b }\n```\n")
    for name in ("git", "chromium", "chrome", "dot"):
        program = built / name
        program.write_text(f"#!/bin/sh\n: > {tmp_path}/ran\n")  # the PATH has no `touch`
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f".{os.pathsep}{os.pathsep}{tmp_path}/nothing")
    monkeypatch.delenv("CHROMIUM", raising=False)
    completed = layerbook(*command.split(), cwd=built)
    assert completed.returncode == 2, completed.stdout
    assert message in completed.stderr
    assert not (tmp_path / "ran").exists()


TWICE = {
    f"styles/a{n}.css": f'@import "./a{n + 1}.css";\n@import "./a{n + 1}.css";\n' for n in range(40)
}
ASSETS = {
    "itself": ({"own.css": '@import "./own.css";\n'}, ""),
    "twice": ({**TWICE, "styles/a40.css": "", "own.css": '@import "./styles/a0.css";\n'}, ""),
    "scripts": ({"a.js": 'import "./b.js";\n', "b.js": 'import "./a.js";\n'}, ""),
    "other encoding": ({"own.css": "\xff"}, "templates/assets/own.css: the file is not UTF-8"),
}


@pytest.mark.parametrize("name", ASSETS)
def test_imports_of_scripts_and_style_sheets_end(name: str, book: Path) -> None:
    """Each file is filled in once."""
    contents, message = ASSETS[name]
    (book / "templates" / "own.html").touch()  # templates of the book's own bring their assets
    for path, text in contents.items():
        (book / "templates" / "assets" / path).parent.mkdir(parents=True, exist_ok=True)
        (book / "templates" / "assets" / path).write_text(text, encoding="latin-1")
    completed = layerbook("build", "--no-run", "--quiet", cwd=book)
    assert (completed.returncode, message in completed.stderr) == (1 if message else 0, True)
