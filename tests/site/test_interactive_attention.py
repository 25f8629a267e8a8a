"""Attention patterns as a page's script gets them: unpacked here in plain loops, and held against
the originals.
"""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

from layerbook.site.interactive import attention as explore
from layerbook.plotting.colours import sequential
from layerbook.core.figures import AttentionData
from layerbook.core.tokens import Token

RESULT = Path(__file__).parents[2] / "experiments/results/smollm2-135m-instruct/attention"
LAST_DIGIT, HALF_STEP = 0.0001, 1 / 131070


def patterns(weights: np.ndarray) -> AttentionData:
    """Patterns over as many tokens as the weights [layers, heads, T(T+1)/2] are for."""
    count = int((8 * weights.shape[-1] + 1) ** 0.5) // 2
    tokens = tuple(Token(i, "x", "78") for i in range(count))
    return AttentionData(tokens, tuple(range(len(weights))), weights.astype(np.float32))


def softmaxed(spread: float, seed: int = 0, tokens: int = 9) -> np.ndarray:
    """Random patterns [2, 3, T(T+1)/2]; the wider the scores are spread, the more goes to one key,
    often the first.
    """
    scores = np.random.default_rng(seed).normal(size=(2, 3, tokens, tokens)) * spread
    scores[..., 0] += spread
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True)) * np.tri(tokens)
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares[..., *np.tril_indices(tokens)].astype(np.float32)


def read(script: bytes) -> dict[str, Any]:
    """The data of a script."""
    return dict(json.loads(re.fullmatch(r'.*\["x\.js"\] = (.*);\n', script.decode())[1]))  # type: ignore[index]


def opened(script: bytes) -> np.ndarray:
    """The shares [layers, heads, T, T] in a script, byte by byte as its format is described."""
    data = read(script)
    raw, count = base64.b64decode(data["weights"]), len(data["tokens"])
    found = np.zeros((len(data["layers"]), data["heads"], count, count))
    at, line = 0, 0
    for layer in range(len(data["layers"])):
        for head in range(data["heads"]):
            for row in range(count):
                for key in range(row + 1):
                    step = raw[2 * at] + 256 * raw[2 * at + 1]
                    found[layer, head, row, key] = step / 65535 / (2 ** int(data["finer"][line], 36) if key else 1)
                    at += 1
                line += 1
    assert 2 * at == len(raw) and line == len(data["finer"])
    return found


def errors(weights: np.ndarray) -> tuple[float, float]:
    """Largest gaps between a script's shares and the weights: as they are, and renormalised without
    the first key.
    """
    found = opened(explore.data_script("x.js", patterns(weights), sequential()))
    count = found.shape[-1]
    there = np.zeros_like(found)
    there[..., *np.tril_indices(count)] = weights
    left = 0.0
    for layer in range(len(there)):
        for one, other in [
            (there[layer].mean(axis=0), found[layer].mean(axis=0)),
            *zip(there[layer], found[layer], strict=True),
        ]:
            for row in range(1, count):
                a, b = (x[row, 1 : row + 1] for x in (one, other))
                a, b = (x / x.sum() if x.sum() else x for x in (a, b))
                left = max(left, float(np.abs(a - b).max()))
    return float(np.abs(there - found).max()), left


@pytest.mark.parametrize("spread", [0.1, 3.0, 12.0])
def test_the_errors_told_are_those_of_the_script(spread: float) -> None:
    """To 1e-12; at most half a step of 1/65535, and without the first token less than the readout's
    last digit.
    """
    weights = softmaxed(spread)
    assert explore.largest_errors(weights) == pytest.approx(errors(weights), abs=1e-12)
    plain, left = errors(weights)
    assert 0 < plain <= HALF_STEP and left < LAST_DIGIT


def test_what_the_first_token_leaves_has_digits_of_its_own() -> None:
    """A row that gives all but a millionth to the first token: the rest, in sixty-fours, is kept to
    2e-5 of itself.
    """
    rest = np.array([1, 21, 42]) / 64
    weights = np.array([1, 0.5, 0.5, *[1 / 3] * 3, 1 - 1e-6, *(1e-6 * rest)])[None, None]
    shares = opened(explore.data_script("x.js", patterns(weights), sequential()))[0, 0]
    assert np.abs(shares[3, 1:] / shares[3, 1:].sum() - rest).max() < 2e-5
    assert shares[0, 0] == 1 and shares.sum(axis=-1) == pytest.approx([1] * 4, abs=5 * HALF_STEP)


def test_nothing_at_all_beside_the_first_token_stays_nothing() -> None:
    """Zeros come out as zeros, and are no error."""
    weights = np.array([1.0, 1.0, 0.0])[None, None]
    assert opened(explore.data_script("x.js", patterns(weights), sequential()))[0, 0].tolist() == [[1, 0], [1, 0]]
    assert explore.largest_errors(weights) == (0, 0)


def test_what_is_told_is_true_and_rounded_up() -> None:
    """The size as it is, both errors in percent, neither told smaller than it is nor a tenth
    larger.
    """
    weights = softmaxed(6.0)
    description = explore.description(patterns(weights), 116507)
    numbers = [float(n) for n in re.findall(r"([\d.]+)\N{NARROW NO-BREAK SPACE}%", description)]
    assert description.startswith("116.5\N{NARROW NO-BREAK SPACE}kB")
    for number, error in zip(numbers, errors(weights), strict=True):
        assert 100 * error <= number <= 110 * error


def test_the_book_s_own_patterns_are_shipped_closer_than_anyone_can_see() -> None:
    """Of all heads in the committed result: far less than a shade of 1/255, less than the readout's
    last digit.
    """
    (path,) = RESULT.glob("every.*.safetensors")
    (weights,) = load_file(path).values()
    plain, left = errors(weights)
    assert plain <= HALF_STEP < LAST_DIGIT / 10 and left < LAST_DIGIT < 1 / 255 / 10
    size = len(explore.data_script("x.js", patterns(weights), sequential()))
    assert size < 0.75 * 4 * weights.size  # less than three quarters of the bare float32, base64 included
