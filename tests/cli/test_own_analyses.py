"""A book's own analyses are found by name, run only if trusted, and are part of the keys."""

from __future__ import annotations

import ast
import json
import shutil
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree
from layerbook.core import registry
from layerbook.core.errors import UsageError
from layerbook.core.own_code import OwnCode
from ruamel.yaml import YAML

LENGTHS = """\
from pathlib import Path

from layerbook.core.analysis import Analysis, Result
from layerbook.core.prompts import PromptText
from layerbook.core.figures import Figure, MatplotlibFigure, Table
from layerbook.core.requests import Forward, NEXT_LOGITS, Prompt
from pydantic import Field

from ._count import count

Path("LOADED").write_text("")


class Lengths(Analysis[Result]):
    \"\"\"The number of tokens of a prompt.\"\"\"

    prompt: PromptText = Field(description="The prompt to count.")

    def runs(self):
        return {"run": Forward(Prompt(text=self.prompt), frozenset({NEXT_LOGITS}))}

    def measure(self, captures):
        return LengthsResult(tokens=count(captures["run"].tokens))

    def figures(self, result) -> dict[str, Figure]:
        numbers = Table(("tokens",), ((result.tokens,),))
        picture = MatplotlibFigure(draw, result, numbers, alt="One bar.", title="Counted")
        return {"bar": picture}


class LengthsResult(Result):
    tokens: int = Field(description="How many tokens there are.")


Lengths.result_type = LengthsResult


def draw(sheet, result):
    axes = sheet.subplots()
    axes.barh(["tokens"], [result.tokens])
    axes.set_xlabel("number <of> tokens")
"""
COUNT = "def count(tokens):\n    return len(tokens)\n"
SPEC = """\
  - id: lengths
    title: Lengths
    analysis: lengths
    prompt: The cat sat
    captions: {bar: Counted.}
    claims:
      - {says: There are tokens, check: result.tokens > 0}
"""
COMMANDS = (
    ("check",),
    ("status",),
    ("run", "--quiet"),
    ("build", "--quiet"),
    ("build", "--no-run"),
    ("verify",),
    ("check", "experiments/words.yaml"),
)


