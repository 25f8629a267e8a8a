"""The worked examples in the chapters on words and sampling, recomputed."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

CHAPTERS = Path(__file__).resolve().parents[2] / "templates" / "chapters"
TOKENS = ("Paris", "London", "the", "banana")


def chapter(name: str) -> str:
    """Return the text of a chapter without comments, with one line per paragraph."""
    text = (CHAPTERS / f"{name}.md").read_text(encoding="utf-8")
    text = re.sub(r" *\{#.*?#\}", "", text).replace("\N{NO-BREAK SPACE}", " ")
    return text.replace("\N{MINUS SIGN}", "-")


def row(text: str, name: str) -> list[str]:
    """Return the cells of the table row with this name."""
    (line,) = re.findall(rf"^\| {re.escape(name)} \|(.*)\|$", text, re.MULTILINE)
    cells = [cell.strip() for cell in line.split("|")]
    assert len(cells) == len(TOKENS)
    return cells


def softmax(logits: np.ndarray) -> np.ndarray:
    return np.exp(logits) / np.exp(logits).sum()


def percent(shares: np.ndarray) -> list[str]:
    return [f"{100 * share:.1f} %" if share else "–" for share in shares]


@pytest.fixture(scope="module")
def words() -> str:
    return chapter("linear")


@pytest.fixture(scope="module")
def portraits(words: str) -> np.ndarray:
    cells = row(words, "portrait")
    return np.array([[int(n) for n in re.findall(r"-?\d+", cell)] for cell in cells])


def sketch(vector: tuple[int, ...]) -> np.ndarray:
    """Return the vector after RMSNorm."""
    x = np.array(vector)
    return x / np.sqrt((x**2).mean())


def test_logits_and_shares_follow_from_the_vector(words: str, portraits: np.ndarray) -> None:
    assert "(7, 1, -5)" in words and "(1.4, 0.2, -1)" in words
    assert sketch((7, 1, -5)) == pytest.approx([1.4, 0.2, -1])
    logits = portraits @ sketch((7, 1, -5))
    assert [float(cell) for cell in row(words, "logit")] == pytest.approx(logits)
    powers = row(words, r"$e^{\text{logit}}$")
    assert powers == [f"{power:.1f}" for power in np.exp(logits)]
    assert row(words, "share") == percent(softmax(logits))


def test_parts_of_the_vector_add_up_to_the_logit(words: str, portraits: np.ndarray) -> None:
    assert "(2, 1, 0) to (5, 0, -5), and together they are (7, 1, -5)" in " ".join(words.split())
    head, rest = (np.array(part) / 5 @ portraits[0] for part in ((2, 1, 0), (5, 0, -5)))
    assert (head, rest) == pytest.approx(
        (1, 3)
    ) and "The head gives 1, and the rest gives 3" in words


def test_ratio_and_surprise_follow_from_the_shares(words: str, portraits: np.ndarray) -> None:
    shares = softmax(portraits @ sketch((7, 1, -5)))
    assert "70.4 is 2.7 times 25.9" in words and round(70.4 / 25.9, 1) == 2.7
    surprises = "*Paris* would be a surprise of half a bit, and *banana* of 9.2 bits"
    assert surprises in " ".join(words.split())
    assert -np.log2(shares[0]) == pytest.approx(0.5, abs=0.05)
    assert -np.log2(shares[3]) == pytest.approx(9.2, abs=0.05)
    assert "A nat is 1.44 bits" in words and round(1 / np.log(2), 2) == 1.44


def test_solution_with_another_vector_is_right(words: str, portraits: np.ndarray) -> None:
    assert sketch((1, 7, 5)) == pytest.approx([0.2, 1.4, 1])
    logits = portraits @ sketch((1, 7, 5))
    assert logits == pytest.approx([0.8, 3.4, 5.4, 3.6])
    solution = " ".join(words.split())
    assert "0.8 for *Paris*, 3.4 for *London*, 5.4 for *the* and 3.6 for *banana*" in solution


def test_knobs_by_hand_are_right(words: str) -> None:
    """Every row of the table has its own softmax."""
    text = chapter("sampling")
    logits = np.array([float(cell) for cell in row(text, "logit")])
    assert row(text, "logit") == row(words, "logit")
    for temperature, name in ((1, "$T = 1$"), (0.5, "$T = 0.5$"), (2, "$T = 2$")):
        assert row(text, name) == percent(softmax(logits / temperature))
    two = np.append(softmax(logits[:2]), [0, 0])
    assert row(text, "top-k, $k = 2$") == row(text, "top-p, $p = 0.9$") == percent(two)
    reached = np.cumsum(softmax(logits))
    assert reached[0] < 0.9 <= reached[1] and f"{100 * reached[1]:.1f} %" == "96.3 %"
    assert reached[0] >= 0.7 and reached[1] < 0.97 <= reached[2]
    assert two[0] >= 0.72 > reached[0]


def test_multiplications_by_hand_are_right() -> None:
    text = chapter("sampling")
    matrices, look = 3 * 3 * 3, 3 + 3
    assert f"$5 \\cdot {matrices} = {5 * matrices}$" in text
    assert f"That makes {5 * matrices + 15 * look}." in text
    assert f"$6 \\cdot {matrices} + (15 + 6) \\cdot {look} = {6 * matrices + 21 * look}$" in text
    assert f"${matrices} + 6 \\cdot {look} = {matrices + 6 * look}$" in text
