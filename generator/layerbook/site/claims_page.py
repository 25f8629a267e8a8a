"""The list of all claims: what holds, on which model, and how far each is from turning over.

Beside the book's own model stand the others whose results lie under experiments/results, as far as they were measured
for the specs as they are now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from layerbook.site.prose.render import render_caption
from layerbook.site.claim_words import margin_words
from layerbook.site.prose.markup import Inline, escaped
from layerbook.site.prose.math import MathRenderer
from layerbook.site.pages import ClaimRow, ClaimsOfChapter, ClaimsPage, Judged, ModelColumn, NavChapter
from layerbook.book.claims.check import CheckError, Verdict
from layerbook.core.errors import SpecError, StoreError, UsageError
from layerbook.site.experiment_view import Exhibit
from layerbook.site.chapter_views import claim_id, evidence
from layerbook.store.project import Project, Work
from layerbook.store import results

Exhibits = Mapping[str, Exhibit]


@dataclass(frozen=True)
class Model:
    """A model and its results, by the address of the experiment."""

    name: str
    digest: str
    exhibits: Exhibits


def other_models(project: Project, work: Sequence[Work]) -> tuple[Model, ...]:
    """Models with results of the book's experiments under experiments/results, the book's own left out, by name."""
    found = []
    for folder in project.other_models():
        exhibits: dict[str, Exhibit] = {}
        digests: set[str] = set()
        for one in work:
            exhibit, digest = _of_model(folder.name, one, project)
            exhibits[exhibit.address] = exhibit
            digests |= {digest} if digest else set()
        if digests:
            found.append(Model(folder.name, ", ".join(sorted(digests)), exhibits))
    return tuple(found)


def _of_model(model: str, work: Work, project: Project) -> tuple[Exhibit, str]:
    """An experiment with another model's result, where it was measured by this code for this spec; its weights."""
    experiment = work.experiment
    path = results.path_of(project.results, model, experiment.chapter, experiment.id)
    try:
        head = results.head(path)
        if stale := [c for c in ("spec", "code") if getattr(head.key, c) != getattr(work.key, c)]:
            return Exhibit(experiment, None, f"stale ({', '.join(stale)})"), ""
        return Exhibit(experiment, results.load(path, experiment.analysis.result_type)), head.key.weights
    except StoreError as error:
        missing = isinstance(error, results.EntryError) and error.reason == "missing"
        return Exhibit(experiment, None, "no result" if missing else "unreadable"), ""


def names_of(exhibit: Exhibit, exhibits: Exhibits) -> dict[str, Any]:
    """What the checks and sentences of an experiment may ask for."""

    def result(name: str) -> Any:
        other = exhibits[_address(name, exhibit)]
        if other.envelope is None:
            raise UsageError(f"{other.address}: {other.trouble}")
        return other.envelope.result

    return {"result": exhibit.envelope.result if exhibit.envelope else None, "r": result}


def decided(exhibit: Exhibit, index: int, exhibits: Exhibits) -> Verdict | str:
    """The verdict on a claim, or what keeps one from it: a result that is not there.

    Raises CheckError where the check does not fit the results.
    """
    check = exhibit.experiment.claims[index].check
    for address in (exhibit.address, *(_address(one.name, exhibit) for one in check.references)):
        needed = exhibits[address]
        if needed.envelope is None:
            trouble = needed.trouble.partition(": `")[0]  # what it is, without what helps
            return trouble if needed is exhibit else f"{address}: {trouble}"
    names = names_of(exhibit, exhibits)
    return check.evaluate(names["result"], names["r"])


def _address(name: str, exhibit: Exhibit) -> str:
    return name if "/" in name else f"{exhibit.experiment.chapter}/{name}"


def claims_page(
    models: Sequence[Model], chapters: Sequence[NavChapter], places: Mapping[str, Set[str]], math: MathRenderer
) -> ClaimsPage:
    """The page; `models` begins with the book's own, `places` has the ids of the claims that each chapter shows.

    Raises SpecError for each check that cannot be decided on the book's own model.
    """
    listed = []
    for chapter in chapters:
        own = [e for e in models[0].exhibits.values() if e.experiment.chapter == chapter.name]
        rows = [_row(e, i, models, places, math) for e in own for i in range(len(e.experiment.claims))]
        if rows:
            listed.append(ClaimsOfChapter(chapter.name, chapter.number, chapter.title, chapter.href, tuple(rows)))
    judged = [row.judged for chapter in listed for row in chapter.rows]
    columns = [ModelColumn(m.name, m.digest, _counts([row[i] for row in judged])) for i, m in enumerate(models)]
    return ClaimsPage(tuple(columns), tuple(listed))


def _row(
    exhibit: Exhibit, index: int, models: Sequence[Model], places: Mapping[str, Set[str]], math: MathRenderer
) -> ClaimRow:
    experiment = exhibit.experiment
    claim = experiment.claims[index]
    sentence: str | Inline = Inline(escaped(claim.says), claim.says)
    try:
        own = decided(exhibit, index, models[0].exhibits)
    except CheckError as error:
        raise SpecError([claim.problem(experiment.file, error)]) from error
    if isinstance(own, Verdict):
        names = names_of(exhibit, models[0].exhibits)
        sentence = render_caption(claim.says, experiment.file, claim.line, names, math)
    return ClaimRow(
        id=claim_id(exhibit, index, ""),
        sentence=sentence,
        check=claim.check.text,
        values=own.values if isinstance(own, Verdict) else (),
        evidence=evidence(experiment),
        experiment=exhibit.address,
        judged=(_judged(own), *(_elsewhere(model, exhibit.address, index) for model in models[1:])),
        href=_place(exhibit, index, places),
    )


def _elsewhere(model: Model, address: str, index: int) -> Judged:
    """Another model's judgement; a check that does not fit its result is told here, since it stops no book."""
    try:
        return _judged(decided(model.exhibits[address], index, model.exhibits))
    except CheckError as error:
        return Judged("open", note=error.message)


def _judged(found: Verdict | str) -> Judged:
    if isinstance(found, str):
        return Judged("open", note=found)
    close = found.margin is not None and found.margin.close
    return Judged("holds" if found.holds else "fails", margin_words(found), close)


def _place(exhibit: Exhibit, index: int, places: Mapping[str, Set[str]]) -> str | None:
    """Where the claim is shown: on its own chapter's page, else on the first that shows it."""
    own = exhibit.experiment.chapter
    for chapter in sorted(places, key=lambda name: name != own):
        if (id := claim_id(exhibit, index, chapter)) in places[chapter]:
            return f"{chapter}.html#{id}"
    return None


def _counts(judged: Sequence[Judged]) -> tuple[tuple[str, str], ...]:
    """How many hold, do not, only just do either, and are undecided; of the last two only where there are any."""
    states = [one.state for one in judged]
    close, undecided = sum(one.close for one in judged), states.count("open")
    found = [("Claims", len(judged)), ("Hold", states.count("holds")), ("Do not hold", states.count("fails"))]
    found += [("Hold or fail only just", close)] if close else []
    found += [("Not decided", undecided)] if undecided else []
    return tuple((label, str(count)) for label, count in found)
