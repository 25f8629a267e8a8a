"""Continuations, against a loop without cache and Hugging Face's own processors."""

import numpy as np
import pytest
import torch
from fixtures.run_analysis import json_round_trip, run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.generate import Generate
from layerbook.core.prompts import ChatPrompt
from layerbook.core.requests import LOGITS

PROMPT = "The cat sat on the"


def step_by_step(tiny, text):
    """Return the logits [N, V] of every generated token, each from a separate pass without
    cache.
    """
    ids = [token.id for token in text.tokens]
    with torch.inference_mode():
        for n in range(text.prompt_length, len(ids)):
            yield (
                ids[n],
                tiny.network(torch.tensor([ids[:n]]), use_cache=False).logits[0, -1].double(),
            )


def by_hand(logits, prompt, written_ids, pieces, **settings):
    """Return the analysis on hand-made logits [N, V] for the generated ids."""
    analysis = Generate(prompts=("x",), max_new_tokens=len(written_ids), **settings)
    sites = {LOGITS: np.asarray(logits, dtype=np.float32)}
    capture = pieces.capture(
        [*prompt, *written_ids], sites, prompt_length=len(prompt), stopped=True
    )
    result = analysis.measure({"text-0": capture})
    return analysis, json_round_trip(analysis, result)


@pytest.mark.parametrize("settings", [{}, {"temperature": 0.9, "top_p": 0.8, "seed": 3}])
def test_confidence_agrees_with_a_loop_without_cache(tiny, settings):
    """Logits and ranks agree to 1e-4, probabilities to 1e-5."""
    text = run(tiny, Generate(prompts=(PROMPT,), max_new_tokens=12, **settings)).prompts[0]

    steps = list(step_by_step(tiny, text))
    assert len(steps) == len(text.new_tokens)
    for written, (id, logits) in zip(text.new_tokens, steps, strict=True):
        prob = torch.softmax(logits, -1)
        assert written.id == id
        assert written.logit == pytest.approx(logits[id].item(), abs=1e-4)
        assert written.prob == pytest.approx(prob[id].item(), abs=1e-5)
        assert written.rank == 1 + int((logits > logits[id]).sum())
        assert written.likeliest.id == int(logits.argmax())
    assert text.bits == pytest.approx(
        -sum(torch.log2(torch.softmax(z, -1)[i]).item() for i, z in steps), abs=1e-3
    )


def test_greedy_writes_what_transformers_writes(tiny):
    """The ids are those of `generate(do_sample=False)`."""
    text = run(tiny, Generate(prompts=(PROMPT,), max_new_tokens=10)).prompts[0]

    ids = torch.tensor([[token.id for token in text.tokens[: text.prompt_length]]])
    reference = tiny.network.generate(
        ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=10
    )
    assert [token.id for token in text.tokens] == reference[0].tolist()
    assert {w.rank for w in text.new_tokens} == {w.candidates for w in text.new_tokens} == {1}
    assert (text.non_greedy, text.open_steps) == (0, 0)


