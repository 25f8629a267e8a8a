"""The wheel: its files, and a book built from it without a checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree, write_small_book

ROOT = Path(__file__).parent.parent
SHIPPED = {
    "templates": {".html"},
    "templates/assets": {".css", ".js"},
    "templates/assets/fonts": {".txt", ".woff2"},
    "templates/assets/live": {".js"},
    "templates/assets/scripts": {".js"},
    "templates/assets/styles": {".css"},
    "templates/locale/de/LC_MESSAGES": {".po"},
    "generator/layerbook/site": {".css", ".js"},
    "generator/layerbook/site/export": {".css", ".html", ".js", ".opf"},
    "generator/layerbook/site/vendor": {".js", ".txt", ".md"},
}
PROBE = (
    "import layerbook, layerbook.templates as t; print(layerbook.__file__, *t.__path__, sep='\\n')"
)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the sources."""
    source = tmp_path_factory.mktemp("source")
    ignored = shutil.ignore_patterns("__pycache__", ".mypy_cache", ".layerbook")
    for name in ("generator", "templates", "docs/guide"):
        shutil.copytree(ROOT / name, source / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    return source


@pytest.fixture(scope="module")
def wheel(source: Path) -> Path:
    """Build the wheel without network."""
    out = source / "dist"
    _python("-m", "build", "--wheel", "--no-isolation", "--outdir", out, source, cwd=source)
    (wheel_file,) = out.glob("*.whl")
    return wheel_file


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone into a folder."""
    target = tmp_path_factory.mktemp("installed")
    options = ("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check")
    _python("-m", "pip", "install", *options, "--target", target, wheel, cwd=target)
    return target


def test_wheel_has_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    """It has modules, templates, assets, vendored code and licences, but no chapters."""
    expected = {
        str(path.relative_to(ROOT / "generator")) for path in (ROOT / "generator").rglob("*.py")
    }
    expected.add("layerbook/py.typed")
    starter = ROOT / "generator/layerbook/starter"
    expected |= {
        str(path.relative_to(ROOT / "generator")) for path in starter.rglob("*") if path.is_file()
    }
    guide = ROOT / "docs/guide"
    for folder in ("images", "static", "templates"):
        expected |= {
            f"layerbook/guide/{path.relative_to(guide)}"
            for path in (guide / folder).rglob("*")
            if path.is_file()
        }
    expected |= {
        f"layerbook/guide/experiments/{path.name}"
        for path in (guide / "experiments").glob("*.yaml")
    }
    for folder, suffixes in SHIPPED.items():
        inside = (
            folder.removeprefix("generator/")
            if folder.startswith("generator")
            else f"layerbook/{folder}"
        )
        expected |= {
            f"{inside}/{path.name}" for path in (ROOT / folder).iterdir() if path.suffix in suffixes
        }
    expected |= {"layerbook/templates/__init__.py", "layerbook/guide/__init__.py"}
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name for name in names if ".dist-info/" not in name} == expected
    licences = {Path(name).name for name in names if ".dist-info/licenses/" in name}
    vendored = {
        f"{name}-LICENSE.txt" for name in ("temml", "huggingface-tokenizers", "huggingface-jinja")
    }
    assert licences == {"LICENSE", *vendored}


def test_installed_package_builds_the_same_book(
    installed: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """In another folder, with the wheel alone, to the same bytes."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    layerbook("build", "--site", tmp_path / "here", cwd=book, check=True)
    away = tmp_path / "away"
    away.mkdir()
    where = _python("-c", PROBE, cwd=away, path=installed).split()
    assert all(Path(place).is_relative_to(installed) for place in where), where
    command = ("-m", "layerbook", "build", "--no-run", "--book", book, "--site", away / "site")
    _python(*command, cwd=away, path=installed)
    site_files = read_tree(away / "site")
    assert "index.html" in site_files and "assets/book.css" in site_files
    assert site_files == read_tree(tmp_path / "here")


def test_installed_package_writes_a_new_book(installed: Path, tmp_path: Path) -> None:
    """The wheel has the files of `layerbook init`, with the hidden one, and none is compiled."""
    assert any(installed.glob("layerbook/starter/**/*.pyc"))
    _python("-m", "layerbook", "init", "talk", cwd=tmp_path, path=installed)
    book_files = read_tree(tmp_path / "talk")
    assert {".gitignore", "README.md", "experiments/book.yaml"} <= book_files.keys()
    assert not [name for name in book_files if name.endswith(".pyc")]


def test_installed_package_writes_its_guide(
    installed: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """The wheel has the guide, which is a book without problems."""
    _python("-m", "layerbook", "guide", "manual", cwd=tmp_path, path=installed)
    manual = tmp_path / "manual"
    assert (manual / "templates/pages/tutorial.md").is_file()
    command = ("-m", "layerbook", "check", "--book", manual, "--model", tiny_model_dir)
    _python(*command, cwd=tmp_path, path=installed)


def test_editable_install_imports_nothing_from_the_working_directory(
    source: Path, tmp_path: Path
) -> None:
    """It is what `make site` installs; the working directory may be a stranger's book."""
    build = f"from setuptools.build_meta import build_editable; build_editable({str(tmp_path)!r})"
    _python("-c", build, cwd=source)
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "packages")
    script = (
        "import site, sys\nbefore = len(sys.path)\nsite.addsitedir(sys.argv[1])\n"
        "print(*sys.path[before:], sep='\\n')"
    )
    added = _python("-I", "-S", "-c", script, tmp_path / "packages", cwd=tmp_path)
    assert all(Path(folder).is_absolute() for folder in added.splitlines()), added


def test_install_line_works_without_a_package_index(installed: Path) -> None:
    """pip uses the local layerbook, from a wheel or a clone, with the extra."""
    options = ("--dry-run", "--no-index", "--no-deps", "--disable-pip-version-check")
    output = _python("-m", "pip", "install", *options, "layerbook[model]", cwd=ROOT, path=installed)
    assert "already satisfied: layerbook[model]" in output


def test_missing_torch_is_reported_before_any_download(
    installed: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """The message names the package, and the exit code is 1."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nfrom importlib.machinery import PathFinder\n"
        "class Hidden(PathFinder):\n"
        "    @classmethod\n"
        "    def find_spec(cls, name, path=None, target=None):\n"
        "        hidden = name.partition('.')[0] == 'torch'\n"
        "        return None if hidden else PathFinder.find_spec(name, path, target)\n"
        "sys.meta_path[:] = [Hidden if f is PathFinder else f for f in sys.meta_path]\n"
    )
    cache = tmp_path / "cache"
    environment = _environment(installed, tmp_path) | {"LAYERBOOK_CACHE": str(cache)}
    command = [sys.executable, "-m", "layerbook", "run", "--model", "smollm2-135m-instruct"]
    completed = subprocess.run(
        command, cwd=book, env=environment, capture_output=True, text=True, check=False
    )
    assert (completed.returncode, completed.stdout) == (1, "")
    assert (
        completed.stderr
        == "layerbook: running the model needs torch: pip install 'layerbook[model]'\n"
    )
    assert not (cache / "downloads").exists()


def _python(*arguments: str | Path, cwd: Path, path: Path | None = None) -> str:
    """Run Python in a process of its own and return its output."""
    command = [sys.executable, *map(str, arguments)]
    environment = _environment(path) if path else dict(os.environ)
    completed = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


def _environment(*folders: Path) -> dict[str, str]:
    """Return this environment with folders first on the path; dependencies stay importable."""
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(map(str, folders)),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
