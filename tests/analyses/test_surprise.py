"""The surprise of each token against torch's cross-entropy."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from fixtures.run_analysis import json_round_trip, run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.surprise import Surprise
from layerbook.core.requests import LOGITS, Prompt
from layerbook.model.loaded_model import LoadedModel

TEXTS = ("The cat sat on the table", "2 + 2 = 4")


def test_mean_equals_torch_cross_entropy_in_bits(tiny: LoadedModel) -> None:
    """Mean and perplexity of each text agree to 1e-5."""
    result = run(tiny, Surprise(texts=TEXTS))
    for text, measured in zip(TEXTS, result.texts, strict=True):
        ids = torch.tensor([tiny.tokenizer.encode(Prompt(text=text)).ids])
        with torch.inference_mode():
            logits = tiny.network(ids).logits[0].double()
        nats = torch.nn.functional.cross_entropy(logits[:-1], ids[0, 1:]).item()
        assert measured.bits == pytest.approx(nats / math.log(2), abs=1e-5)
        assert measured.perplexity == pytest.approx(math.exp(nats), rel=1e-5)
        assert [measured.first.id, *(token.id for token in measured.tokens)] == ids[0].tolist()


def test_halves_and_quarters_cost_one_and_two_bits() -> None:
    """Probabilities 1/2, 1/4 and 1/8 have a mean of 2 bits and a perplexity of 4."""
    analysis = Surprise(texts=("abcd",))
    shares = np.array([[1, 4, 2, 1], [4, 1, 2, 1], [4, 2, 1, 1], [1, 1, 1, 1]]) / 8
    capture = ByteVocabulary(*"abcd").capture([0, 1, 2, 3], {LOGITS: np.log(shares)})
    result = json_round_trip(analysis, analysis.measure({"text-0": capture}))
    measured = result.texts[0]
    assert [token.bits for token in measured.tokens] == pytest.approx([1, 2, 3])
    assert [token.rank for token in measured.tokens] == [1, 2, 3]
    assert (measured.bits, measured.perplexity) == (pytest.approx(2), pytest.approx(4))
    assert result.uniform_bits == pytest.approx(2)
    assert measured.most_surprising.text == "d" and measured.least_surprising.text == "b"
    assert measured.tokens[1].likeliest.text == "a"
    assert analysis.figures(result)["text-0"].highlight == (2,)
