"""A key covers everything that can change a number, and nothing else."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures.files import write_files
from layerbook.core.errors import StoreError
from layerbook.store import code_digest, keys
from layerbook.store.freshness import Freshness
from layerbook.store.json_format import json_digest
from layerbook.store.key_changes import diff_keys
from layerbook.store.results import ResultHeader

SOURCES = {
    "__init__.py": '__version__ = "1"\n',
    "first.py": (
        '"""One."""\nfrom book.shared import scale\n\n'
        'def measure(x):\n    """D."""\n    return scale(x) + 1\n'
    ),
    "second.py": "def measure(x):\n    from book import deep\n    return x * deep.FACTOR\n",
    "third.py": (
        "import numpy\nfrom book.core.figures import COLOR\n\ndef measure(x):\n    return 3\n"
    ),
    "shared.py": "from .deep import FACTOR\n\ndef scale(x):\n    return x * FACTOR\n",
    "deep/__init__.py": "from .inner import FACTOR\n",
    "deep/inner.py": "FACTOR = 2\n",
    "core/figures.py": "COLOR = 1\n",
    "core/errors.py": "class Oops(Exception):\n    pass\n",
    "typed.py": "WIDTH = 4\n",
}
MODULES = ("book.first", "book.second", "book.third")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """Write a package whose `first` and `second` depend on `deep.inner`, `third` on nothing."""
    return write_files(tmp_path / "book", SOURCES)


def digests_by_module(package: Path) -> dict[str, dict[str, str]]:
    """Return the digests behind each of the three modules."""
    return {name: code_digest.module_digests([name], [package]) for name in MODULES}


def changed_digests(package: Path, file: str, source: str) -> set[str]:
    """Return the modules whose digests change when a file becomes `source`."""
    old_digests = digests_by_module(package)
    (package / file).write_text(source)
    new_digests = digests_by_module(package)
    return {name for name in MODULES if old_digests[name] != new_digests[name]}


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
        ("core/figures.py", "COLOR = 2\n"),
        ("typed.py", "WIDTH = 5\n"),
    ],
)
def test_ignores_comments_and_formatting(package: Path, file: str, source: str) -> None:
    """Docstrings, versions, figures and unrelated files do not count either."""
    assert changed_digests(package, file, source) == set()


def test_constants_change_dependants(package: Path) -> None:
    """A constant three imports away changes the digests of all modules that use it."""
    assert changed_digests(package, "deep/inner.py", "FACTOR = 3\n") == {
        "book.first",
        "book.second",
    }
    assert changed_digests(
        package, "shared.py", SOURCES["shared.py"].replace("x * FACTOR", "x * FACTOR * 1")
    ) == {"book.first"}
    assert changed_digests(package, "third.py", SOURCES["third.py"].replace("3", "4")) == {
        "book.third"
    }


def test_ignores_figures_methods(package: Path) -> None:
    """`figures` draws a result and does not count; `measure` does."""
    source = (
        "class A:\n    def measure(self):\n        return 1\n\n"
        "    def figures(self, r):\n        return 'Old title'\n"
    )
    (package / "third.py").write_text(source)
    assert changed_digests(package, "third.py", source.replace("Old", "New")) == set()
    assert changed_digests(package, "third.py", source.replace("return 1", "return 2")) == {
        "book.third"
    }


def test_ignores_type_checking_imports(package: Path) -> None:
    """An import under TYPE_CHECKING is no dependency; one in its `else` is."""
    guarded = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import book.typed\n"
    (package / "third.py").write_text(guarded)
    assert changed_digests(package, "typed.py", "WIDTH = 6\n") == set()
    (package / "third.py").write_text(guarded + "else:\n    import book.typed\n")
    assert changed_digests(package, "typed.py", "WIDTH = 7\n") == {"book.third"}


def test_circular_imports_are_digested(package: Path) -> None:
    """Modules that import each other have a digest, which depends on each of them."""
    (package / "third.py").write_text("import book.circle\n")
    (package / "circle.py").write_text("import book.third\nN = 1\n")
    assert changed_digests(package, "circle.py", "import book.third\nN = 2\n") == {"book.third"}


def test_reports_broken_and_missing_modules(package: Path) -> None:
    """Such a module raises a StoreError."""
    with pytest.raises(StoreError, match=r"book\.nowhere"):
        code_digest.module_digests(["book.nowhere"], [package])
    (package / "third.py").write_text("def (:\n")
    with pytest.raises(StoreError, match=r"book\.third: is not valid Python"):
        code_digest.module_digests(["book.third"], [package])


def test_reports_unknown_engine_modules(monkeypatch: pytest.MonkeyPatch) -> None:
    """A renamed module of the engine does not silently leave the keys."""
    monkeypatch.setattr(code_digest, "ENGINE_MODULES", ("model.nowhere",))
    with pytest.raises(StoreError, match=r"model\.nowhere"):
        code_digest.analysis_code_digest("layerbook.core.analysis")


@pytest.mark.parametrize("name", code_digest.IGNORED_MODULES)
def test_ignored_modules_exist(name: str) -> None:
    """A renamed module does not silently enter the keys."""
    assert importlib.util.find_spec(f"layerbook.{name}") is not None


@pytest.mark.parametrize("python", [sys.executable, "python3.12", "python3.13", "python3.14"])
def test_same_digest_on_every_python(package: Path, python: str) -> None:
    """Hash seeds and the syntax trees of other Python versions change no digest."""
    source = "import sys, pathlib; from layerbook.store import code_digest\n"
    source += "print(code_digest.module_digests(['book.first'], [pathlib.Path(sys.argv[1])]))"
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
    assert run.stdout.strip() == str(code_digest.module_digests(["book.first"], [package]))


def changed_components(old: keys.Key, new: keys.Key) -> tuple[str, ...]:
    """Return the components that `status` names for a result with the old key."""
    header = ResultHeader(id="a", chapter="b", analysis="c", model="d", spec={}, key=old)
    return Freshness("stale", diff_keys(header, {}, new)).changed


def test_changed_components_are_named() -> None:
    """Each component changes the digest and is named, a library with both versions."""
    key = keys.Key("s", "c", "w", "t", "float64", {"torch": "2.13.0", "numpy": "2.4.6"})
    for name in keys.COMPONENTS:
        changed_key = replace(key, **{name: "other"})
        assert changed_components(key, changed_key) == (name,)
        assert key.digest != changed_key.digest
        assert not key.same_sources(changed_key)
    newer_key = replace(key, versions={"torch": "2.14.0", "numpy": "2.4.6"})
    assert changed_components(key, newer_key) == ("versions: torch 2.13.0 -> 2.14.0",)
    assert key.digest != newer_key.digest
    assert key.same_sources(newer_key)
    assert changed_components(key, key) == ()
    assert keys.Key(**key.as_dict()) == key


def test_ignores_the_order_of_a_spec() -> None:
    """The order of keys does not count; the order of a list does."""
    digest = json_digest({"a": 1, "b": [1, 2]})
    assert digest == json_digest({"b": [1, 2], "a": 1})
    assert digest != json_digest({"a": 1, "b": [2, 1]})


def test_old_keys_are_of_float32() -> None:
    """Results from before the precision could be chosen were computed in float32."""
    key = keys.Key("s", "c", "w", "t", "float32", {})
    fields = {name: value for name, value in key.as_dict().items() if name != "precision"}
    assert keys.Key(**fields) == key
    assert changed_components(key, replace(key, precision="float64")) == ("precision",)


def test_keys_cover_the_engine() -> None:
    """A key covers the analysis, the model package and the planner."""
    modules = code_digest.analysis_code_modules("layerbook.core.analysis")
    assert {"layerbook.model.plan", "layerbook.model.execution"} <= modules.keys()


def test_imports_no_heavy_library() -> None:
    """A key is computed without torch, scikit-learn and matplotlib."""
    source = (
        "import sys\n"
        "from layerbook.store import cache, code_digest, freshness, publish\n"
        "from layerbook.store import comparison, keys, results\n"
        "code_digest.analysis_code_digest('layerbook.core.analysis')\n"
        "print({'torch', 'transformers', 'sklearn', 'matplotlib', 'jinja2'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize(
    "forged",
    [
        {"versions": {"torch": "2.13.0 <b>"}},
        {"versions": {"torch": "2.13.0\x1b[31m"}},
        {"versions": {"a line\n": "1"}},
        {"versions": {"torch": "2" * 1000}},
        {"versions": {f"library-{number}": "1" for number in range(1000)}},
        {"weights": "sha256:" + "f" * 1000},
        {"code": ""},
    ],
)
def test_key_with_text_instead_of_names_and_versions_is_refused(forged: dict[str, object]) -> None:
    """A forged key could print any text on a page and in a report."""
    key = keys.Key("5" * 64, "c" * 64, "w" * 64, "t" * 64, "float64", {"torch": "2.13.0+cpu"})
    assert keys.Key(**key.as_dict()) == key
    with pytest.raises(ValueError, match=r"should (match pattern|have at least 1|have at most 20)"):
        keys.Key(**key.as_dict() | forged)
