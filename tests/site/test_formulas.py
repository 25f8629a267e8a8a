"""Formulas become MathML at build time, or an error."""

from __future__ import annotations

import subprocess
import sys

import pytest
from fixtures.sample_chapter import context
from layerbook.site.prose import formulas
from layerbook.site.prose.formulas import MathError, MathRenderer, escape_tex, math_css
from layerbook.site.prose.render import render_chapter


class DictCache:
    """A cache in a dictionary."""

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
        (r"x^2", '<math><msup><mi>x</mi><mn class="tml-sml-pad">2</mn></msup></math>'),
        (r"\mathbb{R}^{d}", "<math><msup><mi>ℝ</mi><mi>d</mi></msup></math>"),
        (
            r"\operatorname*{argmax}",
            "<math><mrow><mi>argmax</mi><mo>\u2061</mo>"
            '<mspace width="0.1667em"></mspace></mrow></math>',
        ),
    ],
)
def test_renders_small_formulas(tex: str, mathml: str) -> None:
    """The MathML is compared letter by letter."""
    assert MathRenderer().render(tex, display=False) == mathml


def test_aligned_equations_are_a_table() -> None:
    """`aligned` has rows and cells, without stray ampersands."""
    html = MathRenderer().render(r"\begin{aligned} a &= b \\ c &= d\end{aligned}", display=True)
    assert html.count("<mtr>") == 2
    assert html.count("<mtd") == 4
    assert "&" not in html


@pytest.mark.parametrize(
    "tex",
    [
        r"\frac{1",
        r"\notacommand",
        r"a & b",
        r"\href{http://a.b}{x}",
        r"\includegraphics{x.png}",
        "{",
    ],
)
def test_rejects_invalid_formulas(tex: str) -> None:
    """No page shows TeX in red."""
    with pytest.raises(MathError, match=r"^[A-Z][ -~]+$"):
        MathRenderer().render(tex, display=True)


def test_styles_become_classes() -> None:
    """The policy forbids inline styles; the stylesheet has a rule for each class."""
    renderer = MathRenderer()
    html = renderer.render(
        r"\begin{cases} 1 & x>0\\ 0 & \text{else}\end{cases} \color{red} x", display=True
    )
    assert "style=" not in html
    assert "color:#ff0000;" in math_css(renderer.css_rules)
    names = {
        line.split()[0].removeprefix(".") for line in math_css(renderer.css_rules).splitlines()
    }
    assert names
    assert all(name in html for name in names)


def test_cached_formulas_need_no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Their styles are cached too."""
    cache, tex = DictCache(), r"\begin{cases} 1 & 2\end{cases}"
    first = MathRenderer(cache)
    html = first.render(tex, display=True)
    monkeypatch.setattr(formulas, "_engine", lambda: pytest.fail("the engine was started"))
    second = MathRenderer(cache)
    assert second.render(tex, display=True) == html
    assert second.css_rules == first.css_rules != {}


def test_text_in_formulas_is_escaped() -> None:
    """No value can end its `\text` or start a command."""
    html = MathRenderer().render(escape_tex(r"}\frac{1}{2}^_~$#&%<i>"), display=False)
    assert "<mfrac" not in html
    assert "<i>" not in html
    assert (
        MathRenderer().render(escape_tex("10,000"), display=False) == "<math><mn>10,000</mn></math>"
    )


def test_renders_inside_and_after_an_event_loop() -> None:
    """The engine may start in a running loop and outlives it. It runs in a separate process,
    since V8 crashes if it is started twice.
    """
    script = """
import asyncio
from layerbook.site.prose.formulas import MathRenderer

async def render_inside():
    return MathRenderer().render("a", display=False)

assert asyncio.run(render_inside()) == "<math><mi>a</mi></math>"
assert MathRenderer().render("b", display=False) == "<math><mi>b</mi></math>"
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize(
    ("prose", "mathml"),
    [
        (r"$\textcolor{#c00}{x}$", MathRenderer().render(r"\textcolor{#c00}{x}", display=False)),
        (r"$\{{{ 3 }}\}$ {# c #}", MathRenderer().render(r"\{3\}", display=False)),
        (r"$\{\# x\}$", MathRenderer().render(r"\{\# x\}", display=False)),
    ],
)
def test_tex_braces_are_not_jinja(prose: str, mathml: str) -> None:
    """A color is not a comment, and an escaped brace starts no value."""
    assert mathml in render_chapter(prose, "x.md", context()).html


def test_display_formulas_stand_in_paragraphs() -> None:
    """A paragraph cannot contain a block."""
    html = render_chapter("Before $$ a=b $$ after.", "x.md", context()).html
    assert 'display="block"' in html and "$" not in html and "<div" not in html


def test_errors_are_printable() -> None:
    """JavaScript may cut an emoji in half."""
    with pytest.raises(MathError) as caught:
        MathRenderer().render("😀", display=False)
    str(caught.value).encode()
