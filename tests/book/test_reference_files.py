"""Sources from reference managers: BibTeX and CSL-JSON."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from layerbook.book.bibliography import load
from layerbook.core.errors import SpecError

BIBTEX = r"""
@string{nips = "Advances in Neural Information Processing Systems"}
@comment{A remark.}

@inproceedings{Vaswani2017,
  author    = {Ashish Vaswani and Shazeer, Noam and others},
  title     = {{Attention} is {\"u}ll you \emph{need}},
  booktitle = nips,
  year      = 2017,
  eprint    = {1706.03762}, archivePrefix = {arXiv},
  unknown   = {never read},
}
@phdthesis{mikolov:2012, author = {Tom{\'a}{\v s} Mikolov}, title = "Statistical models",
  school = {Brno University of Technology}, year = {2012}}
@book{knuth-84, author = {Donald E. {van der Knuth}}, title = {The {\TeX}book},
  publisher = {Addison-Wesley}, year = 1984}
@article{collab1, author = {{The Big Collaboration}}, title = {T}, journal = {J}, year = 1999,
  doi = {10.1000/182}}
"""
CSL = [
    {
        "id": "xiao2023",
        "type": "article",
        "title": "Efficient streaming",
        "author": [{"family": "Xiao", "given": "G."}, {"literal": "A Group"}],
        "issued": {"date-parts": [[2023, 9]]},
        "container-title": "ICLR",
        "DOI": "10.1000/1",
    }
]


def test_bibtex_names_macros_and_accents_are_read(tmp_path: Path) -> None:
    """Books need no address."""
    (tmp_path / "references.bib").write_text(BIBTEX)
    sources = load(tmp_path)
    assert sources is not None
    labels = {key: sources.label(key) for key in sources.publications}
    assert labels == {
        "Vaswani2017": "Vaswani et al., 2017",
        "mikolov:2012": "Mikolov, 2012",
        "knuth-84": "van der Knuth, 1984",
        "collab1": "The Big Collaboration, 1999",
    }
    first, thesis, book, article = (sources.get(key) for key in labels)
    assert first.authors == ("Vaswani, Ashish", "Shazeer, Noam", "et al.")
    assert first.title == "Attention is üll you need"
    assert first.venue == "Advances in Neural Information Processing Systems"
    assert first.url == "https://arxiv.org/abs/1706.03762"
    assert (thesis.authors, thesis.url) == (("Mikolov, Tomáš",), "")
    assert thesis.venue == "Brno University of Technology"
    assert book.title == "The TeX book"
    assert (book.venue, book.url) == ("Addison-Wesley", "")
    assert article.url == "https://doi.org/10.1000/182"


@pytest.mark.parametrize(
    ("type", "venue"),
    [
        ("article", "A journal"),
        ("Book", "A publisher"),
        ("inproceedings", "Proceedings"),
        ("phdthesis", "A school"),
        ("techreport", "An institution"),
        ("misc", "A journal"),
    ],
)
def test_venue_is_the_field_that_bibtex_prints(tmp_path: Path, type: str, venue: str) -> None:
    """Exports of reference managers often have more fields than an entry of the type needs."""
    fields = "journal={A journal}, booktitle={Proceedings}, publisher={A publisher}, "
    fields += "school={A school}, institution={An institution}"
    (tmp_path / "references.bib").write_text(
        f"@{type}{{a1, author={{A}}, title={{T}}, year=1984, {fields}}}"
    )
    sources = load(tmp_path)
    assert sources is not None and sources.get("a1").venue == venue


def test_marks_that_end_nowhere_stay(tmp_path: Path) -> None:
    """A value that is not valid LaTeX is kept as written."""
    text = r'@book{a1, author={A}, title="A \", year=1984}'.replace(r"\\", "\\")
    (tmp_path / "references.bib").write_text(text)
    sources = load(tmp_path)
    assert sources is not None and sources.get("a1").title == "A \\"


def test_csl_json_and_yaml_files_are_merged(tmp_path: Path) -> None:
    (tmp_path / "references.json").write_text(json.dumps(CSL))
    yaml = 'b1:\n  authors: ["B, B."]\n  year: 2001\n  title: A book\n  venue: A publisher\n'
    (tmp_path / "references.yaml").write_text(yaml)
    sources = load(tmp_path)
    assert sources is not None and set(sources.publications) == {"b1", "xiao2023"}
    source = sources.get("xiao2023")
    assert source.authors == ("Xiao, G.", "A Group") and source.year == 2023
    assert (source.venue, source.url) == ("ICLR", "https://doi.org/10.1000/1")


@pytest.mark.parametrize(
    ("name", "text", "problem"),
    [
        ("bib", "@book{a1, author={A}, title={T}\n year=1984}", "2:1: is not BibTeX: "),
        ("bib", "@book{a1, author={A}, title={T}, year=y}", "1:1: is not BibTeX: "),
        ("bib", "\n@book{a1, author={A}, title={T}}", "2:7: a1: has no year"),
        ("bib", "\n@book{a1, title={T}, year=1984}", "2:7: a1: has no authors"),
        ("bib", "@book{ab, author={A}, title={T}, year=1984}", "1:7: a key must have letters"),
        ("bib", "@misc{a1, url={javascript:x}, author={A}, title={T}, year=1}", "1:7: a1: url: "),
        (
            "bib",
            "@book{a1, author={A}, title={T}, year=1984}\n" * 2,
            "2:7: the key 'a1' is already defined on line 1",
        ),
        ("bib", '@string{a="x" # "y"}', "1:1: joins too many strings"),
        ("bib", "% nothing", "1:1: the file has no sources"),
        ("json", "[{]", "1:3: is not JSON: "),
        ("json", "{}", "1:1: CSL-JSON is a list"),
        ("json", '[\n {"id": "a1", "title": "T", "author": ["A"]}]', "2:9: a1: has no year"),
        ("json", '[\n {"id": "a1", "title": "T", "issued": 3}]', "2:9: a1: has no "),
        (
            "json",
            '[\n {"id": "a1", "issued": {"date-parts": [["?"]]}}]',
            "2:9: issued.date-parts.0.0: ",
        ),
        ("json", '[{"id": ["a1"]}]', "1:1: id.str: "),
        ("json", '[{"id": "a1", "author": [{"family": 5}]}]', "1:9: author.0._CslName.family: "),
        ("json", f'[{{"id": "a1", "issued": {"9" * 5000}}}]', "1:1: has a number with thousands"),
        ("json", '[{"id": "a1", "title": "\\ud800"}]', "1:9: a1: title: "),
        ("json", " " * 1_000_001, "1:1: is larger than 1,000,000 bytes"),
        ("bib", f"@book{{a1, author={{A}}, title={{T}}, year={'9' * 5000}}}", "1:7: a1: year: "),
        ("bib", "%" * 200_001, "1:1: is larger than 200,000 bytes; keep the sources that the "),
        ("json", "[" * 100_000, "1:1: is nested too deeply"),
    ],
)
def test_problems_are_reported_at_their_place(
    tmp_path: Path, name: str, text: str, problem: str
) -> None:
    """With file, line and column, without a traceback."""
    (tmp_path / f"references.{name}").write_text(text)
    with pytest.raises(SpecError) as caught:
        load(tmp_path)
    problems = [str(message) for message in caught.value.problems]
    assert any(f"references.{name}:{problem}" in message for message in problems), problems


def test_repeated_key_is_reported(tmp_path: Path) -> None:
    (tmp_path / "references.json").write_text(json.dumps(CSL))
    (tmp_path / "references.bib").write_text("@misc{xiao2023, author={X}, title={T}, year=2023}")
    with pytest.raises(SpecError, match=r"'xiao2023' is in .*references.bib already"):
        load(tmp_path)


def test_large_file_takes_little_time(tmp_path: Path) -> None:
    """Six hundred sources of the same authors and year get distinct labels."""
    entry = "@article{{k{0}, author={{Doe, Jane and Müller, Hans}}, title={{On {{Things}} {0}}}, "
    entry += "journal={{Some Journal}}, year={{2020}}, abstract={{{1}}}}}\n"
    text = "".join(entry.format(number, "x{}" * 40) for number in range(800))
    (tmp_path / "references.bib").write_text(text)
    start = time.process_time()
    sources = load(tmp_path)
    assert sources is not None
    labels = [sources.label(key) for key in sources.sorted_keys()]
    assert time.process_time() - start < 6
    assert len(set(labels)) == 800 and labels[27] == "Doe and Müller, 2020ab"
