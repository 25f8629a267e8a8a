"""The worked example in the chapter on attention, recomputed from its vectors."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

CHAPTER = Path(__file__).resolve().parents[2] / "templates" / "chapters" / "attention.md"
TOKENS = ("The", "capital", "of", "France", "is")


@pytest.fixture(scope="module")
def text() -> str:
    prose = CHAPTER.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")
    return re.sub(r'\{\{ quantity\((?:"\w+", )?"(\w+)"\) \}\}', r"\1", prose)


def row(text: str, name: str) -> tuple[str, ...]:
    """Return the cells of the table row with this name."""
    (line,) = re.findall(rf"^\| {re.escape(name)} \|(.*)$", text, re.MULTILINE)
    cells = tuple(cell.strip() for cell in line.split("|")[: len(TOKENS)])
    assert len(cells) == len(TOKENS)
    return cells


def vectors(text: str, name: str) -> np.ndarray:
    """Return a row of vectors as an array [5, 3]."""
    return np.array([[int(n) for n in re.findall(r"-?\d+", cell)] for cell in row(text, name)])


def matrix(text: str, name: str) -> np.ndarray:
    """Return a matrix from its `\begin{pmatrix}`."""
    (body,) = re.findall(rf"W_{name} = \\begin{{pmatrix}}(.*?)\\end{{pmatrix}}", text)
    return np.array([[int(n) for n in re.findall(r"\d+", line)] for line in body.split(r"\\")])


def softmax(scores: np.ndarray) -> np.ndarray:
    return np.exp(scores) / np.exp(scores).sum()


def test_keys_values_scores_and_shares_follow_from_the_vectors(text: str) -> None:
    """To the printed digits."""
    x = vectors(text, "vector")
    key, value = x @ matrix(text, "K"), x @ matrix(text, "V")
    query = x @ matrix(text, "Q")
    assert (key == vectors(text, "key")).all() and (value == vectors(text, "value")).all()
    assert f"so its query is ({', '.join(map(str, query[-1]))})" in text

    score = key @ query[-1]
    assert row(text, "score") == tuple(map(str, score))
    powers = r"$e^{\text{score}}$"
    assert row(text, powers) == tuple(f"{power:.1f}" for power in np.exp(score))
    shares = softmax(score)
    assert row(text, "share") == tuple(f"{share:.0%}".replace("%", " %") for share in shares)
    assert sum(round(100 * share) for share in shares) == 100


def test_mixture_and_the_new_vector_are_the_sums(text: str) -> None:
    """To one decimal, from exact shares."""
    x = vectors(text, "vector")
    shares = softmax(vectors(text, "key") @ (x @ matrix(text, "Q"))[-1])
    mixture = shares @ vectors(text, "value")
    for vector in (mixture, x[-1] + mixture):
        assert f"({', '.join(f'{n:.1f}' for n in vector)})" in text


def test_solutions_of_the_exercises_are_right(text: str) -> None:
    """A tie at 35 per cent each, and the scores of France's own query."""
    x = vectors(text, "vector")
    key, query = vectors(text, "key"), x @ matrix(text, "Q")
    changed = key.copy()
    changed[3] = 0, 0, 2
    shares = softmax(changed @ query[-1])
    assert shares[1] == shares[3] == shares.max() and f"{shares[3]:.0%}" == "35%"

    assert f"Its query is ({', '.join(map(str, query[3]))})" in text
    assert (key[:4] @ query[3]).tolist() == [1, 2, 2, 7]
    assert "scores 1, 2, 2 and 7" in " ".join(text.split())


def test_scaled_scores_and_the_masked_row_follow_from_the_vectors(text: str) -> None:
    """The steps of the formula, to the printed digits."""
    x = vectors(text, "vector")
    score = (x @ matrix(text, "Q")) @ vectors(text, "key").T
    words = " ".join(re.sub(r" *\{#.*?#\}", "", text).split())

    scaled = score[-1] / np.sqrt(3)
    assert f"become {', '.join(f'{n:.1f}'.replace('0.0', '0') for n in scaled)}. " in words
    before, after = (f"{100 * softmax(row)[3]:.0f} %" for row in (score[-1], scaled))
    assert f"still wins, but with {after} instead of {before}" in words

    values = vectors(text, "value")
    simple, mixture = (
        f"({', '.join(f'{n:.1f}' for n in softmax(row) @ values)})" for row in (score[-1], scaled)
    )
    assert f"that is now {mixture} and no longer {simple}" in words

    query = (x @ matrix(text, "Q"))[2]
    assert f"its query is ({', '.join(map(str, query))}), and no key fits it better" in words
    assert np.flatnonzero(score[2] == score[2].max()).tolist() == [TOKENS.index("France")]
