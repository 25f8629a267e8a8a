"""The effect of C on the sinusoidal encoding, by brute force over all pairs of positions."""

import math

import numpy as np
import pytest
from fixtures.run_analysis import FakeModel, facts, json_round_trip, run
from layerbook.analyses.sinusoidal_encoding import SinusoidalEncoding
from layerbook.core.figures import Frames, Lines, Panels
from pydantic import ValidationError


def measured(d_model=64, **parameters):
    """Return the analysis for a model of this width."""
    analysis = SinusoidalEncoding(**parameters)
    return analysis, json_round_trip(
        analysis, analysis.measure(FakeModel(facts=facts(d_model=d_model)).captures(analysis))
    )


def formula(positions, width, C):
    """Return the encoding, computed number by number."""
    return np.array(
        [
            [
                (math.cos if i % 2 else math.sin)(p / C ** (2 * (i // 2) / width))
                for i in range(width)
            ]
            for p in range(positions)
        ]
    )


@pytest.mark.parametrize("C", [1.0, 3.0, 10000.0])
def test_closest_positions_are_the_closest_of_all_pairs(C):
    """Distances from position 0 represent all pairs, to 1e-9."""
    _, result = measured(positions=60, C=(C,))
    sweep = result.encodings[0]
    encoding = formula(60, 64, C)
    pairs = {
        (i, j): np.linalg.norm(encoding[i] - encoding[j])
        for i in range(60)
        for j in range(i + 1, 60)
    }

    assert all(abs(pairs[i, j] - sweep.distance[j - i]) < 1e-9 for i, j in pairs)
    assert sweep.closest_distance == pytest.approx(min(pairs.values()), abs=1e-9)
    assert pairs[sweep.closest] == pytest.approx(min(pairs.values()), abs=1e-9)


def test_all_pairs_share_a_wavelength_for_c_of_one():
    """The rank is 2, and positions 73 and 117 nearly coincide: 2 sin(22) sqrt(d / 2), to 1e-9."""
    _, result = measured(d_model=576, positions=128, C=(1,))
    sweep = result.encodings[0]

    assert sweep.rank == 2 and np.ptp(sweep.wavelengths) < 1e-12
    encoding = formula(128, 576, 1)
    expected = abs(2 * math.sin(22)) * math.sqrt(576 / 2)
    assert np.linalg.norm(encoding[73] - encoding[117]) == pytest.approx(expected, abs=1e-9)
    assert sweep.closest == (0, 44) and sweep.closest_distance == pytest.approx(expected, abs=1e-9)
    assert expected < 0.02 * result.norm


def test_wavelengths_grow_with_c():
    """They are 2 pi C^(2k/d); all vectors have length sqrt(d / 2), to 1e-12."""
    _, result = measured(positions=40, C=(1, 10, 10000))
    for sweep in result.encodings:
        expected = [2 * math.pi * sweep.C ** (2 * k / 64) for k in range(32)]
        assert sweep.wavelengths.tolist() == pytest.approx(expected, rel=1e-12)
    slowest = [sweep.wavelengths[-1] for sweep in result.encodings]
    assert slowest == sorted(slowest) and slowest[0] < slowest[1]
    assert {round(sweep.wavelengths[0], 12) for sweep in result.encodings} == {
        round(2 * math.pi, 12)
    }
    assert result.norm == pytest.approx(math.sqrt(32), abs=1e-12)


def test_rank_follows_from_the_formula():
    """It is the number of singular values above a millionth of the largest."""
    _, result = measured(positions=30, C=(1, 10))
    for sweep in result.encodings:
        singular_values = np.linalg.svd(formula(30, 64, sweep.C), compute_uv=False)
        assert sweep.rank == (singular_values > 1e-6 * singular_values[0]).sum()


def test_figures_show_the_encoding_and_its_waves():
    """Each C is a frame; wavelengths are on a logarithmic axis."""
    analysis, result = measured(positions=20, C=(1, 10000))
    charts = analysis.figures(result)
    frames = charts["encoding"]
    assert isinstance(frames, Frames) and [frame.label for frame in frames.frames] == [
        "C = 1",
        "C = 10,000",
    ]
    picture = frames.frames[1].picture
    assert isinstance(picture, Panels)
    sines, cosines = picture.panels
    assert np.abs(sines.values - formula(20, 64, 10000)[:, ::2]).max() < 1e-12
    assert np.abs(cosines.values - formula(20, 64, 10000)[:, 1::2]).max() < 1e-12
    clocks = [frame.picture.panels for frame in charts["clocks"].frames]
    assert [clock.hands[0].angle for clock in clocks[0]] == pytest.approx([6.0] * 6)
    assert clocks[1][0].hands[0].angle == pytest.approx(6.0)
    assert clocks[1][-1].hands[0].angle == pytest.approx(6 / 10000 ** (62 / 64))
    waves, distance = charts["wavelengths"], charts["distance"]
    assert isinstance(waves, Lines) and waves.y.log and len(waves.series) == 2
    assert isinstance(distance, Lines) and len(distance.series[0].x) == 19
    assert f"{result.encodings[0].closest_distance:.2f}" in distance.alt


def test_odd_widths_and_invalid_constants_are_refused():
    """An odd d_model leaves a sine without a cosine."""
    _, result = measured(d_model=7, positions=5, C=(10,))
    assert len(result.encodings[0].wavelengths) == 4
    for parameters in ({"C": (0.5,)}, {"positions": 1}, {"C": ()}):
        with pytest.raises(ValidationError):
            SinusoidalEncoding(**{"C": (1,)} | parameters)


def test_width_defaults_to_that_of_the_model(tiny):
    result = run(tiny, SinusoidalEncoding(positions=8, C=(10,)))
    assert result.d_model == 32 and len(result.encodings[0].wavelengths) == 16
