"""The linter reads every Python file, and docstrings are statements."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("generator", "tests", "benchmarks")
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
QUESTIONS = re.compile(r"(What|Whether|How|Where|Who)\b")


def python_files() -> set[Path]:
    return {path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")}


def test_linter_reads_every_file() -> None:
    """An exclude pattern matches folders of that name at any depth."""
    command = [sys.executable, "-m", "ruff", "check", "--show-files", *FOLDERS]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {Path(line) for line in output.splitlines() if line.endswith(".py")} == python_files()


def test_docstrings_open_with_a_statement() -> None:
    """No docstring begins with a question word."""
    questions = []
    for path in sorted(python_files()):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, DOCUMENTED):
                docstring = ast.get_docstring(node) or ""
                if QUESTIONS.match(docstring):
                    questions.append(f"{path}: {docstring.splitlines()[0]}")
    assert questions == []
