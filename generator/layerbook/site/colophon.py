"""The first page and the last: the way into a book, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping

from layerbook import __version__
from layerbook.site import assets as site
from layerbook.site.pages import BookInfo, ColophonPage, IndexPage, Licence, Link
from layerbook.site.experiment_view import ExperimentView
from layerbook.model import sources
from layerbook.store.project import Project

APACHE_LICENCE_TEXT = "Apache License 2.0: https://www.apache.org/licenses/LICENSE-2.0"
GGUF_NOTE = "The weights come as a GGUF file, and are turned into 32-bit floating point before anything is computed."
QUANTISED_NOTE = (
    "With so few bits they are not quite the ones that were published in full. The measured numbers of this book are "
    "those of this file; how far they are from those of the full weights was not measured. Token ids and shapes are "
    "the same."
)
MAYBE_QUANTISED_NOTE = (
    "Where the file stores them with fewer bits, they are not quite the ones that were published in full; the measured "
    "numbers of this book are those of this file."
)


def index_page(book: BookInfo, diagram: str | None) -> IndexPage:
    """The first page; each part of its diagram leads to a chapter."""
    first = book.chapters[0] if book.chapters else None
    return IndexPage(
        diagram_svg=diagram,
        diagram_alt="The model, part by part; each part leads to its chapter",
        next=Link(first.title, first.href) if first else None,
    )


def colophon_page(
    project: Project,
    book: BookInfo,
    experiment_views: Mapping[str, ExperimentView],
    tables: tuple[tuple[str, str], ...] = (),
) -> ColophonPage:
    """How the book was made: the model, the versions, the seeds, whose work it carries; `tables` as (heading, HTML)."""
    last = book.chapters[-1] if book.chapters else None
    source, weights = project.source, project.fingerprint.weights
    model = [("Name", source.name), ("Source", f"{source.kind}: {source.location}")]
    model += [("Revision", source.revision)] if source.revision else []
    model += [
        ("Weights", hex_digest(weights)),
        ("Arithmetic", "float32 on a CPU, attention computed eagerly"),
    ]
    licences = site.vendored_licences()
    if source.kind == "bundle":
        licences = (
            *licences,
            Licence(f"The weights of {source.name}", "Apache-2.0", APACHE_LICENCE_TEXT),
        )
    return ColophonPage(
        model=tuple(model),
        versions=(("layerbook", __version__), *sorted(_library_versions(experiment_views).items())),
        seeds=tuple(_seeds(experiment_views)),
        rebuild=("make site", "make test"),
        licences=licences,
        quantisation=quantisation(source),
        tables_html=tables,
        previous=Link(last.title, last.href) if last else None,
    )


def quantisation(source: sources.ModelSource) -> str:
    """With how many bits the weights were stored, where that is known; nothing for weights that are no GGUF."""
    if not isinstance(source, sources.GGUFSource):
        return ""
    stored = sources.STORAGE_NOTES.get(source.digest())
    return (
        f"{GGUF_NOTE} The file stores {stored}. {QUANTISED_NOTE}"
        if stored
        else f"{GGUF_NOTE} {MAYBE_QUANTISED_NOTE}"
    )


def _library_versions(experiment_views: Mapping[str, ExperimentView]) -> dict[str, str]:
    """The libraries that the results were measured with; several versions of one are all named."""
    found: dict[str, list[str]] = {}
    for experiment_view in experiment_views.values():
        for name, version in (
            experiment_view.envelope.key.versions if experiment_view.envelope else {}
        ).items():
            found.setdefault(name, []).append(version)
    return {name: ", ".join(sorted(set(versions))) for name, versions in found.items()}


def _seeds(experiment_views: Mapping[str, ExperimentView]) -> list[tuple[str, str]]:
    """Every seed that something random started from; always taking the best token is not random."""
    specs = [
        (experiment_view.address, experiment_view.experiment.spec())
        for experiment_view in experiment_views.values()
    ]
    return [
        (address, f"{name} {value}")
        for address, spec in specs
        for name, value in spec.items()
        if name.endswith("seed") and value is not None and spec.get("temperature") != 0
    ]


def hex_digest(fingerprint: str) -> str:
    """The hexadecimal part of a fingerprint: `gguf:b179.../1` -> `b179...`; a Hub's commit."""
    return fingerprint.rpartition("@")[2].rpartition(":")[2].partition("/")[0]
