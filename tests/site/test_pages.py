"""Whole pages are valid, safe and reproducible."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import get_args

import html5lib
import pytest
from fixtures.sample_chapter import BOOK, HOSTILE, context, pages, write_book
from layerbook.book.schema import Evidence
from layerbook.core.errors import SpecError
from layerbook.site.assets import STYLESHEETS, assets, static_files
from layerbook.site.blocks import EVIDENCE_MEANINGS
from layerbook.site.page_templates import make_environment, render_block, render_page
from layerbook.site.pages import ChapterPage, IndexPage
from layerbook.site.search import search_index, search_rows

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def rendered() -> dict[str, str]:
    """Every page of the sample book."""
    ctx = context()
    return {
        name: render_page(page, book, ctx.jinja_env) for name, (page, book) in pages(ctx).items()
    }


def test_pages_parse_without_errors(rendered: dict[str, str]) -> None:
    """A strict HTML parser accepts them with hostile text."""
    for html in rendered.values():
        html5lib.HTMLParser(strict=True).parse(html)


def test_pages_have_language_title_landmarks_and_unique_ids(rendered: dict[str, str]) -> None:
    for name, html in rendered.items():
        tree = html5lib.parse(html, namespaceHTMLElements=False)
        ids = [e.get("id") for e in tree.iter() if e.get("id")]
        assert len(ids) == len(set(ids)), name
        assert tree.get("lang") == "en"
        assert tree.find(".//title").text.strip()
        assert tree.find(".//meta[@name='description']").get("content")
        for tag in ("h1", "main", "header[@class='top']", "footer"):
            assert len(tree.findall(f".//{tag}")) == 1, (name, tag)
        for link in tree.iter("a"):
            target = link.get("href")
            if target.startswith("https://"):
                continue
            assert ":" not in target.split("/")[0]
            page, _, id = target.partition("#")
            assert (
                page in ("", "ro-crate-metadata.json")
                or page in rendered
                or page.startswith("data/")
            )
            assert not id or page != "" or id in ids, target


def test_pages_have_no_inline_scripts_and_no_external_resources(rendered: dict[str, str]) -> None:
    for html in rendered.values():
        tree = html5lib.parse(html, namespaceHTMLElements=False)
        for element in tree.iter():
            if not isinstance(element.tag, str):
                continue
            assert not [a for a in element.attrib if str(a).startswith("on") or a == "style"]
            assert element.tag != "style"
            assert element.tag not in ("iframe", "img", "object", "form")
            if element.tag in ("script", "link"):
                assert re.fullmatch(
                    r"assets/[a-z]+\.(js|css)", element.get("src") or element.get("href")
                )
                assert not element.text
        assert "default-src 'none'" in html


def test_hostile_text_stays_text(rendered: dict[str, str]) -> None:
    tree = html5lib.parse(rendered["mlp.html"], namespaceHTMLElements=False)
    assert HOSTILE[0] in tree.find(".//title").text
    assert HOSTILE[3] in tree.find(".//meta[@name='description']").get("content")
    alts = [e.get("aria-label") for e in tree.iter("div") if e.get("role") == "img"]
    assert any(HOSTILE[2] in alt and HOSTILE[4] in alt for alt in alts)
    captions = "".join("".join(e.itertext()) for e in tree.iter("figcaption"))
    assert all(text in captions for text in (HOSTILE[0], HOSTILE[2], HOSTILE[3], HOSTILE[6]))
    cells = ["".join(e.itertext()) for e in (*tree.iter("th"), *tree.iter("td"))]
    assert all(cells.count(text) >= 2 for text in (HOSTILE[0], HOSTILE[3], HOSTILE[8]))


def test_hostile_text_cannot_end_the_search_index() -> None:
    ctx = context()
    chapters = [page for page, _ in pages(ctx).values() if isinstance(page, ChapterPage)]
    script = search_index([row for page in chapters for row in search_rows(page)]).decode()
    match = re.fullmatch(r"window\.layerbookIndex = JSON\.parse\((\".*\")\);\n", script)
    assert match
    assert not set("<>&'\u2028") & set(match[1])
    rows = json.loads(json.loads(match[1]))
    assert any("<script>alert(1)</script>" in row[3] for row in rows)
    assert {row[0].split("#")[0] for row in rows} == {"attention.html", "mlp.html"}


def test_rejects_unknown_names_in_templates(tmp_path: Path) -> None:
    """The book's own template comes first."""
    (tmp_path / "index.html").write_text("{{ page.nothing }}")
    with pytest.raises(SpecError, match=r"index\.html:1:1: .*nothing"):
        render_page(IndexPage(), BOOK, make_environment(tmp_path))
    (tmp_path / "index.html").write_text("{{ book.title }}")
    assert render_page(IndexPage(), BOOK, make_environment(tmp_path)) == BOOK.title


def test_blocks_compile_only_the_templates_that_they_need() -> None:
    """Most pages have no playground and no live model, and compiling their templates is slow."""
    environment = make_environment()
    assert "<details" in render_block(environment, "reveal", "Answer")
    assert environment.cache is not None
    compiled = {template.name for template in environment.cache.values()}
    assert compiled == {"blocks.html"}


def test_static_files_of_the_project_come_first(tmp_path: Path) -> None:
    (tmp_path / "assets" / "more").mkdir(parents=True)
    (tmp_path / "assets" / "book.css").write_text("/* mine */")
    (tmp_path / "assets" / "more" / "x.css").write_text("x")
    files = assets(context().math.css_rules, tmp_path)
    assert files["assets/book.css"] == b"/* mine */"
    assert files["assets/more/x.css"] == b"x"
    assert {f"assets/{sheet}" for sheet in STYLESHEETS} | {
        "assets/book.js",
        "assets/theme.js",
    } <= set(files)
    assert b"--code-keyword" in files["assets/code.css"]


def test_same_book_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = (write_book(tmp_path / name) for name in ("first", "second"))
    for file in sorted(p for p in first.rglob("*") if p.is_file()):
        assert file.read_bytes() == (second / file.relative_to(first)).read_bytes(), file


def test_every_kind_of_evidence_has_a_meaning_and_a_color() -> None:
    kinds = get_args(Evidence)
    boxes = static_files()["styles/boxes.css"].decode()
    assert tuple(EVIDENCE_MEANINGS) == kinds and "calculation" in kinds
    assert all(f".badge.{kind} {{\n\tcolor: var(--{kind});" in boxes for kind in kinds)


def _luminance(color: str) -> float:
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def test_text_has_enough_contrast() -> None:
    """At least 4.5 to 1 in both themes (WCAG 2.1, 1.4.3)."""
    css = static_files()["styles/palette.css"].decode()
    declared = re.findall(r"--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);", css)
    blocks = [{name: colors[theme] for name, *colors in declared} for theme in (0, 1)]
    assert "paper" in blocks[0]
    inks = ["ink", "soft", "accent", *EVIDENCE_MEANINGS]
    for block in blocks:
        inks_here = inks + [name for name in block if name.startswith("code-")]
        for ink in inks_here:
            for ground in ("paper", "panel", "raised"):
                bright, dark = sorted(
                    (_luminance(block[ink]), _luminance(block[ground])), reverse=True
                )
                assert (bright + 0.05) / (dark + 0.05) >= 4.5, (ink, ground)
