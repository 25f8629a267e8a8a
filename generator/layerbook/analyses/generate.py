"""What the model writes: a continuation token by token, and how sure it was of each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core import requests
from layerbook.core.analysis import (
    Analysis,
    Prompts,
    Record,
    Result,
    Seed,
    TopK,
    as_prompt,
    chat_suffix,
    prompt_name,
    shorten_prompt,
)
from layerbook.core.distributions import Ranked, ranked, softmax
from layerbook.core.figures import Axis, Bars, Figure, Passage, TokenStrip
from layerbook.core.requests import LOGITS, ActivationCaches, Request
from layerbook.core.sampling import sampling_distribution
from layerbook.core.tokens import Token, visible

Row = NDArray[np.floating]


class WrittenToken(Ranked):
    """A token that was written: the model's own logit and probability for it, and what the draw made of them."""

    rank: int = Field(description="Its place among all tokens, 1 being the likeliest.")
    drawn: float = Field(
        description="Its probability in the draw, 0..1: after temperature, top-k and top-p."
    )
    candidates: int = Field(description="How many tokens were left to draw from.")
    likeliest: Ranked = Field(description="The token that the model held likeliest at this step.")


class GeneratedText(Record):
    """A prompt and its continuation."""

    prompt: str = Field(description="The prompt as the spec has it; of a chat, its last turn.")
    text: str = Field(
        description="Prompt and continuation as the tokenizer decodes them, special tokens written out."
    )
    tokens: tuple[Token, ...] = Field(description="All tokens [T], prompt first.")
    prompt_length: int = Field(description="How many of the tokens are the prompt.")
    stopped: bool = Field(
        description="Whether the model ended its turn; otherwise the limit of tokens cut it off."
    )
    answer: str = Field(description="The continuation as text, without special tokens.")
    written: tuple[WrittenToken, ...] = Field(
        description="The tokens that the model wrote [T - prompt_length]."
    )
    detours: int = Field(description="How many of them were not the likeliest token.")
    forks: int = Field(description="At how many of them more than one token was left to draw from.")
    bits: float = Field(
        description="Surprise of the whole continuation: -sum log2 of the written tokens' probabilities."
    )
    least: WrittenToken = Field(
        description="The written token that the model gave the lowest probability."
    )


class GenerateResult(Result):
    """One text per prompt, and how its tokens were picked."""

    d_vocab: int = Field(description="How many tokens there are to choose from at each step.")
    temperature: float = Field(description="What the logits were divided by; 0 is greedy.")
    top_k: int | None = Field(
        description="How many of the likeliest tokens were kept; null for all."
    )
    top_p: float | None = Field(
        description="The probability that the kept tokens reach together; null for all."
    )
    seed: int = Field(description="The seed of the draws.")
    prompts: tuple[GeneratedText, ...] = Field(description="One entry per prompt, in the spec's order.")


