"""Tokens, passages and tables as HTML, tables as CSV."""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from numbers import Integral, Real
from typing import Any, TypeGuard

from layerbook.core.figures import Label, Passage, Share, Table, TableValue, TokenStrip, label_text
from layerbook.core.language import gettext, localized
from layerbook.core.text import NARROW_SPACE
from layerbook.core.tokens import Token, visible
from layerbook.site.prose.markup import Inline, clean_text, escape_text

MAX_ROWS = 400
MAX_COLUMNS = 40
_UNBROKEN = 30
"""Characters of a text that stays on one line; a phone has about forty in a line."""
# Characters that a spreadsheet may skip before a formula or treat as the end of a cell; some
# locales use the semicolon.
_SEPARATORS = frozenset(",;|\t\r\n")
_SKIPPED = r"[\s,;|\"\0\u200b\ufeff]"
_FORMULA = re.compile(rf"(?<!{_SKIPPED})({_SKIPPED}*+)(?=[=+\-@＝＋－＠﹦﹢﹣﹫])")
_NUMBER = re.compile(r"[-+]\d+(?:\.\d*)?(?:[eE][-+]?\d+)?[\])}\"\s.]*(?=[,;|\t\r\n]|\Z)")


def as_token(value: object) -> Token:
    """Return the token that a value is, or carries as `token` or as id, text and hex.

    Raises TypeError for anything else.
    """
    if isinstance(value, Token):
        return value
    inner = getattr(value, "token", None)
    if isinstance(inner, Token):
        return inner
    if all(hasattr(value, name) for name in ("id", "text", "hex")):
        parts: Any = value
        return Token(parts.id, parts.text, parts.hex, bool(getattr(value, "special", False)))
    raise TypeError(f"expected a token, not {value!r}")


def _whitespace_html(raw: str, shown: str) -> str:
    """Escape `shown`, and mark the characters that stand for whitespace in `raw`."""
    if len(raw) != len(shown):
        return escape_text(shown)
    return "".join(
        f'<span class="ws">{escape_text(after)}</span>' if before != after else escape_text(after)
        for before, after in zip(raw, shown, strict=True)
    )


def token_facts(token: Token, position: int | None = None) -> str:
    """Return the id, bytes and position of a token, one per line."""
    name = gettext("special token {id}") if token.special else gettext("token {id}")
    lines = [name.format(id=token.id)]
    if token.hex:
        data = bytes.fromhex(token.hex)
        name = gettext("byte {bytes}") if len(data) == 1 else gettext("bytes {bytes}")
        lines.append(name.format(bytes=data.hex(" ").upper()))
    if position is not None:
        lines.append(gettext("position {position}", position=position))
    return "\n".join(lines)


def chip(token: Token, position: int | None = None) -> Inline:
    """Return a token as a chip with its `token_facts` as tooltip."""
    shown = visible(token)
    css_class = "tok special" if token.special else "tok"
    title = escape_text(token_facts(token, position))
    nothing = f'<span class="nothing">{escape_text(gettext("empty"))}</span>'
    body = _whitespace_html(token.text, shown) if shown else nothing
    html = f'<span class="{css_class}" title="{title}">{body}</span>'
    return Inline(html, clean_text(shown))


def show_token(token: object) -> Inline:
    """Return the chip of a token, or of a value that carries one. Raises TypeError."""
    return chip(as_token(token))


def verbatim(text: str) -> Inline:
    """Return a text with visible whitespace, in the typeface of tokens."""
    shown = [c if c == "\N{REPLACEMENT CHARACTER}" else visible(Token(-1, c, "00")) for c in text]
    body = "".join(
        _whitespace_html(raw, visible_text) for raw, visible_text in zip(text, shown, strict=True)
    )
    css_class = "verbatim short" if sum(map(len, shown)) <= _UNBROKEN else "verbatim"
    return Inline(f'<code class="{css_class}">{body}</code>', clean_text("".join(shown)))


