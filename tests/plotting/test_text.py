"""Words and numbers in figures."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from fixtures.sample_figures import TOKEN_LABELS, TOKENS
from layerbook.plotting import svg, text


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0"),
        (0.6172, "0.617"),
        (-2.5, "−2.5"),
        (999.6, "1,000"),
        (1540.2, "1,540"),
        (3.14e-5, "3.1×10⁻⁵"),
        (1e-6, "10⁻⁶"),
        (-1e-6, "−10⁻⁶"),
        (2.5e7, "2.5×10⁷"),
        (float("nan"), "–"),
        (float("inf"), "∞"),
        (float("-inf"), "−∞"),
    ],
)
def test_numbers_have_three_digits(value: float, shown: str) -> None:
    """With a real minus sign."""
    assert text.format_number(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(576, "576"), (59_000, "59 k"), (884_736, "0.88 M"), (134_515_008, "135 M")],
)
def test_counts_are_compact(value: int, shown: str) -> None:
    """As in 28.3 M."""
    assert text.format_count(value) == shown


def test_labels_are_one_line_of_valid_xml_characters() -> None:
    """Whitespace is visible, control and direction characters are numbers."""
    assert tuple(text.printable(token) for token in TOKENS) == TOKEN_LABELS
    assert text.printable("a\nb\x00\u202e") == "a⏎b<U+0000><U+202E>"


def test_shortening_counts_columns() -> None:
    """Wide characters count as two, combining ones as none."""
    assert text.shorten("abcdef", 6) == "abcdef"
    assert text.shorten("abcdefg", 6) == "abcde…"
    assert text.shorten("日本語文", 6) == "日本…"
    assert text.shorten("e\u0301" * 6, 6) == "e\u0301" * 6


@pytest.mark.parametrize(
    ("length", "room", "interval"), [(10, 10, 1), (10, 9, 2), (576, 12, 50), (64, 13, 5), (3, 0, 5)]
)
def test_labels_are_thinned_to_round_steps(length: int, room: int, interval: int) -> None:
    """1, 2, 5, 10, 20, ...: at most as many labels as fit."""
    assert text.label_step(length, room) == interval


def test_ids_do_not_depend_on_the_last_bit_of_a_coordinate() -> None:
    """matplotlib derives ids from coordinates, which differ slightly between processors."""
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"><defs>'
        '<path id="m{0}" d="M 0 0 L 1 1" style="stroke: #000000"/>'
        '<clipPath id="p{1}"><rect width="1" height="1"/></clipPath></defs>'
        '<g clip-path="url(#p{1})"><use xlink:href="#m{0}" x="1" y="2"/></g></svg>'
    )
    words = SimpleNamespace(title="A title", alt="Words")
    first, second = (
        svg.embed_matplotlib_svg(drawn.format(*hashes), svg.root_element("f", 9, 9, words), "f", {})
        for hashes in (("0a1b", "77aa"), ("9c9c", "12ef"))
    )
    assert first == second
    assert (
        'id="f-part1"' in first
        and 'clip-path="url(#f-part1)"' in first
        and 'href="#f-part2"' in first
    )
