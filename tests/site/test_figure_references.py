"""Figures referred to by number, on the same page and on others."""

from __future__ import annotations

from pathlib import Path

from fixtures.small_book import layerbook, write_small_book


def test_numbers_are_those_of_the_figures(tmp_path: Path, tiny_model_dir: Path) -> None:
    """They follow when an edit renumbers an unchanged chapter."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    prose = book / "templates" / "chapters" / "words.md"
    text = prose.read_text(encoding="utf-8")
    call = '{{ ref("cut", "tokens") }} and {{ ref("next/pattern", "prompt-0-layer-1-mean") }}'
    prose.write_text(f"{text}\nSee {call}.\n", encoding="utf-8")
    layerbook("check", cwd=book, check=True)
    layerbook("build", "--jobs", "1", cwd=book, check=True)
    page = (book / "site" / "words.html").read_text(encoding="utf-8")
    own = '<a class="reference" href="#cut-tokens">Figure 2.1</a>'
    other = 'href="next.html#pattern-prompt-0-layer-1-mean">Figure 1.2</a>'
    assert own in page and other in page
    following = book / "templates" / "chapters" / "next.md"
    first = '{{ figure("sum", "prompt-0") }}\n\n'
    before = following.read_text(encoding="utf-8")
    assert first in before
    following.write_text(before.replace(first, ""), encoding="utf-8")
    layerbook("build", "--no-run", cwd=book, check=True)
    page = (book / "site" / "words.html").read_text(encoding="utf-8")
    assert other.replace("1.2", "1.1") in page
    prose.write_text(f'{text}\nSee {{{{ ref("next/sum", "prompt-0") }}}}.\n', encoding="utf-8")
    process = layerbook("build", "--no-run", cwd=book)
    assert process.returncode == 2
    assert "words.md:7:12: ref(): no page shows the figure 'next/sum prompt-0'" in process.stderr
    prose.write_text(f'{text}\nSee {{{{ ref("cut", "tokns") }}}}.\n', encoding="utf-8")
    process = layerbook("check", cwd=book)
    assert (
        process.returncode == 2
        and "words.md:7:12: ref(): 'words/cut' has no figure" in process.stderr
    )
    assert "(did you mean 'tokens'?)" in process.stderr


def test_words_point_to_parts_that_their_figure_has(tmp_path: Path, tiny_model_dir: Path) -> None:
    """They are links to the figure; unknown parts and figures without a page are reported."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    prose = book / "templates" / "chapters" / "next.md"
    text = prose.read_text(encoding="utf-8")
    top = '{% set best = r("sum").prompts[0].top[0] %}'
    prose.write_text(
        f'{text}\n{top}See {{{{ point("sum", "prompt-0", best, "the <b>best</b>") }}}}.\n',
        encoding="utf-8",
    )
    layerbook("build", "--jobs", "1", cwd=book, check=True)
    page = (book / "site" / "next.html").read_text(encoding="utf-8")
    assert '<a class="point" href="#sum-prompt-0" data-part="' in page
    assert ">the &lt;b&gt;best&lt;/b&gt;</a>." in page
    last = len(text.split("\n")) + 1
    for call, message in {
        'point("sum", "prompt-0", "nothing")': "the figure has no part 'nothing'; available: ",
        'point("sum", "promt-0", "nothing")': "point(): 'next/sum' has no figure 'promt-0'",
        'point("sum", "prompt-0", 1.5)': "point() needs the name of a part, a number or a token",
        'point("sum", "prompt-0", {"column": "z"}, "y")': "it has no columns to point to",
        'point("sum", "prompt-0", {"line": "x"}, "y")': "point(): a part has no 'line'",
        'point("sum", "prompt-0", {"row": "x"})': "point(): a cell or column needs words",
    }.items():
        prose.write_text(f"{text}\nSee {{{{ {call} }}}}.\n", encoding="utf-8")
        process = layerbook("check", cwd=book)
        assert process.returncode == 2
        assert f"next.md:{last}:" in process.stderr and message in process.stderr, process.stderr
