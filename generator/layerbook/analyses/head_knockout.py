"""Head knockout: replace the output of one head at a time, and see how the answer changes."""

from __future__ import annotations

from itertools import product

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.charts import head_axes
from layerbook.core.distributions import Ranked, likeliest, next_token_prob
from layerbook.core.figures import Figure, Heatmap
from layerbook.core.parameters import HeadNumbers, Layers, resolved
from layerbook.core.prompts import PromptText
from layerbook.core.requests import (
    NEXT_LOGITS,
    ActivationCache,
    ActivationCaches,
    Forward,
    Patch,
    Prompt,
    Request,
    Site,
)
from layerbook.core.rounding import descending
from layerbook.core.tokens import Token, visible

MAX_LISTED = 8  # heads in `most_needed`


class ReplacedHead(Record):
    """The prediction with one head replaced."""

    layer: int = Field(description="The head's layer, from 0.")
    head: int = Field(description="The query head, from 0.")
    predicted: Ranked = Field(description="The most likely next token without the head.")
    answer_prob: float = Field(description="Probability of the answer, 0 to 1.")
    other_prob: float | None = Field(description="That of the other answer; null without one.")


class HeadProb(Record):
    """A head and the probability of a token with this head replaced."""

    layer: int = Field(description="The head's layer, from 0.")
    head: int = Field(description="The query head, from 0.")
    prob: float = Field(description="The probability, 0 to 1.")


class HeadKnockoutResult(Result):
    """The answer's probability with each head replaced, one at a time."""

    prompt: str = Field(description="The prompt.")
    other_prompt: str | None = Field(description="The prompt of the heads' new outputs.")
    position: int | None = Field(description="The position replaced, from 0; null for all.")
    tokens: tuple[Token, ...] = Field(description="The T tokens of the prompt.")
    answer: Ranked = Field(description="The most likely next token of the prompt as it is.")
    other_answer: Ranked | None = Field(description="The same of the other prompt.")
    other_prob_before: float | None = Field(description="Its probability with no head replaced.")
    layers: tuple[int, ...] = Field(description="The layers, from 0, that index the arrays.")
    heads: tuple[int, ...] = Field(description="The query heads that index the arrays.")
    prob: Array = Field(description="Probability of the answer [layer][head replaced].")
    other_prob: Array | None = Field(description="Probability of `other_answer`, likewise.")
    most_needed: tuple[ReplacedHead, ...] = Field(description="The costliest heads, worst first.")

    @property
    def median(self) -> float:
        """The median of `prob`."""
        return float(np.median(self.prob))

    @property
    def count(self) -> int:
        """Number of heads."""
        return int(self.prob.size)

    def place(self, index: int) -> str:
        """Name the head at an index of the flattened arrays: `layer 2, head 1`."""
        i, j = divmod(index, len(self.heads))
        return f"layer {self.layers[i]}, head {self.heads[j]}"

    @property
    def by_other_prob(self) -> tuple[HeadProb, ...]:
        """Every head with its `other_prob`, largest first; empty without another prompt."""
        if self.other_prob is None:
            return ()
        names = list(product(self.layers, self.heads))
        return tuple(
            HeadProb(layer=names[i][0], head=names[i][1], prob=float(self.other_prob.flat[i]))
            for i in descending(self.other_prob.ravel())
        )


