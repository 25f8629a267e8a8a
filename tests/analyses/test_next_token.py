"""Next-token distributions against torch and transformers, and separate bars for tokens that
look alike.
"""

import numpy as np
import pytest
import torch
from fixtures.run_analysis import capture_requests, json_round_trip, run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.next_token import NextToken
from layerbook.core.figures import label_text
from layerbook.core.prompts import ChatPrompt
from layerbook.core.requests import LN_FINAL, NEXT_LOGITS
from layerbook.plotting import render
from pydantic import ValidationError
from tokenizers import Tokenizer

TEXT = "The cat sat on the table. 2 + 2 = "


def by_hand(logits, pieces, top_k, prompt="ab"):
    """Return the analysis on one hand-made logit vector."""
    analysis = NextToken(prompts=(prompt,), top_k=top_k)
    run = pieces.capture(
        [0, 1],
        {NEXT_LOGITS: np.asarray(logits, dtype=np.float32), LN_FINAL: np.zeros((2, 7), np.float32)},
    )
    return analysis, json_round_trip(analysis, analysis.measure({"prompt-0": run}))


def test_probabilities_agree_with_transformers_and_torch(tiny, tiny_model_dir):
    """Ids, logits, softmax and entropy each come from another library; to 1e-5."""
    measured = run(tiny, NextToken(prompts=(TEXT,), top_k=7)).prompts[0]

    ids = Tokenizer.from_file(str(tiny_model_dir / "tokenizer.json")).encode(TEXT).ids
    with torch.inference_mode():
        logits = tiny.network(torch.tensor([ids])).logits[0, -1].double()
    prob = torch.softmax(logits, -1)
    best = torch.topk(logits, 7)
    assert [token.id for token in measured.tokens] == ids
    assert [t.id for t in measured.top] == best.indices.tolist()
    assert np.abs([t.logit for t in measured.top] - best.values.numpy()).max() < 1e-4
    assert np.abs([t.prob for t in measured.top] - prob[best.indices].numpy()).max() < 1e-5
    assert measured.entropy == pytest.approx(
        torch.distributions.Categorical(prob).entropy().item() / np.log(2), abs=1e-4
    )
    assert measured.rest == pytest.approx(1 - prob[best.indices].sum().item(), abs=1e-5)
    assert measured.other_count == tiny.config.vocab_size - 7


def test_logits_are_products_with_the_unembedding(tiny):
    """The last normed vector times each token's row, to 1e-4."""
    analysis = NextToken(prompts=(TEXT,))
    vector = capture_requests(tiny, analysis)["prompt-0"][LN_FINAL][-1]
    result = run(tiny, analysis)

    rows = tiny.network.lm_head.weight.numpy()
    assert result.d_model == len(vector) == tiny.config.hidden_size
    for token in result.prompts[0].top:
        assert token.logit == pytest.approx(float(rows[token.id] @ vector), abs=1e-4)


def test_probabilities_are_the_softmax_of_the_logits():
    """All of them sum to 1; the lead of the best token is the log of the odds."""
    _, result = by_hand([2.0, -1.0, 0.5, 0.0], ByteVocabulary("a", "b", "c", "d"), top_k=3)
    measured = result.prompts[0]

    exponentials = np.exp([2.0, -1.0, 0.5, 0.0])
    assert [t.text for t in measured.top] == ["a", "c", "d"]
    assert np.allclose(
        [t.prob for t in measured.top], np.exp([2.0, 0.5, 0.0]) / exponentials.sum(), atol=1e-12
    )
    assert sum(t.prob for t in measured.top) + measured.rest == pytest.approx(1)
    assert (measured.lead, measured.odds) == (pytest.approx(1.5), pytest.approx(np.exp(1.5)))


def test_uniform_choice_among_eight_tokens_has_three_bits():
    """Equal logits sort by id."""
    _, result = by_hand([1.0] * 8, ByteVocabulary(*"abcdefgh"), top_k=5)
    measured = result.prompts[0]

    assert measured.entropy == pytest.approx(3)
    assert [t.id for t in measured.top] == [0, 1, 2, 3, 4]
    assert measured.rest == pytest.approx(3 / 8)


