"""Frames of a continuation equal separate passes; drift and the end of the turn are reported."""

from __future__ import annotations

import numpy as np
import pytest
from fixtures.letters import FixedRequests, LetterVocabulary
from fixtures.run_analysis import capture_requests, facts, json_round_trip
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.continuation_frames import ContinuationFrames
from layerbook.core.figures import Frames, Heatmap
from layerbook.core.requests import NEXT_LOGITS, ActivationCache, Forward, Generate, Prompt, Site

TEXT = "The cat sat on "  # the tiny model goes on with a piece of a character, which no text keeps


def analysis(show: str, steps: int = 6) -> ContinuationFrames:
    """Return the analysis of both layers of the tiny model."""
    return ContinuationFrames.model_validate(
        {"prompt": TEXT, "max_new_tokens": steps, "layers": (0, 1), "show": show}
    )


def alone(model, ids: tuple[int, ...], name: str) -> ActivationCache:
    """Return a pass over these ids."""
    keep = frozenset({Site(name, 0), Site(name, 1), NEXT_LOGITS})
    return capture_requests(model, FixedRequests({"run": Forward(Prompt(ids=ids), keep)}))["run"]


def test_frame_equals_the_pattern_of_its_text(tiny):
    """Frames share one pass and equal separate passes to 1e-5; each token is the greedy one."""
    frames_analysis = analysis("pattern")
    result = json_round_trip(
        frames_analysis, frames_analysis.measure(capture_requests(tiny, frames_analysis))
    )
    generated = capture_requests(
        tiny, FixedRequests({"run": Generate(Prompt(text=TEXT), 6, stop=False)})
    )["run"]

    assert len(result.passes) == 1
    assert (result.retokenized_at, result.tokens, result.prompt_length) == (
        None,
        generated.tokens,
        generated.prompt_length,
    )
    for t, step in enumerate(result.frames):
        assert step.length == generated.prompt_length + t
        run = alone(tiny, tuple(token.id for token in generated.tokens[: step.length]), "pattern")
        for layer in (0, 1):
            corner = result.passes[0].values[layer, : step.length, : step.length]
            assert np.abs(corner - run[Site("pattern", layer)].mean(axis=0)).max() < 1e-5
        assert (
            step.next_token.id == generated.tokens[step.length].id == int(run[NEXT_LOGITS].argmax())
        )
        logits = run[NEXT_LOGITS].astype(np.float64)
        assert step.next_token.prob == pytest.approx(
            1 / np.exp(logits - logits.max()).sum(), abs=1e-5
        )


def test_gram_frames_match_separate_passes(tiny):
    """X Xᵀ of separate passes agrees to 1e-5 of the largest entry."""
    frames_analysis = analysis("gram", 12)
    result = frames_analysis.measure(capture_requests(tiny, frames_analysis))
    generated = capture_requests(
        tiny, FixedRequests({"run": Generate(Prompt(text=TEXT), 12, stop=False, reencode=True)})
    )["run"]

    assert result.retokenized_at == next(
        t for t in range(1, 12) if len(generated.frames[t]) != len(generated.frames[t - 1]) + 1
    )
    assert [step.length for step in result.frames] == [len(tokens) for tokens in generated.frames]
    for step, tokens in zip(result.frames, generated.frames, strict=True):
        gram = result.passes[step.pass_index]
        assert gram.tokens[: step.length] == tokens
        run = alone(tiny, tuple(token.id for token in tokens), "attn_out")
        for layer in (0, 1):
            x = run[Site("attn_out", layer)].astype(np.float64)
            assert (
                np.abs(gram.values[layer, : step.length, : step.length] - x @ x.T).max()
                < 1e-5 * (x @ x.T).max()
            )


def by_hand(
    texts: list[list[int]], writes: list[int], end: int | None = None
) -> dict[str, ActivationCache]:
    """Return frames over these ids; `end` is the token that ends a turn."""
    vocabulary = LetterVocabulary()
    model_facts = facts(stop_ids=frozenset({9 if end is None else end}))
    captures = {"facts": ActivationCache((), "", vocabulary, model_facts=model_facts)}
    rng = np.random.default_rng(4)
    for t, (ids, written_id) in enumerate(zip(texts, writes, strict=True)):
        logits = np.zeros(10, dtype=np.float32)
        logits[written_id] = 3
        out = rng.normal(size=(len(ids), 4)).astype(np.float32)
        tokens = tuple(vocabulary.token(i) for i in ids)
        sites = {Site("attn_out", 0): out, NEXT_LOGITS: logits}
        captures[f"frame-{t}"] = ActivationCache(tokens, "", vocabulary, sites, len(ids))
    finished = tuple(vocabulary.token(i) for i in (*texts[-1], writes[-1]))
    return captures | {
        "finished": ActivationCache(finished, "", vocabulary, prompt_length=len(texts[0]))
    }


def measure_by_hand(texts: list[list[int]], writes: list[int], end: int | None = None):
    """Return the analysis and its result on hand-made frames."""
    analysis = ContinuationFrames(prompt="x", max_new_tokens=len(writes), layers=(0,), show="gram")
    return analysis, json_round_trip(analysis, analysis.measure(by_hand(texts, writes, end)))


