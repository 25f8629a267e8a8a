"""The first page and the last: the way into a book, and how it was made."""

from __future__ import annotations

from collections.abc import Mapping

from generator import __version__
from generator.book import site
from generator.book.pages import BookInfo, ColophonPage, IndexPage, Licence, Link
from generator.exhibit import Exhibit
from generator.project import Project

APACHE = "Apache License 2.0: https://www.apache.org/licenses/LICENSE-2.0"
QUANTISED = (
    "The weights come as a GGUF file. Those of the default model are a 4-bit quantisation, turned back into 32-bit "
    "floating point before anything is computed; they differ a little from the ones that were published in full, and "
    "so do all numbers in this book."
)


def index_page(book: BookInfo, diagram: str | None) -> IndexPage:
    """The first page; each part of its diagram leads to a chapter."""
    first = book.chapters[0] if book.chapters else None
    return IndexPage(
        diagram_svg=diagram,
        diagram_alt="The model, part by part; each part leads to its chapter",
        next=Link(first.title, first.href) if first else None,
    )


def colophon_page(project: Project, book: BookInfo, exhibits: Mapping[str, Exhibit]) -> ColophonPage:
    """How the book was made: the model, the versions, the seeds, whose work it carries."""
    last = book.chapters[-1] if book.chapters else None
    source, weights = project.source, project.fingerprint.weights
    bundle = source.kind in ("bundle", "gguf")
    model = [("Name", source.name), ("Source", f"{source.kind}: {source.location}")]
    model += [("Revision", source.revision)] if source.revision else []
    model += [("Weights", bare_digest(weights)), ("Arithmetic", "float32 on a CPU, attention computed eagerly")]
    licences = site.vendored()
    if source.kind == "bundle":
        licences = (*licences, Licence(f"The weights of {source.name}", "Apache-2.0", APACHE))
    return ColophonPage(
        model=tuple(model),
        versions=(("layerbook", __version__), *sorted(_versions(exhibits).items())),
        seeds=tuple(_seeds(exhibits)),
        rebuild=("make site", "make test"),
        licences=licences,
        quantisation=QUANTISED if bundle else "",
        previous=Link(last.title, last.href) if last else None,
    )


def _versions(exhibits: Mapping[str, Exhibit]) -> dict[str, str]:
    """The libraries that the results were measured with; several versions of one are all named."""
    found: dict[str, list[str]] = {}
    for exhibit in exhibits.values():
        for name, version in (exhibit.envelope.key.versions if exhibit.envelope else {}).items():
            found.setdefault(name, []).append(version)
    return {name: ", ".join(sorted(set(versions))) for name, versions in found.items()}


def _seeds(exhibits: Mapping[str, Exhibit]) -> list[tuple[str, str]]:
    """Every seed that something random started from; always taking the best token is not random."""
    specs = [(exhibit.address, exhibit.experiment.spec()) for exhibit in exhibits.values()]
    return [
        (address, f"{name} {value}")
        for address, spec in specs
        for name, value in spec.items()
        if name.endswith("seed") and value is not None and spec.get("temperature") != 0
    ]


def bare_digest(fingerprint: str) -> str:
    """The hexadecimal part of a fingerprint: `gguf:b179.../1` -> `b179...`; a Hub's commit."""
    return fingerprint.rpartition("@")[2].rpartition(":")[2].partition("/")[0]
