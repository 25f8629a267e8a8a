"""What a command imports: the floors as they are at run time, seen from outside."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = ("torch", "transformers", "matplotlib", "seaborn", "sklearn", "scipy", "jinja2")
REPORT = """
import sys
from layerbook.cli.main import main
try:
    main(sys.argv[1:], standalone_mode=False)
except SystemExit as end:
    print("exit", end.code, file=sys.stderr)
print("imported", *sorted(set({heavy!r}) & set(sys.modules)), file=sys.stderr)
"""


def imported(*arguments: str, cwd: Path = ROOT) -> set[str]:
    """The heavy packages that a command imported, run in a process of its own."""
    script = REPORT.format(heavy=HEAVY)
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=cwd, capture_output=True, text=True
    )
    lines = done.stderr.splitlines()
    assert "exit 0" in lines or "--help" in arguments, done.stderr
    return set(lines[-1].split()[1:])


@pytest.mark.parametrize("arguments", [("--help",), ("build", "--help"), ("--version",)])
def test_help_imports_nothing_heavy(arguments: tuple[str, ...]) -> None:
    """Help and version answer at once."""
    script = REPORT.format(heavy=(*HEAVY, "numpy", "pydantic"))
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert done.stderr.splitlines()[-1] == "imported"


@pytest.mark.parametrize(
    "arguments",
    [("status",), ("timings",), ("diff", "smollm2-135m-instruct"), ("schema",), ("schema", "book")],
)
def test_looking_imports_neither_the_model_nor_the_figures(arguments: tuple[str, ...]) -> None:
    """Status, timings, differences and schemas need specs and files only."""
    assert not imported(*arguments) & {"torch", "transformers", "matplotlib", "seaborn"}


def test_check_knows_the_prose_but_not_the_model() -> None:
    """Checking reads templates, so Jinja, and nothing that runs or draws."""
    assert not imported("check") & {"torch", "transformers", "matplotlib", "seaborn"}


def test_rendering_never_imports_torch(tmp_path: Path) -> None:
    """A whole book from committed results, drawn anew: matplotlib, but neither torch nor transformers."""
    found = imported("build", "--no-run", "--force", "--quiet", "--site", str(tmp_path / "site"))
    assert not found & {"torch", "transformers"}
    assert (tmp_path / "site" / "index.html").is_file()


def test_a_build_with_nothing_to_do_imports_nothing_heavy(tmp_path: Path) -> None:
    """The second build compares digests; it neither draws nor lays out."""
    site = str(tmp_path / "site")
    imported("build", "--no-run", "--quiet", "--site", site)
    assert imported("build", "--no-run", "--quiet", "--site", site) == set()


def test_imports_point_down() -> None:
    """The contracts of import-linter in pyproject.toml hold: floors, torch, matplotlib, independent analyses."""
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([str(linter)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
