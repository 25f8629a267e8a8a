"""A key follows what can change a number, and nothing else."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from layerbook.core.errors import StoreError
from layerbook.model.sources import Fingerprint
from layerbook.store import code_digest, keys

SOURCES = {
    "__init__.py": '__version__ = "1"\n',
    "first.py": (
        '"""One."""\nfrom book.shared import scale\n\n'
        'def measure(x):\n    """D."""\n    return scale(x) + 1\n'
    ),
    "second.py": "def measure(x):\n    from book import deep\n    return x * deep.FACTOR\n",
    "third.py": (
        "import numpy\nfrom book.core.figures import COLOUR\n\ndef measure(x):\n    return 3\n"
    ),
    "shared.py": "from .deep import FACTOR\n\ndef scale(x):\n    return x * FACTOR\n",
    "deep/__init__.py": "from .inner import FACTOR\n",
    "deep/inner.py": "FACTOR = 2\n",
    "core/figures.py": "COLOUR = 1\n",
    "core/errors.py": "class Oops(Exception):\n    pass\n",
    "typed.py": "WIDTH = 4\n",
}
MODULES = ("book.first", "book.second", "book.third")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Write a package whose `first` and `second` depend on `deep.inner`, `third` on nothing."""
    root = tmp_path / "book"
    for name, source in SOURCES.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(source)
    return root


def closures(package: Path) -> dict[str, str]:
    """The closure of each of the three modules."""
    return {name: code_digest.module_code_digest(name, package) for name in MODULES}


def moved(package: Path, file: str, source: str) -> set[str]:
    """Which of the three closures change when a file becomes `source`."""
    before = closures(package)
    (package / file).write_text(source)
    after = closures(package)
    return {name for name in MODULES if before[name] != after[name]}


@pytest.mark.parametrize(
    ("file", "source"),
    [
        (
            "first.py",
            "# why\nfrom book.shared import (\n    scale,\n)\n"
            "def measure( x ):\n    return (scale(x)+1)\n",
        ),
        ("deep/inner.py", '"""Now with words."""\n\nFACTOR = 0x2  # the same number\n'),
        ("__init__.py", '__version__ = "2"\n'),
        ("core/figures.py", "COLOUR = 2\n"),
        ("typed.py", "WIDTH = 5\n"),
    ],
)
def test_words_and_layout_do_not_count(package: Path, file: str, source: str) -> None:
    """Comments, docstrings, formatting, versions, drawing and unrelated files change no digest."""
    assert moved(package, file, source) == set()


def test_a_constant_moves_exactly_its_dependants(package: Path) -> None:
    """A constant three imports away changes the digest of every module that uses it."""
    assert moved(package, "deep/inner.py", "FACTOR = 3\n") == {"book.first", "book.second"}
    assert moved(
        package, "shared.py", SOURCES["shared.py"].replace("x * FACTOR", "x * FACTOR * 1")
    ) == {"book.first"}
    assert moved(package, "third.py", SOURCES["third.py"].replace("3", "4")) == {"book.third"}


def test_the_figures_of_an_analysis_do_not_count(package: Path) -> None:
    """A title in `figures` is drawn from the result, so it moves nothing; `measure` does."""
    source = (
        "class A:\n    def measure(self):\n        return 1\n\n"
        "    def figures(self, r):\n        return 'Old title'\n"
    )
    (package / "third.py").write_text(source)
    assert moved(package, "third.py", source.replace("Old", "New")) == set()
    assert moved(package, "third.py", source.replace("return 1", "return 2")) == {"book.third"}


def test_imports_for_the_type_checker_do_not_count(package: Path) -> None:
    """What is imported under TYPE_CHECKING is no dependency; what its `else` imports is."""
    guarded = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import book.typed\n"
    (package / "third.py").write_text(guarded)
    assert moved(package, "typed.py", "WIDTH = 6\n") == set()
    (package / "third.py").write_text(guarded + "else:\n    import book.typed\n")
    assert moved(package, "typed.py", "WIDTH = 7\n") == {"book.third"}


def test_modules_that_import_each_other_end(package: Path) -> None:
    """A circle of imports has a closure, which moves with any of its members."""
    (package / "third.py").write_text("import book.circle\n")
    (package / "circle.py").write_text("import book.third\nN = 1\n")
    assert moved(package, "circle.py", "import book.third\nN = 2\n") == {"book.third"}


