"""The share of runs of tokens that occurred before."""

import pytest
from layerbook.core.tokens import Token, repeated_share


def text(letters: str) -> list[Token]:
    return [Token(ord(letter), letter, letter.encode().hex()) for letter in letters]


@pytest.mark.parametrize(
    ("letters", "share"),
    [("", 0), ("abc", 0), ("abcdefgh", 0), ("abcdabcd", 1 / 5), ("aaaaaaaa", 4 / 5)],
)
def test_repeated_runs_are_counted(letters: str, share: float) -> None:
    """By hand: abcdabcd has the runs abcd, bcda, cdab, dabc and abcd again."""
    assert repeated_share(text(letters)) == pytest.approx(share)


def test_run_length_is_configurable() -> None:
    assert repeated_share(text("abab"), n=2) == pytest.approx(1 / 3)
