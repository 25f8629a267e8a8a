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
from fixtures.small_book import CommandResult, layerbook, read_tree
from fixtures.sweep_book import PETS, SPEC, cell_files, read_sweep_table, write_sweep_book
from fixtures.tiny_llama import write_tiny_model
from layerbook.analyses.next_token import NextToken
from layerbook.book.contents import Experiment
from layerbook.core.progress import Reporter
from layerbook.core.requests import ActivationCaches
from layerbook.model import sources
from layerbook.runner import sweep as sweeping
from layerbook.runner.local import LocalExecutor, Measurements
from pyarrow import parquet
from transformers import AutoTokenizer, LlamaForCausalLM


@pytest.fixture
def book(built_sweep_book: Path, tmp_path: Path) -> Path:
    """Copy the built book with its cache."""
    return shutil.copytree(built_sweep_book, tmp_path / "book")


@pytest.fixture
def measured_prompts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the prompts that are measured from now on, each with its top_k."""
    prompts: list[str] = []
    measure = LocalExecutor.measure

    def measure_and_record(
        self: LocalExecutor, experiments: Sequence[Experiment], report: Reporter | None = None
    ) -> Measurements:
        prompts.extend(
            f"{e.spec()['prompts'][0]} {e.spec()['top_k']}" for e in experiments if "." in e.id
        )
        return measure(self, experiments, report)

    monkeypatch.setattr(LocalExecutor, "measure", measure_and_record)
    return prompts


def delete_results(book: Path) -> None:
    """Delete all results and the record of what was computed."""
    shutil.rmtree(book / "experiments" / "results")
    shutil.rmtree(book / ".layerbook" / "computed")


def test_table_matches_single_runs(built_sweep_book: Path) -> None:
    """The last axis varies fastest; the numbers are those of a single experiment."""
    columns = read_sweep_table(built_sweep_book)
    assert columns["prompts"] == [name for name, _, _ in PETS for _ in range(2)]
    assert columns["top_k"] == [2, 3] * 3
    assert columns["kept"] == [2, 3] * 3
    assert columns["legs"] == [1, 1, 2, 2, 3, 3]
    assert columns["twice"] == [True, False, False, False, False, False]
    single = json.loads(
        next((built_sweep_book / "experiments" / "results").rglob("plain.json")).read_bytes()
    )
    top_tokens = [prompt["top"][0] for prompt in single["prompts"] for _ in range(2)]
    assert columns["best"] == pytest.approx([token["prob"] for token in top_tokens], rel=1e-4)
    assert columns["said"] == [token["text"] for token in top_tokens]


def test_each_cell_has_a_result(built_sweep_book: Path) -> None:
    """Cells lie in a folder named after the sweep; their ids end in a digest of their specs."""
    paths = cell_files(built_sweep_book)
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


def test_page_has_views_and_downloads(built_sweep_book: Path) -> None:
    """The page shows every kind of view; CSV and Parquet have the same values."""
    page = (built_sweep_book / "site" / "words.html").read_text()
    for view in ("lines", "heat", "bars", "panels", "steps"):
        assert f'id="grid-{view}"' in page
    assert "best by prompt</" in page  # the name of the column, not of the parameter
    assert "There are 6 cells." in page
    assert page.count('class="frame') >= 3
    assert "Holds here" in page
    columns = read_sweep_table(built_sweep_book)
    rows = list(
        csv.reader(
            io.StringIO((built_sweep_book / "site" / "data" / "words" / "grid.csv").read_text())
        )
    )
    assert rows[0] == list(columns)
    assert [float(row[rows[0].index("best")]) for row in rows[1:]] == columns["best"]
    assert {row[rows[0].index("sound")] for row in rows[1:]} == {"purrs", "barks", "'=1+1"}
    assert (
        parquet.read_table(
            built_sweep_book / "site" / "data" / "words" / "grid.parquet"
        ).to_pydict()
        == columns
    )


def test_second_build_reads_no_cells(book: Path, measured_prompts: list[str]) -> None:
    """The book is still current without the cells that no view shows."""
    site = read_tree(book / "site")
    for path in [
        path for path in cell_files(book) if json.loads(path.read_bytes())["spec"]["top_k"] == 3
    ]:
        path.unlink()
    completed = layerbook("build", cwd=book)
    assert (completed.returncode, measured_prompts) == (0, [])
    assert read_tree(book / "site") == site


def test_changed_values_run_only_new_cells(book: Path, measured_prompts: list[str]) -> None:
    """Other cells keep their bytes, and cells of removed values are deleted."""
    old_cells = {path.name: path.read_bytes() for path in cell_files(book)}
    write_sweep_book(book, pets=[*PETS[:2], ("A horse", 4, "neighs")])
    layerbook("build", cwd=book, check=True)
    assert measured_prompts == ["A horse 2", "A horse 3"]
    new_cells = {path.name: path.read_bytes() for path in cell_files(book)}
    assert len(new_cells) == 6
    assert len(old_cells.items() & new_cells.items()) == 4
    assert read_sweep_table(book)["prompts"][-1] == "A horse"


def test_new_measure_runs_nothing(book: Path, measured_prompts: list[str]) -> None:
    """A new measure is computed from the stored cells."""
    write_sweep_book(
        book, SPEC.replace("kept: len", "lead: result.prompts[0].lead\n      kept: len")
    )
    layerbook("build", cwd=book, check=True)
    assert measured_prompts == []
    assert len(read_sweep_table(book)["lead"]) == 6


def test_new_view_keeps_the_result(book: Path, measured_prompts: list[str]) -> None:
    """A result does not depend on its views and captions."""
    old_results = read_tree(book / "experiments" / "results")
    write_sweep_book(
        book, SPEC.replace("heat: {measure: best,", "heat: {measure: kept, title: How many,")
    )
    layerbook("build", cwd=book, check=True)
    assert measured_prompts == []
    assert read_tree(book / "experiments" / "results") == old_results
    assert "How many" in (book / "site" / "words.html").read_text()


def test_interrupted_sweep_resumes(
    book: Path, measured_prompts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Complete chunks are kept; the final result is that of an uninterrupted run."""
    monkeypatch.setattr(sweeping, "CHUNK_SIZE", 2)
    delete_results(book)
    layerbook("run", cwd=book, check=True)
    uninterrupted = read_tree(book / "experiments" / "results")
    delete_results(book)
    measure, count = NextToken.measure, 0

    def interrupt(self: NextToken, captures: ActivationCaches) -> object:
        nonlocal count
        count += len(self.prompts) == 1
        if count == 4:
            raise KeyboardInterrupt
        return measure(self, captures)

    with monkeypatch.context() as patched:
        patched.setattr(NextToken, "measure", interrupt)
        assert layerbook("run", cwd=book).returncode == 130
    assert len(cell_files(book)) == 2
    measured_prompts.clear()
    layerbook("run", cwd=book, check=True)
    assert measured_prompts == ["The dog 2", "The dog 3", "A 2", "A 3"]
    assert read_tree(book / "experiments" / "results") == uninterrupted


