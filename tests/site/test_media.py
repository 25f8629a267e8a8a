"""A book's pictures, videos and files: on the page, in the site, and in `check`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fixtures.small_book import layerbook, read_tree
from layerbook.book.media import MediaError, MediaFolders
from PIL import Image

SVG = '<svg xmlns="http://www.w3.org/2000/svg" {0}><title>A line</title></svg>'
IMAGE = '![A line](images/line.png "A *long* line, with {{ r("cut").prompts | length }} texts.")'


@pytest.fixture
def media_book(book: Path) -> Path:
    """The small book with pictures, a video and files."""
    (book / "images").mkdir()
    (book / "static" / "data").mkdir(parents=True)
    for name, size in {
        "line.png": (40, 30),
        "line.dark.png": (40, 30),
        "photo.jpg": (6, 9),
    }.items():
        Image.new("RGB", size).save(book / "images" / name)
    (book / "images" / "unused.png").write_bytes(b"no picture, and nobody asks")
    (book / "static" / "film.mp4").write_bytes(b"film")
    (book / "static" / "data" / "table.csv").write_text("a,b\n")
    (book / "static" / ".hidden").write_text("mine")
    return book


def write_prose(book: Path, *paragraphs: str) -> None:
    """Write the chapter `words`, with its figure first."""
    text = "\n\n".join(['{{ figure("cut", "tokens") }}', *paragraphs]) + "\n"
    (book / "templates" / "chapters" / "words.md").write_text(text, encoding="utf-8")


def built_page(book: Path) -> str:
    """Build without running, and return the page of the chapter."""
    layerbook("build", "--no-run", "--quiet", cwd=book, check=True)
    return (book / "site" / "words.html").read_text(encoding="utf-8")


def check_messages(book: Path) -> list[str]:
    """Return what `check` reports of the chapter, without its path."""
    completed = layerbook("check", cwd=book)
    return [
        line.removeprefix("templates/chapters/words.md:")
        for line in completed.stderr.splitlines()
        if line.startswith("templates/chapters/words.md:")
    ]


def test_image_is_a_numbered_figure(media_book: Path) -> None:
    """With values and markup in its caption, and its size in the page."""
    write_prose(media_book, IMAGE, '{{ figure("cat", "text-0") }}')
    assert check_messages(media_book) == []
    page = built_page(media_book)
    figure = re.search(r'<figure class="figure kind-image" id="line">.*?</figure>', page, re.DOTALL)
    assert figure
    light, dark = re.findall(r"<img [^>]*>", figure[0])
    for tag, name in ((light, "line.png"), (dark, "line.dark.png")):
        assert f'src="images/{name}"' in tag
        assert 'alt="A line"' in tag and 'width="40" height="30"' in tag
    assert "Figure 2.2.</b> A <em>long</em> line, with 2 texts.</p>" in figure[0]
    assert [n for n in re.findall(r"Figure (2\.\d)\.</b>", page)] == ["2.1", "2.2", "2.3"]


def test_site_has_the_shown_media_and_all_of_static(media_book: Path) -> None:
    """Other pictures and hidden files are not published."""
    write_prose(media_book, IMAGE, "[A table](static/data/table.csv)")
    built_page(media_book)
    site = read_tree(media_book / "site")
    assert {name for name in site if name.startswith(("images/", "static/"))} == {
        *("images/line.png", "images/line.dark.png", "static/film.mp4", "static/data/table.csv")
    }
    assert site["images/line.png"] == (media_book / "images" / "line.png").read_bytes()


def test_changed_picture_is_published(media_book: Path) -> None:
    """The page gets its new size, though no text changed."""
    write_prose(media_book, IMAGE)
    built_page(media_book)
    Image.new("RGB", (50, 60)).save(media_book / "images" / "line.png")
    assert 'width="50" height="60"' in built_page(media_book)
    (media_book / "static" / "film.mp4").write_bytes(b"new")
    built_page(media_book)
    assert (media_book / "site" / "static" / "film.mp4").read_bytes() == b"new"


def test_decorative_image_has_an_empty_alt_and_no_number(media_book: Path) -> None:
    """Screen readers skip it."""
    write_prose(media_book, "![decorative](images/photo.jpg)")
    assert check_messages(media_book) == []
    page = built_page(media_book)
    assert 'src="images/photo.jpg" alt="" width="6" height="9"' in page
    assert "Figure 2.2" not in page


def test_video_is_a_figure_with_a_poster(media_book: Path) -> None:
    """The policy of the page allows it, and its caption is text."""
    call = 'video("static/film.mp4", poster="images/line.png", caption="A <b>film</b>.")'
    write_prose(media_book, f"{{{{ {call} }}}}")
    assert check_messages(media_book) == []
    page = built_page(media_book)
    assert "media-src 'self' file:" in page
    tag = re.search(r"<video [^>]*>", page)
    assert tag and 'src="static/film.mp4"' in tag[0] and 'poster="images/line.png"' in tag[0]
    assert 'width="40" height="30"' in tag[0] and "controls" in tag[0]
    assert "Figure 2.2.</b> A &lt;b&gt;film&lt;/b&gt;." in page


@pytest.mark.parametrize(
    ("written", "place", "message"),
    [
        ("![A line](images/lin.png 'x')", "3:1", "an image stands alone"),
        ('![A line](images/lin.png "x")', "3:1", "no file 'images/lin.png' (did you mean 'images/"),
        ('![](images/line.png "x")', "3:1", "no description"),
        ("![A line](images/line.png)", "3:1", "no caption"),
        ('![decorative](images/line.png "x")', "3:1", "a decorative image has no caption"),
        ('  ![A](../secret.png "x")', "3:3", "leads out of the book"),
        ('![A](/etc/secret.png "x")', "3:1", "leads out of the book"),
        ('![A](images/../../x.png "x")', "3:1", "leads out of the book"),
        ('![A](https://example.org/x.png "x")', "3:1", "is a URL"),
        ('![A](images/line.bmp "x")', "3:1", "is not a supported image; its name must end in .png"),
        ('![A](static/film.mp4 "x")', "3:1", "is not a supported image"),
        ('![A](images/unused.png "x")', "3:1", "it is not a PNG file"),
        ('![A](line.png "x")', "3:1", "not in images/ or static/"),
        ('Text ![A](images/line.png "x") goes on.', "3:6", "an image stands alone"),
        ('![A {{ r("cut") }}](images/line.png "x")', "3:1", "its caption can have them"),
        ('![A](images/line.png "Of {{ r("cut").nothing }}.")', "3:38", "no 'nothing'"),
        ('![A](images/line.png "See\n[it](nowhere.html).")', "4:6", "no page named"),
        ("[A table](static/tabel.csv)", "3:11", "there is no file 'static/tabel.csv'"),
        (
            '{{ video("static/film.mov", poster="images/line.png", caption="x") }}',
            *(
                "3:4",
                "is not a supported video; its name must end in .mp4, .webm",
            ),
        ),
        (
            '{{ video("static/film.mp4", poster="images/line.png", caption="x", '
            'track="static/film.mp4") }}',
            "3:4",
            "is not a supported file of subtitles; its name must end in .vtt",
        ),
        ('{{ video("static/film.mp4") }}', "3:4", "video(): needs poster and caption"),
        ("Some <b>bold</b> text", "3:6", "prose cannot contain HTML, and <b> looks like it"),
        ("A <!-- comment", "3:3", "prose cannot contain HTML"),
    ],
)
def test_check_reports_mistakes_in_media(
    media_book: Path, written: str, place: str, message: str
) -> None:
    """At line and column; a build refuses them too."""
    write_prose(media_book, written)
    reported = check_messages(media_book)
    assert any(line.startswith(f"{place}: ") and message in line for line in reported), reported
    completed = layerbook("build", "--no-run", "--quiet", cwd=media_book)
    assert completed.returncode != 0


def test_html_in_code_and_behind_a_backslash_is_text(media_book: Path) -> None:
    """So are signs that form no tag."""
    write_prose(media_book, r"`<b>`, \<b>, 1 < 2 > 1, <|im_start|>, <https://example.org>, a<b")
    assert check_messages(media_book) == []


def test_links_out_of_the_folders_are_refused(media_book: Path, tmp_path: Path) -> None:
    """The linked picture is not read."""
    Image.new("RGB", (4, 4)).save(tmp_path / "secret.png")
    (media_book / "images" / "link.png").symlink_to(tmp_path / "secret.png")
    completed = layerbook("check", cwd=media_book)
    assert completed.returncode == 2
    assert "images/link.png:1:1: is a link that leads outside the book" in completed.stderr
    with pytest.raises(MediaError, match="leads out of the book"):
        MediaFolders(media_book).image("images/link.png")


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ('width="12" height="8"', (12, 8)),
        ('width="12.4px" height="8px" viewBox="0 0 1 1"', (12, 8)),
        ('viewBox="0 0 300 200"', (300, 200)),
        ('width="100%" height="100%" viewBox="0,0,30,20"', (30, 20)),
    ],
)
def test_size_of_an_svg_is_read(tmp_path: Path, attributes: str, size: tuple[int, int]) -> None:
    """From width and height, or from the viewBox."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "x.svg").write_text(SVG.format(attributes))
    image = MediaFolders(tmp_path).image("images/x.svg")
    assert (image.width, image.height) == size


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.svg", SVG.format(""), "neither width and height nor a viewBox"),
        ("x.svg", SVG.format('viewBox="0 0 1e9 1"'), "which is not a displayable size"),
        ("x.svg", '<!DOCTYPE svg [<!ENTITY a "b">]><svg/>', "it defines XML entities"),
        ("x.svg", "<html/>", "it is not an SVG"),
        ("x.svg", "", "cannot be read"),
        ("x.png", "text", "it is not a PNG file"),
    ],
)
def test_broken_pictures_are_reported(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    """The error states what is wrong with the file."""
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / name).write_text(content)
    with pytest.raises(MediaError, match=re.escape(message)):
        MediaFolders(tmp_path).image(f"images/{name}")


