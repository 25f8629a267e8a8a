"""Code cells: their output on the real model, their options, and their notebook."""

from __future__ import annotations

import ast
import gc
import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from fixtures.small_book import layerbook
from layerbook.api import load_results
from layerbook.core.analysis import Result
from layerbook.core.errors import SpecError
from layerbook.site.notebook import notebook
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.code_cells import CodeCell, parse_cell, read_cell
from layerbook.site.prose.markup import Anchor, Section
from layerbook.site.prose.references import find_references

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
CODE = ROOT / "templates" / "code"
CHAPTERS = sorted(folder.name for folder in CODE.iterdir() if folder.is_dir())
PROSE = "templates/chapters/next.md"
GOOD = '# equals: r("sum").prompts[0].top[0].prob\n# within: 0.01\nx = 1\nx / 3\n'


class Sample(Result):
    """A result for the cells of the tests."""

    third: float = 1 / 3
    rows: tuple[float, ...] = (1 / 3, 2.0)
    name: str = " Paris"


def cells_of(chapter: str) -> list[CodeCell]:
    """Return a chapter's cells in the order of its prose."""
    prose = (ROOT / "templates" / "chapters" / f"{chapter}.md").read_text(encoding="utf-8")
    names = [
        reference.name
        for reference in find_references(TextPiece(chapter, 1, prose))
        if reference.function == "code_cell"
    ]
    return [read_cell(CODE / chapter, name) for name in names]


def run(cell: CodeCell, namespace: dict[str, Any]) -> Any:
    """Run a cell as a notebook does, and return the value of its last line."""
    *body, last = ast.parse(cell.code).body
    if not isinstance(last, ast.Expr):
        body, last = [*body, last], None
    exec(compile(ast.Module(body, []), cell.file, "exec"), namespace)
    return eval(compile(ast.Expression(last.value), cell.file, "eval"), namespace) if last else None


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_every_file_is_shown_and_short(chapter: str) -> None:
    """Each has about five to twelve lines, and an output unless it is the first."""
    cells = cells_of(chapter)
    assert {cell.name for cell in cells} == {path.stem for path in (CODE / chapter).glob("*.py")}
    assert all(len(cell.code.splitlines()) <= 14 for cell in cells)
    assert all(cell.equals for cell in cells[1:])


@pytest.fixture(scope="module")
def model_is_loaded_once() -> Iterator[None]:
    """Give the cells of all chapters the same model, and free it at the end."""
    from transformers import AutoModelForCausalLM

    load = cache(AutoModelForCausalLM.from_pretrained)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(AutoModelForCausalLM, "from_pretrained", load)
        yield
    load.cache_clear()
    gc.collect()


@pytest.mark.model
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("chapter", CHAPTERS)
@pytest.mark.usefixtures("real_model_dir", "model_is_loaded_once")
def test_cells_give_what_the_book_measured(chapter: str) -> None:
    """Run in the order of the prose, in one namespace, on the real model."""
    results = load_results(ROOT)
    namespace: dict[str, Any] = {}

    def result_of(name: str) -> object:
        return results[name if "/" in name else f"{chapter}/{name}"].result

    for cell in cells_of(chapter):
        value = run(cell, namespace)
        if cell.equals is None:
            continue
        assert_same(value, cell.expected(result_of), cell)


def assert_same(value: Any, expected: Any, cell: CodeCell) -> None:
    """Compare numbers within the cell's `within`, everything else exactly."""
    if isinstance(expected, list | tuple):
        assert len(value) == len(expected), cell.name
        for part, expected_part in zip(value, expected, strict=True):
            assert_same(part, expected_part, cell)
    elif isinstance(expected, str | bool):
        assert value == expected, cell.name
    else:
        assert value == pytest.approx(expected, rel=0, abs=cell.within), cell.name


def test_merges_by_hand_are_right() -> None:
    """The cell gives the last row of the table in the prose."""
    merges = next(cell for cell in cells_of("tokenization") if cell.name == "merges")
    words = run(merges, {})
    shown = merges.code.rpartition("# ")[2]
    assert ", ".join(" ".join(word) for word in words) == shown
    table = (ROOT / "templates/chapters/tokenization.md").read_text(encoding="utf-8")
    last = table.partition("| the + n → **then** |")[2].partition("\n")[0].split("|")
    by_kind = [part.strip().replace("&nbsp;", " ") for part in last[1:5]]
    assert by_kind == [*dict.fromkeys(shown.split(", ")), str(sum(map(len, words)))]


def test_cell_options_are_read() -> None:
    """The header is hidden, and the output is rounded as `within` says."""
    cell = parse_cell("third", "third.py", GOOD)
    assert (cell.code, cell.within) == ("x = 1\nx / 3", 0.01)
    assert parse_cell("setup", "setup.py", "# A comment.\nimport this\n").code == (
        "# A comment.\nimport this"
    )


