"""The tree of continuations, against plain passes of the network and a chain of probabilities."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from fixtures.run_analysis import run
from layerbook.analyses.continuation_tree import ContinuationTree, ContinuationTreeResult
from layerbook.core.figures import Panels, Widget
from layerbook.model.loaded_model import LoadedModel
from numpy.typing import NDArray

K = 4
ANALYSIS = ContinuationTree(prompt="The cat sat on the", draws=12, max_new_tokens=4, top_k=K)


@pytest.fixture(scope="module")
def model(tiny_model_dir: Path) -> LoadedModel:
    """The tiny Llama."""
    return LoadedModel.load(tiny_model_dir, "tiny")


@pytest.fixture(scope="module")
def tree(model: LoadedModel) -> ContinuationTreeResult:
    """Twelve texts of four tokens each, and the greedy one."""
    return run(model, ANALYSIS)


def probabilities(model: LoadedModel, ids: list[int]) -> NDArray[np.float64]:
    """Return the next token's probabilities [V] from a pass of its own."""
    with torch.inference_mode():
        logits = model.network(torch.tensor([ids]), use_cache=False).logits
    return np.asarray(torch.softmax(logits[0, -1].double(), -1))


def test_every_text_has_the_next_tokens_of_its_own_pass(
    model: LoadedModel, tree: ContinuationTreeResult
) -> None:
    """Ids and probabilities of the four likeliest, and what the others have together."""
    prompt = [token.id for token in tree.tokens]
    assert len(tree.texts) > 12
    for row, text in enumerate(tree.texts):
        prob = probabilities(model, [*prompt, *text.ids])
        best = np.argsort(-prob, kind="stable")[:K]
        assert [tree.candidates[int(i)].id for i in tree.next_tokens[row]] == best.tolist()
        assert tree.next_probs[row] == pytest.approx(prob[best], abs=1e-5)
        assert text.rest == pytest.approx(1 - prob[best].sum(), abs=1e-5)


def test_the_chance_of_a_text_is_that_of_its_draws(
    model: LoadedModel, tree: ContinuationTreeResult
) -> None:
    """The product over its tokens, each among the four likeliest; together, what is inside."""
    prompt = [token.id for token in tree.tokens]
    inside = np.zeros(ANALYSIS.max_new_tokens)
    for text in tree.texts:
        chance = 1.0
        for n, id in enumerate(text.ids):
            prob = probabilities(model, [*prompt, *text.ids[:n]])
            chance *= prob[id] / np.sort(prob)[-K:].sum()
        assert text.draw_prob == pytest.approx(chance, rel=1e-4)
        inside[len(text.ids)] += chance
    assert tree.coverage == pytest.approx(inside, rel=1e-4)
    assert tree.coverage[0] == 1 and list(tree.coverage) == sorted(tree.coverage, reverse=True)


def test_texts_are_different_and_begin_in_the_tree(tree: ContinuationTreeResult) -> None:
    """None has all N tokens, and none goes on after an end."""
    by_ids = {text.ids: text for text in tree.texts}
    assert len(by_ids) == len(tree.texts)
    for ids in by_ids:
        assert len(ids) < ANALYSIS.max_new_tokens
        assert not ids or not by_ids[ids[:-1]].ended


def test_a_text_that_the_model_ends_goes_no_further(model: LoadedModel) -> None:
    """Drawn often from all tokens, the tiny model's flat distribution meets its end token."""
    size = model.tokenizer.size
    wide = ContinuationTree(prompt="The cat", draws=200, max_new_tokens=3, top_k=size)
    tree = run(model, wide)
    ended = {text.ids for text in tree.texts if text.ended}
    assert ended and all(ids[-1] in model.stop_ids for ids in ended)
    assert not any(text.ids[:-1] in ended for text in tree.texts if text.ids)
    assert not any(text.ended for text in tree.texts if text.ids not in ended)


def test_the_page_gets_the_same_tree(tree: ContinuationTreeResult) -> None:
    """Following the leads of the widget's data spells every text once."""
    figure = ANALYSIS.figures(tree)["writing"]
    assert isinstance(figure, Panels) and isinstance(figure.interactive, Widget)
    data = json.loads(figure.interactive.data)
    reached = {}

    def walk(number: int, ids: tuple[int, ...]) -> None:
        reached[ids] = number
        text = data["texts"][number]
        for candidate, child in zip(text["tokens"], text["leads"], strict=True):
            if child >= 0:
                walk(child, (*ids, tree.candidates[candidate].id))

    walk(0, ())
    assert reached == {text.ids: row for row, text in enumerate(tree.texts)}
    for row, text in enumerate(data["texts"]):
        assert np.exp(text["logs"]) == pytest.approx(tree.next_probs[row], rel=1e-4)
