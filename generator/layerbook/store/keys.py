"""Keys of results: digests of the spec, code, weights and tokenizer, and versions of libraries.

Prose, captions, templates, titles and code that only draws are not part of a key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib import metadata
from typing import Any

from layerbook.book.contents import Experiment
from layerbook.book.sweep import Sweep
from layerbook.core.requests import Precision
from layerbook.model import sources
from layerbook.model.model_folder import Fingerprint
from layerbook.store import code_digest
from layerbook.store.cache import WorkingCache
from layerbook.store.json_format import json_digest

COMPONENTS = ("spec", "code", "weights", "tokenizer", "precision")
_WORD = re.compile(r"[\w.+!:@/-]{1,300}", re.ASCII)  # pages and reports print these
LIBRARIES = ("torch", "transformers", "numpy", "scikit-learn", "tokenizers")
MAX_LIBRARIES = 20  # in the key of a result file


@dataclass(frozen=True)
class Key:
    """The components that a result depends on: digests, the precision, versions of libraries."""

    spec: str
    code: str
    weights: str
    tokenizer: str
    precision: str
    versions: Mapping[str, str] = field(hash=False)

    @cached_property
    def digest(self) -> str:
        """The sha256 of all components."""
        return json_digest(self.as_dict())

    def same_sources(self, other: Key) -> bool:
        """Return whether all but the library versions, which differ by machine, is equal."""
        return all(getattr(self, name) == getattr(other, name) for name in COMPONENTS)

    def as_dict(self) -> dict[str, Any]:
        """Return the components as they are written into a result."""
        parts = {name: getattr(self, name) for name in COMPONENTS}
        return parts | {"versions": dict(sorted(self.versions.items()))}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Key:
        """Build a key from a result's data. Raises ValueError."""
        try:
            # Older keys do not record the precision.
            fields = {"precision": "float32", **data}
            parts = {name: str(fields[name]) for name in COMPONENTS}
            versions = {str(name): str(version) for name, version in data["versions"].items()}
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError("not a key") from error
        words = [*parts.values(), *versions, *versions.values()]
        if len(versions) > MAX_LIBRARIES or not all(map(_WORD.fullmatch, words)):
            raise ValueError("a key may have only digests, names and versions")
        return cls(**parts, versions=versions)


def compute_keys(
    experiments: Sequence[Experiment],
    fingerprint: Fingerprint,
    precision: Precision,
    cache: WorkingCache | None = None,
) -> dict[Experiment, Key]:
    """Return the key that each experiment's result has now. Raises ModelError.

    fingerprint: the fingerprint of the book's model.
    cache: keeps the digests of code, because parsing code is slow.
    """
    modules = {experiment: code_modules(experiment) for experiment in experiments}
    codes = _code_digests(set(modules.values()), cache)
    versions = numeric_library_versions()
    keys = {}
    for experiment, names in modules.items():
        model = _model_fingerprint(experiment) or fingerprint
        spec = json_digest(experiment.spec())
        keys[experiment] = Key(
            spec, codes[" ".join(names)], model.weights, model.tokenizer, precision, versions
        )
    return keys


def code_modules(experiment: Experiment) -> tuple[str, ...]:
    """Return the modules that measure an experiment; for a sweep, also the module of its table."""
    table = () if experiment.sweep is None else (Sweep.__module__,)
    return (type(experiment.analysis).__module__, *table)


def _code_digests(groups: Set[tuple[str, ...]], cache: WorkingCache | None) -> dict[str, str]:
    """Return the code digest of each group of modules, by their names with spaces between."""
    packages = {name for names in groups for name in names}
    state = code_digest.packages_digest(packages)
    cached = cache.get_blob("code", state) if cache else None
    digests: dict[str, str] = json.loads(cached) if cached else {}
    missing = [names for names in groups if " ".join(names) not in digests]
    digests |= {" ".join(names): code_digest.analysis_code_digest(*names) for names in missing}
    if cache and missing and code_digest.packages_digest(packages) == state:  # not edited since
        cache.put_blob("code", state, json.dumps(digests).encode())
    return digests


def _model_fingerprint(experiment: Experiment) -> Fingerprint | None:
    """Return the fingerprint of the models that an experiment names; None if it names none."""
    if experiment.sweep is not None:
        names = experiment.sweep.models
    else:
        names = (experiment.model,) if experiment.model else ()
    models = [sources.resolve(name).fingerprint() for name in names]
    if len(models) > 1:
        weights, tokenizers = ([m.weights for m in models], [m.tokenizer for m in models])
        return Fingerprint(json_digest(weights), json_digest(tokenizers))
    return models[0] if models else None


@cache
def numeric_library_versions() -> Mapping[str, str]:
    """Return the installed version of each library that can change a number."""
    return library_versions(LIBRARIES)


def library_versions(names: tuple[str, ...]) -> dict[str, str]:
    """Return the installed versions of libraries by name; `absent` if not installed."""
    return {name: _version(name) for name in names}


@cache
def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "absent"
