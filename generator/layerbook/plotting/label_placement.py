"""Place labels of points so that they cover neither each other nor the points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

_ANGLES = (0, 180, 90, 270, 35, 145, 325, 215, 65, 115, 245, 295)
_RADII = (9.0, 16.0, 26.0, 40.0, 58.0)
_ROUNDS = 4
_DOT_RADIUS = 5.0
Boxes = NDArray[np.float64]


@dataclass(frozen=True)
class LabelPlacement:
    """The rectangle of a label (left, top, right, bottom) in pixels.

    needs_leader: it is so far away that a line must lead back to its point.
    """

    box: tuple[float, float, float, float]
    needs_leader: bool


class _Candidates(NamedTuple):
    """Rectangles [n, 4] around a point, and their distances [n] from it."""

    boxes: Boxes
    distances: NDArray[np.float64]


def place_labels(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    bounds: tuple[float, float, float, float],
    strokes: Sequence[tuple[float, float, float, float]],
) -> list[LabelPlacement | None]:
    """Return a rectangle of each size near its point, or None where all would cover other labels.

    Each label in turn takes the cheapest of its candidates, given all others, for a few rounds:
    overlap with labels, points and strokes costs most, distance a little. The same input gives the
    same places.
    """
    if not points:
        return []
    centers = np.array(points, dtype=float)
    dots = np.concatenate([centers - _DOT_RADIUS, centers + _DOT_RADIUS], axis=1)
    lines = _stroke_squares(strokes)
    candidates = [
        _candidates(p, s, bounds)
        for p, s in zip(centers, np.array(sizes, dtype=float), strict=True)
    ]
    fixed_costs = [
        4 * distances
        + (5 * _overlap(boxes, dots).sum(axis=1) + 2 * _overlap(boxes, lines).sum(axis=1))
        for boxes, distances in candidates
    ]
    choices: dict[int, int] = {}
    for _ in range(_ROUNDS):
        for i, (boxes, _distances) in enumerate(candidates):
            others = np.array([candidates[j].boxes[k] for j, k in choices.items() if j != i])
            cost = fixed_costs[i] + 6 * _overlap(boxes, others.reshape(-1, 4)).sum(axis=1)
            choices[i] = int(np.argmin(cost))
    return _without_collisions(candidates, list(choices.values()))


def _without_collisions(
    candidates: list[_Candidates], choices: list[int]
) -> list[LabelPlacement | None]:
    """Return the chosen places; of two labels that still touch, the later one is dropped."""
    result: list[LabelPlacement | None] = []
    occupied = np.empty((0, 4))
    for (boxes, distances), choice in zip(candidates, choices, strict=True):
        box = boxes[choice]
        if _overlap(box[None], occupied).sum() > 0:
            result.append(None)
            continue
        occupied = np.vstack([occupied, box])
        left, top, right, bottom = (float(v) for v in box)
        needs_leader = bool(distances[choice] > _RADII[1])
        result.append(LabelPlacement((left, top, right, bottom), needs_leader))
    return result


def _candidates(
    point: NDArray[np.float64], size: NDArray[np.float64], bounds: tuple[float, float, float, float]
) -> _Candidates:
    """Return rectangles around the point, moved inside the bounds."""
    angle = np.radians(np.tile(_ANGLES, len(_RADII)))
    distance = np.repeat(_RADII, len(_ANGLES))
    direction = np.stack([np.cos(angle), -np.sin(angle)], axis=1)
    center = (
        point
        + direction * distance[:, None]
        + direction * size / 2 * np.where(np.abs(direction) > 0.3, 1, np.abs(direction))
    )
    low = np.clip(
        center - size / 2, bounds[:2], np.maximum(np.array(bounds[2:]) - size, bounds[:2])
    )
    return _Candidates(np.concatenate([low, low + size], axis=1), distance)


def _stroke_squares(strokes: Sequence[tuple[float, float, float, float]]) -> Boxes:
    """Return small squares along each stroke, close enough that a label across it overlaps some."""
    share = np.linspace(0, 1, 14)[:, None]
    points = [np.array(s[:2]) * (1 - share) + np.array(s[2:]) * share for s in strokes]
    middle = np.concatenate(points) if points else np.empty((0, 2))
    return np.concatenate([middle - 3, middle + 3], axis=1)


def _overlap(boxes: Boxes, other_boxes: Boxes) -> NDArray[np.float64]:
    """Return the areas [n, m] that the rectangles share."""
    low = np.maximum(boxes[:, None, :2], other_boxes[None, :, :2])
    high = np.minimum(boxes[:, None, 2:], other_boxes[None, :, 2:])
    return np.clip(high - low, 0, None).prod(axis=2)
