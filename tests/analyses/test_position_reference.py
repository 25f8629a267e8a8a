"""Embeddings and positions of the default model: wide bounds around measured values."""

import pytest
from fixtures.run_analysis import run
from layerbook.analyses.embedding_pca import EmbeddingPca
from layerbook.analyses.embedding_values import EmbeddingValues
from layerbook.analyses.rope import Rope
from layerbook.analyses.rope_distances import RopeDistances
from layerbook.analyses.token_position import TokenPosition

pytestmark = pytest.mark.model
SENTENCES = (
    "The cat sat on the table.",
    "The hamster lay on the mat.",
    "Birds fly high in the sky.",
    "Cats fly high in the sky.",
    "Machine Learning is cool.",
)


def test_embeddings_are_four_tokens_of_576_numbers(real):
    """`Hello, World!` is 4 x 576, with vectors of length 2 to 4."""
    prompt = run(real, EmbeddingValues(prompts=("Hello, World!",))).prompts[0]
    assert prompt.shape == (4, 576)
    assert all(2 < norm < 4 for norm in prompt.norms)


def test_padded_map_shows_padding(real):
    """|r| of the first axis and the padding is above 0.9 (0.96), and lower without padding."""
    padded = run(real, EmbeddingPca(prompts=SENTENCES, pooling="mean-with-padding"))
    plain = run(real, EmbeddingPca(prompts=SENTENCES))
    assert padded.pad.text == "<|im_end|>" and [p.padding for p in padded.points] == [1, 0, 1, 1, 3]
    assert abs(padded.padding_correlation) > 0.9
    assert padded.padding_alignment > 0.8 > 0.6 > plain.padding_alignment


def test_shuffled_words_change_tokens_and_permuted_ids_keep_the_mean(real):
    """All five means move by 0.2 to 0.6; with permuted ids they agree to 1e-7."""
    shuffled = run(real, EmbeddingPca(prompts=SENTENCES, shuffle_seed=1)).shuffled
    assert shuffled.changed_tokens == 5 and 0.1 < min(shuffled.displacements)
    assert shuffled.permuted_difference < 1e-7


def test_order_changes_tokens_but_not_means(real):
    """Means agree to 1e-7 with and without PE."""
    result = run(real, TokenPosition(prompts=SENTENCES, shuffle_seed=1, C=(1, 10000)))
    assert max(result.pooled_difference_without, result.pooled_difference_with) < 1e-7
    assert min(drawn.mean_displacement for drawn in result.encodings[2].maps) > 3
    assert result.encoding_norm == pytest.approx(16.97, abs=0.01) and 2 < result.embedding_norm < 4


def test_rope_is_relative_and_gives_the_models_pattern(real):
    """Layer 2, head 1: pattern to 1e-5, a shift of 1000 to 1e-9, with its peak one step back."""
    head = {"prompt": "The cat sat on the table because the cat was tired.", "layer": 2, "head": 1}
    result = run(real, Rope(**head))
    assert result.theta == 100000 and result.pairs == 32
    assert result.pattern_difference < 1e-5
    assert (
        result.shift_difference < 1e-9
        and result.ahead.previous_token < result.original.previous_token
    )
    assert result.original.previous_token > 0.4
    distances = run(real, RopeDistances(**head))
    assert distances.peak_distance == 1 and distances.rises > 10
