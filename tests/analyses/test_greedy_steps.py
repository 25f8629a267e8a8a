"""Greedy steps, against a loop without a cache."""

from __future__ import annotations

import pytest
import torch
from fixtures.run_analysis import run
from layerbook.analyses.greedy_steps import GreedySteps
from layerbook.core.figures import Bars, Frames, label_text
from layerbook.model.loaded_model import LoadedModel

PROMPT = "The cat sat on the"


def test_steps_equal_separate_passes(tiny: LoadedModel) -> None:
    """Tokens and probabilities agree to 1e-5, and each best token is the next one."""
    result = run(tiny, GreedySteps(prompt=PROMPT, max_new_tokens=6, top_k=3))

    ids = [token.id for token in result.tokens]
    assert len(result.steps) == 6 and not result.stopped
    for step in result.steps:
        with torch.inference_mode():
            logits = tiny.network(torch.tensor([ids[: step.length]]), use_cache=False).logits
        prob = torch.softmax(logits[0, -1].double(), -1)
        best = prob.topk(3)
        assert [t.id for t in step.top] == best.indices.tolist()
        assert [t.prob for t in step.top] == pytest.approx(best.values.tolist(), abs=1e-5)
        assert step.rest == pytest.approx(1 - best.values.sum().item(), abs=1e-5)
        assert step.next_token.id == ids[step.length]
    assert result.steps[0].length == result.prompt_length


def test_figure_has_a_frame_for_each_question(tiny: LoadedModel) -> None:
    """The label is the text so far, shortened at its start."""
    analysis = GreedySteps(prompt=PROMPT, max_new_tokens=9, top_k=2)
    result = run(tiny, analysis)
    figure = analysis.figures(result)["steps"]

    assert isinstance(figure, Frames) and len(figure.frames) == 9
    for frame, step in zip(figure.frames, result.steps, strict=True):
        assert isinstance(frame.picture, Bars) and frame.token == step.next_token.token
        shown = result.tokens[: step.length][-11:]
        assert label_text(frame.label).endswith(label_text(shown))


def test_remaining_share_is_zero_for_the_whole_vocabulary(tiny: LoadedModel) -> None:
    """There is no bar for other tokens."""
    size = tiny.tokenizer.size
    analysis = GreedySteps(prompt=PROMPT, max_new_tokens=1, top_k=size)
    result = run(tiny, analysis)

    assert result.steps[0].rest == pytest.approx(0, abs=1e-6)
    (frame,) = analysis.figures(result)["steps"].frames  # type: ignore[union-attr]
    assert isinstance(frame.picture, Bars) and frame.picture.rest is None