def test_sampling_distribution_agrees_with_transformers(tiny):
    """Candidates under temperature, top-k and top-p agree to 1e-5."""
    from transformers.generation.logits_process import (
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    settings = {"temperature": 0.7, "top_k": 40, "top_p": 0.6}
    text = run(tiny, Generate(prompts=(PROMPT,), max_new_tokens=15, seed=11, **settings)).prompts[0]

    assert text.open_steps > 0
    for written, (id, logits) in zip(text.new_tokens, step_by_step(tiny, text), strict=True):
        warped = TemperatureLogitsWarper(0.7)(None, logits[None])
        warped = TopPLogitsWarper(0.6)(None, TopKLogitsWarper(40)(None, warped))
        prob = torch.softmax(warped[0], -1)
        assert written.draw_prob == pytest.approx(prob[id].item(), abs=1e-5)
        assert written.candidates == int((prob > 0).sum())


def test_text_depends_on_the_seed(tiny):
    """Equal seeds give equal texts, other seeds other texts."""
    texts = [
        run(tiny, Generate(prompts=(PROMPT,), max_new_tokens=20, temperature=1.0, seed=seed))
        .prompts[0]
        .text
        for seed in (1, 1, 2)
    ]

    assert texts[0] == texts[1] != texts[2]


def test_prompts_go_through_the_chat_template(tiny):
    """The strip marks where the continuation starts."""
    analysis = Generate(prompts=(ChatPrompt(chat="2 + 2"), "2 + 2"), max_new_tokens=4)
    result = run(tiny, analysis)

    assert result.prompts[0].text.startswith(
        "<|im_start|>user\n2 + 2<|im_end|>\n<|im_start|>assistant\n"
    )
    strip = analysis.figures(result)["tokens"]
    assert strip.prompt_length == tuple(text.prompt_length for text in result.prompts)
    assert result.prompts[0].prompt_length > result.prompts[1].prompt_length


def test_answer_is_joined_from_bytes():
    """An owl in two tokens is one character; the end-of-turn token is not part of the answer."""
    owl = "🦉".encode()
    pieces = ByteVocabulary("hi", owl[:2], owl[2:], "<end>", special=1)
    _, result = by_hand(np.zeros((3, 4)), [0], [1, 2, 3], pieces)

    assert result.prompts[0].answer == "🦉"
    assert result.prompts[0].stopped


def test_unlikely_choices_and_close_alternatives_are_reported():
    """The best token, an unlikely choice, and a best token whose rivals top-p removed."""
    logits = np.log([[0.90, 0.05, 0.05], [0.60, 0.35, 0.05], [0.05, 0.05, 0.90]])
    analysis, result = by_hand(
        logits, [0], [0, 1, 2], ByteVocabulary("a", "b", "c"), temperature=1.0, top_p=0.8
    )
    text = result.prompts[0]

    assert (text.non_greedy, text.open_steps) == (1, 1)
    assert (text.least_likely.text, text.least_likely.rank, text.least_likely.candidates) == (
        "b",
        2,
        2,
    )
    assert text.least_likely.draw_prob == pytest.approx(0.35 / 0.95)
    assert text.least_likely.likeliest.text == "a"
    assert text.bits == pytest.approx(-np.log2(0.90 * 0.35 * 0.90), abs=1e-5)
    bars = analysis.figures(result)["confidence-0"]
    assert bars.highlight == (1,)
    assert bars.values == pytest.approx((0.90, 0.35, 0.90), abs=1e-6)
    assert bars.alt.endswith("Least probable: b with 35.0%; a had 60.0%.")


def test_least_probable_greedy_token_is_named():
    greedy, result = by_hand(
        np.log([[0.9, 0.1], [0.4, 0.6]]), [0], [0, 1], ByteVocabulary("a", "b")
    )

    assert greedy.figures(result)["confidence-0"].alt.endswith("Least probable: b with 60.0%.")


def test_titles_distinguish_chats_from_bare_prompts():
    """The same words continue differently as a chat."""
    analysis = Generate(prompts=(ChatPrompt(chat="a"), "a"), max_new_tokens=1)
    capture = ByteVocabulary("a", "b").capture(
        [0, 1], {LOGITS: np.zeros((1, 2), np.float32)}, prompt_length=1, stopped=True
    )
    figures = analysis.figures(analysis.measure({"text-0": capture, "text-1": capture}))

    assert figures["text-0"].title == "“a” in a chat, continued (greedy)"
    assert figures["text-1"].title == "“a”, continued (greedy)"


def test_figures_state_the_sampling_settings():
    """They name greedy decoding or the temperature; the passage is the text itself."""
    pieces = ByteVocabulary("a", "b")
    greedy, result = by_hand(np.zeros((1, 2)), [0], [1], pieces)
    assert "(greedy)" in greedy.figures(result)["text-0"].title
    assert greedy.figures(result)["text-0"].text == "ab"
    assert greedy.figures(result)["text-0"].alt.startswith("The model wrote 1 token: “b”")

    sampled, result = by_hand(np.zeros((1, 2)), [0], [1], pieces, temperature=0.2)
    assert "(temperature 0.2)" in sampled.figures(result)["confidence-0"].title
