"""Render TeX as MathML with Temml, in an embedded V8 that starts only for a new formula.

The pages forbid inline styles, so the few that Temml writes become classes; see `math_css`.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from functools import cache, partial
from importlib.resources import files
from queue import SimpleQueue
from typing import Any
from xml.etree import ElementTree

from layerbook.core.errors import LayerbookError
from layerbook.site.prose.markup import clean_text
from layerbook.store.cache import WorkingCache

TEMML = "temml-0.13.5"
_RENDER_JS = """
function layerbookMath(tex, display) {
  try {
    const options = {displayMode: display, throwOnError: true, strict: true, trust: false};
    return JSON.stringify({html: temml.renderToString(tex, options)});
  } catch (error) { return JSON.stringify({error: String(error.message || error)}); }
}
"""
_STYLED_TAG = re.compile(
    r'<(?P<name>[a-z]+)(?P<before>[^<>]*?) style="(?P<style>[^"<>]*)"(?P<after>[^<>]*)>'
)
_CLASS = re.compile(r' class="([^"]*)"')
_RULE = re.compile(r"[a-z-]+:[^;{}<>\\]+")
_COMBINING = re.compile("[\u0300-\u036f]")
_TEX_ESCAPES = str.maketrans(
    {char: rf"\{char}" for char in "#$%&_{}"}
    | {"\\": r"\backslash ", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}"}
)
_NUMBER = re.compile(r"[−-]?[0-9][0-9,.]*")


class MathError(LayerbookError):
    """A formula that cannot be rendered."""


def escape_tex(text: str) -> str:
    """Return a value as TeX: a number as it is, any other text upright and escaped."""
    if _NUMBER.fullmatch(text):
        return text.replace("−", "-").replace(",", "{,}")
    # A backslash cannot be written inside \text, so it goes between two of them.
    parts = (part.translate(_TEX_ESCAPES) for part in text.split("\\"))
    return r"\backslash ".join(rf"\text{{{part}}}" for part in parts)


def formula_text(markup: str) -> str:
    """Return a formula's MathML as a line of text: `softmax(q·k/√d)`."""
    return " ".join(_element_text(ElementTree.fromstring(markup)).split())


def _element_text(element: ElementTree.Element) -> str:
    name = element.tag.rpartition("}")[2]
    parts = [_element_text(child) for child in element]
    match name, parts:
        case "annotation", _:
            return ""
        case "mfrac", [above, below]:
            return f"{above}/{below}"
        case "msqrt", _:
            return f"√{''.join(parts)}"
        case "msup", [base, power]:
            return f"{base}^{power}"
        case "mspace", _:
            return " "
        case _:
            return (element.text or "") + "".join(parts)


def math_css(rules: Mapping[str, str]) -> str:
    """Return the rules of the classes that replace inline styles."""
    return "".join(f".{name} {{ {rule} }}\n" for name, rule in sorted(rules.items()))


class MathRenderer:
    """Renders formulas; `css_rules` are the rules of the classes used so far."""

    def __init__(self, cache: WorkingCache | None = None) -> None:
        self._cache = cache
        self.css_rules: dict[str, str] = {}

    def render(self, tex: str, *, display: bool) -> str:
        """Return the MathML of a formula. Raises MathError."""
        tex = clean_text(tex)
        key = f"{TEMML}:{'display' if display else 'inline'}:{tex}"
        cached = self._cache.get_blob("math", key) if self._cache else None
        html = _temml(tex, display=display) if cached is None else cached.decode()
        if cached is None and self._cache:
            self._cache.put_blob("math", key, html.encode())
        return _STYLED_TAG.sub(self._style_to_class, html)

    def _style_to_class(self, tag: re.Match[str]) -> str:
        attributes = tag["before"] + tag["after"]
        rules = [rule for rule in tag["style"].split(";") if rule and rule != "display:block math"]
        for rule in rules:
            if not _RULE.fullmatch(rule):
                raise MathError(f"this formula needs a style that pages do not allow: {rule}")
        if rules:
            declarations = "; ".join(rules) + ";"
            name = "m-" + hashlib.sha256(declarations.encode()).hexdigest()[:8]
            self.css_rules[name] = declarations
            if _CLASS.search(attributes):
                attributes = _CLASS.sub(rf' class="\1 {name}"', attributes)
            else:
                attributes = f' class="{name}"{attributes}'
        return f"<{tag['name']}{attributes}>"


def _temml(tex: str, *, display: bool) -> str:
    answer = _engine().render(tex, display=display)
    if "error" in answer:
        # Temml marks the place with combining characters, on a line that repeats the formula.
        message = answer["error"].strip().splitlines()[0].rstrip(" :")
        raise MathError(clean_text(_COMBINING.sub("", message)))
    html = answer["html"]
    is_math = re.fullmatch(r"<math\b.*</math>", html, re.DOTALL)
    if not is_math or "merror" in html or "temml-error" in html:
        raise MathError("the formula cannot be rendered")
    return html


@cache
def _engine() -> _TemmlEngine:
    return _TemmlEngine()


class _TemmlEngine:
    """Temml in V8, in a thread of its own, where V8 is also closed.

    In the caller's thread, V8 would attach to a running event loop; closed from another thread than
    its own, it crashes. The thread is a daemon, so that it still runs at exit.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[tuple[Future[Any], Callable[[], Any]]] = SimpleQueue()
        threading.Thread(target=self._work, name="math", daemon=True).start()
        self._racer = self._run(self._start)
        atexit.register(lambda: self._run(self._racer.close))

    def render(self, tex: str, *, display: bool) -> dict[str, str]:
        """Return Temml's answer: `html` or `error`."""
        call = partial(self._racer.call, "layerbookMath", tex, display)
        answer: dict[str, str] = json.loads(self._run(call))
        return answer

    def _run(self, call: Callable[[], Any]) -> Any:
        future: Future[Any] = Future()
        self._calls.put((future, call))
        return future.result()

    def _work(self) -> None:
        while True:
            future, call = self._calls.get()
            try:
                future.set_result(call())
            except Exception as error:
                future.set_exception(error)

    @staticmethod
    def _start() -> Any:
        from py_mini_racer import MiniRacer

        racer = MiniRacer()
        script = files("layerbook.site").joinpath("vendor", f"{TEMML}.min.js")
        racer.eval(script.read_text(encoding="utf-8"))
        racer.eval(_RENDER_JS)
        return racer
