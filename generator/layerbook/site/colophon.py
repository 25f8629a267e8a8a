"""The colophon, which says how a book was made."""

from __future__ import annotations

from collections import defaultdict

from layerbook import __version__
from layerbook.core.language import gettext, mark
from layerbook.core.own_code import is_own
from layerbook.core.rounding import DIGITS
from layerbook.model import sources
from layerbook.site.assets import vendored_licences
from layerbook.site.blocks import Fact
from layerbook.site.experiment_view import ExperimentViews
from layerbook.site.pages import BookInfo, ColophonPage, Licence
from layerbook.site.provenance import hex_digest
from layerbook.store.project import Project

SOURCE_FOLDER = "generator/layerbook"
"""The folder of the program in its own repository, which has a Makefile."""
APACHE_LICENCE_TEXT = "Apache License 2.0: https://www.apache.org/licenses/LICENSE-2.0"
GGUF_NOTE = mark(
    "The weights come as a GGUF file, and are unpacked into floating-point numbers before anything "
    "is computed."
)
QUANTISED_NOTE = mark(
    "With so few bits, they are not exactly the weights that were published. All numbers in "
    "this book were measured with this file. How much they would change with the full weights was "
    "not measured. Token ids and shapes are the same."
)
MAYBE_QUANTISED_NOTE = mark(
    "Where the file stores them with fewer bits, they are not quite the ones that were published "
    "in full; the measured numbers of this book are those of this file."
)
ARITHMETIC = {
    "float64": mark(
        "64-bit floating point on a CPU. Each field is rounded to {digits} digits of its largest "
        "value, so that other machines give the same files."
    ),
    "float32": mark(
        "32-bit floating point on a CPU. Another machine gives slightly other numbers."
    ),
}


def colophon_page(project: Project, book: BookInfo, views: ExperimentViews) -> ColophonPage:
    """Return the page with the model, the seeds, versions and licences."""
    source = project.source
    model = [
        Fact(gettext("Name"), source.name),
        Fact(gettext("Source"), f"{source.kind}: {source.location}"),
    ]
    if source.revision:
        model.append(Fact(gettext("Revision"), source.revision))
    model.append(Fact(gettext("Weights"), hex_digest(project.fingerprint.weights)))
    model.append(Fact(gettext("Arithmetic"), gettext(ARITHMETIC[project.precision], digits=DIGITS)))
    licences = list(vendored_licences())
    if source.kind == "bundle":
        title = gettext("The weights of {model}", model=source.name)
        licences.append(Licence(title, "Apache-2.0", APACHE_LICENCE_TEXT))
    return ColophonPage(
        model=tuple(model),
        versions=(Fact("layerbook", __version__), *_library_versions(views)),
        seeds=tuple(_seeds(views)),
        rebuild=rebuild_commands(project),
        licences=tuple(licences),
        quantization=quantization(source),
        originals=any(view.experiment.original for view in views.values()),
        previous=book.chapters[-1].link if book.chapters else None,
    )


def rebuild_commands(project: Project) -> tuple[str, ...]:
    """Return the commands that build a book: `make site` if its sources include Layerbook."""
    if (project.root / SOURCE_FOLDER).is_dir():
        return "make site", "layerbook verify", "make test"
    has_own_code = any(is_own(type(each.analysis)) for each in project.experiments())
    return (
        f"pip install 'path/to/layerbook-{__version__}[model]'",
        *(("layerbook trust .",) if has_own_code else ()),
        "layerbook build",
        "layerbook verify",
    )


def quantization(source: sources.ModelSource) -> str:
    """Describe the precision of stored weights, as far as known; empty if they are not GGUF."""
    if not isinstance(source, sources.GGUFSource):
        return ""
    storage = sources.STORAGE_NOTES.get(source.digest())
    if storage is None:
        return f"{gettext(GGUF_NOTE)} {gettext(MAYBE_QUANTISED_NOTE)}"
    how = gettext("The file stores {storage}.", storage=gettext(storage))
    return f"{gettext(GGUF_NOTE)} {how} {gettext(QUANTISED_NOTE)}"


def _library_versions(views: ExperimentViews) -> list[Fact]:
    """Return the versions of libraries that the results were measured with."""
    versions = defaultdict(set)
    for view in views.values():
        if view.envelope:
            for name, version in view.envelope.key.versions.items():
                versions[name].add(version)
    return [Fact(name, ", ".join(sorted(versions[name]))) for name in sorted(versions)]


def _seeds(views: ExperimentViews) -> list[Fact]:
    """Return the seeds that matter; at temperature 0 nothing is random."""
    seeds = []
    for view in views.values():
        spec = view.experiment.spec()
        if spec.get("temperature") != 0:
            seeds += [
                Fact(view.address, f"{name} {value}")
                for name, value in spec.items()
                if name.endswith("seed") and value is not None
            ]
            if "draws" in spec and "seed" not in spec:  # such analyses count their seeds from 0
                seeds.append(Fact(view.address, f"seeds 0–{spec['draws'] - 1}"))
    return seeds