def test_failing_cell_does_not_stop_the_others(
    book: Path, measured_prompts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Other cells are kept; the error names the failed cell, and only that one runs again."""
    delete_results(book)
    measure = NextToken.measure

    def failing(self: NextToken, captures: ActivationCaches) -> object:
        if self.prompts == ("The dog",) and self.top_k == 3:
            raise ValueError("no dogs")
        return measure(self, captures)

    with monkeypatch.context() as patched:
        patched.setattr(NextToken, "measure", failing)
        completed = layerbook("run", cwd=book)
    assert completed.returncode == 1
    assert (
        "1 of 6 cells failed, the others are kept: "
        "prompts 'The dog', legs 2, sound 'barks', top_k 3" in completed.stdout
    )
    assert "no dogs" in completed.stdout
    assert len(cell_files(book)) == 5
    measured_prompts.clear()
    layerbook("run", cwd=book, check=True)
    assert measured_prompts == ["The dog 3"]


def test_force_runs_all_cells(book: Path, measured_prompts: list[str]) -> None:
    """Files with equal numbers keep their bytes."""
    old_results = read_tree(book / "experiments" / "results")
    layerbook("run", "--force", "--only", "words/grid", cwd=book, check=True)
    assert len(measured_prompts) == 6
    assert read_tree(book / "experiments" / "results") == old_results


def test_damaged_cell_runs_again(book: Path, measured_prompts: list[str]) -> None:
    """A truncated file is not a result."""
    path = cell_files(book)[0]
    path.write_bytes(path.read_bytes()[:-9])
    write_sweep_book(
        book, SPEC.replace("kept: len", "lead: result.prompts[0].lead\n      kept: len")
    )
    layerbook("build", cwd=book, check=True)
    assert len(measured_prompts) == 1


@pytest.mark.parametrize("damage", ["gone", "cut"])
def test_missing_cell_of_a_view_runs_again(
    book: Path, measured_prompts: list[str], damage: str
) -> None:
    """The page shows its figure; without running it, the sweep is a placeholder."""
    columns, site = read_sweep_table(book), read_tree(book / "site")
    shown_cells = (
        path for path in cell_files(book) if json.loads(path.read_bytes())["spec"]["top_k"] == 2
    )
    path = next(
        path
        for path in shown_cells
        if json.loads(path.read_bytes())["spec"]["prompts"] == ["The dog"]
    )
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-9])
    completed = layerbook("build", "--no-run", "--site", "other", cwd=book)
    assert completed.returncode == 1 and f"its cell {path.stem} is" in completed.stderr
    layerbook("build", cwd=book, check=True)
    assert measured_prompts == ["The dog 2"]
    assert (read_sweep_table(book), read_tree(book / "site")) == (columns, site)


def test_sweep_outside_of_a_book_resumes(
    book: Path, measured_prompts: list[str], tmp_path: Path
) -> None:
    """`run SPEC --out DIR` writes the table and the cells, and runs current cells only once."""
    spec, out = book / "experiments" / "words.yaml", tmp_path / "out"
    layerbook("run", spec, "--out", out, cwd=book, check=True)
    assert len(measured_prompts) == 6
    files = read_tree(out)
    assert {"plain.json", "grid.json"} < set(files)
    assert sum(name.startswith("grid/") for name in files) == 6
    measured_prompts.clear()
    cell = next(out.rglob("grid.*.json"))
    cell.unlink()
    layerbook("run", spec, "--out", out, cwd=book, check=True)
    assert len(measured_prompts) == 1
    assert read_tree(out) == files


def test_dry_run_counts_cells(book: Path) -> None:
    """Three prompts are three passes for any top_k."""
    shutil.rmtree(book / "experiments" / "results")
    completed = layerbook("run", "--dry-run", "--only", "words/grid", cwd=book)
    assert "6 requests, 3 of them distinct" in completed.stdout


SPEC_ERRORS = {
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
        "'top_k' is swept, so it cannot also have a fixed value",
    ),
    "a missing file": (
        "pets.jsonl",
        "pet.jsonl",
        "pet.jsonl cannot be read: No such file or directory (did you mean",
    ),
    "a file elsewhere": (
        "data/pets",
        "../data/pets",
        "must be in the folder of the spec or below it",
    ),
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
        "can only read its own cell",
    ),
    "a measure named as a column": ("best:", "legs:", "'legs' is already a column of the grid"),
    "a view of nothing": (
        "{measure: best, across: prompts}",
        "{across: prompts}",
        "needs either `measure` or `measures`",
    ),
    "a view across nothing": (
        "{measure: best, across: prompts}",
        "{measure: best}",
        "needs `across`",
    ),
    "a view of an unknown measure": (
        "measure: best, across: prompts",
        "measure: bets, across: prompts",
        "'bets'",
    ),
    "a view across no column": (
        "across: prompts",
        "across: prompt",
        "no column 'prompt' (its values are the axis 'prompts'); available: prompts",
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


@pytest.mark.parametrize("name", SPEC_ERRORS)
def test_reports_spec_errors_at_their_position(book: Path, name: str) -> None:
    """`check` exits with 2 before anything runs, without a traceback."""
    old, new, message = SPEC_ERRORS[name]
    assert old in SPEC
    write_sweep_book(book, SPEC.replace(old, new, 1))
    completed = layerbook("check", cwd=book)
    assert completed.returncode == 2
    assert message in completed.stderr + completed.stdout


def check_prompt_file(book: Path, name: str, content: str) -> CommandResult:
    """Run `check` with the prompts of the sweep in a data file with this content."""
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
        ("a.jsonl", '{"prompt": "x", "legs": 1}\n[]', "a.jsonl:2:1: must be an object"),
        (
            "a.jsonl",
            '{"prompt": "x", "legs": 1}\n{"prompt": 7, "legs": 1}',
            "a.jsonl:2:1: should be text",
        ),
        ("a.jsonl", "", "a.jsonl has no values"),
        ("a.csv", "prompt,legs\nx,1\ny", "a.csv:3:1: has 1 fields, but the header has 2"),
        ("a.csv", "prompt,prompt\nx,1", "a.csv:1:1: every column must have a different name"),
        ("a.xlsx", "x", "a.xlsx:1:1: should be a .txt, .csv or .jsonl file"),
    ],
)
def test_reports_data_errors_at_their_line(
    book: Path, name: str, content: str, message: str
) -> None:
    """The position is the line of the data file, not of the spec."""
    completed = check_prompt_file(book, name, content)
    assert completed.returncode == 2
    assert message in completed.stderr + completed.stdout


def test_csv_and_text_files_of_prompts(book: Path, measured_prompts: list[str]) -> None:
    """Quoted fields keep spaces, commas and line ends; numeric tags are numbers."""
    content = 'prompt,legs\n" A, b\n",1\nThe cat,2.5\n'
    assert check_prompt_file(book, "a.csv", content).returncode == 0
    layerbook("run", cwd=book, check=True)
    assert read_sweep_table(book)["prompts"] == [" A, b\n"] * 2 + ["The cat"] * 2
    assert read_sweep_table(book)["legs"] == [1, 1, 2.5, 2.5]
    spec = SPEC.replace("{file: data/pets.jsonl, column: prompt}", "{file: data/a.txt}")
    for removed in (
        '      twice: len(result.prompts[0].top) == 2 * cell["legs"]\n',
        "across: legs, by",
    ):
        spec = spec.replace(removed, "" if removed.startswith(" ") else "across: top_k, by")
    spec = spec.replace("across: legs, panels", "across: prompts, panels")
    (book / "experiments" / "data" / "a.txt").write_text(" 2 \n\nThe cat\n")
    (book / "experiments" / "words.yaml").write_text(spec)
    layerbook("run", cwd=book, check=True)
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


def test_columns_of_mixed_types(book: Path) -> None:
    """Such a table has a page, a CSV and a Parquet file."""
    rows = "prompt,dose,count,id\nThe cat,0.10,1,9223372036854775809\n"
    rows += "The dog,0.15,2,9223372036854775811\nA,0.20,n/a,1\n"
    (book / "experiments" / "data" / "mixed.csv").write_text(rows)
    (book / "experiments" / "words.yaml").write_text(MIXED)
    views = "".join(
        f'{{{{ figure("grid", "{view}") }}}}\n\n' for view in ("lines", "bars", "panels")
    )
    (book / "templates" / "chapters" / "words.md").write_text(views + '{{ download("grid") }}')
    layerbook("build", cwd=book, check=True)
    columns = read_sweep_table(book)
    assert columns["dose"] == [0.1, 0.1, 0.15, 0.15, 0.2, 0.2]
    assert columns["count"] == ["1", "1", "2", "2", "n/a", "n/a"]
    assert columns["heads"] == ["0", "mean"] * 3
    assert columns["id"][0] == "9223372036854775809"
    assert columns["same"] == [False, False, True, True, True, True]
    table = parquet.read_table(book / "site" / "data" / "words" / "grid.parquet")
    assert table.to_pydict() == columns


def test_bars_separate_a_text_from_its_chats(book: Path) -> None:
    """A view over prompts has a bar for each, not for their mean."""
    spec = TWO_MODELS.replace("model: [{models}]", "top_k: [3]").replace(
        "across: model", "across: prompts"
    )
    chats = "The cat, {{chat: The cat}}, {{chat: The cat, answer: false}}"
    spec = spec.replace('"The cat", "The dog"', chats).replace("    top_k: 3\n", "")
    (book / "experiments" / "words.yaml").write_text(spec.format())
    (book / "templates" / "chapters" / "words.md").write_text('{{ figure("grid", "bars") }}')
    layerbook("build", cwd=book, check=True)
    columns = read_sweep_table(book)
    assert columns["prompts"] == ["The cat", "The cat (chat)", "The cat (chat, no answer header)"]
    assert len(set(columns["best"])) == 3


def test_measures_must_be_finite(book: Path) -> None:
    """The cell fails in `run`, before a figure is drawn."""
    measure = "result.prompts[0].top[0].prob"
    for new_measure in ("1e308 * 10", "0 - 1e308", "1e200 * 1e200 - 1e200 * 1e200"):
        write_sweep_book(book, SPEC.replace(f"best: {measure}", f'best: "{new_measure}"'))
        completed = layerbook("run", cwd=book)
        assert completed.returncode == 1
        assert "the measure 'best' gives" in completed.stdout
        assert "not a number up to 1e+300" in completed.stdout


TWO_MODELS = """\
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


def write_two_models(book: Path, folder: Path, **changes: object) -> Path:
    """Write the chapter as a sweep over the book's model and a new one in `folder`."""
    text = (book / "experiments" / "book.yaml").read_text()
    model_line = re.search(r"^model: (.*)$", text, re.MULTILINE)
    assert model_line
    folder.mkdir()
    write_sweep_book(
        book, TWO_MODELS.format(models=f"{model_line[1]}, {write_tiny_model(folder, **changes)}")
    )
    (book / "templates" / "chapters" / "words.md").write_text('{{ figure("grid", "bars") }}')
    return folder


def test_sweep_over_models_has_a_column_for_the_model(
    book: Path, tmp_path: Path, measured_prompts: list[str]
) -> None:
    """Cells are stored among the results of their model.

    The table has the values of single runs.
    """
    other_model = write_two_models(book, tmp_path / "another-tiny", initializer_range=0.4)
    layerbook("build", cwd=book, check=True)
    assert len(measured_prompts) == 4
    best = read_sweep_table(book)["best"]
    name = sources.resolve(str(other_model)).name
    other_cells = (book / "experiments" / "results" / name).rglob("grid.*.json")
    assert [json.loads(path.read_bytes())["model"] for path in other_cells] == [name] * 2
    assert (
        layerbook(
            "run", "--model", other_model, "--only", "words/plain", cwd=write_sweep_book(book)
        ).returncode
        == 0
    )
    single_runs = {
        path.parent.parent.name == name: [
            prompt["top"][0]["prob"] for prompt in json.loads(path.read_bytes())["prompts"]
        ]
        for path in (book / "experiments" / "results").glob("*/words/plain.json")
    }
    assert best == pytest.approx(
        [single_runs[name][i] for i in range(2) for name in (False, True)], rel=1e-4
    )
    assert single_runs[False][0] != pytest.approx(single_runs[True][0], rel=1e-2)


def test_models_of_different_sizes_are_swept(book: Path, tmp_path: Path) -> None:
    """An analysis without layers can be measured on a model of any size."""
    deeper_model = write_two_models(
        book, tmp_path / "deeper", num_hidden_layers=4, num_attention_heads=8, num_key_value_heads=8
    )
    layerbook("run", cwd=book, check=True)
    columns = read_sweep_table(book)
    deeper_best = [
        best
        for best, model in zip(columns["best"], columns["model"], strict=True)
        if model == str(deeper_model)
    ]
    network = LlamaForCausalLM.from_pretrained(deeper_model, attn_implementation="eager")
    tokenizer = AutoTokenizer.from_pretrained(deeper_model)
    with torch.inference_mode():
        for text, best in zip(("The cat", "The dog"), deeper_best, strict=True):
            ids = tokenizer(text, return_tensors="pt")["input_ids"]
            assert best == pytest.approx(
                float(network(ids).logits[0, -1].softmax(-1).max()), rel=1e-4
            )


def test_named_layers_need_a_model_of_the_same_size(book: Path, tmp_path: Path) -> None:
    """Cells on a deeper model fail if they name layers; the others are kept."""
    write_two_models(book, tmp_path / "deeper", num_hidden_layers=4)
    spec = (book / "experiments" / "words.yaml").read_text()
    spec = spec.replace("next-token", "attention-pattern").replace("top_k: 3", "layers: [-1]")
    spec = spec.replace("result.prompts[0].top[0].prob", "len(result.prompts)")
    (book / "experiments" / "words.yaml").write_text(spec)
    completed = layerbook("run", cwd=book)
    assert completed.returncode == 1
    assert "2 of 4 cells failed, the others are kept" in completed.stdout
    assert "have different numbers of layers or heads" in completed.stdout
