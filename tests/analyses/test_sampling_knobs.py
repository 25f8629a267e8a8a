"""Temperature, top-k and top-p on one distribution, against their definitions and Hugging Face's
processors.
"""

import numpy as np
import pytest
import torch
from fixtures.run_analysis import capture_requests, json_round_trip, run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.sampling_knobs import SamplingKnobs
from layerbook.core.prompts import ChatPrompt
from layerbook.core.requests import NEXT_LOGITS
from pydantic import ValidationError


def test_distributions_agree_with_transformers(tiny):
    """Probabilities and counts of every setting agree to 1e-6."""
    from transformers.generation.logits_process import (
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    analysis = SamplingKnobs(
        prompt="The cat sat", temperatures=(0.3, 1, 2.5), top_k=6, top_p=0.7, show_top=9
    )
    logits = torch.tensor(capture_requests(tiny, analysis)["prompt"][NEXT_LOGITS].copy()).double()[
        None
    ]
    result = run(tiny, analysis)

    warped = [TemperatureLogitsWarper(t)(None, logits) for t in (0.3, 1.0, 2.5)]
    warped += [TopKLogitsWarper(6)(None, logits), TopPLogitsWarper(0.7)(None, logits)]
    ids = [t.id for t in result.top]
    for setting, warped_logits in zip(result.settings, warped, strict=True):
        prob = torch.softmax(warped_logits[0], -1)
        assert np.abs(np.array(setting.probs) - prob[ids].numpy()).max() < 1e-6
        assert setting.candidates == int((prob > 0).sum())
        assert setting.rest == pytest.approx(1 - prob[ids].sum().item(), abs=1e-6)


def test_settings_keep_the_order_of_tokens():
    """Probabilities never rise from the best token to the worst, and removed tokens have zero."""
    analysis = SamplingKnobs(prompt="x", temperatures=(0.5, 1.0), top_k=2, top_p=0.9, show_top=4)
    logits = np.log([0.1, 0.5, 0.15, 0.25]).astype(np.float32)
    result = json_round_trip(
        analysis,
        analysis.measure({"prompt": ByteVocabulary(*"abcd").capture([0], {NEXT_LOGITS: logits})}),
    )

    assert [t.text for t in result.top] == ["b", "d", "c", "a"]
    for setting in result.settings:
        assert list(setting.probs) == sorted(setting.probs, reverse=True)
        assert sum(setting.probs) + setting.rest == pytest.approx(1)
    assert result.settings[0].probs == pytest.approx(np.array([25, 6.25, 2.25, 1]) / 34.5, abs=1e-6)
    assert result.settings[2].probs == pytest.approx([2 / 3, 1 / 3, 0, 0], abs=1e-6)
    assert result.settings[3].probs == pytest.approx([5 / 9, 2.5 / 9, 1.5 / 9, 0], abs=1e-6)


def test_panels_share_their_tokens():
    """There is a panel per setting, with the same labels and a bar for all others."""
    analysis = SamplingKnobs(prompt="x", temperatures=(1.0,), top_k=1, top_p=0.5, show_top=2)
    logits = np.log([0.2, 0.5, 0.3]).astype(np.float32)
    result = analysis.measure(
        {"prompt": ByteVocabulary(*"abc").capture([0], {NEXT_LOGITS: logits})}
    )
    panels = analysis.figures(result)["knobs"].panels

    assert [panel.title for panel in panels] == ["temperature 1", "top-k 1", "top-p 0.5"]
    assert {tuple(label.text for label in panel.labels) for panel in panels} == {("b", "c")}
    assert [panel.rest for panel in panels] == pytest.approx([0.2, 0.0, 0.0], abs=1e-6)


@pytest.mark.parametrize(
    ("prompt", "end"), [("x", "after “x”"), (ChatPrompt(chat="x"), "after “x” in a chat")]
)
def test_title_distinguishes_a_chat_from_a_bare_prompt(prompt, end):
    """The same words have different distributions."""
    analysis = SamplingKnobs(prompt=prompt, temperatures=(1.0,), top_k=1, show_top=2)
    logits = np.log([0.2, 0.5, 0.3]).astype(np.float32)
    result = analysis.measure(
        {"prompt": ByteVocabulary(*"abc").capture([0], {NEXT_LOGITS: logits})}
    )

    assert analysis.figures(result)["knobs"].title.endswith(end)


def test_negative_temperature_is_refused():
    """Zero is allowed: it always takes the likeliest token."""
    with pytest.raises(ValidationError):
        SamplingKnobs(prompt="x", temperatures=(-0.1,))