def test_tokens_that_look_alike_have_separate_bars():
    """All continuation bytes decode to the same sign; each keeps its bar and label."""
    pieces = ByteVocabulary(*(bytes([0x80 + i]) for i in range(30)))
    analysis, result = by_hand(np.linspace(3, 0, 30), pieces, top_k=20)
    bars = analysis.figures(result)["prompt-0"]

    assert {t.text for t in result.prompts[0].top} == {"\N{REPLACEMENT CHARACTER}"}
    assert len({label_text(label) for label in bars.labels}) == len(bars.values) == 20
    assert sum(bars.values) + bars.rest == pytest.approx(1)
    assert len(bars.table().rows) == 21
    assert all(
        label_text(label)
        in render.render_figure(bars, "f").replace("&lt;", "<").replace("&gt;", ">")
        for label in bars.labels
    )


def test_tokens_with_equal_text_are_labeled_with_their_ids():
    analysis, result = by_hand([1.0, 1.0, 0.0], ByteVocabulary("same", "same", "other"), top_k=3)

    assert [label.id for label in analysis.figures(result)["prompt-0"].labels] == [0, 1, 2]


def test_bar_for_the_remaining_tokens_is_absent_if_none_remain():
    """The logits never have such a bar."""
    analysis, result = by_hand([1.0, 0.0], ByteVocabulary("a", "b"), top_k=2)
    figures = analysis.figures(result)

    assert result.prompts[0].other_count == 0
    assert figures["prompt-0"].rest is None
    assert figures["logits-0"].rest is None


def test_chat_prompts_use_the_template(tiny):
    """With or without the header of the answer, as the titles state."""
    analysis = NextToken(
        prompts=(ChatPrompt(chat="2 + 2 ="), ChatPrompt(chat="2 + 2 =", answer=False)), top_k=3
    )
    result = run(tiny, analysis)

    with_header, without = result.prompts
    assert with_header.text == "<|im_start|>user\n2 + 2 =<|im_end|>\n<|im_start|>assistant\n"
    assert without.text == "<|im_start|>user\n2 + 2 =<|im_end|>\n"
    titles = [analysis.figures(result)[f"prompt-{i}"].title for i in (0, 1)]
    assert "without the header" not in titles[0]
    assert "without the header" in titles[1]


def test_alt_text_states_the_numbers():
    """It has the best tokens with their probabilities, and the remaining share."""
    analysis, result = by_hand(
        [3.0, 1.0, 0.0, 0.0], ByteVocabulary(" a", "b", "c", "d"), top_k=2, prompt="x y"
    )
    figures = analysis.figures(result)

    assert figures["prompt-0"].alt == (
        "The likeliest tokens after “x y”: ·a 81.0% and b 11.0%. All 2 others together: 8.1%."
    )
    assert "counted from the best, ·a: the last, b, is 2.00 behind" in figures["logits-0"].alt


def test_logits_are_drawn_relative_to_the_largest():
    """Adding a constant to all logits changes nothing."""
    for shift in (0.0, 7.0):
        analysis, result = by_hand(
            np.array([1.0, 3.0, 0.5]) + shift, ByteVocabulary("a", "b", "c"), top_k=3
        )
        assert analysis.figures(result)["logits-0"].values == pytest.approx((0, -2, -2.5))


def test_top_k_must_be_positive():
    with pytest.raises(ValidationError):
        NextToken(prompts=("a",), top_k=0)


def test_long_prompt_is_shortened_to_its_end():
    """A title has the end of a long prompt, and all of a short one."""
    prompt = "A sentence that is much longer than any title would be, and then:\n2 + 2 ="
    analysis, result = by_hand([1.0, 2.0, 3.0], ByteVocabulary(*"abc"), 2, prompt)
    title = analysis.figures(result)["prompt-0"].title
    assert title == "What may come after “…n any title would be, and then:⏎2 + 2 =”"
    assert len(title.partition("“")[2]) == 40 + 1


@pytest.mark.parametrize(
    ("prompt_length", "alt"), [(1, "The prompt has 1 token."), (2, "The prompt has 2 tokens.")]
)
def test_alt_text_counts_the_tokens_of_the_prompt(prompt_length, alt):
    analysis, result = by_hand([1.0, 0.0], ByteVocabulary("a", "b"), top_k=2)
    prompt = result.prompts[0]
    longer = prompt.model_copy(update={"tokens": prompt.tokens[:1] * prompt_length})
    result = result.model_copy(update={"prompts": (longer,)})
    assert analysis.figures(result)["text-0"].alt == alt
