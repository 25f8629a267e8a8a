"""Answers to one sentence about many subjects, against plain transformers."""

from __future__ import annotations

import pytest
import torch
from fixtures.run_analysis import run
from layerbook.analyses.fact_quiz import FactQuiz
from layerbook.core.requests import Prompt
from layerbook.model.loaded_model import LoadedModel


def test_answer_is_right_if_its_first_token_is_the_likeliest(tiny: LoadedModel) -> None:
    """One answer is what the model says, the other is not; probabilities to 1e-6."""
    prompt = "The {} sat on"
    ids = torch.tensor([tiny.tokenizer.encode(Prompt(text=prompt.replace("{}", "cat"))).ids])
    with torch.inference_mode():
        prob = tiny.network(ids).logits[0, -1].softmax(-1)
    starts = {tiny.tokenizer.encode(Prompt(text=f" {word}")).ids[0] for word in ("table", "dog")}
    assert int(prob.argmax()) not in starts

    result = run(tiny, FactQuiz(prompt=prompt, facts=(("cat", "table"), ("dog", "dog"))))
    cat = result.facts[0]
    assert cat.predicted.id == int(prob.argmax()) and not cat.right
    assert cat.expected_token.id == tiny.tokenizer.encode(Prompt(text=" table")).ids[0]
    assert cat.prob == pytest.approx(float(prob[cat.expected_token.id]), abs=1e-6)
    known = cat.model_copy(update={"expected_token": cat.predicted.token})
    assert known.right
    assert result.model_copy(update={"facts": (known, *result.facts[1:])}).right == ("cat",)


def test_sentence_needs_a_place_for_the_subject() -> None:
    with pytest.raises(ValueError, match="pattern"):
        FactQuiz(prompt="The cat sat on", facts=(("cat", "mat"),))
