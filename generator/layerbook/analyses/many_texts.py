"""Many texts: one prompt continued with many seeds, beside the greedy continuation."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.charts import line
from layerbook.core.figures import Axis, Figure, Lines
from layerbook.core.parameters import SamplingTopK, SamplingTopP, Temperature
from layerbook.core.prompts import (
    PromptSpec,
    PromptText,
    as_prompt,
    chat_suffix,
    shorten_prompt,
)
from layerbook.core.requests import LOSS, ActivationCache, ActivationCaches, Generate, Request
from layerbook.core.text import pluralize
from layerbook.core.tokens import decode, repeated_share


class Continuation(Record):
    """One continuation of the prompt."""

    answer: str = Field(description="Its text, without special tokens.")
    length: int = Field(description="Number of tokens written.")
    bits: float = Field(description="Its surprise: -sum log2 of its tokens' probabilities.")
    repeated_share: float = Field(
        description="Share 0..1 of its runs of four tokens that occurred in it before."
    )


class ManyTextsResult(Result):
    """Continuations of one prompt: greedy, and drawn with many seeds."""

    draws: int = Field(description="Number of drawn texts, with the seeds 0, 1, 2, ...")
    max_new_tokens: int = Field(description="Token limit of each text.")
    temperature: Temperature
    greedy: Continuation = Field(description="The greedy text.")
    lengths: tuple[int, ...] = Field(description="Tokens written in each drawn text [draws].")
    bits: Array = Field(description="Surprise of each drawn text [draws].")
    repeated_share: Array = Field(description="Repeated share of each drawn text [draws].")
    distinct_texts: int = Field(description="Number of different drawn texts.")
    likeliest: Continuation = Field(description="The drawn text with the fewest bits per token.")
    matching_texts: int | None = Field(
        description="Number of drawn texts that contain `look_for`; null if it is not given."
    )

    @property
    def same_length(self) -> NDArray[np.bool_]:
        """True for each drawn text that is as long as the greedy one [draws]."""
        return np.equal(self.lengths, self.greedy.length)

    @property
    def comparable(self) -> int:
        """Number of drawn texts that are as long as the greedy one."""
        return int(self.same_length.sum())

    @property
    def likelier(self) -> int:
        """Number of those that the model finds likelier as a whole than the greedy one."""
        return int((self.bits[self.same_length] < self.greedy.bits).sum())

    @property
    def median_repeated_share(self) -> float:
        """The median of the repeated shares."""
        return float(np.median(self.repeated_share))

    @property
    def largest_repeated_share(self) -> float:
        """The largest of the repeated shares."""
        return float(self.repeated_share.max())


class ManyTexts(Analysis[ManyTextsResult]):
    """One prompt continued with many seeds, and the probability of each text as a whole.

    Shapes: N written tokens; the bits of a text are the sum of -log2 p over its tokens.
    Units: bits, under the model itself, before temperature, top-k and top-p.
    Limits: only texts of equal length are compared; one prompt says little about others.
    Source: Holtzman et al. 2019 (arXiv:1904.09751), section 4; repetition: Welleck et al. 2019
        (arXiv:1908.04319).
    """

    prompt: PromptSpec = Field(description="The prompt; a string, or `chat:` for a chat.")
    draws: int = Field(default=200, ge=1, le=1000, description="Number of texts to draw.")
    max_new_tokens: int = Field(ge=1, description="Token limit; a text may end earlier.")
    temperature: Temperature = 1.0
    top_k: SamplingTopK = None
    top_p: SamplingTopP = None
    look_for: PromptText | None = Field(
        default=None, description="Count the drawn texts that contain this text."
    )

    def runs(self) -> dict[str, Request]:
        """Request the greedy text, and one text for each seed, with the loss of every token."""
        prompt, length = as_prompt(self.prompt), self.max_new_tokens
        knobs = (self.temperature, self.top_k, self.top_p)
        drawn = {
            f"seed-{seed}": Generate(prompt, length, *knobs, seed, keep_losses=True)
            for seed in range(self.draws)
        }
        return {"greedy": Generate(prompt, length, keep_losses=True), **drawn}

    def measure(self, captures: ActivationCaches) -> ManyTextsResult:
        """Add up each text's surprise."""
        drawn = [captures[f"seed-{seed}"] for seed in range(self.draws)]
        texts = [summarize(run) for run in drawn]
        return ManyTextsResult(
            draws=self.draws,
            max_new_tokens=self.max_new_tokens,
            temperature=self.temperature,
            greedy=summarize(captures["greedy"]),
            lengths=tuple(text.length for text in texts),
            bits=np.array([text.bits for text in texts]),
            repeated_share=np.array([text.repeated_share for text in texts]),
            distinct_texts=len({run.tokens for run in drawn}),
            likeliest=most_likely(texts),
            matching_texts=count_containing(texts, self.look_for),
        )

    def figures(self, result: ManyTextsResult) -> dict[str, Figure]:
        """`bits`: the surprise of the drawn texts, sorted, and of the greedy one."""
        title = f"Texts drawn after “{shorten_prompt(self.prompt)}”"
        return {"bits": sorted_lines(result, title + chat_suffix(self.prompt))}


def summarize(run: ActivationCache) -> Continuation:
    """Summarize one continuation; its answer leaves out the special tokens."""
    written = run.tokens[run.prompt_length :]
    return Continuation(
        answer=decode([token for token in written if not token.special]),
        length=len(written),
        bits=float(run[LOSS].sum() / np.log(2)),  # from nats to bits
        repeated_share=repeated_share(written),
    )


def count_containing(texts: Sequence[Continuation], phrase: str | None) -> int | None:
    """Count the texts that contain a text; None if there is none to look for."""
    return None if phrase is None else sum(phrase in text.answer for text in texts)


def most_likely(texts: Sequence[Continuation]) -> Continuation:
    """Return the text with the fewest bits per token; of equals, that of the lowest seed."""
    return min(texts, key=lambda text: round(text.bits / text.length, 9))


def sorted_lines(result: ManyTextsResult, title: str) -> Lines:
    """Draw the bits of the drawn texts of the greedy one's length, the likeliest text first."""
    order = np.sort(result.bits[result.same_length])
    drawn = line("drawn", order, np.arange(1, len(order) + 1))
    greedy = line("greedy", (result.greedy.bits,) * 2, (1, max(2, len(order))))
    tokens = pluralize(result.greedy.length, "token")
    spread = f"From {order[0]:.1f} to {order[-1]:.1f} bits" if len(order) else "No drawn text"
    return Lines(
        (drawn, greedy) if len(order) else (greedy,),
        Axis(f"drawn text of {tokens}, likeliest first"),
        Axis("surprise of the whole text", "bits"),
        alt=f"{spread}; the greedy text has {result.greedy.bits:.1f}. {result.likelier} of "
        f"{result.comparable} drawn texts of its length are likelier than the greedy one.",
        title=title,
    )
