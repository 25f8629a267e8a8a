"""Imports: the tree of packages, and the heavy libraries that each command loads."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).resolve().parent.parent
LIBRARIES = ("torch", "transformers", "matplotlib", "seaborn", "sklearn", "scipy", "jinja2")
MODEL_AND_FIGURES = {"torch", "transformers", "matplotlib", "seaborn"}
REPORT = """
import sys
from layerbook.cli.main import main
try:
    main(sys.argv[1:], standalone_mode=False)
    print("exit 0", file=sys.stderr)
except SystemExit as end:
    print("exit", end.code, file=sys.stderr)
print("imported", *sorted(set({libraries!r}) & set(sys.modules)), file=sys.stderr)
"""


def libraries_imported_by(*arguments: str, libraries: tuple[str, ...] = LIBRARIES) -> set[str]:
    """Run a command in a process of its own and return which of the libraries it imported."""
    script = REPORT.format(libraries=libraries)
    completed = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    lines = completed.stderr.splitlines()
    assert "exit 0" in lines or "--help" in arguments or "--version" in arguments, completed.stderr
    return set(lines[-1].split()[1:])


@pytest.mark.parametrize("arguments", [("--help",), ("build", "--help"), ("--version",)])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    """Help and version import neither numpy nor pydantic."""
    libraries = (*LIBRARIES, "numpy", "pydantic")
    assert libraries_imported_by(*arguments, libraries=libraries) == set()


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("check",), ("diff", "smollm2-135m-instruct"), ("schema",), ("schema", "book")],
)
def test_read_only_commands_import_neither_torch_nor_matplotlib(arguments: tuple[str, ...]) -> None:
    """They only need specs, prose and results."""
    assert not libraries_imported_by(*arguments) & MODEL_AND_FIGURES


def test_rendering_never_imports_torch(tmp_path: Path) -> None:
    """A whole book is rendered from committed results without torch and transformers."""
    site = tmp_path / "site"
    imported = libraries_imported_by("build", "--no-run", "--force", "--quiet", "--site", str(site))
    assert not imported & {"torch", "transformers"}
    assert (site / "index.html").is_file()


def test_up_to_date_build_imports_nothing_heavy(tmp_path: Path) -> None:
    """It only looks at the state of files, without YAML, pydantic and numpy."""
    build = ("build", "--no-run", "--quiet", "--site", str(tmp_path / "site"))
    libraries_imported_by(*build)
    libraries = (*LIBRARIES, "numpy", "pydantic", "yaml")
    assert libraries_imported_by(*build, libraries=libraries) == set()


def test_tree_is_small_and_has_no_cycle() -> None:
    """There are at most ten packages and five modules at the top."""
    folder = ROOT / "generator" / "layerbook"
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    assert len(packages) <= 10 and len(modules) <= 5
    graph = grimp.build_graph("layerbook")
    children = graph.find_children("layerbook")
    assert len(children) <= 12
    for child in children:
        graph.squash_module(child)
    imports = {child: graph.find_modules_directly_imported_by(child) for child in children}
    imports = {child: targets - {"layerbook"} for child, targets in imports.items()}
    levels = 0
    while imports:
        bottom = {child for child, targets in imports.items() if not targets & imports.keys()}
        assert bottom, f"a cycle among {', '.join(sorted(imports))}"
        imports = {child: targets for child, targets in imports.items() if child not in bottom}
        levels += 1
    assert levels <= 9
