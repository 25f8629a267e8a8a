"""The colors of all figures: named paints that the page may re-color, and two color maps.

A paint is drawn in its light value and becomes `var(--fig-NAME, light value)` in the finished SVG,
so that one picture serves light, dark and paper. The maps run at equal perceptual steps through
OKLab (Björn Ottosson, "A perceptual color space for image processing", 2020). They are made for
light paper; the stylesheet inverts them for dark pages, where large values should be bright.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from layerbook.core.figures import Role

INK = "#28231d"
MUTED = "#675e52"
GRID = "#e6decf"
LINE = "#b9ac97"
PAPER = "#fcf9f4"
BOX = "#f4ede1"
ACCENT = "#96391b"
TINT = "#f8e3d6"
PALE = "#d9cdb9"
# Ink on cells that are pale on paper and dark on a dark screen; matplotlib omits #000000.
INK_ON_PALE = "#010101"
INK_ON_DARK = "#ffffff"  # the reverse
INK_ON_MIDDLE = ("#000001", "#fffffe")  # black or white on both, for cells in the middle
SERIES = ("#2c5f9e", "#b4511a", "#1b7a68", "#84479a", "#80660d", "#b23a6e", "#5a6672", "#56741a")

NEUTRAL = SERIES[6]
"""The color of bars that measure none of the quantities below."""

ROLES: dict[Role, str] = {
    "query": "#1d5fb8",
    "key": "#a84c08",
    "value": "#0a7d4f",
    "residual": "#3f3a35",
    "probability": "#a0307f",
}
"""The color of each quantity, which palette.css has as `--query` and so on."""


def role_color(role: Role | None, default: str) -> str:
    """Return the color of a quantity, or the default for a role without a color."""
    return ROLES[role] if role else default


DARK_INVERSION = 0.9
"""The same as in figures.css: less than 1, so that small values can be seen on dark pages."""

CSS_VARIABLES = {
    INK: "ink",
    MUTED: "muted",
    GRID: "grid",
    LINE: "line",
    PAPER: "paper",
    BOX: "box",
    ACCENT: "accent",
    TINT: "tint",
    PALE: "pale",
    INK_ON_PALE: "on-pale",
    INK_ON_DARK: "on-deep",
    INK_ON_MIDDLE[0]: "black",
    INK_ON_MIDDLE[1]: "white",
    **{paint: role for role, paint in ROLES.items()},
    **{paint: f"series-{i}" for i, paint in enumerate(SERIES, start=1)},
}

# Lightness, chroma, hue in degrees. The low end is tinted enough to be seen on paper: small is
# not absent.
_SEQUENTIAL_STOPS = (
    (0.935, 0.032, 95.0),
    (0.80, 0.085, 155.0),
    (0.60, 0.10, 215.0),
    (0.42, 0.115, 262.0),
    (0.27, 0.09, 285.0),
)
_NEGATIVE_STOPS = (
    (0.95, 0.008, 90.0),
    (0.78, 0.08, 245.0),
    (0.56, 0.13, 255.0),
    (0.36, 0.12, 262.0),
)
_POSITIVE_STOPS = ((0.95, 0.008, 90.0), (0.80, 0.09, 60.0), (0.58, 0.14, 42.0), (0.38, 0.11, 32.0))


def css_color(color: str) -> str:
    """Return a color as a variable of the page, with the light value as fallback."""
    name = CSS_VARIABLES.get(color.lower())
    return f"var(--fig-{name}, {color.lower()})" if name else color


@cache
def sequential() -> NDArray[np.uint8]:
    """Return colors [256, RGBA] from little (pale) to much (dark)."""
    return _oklab_to_srgb(_even_steps(_SEQUENTIAL_STOPS, 256))


@cache
def diverging() -> NDArray[np.uint8]:
    """Return colors [255, RGBA] from negative (blue) through zero (pale) to positive (rust)."""
    negative, positive = _even_steps(_NEGATIVE_STOPS, 128), _even_steps(_POSITIVE_STOPS, 128)
    return _oklab_to_srgb(np.concatenate([negative[::-1], positive[1:]]))


def text_colors(shades: NDArray[np.uint8]) -> list[str]:
    """Return the legible ink for each shade [n, RGBA] of a map, on paper and on a dark screen."""
    black, white = np.zeros(3), np.full(3, 255.0)
    paper, dark = shades[:, :3], invert_for_dark(shades[:, :3])
    black_on_paper = contrast_ratio(paper, black) > contrast_ratio(paper, white)
    black_on_dark = contrast_ratio(dark, black) > contrast_ratio(dark, white)
    names = {
        (True, False): INK_ON_PALE,
        (False, True): INK_ON_DARK,
        (True, True): INK_ON_MIDDLE[0],
        (False, False): INK_ON_MIDDLE[1],
    }
    pairs = zip(black_on_paper.tolist(), black_on_dark.tolist(), strict=True)
    return [names[pair] for pair in pairs]


def contrast_ratio(first: NDArray[Any], second: NDArray[Any]) -> NDArray[np.float64]:
    """Return the contrast of sRGB colors [..., 3] in 0..255, from 1 to 21.

    Source: WCAG 2.2, relative luminance.
    """
    lights = []
    for color in (first, second):
        share = np.asarray(color, dtype=np.float64) / 255
        linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
        lights.append(linear @ np.array([0.2126, 0.7152, 0.0722]) + 0.05)
    return np.maximum(*lights) / np.minimum(*lights)


def invert_for_dark(color: NDArray[Any]) -> NDArray[np.float64]:
    """Return map colors [..., 3] in 0..255 as dark pages show them.

    The filter is `invert(0.9) hue-rotate(180deg)`. The matrix is that of hue-rotate in Filter
    Effects Module Level 1, at 180 degrees.
    """
    share = np.asarray(color, dtype=np.float64) / 255 * (1 - 2 * DARK_INVERSION) + DARK_INVERSION
    grey = np.array([0.213, 0.715, 0.072])
    return 255 * np.clip(2 * (share @ grey)[..., None] - share, 0, 1)


def _even_steps(stops: tuple[tuple[float, float, float], ...], count: int) -> NDArray[np.float64]:
    """Return points [count, Lab] at equal distances along the path through the stops.

    A stop has lightness, chroma and hue.
    """
    stop_positions = np.linspace(0, 1, len(stops))
    samples = np.linspace(0, 1, 2000)
    light, chroma, hue = (
        np.interp(samples, stop_positions, [stop[k] for stop in stops]) for k in range(3)
    )
    lab = np.stack(
        [light, chroma * np.cos(np.radians(hue)), chroma * np.sin(np.radians(hue))], axis=1
    )
    path_lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(lab, axis=0), axis=1))])
    equal_lengths = np.linspace(0, path_lengths[-1], count)
    return np.stack([np.interp(equal_lengths, path_lengths, lab[:, k]) for k in range(3)], axis=1)


def _oklab_to_srgb(lab: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Convert OKLab [n, 3] to sRGB [n, RGBA]; colors outside of sRGB are clipped."""
    to_cone = np.array(
        [
            [1, 0.3963377774, 0.2158037573],
            [1, -0.1055613458, -0.0638541728],
            [1, -0.0894841775, -1.291485548],
        ]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.707614701],
        ]
    )
    linear: NDArray[Any] = np.clip((lab @ to_cone.T) ** 3 @ to_rgb.T, 0, 1)
    srgb = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return np.concatenate([np.round(255 * srgb), np.full((len(lab), 1), 255)], axis=1).astype(
        np.uint8
    )