def test_changed_tokens_count_as_drift_and_start_a_new_pass():
    """1 2 | 1 2 3 | 1 4 | 1 4 5: the third frame does not extend the second."""
    frames_analysis, result = measure_by_hand([[1, 2], [1, 2, 3], [1, 4], [1, 4, 5]], [3, 3, 5, 6])

    assert result.retokenized_at == 2
    assert [step.pass_index for step in result.frames] == [0, 0, 1, 1]
    assert [[token.id for token in capture.tokens] for capture in result.passes] == [
        [1, 2, 3],
        [1, 4, 5],
    ]
    frames = frames_analysis.figures(result)["layer-0"]
    assert isinstance(frames, Frames)
    assert ["Encoded anew" in frame.note for frame in frames.frames] == [False, False, True, False]


def test_longer_frames_count_as_drift():
    """1 | 1 5 6, where 4 was generated: the frame extends the previous one with other tokens."""
    _, result = measure_by_hand([[1], [1, 5, 6], [1, 5, 6, 3]], [4, 3, 3])

    assert (result.retokenized_at, len(result.passes)) == (1, 1)


def test_shorter_text_of_the_same_tokens_counts_as_drift():
    """1 2 3 | 1 2: the second frame does not extend the first."""
    _, result = measure_by_hand([[1, 2, 3], [1, 2]], [0, 0])

    assert result.retokenized_at == 1


def test_first_end_of_turn_is_marked():
    """Token 6 ends the turn twice; the first counts, and later frames are kept."""
    frames_analysis, result = measure_by_hand(
        [[1], [1, 2], [1, 2, 6], [1, 2, 6, 6]], [2, 6, 6, 0], end=6
    )
    frames = frames_analysis.figures(result)["layer-0"]

    assert result.stop_at == 1
    assert isinstance(frames, Frames)
    assert [frame.stop for frame in frames.frames] == [False, True, False, False]
    assert measure_by_hand([[1], [1, 2]], [2, 3], end=6)[1].stop_at is None


def test_all_frames_of_a_layer_have_one_scale(tiny):
    """Patterns range from 0 to 1, Gram matrices over the entries of all frames."""
    for show in ("pattern", "gram"):
        frames_analysis = analysis(show)
        result = frames_analysis.measure(capture_requests(tiny, frames_analysis))
        for layer, figure in enumerate(frames_analysis.figures(result).values()):
            assert isinstance(figure, Frames)
            pictures = [frame.picture for frame in figure.frames]
            values = np.concatenate([capture.values[layer].ravel() for capture in result.passes])
            scale = (0, 1) if show == "pattern" else (float(values.min()), float(values.max()))
            for picture, step in zip(pictures, result.frames, strict=True):
                assert isinstance(picture, Heatmap)
                assert picture.scale == scale
                assert picture.causal == (show == "pattern")
                assert picture.values.shape == (step.length, step.length)


@pytest.mark.parametrize(("end", "length"), [(None, 4), (4, 3)])
def test_rows_come_from_the_frame_that_ends_the_turn(end: int | None, length: int):
    """They are means over the tokens seen by then, to 1e-6, without the first token."""
    ids, words = (
        (2, 1, 2, 3),
        ByteVocabulary("a", "b", "\n", " ", "<end>"),
    )  # the first token is whitespace as well
    frames_analysis = ContinuationFrames(prompt="x", max_new_tokens=4, layers=(0,), show="gram")
    out = np.random.default_rng(7).normal(size=(4, 5)).astype(np.float32)
    captures = {
        "facts": ActivationCache(
            (), "", words, model_facts=facts(stop_ids=frozenset({end or 0, 77}))
        )
    }
    for t, written in enumerate((1, 2, 4, 3)):
        logits = np.eye(5, dtype=np.float32)[written]
        sites = {Site("attn_out", 0): out[: t + 1], NEXT_LOGITS: logits}
        captures[f"frame-{t}"] = words.capture(ids[: t + 1], sites)
    captures["finished"] = words.capture((*ids, 3), {})
    (rows,) = json_round_trip(frames_analysis, frames_analysis.measure(captures)).rows

    means = [sum(float(out[i] @ out[j]) for j in range(length)) / length for i in range(length)]
    blank = [means[i] for i in (2, 3) if i < length]
    assert (rows.first, rows.other_tokens) == pytest.approx((means[0], means[1]), abs=1e-6)
    assert rows.whitespace == pytest.approx(sum(blank) / len(blank), abs=1e-6)


def test_kind_without_rows_has_no_mean(tiny):
    """A frame without later whitespace has null; patterns have no rows."""
    _, result = measure_by_hand([[1], [1, 2]], [2, 3])
    assert (result.rows[0].whitespace, len(result.rows)) == (None, 1)
    assert result.rows[0].other_tokens is not None

    patterns = analysis("pattern", 2)
    assert patterns.measure(capture_requests(tiny, patterns)).rows == ()
