"""Code as HTML: Pygments sets the classes, CSS variables of the book the colors."""

from __future__ import annotations

import re
import textwrap

from layerbook.core.errors import did_you_mean
from layerbook.core.language import gettext, mark
from layerbook.site.prose.colors import Allowance, TakesTooLongError
from layerbook.site.prose.markup import clean_text, escape_text
from layerbook.site.prose.pictures import MERMAID

OWN_LANGUAGES = {
    "python": mark("Python source"),
    "yaml": "YAML",
    "javascript": mark("JavaScript source"),
}
"""The languages of the book's own listings, with their names for screen readers."""
_MAX_COLORED = 30_000
"""Characters of a listing in colors."""
_LONG = re.compile(r"[^\n]{500}|\s{150}")
"""Long lines and runs of whitespace, for which many lexers take quadratic time."""

_ROLES = {
    "comment": ("Comment",),
    "keyword": ("Keyword", "Operator.Word", "Name.Tag"),
    "string": ("Literal.String",),
    "number": ("Literal.Number", "Literal.Date"),
    "name": ("Name.Function", "Name.Class", "Name.Decorator", "Name.Builtin"),
}
"""The colors, and the kinds of tokens of Pygments that have them."""


class ListingError(Exception):
    """A listing in an unknown language, or one that takes too long."""


def check_language(language: str) -> None:
    """Raise ListingError, with the nearest name, for a language that is not highlighted."""
    from pygments.lexers import find_lexer_class_by_name, get_all_lexers
    from pygments.util import ClassNotFound

    if language == "mermaid":
        raise ListingError(MERMAID)
    try:
        find_lexer_class_by_name(language)
    except ClassNotFound as error:
        names = {alias for _, aliases, *_ in get_all_lexers() for alias in aliases}
        hint = did_you_mean(language, sorted(n for n in names if n[:1] == language[:1]))
        message = f"no language named {language!r}{hint}; without a name, it is plain text"
        raise ListingError(message) from error


def code_html(source: str, language: str, allowance: Allowance | None = None) -> str:
    """Return dedented source in its own scroll box, in colors unless that may take long.

    allowance: the time that the listings of the page have left.

    Raises ListingError for an unknown language, and for a listing whose colors take long.
    """
    from pygments.lexers import get_lexer_by_name

    check_language(language)
    lexer = get_lexer_by_name(language)
    text = textwrap.dedent(clean_text(source)).strip("\n") + "\n"
    is_long = len(text) > _MAX_COLORED or _LONG.search(text)
    name = "text" if is_long else lexer.aliases[0]
    try:
        body = (allowance or Allowance()).color(text, name)
    except TakesTooLongError as error:
        advice = "shorten the listings of the page" if name == "text" else "use `text`"
        message = f"highlighting this listing as {name} takes too long; {advice}"
        raise ListingError(message) from error
    label = escape_text(gettext(OWN_LANGUAGES.get(language) or lexer.name))
    box = f'role="group" tabindex="0" aria-label="{label}"'
    return f'<pre class="code scroll" {box}><code>{body.rstrip()}</code></pre>'


def highlight_css() -> str:
    """Return one rule per role (`--code-keyword` and so on) over all classes that Pygments sets."""
    from pygments.token import STANDARD_TYPES, string_to_tokentype

    rules = []
    for role, kinds in sorted(_ROLES.items()):
        parents = [string_to_tokentype(kind) for kind in kinds]
        names = sorted(
            f".code .{name}"
            for kind, name in STANDARD_TYPES.items()
            if any(kind in parent for parent in parents)
        )
        rules.append(f"{', '.join(names)} {{ color: var(--code-{role}); }}\n")
    return "".join(rules)
