"""What `verify` found, as the colophon shows it: from the committed record alone."""

from __future__ import annotations

from collections.abc import Sequence

from layerbook.store import verification
from layerbook.site.prose.markup import escape_text
from layerbook.site.tokens_html import table_html
from layerbook.core.errors import StoreError
from layerbook.core.figures import Table
from layerbook.store.freshness import ExperimentStatus
from layerbook.store.project import Project
from layerbook.core.text import pluralize
from layerbook.store import results
from layerbook.store.verification import format_power_of_ten

TITLE = "Computed again"
CHANGED_SINCE = "not verified since it changed"
NOT_VERIFIED = "not verified"


def verification_sections(project: Project, statuses: Sequence[ExperimentStatus]) -> tuple[tuple[str, str], ...]:
    """A heading and, under it, the verdict on each experiment; nothing where the book was never verified.

    Raises StoreError for a damaged record.
    """
    record = verification.read_record(project)
    if not record.experiments:
        return ()
    rows = tuple(_row(project, one, record) for one in statuses)
    agree = sum(row[1] == "agrees" for row in rows)
    absolute, relative = record.tolerance["absolute"], record.tolerance["relative"]
    about = (
        "Each experiment was run again from nothing, once for each number of threads, and compared with the numbers of "
        "this book. Names, tokens, ranks and counts must be equal; a measured number may be off by "
        f"{format_power_of_ten(absolute)} plus {format_power_of_ten(relative)} of its size. Of {pluralize(len(rows), 'experiment')}, {agree} "
        f"{'agrees' if agree == 1 else 'agree'}. The gap is the largest between two numbers of an experiment, told as "
        "the power of ten it stays within."
    )
    table = Table(("Experiment", "Verdict", "Largest gap", "Threads"), rows)
    return ((TITLE, f"<p>{escape_text(about)}</p>\n{table_html(table, TITLE)}"),)


def _row(project: Project, status: ExperimentStatus, record: verification.VerificationRecord) -> tuple[str, str, str, str]:
    address = status.experiment.address
    entry = record.experiments.get(address)
    if entry is None:
        return address, NOT_VERIFIED, "", ""
    try:
        digest = results.read_header(project.result_path(status.experiment)).digest
    except StoreError:
        digest = ""
    if digest != entry.digest:
        return address, CHANGED_SINCE, "", ""
    verdict = entry.verdict + (f" at {entry.place}" if entry.place else "")
    return address, verdict, format_power_of_ten(entry.gap) if entry.gap else "none", ", ".join(map(str, entry.threads))
