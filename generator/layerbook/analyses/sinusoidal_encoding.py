"""The sinusoidal position encoding: what its constant C does to wavelengths, and to how far positions lie apart."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.figures import Axis, Figure, Frame, Frames, Heatmap, Lines, Panels, Series
from layerbook.core.requests import ActivationCaches, Describe, Request
from layerbook.core.text import listed
from layerbook.core.vectors import sinusoidal_encoding

Constant = Annotated[float, Field(ge=1, le=1e9)]


class Encoding(Record):
    """The encoding with one C; distances are Euclidean, between the vectors of two positions."""

    C: float = Field(description="The constant.")
    rank: int = Field(
        description="Directions the encoding uses: singular values above a millionth of the largest."
    )
    wavelengths: Array = Field(
        description="Positions per full turn, by pair of dimensions k: [d_model / 2]."
    )
    distance: Array = Field(
        description="Distance of two positions by how many steps they are apart: [positions]."
    )
    closest: tuple[int, int] = Field(
        description="Two positions with the smallest distance of all; the first such two."
    )
    closest_distance: float = Field(description="Their distance.")


class SinusoidalEncodingResult(Result):
    """One entry per C."""

    d_model: int = Field(
        description="Length of a position's vector, that of the model's token vectors."
    )
    positions: int = Field(description="How many positions were encoded, from 0.")
    norm: float = Field(
        description="Length of every position's vector, sqrt(d_model / 2) whatever C is."
    )
    sweeps: tuple[Encoding, ...] = Field(description="One entry per C, in the order of the spec.")


class SinusoidalEncoding(Analysis[SinusoidalEncodingResult]):
    """A vector for each position: pairs of dimensions that turn like clock hands, each pair at its own speed.

    Shapes: PE [positions, D]; dimensions 2k and 2k + 1 hold sine and cosine of pos / C^(2k/D); D is d_model.
    Units: angles in radians, wavelengths in positions; the values lie between -1 and 1.
    Limits: this is a formula, nothing learned; the model of this book does not use it.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3.5, with C = 10000 and wavelengths from 2 pi to 2 pi C.
    """

    result_type = SinusoidalEncodingResult
    positions: int = Field(default=128, ge=2, le=2048, description="How many positions, from 0.")
    C: Annotated[tuple[Constant, ...], Field(min_length=1, max_length=12)] = Field(
        default=(10000.0,),
        description="The constants to compare; 1 makes all pairs turn at one speed.",
    )

    def runs(self) -> dict[str, Request]:
        """The model's facts, for the width of its vectors; nothing is run."""
        return {"model": Describe()}

    def measure(self, captures: ActivationCaches) -> SinusoidalEncodingResult:
        """Write the encoding down for each C, and look at what it is for: telling positions apart."""
        facts = captures["model"].facts
        D, sweeps = facts.d_model, []
        for C in self.C:
            PE = sinusoidal_encoding(self.positions, D, C)  # [positions, D]
            # Turning both positions on turns nothing between them: only how far apart they are counts.
            distance = np.linalg.norm(
                PE - PE[0], axis=1
            )  # [positions]: of 0 and p, so of any two p steps apart
            gap = 1 + int(distance[1:].argmin())
            sweeps.append(
                Encoding(
                    C=C,
                    rank=int(np.linalg.matrix_rank(PE, rtol=1e-6)),
                    wavelengths=2 * np.pi * C ** (2 * np.arange((D + 1) // 2) / D),  # [D / 2]
                    distance=distance,
                    closest=(0, gap),
                    closest_distance=float(distance[gap]),
                )
            )
        norm = float(
            np.linalg.norm(PE, axis=1).mean()
        )  # of any C: each pair adds sin^2 + cos^2 = 1
        return SinusoidalEncodingResult(
            d_model=D, positions=self.positions, norm=norm, sweeps=tuple(sweeps)
        )

    def figures(self, result: SinusoidalEncodingResult) -> dict[str, Figure]:
        """`encoding`, a frame per C; `wavelengths` by pair of dimensions; `distance` by steps between positions."""
        swept = [(f"C = {sweep.C:,.15g}", sweep) for sweep in result.sweeps]
        names = [name for name, _ in swept]
        frames = [_frame(name, sweep, result) for name, sweep in swept]
        steps = tuple(float(p) for p in range(1, result.positions))
        pairs = tuple(float(k) for k in range(len(result.sweeps[0].wavelengths)))
        waves = [Series(n, pairs, tuple(s.wavelengths.tolist())) for n, s in swept]
        apart = [Series(n, steps, tuple(s.distance[1:].tolist())) for n, s in swept]
        spread = [f"{n}: {s.wavelengths[0]:,.1f} to {s.wavelengths[-1]:,.1f}" for n, s in swept]
        least = [
            f"{n}: {s.closest_distance:.2f}, at a distance of {s.closest[1]}" for n, s in swept
        ]
        return {
            "encoding": Frames(
                tuple(frames),
                f"The encoding of {result.positions} positions in {result.d_model} dimensions, for {listed(names)}.",
                f"The encoding, {result.positions} positions by {result.d_model} dimensions",
                step="C",
            ),
            "wavelengths": Lines(
                tuple(waves),
                Axis("pair of dimensions", "k"),
                Axis("wavelength", "positions", log=True),
                f"Wavelengths, first and last pair. {listed(spread)}.",
                "How long each pair takes for a full turn",
            ),
            "distance": Lines(
                tuple(apart),
                Axis("steps between two positions"),
                Axis("distance of their vectors"),
                f"How near two vectors come at most, and at which distance of their positions. {listed(least)}.",
                "How far apart the encoding puts two positions",
            ),
        }


def _frame(name: str, sweep: Encoding, result: SinusoidalEncodingResult) -> Frame:
    """The encoding with one C: sines on the left, cosines on the right, since they take turns in the columns."""
    slowest = float(sweep.wavelengths[-1])
    note = f"Wavelengths from {sweep.wavelengths[0]:.1f} to {slowest:,.0f} positions."
    if slowest < 2 * sweep.wavelengths[0]:
        note = f"Every pair turns once in {slowest:.1f} positions, rank {sweep.rank}."
    PE = sinusoidal_encoding(result.positions, result.d_model, sweep.C)  # [positions, d_model]
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
            "value",
            f"{name}, {title}.",
            title=title,
            scale=(-1, 1),
            diverging=True,
        )
        for title, half in halves
    )
    return Frame(name, Panels(panels, f"{name}. {note}", columns=2), note)
