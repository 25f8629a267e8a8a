"""Formulas: MathML at build time, or an error."""

from __future__ import annotations

import asyncio

import pytest
from layerbook.site.prose import math
from layerbook.site.prose.math import MathError, MathRenderer, escape_tex, math_css


class Memory:
    """A blob cache in a dictionary."""

    def __init__(self) -> None:
        self.blobs: dict[tuple[str, str], bytes] = {}

    def get_blob(self, kind: str, key: str) -> bytes | None:
        return self.blobs.get((kind, key))

    def put_blob(self, kind: str, key: str, data: bytes) -> None:
        self.blobs[kind, key] = data


@pytest.mark.parametrize(
    ("tex", "mathml"),
    [
        (r"\sqrt{d}", "<math><msqrt><mi>d</mi></msqrt></math>"),
        (r"x^2", "<math><msup><mi>x</mi><mn class=\"tml-sml-pad\">2</mn></msup></math>"),
        (r"\mathbb{R}^{d}", "<math><msup><mi>ℝ</mi><mi>d</mi></msup></math>"),
        (
            r"\operatorname*{argmax}",
            '<math><mrow><mi>argmax</mi><mo>\u2061</mo><mspace width="0.1667em"></mspace></mrow></math>',
        ),
    ],
)  # fmt: skip
def test_golden(tex: str, mathml: str) -> None:
    """Small formulas, letter for letter."""
    assert MathRenderer().render(tex, display=False) == mathml


def test_aligned_equations_are_a_table() -> None:
    """`aligned`, which other converters get wrong without a word, has rows and cells and no stray
    ampersand.
    """
    html = MathRenderer().render(r"\begin{aligned} a &= b \\ c &= d\end{aligned}", display=True)
    assert html.count("<mtr>") == 2
    assert html.count("<mtd") == 4
    assert "&" not in html


@pytest.mark.parametrize(
    "tex", [r"\frac{1", r"\notacommand", r"a & b", r"\href{http://a.b}{x}", r"\includegraphics{x.png}", "{"]
)
def test_what_cannot_be_set_is_an_error(tex: str) -> None:
    """Never a page with red source in it."""
    with pytest.raises(MathError, match=r"^[A-Z][ -~]+$"):
        MathRenderer().render(tex, display=True)


def test_styles_become_classes() -> None:
    """The pages forbid inline styles: each becomes a class, and the sheet has its rule."""
    renderer = MathRenderer()
    html = renderer.render(r"\begin{cases} 1 & x>0\\ 0 & \text{else}\end{cases} \color{red} x", display=True)
    assert "style=" not in html
    assert "color:#ff0000;" in math_css(renderer.css_rules)
    names = {line.split()[0].removeprefix(".") for line in math_css(renderer.css_rules).splitlines()}
    assert names
    assert all(name in html for name in names)


def test_a_known_formula_starts_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the cache holds is not rendered again, and needs the same styles."""
    memory, tex = Memory(), r"\begin{cases} 1 & 2\end{cases}"
    first = MathRenderer(memory)
    html = first.render(tex, display=True)
    monkeypatch.setattr(math, "_engine", lambda: pytest.fail("the engine was started"))
    second = MathRenderer(memory)
    assert second.render(tex, display=True) == html
    assert second.css_rules == first.css_rules != {}


def test_text_in_a_formula() -> None:
    """No value can end its `\\text` or begin a command."""
    html = MathRenderer().render(escape_tex(r"}\frac{1}{2}^_~$#&%<i>"), display=False)
    assert "<mfrac" not in html
    assert "<i>" not in html
    assert MathRenderer().render(escape_tex("10,000"), display=False) == "<math><mn>10,000</mn></math>"


def test_formulas_are_set_inside_an_event_loop_and_after_it() -> None:
    """The engine may start while somebody's event loop runs, and outlives it."""

    async def inside() -> str:
        return MathRenderer().render("a", display=False)

    math._engine.cache_clear()
    assert asyncio.run(inside()) == "<math><mi>a</mi></math>"
    assert MathRenderer().render("b", display=False) == "<math><mi>b</mi></math>"