def strip_html(strip: TokenStrip) -> str:
    """Return each row as a list of chips, with their ids or values beneath.

    Marks the model's own tokens; values also choose one of ten shades.
    """
    starts = strip.prompt_length or (None,) * len(strip.rows)
    shades = strip.shades() or ((),) * len(strip.rows)
    notes = [tuple(map(strip.value_axis.cell, row)) for row in strip.values] or shades
    rows = []
    for (name, row), start, shade, values in zip(strip.rows, starts, shades, notes, strict=True):
        zeros = needs_zeros(values)
        numbers = [cell_number(value, keep_zeros=zeros) for value in values]
        beneath = numbers or [str(token.id) for token in row]
        items = []
        for i, token in enumerate(row):
            is_written = start is not None and i >= start
            css_class = "chip written" if is_written else "chip"
            css_class += f" shade-{round(9 * shade[i])}" if shade else ""
            body = chip(token, i if strip.text else None).html
            note = _written_note() if i == start else ""
            under = f'<span class="tok-id">{beneath[i]}</span>'
            items.append(f'<li class="{css_class}">{note}{body}{under}</li>')
        label = f'<p class="strip-label">{verbatim(name).html}</p>' if name else ""
        rows.append(f'<div class="strip-row">{label}<ol class="chips">{"".join(items)}</ol></div>')
    return f'<div class="strip">{"".join(rows)}</div>'


def _written_note() -> str:
    """Return what screen readers say before the first token that the model wrote."""
    spoken = escape_text(gettext("written by the model: "))
    return f'<span class="visually-hidden">{spoken}</span>'


def passage_html(passage: Passage) -> str:
    """Return a text in a preformatted block."""
    return f'<pre class="passage"><code>{escape_text(passage.text)}</code></pre>'


def needs_zeros(cells: Iterable[object]) -> bool:
    """Return whether the numbers of a column keep zeros at their end: if one needs four digits."""
    return any(_has_four_digits(cell) for cell in cells if _is_number(cell))


def _has_four_digits(number: float) -> bool:
    """Return whether a number has decimals, and no zero at the end of its four digits."""
    size = abs(float(number)) * (100 if isinstance(number, Share) else 1)
    if isinstance(number, Integral) or not 1e-4 <= size < 999.95:
        return False
    return cell_number(number) == cell_number(number, keep_zeros=True)


def cell_number(value: float, *, keep_zeros: bool = False) -> str:
    """Format a number of a table: integers in full, others with four significant digits.

    Shares are in percent. keep_zeros: also zeros at the end: `0.5000`.
    """
    if isinstance(value, Share):
        return f"{cell_number(100 * value, keep_zeros=keep_zeros)}{NARROW_SPACE}%"
    if isinstance(value, Integral):
        return str(int(value)).replace("-", "−")
    number = float(value)
    if not math.isfinite(number):
        return "–" if math.isnan(number) else ("∞" if number > 0 else "−∞")
    if number and not 1e-4 <= abs(number) < 1e7:
        mantissa, exponent = f"{number:.2e}".split("e")
        return localized(f"{mantissa}e{int(exponent)}").replace("-", "−")
    if abs(number) >= 999.95:
        text = f"{number:.0f}"
    else:
        text = f"{number:#.4g}" if keep_zeros and number else f"{number:.4g}"
    return localized(text).replace("-", "−")


def table_html(table: Table, name: str = "") -> str:
    """Return a table in a scroll box, cut to MAX_ROWS and MAX_COLUMNS with a note."""
    width = max([len(table.columns), *(len(row) for row in table.rows)])
    columns = (table.columns + ("",) * (width - len(table.columns)))[:MAX_COLUMNS]
    first = table.rows[0] if table.rows else ()
    head = "".join(
        _heading(column, numeric=i < len(first) and _is_number(first[i]))
        for i, column in enumerate(columns)
    )
    rows = [row[:MAX_COLUMNS] for row in table.rows[:MAX_ROWS]]
    zeros = [needs_zeros(column) for column in zip_longest(*rows)]
    body = "".join(_row_html(row, len(columns), zeros) for row in rows)
    note = _cut_note(len(table.rows), width)
    attributes = (
        f'role="region" tabindex="0" aria-label="{escape_text(name or gettext("The numbers"))}"'
    )
    return (
        f'<div class="scroll table-scroll" {attributes}>'
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>{note}"
    )


