"""Keys of results: digests of the spec, code, weights and tokenizer, and versions of libraries.

Prose, captions, templates, titles and code that only draws are not part of a key.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import asdict, field
from functools import cache, cached_property
from importlib import metadata
from typing import Annotated, Any

from pydantic import Field
from pydantic.dataclasses import dataclass

from layerbook.book.contents import Experiment
from layerbook.book.sweep import Sweep
from layerbook.core.requests import Precision
from layerbook.model import sources
from layerbook.model.model_folder import Fingerprint
from layerbook.store import code_digest
from layerbook.store.cache import WorkingCache
from layerbook.store.json_format import json_digest

CODE_KIND = "code"
MODULES_KIND = "modules"
MAX_CODE_ENTRIES = 16  # states of the code; enough to switch between branches
MAX_MODULES_ENTRIES = 1000  # for each state, one entry for each analysis
COMPONENTS = ("spec", "code", "weights", "tokenizer", "precision")
LIBRARIES = ("torch", "transformers", "numpy", "scikit-learn", "tokenizers")
# Pages and reports print the words of a key, which a forger can choose.
Word = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+!:@/-]{1,300}$")]
Versions = Annotated[Mapping[Word, Word], Field(max_length=20)]


@dataclass(frozen=True)
class Key:
    """The components that a result depends on: digests, the precision, versions of libraries.

    Raises ValueError for components that are anything but digests, names and versions.
    """

    spec: Word
    code: Word
    weights: Word
    tokenizer: Word
    precision: Word = "float32"  # older results do not record it
    versions: Versions = field(default_factory=dict, hash=False)

    @cached_property
    def digest(self) -> str:
        """The sha256 of all components."""
        return json_digest(self.as_dict())

    def same_sources(self, other: Key) -> bool:
        """Return whether all but the library versions, which differ by machine, is equal."""
        return all(getattr(self, name) == getattr(other, name) for name in COMPONENTS)

    def as_dict(self) -> dict[str, Any]:
        """Return the components as they are written into a result."""
        return asdict(self) | {"versions": dict(sorted(self.versions.items()))}


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
    cached = cache.get_blob(CODE_KIND, state) if cache else None
    digests: dict[str, str] = json.loads(cached) if cached else {}
    missing = [names for names in groups if " ".join(names) not in digests]
    for names in missing:
        modules = code_digest.analysis_code_modules(*names)
        digests[" ".join(names)] = code = json_digest(modules)
        if cache:
            cache.put_blob(MODULES_KIND, code, json.dumps(modules).encode())
    if cache and missing:
        if code_digest.packages_digest(packages) == state:  # not edited since
            cache.put_blob(CODE_KIND, state, json.dumps(digests).encode())
        cache.keep_newest(CODE_KIND, MAX_CODE_ENTRIES)
        cache.keep_newest(MODULES_KIND, MAX_MODULES_ENTRIES)
    return digests


def read_module_digests(cache: WorkingCache, code: str) -> dict[str, str]:
    """Return the digests of the modules behind a code digest; none if they are not known here."""
    modules: dict[str, str] = json.loads(cache.get_blob(MODULES_KIND, code) or b"{}")
    return modules


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
