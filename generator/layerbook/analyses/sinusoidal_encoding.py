"""The sinusoidal position encoding: wavelengths and distances for several constants C."""

from __future__ import annotations

import json
from typing import Annotated, Self

import numpy as np
from pydantic import Field, model_validator

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.charts import line
from layerbook.core.figures import (
    Axis,
    Clock,
    Figure,
    Frame,
    Frames,
    Hand,
    Heatmap,
    Lines,
    Panels,
    Widget,
)
from layerbook.core.requests import ActivationCaches, Describe, Request
from layerbook.core.rounding import Exact, Rounding, snap
from layerbook.core.text import listed, pluralize
from layerbook.core.vectors import sinusoidal_encoding

MAX_POSITION = 64  # last position in the waves of a widget
Constant = Annotated[float, Field(ge=1, le=1e9)]


class Encoding(Record):
    """The encoding with one C; distances between positions are Euclidean."""

    C: Exact = Field(description="The constant.")
    rank: int = Field(description="Number of singular values above a millionth of the largest.")
    wavelengths: Annotated[Array, Rounding(own_digits=True)] = Field(
        description="Positions per full turn, by pair of dimensions k: [d_model / 2]."
    )
    distance: Array = Field(description="Distance by the steps between two positions: [positions].")
    closest: tuple[int, int] = Field(description="The first positions with the smallest distance.")
    closest_distance: float = Field(description="Their distance.")


