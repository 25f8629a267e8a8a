"""Prose about the model that runs in the page, in books with and without such pages."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from fixtures.sample_chapter import context
from layerbook.core.errors import SpecError
from layerbook.site.blocks import LiveModel
from layerbook.site.pages import ChapterBody
from layerbook.site.prose.live_code import live_functions
from layerbook.site.prose.render import render_chapter

MODEL = LiveModel("tiny", 1_000_000, 2_000_000, "ab" * 32, "00", ("assets/a.js",))


def render(prose: str, model: LiveModel | None = MODEL) -> ChapterBody:
    return render_chapter(prose, "x.md", replace(context(), live=model))


def test_box_is_rendered_only_if_the_model_can_run() -> None:
    """Only the page of a box gets the wider content policy."""
    body = render('{{ own_text("lens") }}')
    assert 'data-kind="lens"' in body.html
    assert body.runs_model
    without = render('{{ own_text("lens") }}', None)
    assert "own-text" not in without.html
    assert not without.runs_model


def test_link_to_the_page_is_plain_text_without_it() -> None:
    """An initial text is encoded; `live_page` supports alternatives."""
    prose = '{{ try_page("Try <it>", "a & b") }}{% if live_page() %}, here{% endif %}'
    assert '<a href="try.html#text=a%20%26%20b">Try &lt;it&gt;</a>, here' in render(prose).html
    assert "<p>Try &lt;it&gt;</p>" in render(prose, None).html


@pytest.mark.parametrize(
    ("prose", "message"),
    [
        ('{{ own_text("lense") }}', "cannot show 'lense' (did you mean 'lens'?)"),
        ('{{ live_source("Model.mpl") }}', "no function 'Model.mpl' (did you mean 'Model.mlp'?)"),
        ("{{ live_source() }}", "needs the name of a function"),
    ],
)
def test_wrong_names_are_errors(prose: str, message: str) -> None:
    """With the nearest name."""
    with pytest.raises(SpecError) as caught:
        render(prose)
    assert message in str(caught.value)


def test_every_function_of_the_model_can_be_shown() -> None:
    """With its comment, up to its closing brace."""
    functions = live_functions()
    assert {"normalize", "Model.pass", "Model.attention"} <= functions.keys()
    assert "*pass(ids" in functions["Model.pass"]
    for code in functions.values():
        assert code.count("{") == code.count("}")
        assert code.endswith("\n}\n")
    html = render('{{ live_source("normalize") }}').html
    assert "normalize(" in re.sub("<[^>]*>", "", html)