class Generate(Analysis[GenerateResult]):
    """A text that the model writes token by token, and the probability that it gave each token before it was picked.

    Shapes: N written tokens; at each step one logit vector [V] over the vocabulary.
    Units: probabilities are shares of 1, the model's own: before temperature, top-k and top-p, which `drawn` includes.
    Limits: one text out of many; another seed writes another, and a sure model may still be wrong.
    Source: top-k: Fan et al. 2018 (arXiv:1805.04833); top-p: Holtzman et al. 2019 (arXiv:1904.09751).
    """

    result_type = GenerateResult

    prompts: Prompts = Field(description="The prompts; a string, or `chat:` for the chat template.")
    max_new_tokens: int = Field(
        ge=1, description="The most tokens to write; fewer where the model ends its turn."
    )
    temperature: float = Field(
        default=0.0, ge=0, description="Divides the logits; 0 always takes the likeliest token."
    )
    top_k: TopK | None = Field(
        default=None, description="Draw only from this many of the likeliest tokens."
    )
    top_p: float | None = Field(
        default=None, gt=0, le=1, description="Draw from the fewest that reach this probability."
    )
    seed: Seed = Field(default=0, description="Where the random numbers start.")

    def runs(self) -> dict[str, Request]:
        """Each prompt's continuation, with the logits that every token was picked from."""
        how = (self.max_new_tokens, self.temperature, self.top_k, self.top_p, self.seed)
        made = [
            requests.Generate(as_prompt(prompt), *how, keep_logits=True) for prompt in self.prompts
        ]
        return {f"text-{i}": one for i, one in enumerate(made)}

    def measure(self, captures: ActivationCaches) -> GenerateResult:
        """Follow each text token by token: what the model said, what was drawn from."""
        texts = []
        for i, prompt in enumerate(self.prompts):
            made = captures[f"text-{i}"]
            scores = made[LOGITS]  # [N, V], row n: what the model said before token n was picked
            written = []
            for logits, token in zip(
                scores, made.tokens[made.prompt_length :], strict=True
            ):  # N steps
                prob = softmax(logits)  # [V], what the model said
                draw = sampling_distribution(logits, self.temperature, self.top_k, self.top_p)
                rank = 1 + int((logits > logits[token.id]).sum())  # 1 is the likeliest
                best = ranked(made, logits, 1)[0]
                written.append(_written_token(token, logits, prob, draw, rank, best))
            texts.append(_generated_text(prompt_name(prompt), made, tuple(written)))
        return GenerateResult(
            d_vocab=scores.shape[1],
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            seed=self.seed,
            prompts=tuple(texts),
        )

    def figures(self, result: GenerateResult) -> dict[str, Figure]:
        """The tokens of all texts; each text as it is, and how sure the model was."""
        how = f"temperature {result.temperature:g}" if result.temperature else "greedy"
        figures: dict[str, Figure] = {"tokens": _token_strip(result)}
        for i, (spec, one) in enumerate(zip(self.prompts, result.prompts, strict=True)):
            end = "It ended its turn." if one.stopped else "It was cut off there."
            told = f"The model wrote {len(one.written)} tokens: “{one.answer.strip()}” {end}"
            title = f"“{shorten_prompt(spec)}”{chat_suffix(spec)} and what came after it ({how})"
            figures[f"text-{i}"] = Passage(one.text, title=title, alt=told)
            figures[f"confidence-{i}"] = _confidence_bars(one, how)
        return figures


def _written_token(token: Token, logits: Row, prob: Row, draw: Row, rank: int, best: Ranked) -> WrittenToken:
    return WrittenToken(
        **vars(token),
        logit=float(str(logits[token.id])),
        prob=float(prob[token.id]),
        rank=rank,
        drawn=float(draw[token.id]),
        candidates=int((draw > 0).sum()),
        likeliest=best,
    )


def _generated_text(prompt: str, made: requests.ActivationCache, written: tuple[WrittenToken, ...]) -> GeneratedText:
    """What is to be told of one text; the answer is joined from bytes, since a character may span tokens."""
    plain = b"".join(bytes.fromhex(w.hex) for w in written if not w.special)
    return GeneratedText(
        prompt=prompt,
        text=made.text,
        tokens=made.tokens,
        prompt_length=made.prompt_length,
        stopped=made.stopped,
        answer=plain.decode("utf-8", errors="replace"),
        written=written,
        detours=sum(w.rank > 1 for w in written),
        forks=sum(w.candidates > 1 for w in written),
        bits=float(-sum(np.log2(w.prob) for w in written)),
        least=min(written, key=lambda w: w.prob),
    )


def _token_strip(result: GenerateResult) -> TokenStrip:
    rows = tuple((one.prompt, one.tokens) for one in result.prompts)
    counts = [
        f"{one.prompt_length} of the prompt and {len(one.written)} written"
        for one in result.prompts
    ]
    starts = tuple(one.prompt_length for one in result.prompts)
    return TokenStrip(rows, alt=f"Tokens: {'; '.join(counts)}.", prompt_length=starts)


def _confidence_bars(one: GeneratedText, how: str) -> Bars:
    weak = one.least
    told = f"{visible(weak.token)} with {weak.prob:.1%}"
    if weak.rank > 1:
        told += f"; {visible(weak.likeliest.token)} had {weak.likeliest.prob:.1%}"
    return Bars(
        labels=tuple(w.token for w in one.written),
        values=tuple(w.prob for w in one.written),
        label_axis=Axis("token written"),
        value_axis=Axis("probability under the model"),
        title=f"How sure the model was, token by token ({how})",
        alt=f"{len(one.written)} written tokens, {one.detours} of them not the model's first choice. "
        f"Least probable: {told}.",
        highlight=tuple(i for i, w in enumerate(one.written) if w.rank > 1),
    )