class HeadKnockout(Analysis[HeadKnockoutResult]):
    """The probability of the answer when one head is silenced, or has another prompt's output.

    Shapes: z [T, H, d_head], one head of one layer overwritten -> logits [V] of the last position;
        one pass for each head.
    Units: probabilities, 0 to 1.
    Limits: one prompt; heads are tried one by one, so a head that another can replace seems idle;
        zero is not what a head outputs when it has nothing to add.
    Source: switching heads off: Michel et al. 2019 (arXiv:1905.10650); outputs of another prompt:
        Wang et al. 2022 (arXiv:2211.00593).
    """

    prompt: PromptText = Field(description="The prompt.")
    other: PromptText | None = Field(
        default=None,
        description="Replace a head's output by its output at the same positions of this prompt; "
        "without it, by zeros.",
    )
    position: int | None = Field(
        default=None,
        description="Replace at this position only; negative ones count from the end of each "
        "prompt.",
    )
    layers: Layers = "all"
    heads: HeadNumbers = Field(default="all", description="The query heads of each layer.")

    def runs(self) -> dict[str, Request]:
        """Request the prompt as it is, the other prompt, and one pass with each head replaced."""
        prompt, keep = Prompt(text=self.prompt), frozenset({NEXT_LOGITS})
        other = None if self.other is None else Forward(Prompt(text=self.other), keep)
        positions = () if self.position is None else (self.position,)
        requests: dict[str, Request] = {"clean": Forward(prompt, keep)}
        if other is not None:
            requests["other"] = other
        for layer, head in self.replaced_heads():
            patch = Patch(Site("z", layer), other, positions, (head,))
            requests[f"{layer}.{head}"] = Forward(prompt, keep, (patch,))
        return requests

    def replaced_heads(self) -> list[tuple[int, int]]:
        """Return the layer and head of each pass."""
        return list(product(resolved(self.layers), resolved(self.heads)))

    def measure(self, captures: ActivationCaches) -> HeadKnockoutResult:
        """Read the probability of the answer off each pass."""
        clean, other = captures["clean"], captures.get("other")
        answer, other_answer = likeliest(clean, clean[NEXT_LOGITS]), None
        if other is not None:
            check_positions(clean, other, self.position)
            other_answer = likeliest(other, other[NEXT_LOGITS])

        replaced = [
            measure_head(captures[f"{layer}.{head}"], layer, head, answer, other_answer)
            for layer, head in self.replaced_heads()
        ]
        shape = (len(resolved(self.layers)), -1)  # [L, H]
        prob = np.array([head.answer_prob for head in replaced]).reshape(shape)
        other_prob = np.array([head.other_prob for head in replaced]).reshape(shape)
        order = descending(-prob.ravel())

        return HeadKnockoutResult(
            prompt=self.prompt,
            other_prompt=self.other,
            position=None if self.position is None else self.position % len(clean.tokens),
            tokens=clean.tokens,
            answer=answer,
            other_answer=other_answer,
            other_prob_before=token_prob(clean, other_answer),
            layers=resolved(self.layers),
            heads=resolved(self.heads),
            prob=prob,
            other_prob=None if other is None else other_prob,
            most_needed=tuple(replaced[i] for i in order[:MAX_LISTED]),
        )

    def figures(self, result: HeadKnockoutResult) -> dict[str, Figure]:
        """`grid`: the answer's probability by head; `other`: that of the other prompt's answer."""
        figures: dict[str, Figure] = {"grid": prob_heatmap(result, result.prob, result.answer)}
        if result.other_answer is not None and result.other_prob is not None:
            figures["other"] = prob_heatmap(result, result.other_prob, result.other_answer)
        return figures


def check_positions(clean: ActivationCache, other: ActivationCache, position: int | None) -> None:
    """Raise ValueError if the other prompt lacks a position that is replaced."""
    length, needed = len(other.tokens), len(clean.tokens)
    if position is None and length != needed:
        raise ValueError(f"the other prompt has {length} tokens, and {needed} are needed")
    if position is not None and not -length <= position < length:
        raise ValueError(f"the other prompt has {length} tokens, and no position {position}")


def token_prob(run: ActivationCache, token: Ranked | None) -> float | None:
    """Return the probability of a token as the next one."""
    return None if token is None else next_token_prob(run, token.id)


def measure_head(
    run: ActivationCache, layer: int, head: int, answer: Ranked, other: Ranked | None
) -> ReplacedHead:
    """Return the prediction of a pass with one head replaced."""
    return ReplacedHead(
        layer=layer,
        head=head,
        predicted=likeliest(run, run[NEXT_LOGITS]),
        answer_prob=next_token_prob(run, answer.id),
        other_prob=token_prob(run, other),
    )


def prob_heatmap(result: HeadKnockoutResult, prob: Array, token: Ranked) -> Heatmap:
    """Draw one probability for every head: a row is a head, a column is a layer."""
    name = visible(token.token)
    replacement = "silenced"
    if result.other_prompt is not None:
        replacement = f"taken from “{result.other_prompt}”"
    low, high = (
        f"{result.place(int(index))}: {prob.ravel()[index]:.1%}"
        for index in (prob.argmin(), prob.argmax())
    )
    return Heatmap(
        prob.T,
        *head_axes(result.layers, result.heads),
        value=f"probability of {name}",
        alt=f"Probability of {name} with one head {replacement}: lowest for {low}, "
        f"highest for {high}; the median is {np.median(prob):.1%}.",
        title=f"How likely {name} is with one head {replacement}",
        scale=(0, 1),
        percent=True,
    )
