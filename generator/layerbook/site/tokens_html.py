"""Tokens, passages and tables as HTML: what the book draws with words rather than as a picture."""

from __future__ import annotations

import csv
import io
import math
from itertools import chain
from numbers import Integral, Real
from typing import Protocol, TypeGuard, runtime_checkable

from layerbook.site.prose.markup import Inline, clean_text, escape_text
from layerbook.core.figures import TableValue, Passage, Table, TokenStrip
from layerbook.core.tokens import Token, visible

MAX_ROWS = 400
MAX_COLUMNS = 40
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


@runtime_checkable
class _TokenLike(Protocol):
    id: int
    text: str
    hex: str


def as_token(value: object) -> Token:
    """The token that a value is or carries (a `Token`, a `Ranked`, anything with id, text and hex).

    Raises TypeError for anything else.
    """
    if isinstance(value, Token):
        return value
    inner = getattr(value, "token", None)
    if isinstance(inner, Token):
        return inner
    if isinstance(value, _TokenLike):
        return Token(value.id, value.text, value.hex, bool(getattr(value, "special", False)))
    raise TypeError(f"a token is needed here, not {value!r}")


def _whitespace_html(raw: str, shown: str) -> str:
    """Escaped `shown`, the marks that stand for whitespace set apart from real dots and arrows."""
    if len(raw) != len(shown):
        return escape_text(shown)
    return "".join(
        f'<span class="ws">{escape_text(after)}</span>' if before != after else escape_text(after)
        for before, after in zip(raw, shown, strict=True)
    )


def token_facts(token: Token, position: int | None = None) -> str:
    """What a token is, one fact a line: its id, the bytes of its piece, and where it stands, if that is known."""
    lines = [f"{'special token' if token.special else 'token'} {token.id}"]
    if token.hex:
        found = bytes.fromhex(token.hex)
        lines.append(f"{'byte' if len(found) == 1 else 'bytes'} {found.hex(' ').upper()}")
    return "\n".join(lines + ([] if position is None else [f"position {position}"]))


def chip(token: Token, position: int | None = None) -> Inline:
    """One token as a chip; its tooltip says what it is (`token_facts`), which tokens.js shows to all."""
    shown = visible(token)
    kind = "tok special" if token.special else "tok"
    body = _whitespace_html(token.text, shown) if shown else '<span class="nothing">empty</span>'
    return Inline(
        f'<span class="{kind}" title="{escape_text(token_facts(token, position))}">{body}</span>',
        clean_text(shown),
    )


def verbatim(text: str) -> Inline:
    """A piece of text with its whitespace drawn, in the typeface of tokens."""
    shown = [c if c == "\N{REPLACEMENT CHARACTER}" else visible(Token(-1, c, "00")) for c in text]
    body = "".join(_whitespace_html(raw, drawn) for raw, drawn in zip(text, shown, strict=True))
    return Inline(f'<code class="verbatim">{body}</code>', clean_text("".join(shown)))


def strip_html(strip: TokenStrip) -> str:
    """Each row of tokens as an ordered list of chips with their ids beneath; a continuation is marked."""
    starts = strip.prompt_length or (None,) * len(strip.rows)
    rows = [
        _strip_row(name, row, start, strip.text)
        for (name, row), start in zip(strip.rows, starts, strict=True)
    ]
    return f'<div class="strip">{"".join(rows)}</div>'


def _strip_row(name: str, row: tuple[Token, ...], start: int | None, text: bool) -> str:
    cells = []
    for i, token in enumerate(row):
        seam = '<span class="visually-hidden">written by the model: </span>' if i == start else ""
        kind = "chip written" if start is not None and i >= start else "chip"
        shown = chip(token, i if text else None).html
        cells.append(f'<li class="{kind}">{seam}{shown}<span class="tok-id">{token.id}</span></li>')
    label = f'<p class="strip-label">{verbatim(name).html}</p>' if name else ""
    return f'<div class="strip-row">{label}<ol class="chips">{"".join(cells)}</ol></div>'


