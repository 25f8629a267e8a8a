"""Attention patterns in a script, decoded here byte by byte and compared with the weights."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from layerbook.core.figures import AttentionData
from layerbook.core.tokens import Token
from layerbook.plotting.colors import sequential
from layerbook.site.interactive import attention
from safetensors.numpy import load_file

RESULT = Path(__file__).parents[2] / "experiments/results/smollm2-135m-instruct/heads"
LAST_DIGIT, HALF_STEP = 0.0001, 1 / 131070


def patterns(weights: np.ndarray) -> AttentionData:
    """Return data with tokens for the weights [layers, heads, T(T+1)/2]."""
    count = int((8 * weights.shape[-1] + 1) ** 0.5) // 2
    tokens = tuple(Token(i, "x", "78") for i in range(count))
    return AttentionData(tokens, tuple(range(len(weights))), weights.astype(np.float32))


def random_patterns(spread: float, seed: int = 0, tokens: int = 9) -> np.ndarray:
    """Return random patterns [2, 3, T(T+1)/2]; a larger spread concentrates them."""
    scores = np.random.default_rng(seed).normal(size=(2, 3, tokens, tokens)) * spread
    scores[..., 0] += spread
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True)) * np.tri(tokens)
    shares /= shares.sum(axis=-1, keepdims=True)
    return shares[..., *np.tril_indices(tokens)].astype(np.float32)


def read_data(script: bytes) -> dict[str, Any]:
    """Return the data in a script."""
    assignment = re.fullmatch(r'.*\["x\.js"\] = (.*);\n', script.decode())
    assert assignment
    return dict(json.loads(assignment[1]))


def decode(script: bytes) -> np.ndarray:
    """Decode the shares [layers, heads, T, T] in a script as its format is described."""
    data = read_data(script)
    raw, count = base64.b64decode(data["weights"]), len(data["tokens"])
    shares = np.zeros((len(data["layers"]), data["heads"], count, count))
    index, line = 0, 0
    for layer in range(len(data["layers"])):
        for head in range(data["heads"]):
            for row in range(count):
                for key in range(row + 1):
                    step = raw[2 * index] + 256 * raw[2 * index + 1]
                    shares[layer, head, row, key] = (
                        step / 65535 / (2 ** int(data["finer"][line], 36) if key else 1)
                    )
                    index += 1
                line += 1
    assert 2 * index == len(raw) and line == len(data["finer"])
    return shares


def decoded_errors(weights: np.ndarray) -> tuple[float, float]:
    """Return the largest errors of decoded shares, with and without the first key."""
    shares = decode(attention.data_script("x.js", patterns(weights), sequential()))
    count = shares.shape[-1]
    exact = np.zeros_like(shares)
    exact[..., *np.tril_indices(count)] = weights
    error_without_first = 0.0
    for layer in range(len(exact)):
        for expected, decoded in [
            (exact[layer].mean(axis=0), shares[layer].mean(axis=0)),
            *zip(exact[layer], shares[layer], strict=True),
        ]:
            for row in range(1, count):
                a, b = (x[row, 1 : row + 1] for x in (expected, decoded))
                a, b = (x / x.sum() if x.sum() else x for x in (a, b))
                error_without_first = max(error_without_first, float(np.abs(a - b).max()))
    return float(np.abs(exact - shares).max()), error_without_first


@pytest.mark.parametrize("spread", [0.1, 3.0, 12.0])
def test_reported_errors_are_those_of_the_script(spread: float) -> None:
    """Below half a step of 1/65535; without the first token, below the last shown digit."""
    weights = random_patterns(spread)
    assert attention.largest_errors(weights) == pytest.approx(decoded_errors(weights), abs=1e-12)
    plain, error_without_first = decoded_errors(weights)
    assert 0 < plain <= HALF_STEP and error_without_first < LAST_DIGIT


def test_small_shares_beside_the_first_token_keep_their_precision() -> None:
    rest = np.array([1, 21, 42]) / 64
    weights = np.array([1, 0.5, 0.5, *[1 / 3] * 3, 1 - 1e-6, *(1e-6 * rest)])[None, None]
    shares = decode(attention.data_script("x.js", patterns(weights), sequential()))[0, 0]
    assert np.abs(shares[3, 1:] / shares[3, 1:].sum() - rest).max() < 2e-5
    assert shares[0, 0] == 1 and shares.sum(axis=-1) == pytest.approx([1] * 4, abs=5 * HALF_STEP)


def test_zeros_are_exact() -> None:
    weights = np.array([1.0, 1.0, 0.0])[None, None]
    assert decode(attention.data_script("x.js", patterns(weights), sequential()))[
        0, 0
    ].tolist() == [
        [1, 0],
        [1, 0],
    ]
    assert attention.largest_errors(weights) == (0, 0)


def test_description_rounds_errors_up() -> None:
    weights = random_patterns(6.0)
    description = attention.description(patterns(weights), 116507)
    numbers = [float(n) for n in re.findall(r"([\d.]+)\N{NARROW NO-BREAK SPACE}%", description)]
    assert description.startswith("116.5\N{NARROW NO-BREAK SPACE}kB")
    for number, error in zip(numbers, decoded_errors(weights), strict=True):
        assert 100 * error <= number <= 110 * error


def test_errors_of_the_committed_patterns_are_invisible() -> None:
    """Far below a shade of 1/255 and the last shown digit."""
    (path,) = RESULT.glob("every.*.safetensors")
    (weights,) = load_file(path).values()
    plain, error_without_first = decoded_errors(weights)
    assert plain <= HALF_STEP < LAST_DIGIT / 10 and error_without_first < LAST_DIGIT < 1 / 255 / 10
    size = len(attention.data_script("x.js", patterns(weights), sequential()))
    # Less than three quarters of the bare float32, base64 included.
    assert size < 0.75 * 4 * weights.size
