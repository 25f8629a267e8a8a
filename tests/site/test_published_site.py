"""A site with an address: sitemap, preview card and the page for wrong addresses."""

from __future__ import annotations

import io
import re
from pathlib import Path
from urllib.parse import urljoin, urlsplit
from xml.etree.ElementTree import fromstring

import html5lib
import pytest
from fixtures.small_book import layerbook, read_tree
from PIL import Image

URL = "https://example.org/course/"
LINK_ATTRIBUTES = ("href", "src", "poster", "data-script")


@pytest.fixture
def site(book: Path) -> dict[str, bytes]:
    """Return the files of the small book, built with an address."""
    path = book / "experiments" / "book.yaml"
    path.write_text(
        f"{path.read_text()}url: https://example.org/course\n"
        "edit_url: https://example.org/me/edit/main/\n"
    )
    layerbook("build", "--no-run", "--quiet", cwd=book, check=True)
    return read_tree(book / "site")


def test_every_link_works_below_a_folder(site: dict[str, bytes]) -> None:
    """On a server at `/course/`; 404.html may be served at any address."""
    served = {f"{URL}{name}": data for name, data in site.items()} | {URL: site["index.html"]}
    missing = []
    for name in (n for n in site if n.endswith(".html")):
        url = f"{URL}no/such/page" if name == "404.html" else f"{URL}{name}"
        tree = html5lib.parse(site[name].decode(), namespaceHTMLElements=False)
        for element in tree.iter():
            for attribute in LINK_ATTRIBUTES:
                if (link := element.get(attribute)) and element.get("rel") != "external":
                    target = urljoin(url, link)
                    if target.startswith("https://example.org"):
                        missing += [(name, link)] * (target.partition("#")[0] not in served)
    for name in (n for n in site if n.endswith(".css")):
        for link in re.findall(r"url\([\"']?([^)\"']+)", site[name].decode()):
            if not link.startswith("data:"):
                missing += [(name, link)] * (urljoin(f"{URL}{name}", link) not in served)
    assert missing == []
    assert not any(urlsplit(name).path.startswith("/") for name in site)


def test_pages_state_their_address(site: dict[str, bytes]) -> None:
    page = site["next.html"].decode()
    assert f'<link rel="canonical" href="{URL}next.html">' in page
    assert '<meta property="og:title" content="What comes next · A small book">' in page
    assert f'<meta property="og:image" content="{URL}assets/card.png">' in page
    assert f'<link rel="canonical" href="{URL}">' in site["index.html"].decode()
    edit = "https://example.org/me/edit/main/templates/chapters/next.md"
    assert f'<a href="{edit}" rel="external">Edit this page</a>' in page
    assert "Edit this page" not in site["claims.html"].decode()


def test_sitemap_lists_every_page(site: dict[str, bytes]) -> None:
    root = fromstring(site["sitemap.xml"])
    addresses = [entry[0].text for entry in root]
    pages = {name for name in site if name.endswith(".html")} - {"404.html", "index.html"}
    assert set(addresses) == {URL, *(f"{URL}{name}" for name in pages)}


def test_social_card_shows_the_title(site: dict[str, bytes]) -> None:
    """It has the usual size, and is not blank."""
    image = Image.open(io.BytesIO(site["assets/card.png"]))
    assert image.size == (1200, 630)
    assert image.convert("L").crop((80, 100, 800, 220)).getextrema()[0] < 60


def test_book_without_an_address_has_no_sitemap_or_card(book: Path) -> None:
    layerbook("build", "--no-run", "--quiet", cwd=book, check=True)
    site = read_tree(book / "site")
    assert not site.keys() & {"sitemap.xml", "404.html", "assets/card.png"}
    assert b"canonical" not in site["index.html"] and b"og:" not in site["index.html"]


@pytest.mark.parametrize("url", ["ftp://example.org", "example.org", 'https://a.org/"onload="x'])
def test_address_must_be_http(book: Path, url: str) -> None:
    path = book / "experiments" / "book.yaml"
    path.write_text(f"{path.read_text()}url: '{url}'\n")
    completed = layerbook("check", cwd=book)
    assert completed.returncode == 2 and re.search(
        r"book.yaml:7:6: an address looks like", completed.stderr
    ), completed.stderr
