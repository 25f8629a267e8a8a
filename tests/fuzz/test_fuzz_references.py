"""Mutated bibliographies are loaded, or their problems reported with lines."""

from __future__ import annotations

import json
from pathlib import Path

from fixtures.fuzzing import cases, make_monitor, mutate_json_text, mutate_text
from layerbook.book.bibliography import load

BIBTEX = r"""@string{nips = "Advances in {N}eural"}
@comment{A remark.}
@inproceedings{v2017, author = {Ashish Vaswani and Shazeer, Noam and others},
  title = {{Attention} is {\"u}ll you \emph{need}}, booktitle = nips # " 30", year = 2017,
  eprint = {1706.03762}, archivePrefix = {arXiv}}
@book{knuth-84, author = {Donald E. {van der Knuth}}, title = "The {\TeX}book",
  publisher = {A}, date = {1984-01}, doi = {10.1000/182}}
"""
CSL = json.dumps(
    [
        {
            "id": "xiao2023",
            "title": "Efficient streaming",
            "author": [{"family": "Xiao", "given": "G.", "non-dropping-particle": "van"}],
            "editor": [{"literal": "A Group"}],
            "issued": {"date-parts": [[2023, 9]]},
            "container-title": "ICLR",
            "DOI": "10.1000/1",
        },
        {"id": 7, "title": "T", "author": ["A"], "issued": {"date-parts": [["1999"]]}},
    ]
)


def test_references(tmp_path: Path) -> None:
    """Sources that are accepted can be cited and written as UTF-8."""
    monitor = make_monitor(tmp_path)
    bibtex, csl = monitor.folder / "references.bib", monitor.folder / "references.json"
    for number, rng in cases("references"):
        is_bibtex = rng.random() < 0.5
        if is_bibtex:
            text = mutate_text(rng, BIBTEX, monitor.secret)
        else:
            text = mutate_json_text(rng, CSL, monitor.secret)
        for path in (bibtex, csl):
            path.unlink(missing_ok=True)
        (bibtex if is_bibtex else csl).write_bytes(text.encode("utf-8", "surrogatepass"))
        with monitor.case(f"references {number}", text):
            sources = load(monitor.folder)
            assert sources is not None
            for key in sources.publications:
                sources.label(key).encode()
                sources.get(key).model_dump_json()
    monitor.report("references")
