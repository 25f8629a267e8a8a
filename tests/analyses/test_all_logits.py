"""All logits of a pass and the candidates of each setting, against transformers and plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fixtures.run_analysis import capture_requests, run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.all_logits import MAX_BARS, AllLogits, Setting
from layerbook.core.figures import Bars, Panels
from layerbook.core.prompts import ChatPrompt
from layerbook.core.requests import NEXT_LOGITS
from layerbook.core.tokens import visible

TEXT = "The cat sat on the"
SETTINGS = (
    Setting(name="own"),
    Setting(name="greedy", temperature=0),
    Setting(name="nucleus", top_p=0.9),
    Setting(name="of five", top_k=5, top_p=0.9),
    Setting(name="cold", temperature=0.3, top_p=0.75),
    Setting(name="hot", temperature=2.5, top_k=100),
)


def left_by_hand(logits: list[float], setting: Setting) -> list[float]:
    """Return the probabilities that a setting keeps, best first, computed with exact fractions."""
    best = sorted(logits, reverse=True)
    if setting.temperature == 0:
        return [1.0]
    best = best[: setting.top_k or len(best)]
    exponentials = [math.exp((score - best[0]) / setting.temperature) for score in best]
    shares = [share / math.fsum(exponentials) for share in exponentials]
    count = 1
    while (
        count < len(shares)
        and setting.top_p is not None
        and math.fsum(shares[:count]) < setting.top_p
    ):
        count += 1
    count = len(shares) if setting.top_p is None else count
    return [share / math.fsum(shares[:count]) for share in shares[:count]]


def test_logits_equal_those_of_a_forward_pass(tiny, tiny_model_dir) -> None:
    """They match transformers in float32 to 1e-4, and the pass bit for bit."""
    import torch
    from transformers.models.llama.modeling_llama import LlamaForCausalLM

    analysis = AllLogits(prompts=(TEXT, ChatPrompt(chat=TEXT)), settings=SETTINGS, show_top=7)
    captures = capture_requests(tiny, analysis)
    result = analysis.measure(captures)
    network = LlamaForCausalLM.from_pretrained(tiny_model_dir, attn_implementation="eager").eval()

    assert result.logits.dtype == np.float64 and result.logits.shape == (2, result.d_vocab) == (
        2,
        320,
    )
    for i, row in enumerate(result.logits):
        capture = captures[f"prompt-{i}"]
        assert (row == capture[NEXT_LOGITS]).all()
        with torch.inference_mode():
            alone = (
                network(torch.tensor([[token.id for token in capture.tokens]]))
                .logits[0, -1]
                .numpy()
            )
        assert np.abs(row - alone).max() < 1e-4


def test_tokens_left_by_each_setting_agree_with_plain_loops(tiny) -> None:
    """Counts agree exactly and probabilities to 1e-12, for each setting after each prompt."""
    analysis = AllLogits(prompts=(TEXT, "2 + 2 = "), settings=SETTINGS, show_top=7)
    result = analysis.measure(capture_requests(tiny, analysis))

    assert result.settings == SETTINGS
    for scores, prompt in zip(result.logits.tolist(), result.prompts, strict=True):
        own = left_by_hand(scores, SETTINGS[0])
        for setting, kept in zip(SETTINGS, prompt.effects, strict=True):
            shares = left_by_hand(scores, setting)
            assert kept.candidates == len(shares)
            assert kept.best_prob == pytest.approx(shares[0], abs=1e-12)
            assert kept.kept_prob == pytest.approx(math.fsum(own[: len(shares)]), abs=1e-12)
            bits = -math.fsum(share * math.log2(share) for share in shares)
            assert kept.choices == pytest.approx(2**bits, rel=1e-9)
        assert [t.prob for t in prompt.top] == pytest.approx(own[:7], abs=1e-12)
        assert prompt.rest == pytest.approx(math.fsum(own[7:]), abs=1e-12)


def test_shortlist_makes_the_nucleus_smaller() -> None:
    """Of equal tokens, p = 0.5 keeps half of all 64, or half of a list of 16."""
    settings = (Setting(name="all", top_p=0.5), Setting(name="list", top_k=16, top_p=0.5))
    vocabulary = ByteVocabulary(*(f"w{i}" for i in range(64)))
    logits = np.zeros(64, dtype=np.float32)
    analysis = AllLogits(prompts=("x",), settings=settings, show_top=4)
    result = analysis.measure({"prompt-0": vocabulary.capture([0], {NEXT_LOGITS: logits})})

    assert [kept.candidates for kept in result.prompts[0].effects] == [32, 8]
    assert [kept.choices for kept in result.prompts[0].effects] == pytest.approx([32, 8])
    assert result.texts.split("\n") == [f"w{i}" for i in range(64)]


def test_text_of_every_token_is_stored(tiny) -> None:
    """Each token has a line, and the text survives JSON."""
    result = run(tiny, AllLogits(prompts=(TEXT, "2 + 2 = "), show_top=7))
    texts = result.texts.split("\n")

    assert len(texts) == result.d_vocab
    for prompt in result.prompts:
        assert [texts[t.id] for t in prompt.top] == [visible(t.token) for t in prompt.top]
    assert [setting.temperature for setting in result.settings] == [1, 0]


def test_figure_shows_the_most_probable_tokens(tiny) -> None:
    """There is a panel per prompt, one bar for the other tokens, and the data for the
    playground.
    """
    analysis = AllLogits(
        prompts=(ChatPrompt(chat="2 + 2 = "), "2 + 2 = "), settings=SETTINGS, show_top=14
    )
    result = run(tiny, analysis)
    figure = analysis.figures(result)["knobs"]

    assert isinstance(figure, Panels) and figure.interactive is not None
    for panel, prompt in zip(figure.panels, result.prompts, strict=True):
        assert isinstance(panel, Bars) and panel.rest is not None
        assert panel.values == tuple(t.prob for t in prompt.top[:MAX_BARS])
        assert sum(panel.values) + panel.rest == pytest.approx(1, abs=1e-12)
        assert panel.rest_label == f"{320 - MAX_BARS} others"
    interactive = figure.interactive
    assert (
        (interactive.logits == result.logits).all()
        and "\n".join(interactive.texts) == result.texts
        and interactive.shown == 14
    )
    assert interactive.settings[3] == ("of five", 1, 5, 0.9)
    assert dict(interactive.presets)["own"] == "[1.0, 320, 1]"
    assert len(set(interactive.prompts)) == 2  # the same words, once in a chat
