"""TeX to MathML at build time, by Temml in an embedded V8 that starts only when a formula is new.

The pages forbid inline styles, so the few that Temml writes become classes; `math_css` has them.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from layerbook.core.errors import LayerbookError

TEMML = "temml-0.13.5"
_RENDER_JS = """
function layerbookMath(tex, display) {
  try {
    const options = {displayMode: display, throwOnError: true, strict: true, trust: false};
    return JSON.stringify({html: temml.renderToString(tex, options)});
  } catch (error) { return JSON.stringify({error: String(error.message || error)}); }
}
"""
_STYLE = re.compile(r' style="([^"]*)"')
_CLASS = re.compile(r' class="([^"]*)"')
_TAG = re.compile(r"<[a-z][^>]*>")
_RULE = re.compile(r"[a-z-]+:[^;{}<>\\]+")
_TEX_ESCAPES = str.maketrans(
    {c: rf"\{c}" for c in "#$%&_{}"} | {"\\": r"\backslash ", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
)
_NUMBER = re.compile(r"[−-]?[0-9][0-9,.]*")


class MathError(LayerbookError):
    """A formula that cannot be set; the text is what is wrong with it."""


class BlobCache(Protocol):
    """Where rendered formulas may be kept between builds."""

    def get_blob(self, kind: str, key: str) -> bytes | None:
        """What was put, or None."""

    def put_blob(self, kind: str, key: str, data: bytes) -> None:
        """Keep it."""


def escape_tex(text: str) -> str:
    """A value inside a formula: a number as it is, anything else as upright text that no TeX can hide in."""
    if _NUMBER.fullmatch(text):
        return text.replace("−", "-").replace(",", "{,}")
    # A backslash cannot be written inside \\text, so it stands between two of them.
    return r"\backslash ".join(rf"\text{{{part.translate(_TEX_ESCAPES)}}}" for part in text.split("\\"))


def math_css(rules: Mapping[str, str]) -> str:
    """The rules for the classes that stand for inline styles."""
    return "".join(f".{name} {{ {rule} }}\n" for name, rule in sorted(rules.items()))


class MathRenderer:
    """Renders formulas; `rules` are the styles that those rendered so far need, by class."""

    def __init__(self, cache: BlobCache | None = None) -> None:
        self._cache = cache
        self.css_rules: dict[str, str] = {}

    def render(self, tex: str, display: bool) -> str:
        """MathML for a formula; raises MathError where TeX or our rules refuse it."""
        key = f"{TEMML}:{'display' if display else 'inline'}:{tex}"
        known = self._cache.get_blob("math", key) if self._cache else None
        html = known.decode("utf-8") if known is not None else _temml(tex, display)
        if known is None and self._cache:
            self._cache.put_blob("math", key, html.encode("utf-8"))
        return _TAG.sub(lambda match: self._without_style(match.group()), html)

    def _without_style(self, tag: str) -> str:
        style = _STYLE.search(tag)
        if not style:
            return tag
        rules = [r for r in style.group(1).split(";") if r and r != "display:block math"]
        tag = _STYLE.sub("", tag)
        if bad := [r for r in rules if not _RULE.fullmatch(r)]:
            raise MathError(f"this formula asks for a style the book cannot give: {bad[0]}")
        if not rules:
            return tag
        rule = "; ".join(rules) + ";"
        name = "m-" + hashlib.sha256(rule.encode()).hexdigest()[:8]
        self.css_rules[name] = rule
        if _CLASS.search(tag):
            return _CLASS.sub(lambda m: f' class="{m.group(1)} {name}"', tag)
        return re.sub(r"^<[a-z]+", lambda m: f'{m.group()} class="{name}"', tag)


def _temml(tex: str, display: bool) -> str:
    answer = _engine().render(tex, display)
    if "error" in answer:
        # Temml underlines the place with combining characters, on a line that repeats the formula.
        message = answer["error"].strip().splitlines()[0].rstrip(" :")
        raise MathError(re.sub("[\u0300-\u036f]", "", message))
    html = str(answer["html"])
    if not re.fullmatch(r"<math\b.*</math>", html, re.DOTALL) or "merror" in html or "temml-error" in html:
        raise MathError("the formula cannot be set")
    return html


@cache
def _engine() -> _TemmlEngine:
    return _TemmlEngine()


class _TemmlEngine:
    """Temml in V8, on a thread of its own: V8 would tie itself to any event loop that runs on the caller's."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="math")
        self._racer = self._thread.submit(self._start).result()
        # Left to the interpreter's own end, its loop may already be gone and closing would wait for ever.
        atexit.register(self._close)

    def _close(self) -> None:
        self._racer.close()
        del self._racer  # now: later the modules are gone that its finaliser needs

    @staticmethod
    def _start() -> Any:
        from py_mini_racer import MiniRacer

        racer = MiniRacer()
        racer.eval(files("layerbook.site").joinpath("vendor", f"{TEMML}.min.js").read_text(encoding="utf-8"))
        racer.eval(_RENDER_JS)
        return racer

    def render(self, tex: str, display: bool) -> Any:
        """What the wrapper answers: `html` or `error`."""
        return json.loads(self._thread.submit(self._racer.call, "layerbookMath", tex, display).result())
