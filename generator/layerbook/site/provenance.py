"""Where things come from: beside each figure, and of the whole book as a manifest for archives.

How long it took is read from the record of the last verification, which is committed: a time of this very run would be
another each time, and the same sources must give the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping

from layerbook import __version__
from layerbook.store import verification
from layerbook.site import ro_crate as crate
from layerbook.site.pages import BookInfo, ClaimsPage, ReferencesPage
from layerbook.core.errors import StoreError
from layerbook.site.experiment_view import ExperimentView
from layerbook.book.loader import Experiment
from layerbook.site.colophon import hex_digest
from layerbook.model.sources import ModelSource, resolve
from layerbook.store.project import Project
from layerbook.core.text import pluralize
from layerbook.store import results

DIGEST_LENGTH = 12
"""Digits of a digest that a page shows; the result has them all."""
PYPI_URL = "https://pypi.org/project/{}/{}/"
HUB_URL = "https://huggingface.co/{}/tree/{}"


def experiment_facts(
    project: Project, experiment_view: ExperimentView
) -> tuple[tuple[str, str], ...]:
    """What made an experiment's figures, as label and value."""
    experiment, envelope = experiment_view.experiment, experiment_view.envelope
    models = [source.name for source in _sources(project, experiment)]
    weights = envelope.key.weights if envelope is not None else project.fingerprint.weights
    found = [
        ("Model" if len(models) == 1 else "Models", ", ".join(models)),
        ("Weights", hex_digest(weights)[:DIGEST_LENGTH]),
        ("Written in", spec_location(project, experiment)),
    ]
    if envelope is not None:
        digest = results.read_header(project.result_path(experiment)).digest
        versions = ", ".join(
            f"{name} {version}" for name, version in sorted(envelope.key.versions.items())
        )
        found += [
            ("Spec", envelope.key.spec[:DIGEST_LENGTH]),
            ("Code", f"{envelope.key.code[:DIGEST_LENGTH]}, the analysis and all that it imports"),
            ("Result", digest[:DIGEST_LENGTH]),
            ("Computed with", versions),
            *_timing_fact(project, experiment_view.address, digest),
        ]
    return (*found, ("Run it again", rerun_command(experiment)))


def _timing_fact(project: Project, address: str, digest: str) -> list[tuple[str, str]]:
    """Its share of the run that verified it, where one did."""
    try:
        entry = verification.read_record(project).experiments.get(address)
    except StoreError:  # the colophon, which shows all of the record, says so
        return []
    if entry is None or entry.digest != digest or entry.seconds is None:
        return []
    took = (
        f"about {entry.seconds:g} s"
        if entry.seconds > verification.MIN_SECONDS
        else f"{entry.seconds:g} s or less"
    )
    return [
        (
            "Took",
            f"{took} with {pluralize(max(entry.threads), 'thread')}, its share of the run that verified it",
        )
    ]


def spec_location(project: Project, experiment: Experiment) -> str:
    """The file of its spec, and the lines in it."""
    path = project.root / "experiments" / f"{experiment.chapter}.yaml"
    first, last = experiment.line, experiment.last_line
    lines = f"line {first}" if first == last else f"lines {first} to {last}"
    return f"experiments/{path.name}, {lines}"


def rerun_command(experiment: Experiment) -> str:
    """What runs it again."""
    return f"layerbook run --only {experiment.chapter}/{experiment.id} --force"


def ro_crate_files(
    project: Project, book: BookInfo, files: Mapping[str, bytes]
) -> dict[str, bytes]:
    """The manifest of a site with these files, by its path."""
    titles = {f"{page.name}.html": page.title for page in (ClaimsPage, ReferencesPage)}
    titles |= {chapter.href: chapter.title for chapter in book.chapters}
    about = crate.CrateMetadata(
        title=book.title,
        description=book.subtitle,
        authors=book.authors,
        language=book.language,
        version=__version__,
        titles=titles | {"index.html": book.title, "colophon.html": "How this book was made"},
        published=project.publication_date,
        licence=project.book.licence,
    )
    runs = [
        crate.CrateExperiment(
            f"{e.chapter}/{e.id}",
            e.title,
            spec_location(project, e),
            e.to_yaml(),
            rerun_command(e),
            _models(project, e),
        )
        for e in project.experiments()
    ]
    return {crate.CRATE_FILE: crate.build_crate(about, runs, files)}


def _sources(project: Project, experiment: Experiment) -> list[ModelSource]:
    """The models that an experiment runs on: the book's, or those that are swept."""
    swept = () if experiment.sweep is None else experiment.sweep.models
    return [resolve(name) for name in swept] or [project.source]


def _models(project: Project, experiment: Experiment) -> tuple[crate.CrateModel, ...]:
    own = project.source, project.fingerprint
    return tuple(
        _model(source, (own[1] if source == own[0] else source.fingerprint()).weights)
        for source in _sources(project, experiment)
    )


def _model(source: ModelSource, digest: str) -> crate.CrateModel:
    version = (
        source.revision or source.location.partition("==")[2]
        if source.kind in ("bundle", "hub")
        else ""
    )
    licence = "Apache-2.0" if source.kind == "bundle" else ""
    return crate.CrateModel(
        source.name, _uri(source, hex_digest(digest)), digest, version or "", licence
    )


def _uri(source: ModelSource, digest: str) -> str:
    """Where the model is from; of one that only this machine has, its digest as a name."""
    if source.kind == "bundle":
        return PYPI_URL.format(*source.location.split("=="))
    return (
        HUB_URL.format(source.location, digest) if source.kind == "hub" else f"urn:sha256:{digest}"
    )
