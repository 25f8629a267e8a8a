"""The colors of figures: equal in the stylesheet and in Python, and legible in both themes."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from layerbook.plotting import colors

ASSETS = Path(__file__).parents[2] / "templates" / "assets"
PALETTE = (ASSETS / "styles" / "palette.css").read_text(encoding="utf-8")


def themes(palette: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the variables of the palette in light and in dark."""
    declared = re.findall(r"--([\w-]+): (#\w{6}|(?:light-dark|var)\([^)]*\));", palette)
    light: dict[str, str] = {}
    dark: dict[str, str] = {}
    for name, value in declared:
        colors = re.findall(r"#\w{6}", value)
        if value.startswith("var("):
            colors = [theme[value[6:-1]] for theme in (light, dark)]
        light[name], dark[name] = colors[0], colors[-1]
    return light, dark


BOOK = themes(PALETTE)
LIGHT, DARK = (
    {name[4:]: color for name, color in theme.items() if name.startswith("fig-")} for theme in BOOK
)
SERIES = [f"series-{i}" for i in range(1, len(colors.SERIES) + 1)]


def rgb(color: str) -> np.ndarray:
    """Convert `#rrggbb` to three numbers."""
    return np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)], dtype=float)


def light(color: np.ndarray) -> float:
    """Return the relative luminance of WCAG 2.2, computed independently."""
    parts = [
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in np.asarray(color) / 255
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(first: np.ndarray, second: np.ndarray) -> float:
    """Return the contrast of two colors, from 1 to 21."""
    high, low = sorted((light(first), light(second)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_stylesheet_has_the_same_colors() -> None:
    """Every color has its light value there, and no other is defined."""
    assert {name: value for value, name in colors.CSS_VARIABLES.items()} == LIGHT


def test_every_color_but_black_and_white_has_a_dark_variant() -> None:
    """The system's dark theme and the reader's choice both invert the maps, as Python does."""
    assert {name for name in LIGHT if LIGHT[name] == DARK[name]} == {"black", "white"}
    figures = (ASSETS / "figures.css").read_text(encoding="utf-8")
    assert figures.count(f"filter: invert({colors.DARK_INVERSION}) hue-rotate(180deg)") == 2


def test_figures_lie_on_the_paper_of_the_book() -> None:
    """Halos and gaps have the color of the page, so they are invisible."""
    assert [LIGHT["paper"], DARK["paper"]] == [theme["paper"] for theme in BOOK]
    assert DARK["paper"] == "#1c1916"


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_text_colors_have_enough_contrast(theme: dict[str, str]) -> None:
    """All text has 4.5 to 1: names, notes, and words in boxes."""
    pairs = [(ink, "paper") for ink in ("ink", "muted", "accent", *colors.ROLES, *SERIES)]
    pairs += [
        ("ink", "box"),
        ("muted", "box"),
        ("accent", "tint"),
        ("muted", "tint"),
        ("ink", "tint"),
    ]
    ratios = {pair: contrast(rgb(theme[pair[0]]), rgb(theme[pair[1]])) for pair in pairs}
    assert not {pair: ratio for pair, ratio in ratios.items() if ratio < 4.5}


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_shape_colors_have_enough_contrast(theme: dict[str, str]) -> None:
    """Every meaningful line, dot, bar and arrow has 3 to 1."""
    for name in ("accent", "muted", *colors.ROLES, *SERIES):
        assert contrast(rgb(theme[name]), rgb(theme["paper"])) >= 3


def linear(color: str) -> np.ndarray:
    """Convert `#rrggbb` to linear light, 0 to 1."""
    share = rgb(color) / 255
    return np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)


def oklab(light: np.ndarray) -> np.ndarray:
    """Convert linear light to OKLab (Ottosson 2020), where distances are perceptual."""
    to_cones = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    lab: np.ndarray = to_lab @ np.cbrt(to_cones @ np.clip(light, 0, 1))
    return lab


# Machado, Oliveira and Fernandes 2009, severity 1: how those see who lack one kind of cone.
VISION = {
    "all cones": np.eye(3),
    "no red": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
}


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("vision", VISION)
def test_quantities_have_distinguishable_colors(theme: dict[str, str], vision: str) -> None:
    """Query, key, value, stream and probability differ for color-blind readers too."""
    perceived = {role: oklab(VISION[vision] @ linear(theme[role])) for role in colors.ROLES}
    distances = {
        (a, b): float(np.linalg.norm(perceived[a] - perceived[b]))
        for a in perceived
        for b in perceived
        if a < b
    }
    assert not {pair: distance for pair, distance in distances.items() if distance < 0.06}


@pytest.mark.parametrize(
    "shades", [colors.sequential(), colors.diverging()], ids=["sequential", "diverging"]
)
def test_cell_values_are_legible(shades: np.ndarray) -> None:
    """Each shade and its text have 4.5 to 1 in both themes."""
    dark = colors.invert_for_dark(shades[:, :3])
    for shade, inverted, ink in zip(shades[:, :3], dark, colors.text_colors(shades), strict=True):
        assert contrast(shade, rgb(LIGHT[colors.CSS_VARIABLES[ink]])) >= 4.5
        assert contrast(inverted, rgb(DARK[colors.CSS_VARIABLES[ink]])) >= 4.5


def test_smallest_value_differs_from_the_background() -> None:
    """Readers can see it in both themes."""
    lowest = colors.sequential()[0, :3]
    assert contrast(lowest, rgb(LIGHT["paper"])) > 1.12
    assert contrast(colors.invert_for_dark(lowest), rgb(DARK["paper"])) > 1.12


def test_largest_value_is_dark_on_paper_and_bright_in_the_dark_theme() -> None:
    """The lightness falls steadily, and the inversion reverses it."""
    on_paper = [light(shade) for shade in colors.sequential()[:, :3]]
    in_dark = [light(shade) for shade in colors.invert_for_dark(colors.sequential()[:, :3])]
    assert (np.diff(on_paper) < 0).all()
    assert np.mean(np.diff(in_dark) > 0) > 0.98 and in_dark[-1] > 0.5 > 0.1 > in_dark[0]


def test_shades_are_distinct() -> None:
    """At least 255 values can be told apart; zero has the middle shade."""
    for shades in (colors.sequential(), colors.diverging()):
        assert len(np.unique(shades, axis=0)) == len(shades) >= 255
    assert len(colors.diverging()) % 2 == 1