def _cut_note(rows: int, columns: int) -> str:
    """Return a note on how much of a table is shown; nothing if all of it is."""
    if rows <= MAX_ROWS and columns <= MAX_COLUMNS:
        return ""
    if columns <= MAX_COLUMNS:
        message = gettext("The first {shown_rows} of {rows} rows; all are in the CSV.")
    elif rows <= MAX_ROWS:
        message = gettext("The first {shown_columns} of {columns} columns; all are in the CSV.")
    else:
        message = gettext(
            "The first {shown_rows} of {rows} rows and the first {shown_columns} of {columns} "
            "columns; all are in the CSV."
        )
    text = message.format(
        rows=rows, columns=columns, shown_rows=MAX_ROWS, shown_columns=MAX_COLUMNS
    )
    return f'<p class="cut">{escape_text(text)}</p>'


def _heading(name: str, *, numeric: bool) -> str:
    if not name:
        return "<td></td>"
    css_class = ' class="n"' if numeric else ""
    return f'<th scope="col"{css_class}>{escape_text(name)}</th>'


def _row_html(row: tuple[TableValue | Label, ...], width: int, zeros: Sequence[bool]) -> str:
    """Return a row. zeros: the columns whose numbers keep zeros at their end."""
    cells = [_cell_html(cell, is_first=i == 0, keep_zeros=zeros[i]) for i, cell in enumerate(row)]
    return f"<tr>{''.join(cells)}{'<td></td>' * (width - len(cells))}</tr>"


def _cell_html(cell: TableValue | Label, *, is_first: bool, keep_zeros: bool) -> str:
    if _is_number(cell):
        return f'<td class="n">{cell_number(cell, keep_zeros=keep_zeros)}</td>'
    text = _label_html(cell) if isinstance(cell, Token | tuple) else escape_text(str(cell))
    # A first cell with text is the heading of its row.
    return f'<th scope="row">{text}</th>' if is_first and cell != "" else f"<td>{text}</td>"


def _label_html(label: Label) -> str:
    """Return the label with its tokens as chips; a text that is not an entry (id -1) stays text."""
    if isinstance(label, tuple):
        return "".join(map(_label_html, label))
    if isinstance(label, Token) and label.id >= 0:
        return chip(label).html
    return escape_text(label_text(label))


def _is_number(cell: object) -> TypeGuard[int | float]:
    return isinstance(cell, Real) and not isinstance(cell, bool)


def table_csv(table: Table) -> str:
    """Return all rows as RFC 4180: numbers in full precision, tokens as their text.

    Text that a spreadsheet would run as a formula gets an apostrophe in front; a number does not.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerows([_csv_cell(cell) for cell in row] for row in (table.columns, *table.rows))
    return out.getvalue()


def _csv_cell(cell: TableValue | Label | None) -> str:
    if _is_number(cell):
        return repr(int(cell) if isinstance(cell, Integral) else float(cell))
    if cell is None:
        return ""
    text = _real_text(cell) if isinstance(cell, str | Token | tuple) else str(cell)
    return _without_formulas(text).encode("utf-8", "replace").decode("utf-8")


def _without_formulas(text: str) -> str:
    """Put an apostrophe before each formula, but not before numbers."""

    def guard(match: re.Match[str]) -> str:
        begins_cell = match.start() == 0 or _SEPARATORS & set(match[1])
        is_number = _NUMBER.match(text, match.end())
        return f"{match[1]}'" if begins_cell and not is_number else match[1]

    safe = _FORMULA.sub(guard, text)
    return f"'{safe}" if safe.startswith(("\t", "\r")) else safe


def _real_text(label: Label) -> str:
    """Return the text of a label; part of a character has none, and is written as bytes."""
    if isinstance(label, tuple):
        return "".join(map(_real_text, label))
    if isinstance(label, str):
        return label
    return visible(label) if "\N{REPLACEMENT CHARACTER}" in label.text else label.text
