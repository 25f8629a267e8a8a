"""The claims of experiments, with their verdicts and sentences on one model's results."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from layerbook.book.claims.check import CheckError, Verdict
from layerbook.book.contents import Claim
from layerbook.core.analysis import Result
from layerbook.core.errors import SpecError
from layerbook.core.language import gettext
from layerbook.site import blocks
from layerbook.site.experiment_view import (
    ExperimentView,
    ExperimentViews,
    name_on_page,
    names_for_text,
)
from layerbook.site.prose import filters
from layerbook.site.prose.captions import render_caption
from layerbook.site.prose.chapter_text import TextPiece
from layerbook.site.prose.formulas import MathRenderer
from layerbook.site.prose.markup import Inline, escape_text

# An unclosed tag runs to the end, or else each opening would search the rest of the text again.
_VALUE = re.compile(r"\{\{.*?(?:\}\}|\Z)|\{%.*?(?:%\}|\Z)", re.DOTALL)


@dataclass(frozen=True)
class ModelClaim:
    """A claim, to be judged by the results of one model.

    views: the book's experiments with these results.
    index: its place among the claims of the experiment at `address`.
    """

    views: ExperimentViews
    address: str
    index: int

    @property
    def view(self) -> ExperimentView:
        """The experiment that the claim is about."""
        return self.views[self.address]

    @property
    def claim(self) -> Claim:
        """The sentence and the check, as the spec has them."""
        return self.view.experiment.claims[self.index]

    @property
    def needed_addresses(self) -> list[str]:
        """The experiments whose results the check needs, its own first."""
        references = self.claim.check.references
        return [self.address, *(self.view.resolve(reference.name) for reference in references)]

    def id(self, chapter: str = "") -> str:
        """Return its HTML id on the page of a chapter or, without one, in the list of claims."""
        return f"claim-{name_on_page(self.address, chapter, self.views)}-{self.index}"

    def judge(self) -> blocks.Judgement:
        """Check the claim; it is open if a result is missing, inapplicable if there can be none.

        Raises CheckError if the check does not fit the results.
        """
        for address in self.needed_addresses:
            view = self.views[address]
            if view.envelope is None:
                reason = view.unavailable_reason.partition(": `")[0]  # without the remedy
                note = reason if address == self.address else f"{address}: {reason}"
                return blocks.Judgement("inapplicable" if view.inapplicable else "open", note=note)
        names = names_for_text(self.view, self._result)
        verdict = self.claim.check.evaluate(names["result"], names["r"])
        return blocks.Judgement(
            "holds" if verdict.holds else "fails",
            describe_margin(verdict),
            close=verdict.margin is not None and verdict.margin.close,
            values=verdict.values,
        )

    def judge_own(self) -> blocks.Judgement:
        """Judge a claim on the book's own model. Raises SpecError at the check."""
        try:
            return self.judge()
        except CheckError as error:
            raise SpecError([self.claim.problem(error)]) from error

    def sentence(self, judgement: blocks.Judgement, math: MathRenderer) -> Inline:
        """Return the sentence; unless the claim is decided, dots stand for its values.

        Raises SpecError if it cannot be rendered.
        """
        claim, file = self.claim, self.view.experiment.file
        if judgement.decided:
            names = names_for_text(self.view, self._result)
            return render_caption(TextPiece(file, claim.line, claim.says), names, math)
        words = _VALUE.sub("…", claim.says)
        return Inline(escape_text(words), words)

    def for_page(self, chapter: str, math: MathRenderer) -> blocks.ClaimView:
        """Return the claim with its verdict on the book's model, for the page of a chapter.

        Raises SpecError at its line if it cannot be judged or rendered.
        """
        judgement = self.judge_own()
        return blocks.ClaimView(
            sentence=self.sentence(judgement, math),
            check=self.claim.check.text,
            judgement=judgement,
            id=self.id(chapter),
            claims_href=f"claims.html#{self.id()}",
        )

    def _result(self, address: str) -> Result:
        return self.views[address].result


def claims_of(views: ExperimentViews) -> Iterable[ModelClaim]:
    """Return all claims of a book, in its order."""
    return (
        ModelClaim(views, view.address, index)
        for view in views.values()
        for index in range(len(view.experiment.claims))
    )


def describe_margin(verdict: Verdict) -> str:
    """Return `holds by 0.21 (34 %)`, `fails by 3`, or `exact` if there is no margin.

    Leaves out a share that means nothing, because one side is zero or their signs differ.
    """
    margin, holds = verdict.margin, verdict.holds
    if margin is None:
        return gettext("exact")
    if margin.absolute == 0:
        return gettext("holds with nothing to spare" if holds else "fails with nothing to spare")
    distance = format_quantity(margin.absolute)
    words = gettext("holds by {distance}" if holds else "fails by {distance}", distance=distance)
    if margin.relative >= 1:
        return words
    return f"{words} ({filters.percent(margin.relative, 0 if margin.relative >= 0.1 else 1)})"


def format_quantity(number: float) -> str:
    """Format a distance with two significant digits, integers in full."""
    if number.is_integer() and number < 1e15:
        return filters.integer(int(number))
    if not 1e-4 <= number < 1e15:
        return filters.scientific(number)
    return filters.num(number, max(0, 1 - math.floor(math.log10(number))))
