"""A text on its way through the model: a picture for each stage, drawn from results."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from layerbook.core.errors import UsageError, did_you_mean
from layerbook.core.language import gettext, localized
from layerbook.site.prose.filters import percent
from layerbook.site.prose.markup import Inline, escape_text
from layerbook.site.tokens_html import as_token, chip

USAGE = '{{ journey([{"title": "Tokens", "href": "tokenization.html", "text": "...", ...}]) }}'
MAX_NUMBERS = 12  # of each vector
MAX_ITEMS = 16  # in one picture: the last of a text's tokens, or the likeliest
_PAGE = re.compile(r"[a-z0-9][a-z0-9-]*\.html(?:#[\w-]+)?")
_TEXT_KEYS = ("title", "href", "text")


@dataclass(frozen=True)
class Stage:
    """A stage of the journey: its link, its text, and its picture with a description."""

    title: str
    href: str
    text: str | Inline
    picture_html: str
    alt: str


class Picture(NamedTuple):
    """The picture of a stage; one of plain text needs no description."""

    html: str
    alt: str = ""


def make_stages(value: object) -> tuple[Stage, ...]:
    """Return the stages that prose describes. Raises UsageError."""
    if not isinstance(value, Sequence) or isinstance(value, str) or not value:
        raise UsageError(f"journey() needs a list of stages: {USAGE}")
    return tuple(_make_stage(number, stage) for number, stage in enumerate(value, start=1))


def _make_stage(number: int, stage: object) -> Stage:
    if not isinstance(stage, Mapping):
        raise UsageError(f"journey(): stage {number} should be a mapping: {USAGE}")
    for key in _TEXT_KEYS:
        if not isinstance(stage.get(key), str | Inline):
            raise UsageError(f"journey(): stage {number} has no {key!r}")
    keys = (*_TEXT_KEYS, *_PICTURES, "labels")
    for key in stage:
        if key not in keys:
            hint = did_you_mean(str(key), keys)
            raise UsageError(f"journey(): stage {number} has the unknown key {key!r}{hint}")
    kinds = [kind for kind in _PICTURES if kind in stage]
    if len(kinds) != 1:
        raise UsageError(f"journey(): stage {number} needs one of {', '.join(_PICTURES)}")
    content, labels = stage[kinds[0]], stage.get("labels", ())
    for value in (content, labels):
        is_list = isinstance(value, Sequence) and not isinstance(value, str)
        if not is_list or (kinds[0] == "widths" and len(value) > MAX_ITEMS):
            rule = f"a list of at most {MAX_ITEMS}" if is_list else "a list"
            raise UsageError(f"journey(): {kinds[0]} of stage {number} should be {rule}")
    shown = slice(MAX_ITEMS) if kinds[0] == "top" else slice(-MAX_ITEMS, None)
    picture = _PICTURES[kinds[0]](content[shown], labels[shown])
    title, href, text = (stage[key] for key in _TEXT_KEYS)
    if not _PAGE.fullmatch(str(href)):
        raise UsageError(f"journey(): stage {number} leads to {str(href)!r}, which is not a page")
    return Stage(str(title), str(href), text, picture.html, picture.alt)


def _tokens(tokens: Sequence[object], _: object) -> Picture:
    chips = [chip(as_token(token)) for token in tokens]
    return Picture(f'<p class="stage-tokens">{" ".join(chip.html for chip in chips)}</p>')


def _vectors(rows: Sequence[Sequence[float]], _: object) -> Picture:
    """Draw a column for each token, a cell for each of its first numbers, the sign as color."""
    shown = [list(row[:MAX_NUMBERS]) for row in rows]
    largest = max((abs(value) for row in shown for value in row), default=0.0) or 1.0
    cells = [
        f'<rect class="{"plus" if value >= 0 else "minus"}" x="{16 * x}" y="{9 * y}" width="12" '
        f'height="8" fill-opacity="{abs(value) / largest:.2f}"/>'
        for x, row in enumerate(shown)
        for y, value in enumerate(row)
    ]
    count = len(shown[0]) if shown else 0
    alt = gettext(
        "The first {count} numbers of {vectors} vectors, darker for larger ones",
        count=count,
        vectors=len(rows),
    )
    return Picture(_svg(16 * len(shown) - 4, 9 * count, cells), alt)


def _attention(weights: Sequence[float], labels: Sequence[object]) -> Picture:
    """Draw an arc from the last token to each token, as thick as its share."""
    last, names = len(weights) - 1, [str(as_token(label).text).strip() for label in labels]
    shares = [percent(weight, 0) for weight in weights]
    parts = []
    for x, weight in enumerate(weights):
        start, end = 44 * x + 20, 44 * last + 20
        height = 70 - 15 * (last - x)
        path = f"M{end} 82C{end} {height} {start} {height} {start} 82"
        parts.append(f'<path class="arc" d="{path}" stroke-width="{1 + 9 * weight:.1f}"/>')
        parts.append(f'<circle class="dot" cx="{start}" cy="86" r="4"/>')
        name = names[x][:8] if x < len(names) else ""
        for y, text in ((106, name), (122, shares[x])):
            label = escape_text(text)
            parts.append(f'<text x="{start}" y="{y}" text-anchor="middle">{label}</text>')
    pairs = zip(names, shares, strict=False)
    alt = gettext(
        "What the last token attends to: {shares}", shares=", ".join(map(" ".join, pairs))
    )
    return Picture(_svg(44 * len(weights) - 4, 126, parts), alt)


def _widths(widths: Sequence[int], _: object) -> Picture:
    """Draw a bar for each width, one below the other."""
    largest = max(widths, default=0) or 1
    numbers = [localized(f"{width:,}") for width in widths]
    parts = []
    for y, (width, number) in enumerate(zip(widths, numbers, strict=True)):
        length = 150 * width / largest
        parts.append(
            f'<rect class="bar" x="{(160 - length) / 2:.1f}" y="{36 * y}" width="{length:.1f}" '
            f'height="16" rx="3"/><text x="80" y="{36 * y + 29}" text-anchor="middle">'
            f"{number}</text>"
        )
    alt = gettext("Widths: {widths}", widths=", ".join(numbers))
    return Picture(_svg(160, 36 * len(widths), parts), alt)


def _top(tokens: Sequence[object], _: object) -> Picture:
    """Draw the likeliest tokens, with their probabilities as bars."""
    rows = []
    for token in tokens:
        prob = getattr(token, "prob", None)
        share = escape_text(percent(prob, 0))  # raises TypeError unless it is a number
        length = max(100 * float(prob or 0), 0.5)
        bar = (
            '<svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">'
            f'<rect class="bar" width="{length:.1f}" height="10"/></svg>'
        )
        rows.append(f"<li>{chip(as_token(token)).html} {bar} <b>{share}</b></li>")
    return Picture(f'<ol class="stage-top">{"".join(rows)}</ol>')


def _svg(width: float, height: float, parts: Sequence[str]) -> str:
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{"".join(parts)}</svg>'


_PICTURES: Mapping[str, Callable[..., Picture]] = {
    "tokens": _tokens,
    "vectors": _vectors,
    "weights": _attention,
    "widths": _widths,
    "top": _top,
}
