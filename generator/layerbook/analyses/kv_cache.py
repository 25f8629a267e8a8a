"""KV cache: the multiplications that it saves, and the logits with and without it."""

from __future__ import annotations

from math import prod

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Result
from layerbook.core.charts import line
from layerbook.core.figures import Axis, Figure, Lines
from layerbook.core.prompts import PromptText, shorten_prompt
from layerbook.core.requests import (
    LOGITS,
    ActivationCaches,
    Describe,
    Forward,
    Generate,
    ModelFacts,
    ModuleRole,
    Prompt,
    Request,
)
from layerbook.core.rounding import Gap
from layerbook.core.tokens import Token

IN_LAYERS: tuple[ModuleRole, ...] = ("queries, keys, values", "attention output", "mlp")


class KvCacheResult(Result):
    """One text, written with the cache and read again without it; and what each way costs."""

    prompt: str = Field(description="The prompt.")
    tokens: tuple[Token, ...] = Field(description="Prompt and continuation [T + N].")
    prompt_length: int = Field(description="Number of tokens in the prompt: T.")
    compared_logits: int = Field(description="Logits compared: N times V.")
    largest_difference: Gap = Field(
        description="Largest difference between a logit with the cache and without it."
    )
    same_tokens: bool = Field(
        description="True if the likeliest token is the same with and without it, at every step."
    )
    unembedding: int = Field(description="Multiplications by the unembedding, per prediction.")
    cached_numbers: int = Field(description="Numbers that the cache keeps of each token.")
    lengths: tuple[int, ...] = Field(description="Lengths of text, in tokens: 1, 2, 3, ...")
    uncached: tuple[int, ...] = Field(
        description="Multiplications for the next token if all tokens so far are computed anew."
    )
    cached: tuple[int, ...] = Field(
        description="Multiplications for the next token if only the last token is computed."
    )


class KvCache(Analysis[KvCacheResult]):
    """Keys and values kept from step to step: equal logits for fewer multiplications.

    Shapes: logits of the N written tokens [N, V], from the generation with the cache and from one
        pass over the whole text without.
    Units: multiplications, in products of matrices and in attention; norms, softmax, rotations and
        activation functions are left out.
    Limits: counts of operations, not times; a processor may be slower or faster per operation.
    Source: Pope et al. 2022 (Efficiently Scaling Transformer Inference, arXiv:2211.05102).
    """

    prompt: PromptText = Field(description="The prompt.")
    max_new_tokens: int = Field(default=10, ge=1, description="Number of tokens to write: N.")
    count_to: int = Field(
        default=50, ge=2, le=10_000, description="Longest text whose multiplications are counted."
    )

    def runs(self) -> dict[str, Request]:
        """Request the text written with the cache, and the same text read in one pass."""
        written = Generate(
            Prompt(text=self.prompt), self.max_new_tokens, stop=False, keep_logits=True
        )
        read = Forward(Prompt(generated=written), frozenset({LOGITS}))
        return {"written": written, "read": read, "model": Describe()}

    def measure(self, captures: ActivationCaches) -> KvCacheResult:
        """Compare the logits of both, and count."""
        written, facts = captures["written"], captures["model"].facts
        T = written.prompt_length
        with_cache = written[LOGITS]  # [N, V]: row n is what token T + n was picked from
        without = captures["read"][LOGITS][T - 1 : -1]  # [N, V]: the same predictions

        lengths = tuple(range(1, self.count_to + 1))
        return KvCacheResult(
            prompt=self.prompt,
            tokens=written.tokens,
            prompt_length=T,
            compared_logits=with_cache.size,
            largest_difference=float(np.abs(with_cache - without).max()),
            same_tokens=bool((with_cache.argmax(axis=1) == without.argmax(axis=1)).all()),
            unembedding=facts.d_vocab * facts.d_model,
            cached_numbers=2 * facts.layers * facts.kv_heads * facts.d_head,
            lengths=lengths,
            uncached=tuple(count_anew(facts, length) for length in lengths),
            cached=tuple(count_cached(facts, length) for length in lengths),
        )

    def figures(self, result: KvCacheResult) -> dict[str, Figure]:
        """`steps`: the multiplications for one more token, by the length of the text."""
        series = {"everything anew": result.uncached, "with the cache": result.cached}
        first, last = result.lengths[0], result.lengths[-1]
        return {
            "steps": Lines(
                tuple(line(name, np.array(y) / 1e9, result.lengths) for name, y in series.items()),
                Axis("tokens so far"),
                Axis("multiplications", "billions"),
                alt=f"Anew: from {result.uncached[0] / 1e9:.2f} billion multiplications after "
                f"{first} token to {result.uncached[-1] / 1e9:.2f} after {last}. With the cache: "
                f"from {result.cached[0] / 1e9:.2f} to {result.cached[-1] / 1e9:.2f}.",
                title=f"The price of one more token: “{shorten_prompt(self.prompt)}”",
            )
        }


def matrix_multiplications(facts: ModelFacts) -> int:
    """Count for one token: a vector times a matrix takes one for each entry of the matrix."""
    return sum(
        prod(module.shape)
        for module in facts.modules
        if module.role in IN_LAYERS and len(module.shape) == 2
    )


def attention_multiplications(facts: ModelFacts, key_count: int) -> int:
    """Count for one token: in every head, the score of each key and its share of a value."""
    windows = (min(key_count, window or key_count) for window in facts.windows)
    return sum(2 * facts.heads * facts.d_head * keys for keys in windows)


def count_anew(facts: ModelFacts, length: int) -> int:
    """Count for all tokens in all layers; only the last one needs the unembedding."""
    matrices = length * matrix_multiplications(facts)
    attention = sum(
        attention_multiplications(facts, key_count) for key_count in range(1, length + 1)
    )
    return matrices + attention + facts.d_vocab * facts.d_model


def count_cached(facts: ModelFacts, length: int) -> int:
    """Count for the last token alone; the keys and values of the others are in the cache."""
    attention = attention_multiplications(facts, length)
    return matrix_multiplications(facts) + attention + facts.d_vocab * facts.d_model
