"""What `verify` found, as the colophon shows it: from the committed record alone."""

from __future__ import annotations

from collections.abc import Sequence

from layerbook.store import verification
from layerbook.site.prose.markup import escape_text
from layerbook.site.tokens_html import table_html
from layerbook.core.errors import StoreError
from layerbook.core.figures import Table
from layerbook.store.project import Project, ExperimentStatus
from layerbook.core.progress import pluralize
from layerbook.store import results
from layerbook.runner.timings import address_of
from layerbook.store.verification import format_power_of_ten

TITLE = "Computed again"
CHANGED_SINCE = "not verified since it changed"
NOT_VERIFIED = "not verified"
ROUNDING_TITLE = "Digits that would turn"


def verification_sections(project: Project, statuses: Sequence[ExperimentStatus]) -> tuple[tuple[str, str], ...]:
    """A heading and, under it, the verdict on each experiment; nothing where the book was never verified.

    Raises StoreError for a damaged record.
    """
    record = verification.read_record(project)
    if not record.entries:
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
    current = not {CHANGED_SINCE, NOT_VERIFIED} & {row[1] for row in rows}
    turned = _rounding_html(record.text_changes) if current and record.text_changes is not None else ""
    return ((TITLE, f"<p>{escape_text(about)}</p>\n{table_html(table, TITLE)}{turned}"),)


def _rounding_html(turned: Sequence[verification.TextChange]) -> str:
    """What stays within the tolerance and shows all the same: digits that round the other way."""
    if not turned:
        return "\n<p>Laid out from those runs, every page read as from the results of this book.</p>"
    about = (
        "A number near the middle between two roundings can show another last digit, and agree none the less. Laid out "
        f"from those runs, the pages read as from the results of this book but for {pluralize(len(turned), 'place')}."
    )
    rows = tuple((one.place, one.old, one.new, ", ".join(map(str, one.threads))) for one in turned)
    table = Table(("Place", "Here", "Run again", "Threads"), rows)
    return f"\n<p>{escape_text(about)}</p>\n{table_html(table, ROUNDING_TITLE)}"


def _row(project: Project, status: ExperimentStatus, record: verification.VerificationRecord) -> tuple[str, str, str, str]:
    address = address_of(status.experiment)
    entry = record.entries.get(address)
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