@pytest.mark.parametrize(
    ("expression", "within", "shown"),
    [
        ("third", "0.0001", "0.3333"),
        ("third", "0.002", "0.333"),
        ("rows", "0.01", "[0.33, 2.0]"),
        ("name", "0.01", "' Paris'"),
        ("third < 1", "0.01", "True"),
    ],
)
def test_shows_the_expected_value_as_python_prints_it(
    expression: str, within: str, shown: str
) -> None:
    """The page does not run the code."""
    header = f'# equals: r("sample").{expression}\n# within: {within}\n'
    cell = parse_cell("a", "a.py", f"{header}not_defined\n")
    assert cell.output(lambda name: Sample()) == shown


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("# equals: 1 +\n1\n", "a.py:1:14: not an expression: it ends too early"),
        (
            "# equals: result.prob\n1\n",
            "a.py:1:11: a cell has no experiment of its own; name one",
        ),
        ("# equal: 1\n1\n", "a.py:1:3: unknown comment 'equal' (did you mean 'equals'?)"),
        (
            '# equals: r("a").b\n# within: much\n1\n',
            "a.py:2:11: within: a number between 0 and 1, not",
        ),
        ('# equals: r("a").b\n\nx = = 1\n', "a.py:3:5: invalid Python: invalid syntax"),
        (
            '# equals: r("a").b\nx = 1\n',
            "a.py:2:1: the last line of a cell with `equals` is an expression",
        ),
        (
            "# equals: [0.14, 2 + 3]\n1\n",
            "a.py:1:11: a comparison with a constant proves nothing; name a result, as in r(",
        ),
        ("x\n" * 3000, "a.py:1:1: a cell has at most 4,000 characters"),
    ],
)
def test_reports_mistakes_at_their_place(text: str, problem: str) -> None:
    """In the cell's own file."""
    with pytest.raises(SpecError) as caught:
        parse_cell("a", "a.py", text)
    assert problem in str(caught.value)


def write_cell(book: Path, text: str = GOOD, call: str = 'code_cell("third")') -> int:
    """Add a cell to the small book, call it at the end of the prose, and return that line."""
    folder = book / "templates" / "code" / "next"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "third.py").write_text(text, encoding="utf-8")
    prose = (book / PROSE).read_text(encoding="utf-8")
    (book / PROSE).write_text(f"{prose}\n## More\n\n{{{{ {call} }}}}\n", encoding="utf-8")
    return prose.count("\n") + 4


def test_check_reports_cells(book: Path) -> None:
    """With place and nearest name."""
    line = write_cell(book, call='code_cell("thrid")')
    message = "code_cell(): no code cell named 'thrid' (did you mean 'third'?); available: third"
    assert f"{PROSE}:{line}:14: {message}" in layerbook("check", cwd=book).stderr


@pytest.mark.parametrize(
    ("expression", "column", "message"),
    [
        ('r("sun").prompts', 13, "no experiment named 'sun' (did you mean 'sum'?)"),
        ('r("sum").promts', 20, "there is no field 'promts' (did you mean 'prompts'?)"),
        ('r("sum").prompts[9]', 28, "there is no element 9"),
    ],
)
def test_check_reports_wrong_expected_values(
    book: Path, expression: str, column: int, message: str
) -> None:
    """In the cell's file, and at the chapter's line if it cannot be rendered."""
    write_cell(book, f"# equals: {expression}\n1\n")
    completed = layerbook("check", cwd=book)
    assert completed.returncode == 2
    assert f"templates/code/next/third.py:1:{column}: {message}" in completed.stderr
    assert completed.stderr.count("third.py") == 1


def test_build_shows_cells_and_runs_nothing(book: Path) -> None:
    """The output comes from the result, and the notebook is published."""
    write_cell(book, GOOD.replace("x = 1", "open('ran', 'w')"))
    layerbook("build", "--no-run", cwd=book, check=True)
    page = (book / "site" / "next.html").read_text(encoding="utf-8")
    result = load_results(book)["next/sum"].result
    prob = result.prompts[0].top[0].prob  # type: ignore[attr-defined]
    assert f"<b>Result:</b> <code>{round(prob, 2)}</code>" in page
    assert "equals:" not in page
    assert not list(book.rglob("ran"))
    content = json.loads((book / "site" / "next.ipynb").read_bytes())
    assert [cell["cell_type"] for cell in content["cells"]] == ["markdown", "markdown", "code"]
    assert "".join(content["cells"][1]["source"]) == "## [More](next.html#more)"
    assert "".join(content["cells"][2]["source"]) == "open('ran', 'w')\nx / 3"


def test_cell_is_on_a_page_once(book: Path) -> None:
    """The notebook of the page has it once, too."""
    line = write_cell(book)
    write_cell(book)
    completed = layerbook("check", cwd=book)
    assert (
        f"{PROSE}:{line + 4}:4: the code cell 'third' is already on this page" in completed.stderr
    )


def test_notebook_follows_the_format() -> None:
    """nbformat 4.5: fields, kinds, and unique ids of 1 to 64 characters."""
    sections = (
        Section("", "", "", (Anchor("cell", "code-setup", "setup"),)),
        Section("a", "Why *<b>* | `x`", "", ()),
        Section("b", "[b](http://x) <script>", "", (Anchor("cell", "code-b", "third"),)),
    )
    cells = {name: parse_cell(name, "a.py", GOOD) for name in ("setup", "third")}
    data = notebook("next.html", "Next", "A book", sections, cells)
    assert data == notebook("next.html", "Next", "A book", sections, cells)
    content = json.loads(data)
    assert content.keys() == {"cells", "metadata", "nbformat", "nbformat_minor"}
    assert (content["nbformat"], content["nbformat_minor"]) == (4, 5)
    assert content["metadata"]["kernelspec"].keys() >= {"name", "display_name"}
    ids = [cell["id"] for cell in content["cells"]]
    assert ids == ["title", "code-setup", "heading-2", "code-third"]
    for cell in content["cells"]:
        extra = {"outputs", "execution_count"} if cell["cell_type"] == "code" else set()
        assert cell.keys() == {"cell_type", "id", "metadata", "source"} | extra
        assert all(isinstance(line, str) for line in cell["source"])
    assert "".join(content["cells"][2]["source"]) == (
        r"## [\[b\]\(http\:\/\/x\) \<script\>](next.html#b)"
    )
