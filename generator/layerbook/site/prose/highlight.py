"""Code as HTML: Pygments gives the classes, the book's own colours come from CSS variables."""

from __future__ import annotations

import textwrap
from typing import Literal

from layerbook.site.prose.markup import clean_text

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


def code_html(source: str, language: Literal["python", "yaml"]) -> str:
    """Dedented and highlighted source, in a scroll box of its own."""
    from pygments import highlight  # type: ignore[import-untyped]
    from pygments.formatters import HtmlFormatter  # type: ignore[import-untyped]
    from pygments.lexers import PythonLexer, YamlLexer  # type: ignore[import-untyped]

    lexer = PythonLexer() if language == "python" else YamlLexer()
    text = textwrap.dedent(clean_text(source)).strip("\n") + "\n"
    body: str = highlight(text, lexer, HtmlFormatter(nowrap=True))
    label = "Python source" if language == "python" else "YAML"
    return f'<pre class="code scroll" role="group" tabindex="0" aria-label="{label}"><code>{body.rstrip()}</code></pre>'


def highlight_css() -> str:
    """One rule per role (`--code-keyword` and so on) over all the classes Pygments may write for it."""
    from pygments.token import STANDARD_TYPES  # type: ignore[import-untyped]

    classes: dict[str, list[str]] = {}
    for kind, name in sorted(STANDARD_TYPES.items(), key=lambda item: item[1]):
        dotted = str(kind).removeprefix("Token.")
        role = next((r for prefix, r in _ROLES.items() if dotted == prefix or dotted.startswith(f"{prefix}.")), None)
        if name and role:
            classes.setdefault(role, []).append(f".code .{name}")
    return "".join(f"{', '.join(names)} {{ color: var(--code-{role}); }}\n" for role, names in sorted(classes.items()))