def test_broken_and_missing_modules_are_errors_for_people(package: Path) -> None:
    """No traceback for a module that is not there or not Python."""
    with pytest.raises(StoreError, match=r"book\.nowhere"):
        code_digest.module_code_digest("book.nowhere", package)
    (package / "third.py").write_text("def (:\n")
    with pytest.raises(StoreError, match=r"book\.third: is not valid Python"):
        code_digest.module_code_digest("book.third", package)


@pytest.mark.parametrize("names", ["ENGINE_MODULES", "IGNORED_MODULES"])
def test_reports_engine_and_ignored_modules_that_do_not_exist(
    names: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(code_digest, names, ("model.nowhere",))
    with pytest.raises(StoreError, match=r"model\.nowhere"):
        code_digest.analysis_code_digest("layerbook.core.analysis")


@pytest.mark.parametrize("python", [sys.executable, "python3.12", "python3.13", "python3.14"])
def test_every_python_gives_the_same_closure(package: Path, python: str) -> None:
    """Neither another process' hash seed nor another Python's syntax trees change a closure."""
    source = "import sys, pathlib; from layerbook.store import code_digest\n"
    source += "print(code_digest.module_code_digest('book.first', pathlib.Path(sys.argv[1])))"
    environment = os.environ | {
        "PYTHONHASHSEED": "7",
        "PYTHONPATH": str(Path(keys.__file__).parents[2]),
    }
    command = [python, "-c", source, str(package)]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    except FileNotFoundError:
        pytest.skip(f"{python} is not installed")
    if run.returncode == 127:  # a version manager's stand-in
        pytest.skip(f"{python} is not installed")
    assert run.returncode == 0, run.stderr
    assert run.stdout.strip() == code_digest.module_code_digest("book.first", package)


def test_a_key_names_what_changed() -> None:
    """Each component moves the digest, and is named; a library with both its versions."""
    key = keys.Key("s", "c", "w", "t", "float64", {"torch": "2.13.0", "numpy": "2.4.6"})
    for name in keys.COMPONENTS:
        other = replace(key, **{name: "other"})
        assert key.changed_components(other) == (name,)
        assert key.digest != other.digest
        assert not key.same_sources(other)
    newer = replace(key, versions={"torch": "2.14.0", "numpy": "2.4.6"})
    assert key.changed_components(newer) == ("versions: torch 2.13.0 -> 2.14.0",)
    assert key.digest != newer.digest
    assert key.same_sources(newer)
    assert key.changed_components(key) == ()
    assert keys.Key.from_dict(key.as_dict()) == key


def test_the_order_of_a_spec_does_not_count_and_its_values_do() -> None:
    """A key covers the canonical spec."""
    model = Fingerprint("w", "t")
    first = keys.make_key({"a": 1, "b": [1, 2]}, "c", model, "float64")
    assert first == keys.make_key({"b": [1, 2], "a": 1}, "c", model, "float64")
    reordered = keys.make_key({"a": 1, "b": [2, 1]}, "c", model, "float64")
    assert first.changed_components(reordered) == ("spec",)


def test_keys_without_a_precision_are_of_float32() -> None:
    """Results from before the precision could be chosen are read, and are not those of float64."""
    key = keys.Key("s", "c", "w", "t", "float32", {})
    old = {name: value for name, value in key.as_dict().items() if name != "precision"}
    assert keys.Key.from_dict(old) == key
    assert key.changed_components(replace(key, precision="float64")) == ("precision",)


def test_the_engine_is_part_of_every_key() -> None:
    """Beside the analysis, a key covers the adapter, the conversion and the planner."""
    assert code_digest.analysis_code_digest(
        "layerbook.core.analysis"
    ) != code_digest.module_code_digest("layerbook.core.analysis")


def test_keys_need_no_heavy_library() -> None:
    """Making a key imports neither torch nor scikit-learn nor matplotlib."""
    source = (
        "import sys\n"
        "from layerbook.store import cache, code_digest, freshness, publish\n"
        "from layerbook.store import comparison, keys, results\n"
        "code_digest.analysis_code_digest('layerbook.core.analysis')\n"
        "print({'torch', 'transformers', 'sklearn', 'matplotlib', 'jinja2'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