@pytest.fixture
def book(small_book: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Add an analysis to the small book, for a user who trusts no book."""
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "cache"))
    (small_book / "analyses").mkdir()
    (small_book / "analyses" / "lengths.py").write_text(LENGTHS)
    (small_book / "analyses" / "_count.py").write_text(COUNT)
    with (small_book / "experiments" / "words.yaml").open("a") as file:
        file.write(SPEC)
    with (small_book / "templates" / "chapters" / "words.md").open("a") as file:
        file.write('\n{{ r("lengths").tokens }}\n\n{{ figure("lengths", "bar") }}\n')
    return small_book


def status_of(book: Path, address: str) -> str:
    """Return the state of an experiment according to `status`."""
    completed = layerbook("status", cwd=book)
    (line,) = [line for line in completed.stdout.splitlines() if line.startswith(f"{address} ")]
    return line.removeprefix(address).strip()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nothing_runs_without_trust(book: Path, command: tuple[str, ...]) -> None:
    """The refusal is at the name of the analysis in the spec, and names the files."""
    completed = layerbook(*command, cwd=book)
    assert completed.returncode == 2
    problem, count = completed.stderr.strip().splitlines()
    assert problem.startswith("experiments/words.yaml:22:15: this book has code of its own")
    assert "analyses/_count.py and analyses/lengths.py; read it" in problem
    assert "`layerbook trust" in problem and count == "1 problem"
    assert not (book / "LOADED").exists() and not (book / "site").exists()


def test_book_that_does_not_use_its_code_needs_no_trust(book: Path) -> None:
    """Layerbook does not import the code."""
    spec = book / "experiments" / "words.yaml"
    spec.write_text(spec.read_text().replace(SPEC, ""))
    prose = book / "templates" / "chapters" / "words.md"
    prose.write_text(prose.read_text().partition('\n{{ r("lengths")')[0])
    layerbook("check", cwd=book, check=True)
    assert not (book / "LOADED").exists()


def test_trusted_analysis_is_measured_drawn_and_shown(book: Path) -> None:
    """Its number, figure, table, code and claim are on the page."""
    layerbook("trust", ".", cwd=book, check=True)
    layerbook("check", cwd=book, check=True)
    layerbook("build", "--quiet", cwd=book, check=True)
    site = read_tree(book / "site")
    page = site["words.html"].decode()
    (path,) = (book / "experiments" / "results").glob("*/words/lengths.json")
    tokens = json.loads(path.read_text())["tokens"]
    assert f"<p>{tokens}</p>" in page
    assert site["data/words/lengths-bar.csv"].decode().split() == ["tokens", str(tokens)]
    picture = page.partition('id="lengths-bar')[2].partition("</svg>")[0]
    assert "<desc" in picture and "One bar." in page
    assert "number &lt;of&gt; tokens" in page and "style=" not in picture
    assert "var(--fig-series-1" in page
    assert "def</span>" in page and "LengthsResult" in page
    assert "There are tokens" in site["claims.html"].decode()
    assert not list(book.rglob("__pycache__"))


def test_revoked_trust_reaches_a_build_with_nothing_to_do(book: Path) -> None:
    """The build that stopped at the stamp of the last one now refuses the code."""
    layerbook("trust", ".", cwd=book)
    layerbook("build", "--quiet", cwd=book, check=True)
    assert layerbook("build", "--quiet", cwd=book).stdout.startswith("site is current")
    layerbook("trust", "--revoke", ".", cwd=book)
    completed = layerbook("build", "--quiet", cwd=book)
    assert completed.returncode == 2 and "code of its own" in completed.stderr


def test_change_of_the_code_makes_its_results_stale(book: Path) -> None:
    """Changes of imported modules count, changes of `figures` do not."""
    layerbook("trust", ".", cwd=book)
    layerbook("run", "--quiet", cwd=book, check=True)
    assert status_of(book, "words/lengths") == "fresh"
    source = book / "analyses" / "lengths.py"
    source.write_text(source.read_text().replace("One bar.", "A bar."))
    layerbook("trust", ".", cwd=book)
    assert status_of(book, "words/lengths") == "fresh"
    (book / "analyses" / "_count.py").write_text(COUNT.replace("len(tokens)", "len(tokens) + 1"))
    assert "read it" in layerbook("status", cwd=book).stderr
    layerbook("trust", ".", cwd=book)
    state = status_of(book, "words/lengths")
    assert state.startswith("stale (code") and state.endswith("in analyses._count)")
    assert status_of(book, "words/cut") == "fresh"
    completed = layerbook("run", "--quiet", cwd=book)
    assert "1 experiment ran: 1 changed and replaced" in completed.stdout


def test_keys_are_the_same_in_another_folder(book: Path) -> None:
    """A clone keeps the results of the original."""
    layerbook("trust", ".", cwd=book)
    layerbook("run", "--quiet", cwd=book)
    moved = book.rename(book.with_name("clone"))
    layerbook("trust", ".", cwd=moved)
    assert status_of(moved, "words/lengths") == "fresh"


def test_changed_figure_code_redraws_the_figure(book: Path) -> None:
    """The cached figure is not used."""
    layerbook("trust", ".", cwd=book)
    layerbook("build", "--quiet", cwd=book)
    source = book / "analyses" / "lengths.py"
    source.write_text(source.read_text().replace("number <of> tokens", "how many"))
    layerbook("trust", ".", cwd=book)
    layerbook("build", "--quiet", cwd=book, check=True)
    page = (book / "site" / "words.html").read_text()
    assert ">how many</text>" in page and "number &lt;of&gt; tokens</text>" not in page


def test_exception_while_drawing_is_one_line(book: Path) -> None:
    """With its place; `--debug` prints the traceback."""
    source = book / "analyses" / "lengths.py"
    source.write_text(source.read_text().replace('["tokens"], [', '["tokens"], 1 / 0 * ['))
    layerbook("trust", ".", cwd=book)
    completed = layerbook("build", "--quiet", cwd=book)
    assert completed.returncode == 1
    line = LENGTHS.splitlines().index('    axes.barh(["tokens"], [result.tokens])') + 1
    message = f"ZeroDivisionError: division by zero (analyses/lengths.py:{line})"
    assert completed.stderr.strip().endswith(message)
    assert "Traceback" not in completed.stderr
    assert "Traceback" in layerbook("--debug", "build", "--quiet", cwd=book).stderr


def test_schema_has_the_trusted_analyses(book: Path) -> None:
    """Without trust, the schema omits them, and the command says so."""
    completed = layerbook("schema", cwd=book)
    assert completed.returncode == 0 and "analyses/lengths.py" in completed.stderr
    assert "lengths" not in json.loads(completed.stdout)["$defs"]
    layerbook("trust", ".", cwd=book)
    schema = json.loads(layerbook("schema", cwd=book).stdout)["$defs"]
    assert schema["lengths"]["properties"]["prompt"]["description"] == "The prompt to count."
    results = layerbook("schema", "results", cwd=book).stdout
    assert "| `tokens` | integer | How many tokens there are. |" in results


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("next_token", "there is an analysis 'next-token' already; rename the file"),
        ("other", "other.py: the analysis 'other' must be a class named Other"),
    ],
)
def test_clashing_names_and_missing_classes_are_reported(
    book: Path, name: str, message: str
) -> None:
    """The problem names the file."""
    (book / "analyses" / f"{name}.py").write_text("x = 1\n")
    spec = book / "experiments" / "words.yaml"
    other = name.replace("_", "-")
    spec.write_text(spec.read_text().replace("analysis: lengths", f"analysis: {other}"))
    layerbook("trust", ".", cwd=book)
    completed = layerbook("check", cwd=book)
    assert completed.returncode == 2 and message in completed.stderr


def test_code_changed_after_the_check_is_not_imported(tmp_path: Path) -> None:
    """New, compiled and changed files are not what the user trusted."""
    folder = tmp_path / "analyses"
    folder.mkdir()
    (folder / "later.py").write_text("x = 1\n")
    (folder / "here.py").write_text("raise OSError\n")
    own = OwnCode(folder, {"here.py": b"x = 2\n", "asks.py": b"from . import later\n"})
    assert own.load("here").x == 2
    with pytest.raises(ImportError):
        own.load("asks")
    with pytest.raises(ModuleNotFoundError, match=r"there is no file \S+later\.py"):
        own.load("later")


def test_analyses_of_two_books_are_separate(tmp_path: Path) -> None:
    """In one process, each book has its own module of the same name."""
    books = [OwnCode(tmp_path / name, {"same.py": f"x = {name!r}".encode()}) for name in "ab"]
    assert [own.load("same").x for own in books] == ["a", "b"]


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], None]:
    """Install a package whose analysis `installed` is an entry point."""
    registry._installed.cache_clear()

    def write(source: str) -> None:
        (tmp_path / "some_package").mkdir()
        (tmp_path / "some_package" / "__init__.py").write_text("")
        (tmp_path / "some_package" / "installed.py").write_text(source)
        monkeypatch.syspath_prepend(tmp_path)
        point = EntryPoint("installed", "some_package.installed", registry.ENTRY_POINT_GROUP)
        monkeypatch.setattr(registry, "entry_points", lambda group: (point,))

    yield write
    registry._installed.cache_clear()
    for name in [name for name in sys.modules if name.startswith("some_package")]:
        del sys.modules[name]


def test_installed_packages_provide_analyses(
    book: Path, install: Callable[[str], None], tmp_path: Path
) -> None:
    """They need no trust, and their code is in the keys."""
    source = LENGTHS.replace("Lengths", "Installed").replace("from ._count import count", "")
    install(source.replace("count(", "len("))
    assert "installed" in registry.names()
    (book / "analyses" / "lengths.py").unlink()
    spec = book / "experiments" / "words.yaml"
    spec.write_text(spec.read_text().replace("analysis: lengths", "analysis: installed"))
    layerbook("build", "--quiet", cwd=book, check=True)
    file = tmp_path / "some_package" / "installed.py"
    file.write_text(file.read_text().replace("tokens=len", "tokens=1 + len"))
    assert status_of(book, "words/lengths").startswith("stale (code")


def test_broken_installed_analysis_is_reported(install: Callable[[str], None]) -> None:
    install("x = = 1\n")
    with pytest.raises(UsageError, match=r"SyntaxError: invalid syntax \(\S+installed.py:1\)"):
        registry.find("installed")


def test_new_analysis_writes_a_working_analysis(book: Path) -> None:
    """It measures and draws, and has a test; in a trusted book it is trusted."""
    layerbook("trust", ".", cwd=book)
    completed = layerbook("new", "analysis", "word-shares", cwd=book, check=True)
    files = ["analyses/word_shares.py", "tests/test_word_shares.py"]
    assert completed.stdout.splitlines()[:2] == files
    assert (
        "`analysis: word-shares`" in completed.stdout and "`layerbook trust .`" in completed.stdout
    )
    spec = book / "experiments" / "words.yaml"
    spec.write_text(
        spec.read_text()
        + "  - {id: shares, analysis: word-shares, prompt: The cat sat, captions: {tokens: T.}}\n"
    )
    layerbook("run", "--quiet", "--only", "shares", cwd=book, check=True)
    assert "WordShares" in (book / "analyses" / "word_shares.py").read_text()
    assert (
        "received" not in (book / "tests" / "test_word_shares.py").read_text().partition("def")[0]
    )


@pytest.mark.parametrize("name", ["next-token", "Lengths", "../x", "class", "lengths", "a b"])
def test_new_analysis_refuses_invalid_names(book: Path, name: str) -> None:
    """Names that exist, that cannot be file names, or whose file exists."""
    before = read_tree(book)
    completed = layerbook("new", "analysis", name, cwd=book)
    assert completed.returncode == 2 and completed.stderr.startswith("layerbook: ")
    assert read_tree(book) == before


def test_new_analysis_writes_nothing_through_a_link(book: Path, tmp_path: Path) -> None:
    """Neither file is written if one of them would be outside the book."""
    (tmp_path / "outside").mkdir()
    (book / "tests").symlink_to(tmp_path / "outside")
    before = read_tree(book)
    completed = layerbook("new", "analysis", "word-shares", cwd=book)
    assert completed.returncode == 1 and "leads outside" in completed.stderr
    assert read_tree(book) == before and not list((tmp_path / "outside").iterdir())


def test_new_analysis_does_not_trust_an_untrusted_book(book: Path) -> None:
    """Nobody has read its other files."""
    layerbook("new", "analysis", "word-shares", cwd=book, check=True)
    assert layerbook("check", cwd=book).returncode == 2


def test_new_analysis_quotes_the_name_of_the_model(book: Path) -> None:
    """A model's folder in a stranger's book could otherwise put code into the new test."""
    name = 'm@MODEL@";raise SystemExit("run");"'
    spec = book / "experiments" / "book.yaml"
    model = Path(YAML(typ="safe").load(spec)["model"])
    shutil.copytree(model, book / name)
    spec.write_text(spec.read_text().replace(str(model), json.dumps(name)))
    layerbook("new", "analysis", "word-shares", cwd=book, check=True)
    tree = ast.parse((book / "tests" / "test_word_shares.py").read_text())
    names = [node for node in tree.body if isinstance(node, ast.Assign)]
    assert [ast.literal_eval(node.value) for node in names] == [str(book / name)]
