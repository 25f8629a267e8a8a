"""Many continuations against single ones, and their surprise against passes without a cache."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fixtures.execution import run_requests
from fixtures.run_analysis import run
from layerbook.analyses.many_texts import ManyTexts, ManyTextsResult
from layerbook.core.requests import Generate, Prompt
from layerbook.core.tokens import repeated_share
from layerbook.model.loaded_model import LoadedModel

TEXT, DRAWS, LENGTH = "The cat sat", 7, 9


@pytest.fixture(scope="module")
def result(tiny: LoadedModel) -> ManyTextsResult:
    return run(tiny, ManyTexts(prompt=TEXT, draws=DRAWS, max_new_tokens=LENGTH, look_for="a"))


def bits_without_cache(model: LoadedModel, ids: list[int], start: int) -> float:
    """Return the surprise of ids[start:] from one pass over all ids."""
    with torch.inference_mode():
        logits = model.network(torch.tensor([ids]), use_cache=False).logits[0].double()
    loss = torch.nn.functional.cross_entropy(
        logits[start - 1 : -1], torch.tensor(ids[start:]), reduction="sum"
    )
    return loss.item() / np.log(2)


def test_texts_follow_from_their_seeds(tiny: LoadedModel, result) -> None:
    """Lengths, repeats and contents are equal, bits agree to 1e-4."""
    texts = []
    for seed in range(DRAWS):
        request = Generate(Prompt(text=TEXT), LENGTH, temperature=1.0, seed=seed)
        (alone,) = run_requests(tiny, request)
        ids = [token.id for token in alone.tokens]
        written = alone.tokens[alone.prompt_length :]
        assert result.lengths[seed] == len(written)
        assert result.bits[seed] == pytest.approx(
            bits_without_cache(tiny, ids, alone.prompt_length), abs=1e-4
        )
        assert result.repeated_share[seed] == pytest.approx(repeated_share(written))
        texts.append(b"".join(bytes.fromhex(t.hex) for t in written if not t.special))
    assert result.matching_texts == sum(b"a" in text for text in texts)
    assert result.distinct_texts == len(set(texts)) == DRAWS


def test_only_texts_as_long_as_the_greedy_text_are_compared(result) -> None:
    """Shorter texts have fewer bits because they are shorter."""
    greedy = result.greedy.model_copy(update={"length": 4, "bits": 10.0})
    changed = result.model_copy(
        update={"greedy": greedy, "lengths": (4, 4, 3, 4), "bits": np.array([9.0, 11.0, 1.0, 10.0])}
    )
    assert (changed.comparable, changed.likelier) == (3, 1)
    figure = ManyTexts(prompt=TEXT, max_new_tokens=4).figures(changed)["bits"]
    assert figure.series[0].y == (9.0, 10.0, 11.0)
    assert set(figure.series[1].y) == {10.0}


def test_only_the_greedy_line_is_drawn_without_comparable_texts(result) -> None:
    greedy = result.greedy.model_copy(update={"length": 99})
    changed = result.model_copy(update={"greedy": greedy})
    figure = ManyTexts(prompt=TEXT, max_new_tokens=4).figures(changed)["bits"]
    assert [series.name for series in figure.series] == ["greedy"]
