"""The Gram matrix of the attention output, against explicit loops and on a tiny random Llama."""

from __future__ import annotations

import numpy as np
import pytest
from fixtures.letters import FixedRequests, LetterVocabulary
from fixtures.run_analysis import capture_requests, json_round_trip
from layerbook.analyses.attention_gram import AttentionGram
from layerbook.core.figures import Bars, Heatmap, Panels
from layerbook.core.requests import ActivationCache, Forward, Prompt, Site

TEXT = "The cat sat on the table. 2 + 2 = 4"


def capture(ids: list[int], out: np.ndarray, pattern: np.ndarray) -> ActivationCache:
    """Return a capture with this attention output [T, D] and pattern [heads, T, T] in layer 3."""
    vocabulary = LetterVocabulary()
    sites = {
        Site("attn_out", 3): out.astype(np.float32),
        Site("pattern", 3): pattern.astype(np.float32),
    }
    return ActivationCache(
        tuple(vocabulary.token(i) for i in ids), "text", vocabulary, sites, len(ids)
    )


def random_pattern(length: int) -> np.ndarray:
    """Return two heads whose rows sum to one."""
    rows = np.tril(np.random.default_rng(2).random((2, length, length)))
    return rows / rows.sum(-1, keepdims=True)


def test_cells_and_correlations_follow_their_definitions():
    """Dot products, and Pearson's r over the cells below the diagonal, cell by cell, to 1e-5."""
    out, pattern = np.random.default_rng(1).normal(size=(5, 7)), random_pattern(5)
    analysis = AttentionGram(prompts=("x",), layers=(3,))
    (prompt,) = json_round_trip(
        analysis, analysis.measure({"prompt-0": capture([1, 2, 3, 4, 5], out, pattern)})
    ).prompts
    dots, looks, sizes = [], [], []
    for q in range(5):
        for k in range(5):
            assert prompt.gram[0, q, k] == pytest.approx(
                sum(out[q, d] * out[k, d] for d in range(7)), abs=1e-5
            )
            if k < q:
                dots.append(sum(out[q] * out[k]))
                looks.append((pattern[0, q, k] + pattern[1, q, k]) / 2)
                sizes.append(sum(out[q] ** 2) ** 0.5 * sum(out[k] ** 2) ** 0.5)

    assert prompt.correlation == (pytest.approx(pearson(dots, looks), abs=1e-5),)
    assert prompt.length_correlation == (pytest.approx(pearson(dots, sizes), abs=1e-5),)
    assert (prompt.leading_equal_tokens, prompt.leading_difference) == (1, (0.0,))


def test_leading_equal_tokens_are_compared_with_the_first():
    """Outputs of length 3, 3.3 and 2.4 at three equal tokens differ by 0.6, a fifth of the
    first.
    """
    out = np.array([[3.0, 0], [3.3, 0], [2.4, 0], [-9, 1]])
    analysis = AttentionGram(prompts=("x",), layers=(3,))
    (prompt,) = analysis.measure(
        {"prompt-0": capture([2, 2, 2, 5], out, random_pattern(4))}
    ).prompts

    assert (prompt.leading_equal_tokens, prompt.leading_difference) == (
        3,
        (pytest.approx(0.2, abs=1e-6),),
    )


def pearson(x: list[float], y: list[float]) -> float:
    """Return r by its definition."""
    a, b = np.array(x) - sum(x) / len(x), np.array(y) - sum(y) / len(y)
    return float((a * b).sum() / ((a**2).sum() * (b**2).sum()) ** 0.5)


@pytest.mark.parametrize("length", [1, 2])
def test_too_few_cells_have_no_correlation(length):
    """A single cell has no variance, so the correlation is null and its bar says so."""
    analysis = AttentionGram(prompts=("x",), layers=(3,))
    out = np.random.default_rng(1).normal(size=(length, 4))
    run = capture([1, 2][:length], out, random_pattern(length))
    result = json_round_trip(analysis, analysis.measure({"prompt-0": run}))
    panels = analysis.figures(result)["correlation"]

    assert result.prompts[0].correlation == (None,)
    assert isinstance(panels, Panels)
    (bars,) = panels.panels
    assert isinstance(bars, Bars)
    assert bars.values == (0.0,)
    assert bars.labels[0].endswith("undefined")


def test_gram_matrix_is_the_output_times_its_transpose(tiny):
    """X comes from a separate pass; the entries agree to 1e-5 of the largest."""
    analysis = AttentionGram(prompts=(TEXT,), layers=(0, 1))
    result = analysis.measure(capture_requests(tiny, analysis))
    sites = [Site("attn_out", layer) for layer in (0, 1)]
    raw = capture_requests(
        tiny, FixedRequests({"run": Forward(Prompt(text=TEXT), frozenset(sites))})
    )["run"]

    for layer, site in enumerate(sites):
        expected = raw[site].astype(np.float64) @ raw[site].astype(np.float64).T
        assert (
            np.abs(result.prompts[0].gram[layer] - expected).max() < 1e-5 * np.abs(expected).max()
        )


def test_equal_leading_tokens_have_equal_outputs(tiny):
    """Values carry no position, so equal tokens at the start get equal outputs in every layer."""
    analysis = AttentionGram(prompts=("zzzz cat", "cat zzzz"), layers=(0, 1))
    first, second = analysis.measure(capture_requests(tiny, analysis)).prompts

    assert (first.leading_equal_tokens, second.leading_equal_tokens) == (4, 1)
    assert max(first.leading_difference) < 1e-5
    z = [i for i, token in enumerate(second.tokens) if token.text == "z"]
    assert np.ptp(np.diag(second.gram[1])[z]) > 1e-3
    assert np.ptp(np.diag(first.gram[1])[:4]) < 1e-4


def test_charts_show_the_signs_and_the_pairs(tiny):
    """Dot products have diverging colors and no causal mask; every pair is a point."""
    analysis = AttentionGram(prompts=("2 + 2",), layers=(0, 1))
    result = analysis.measure(capture_requests(tiny, analysis))
    figures = analysis.figures(result)

    assert list(figures) == [
        "prompt-0-layer-0",
        "prompt-0-layer-1",
        "layer-0",
        "layer-1",
        "against-pattern",
        "correlation",
    ]
    for layer in (0, 1):
        chart, gram = figures[f"prompt-0-layer-{layer}"], result.prompts[0].gram[layer]
        assert isinstance(chart, Heatmap)
        assert chart.diverging == (gram.min() < 0)
        assert not chart.causal
        assert chart.scale is None
        grid = figures[f"layer-{layer}"]
        assert isinstance(grid, Panels) and (grid.panels[0].values == gram).all()
    panels = figures["against-pattern"]
    assert isinstance(panels, Panels)
    length = len(result.prompts[0].tokens)
    assert [len(panel.points) for panel in panels.panels] == [length * (length - 1) // 2] * 2
