"""Text generation: a continuation token by token, and how sure the model was of each."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from layerbook.core import requests
from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.charts import probability_axis
from layerbook.core.distributions import Ranked, likeliest, sampling_distribution, softmax
from layerbook.core.figures import Axis, Bars, Figure, Passage, TokenStrip
from layerbook.core.parameters import SamplingTopK, SamplingTopP, Seed, Temperature
from layerbook.core.prompts import Prompts, as_prompt, chat_suffix, prompt_name, shorten_prompt
from layerbook.core.requests import LOGITS, ActivationCache, ActivationCaches, Request
from layerbook.core.rounding import Relative
from layerbook.core.text import pluralize
from layerbook.core.tokens import Token, decode, repeated_share, visible


class WrittenToken(Ranked):
    """A generated token: the model's own logit and probability, and its chance in the draw."""

    rank: int = Field(description="Its rank among all tokens; 1 is the likeliest.")
    draw_prob: Relative = Field(description="Its probability after temperature, top-k and top-p.")
    candidates: int = Field(description="Number of tokens left to draw from.")
    likeliest: Ranked = Field(description="The likeliest token at this step.")


class GeneratedText(Record):
    """A prompt and its continuation."""

    prompt: str = Field(description="The prompt of the spec; of a chat, its last turn.")
    text: str = Field(description="Prompt and continuation as decoded, with special tokens.")
    tokens: tuple[Token, ...] = Field(description="All tokens [T], prompt first.")
    prompt_length: int = Field(description="Number of tokens in the prompt.")
    stopped: bool = Field(description="True if the model ended its turn before the token limit.")
    answer: str = Field(description="The continuation as text, without special tokens.")
    new_tokens: tuple[WrittenToken, ...] = Field(description="The written tokens.")
    non_greedy: int = Field(description="Number of written tokens that were not the likeliest.")
    open_steps: int = Field(description="Number of steps with several tokens to draw from.")
    bits: float = Field(description="Surprise of the continuation: -sum log2 of its probabilities.")
    repeated_share: float = Field(description="Share of its runs of four tokens that came before.")
    least_likely: WrittenToken = Field(description="The written token with the lowest probability.")


class GenerateResult(Result):
    """One text per prompt, and the settings of the draw."""

    d_vocab: int = Field(description="Number of tokens to choose from at each step.")
    temperature: Temperature
    top_k: SamplingTopK
    top_p: SamplingTopP
    seed: int = Field(description="The seed of the draws.")
    prompts: tuple[GeneratedText, ...] = Field(description="One per prompt, in the spec's order.")


