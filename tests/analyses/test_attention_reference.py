"""Known numbers of the default model for the attention and MLP chapters."""

from __future__ import annotations

import pytest
from fixtures.run_analysis import run
from layerbook.analyses.attention_gram import AttentionGram
from layerbook.analyses.attention_pattern import AttentionPattern
from layerbook.analyses.continuation_frames import ContinuationFrames
from layerbook.analyses.mlp_shapes import MlpShapes
from layerbook.analyses.whitespace_attention import WhitespaceAttention

pytestmark = pytest.mark.model
NOISE = (" 2 + 2 = ", " noise noise noise 2 + 2 = ", " 2 + 2 noise noise noise = ")
SUM = " 2 + 2 - 3 = "
LAST = 29


def test_gram_correlations_match_the_reference(real):
    """-0.34, -0.53, 0.42, -0.20, 0.10, -0.53 over the cells below the diagonal, to 0.02."""
    result = run(real, AttentionGram(prompts=NOISE, layers=(0, LAST)))

    correlations = [r for prompt in result.prompts for r in prompt.correlation]
    assert correlations == pytest.approx([-0.34, -0.53, 0.42, -0.20, 0.10, -0.53], abs=0.02)
    assert result.prompts[1].leading_equal_tokens == 3
    assert max(result.prompts[1].leading_difference) < 1e-5


def test_all_three_prompts_are_continued_with_4(real):
    """p = 0.617, 0.929 and 0.460, to 0.005, with the known sinks."""
    result = run(real, AttentionPattern(prompts=NOISE, layers=(0, LAST)))

    assert [p.predicted.text for p in result.prompts] == ["4"] * 3
    assert [p.predicted.prob for p in result.prompts] == pytest.approx(
        [0.617, 0.929, 0.460], abs=0.005
    )
    assert [p.sink_share[1] for p in result.prompts] == pytest.approx([0.60, 0.28, 0.55], abs=0.02)
    assert result.prompts[1].leading_share[1] == pytest.approx(0.726, abs=0.02)
    assert result.prompts[1].uniform_leading_share == pytest.approx(0.4696, abs=1e-4)


def test_frames_match_the_reference_animation(real):
    """`⏎⏎` becomes one token at the sixth frame, and the turn ends at the thirteenth."""
    anew = run(
        real, ContinuationFrames(prompt=SUM, max_new_tokens=15, layers=(0, LAST), show="gram")
    )
    own = run(
        real, ContinuationFrames(prompt=SUM, max_new_tokens=15, layers=(0, LAST), show="pattern")
    )

    assert (anew.retokenized_at, anew.stop_at, len(anew.passes)) == (5, 12, 2)
    assert [token.text for token in anew.passes[0].tokens[-2:]] == [".", "\n"]
    assert anew.passes[1].tokens[13].text == "\n\n"
    assert anew.continuation == "11.\n\n11 is indeed the answer.<|im_end|>\n<|im_start|>"
    assert (own.retokenized_at, own.stop_at, len(own.passes)) == (None, None, 1)
    assert own.continuation.startswith("11.\n\nThis example illustrates the concept of a")


def test_whitespace_share_of_the_last_layer_matches_the_reference(real):
    """Position 0, a space, gets 0.54 (within 0.03) of the queries that see more than one key."""
    result = run(real, WhitespaceAttention(prompt=SUM, max_new_tokens=15, layers=tuple(range(30))))

    assert result.tokens[0].text == " "
    assert result.on_first[LAST] == pytest.approx(0.54, abs=0.03)
    assert result.on_whitespace[LAST] == pytest.approx(0.65, abs=0.02)
    assert result.without_first[LAST] < result.uniform_without_first
    assert sum(share < result.uniform_without_first for share in result.without_first) >= 25


def test_mlp_shapes_match_the_reference(real):
    """Three matrices of 576 x 1536 hold 59 % of the parameters; ten neurons hold half in the
    last layer.
    """
    result = run(real, MlpShapes(prompt=SUM, layer=LAST))

    assert (result.d_model, result.d_mlp) == (576, 1536)
    assert result.share == pytest.approx(0.592, abs=0.001)
    assert max(result.half_count) <= 10
