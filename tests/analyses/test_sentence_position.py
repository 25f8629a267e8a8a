"""The lecture's picture of sentence positions: what it computes, and what it cannot show."""

import math

import numpy as np
import pytest
from fixtures.run_analysis import FakeModel, json_round_trip, run
from layerbook.analyses.sentence_position import SentencePosition

TEXTS = ("The cat sat on the mat .", "Birds fly", "The cat sat high in the sky today", "cool")


def measured(texts=TEXTS, C=1.0):
    """Return the analysis on random embedding rows, its result, and the padded means."""
    model, analysis = FakeModel(width=20), SentencePosition(prompts=texts, shuffle_seed=1, C=C)
    captures = model.captures(analysis)
    result = json_round_trip(analysis, analysis.measure(captures))
    longest = max(len(captures[f"text-{i}"].tokens) for i in range(len(texts)))
    means = []
    for i in range(len(texts)):
        ids = [token.id for token in captures[f"text-{i}"].tokens]
        means.append(model.matrix[ids + [0] * (longest - len(ids))].astype(np.float64).mean(axis=0))
    return analysis, result, np.array(means)


def encoding(rows, width, C):
    """Return the encoding; row n is for sentence n."""
    return np.array(
        [
            [
                (math.cos if i % 2 else math.sin)(n / C ** (2 * (i // 2) / width))
                for i in range(width)
            ]
            for n in range(rows)
        ]
    )


def distances(points):
    """Return all distances between points [N, 2] or [N, D], which rotation and reflection keep."""
    return np.array([[np.linalg.norm(a - b) for a in points] for b in points])


def on_own_axes(rows):
    """Return the distances on the two-dimensional map of these rows, with numpy alone."""
    u, singular_values, _ = np.linalg.svd(rows - rows.mean(axis=0), full_matrices=False)
    return distances(u[:, :2] * singular_values[:2])


@pytest.mark.parametrize("C", [1.0, 100.0])
def test_distances_follow_from_means_times_the_encoding(C):
    """On both maps, to 1e-9."""
    _, result, means = measured(C=C)
    positions = np.array([(point.x, point.y) for point in result.without_encoding.written.points])
    encoded = np.array([(point.x, point.y) for point in result.with_encoding.written.points])

    assert np.abs(distances(positions) - on_own_axes(means)).max() < 1e-9
    assert np.abs(distances(encoded) - on_own_axes(means * encoding(4, 20, C))).max() < 1e-9


def test_first_sentence_has_half_of_its_numbers_zeroed():
    """sin(0) is 0 in every even dimension, for any C."""
    assert measured(C=1.0)[1].zeroed_share == measured(C=50.0)[1].zeroed_share == 0.5


def test_permuted_words_keep_the_mean_and_reversed_lists_do_not():
    """Permuted ids agree to 1e-12; a reversed list moves as the formula predicts, to 1e-9."""
    _, result, means = measured()
    assert result.permuted_change < 1e-12
    moved = means * encoding(4, 20, 1.0)
    back = means * encoding(4, 20, 1.0)[::-1]
    assert result.reversed_list_change == pytest.approx(
        np.linalg.norm(back - moved, axis=1).max(), abs=1e-9
    )
    assert result.reversed_list_change > 0.1


def test_figures_show_both_maps():
    """Both share one scale, and the axis names have the shares of variance."""
    analysis, result, _ = measured()
    charts = analysis.figures(result)
    assert set(charts) == {"without", "with"}
    assert "C = 1" in charts["with"].title
    for chart, part in (
        (charts["without"], result.without_encoding),
        (charts["with"], result.with_encoding),
    ):
        assert (
            chart.equal
            and len(chart.points) == 8
            and not any(point.arrow_to is not None for point in chart.points)
        )
        assert (
            f"{part.written.explained[0]:.0%} and {part.shuffled.explained[0]:.0%}"
            in chart.x.title()
        )
        assert "Birds fly" in chart.alt


def test_tiny_model_gives_the_zeroed_share_and_equal_permuted_means(tiny):
    """With real padding, to 1e-12."""
    texts = ("The cat sat on the table.", "The dog", "noise noise")
    result = run(tiny, SentencePosition(prompts=texts, shuffle_seed=0))
    assert (
        result.zeroed_share == 0.5 and result.permuted_change < 1e-12 < result.reversed_list_change
    )
