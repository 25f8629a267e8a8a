"""Order, token by token: invisible in means of embeddings."""

import math

import numpy as np
import pytest
from fixtures.run_analysis import FakeModel, json_round_trip, run
from layerbook.analyses.token_position import TokenPosition
from layerbook.core.figures import Panels, Scatter

TEXTS = ("the cat and the dog and the bird", "a b c d e f g h", "one")


def measured(**parameters):
    """Return the analysis on random embedding rows, and its result."""
    model = FakeModel(width=16)
    analysis = TokenPosition(prompts=TEXTS, shuffle_seed=2, **{"C": (1, 10000)} | parameters)
    return model, analysis, json_round_trip(analysis, analysis.measure(model.captures(analysis)))


def encoding(rows, width, C):
    """Return the encoding, computed number by number."""
    return np.array(
        [
            [
                (math.cos if i % 2 else math.sin)(p / C ** (2 * (i // 2) / width))
                for i in range(width)
            ]
            for p in range(rows)
        ]
    )


def test_two_orders_have_equal_means():
    """They agree to 1e-12, though every moved token changes by the distance of its positions."""
    _, _, result = measured()
    assert result.pooled_difference_without < 1e-12
    assert result.pooled_difference_with < 1e-12
    for sweep in result.encodings:
        for prompt, drawn in zip(result.prompts, sweep.maps, strict=True):
            T = len(prompt.tokens)
            PE = np.zeros((T, 16)) if sweep.C is None else encoding(T, 16, sweep.C)
            steps = [np.linalg.norm(PE[to] - PE[t]) for t, to in enumerate(prompt.new_positions)]
            assert drawn.mean_displacement == pytest.approx(np.mean(steps), abs=1e-6)
    assert [m.mean_displacement for m in result.encodings[0].maps] == [0, 0, 0]
    assert result.encodings[1].maps[1].mean_displacement > 1


def test_tokens_are_matched_between_the_orders():
    """`new_positions` leads to an equal token, each position once."""
    model, analysis, result = measured()
    captures = model.captures(analysis)
    for i, prompt in enumerate(result.prompts):
        shuffled = captures[f"shuffled-{i}"].tokens
        assert sorted(prompt.new_positions) == list(range(len(shuffled)))
        assert [shuffled[to] for to in prompt.new_positions] == list(prompt.tokens)


def test_axes_are_fitted_to_the_order_as_written():
    """Both orders use the eigenvectors of the first, to 1e-9."""
    model, analysis, result = measured()
    captures = model.captures(analysis)
    drawn, to = result.encodings[2].maps[1], list(result.prompts[1].new_positions)
    PE = encoding(8, 16, 10000)
    here, there = (captures[f"{kind}-1"].sites for kind in ("written", "shuffled"))
    E, E2 = (
        (sites[next(s for s in sites if s.name == "embed")]).astype(np.float64)
        for sites in (here, there)
    )
    center = (E + PE).mean(axis=0)
    values, vectors = np.linalg.eigh(np.cov((E + PE).T))
    axes = vectors[:, ::-1][:, :2]
    axes = axes * np.sign(((E + PE - center) @ axes * drawn.written).sum(axis=0))

    assert np.abs((E + PE - center) @ axes - drawn.written).max() < 1e-9
    assert np.abs(((E2 + PE - center) @ axes)[to] - drawn.shuffled).max() < 1e-9
    assert drawn.explained == pytest.approx(tuple(values[::-1][:2] / values.sum()), abs=1e-9)


def test_strong_encodings_follow_the_position_and_weak_ones_the_token():
    """Short rows follow the position, long rows the token."""
    for factor, alike in ((1e-3, "nearest_to_new_position"), (100, "nearest_to_itself")):
        model = FakeModel(width=16)
        model.matrix = model.matrix * np.float32(factor)
        analysis = TokenPosition(prompts=(TEXTS[1],), shuffle_seed=2, C=(10000,))
        sweep = analysis.measure(model.captures(analysis)).encodings[1]
        assert getattr(sweep, alike) == sweep.changed_position > 4
    assert measured()[2].encodings[0].changed_position == sum(
        to != t for p in measured()[2].prompts for t, to in enumerate(p.new_positions)
    )


def test_scale_is_the_square_root_of_the_width():
    """`sqrt-d` scales tokens by four in 16 dimensions, not the encoding."""
    plain, scaled = measured()[2], measured(scale="sqrt-d")[2]
    assert scaled.embedding_norm == pytest.approx(4 * plain.embedding_norm, rel=1e-6)
    assert scaled.encoding_norm == plain.encoding_norm == pytest.approx(math.sqrt(8), abs=1e-6)


def test_panel_per_constant_with_an_arrow_per_token():
    """The first panel has no encoding; arrows lead to the shuffled points."""
    _, analysis, result = measured()
    charts = analysis.figures(result)
    assert set(charts) == {"points-0", "points-1", "points-2"}
    figure = charts["points-1"]
    assert isinstance(figure, Panels)
    assert [panel.title for panel in figure.panels] == ["no encoding", "C = 1", "C = 10,000"]
    for panel, sweep in zip(figure.panels, result.encodings, strict=True):
        assert isinstance(panel, Scatter) and panel.equal
        assert [point.arrow_to for point in panel.points] == [*range(8, 16), *[None] * 8]
        end = panel.points[panel.points[3].arrow_to]
        assert (end.x, end.y) == pytest.approx(tuple(sweep.maps[1].shuffled[3]), abs=1e-12)
    assert "C = 1: " in figure.alt


def test_means_of_a_model_are_equal(tiny):
    """Means of its embeddings agree to 1e-12, without an encoding and with one."""
    texts = ("The cat sat on the table and the dog", "2 + 2 = 4, and noise")
    result = run(tiny, TokenPosition(prompts=texts, shuffle_seed=1, C=(1, 100)))
    assert max(result.pooled_difference_without, result.pooled_difference_with) < 1e-12
