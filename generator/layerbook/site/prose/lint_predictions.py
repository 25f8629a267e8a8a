"""Predictions as they stand in the source: their words, which are prose, and what says which choice came true."""

from __future__ import annotations

import re

from jinja2 import TemplateSyntaxError, nodes

from layerbook.site.prose.render import prose_environment
from layerbook.core.errors import Problem

PREDICT_CALL = re.compile(r"\{%[-+]?\s*call\s+predict\s*\(")


def blank_except_text(tag: str) -> str:
    """A `{% call predict(...) %}` with everything blanked but the words of its question, its choices and its title.

    As many characters as there were, line ends kept; of any other tag, and of a broken one, nothing is left.
    """
    blank = re.sub(r"[^\n]", " ", tag)
    if not PREDICT_CALL.match(tag):
        return blank
    try:
        lexed = list(prose_environment().lex(f"{tag}{{% endcall %}}"))
    except TemplateSyntaxError:
        return blank
    return _keep_strings(lexed, blank)


def _keep_strings(lexed: list[tuple[int, str, str]], blank: str) -> str:
    """The strings that stand in the call itself or in a list of it, not in another call, nor in `right`."""
    at, argument, before = 0, "", ""
    inside: list[str] = []
    for _, kind, text in lexed:
        if kind == "operator" and text in ("(", "["):
            inside.append("[" if text == "[" else f"{before}(")
        elif kind == "operator" and text in (")", "]") and inside:
            inside.pop()
        elif inside == ["predict("] and text == ",":
            argument = ""
        elif inside == ["predict("] and text == "=":
            argument = before
        elif kind == "string" and inside in (["predict("], ["predict(", "["]) and argument != "right":
            blank = f"{blank[: at + 1]}{text[1:-1]}{blank[at + len(text) - 1 :]}"
        at += len(text)
        before = text if kind != "whitespace" else before
    return blank


def find_typed_answers(source: str, file: str) -> tuple[Problem, ...]:
    """Predictions whose right choice is written out, where a result should say it; SyntaxErrors are for others."""
    try:
        tree = prose_environment().parse(source)
    except TemplateSyntaxError:
        return ()
    problems = []
    for call in (block.call for block in tree.find_all(nodes.CallBlock)):
        if not (isinstance(call.node, nodes.Name) and call.node.name == "predict"):
            continue
        given = [*call.args[2:3], *(one.value for one in call.kwargs if one.key == "right")]
        for value in given:
            if not isinstance(value, nodes.Name) and value.find(nodes.Name) is None:
                what = "predict(): which choice came true is typed; let it follow from a result"
                problems.append(Problem(file, value.lineno, 1, what))
    return tuple(problems)
