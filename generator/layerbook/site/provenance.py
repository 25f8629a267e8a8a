"""The origin of results: model, spec, code and versions, beside each figure and in the manifest."""

from __future__ import annotations

from typing import Any

from layerbook.book.contents import Experiment
from layerbook.core.language import gettext
from layerbook.model.sources import ModelSource, resolve
from layerbook.site.blocks import Fact
from layerbook.store import results
from layerbook.store.project import Project

DIGEST_LENGTH = 12
"""Digits of a digest on a page; results have the full digest."""


def experiment_facts(
    project: Project, experiment: Experiment, envelope: results.StoredResult[Any]
) -> tuple[Fact, ...]:
    """Return the origin of an experiment's figures."""
    key = envelope.key
    digest = results.read_header(project.result_path(experiment)).digest
    code = gettext(
        "{digest}, the analysis and all that it imports", digest=key.code[:DIGEST_LENGTH]
    )
    models = [source.name for source in model_sources(project, experiment)]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(key.versions.items()))
    return (
        Fact(gettext("Model" if len(models) == 1 else "Models"), ", ".join(models)),
        Fact(gettext("Weights"), hex_digest(key.weights)[:DIGEST_LENGTH]),
        Fact(gettext("Written in"), spec_location(experiment)),
        Fact(gettext("Spec"), key.spec[:DIGEST_LENGTH]),
        Fact(gettext("Code"), code),
        Fact(gettext("Result"), digest[:DIGEST_LENGTH]),
        Fact(gettext("Computed with"), versions),
        Fact(gettext("Run it again"), rerun_command(experiment)),
    )


def model_sources(project: Project, experiment: Experiment) -> list[ModelSource]:
    """Return the models that an experiment runs on: the book's, or all of its sweep."""
    swept = () if experiment.sweep is None else experiment.sweep.models
    return [resolve(name) for name in swept] or [project.source]


def spec_location(experiment: Experiment) -> str:
    """Return the file of an experiment's spec and its lines there."""
    first, last = experiment.line, experiment.last_line
    single, several = gettext("line {first}"), gettext("lines {first} to {last}")
    lines = (single if first == last else several).format(first=first, last=last)
    return f"experiments/{experiment.chapter}.yaml, {lines}"


def rerun_command(experiment: Experiment) -> str:
    """Return the command that runs an experiment again."""
    return f"layerbook run --only {experiment.address} --force"


def hex_digest(fingerprint: str) -> str:
    """Return the hexadecimal part of a fingerprint: `b179...` of `gguf:b179.../1`; a Hub commit."""
    return fingerprint.rpartition("@")[2].rpartition(":")[2].partition("/")[0]