def test_rotated_photo_has_its_displayed_size(tmp_path: Path) -> None:
    """Cameras store the orientation separately."""
    (tmp_path / "images").mkdir()
    exif = Image.Exif()
    exif[274] = 6
    Image.new("RGB", (40, 30)).save(tmp_path / "images" / "x.jpg", exif=exif)
    image = MediaFolders(tmp_path).image("images/x.jpg")
    assert (image.width, image.height) == (30, 40)


def test_picture_with_a_wrong_suffix_is_reported(tmp_path: Path) -> None:
    """Such as a JPEG called .png."""
    (tmp_path / "images").mkdir()
    Image.new("RGB", (4, 4)).save(tmp_path / "images" / "x.png", format="JPEG")
    with pytest.raises(MediaError, match="it is JPEG, not PNG"):
        MediaFolders(tmp_path).image("images/x.png")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("1\n00:01.000 --> 00:02.000\nA", "does not begin with the line WEBVTT"),
        ("WEBVTT\n\nnothing", "has no line like"),
        ("WEBVTT\n\n00:01,000 --> 00:02,000\nA", "line 3 should look like"),
        ("WEBVTT\n\n00:01.000-->00:02.000\nA", "line 3 should look like"),
        ("WEBVTT\n" + "x" * 200_000, "is larger than 200 kB"),
    ],
)
def test_subtitles_are_checked(media_book: Path, content: str, message: str) -> None:
    """A browser would leave out what it cannot read, without a word."""
    (media_book / "static" / "film.vtt").write_text(content, encoding="utf-8")
    call = (
        'video("static/film.mp4", poster="images/line.png", caption="x", track="static/film.vtt")'
    )
    write_prose(media_book, f"{{{{ {call} }}}}")
    (problem,) = check_messages(media_book)
    assert f"video(): 'static/film.vtt' {message}" in problem


def test_names_that_differ_in_case_are_a_problem(media_book: Path) -> None:
    """On Windows and macOS, one file of the site would replace the other."""
    (media_book / "static" / "Data").mkdir()
    (media_book / "static" / "Data" / "Table.CSV").write_text("c,d\n")
    for name in ("\u00e9.txt", "e\u0301.txt"):
        (media_book / "static" / name).write_text(name)
    for command in ("check", "build"):
        completed = layerbook(command, cwd=media_book)
        assert completed.returncode == 2
        assert "take 'static/data/table.csv' and 'static/Data/Table.CSV' for" in completed.stderr
        assert completed.stderr.count("for the same file; rename one") == 2
