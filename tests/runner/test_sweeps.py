"""Sweeps on the tiny random Llama: grid, table, edits, interrupted runs, and the page."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from fixtures.small_book import CommandResult, layerbook, read_tree, write_small_book
from fixtures.sweep_book import PETS, SPEC, cell_files, read_sweep_table, write_sweep_book
from fixtures.tiny_llama import write_tiny_model
from layerbook.analyses.next_token import NextToken
from layerbook.book.loader import Experiment
from layerbook.core.progress import Reporter
from layerbook.core.requests import ActivationCaches
from layerbook.model import sources
from layerbook.runner import sweep as sweeping
from layerbook.runner.local import LocalExecutor, Measurements
from pyarrow import parquet
from transformers import AutoTokenizer, LlamaForCausalLM


@pytest.fixture(scope="module")
def built(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The book with the sweep, built once; tests that change it take a copy."""
    folder = write_sweep_book(write_small_book(tmp_path_factory.mktemp("small"), tiny_model_dir))
    done = layerbook("build", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def book(built: Path, tmp_path: Path) -> Path:
    """A copy of the built book, its working cache included."""
    shutil.copytree(built, tmp_path / "book")
    return tmp_path / "book"


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The prompts that are run from now on, each with its top_k."""
    found: list[str] = []
    measure = LocalExecutor.measure

    def recorded(
        self: LocalExecutor, wanted: Sequence[Experiment], report: Reporter | None = None
    ) -> Measurements:
        found.extend(f"{e.spec()['prompts'][0]} {e.spec()['top_k']}" for e in wanted if "." in e.id)
        return measure(self, wanted, report)

    monkeypatch.setattr(LocalExecutor, "measure", recorded)
    return found


def forget(book: Path) -> None:
    """As if nothing had run."""
    shutil.rmtree(book / "experiments" / "results")
    shutil.rmtree(book / ".layerbook" / "computed")


def test_the_table_has_what_each_cell_alone_would_have(built: Path) -> None:
    """The last axis varies fastest; the numbers are those of a plain experiment."""
    found = read_sweep_table(built)
    assert found["prompts"] == [name for name, _, _ in PETS for _ in range(2)]
    assert found["top_k"] == [2, 3] * 3
    assert found["kept"] == [2, 3] * 3
    assert found["legs"] == [1, 1, 2, 2, 3, 3]
    assert found["twice"] == [True, False, False, False, False, False]
    plain = json.loads(next((built / "experiments" / "results").rglob("plain.json")).read_bytes())
    alone = [prompt["top"][0] for prompt in plain["prompts"] for _ in range(2)]
    assert found["best"] == pytest.approx([one["prob"] for one in alone], rel=1e-4)
    assert found["said"] == [one["text"] for one in alone]


def test_each_cell_has_a_result_of_its_own(built: Path) -> None:
    """In a folder of the sweep's name; its id ends in a digest of its spec."""
    paths = cell_files(built)
    assert len(paths) == 6
    for path in paths:
        data = json.loads(path.read_bytes())
        assert data["id"] == path.stem
        assert re.fullmatch(r"grid\.[0-9a-f]{12}", path.stem)
        assert path.parent.name == path.stem.removeprefix("grid.")[:2]
        assert path.parent.parent.name == "grid"
        assert data["spec"] == {
            "analysis": "next-token",
            "prompts": data["spec"]["prompts"],
            "top_k": len(data["prompts"][0]["top"]),
        }


def test_the_page_shows_its_views_and_gives_the_table_away(built: Path) -> None:
    """Lines, heat map, bars, panels and figures of cells; CSV and Parquet have the same values."""
    page = (built / "site" / "words.html").read_text()
    for view in ("lines", "heat", "bars", "panels", "steps"):
        assert f'id="grid-{view}"' in page
    assert "There are 6 cells." in page
    assert page.count('class="frame') >= 3
    assert "Holds here" in page
    columns = read_sweep_table(built)
    rows = list(
        csv.reader(io.StringIO((built / "site" / "data" / "words" / "grid.csv").read_text()))
    )
    assert rows[0] == list(columns)
    assert [float(row[rows[0].index("best")]) for row in rows[1:]] == columns["best"]
    assert {row[rows[0].index("sound")] for row in rows[1:]} == {"purrs", "barks", "'=1+1"}
    assert (
        parquet.read_table(built / "site" / "data" / "words" / "grid.parquet").to_pydict()
        == columns
    )


def test_a_second_build_opens_no_cell(book: Path, ran: list[str]) -> None:
    """Without the cells that no view shows, the book is still current."""
    before = read_tree(book / "site")
    for path in [
        path for path in cell_files(book) if json.loads(path.read_bytes())["spec"]["top_k"] == 3
    ]:
        path.unlink()
    done = layerbook("build", cwd=book)
    assert (done.returncode, ran) == (0, [])
    assert read_tree(book / "site") == before


def test_a_new_value_runs_its_own_cells_and_one_that_is_gone_leaves_nothing(
    book: Path, ran: list[str]
) -> None:
    """The others keep their results, byte for byte."""
    before = {path.name: path.read_bytes() for path in cell_files(book)}
    write_sweep_book(book, pets=[*PETS[:2], ("A horse", 4, "neighs")])
    assert layerbook("build", cwd=book).returncode == 0
    assert ran == ["A horse 2", "A horse 3"]
    after = {path.name: path.read_bytes() for path in cell_files(book)}
    assert len(after) == 6
    assert len(before.items() & after.items()) == 4
    assert read_sweep_table(book)["prompts"][-1] == "A horse"


def test_a_new_measure_runs_nothing(book: Path, ran: list[str]) -> None:
    """It is read off the cells that are there."""
    write_sweep_book(
        book, SPEC.replace("kept: len", "lead: result.prompts[0].lead\n      kept: len")
    )
    assert layerbook("build", cwd=book).returncode == 0
    assert ran == []
    assert len(read_sweep_table(book)["lead"]) == 6


def test_a_new_view_or_caption_does_not_touch_the_result(book: Path, ran: list[str]) -> None:
    """How a table is drawn is no part of what it depends on."""
    before = read_tree(book / "experiments" / "results")
    write_sweep_book(
        book, SPEC.replace("heat: {measure: best,", "heat: {measure: kept, title: How many,")
    )
    assert layerbook("build", cwd=book).returncode == 0
    assert ran == []
    assert read_tree(book / "experiments" / "results") == before
    assert "How many" in (book / "site" / "words.html").read_text()


def test_an_interrupted_sweep_goes_on_where_it_was(
    book: Path, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whole chunks are kept; the rest runs, and the result is that of an uninterrupted run."""
    monkeypatch.setattr(sweeping, "CHUNK_SIZE", 2)
    forget(book)
    assert layerbook("run", cwd=book).returncode == 0
    whole = read_tree(book / "experiments" / "results")
    forget(book)
    measure, count = NextToken.measure, 0

    def stopping(self: NextToken, captures: ActivationCaches) -> object:
        nonlocal count
        count += len(self.prompts) == 1
        if count == 4:
            raise KeyboardInterrupt
        return measure(self, captures)

    with monkeypatch.context() as patched:
        patched.setattr(NextToken, "measure", stopping)
        assert layerbook("run", cwd=book).returncode == 130
    assert len(cell_files(book)) == 2
    ran.clear()
    assert layerbook("run", cwd=book).returncode == 0
    assert ran == ["The dog 2", "The dog 3", "A 2", "A 3"]
    assert read_tree(book / "experiments" / "results") == whole


def test_a_failing_cell_stops_no_other(
    book: Path, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are kept; the sweep says which failed, and only that one runs again."""
    forget(book)
    measure = NextToken.measure

    def failing(self: NextToken, captures: ActivationCaches) -> object:
        if self.prompts == ("The dog",) and self.top_k == 3:
            raise ValueError("no dogs")
        return measure(self, captures)

    with monkeypatch.context() as patched:
        patched.setattr(NextToken, "measure", failing)
        done = layerbook("run", cwd=book)
    assert done.returncode == 1
    assert (
        "1 of 6 cells failed, the others are kept: "
        "prompts 'The dog', legs 2, sound 'barks', top_k 3" in done.stdout
    )
    assert "no dogs" in done.stdout
    assert len(cell_files(book)) == 5
    ran.clear()
    assert layerbook("run", cwd=book).returncode == 0
    assert ran == ["The dog 3"]


def test_force_runs_every_cell_and_keeps_the_bytes(book: Path, ran: list[str]) -> None:
    """Equal numbers keep their bytes."""
    before = read_tree(book / "experiments" / "results")
    assert layerbook("run", "--force", "--only", "words/grid", cwd=book).returncode == 0
    assert len(ran) == 6
    assert read_tree(book / "experiments" / "results") == before


def test_a_damaged_cell_runs_again_when_it_is_needed(book: Path, ran: list[str]) -> None:
    """A cut file is no result."""
    path = cell_files(book)[0]
    path.write_bytes(path.read_bytes()[:-9])
    write_sweep_book(
        book, SPEC.replace("kept: len", "lead: result.prompts[0].lead\n      kept: len")
    )
    assert layerbook("build", cwd=book).returncode == 0
    assert len(ran) == 1


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_a_cell_that_a_view_steps_through_runs_again(
    book: Path, ran: list[str], damage: str
) -> None:
    """Its figure is on the page; without the model, the sweep is a placeholder."""
    before, site = read_sweep_table(book), read_tree(book / "site")
    shown = (
        path for path in cell_files(book) if json.loads(path.read_bytes())["spec"]["top_k"] == 2
    )
    path = next(
        path for path in shown if json.loads(path.read_bytes())["spec"]["prompts"] == ["The dog"]
    )
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-9])
    done = layerbook("build", "--no-run", "--site", "other", cwd=book)
    assert done.returncode == 1 and f"its cell {path.stem} is" in done.stderr
    assert layerbook("build", cwd=book).returncode == 0
    assert ran == ["The dog 2"]
    assert (read_sweep_table(book), read_tree(book / "site")) == (before, site)


