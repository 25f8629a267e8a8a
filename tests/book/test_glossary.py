"""The glossary file: valid terms, and problems at their places."""

from __future__ import annotations

import re
from itertools import chain
from pathlib import Path

import pytest
from layerbook.book.glossary import RESERVED_IDS, load
from layerbook.core.errors import SpecError, UsageError

ROOT = Path(__file__).parents[2]
TERMS = """\
- id: residual-stream
  name: residual stream
  text: The vector of a position.
- id: logits
  name: logits
  text: >-
    Scores, one
    for each token.
  see: [next]
"""


def read(folder: Path, text: str) -> object:
    """Load a glossary with this text."""
    (folder / "glossary.yaml").write_text(text, encoding="utf-8")
    return load(folder)


def test_finds_terms_by_id_and_by_name(tmp_path: Path) -> None:
    """Terms are sorted by name, and the nearest is suggested for an unknown one."""
    (tmp_path / "glossary.yaml").write_text(TERMS, encoding="utf-8")
    glossary = load(tmp_path)
    assert glossary is not None
    assert glossary.get("residual stream") is glossary.get("residual-stream")
    assert [entry.term.id for entry in glossary.sorted_entries()] == ["logits", "residual-stream"]
    logits = glossary.get("logits")
    assert logits.text_position == (7, 5) and logits.see["next"] == (9, 9)
    with pytest.raises(UsageError, match=r"no term named 'logit' \(did you mean 'logits'\?\)"):
        glossary.get("logit")
    assert load(tmp_path / "elsewhere") is None


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("  name: logits\n", "  nmae: logits\n", "5:3: unknown key 'nmae' (did you mean 'name'?)"),
        ("  name: residual stream\n", "", "1:3: the key 'name' is missing"),
        ("id: logits", "id: residual-stream", "4:7: the term 'residual-stream' is defined twice"),
        ("id: logits", "id: main", "4:7: no term can have the id 'main'"),
        ("id: logits", "id: The Logits", "4:7: "),
        (TERMS, "logits: Scores.\n", "1:1: the file is a list"),
        (TERMS, "- logits\n", "1:3: a term is a mapping: id, name, text"),
    ],
)
def test_reports_problems_of_the_file(tmp_path: Path, old: str, new: str, problem: str) -> None:
    """With line and column, and the nearest name."""
    assert old in TERMS
    with pytest.raises(SpecError) as caught:
        read(tmp_path, TERMS.replace(old, new))
    assert any(f"glossary.yaml:{problem}" in str(fault) for fault in caught.value.problems)


def test_term_ids_cannot_clash_with_page_ids() -> None:
    """All ids of the glossary's templates are reserved."""
    names = ("base.html", "glossary.html")
    templates = [(ROOT / "templates" / name).read_text(encoding="utf-8") for name in names]
    ids = chain.from_iterable(re.findall(r'\sid="([a-z-]+)"', text) for text in templates)
    assert set(ids) <= set(RESERVED_IDS)