class Generate(Analysis[GenerateResult]):
    """A text written token by token, and the probability of each token before it was picked.

    Shapes: N written tokens; at each step one logit vector [V] over the vocabulary.
    Units: probabilities are shares of 1, before temperature, top-k and top-p; `draw_prob` is after
        them.
    Limits: one text of many; another seed writes another, and a sure model may still be wrong.
    Source: top-k: Fan et al. 2018 (arXiv:1805.04833); top-p: Holtzman et al. 2019
        (arXiv:1904.09751); repetition: Welleck et al. 2019 (arXiv:1908.04319).
    """

    prompts: Prompts = Field(description="The prompts; a string, or `chat:` for the chat template.")
    max_new_tokens: int = Field(ge=1, description="Token limit; the model may end its turn sooner.")
    temperature: Temperature = 0.0
    top_k: SamplingTopK = None
    top_p: SamplingTopP = None
    seed: Seed = Field(default=0, description="Seed of the random numbers.")

    def runs(self) -> dict[str, Request]:
        """Request each prompt's continuation, with the logits of every step."""
        draw = (self.temperature, self.top_k, self.top_p, self.seed)
        return {
            f"text-{i}": requests.Generate(
                as_prompt(prompt), self.max_new_tokens, *draw, keep_logits=True
            )
            for i, prompt in enumerate(self.prompts)
        }

    def measure(self, captures: ActivationCaches) -> GenerateResult:
        """Follow each text token by token."""
        runs = [captures[f"text-{i}"] for i in range(len(self.prompts))]
        return GenerateResult(
            d_vocab=runs[0][LOGITS].shape[1],
            temperature=self.temperature,
            top_k=self.top_k,
            top_p=self.top_p,
            seed=self.seed,
            prompts=tuple(
                self.measure_text(prompt_name(prompt), run)
                for prompt, run in zip(self.prompts, runs, strict=True)
            ),
        )

    def measure_text(self, prompt: str, run: ActivationCache) -> GeneratedText:
        """Summarize one text; its answer leaves out the special tokens."""
        written = self.follow(run)
        return GeneratedText(
            prompt=prompt,
            text=run.text,
            tokens=run.tokens,
            prompt_length=run.prompt_length,
            stopped=run.stopped,
            answer=decode([token.token for token in written if not token.special]),
            new_tokens=written,
            non_greedy=sum(token.rank > 1 for token in written),
            open_steps=sum(token.candidates > 1 for token in written),
            bits=float(-sum(np.log2(token.prob) for token in written)),
            repeated_share=repeated_share([token.token for token in written]),
            least_likely=min(written, key=lambda token: token.prob),
        )

    def follow(self, run: ActivationCache) -> tuple[WrittenToken, ...]:
        """Return the N written tokens; token n was picked from row n of the logits [N, V]."""
        tokens = []
        for token, logits in zip(run.tokens[run.prompt_length :], run[LOGITS], strict=True):
            prob = softmax(logits)  # [V], the model's own
            drawn = sampling_distribution(logits, self.temperature, self.top_k, self.top_p)  # [V]
            tokens.append(
                WrittenToken(
                    **vars(token),
                    logit=float(logits[token.id]),
                    prob=float(prob[token.id]),
                    rank=1 + int((logits > logits[token.id]).sum()),
                    draw_prob=float(drawn[token.id]),
                    candidates=int((drawn > 0).sum()),
                    likeliest=likeliest(run, logits),
                )
            )
        return tuple(tokens)

    def figures(self, result: GenerateResult) -> dict[str, Figure]:
        """The tokens of all texts; each text as it is, and how sure the model was."""
        how = f"temperature {result.temperature:g}" if result.temperature else "greedy"
        figures: dict[str, Figure] = {"tokens": _token_strip(result)}
        for i, (spec, text) in enumerate(zip(self.prompts, result.prompts, strict=True)):
            end = "It ended its turn." if text.stopped else "It was cut off there."
            tokens = pluralize(len(text.new_tokens), "token")
            figures[f"text-{i}"] = Passage(
                text.text,
                title=f"“{shorten_prompt(spec)}”{chat_suffix(spec)}, continued ({how})",
                alt=f"The model wrote {tokens}: “{text.answer.strip()}” {end}",
            )
            figures[f"confidence-{i}"] = _confidence_bars(text, how)
        return figures


def _token_strip(result: GenerateResult) -> TokenStrip:
    counts = [
        f"{t.prompt_length} of the prompt and {len(t.new_tokens)} written" for t in result.prompts
    ]
    return TokenStrip(
        tuple((text.prompt, text.tokens) for text in result.prompts),
        alt=f"Tokens: {'; '.join(counts)}.",
        prompt_length=tuple(text.prompt_length for text in result.prompts),
    )


def _confidence_bars(text: GeneratedText, how: str) -> Bars:
    least, count = text.least_likely, pluralize(len(text.new_tokens), "written token")
    description = f"{visible(least.token)} with {least.prob:.1%}"
    if least.rank > 1:
        best = least.likeliest
        description += f"; {visible(best.token)} had {best.prob:.1%}"
    return Bars(
        labels=tuple(w.token for w in text.new_tokens),
        values=tuple(w.prob for w in text.new_tokens),
        label_axis=Axis("token written"),
        value_axis=probability_axis("probability under the model"),
        title=f"How sure the model was, token by token ({how})",
        alt=f"{count}, {text.non_greedy} of them not the model's "
        f"first choice. Least probable: {description}.",
        highlight=tuple(i for i, w in enumerate(text.new_tokens) if w.rank > 1),
    )
