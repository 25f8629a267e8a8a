"""Hidden whitespace, against loops and against a model with another attention mask."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from fixtures.run_analysis import capture_requests, json_round_trip, run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.token_knockout import LossChange, TokenKnockout, TokenKnockoutResult
from layerbook.core.figures import Bars, Panels
from layerbook.core.requests import LOSS, ActivationCache, WhitespacePositions

WORDS = ByteVocabulary("a", " b", "\n", " ", "c")
TEXTS = ((0, 2, 1, 3, 4, 1, 4), (3, 1, 2, 0))
PROSE = "The cat\nsat on 2 tables.\n\nAnd on\n4 more."


def by_hand() -> tuple[TokenKnockout, dict[str, ActivationCache]]:
    """Return the analysis on two texts of five words, with random losses in each run."""
    analysis = TokenKnockout(texts=("x", "y"), draws=2, seed=5, layers=(0, 1, 2))
    rng = np.random.default_rng(3)
    captures = {}
    for name in analysis.runs():
        ids = TEXTS[int(name.rpartition(": ")[2])]
        loss = np.concatenate([[np.nan], rng.random(len(ids) - 1) * 5]).astype(np.float32)
        captures[name] = WORDS.capture(ids, {LOSS: loss})
    return analysis, captures


def counted(
    captures: dict[str, ActivationCache], name: str, texts: tuple[int, ...] = (0, 1)
) -> dict[str, float]:
    """Return the means of a `LossChange` over these texts, counted token by token."""
    kinds: dict[str, list[float]] = {
        key: [] for key in ("loss", "cost", "cost_whitespace", "cost_others")
    }
    for text in texts:
        ids = TEXTS[text]
        before, after = (captures[f"{run}: {text}"][LOSS] for run in ("clean", name))
        for position in range(1, len(ids)):
            more = float(after[position]) - float(before[position])
            kinds["loss"].append(float(after[position]))
            kinds["cost"].append(more)
            kinds["cost_whitespace" if ids[position] in (2, 3) else "cost_others"].append(more)
    return {key: sum(values) / max(1, len(values)) for key, values in kinds.items()}


def test_costs_are_means_over_the_named_tokens() -> None:
    """Every field of every choice agrees with loops, to 1e-6."""
    analysis, captures = by_hand()
    result = json_round_trip(analysis, analysis.measure(captures))
    tokens = [WORDS.capture(ids).tokens for ids in TEXTS]
    choices = {
        "whitespace": WhitespacePositions(),
        "draw 0": WhitespacePositions(control_seed=5),
        "draw 1": WhitespacePositions(control_seed=6),
    }
    counts = {
        name: [len(choice.positions_in(t)) for t in tokens] for name, choice in choices.items()
    }
    # The second text's first token is whitespace, and is not among them.
    assert [text.whitespace for text in result.texts] == [(1, 3), (2,)]

    changes = (result.blocked.whitespace, *result.blocked.draws)
    for name, change in zip(choices, changes, strict=True):
        same(change, counted(captures, name))
        assert change.count == sum(counts[name]) == 3
    same(result.first_blocked, counted(captures, "first"))
    assert result.first_blocked.count == 2
    for i, text in enumerate(result.texts):
        changes = (text.blocked.whitespace, *text.blocked.draws)
        for name, change in zip(choices, changes, strict=True):
            same(change, counted(captures, name, (i,)))
            assert change.count == counts[name][i]
        assert text.clean == pytest.approx(np.mean(captures[f"clean: {i}"][LOSS][1:]), abs=1e-6)
    losses = [
        captures[f"clean: {text}"][LOSS][position]
        for text in range(2)
        for position in range(1, len(TEXTS[text]))
    ]
    assert result.clean == pytest.approx(sum(losses) / 9, abs=1e-6)


def same(change: LossChange, expected: dict[str, float]) -> None:
    """Compare all means of an intervention, to 1e-6."""
    measured = change.model_dump(exclude={"count"})
    assert measured == pytest.approx(expected, abs=1e-6)


def masked(model: Any, text: str, hidden_keys: tuple[int, ...]) -> list[float]:
    """Return the losses of a pass with a mask given to the network itself, without hooks."""
    ids = torch.tensor([model.tokenizer.backend.encode(text).ids])
    length = ids.shape[1]
    hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
    for key in hidden_keys:
        hidden[key + 1 :, key] = True
    with torch.inference_mode():
        logits = (
            model.network(ids, attention_mask=~hidden[None, None], use_cache=False)
            .logits[0]
            .double()
        )
    shares = logits.log_softmax(-1)
    return [-float(shares[position - 1, ids[0, position]]) for position in range(1, length)]


def test_blocking_tokens_equals_masking_them(tiny: Any) -> None:
    """On a tiny Llama, for whitespace and for the first token, to 1e-4 nats."""
    result = run(tiny, TokenKnockout(texts=(PROSE,), draws=1, layers=(0, 1)))
    (text,) = result.texts
    assert len(text.whitespace) > 3

    clean, blocked, first = (
        masked(tiny, PROSE, hidden_keys) for hidden_keys in ((), text.whitespace, (0,))
    )
    assert result.clean == pytest.approx(np.mean(clean), abs=1e-4)
    assert result.blocked.whitespace.loss == pytest.approx(np.mean(blocked), abs=1e-4)
    assert result.blocked.whitespace.cost == pytest.approx(
        np.mean(blocked) - np.mean(clean), abs=1e-4
    )
    assert result.first_blocked.cost == pytest.approx(np.mean(first) - np.mean(clean), abs=1e-4)
    assert abs(result.blocked.whitespace.cost) > 0.01


def test_only_the_layers_of_the_spec_are_blocked(tiny: Any) -> None:
    """The cost in one layer differs from that in both."""
    both, upper = (
        run(tiny, TokenKnockout(texts=(PROSE,), draws=1, layers=layers)).blocked.whitespace.cost
        for layers in ((0, 1), (1,))
    )
    assert abs(both - upper) > 1e-3


def test_bars_show_the_measured_costs() -> None:
    """Whitespace is first and highlighted."""
    analysis, captures = by_hand()
    result: TokenKnockoutResult = analysis.measure(captures)
    figures = analysis.figures(result)
    loss, texts, whom = (figures[name] for name in ("loss", "texts", "whom"))

    assert isinstance(loss, Bars)
    assert loss.values[0] == result.clean
    assert loss.values[2] == result.blocked.whitespace.loss
    assert [loss.labels[i] for i in loss.highlight] == ["the whitespace"]
    assert isinstance(whom, Panels)
    assert [p.values[1] for p in whom.panels] == [  # type: ignore[union-attr]
        result.blocked.draws[0].cost_whitespace,
        result.blocked.draws[0].cost_others,
    ]
    assert isinstance(texts, Panels)
    assert [p.title for p in texts.panels] == ["“a b …”", "“b a”"]
    assert [p.values[2] for p in texts.panels] == [  # type: ignore[union-attr]
        text.blocked.draws[1].cost for text in result.texts
    ]


def test_text_of_one_token_predicts_nothing() -> None:
    """A mean over no predictions is refused."""
    analysis, captures = by_hand()
    short = {name: WORDS.capture((0,), {LOSS: np.array([np.nan])}) for name in captures}
    with pytest.raises(ValueError, match="predicts nothing"):
        analysis.measure(short)


def test_text_of_one_token_beside_others_costs_nothing() -> None:
    """Its means are 0 rather than NaN, and those of the other text do not change."""
    analysis, captures = by_hand()
    before = analysis.measure(captures)
    short = {
        name: WORDS.capture((0,), {LOSS: np.array([np.nan])}) if name.endswith(": 1") else capture
        for name, capture in captures.items()
    }
    result = analysis.measure(short)

    assert result.texts[1].clean == result.texts[1].blocked.whitespace.cost == 0
    assert result.texts[0] == before.texts[0]
    assert result.blocked.whitespace.cost == pytest.approx(result.texts[0].blocked.whitespace.cost)


def test_text_without_whitespace_costs_nothing(tiny: Any) -> None:
    """There is nothing to block, so every cost is zero."""
    analysis = TokenKnockout(texts=("noise,noise",), draws=1, layers=(0, 1))
    result = analysis.measure(capture_requests(tiny, analysis))

    for change in (result.blocked.whitespace, *result.blocked.draws):
        assert change.count == 0
        costs = change.model_dump(exclude={"loss", "count"})
        assert costs == pytest.approx(dict.fromkeys(costs, 0), abs=1e-12)