def passage_html(passage: Passage) -> str:
    """The text as it is, in a block of its own."""
    return f'<pre class="passage"><code>{escape_text(passage.text)}</code></pre>'


def cell_number(value: float) -> str:
    """A number in a table: integers in full, others to four significant digits."""
    if isinstance(value, Integral):
        return str(int(value)).replace("-", "−")
    number = float(value)
    if not math.isfinite(number):
        return "–" if math.isnan(number) else ("∞" if number > 0 else "−∞")
    if number and not 1e-4 <= abs(number) < 1e7:
        mantissa, exponent = f"{number:.2e}".split("e")
        return f"{mantissa}e{int(exponent)}".replace("-", "−")
    return (f"{number:.0f}" if abs(number) >= 1000 else f"{number:.4g}").replace("-", "−")


def table_html(table: Table, name: str = "The numbers") -> str:
    """The table in a scroll box of its own, at most 400 rows by 40 columns, and a line about what is left out."""
    width = max(chain((len(table.columns),), (len(row) for row in table.rows)))
    columns = (table.columns + ("",) * (width - len(table.columns)))[:MAX_COLUMNS]
    first = table.rows[0] if table.rows else ()
    numeric = [i < len(first) and _is_number(first[i]) for i in range(len(columns))]
    head = "".join(_heading(c, n) for c, n in zip(columns, numeric, strict=True))
    body = "".join(_row_html(row[:MAX_COLUMNS], len(columns)) for row in table.rows[:MAX_ROWS])
    cuts = [
        f"first {most} of {count} {what}"
        for most, count, what in (
            (MAX_ROWS, len(table.rows), "rows"),
            (MAX_COLUMNS, width, "columns"),
        )
        if count > most
    ]
    note = f'<p class="cut">The {" and the ".join(cuts)}; all are in the CSV.</p>' if cuts else ""
    return (
        f'<div class="scroll table-scroll" role="region" tabindex="0" aria-label="{escape_text(name)}">'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{note}"
    )


def _heading(name: str, numeric: bool) -> str:
    if not name:
        return "<td></td>"
    return (
        f'<th scope="col" class="n">{escape_text(name)}</th>'
        if numeric
        else f'<th scope="col">{escape_text(name)}</th>'
    )


def _row_html(row: tuple[TableValue | Token, ...], width: int) -> str:
    cells = []
    for i in range(width):
        cell = row[i] if i < len(row) else ""
        # The first cell names the row where it is a name; a number there is only one more number.
        opening, closing = (
            ('<th scope="row">', "</th>")
            if i == 0 and cell != "" and not _is_number(cell)
            else ("", "")
        )
        if isinstance(cell, Token):
            cells.append(f"{opening or '<td>'}{chip(cell).html}{closing or '</td>'}")
        elif _is_number(cell):
            cells.append(f'<td class="n">{cell_number(cell)}</td>')
        else:
            cells.append(f"{opening or '<td>'}{escape_text(str(cell))}{closing or '</td>'}")
    return f"<tr>{''.join(cells)}</tr>"


def _is_number(cell: object) -> TypeGuard[int | float]:
    return isinstance(cell, Real) and not isinstance(cell, bool)


def table_csv(table: Table) -> str:
    """RFC 4180, all rows, numbers in full precision; text that a spreadsheet would run gets a leading apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([_csv_cell(c) for c in table.columns])
    writer.writerows([_csv_cell(c) for c in row] for row in table.rows)
    return out.getvalue()


def _csv_cell(cell: TableValue | Token) -> str:
    if _is_number(cell):
        return repr(int(cell) if isinstance(cell, Integral) else float(cell))
    text = visible(cell) if isinstance(cell, Token) else str(cell)
    guarded = f"'{text}" if text.startswith(_FORMULA_STARTS) else text
    return guarded.encode("utf-8", "replace").decode("utf-8")
