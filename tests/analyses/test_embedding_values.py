"""The embedding vectors of tokens are rows of the matrix."""

import numpy as np
import pytest
from fixtures.run_analysis import FakeModel, json_round_trip, run
from layerbook.analyses.embedding_values import EmbeddingValues
from layerbook.core.figures import Heatmap


@pytest.fixture(scope="module")
def measured():
    """Return two prompts on random embedding rows."""
    model, analysis = FakeModel(width=12), EmbeddingValues(prompts=("Hello, World", "World"))
    return model, analysis, json_round_trip(analysis, analysis.measure(model.captures(analysis)))


def test_values_are_the_rows_of_the_matrix(measured):
    """Rows are exact, and lengths agree to a relative 1e-6."""
    model, _, result = measured
    first = result.prompts[0]
    ids = [token.id for token in first.tokens]

    assert [token.text for token in first.tokens] == ["Hello", ",", " World"]
    assert first.shape == (3, 12) and result.d_model == 12
    assert np.array_equal(first.values.astype(np.float32), model.matrix[ids])
    assert first.norms == pytest.approx(
        [float((model.matrix[i] ** 2).sum()) ** 0.5 for i in ids], rel=1e-6
    )
    rows = model.matrix[ids]
    assert (first.smallest, first.largest) == (rows.min(), rows.max())


def test_same_token_has_the_same_vector_in_another_text(measured):
    """` World` and `World` are different tokens with different vectors."""
    _, _, result = measured
    assert result.prompts[0].tokens[2].id != result.prompts[1].tokens[0].id
    analysis = EmbeddingValues(prompts=("a b", "c a b"))
    second_result = analysis.measure(FakeModel().captures(analysis))
    assert np.array_equal(second_result.prompts[0].values[1], second_result.prompts[1].values[2])


def test_figures_show_the_values_of_each_row(measured):
    """One figure has all dimensions, the other ten with their numbers; alt texts name the
    tokens.
    """
    _, analysis, result = measured
    charts = analysis.figures(result)

    assert set(charts) == {"prompt-0", "start-0", "prompt-1", "start-1"}
    all_values, start = charts["prompt-0"], charts["start-0"]
    assert (
        isinstance(all_values, Heatmap)
        and all_values.values.shape == (3, 12)
        and all_values.diverging
        and not all_values.annotate
    )
    assert isinstance(start, Heatmap) and start.values.shape == (3, 10) and start.annotate
    assert f"·World {result.prompts[0].norms[2]:.2f}" in all_values.alt


def test_values_equal_the_weights_of_the_tiny_model(tiny):
    """They are the rows of `embed_tokens.weight`, also for chats."""
    result = run(tiny, EmbeddingValues(prompts=("The cat", {"chat": "Hi"})))
    weight = tiny.network.model.embed_tokens.weight.numpy()
    for prompt in result.prompts:
        assert np.array_equal(
            prompt.values.astype(np.float32), weight[[token.id for token in prompt.tokens]]
        )
    assert result.prompts[1].prompt == "Hi" and result.prompts[1].tokens[0].special
