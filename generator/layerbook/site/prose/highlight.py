"""Code as HTML: Pygments sets the classes, CSS variables of the book the colours."""

from __future__ import annotations

import textwrap

from layerbook.site.prose.markup import clean_text

LANGUAGES = {"python": "Python source", "yaml": "YAML", "javascript": "JavaScript source"}
"""The languages that are highlighted, with their names for screen readers."""

_ROLES = {
    "Comment": "comment",
    "Keyword": "keyword",
    "Operator.Word": "keyword",
    "Name.Tag": "keyword",
    "Literal.String": "string",
    "Literal.Number": "number",
    "Literal.Date": "number",
    "Name.Function": "name",
    "Name.Class": "name",
    "Name.Decorator": "name",
    "Name.Builtin": "name",
}


def code_html(source: str, language: str) -> str:
    """Return dedented, highlighted source in a scroll box of its own."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import get_lexer_by_name

    text = textwrap.dedent(clean_text(source)).strip("\n") + "\n"
    body = str(highlight(text, get_lexer_by_name(language), HtmlFormatter(nowrap=True))).rstrip()
    box = f'role="group" tabindex="0" aria-label="{LANGUAGES[language]}"'
    return f'<pre class="code scroll" {box}><code>{body}</code></pre>'


def highlight_css() -> str:
    """Return one rule per role (`--code-keyword` and so on) over all classes that Pygments sets."""
    from pygments.token import STANDARD_TYPES

    classes: dict[str, list[str]] = {}
    for kind, name in sorted(STANDARD_TYPES.items(), key=lambda item: item[1]):
        role = _role(f"{kind}.".removeprefix("Token."))
        if name and role:
            classes.setdefault(role, []).append(f".code .{name}")
    return "".join(
        f"{', '.join(names)} {{ color: var(--code-{role}); }}\n"
        for role, names in sorted(classes.items())
    )


def _role(kind: str) -> str | None:
    return next((role for prefix, role in _ROLES.items() if kind.startswith(f"{prefix}.")), None)