class SinusoidalEncodingResult(Result):
    """One entry per C."""

    d_model: int = Field(description="Length of a position's vector and of a token's.")
    positions: int = Field(description="Number of positions, from 0.")
    norm: float = Field(description="Length of any position's vector: sqrt(d_model / 2).")
    encodings: tuple[Encoding, ...] = Field(
        description="One entry per C, in the order of the spec."
    )

    @model_validator(mode="after")
    def _check_sizes(self) -> Self:
        """Reject sizes that the arrays do not have: the figures compute the encodings again."""
        sizes = ((self.d_model + 1) // 2,), (self.positions,)
        if any((e.wavelengths.shape, e.distance.shape) != sizes for e in self.encodings):
            raise ValueError("d_model and positions do not fit the arrays")
        return self


class SinusoidalEncoding(Analysis[SinusoidalEncodingResult]):
    """A vector for each position: pairs of dimensions that turn like clock hands.

    Shapes: PE [positions, D]; dimensions 2k and 2k + 1 hold sine and cosine of pos / C^(2k/D);
        D is d_model.
    Units: angles in radians, wavelengths in positions; the values lie between -1 and 1.
    Limits: this is a formula, nothing learned; the model of this book does not use it.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.5, with C = 10000 and wavelengths from
        2 pi to 2 pi C.
    """

    positions: int = Field(default=128, ge=2, le=2048, description="Number of positions, from 0.")
    C: Annotated[tuple[Constant, ...], Field(min_length=1, max_length=12)] = Field(
        default=(10000.0,),
        description="The constants to compare; with 1, all pairs turn at one speed.",
    )

    def runs(self) -> dict[str, Request]:
        """Request the model's facts, for the width of its vectors; the model does not run."""
        return {"model": Describe()}

    def measure(self, captures: ActivationCaches) -> SinusoidalEncodingResult:
        """Encode all positions with each C, and measure how far positions lie apart."""
        D = captures["model"].facts.d_model
        PE = sinusoidal_encoding(self.positions, D, self.C[-1])  # [positions, D]
        return SinusoidalEncodingResult(
            d_model=D,
            positions=self.positions,
            norm=float(np.linalg.norm(PE, axis=1).mean()),  # the same for every C: sin² + cos² = 1
            encodings=tuple(measure_encoding(C, self.positions, D) for C in self.C),
        )

    def figures(self, result: SinusoidalEncodingResult) -> dict[str, Figure]:
        """`encoding` and `clocks`, a frame per C; `wavelengths` by pair; `distance` by steps."""
        names = [_name(encoding) for encoding in result.encodings]
        return {
            "encoding": Frames(
                tuple(_frame(encoding, result) for encoding in result.encodings),
                f"The encoding of {result.positions:,} positions in {result.d_model:,} dimensions, "
                f"for {listed(names)}.",
                f"The encoding, {result.positions:,} positions by {result.d_model:,} dimensions",
                step="C",
            ),
            "clocks": _clock_frames(result),
            "wavelengths": _wavelength_lines(result),
            "distance": _distance_lines(result),
        }


def measure_encoding(C: float, positions: int, D: int) -> Encoding:
    """Return the encoding of some positions in D dimensions with one C."""
    PE = sinusoidal_encoding(positions, D, C)  # [positions, D]
    # The distance of two positions depends only on the steps between them, so 0 stands for all.
    distance = np.linalg.norm(PE - PE[0], axis=1)  # [positions]
    gap = 1 + int(snap(distance[1:]).argmin())
    return Encoding(
        C=C,
        rank=int(np.linalg.matrix_rank(PE, rtol=1e-6)),
        wavelengths=2 * np.pi * C ** (2 * np.arange((D + 1) // 2) / D),  # [D / 2]
        distance=distance,
        closest=(0, gap),
        closest_distance=float(distance[gap]),
    )


def _name(encoding: Encoding) -> str:
    return f"C = {encoding.C:,.15g}"


def _clock_frames(result: SinusoidalEncodingResult) -> Frames:
    """Draw the clock faces of some pairs at one position, a frame per C.

    On screens, readers choose C and the position, and see the waves that the hands draw.
    """
    position = min(6, result.positions - 1)
    constants = [encoding.C for encoding in result.encodings]
    last = min(MAX_POSITION, result.positions - 1)
    data = {"d_model": result.d_model, "last": last, "C": constants}
    alt = f"The hands of some pairs at position {position}; for C: " + listed(
        [f"{C:,.15g}" for C in constants]
    )
    return Frames(
        tuple(_clock_frame(encoding, position) for encoding in result.encodings),
        f"{alt}.",
        f"Where the hands stand at position {position}",
        step="C",
        interactive=Widget("waves", json.dumps(data)),
    )


def _clock_frame(encoding: Encoding, position: int) -> Frame:
    """Draw the hands of up to six pairs, dots where they stood at the positions before."""
    last = len(encoding.wavelengths) - 1
    pairs = sorted({round(i * last / 5) for i in range(6)})
    speeds = (2 * np.pi / encoding.wavelengths).tolist()  # radians per position
    clocks = tuple(
        Clock(
            (Hand(position * speeds[pair]),),
            f"Pair {pair} has turned by {position * speeds[pair] / 2 / np.pi:.2f} of a turn.",
            f"pair {pair}",
            past=tuple(earlier * speeds[pair] for earlier in range(position)),
        )
        for pair in pairs
    )
    turned = [position / float(encoding.wavelengths[pair]) for pair in (pairs[0], pairs[-1])]
    positions_later = pluralize(position, "position")
    note = (
        f"After {positions_later} the first pair has turned by {turned[0]:.2f} of a turn, the "
        f"last by {turned[1]:.2f}."
    )
    return Frame(_name(encoding), Panels(clocks, f"{_name(encoding)}. {note}"), note)


def _wavelength_lines(result: SinusoidalEncodingResult) -> Lines:
    spread = [
        f"{_name(e)}: {e.wavelengths[0]:,.1f} to {e.wavelengths[-1]:,.1f}" for e in result.encodings
    ]
    return Lines(
        tuple(line(_name(e), e.wavelengths) for e in result.encodings),
        Axis("pair of dimensions", "k"),
        Axis("wavelength", "positions", log=True),
        f"Wavelengths, first and last pair. {listed(spread)}.",
        "How long each pair takes for a full turn",
    )


def _distance_lines(result: SinusoidalEncodingResult) -> Lines:
    steps = range(1, result.positions)
    nearest = [
        f"{_name(e)}: {e.closest_distance:.2f}, at a distance of {e.closest[1]}"
        for e in result.encodings
    ]
    return Lines(
        tuple(line(_name(e), e.distance[1:], steps) for e in result.encodings),
        Axis("steps between two positions"),
        Axis("distance of their vectors"),
        "The smallest distance between two vectors, and between their positions. "
        f"{listed(nearest)}.",
        "How far apart the encoding puts two positions",
    )


def _frame(encoding: Encoding, result: SinusoidalEncodingResult) -> Frame:
    """Draw the encoding with one C: sines on the left, cosines on the right."""
    name = _name(encoding)
    slowest = float(encoding.wavelengths[-1])
    note = f"Wavelengths from {encoding.wavelengths[0]:.1f} to {slowest:,.0f} positions."
    if slowest < 2 * encoding.wavelengths[0]:
        note = f"Every pair turns once in {slowest:.1f} positions, rank {encoding.rank}."
    PE = sinusoidal_encoding(result.positions, result.d_model, encoding.C)  # [positions, d_model]
    rows, columns = Axis("position"), Axis("pair of dimensions", "k")
    halves = [
        ("even dimensions, 2k: sine", PE[:, ::2]),
        ("odd dimensions, 2k + 1: cosine", PE[:, 1::2]),
    ]
    panels = tuple(
        Heatmap(
            half,
            rows,
            columns,
            "sine or cosine",
            f"{name}, {title}.",
            title=title,
            scale=(-1, 1),
            diverging=True,
        )
        for title, half in halves
    )
    return Frame(name, Panels(panels, f"{name}. {note}", columns=2), note)
