"""Drawings as pixels: SVG to PNG, with the fonts that matplotlib brings along."""

from __future__ import annotations

from importlib.resources import as_file, files

import resvg_py


def svg_to_png(svg: str, scale: float) -> bytes:
    """Return a drawing as PNG on white, `scale` pixels for each of its own.

    Letters that DejaVu lacks come from the system's fonts. Raises ValueError for broken SVG.
    """
    with as_file(files("matplotlib") / "mpl-data" / "fonts" / "ttf") as fonts:
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=svg,
                zoom=scale,
                background="white",
                font_dirs=[str(fonts)],
                font_family="DejaVu Sans",
                sans_serif_family="DejaVu Sans",
                serif_family="DejaVu Serif",
                monospace_family="DejaVu Sans Mono",
            )
        )