def test_a_sweep_outside_of_a_book_resumes_too(book: Path, ran: list[str], tmp_path: Path) -> None:
    """`run SPEC --out DIR` writes the table and the cells, and runs current cells only once."""
    spec, out = book / "experiments" / "words.yaml", tmp_path / "out"
    assert layerbook("run", spec, "--out", out, cwd=book).returncode == 0
    assert len(ran) == 6
    first = read_tree(out)
    assert {"plain.json", "grid.json"} < set(first)
    assert sum(name.startswith("grid/") for name in first) == 6
    ran.clear()
    cell = next(out.rglob("grid.*.json"))
    cell.unlink()
    assert layerbook("run", spec, "--out", out, cwd=book).returncode == 0
    assert len(ran) == 1
    assert read_tree(out) == first


def test_the_plan_counts_the_cells(book: Path) -> None:
    """Three prompts are three passes, whatever top_k is."""
    shutil.rmtree(book / "experiments" / "results")
    done = layerbook("run", "--dry-run", "--only", "words/grid", cwd=book)
    assert "6 requests, 3 of them distinct" in done.stdout


WRONG = {
    "an unknown parameter": (
        "top_k: [2, 3]",
        "top_kk: [2, 3]",
        "words.yaml:14:7: unknown key 'top_kk' (did you mean",
    ),
    "a value that does not fit": (
        "[2, 3]",
        '[2, "x"]',
        "words.yaml:14:18: should be a whole number",
    ),
    "a value out of bounds": (
        "[2, 3]",
        "[2, 0]",
        "words.yaml:14:18: should be a whole number of at least 1",
    ),
    "a value beyond the model": ("[2, 3]", "[2, 999999]", "words.yaml:14:18: should be from 1 to"),
    "a value twice": ("[2, 3]", "[2, 3, 2]", "words.yaml:14:7: top_k: value 3 repeats value 1"),
    "no values": ("[2, 3]", "[]", "words.yaml:14:14: should not be empty"),
    "a parameter with a value": (
        "sweep:",
        "top_k: 5\n    sweep:",
        "'top_k' is swept, so it has no value of its own",
    ),
    "a missing file": (
        "pets.jsonl",
        "pet.jsonl",
        "pet.jsonl cannot be read: No such file or directory (did you mean",
    ),
    "a file elsewhere": ("data/pets", "../data/pets", "should lie beside the spec or below it"),
    "an unknown column": (
        "column: prompt",
        "column: prompts",
        "no column 'prompts' (did you mean 'prompt'?)",
    ),
    "another digest": ("column: prompt", "column: prompt, sha256: abc", "words.yaml:13:64: "),
    "a measure that is no expression": ("len(result.prompts[0].top)\n", "len(\n", "words.yaml:17:"),
    "a measure of other results": (
        "result.prompts[0].top[0].prob",
        'r("plain").d_vocab',
        "reads its own cell alone",
    ),
    "a measure named as a column": ("best:", "legs:", "'legs' is a column of the grid already"),
    "a view of nothing": (
        "{measure: best, across: prompts}",
        "{across: prompts}",
        "draws either a measure",
    ),
    "a view across nothing": (
        "{measure: best, across: prompts}",
        "{measure: best}",
        "drawn across",
    ),
    "a view of an unknown measure": (
        "measure: best, across: prompts",
        "measure: bets, across: prompts",
        "'bets'",
    ),
    "a view across no column": (
        "across: prompts",
        "across: prompt",
        "no column 'prompt' (did you mean 'prompts'?)",
    ),
    "lines over texts": (
        "{measure: best, across: prompts}",
        "{measure: best, across: prompts, by: top_k}",
        "words.yaml:23:50: 'prompts' is not all numbers, so it is drawn as bars, without 'by'",
    ),
    "steps along no axis": ("over: prompts", "over: legs", "the sweep has no axis 'legs'"),
    "measures without a sweep": (
        "    top_k: 3\n",
        "    measures: {a: result.d_vocab}\n",
        "belong to a sweep",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_told_at_its_place(book: Path, name: str) -> None:
    """Exit 2 before anything runs; never a traceback."""
    old, new, message = WRONG[name]
    assert old in SPEC
    write_sweep_book(book, SPEC.replace(old, new, 1))
    done = layerbook("check", cwd=book)
    assert done.returncode == 2
    assert message in done.stderr + done.stdout


def told(book: Path, name: str, content: str) -> CommandResult:
    """What `check` says where the prompts come from such a file."""
    (book / "experiments" / "data" / name).write_text(content)
    text = SPEC.replace(
        "{file: data/pets.jsonl, column: prompt}", f"{{file: data/{name}, column: prompt}}"
    )
    (book / "experiments" / "words.yaml").write_text(text)
    return layerbook("check", cwd=book)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"prompt": "x", "legs": 1}\n{"prompt": "y"}', "a.jsonl:2:1: has no 'legs'"),
        ("a.jsonl", '{"prompt": "x", "legs": 1}\n{"prompt', "a.jsonl:2:1: not JSON"),
        ("a.jsonl", '{"prompt": "x", "legs": 1}\n[]', "a.jsonl:2:1: should be an object"),
        (
            "a.jsonl",
            '{"prompt": "x", "legs": 1}\n{"prompt": 7, "legs": 1}',
            "a.jsonl:2:1: should be text",
        ),
        ("a.jsonl", "", "a.jsonl has no values"),
        ("a.csv", "prompt,legs\nx,1\ny", "a.csv:3:1: has 1 fields, the header 2"),
        ("a.csv", "prompt,prompt\nx,1", "a.csv:1:1: each column should have a name of its own"),
        ("a.xlsx", "x", "a.xlsx:1:1: should be a .txt, .csv or .jsonl file"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_at_its_line(
    book: Path, name: str, content: str, message: str
) -> None:
    """The line in the file, not in the spec."""
    done = told(book, name, content)
    assert done.returncode == 2
    assert message in done.stderr + done.stdout


def test_a_csv_and_a_text_give_what_json_lines_give(book: Path, ran: list[str]) -> None:
    """Quoted fields keep spaces, commas and line ends; numeric tags are numbers."""
    assert told(book, "a.csv", 'prompt,legs\n" A, b\n",1\nThe cat,2.5\n').returncode == 0
    assert layerbook("run", cwd=book).returncode == 0
    assert read_sweep_table(book)["prompts"] == [" A, b\n"] * 2 + ["The cat"] * 2
    assert read_sweep_table(book)["legs"] == [1, 1, 2.5, 2.5]
    spec = SPEC.replace("{file: data/pets.jsonl, column: prompt}", "{file: data/a.txt}")
    for gone in (
        '      twice: len(result.prompts[0].top) == 2 * cell["legs"]\n',
        "across: legs, by",
    ):
        spec = spec.replace(gone, "" if gone.startswith(" ") else "across: top_k, by")
    spec = spec.replace("across: legs, panels", "across: prompts, panels")
    (book / "experiments" / "data" / "a.txt").write_text(" 2 \n\nThe cat\n")
    (book / "experiments" / "words.yaml").write_text(spec)
    assert layerbook("run", cwd=book).returncode == 0
    assert read_sweep_table(book)["prompts"] == [" 2 "] * 2 + ["The cat"] * 2


MIXED = """\
chapter: words
title: Words
experiments:
  - id: grid
    title: A grid
    analysis: attention-pattern
    layers: [0]
    sweep:
      prompts: {file: data/mixed.csv, column: prompt}
      heads: [0, mean]
    measures:
      same: cell["dose"] > 0.12
      keys: len(result.prompts[0].tokens)
    views:
      lines: {measure: keys, across: dose}
      bars: {measure: keys, across: count}
      panels: {measure: keys, across: heads, panels: id}
    captions: {lines: Lines., bars: Bars., panels: Panels.}
"""


def test_a_table_of_mixed_columns_can_be_shown(book: Path) -> None:
    """What `run` accepts, `build` shows: as a page, as CSV and as Parquet."""
    rows = "prompt,dose,count,id\nThe cat,0.10,1,9223372036854775809\n"
    rows += "The dog,0.15,2,9223372036854775811\nA,0.20,n/a,1\n"
    (book / "experiments" / "data" / "mixed.csv").write_text(rows)
    (book / "experiments" / "words.yaml").write_text(MIXED)
    views = "".join(
        f'{{{{ figure("grid", "{view}") }}}}\n\n' for view in ("lines", "bars", "panels")
    )
    (book / "templates" / "chapters" / "words.md").write_text(views + '{{ download("grid") }}')
    done = layerbook("build", cwd=book)
    assert done.returncode == 0, done.stderr
    columns = read_sweep_table(book)
    assert columns["dose"] == [0.1, 0.1, 0.15, 0.15, 0.2, 0.2]
    assert columns["count"] == ["1", "1", "2", "2", "n/a", "n/a"]
    assert columns["heads"] == ["0", "mean"] * 3
    assert columns["id"][0] == "9223372036854775809"
    assert columns["same"] == [False, False, True, True, True, True]
    table = parquet.read_table(book / "site" / "data" / "words" / "grid.parquet")
    assert table.to_pydict() == columns


def test_a_text_and_its_chats_are_three_bars(book: Path) -> None:
    """A view over prompts shows each with its own value, not their mean."""
    spec = TWO.replace("model: [{models}]", "top_k: [3]").replace(
        "across: model", "across: prompts"
    )
    chats = "The cat, {{chat: The cat}}, {{chat: The cat, answer: false}}"
    spec = spec.replace('"The cat", "The dog"', chats).replace("    top_k: 3\n", "")
    (book / "experiments" / "words.yaml").write_text(spec.format())
    (book / "templates" / "chapters" / "words.md").write_text('{{ figure("grid", "bars") }}')
    done = layerbook("build", cwd=book)
    assert done.returncode == 0, done.stderr
    columns = read_sweep_table(book)
    assert columns["prompts"] == ["The cat", "The cat (chat)", "The cat (chat, no answer header)"]
    assert len(set(columns["best"])) == 3


def test_a_measure_must_be_a_number_that_can_be_drawn(book: Path) -> None:
    """The cell fails, not the drawing of the book."""
    measure = "result.prompts[0].top[0].prob"
    for wrong in ("1e308 * 10", "0 - 1e308", "1e200 * 1e200 - 1e200 * 1e200"):
        write_sweep_book(book, SPEC.replace(f"best: {measure}", f'best: "{wrong}"'))
        done = layerbook("run", cwd=book)
        assert done.returncode == 1
        assert "the measure 'best' gives" in done.stdout
        assert "not a number up to 1e+300" in done.stdout


TWO = """\
chapter: words
title: Words
experiments:
  - id: grid
    title: Two models
    analysis: next-token
    top_k: 3
    sweep:
      prompts: ["The cat", "The dog"]
      model: [{models}]
    measures:
      best: result.prompts[0].top[0].prob
    views:
      bars: {{measure: best, across: model}}
    captions: {{bars: Bars.}}
"""


def two_models(book: Path, folder: Path, **changes: object) -> Path:
    """The chapter swept over the book's model and another, which is written to a folder."""
    text = (book / "experiments" / "book.yaml").read_text()
    own = re.search(r"^model: (.*)$", text, re.MULTILINE)
    assert own
    folder.mkdir()
    write_sweep_book(book, TWO.format(models=f"{own[1]}, {write_tiny_model(folder, **changes)}"))
    (book / "templates" / "chapters" / "words.md").write_text('{{ figure("grid", "bars") }}')
    return folder


def test_a_sweep_over_models_runs_each_cell_on_its_own(
    book: Path, tmp_path: Path, ran: list[str]
) -> None:
    """The cells of a model are among its results; the table has the values of single runs."""
    other = two_models(book, tmp_path / "another-tiny", initializer_range=0.4)
    done = layerbook("build", cwd=book)
    assert done.returncode == 0, done.stderr
    assert len(ran) == 4
    best = read_sweep_table(book)["best"]
    name = sources.resolve(str(other)).name
    there = (book / "experiments" / "results" / name).rglob("grid.*.json")
    assert [json.loads(path.read_bytes())["model"] for path in there] == [name] * 2
    assert (
        layerbook(
            "run", "--model", other, "--only", "words/plain", cwd=write_sweep_book(book)
        ).returncode
        == 0
    )
    plain = {
        path.parent.parent.name == name: [
            one["top"][0]["prob"] for one in json.loads(path.read_bytes())["prompts"]
        ]
        for path in (book / "experiments" / "results").glob("*/words/plain.json")
    }
    assert best == pytest.approx(
        [plain[name][i] for i in range(2) for name in (False, True)], rel=1e-4
    )
    assert plain[False][0] != pytest.approx(plain[True][0], rel=1e-2)


def test_models_of_several_sizes_are_swept_where_no_layer_is_named(
    book: Path, tmp_path: Path
) -> None:
    """The next token can be measured on a model of any size, also a deeper one."""
    other = two_models(
        book, tmp_path / "deeper", num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=8
    )
    assert layerbook("run", cwd=book).returncode == 0
    columns = read_sweep_table(book)
    found = [
        best
        for best, model in zip(columns["best"], columns["model"], strict=True)
        if model == str(other)
    ]
    network = LlamaForCausalLM.from_pretrained(other, attn_implementation="eager")
    with torch.inference_mode():
        for text, best in zip(("The cat", "The dog"), found, strict=True):
            ids = AutoTokenizer.from_pretrained(other)(text, return_tensors="pt")["input_ids"]
            assert best == pytest.approx(
                float(network(ids).logits[0, -1].softmax(-1).max()), rel=1e-4
            )


def test_a_model_of_another_size_fails_the_cells_that_name_layers(
    book: Path, tmp_path: Path
) -> None:
    """Layers and heads of a spec are those of the book's model; the others are kept."""
    two_models(book, tmp_path / "deeper", num_hidden_layers=4)
    spec = (book / "experiments" / "words.yaml").read_text()
    spec = spec.replace("next-token", "attention-pattern").replace("top_k: 3", "layers: [-1]")
    spec = spec.replace("result.prompts[0].top[0].prob", "len(result.prompts)")
    (book / "experiments" / "words.yaml").write_text(spec)
    done = layerbook("run", cwd=book)
    assert done.returncode == 1
    assert "2 of 4 cells failed, the others are kept" in done.stdout
    assert "is not of the size of" in done.stdout
