"""Fact knockout: what one head does for many facts, shown by replacing it in three ways."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.charts import head_axes
from layerbook.core.direct_path import W_U
from layerbook.core.distributions import Ranked, likeliest, softmax
from layerbook.core.figures import Axis, Figure, Heatmap, Panels, Point, Scatter, Share, Table
from layerbook.core.parameters import Head, HeadNumbers, Layer, Layers, resolved
from layerbook.core.prompts import PromptTemplate
from layerbook.core.requests import (
    LN_FINAL,
    ActivationCache,
    ActivationCaches,
    Forward,
    Patch,
    Prompt,
    Request,
    Site,
    Weights,
)
from layerbook.core.rounding import Relative, descending
from layerbook.core.tokens import visible

LABELED = 3  # points with their names in the scatter plot, along each axis


class SwappedPrompt(Record):
    """One prompt as it is, and with the head's output taken from the next prompt."""

    subject: str = Field(description="Its subject.")
    answer: Ranked = Field(description="The most likely next token.")
    other: str = Field(description="The subject of the prompt that the output is taken from.")
    swapped: Ranked = Field(description="The most likely next token with that output.")
    answer_after: Relative = Field(description="Probability of `answer` with that output.")
    other_before: Relative = Field(description="Probability of the other answer before.")
    other_after: Relative = Field(description="Probability of the other answer with that output.")


class ReplacementCosts(Record):
    """The cost of replacing each head in one way, in bits of the answer."""

    cost: Array = Field(description="Cost by layer, head and prompt: [L][H][N].")
    head_index: tuple[int, int] = Field(description="Indices of the head in question in `cost`.")

    @property
    def average(self) -> Array:
        """The cost of each head, mean of the prompts: [L, H]."""
        return self.cost.mean(axis=-1)

    @property
    def head_costs(self) -> Array:
        """The cost of the head in question, by prompt: [N]."""
        return self.cost[self.head_index]

    @property
    def head_cost(self) -> float:
        """The mean of `head_costs`."""
        return float(self.head_costs.mean())

    @property
    def other_costs(self) -> Array:
        """The costs of all other heads, by prompt: [L * H - 1, N]."""
        L, H, N = self.cost.shape
        index = np.ravel_multi_index(self.head_index, (L, H))
        return np.delete(self.cost.reshape(L * H, N), index, axis=0)

    @property
    def largest_other_cost(self) -> float:
        """The largest average cost of any other head; 0 if there is none."""
        averages = self.other_costs.mean(axis=1)
        return float(averages.max()) if len(averages) else 0.0

    @property
    def times_largest(self) -> int:
        """Number of prompts in which no head costs more than the one in question."""
        return int((self.head_costs >= self.cost.max(axis=(0, 1))).sum())


class FactKnockoutResult(Result):
    """The cost of losing each head, by prompt, in bits of the answer's log-probability."""

    prompt: str = Field(description="The sentence, with `{}` for the subject.")
    prompts: tuple[SwappedPrompt, ...] = Field(description="The N prompts.")
    layer: int = Field(description="The layer of the head in question, from 0.")
    head: int = Field(description="The head in question, from 0.")
    layers: tuple[int, ...] = Field(description="The L layers that index the arrays.")
    heads: tuple[int, ...] = Field(description="The H query heads that index the arrays.")
    with_zeros: ReplacementCosts = Field(description="The costs with zeros as a head's output.")
    with_mean: ReplacementCosts = Field(description="The costs with the mean over other prompts.")
    answers_swapped: tuple[int, ...] = Field(
        description="Number of prompts whose likeliest token becomes the next prompt's answer when "
        "a head of `layer` has its output there: [H]."
    )

    @property
    def swapped_by_head(self) -> int:
        """The number in `answers_swapped` of the head in question."""
        return self.answers_swapped[self.heads.index(self.head)]

    @property
    def swapped_by_others(self) -> int:
        """The largest number in `answers_swapped` of any other head; 0 if there is none."""
        pairs = zip(self.heads, self.answers_swapped, strict=True)
        return max((count for head, count in pairs if head != self.head), default=0)

    def name(self, index: int) -> str:
        """Name the head at an index of the flattened arrays: `23.4`."""
        i, j = divmod(index, len(self.heads))
        return f"{self.layers[i]}.{self.heads[j]}"


class FactKnockout(Analysis[FactKnockoutResult]):
    """The cost of replacing one head's output at the last token, on average over many prompts.

    Shapes: z [T, H, d_head], one head at the last token overwritten by zeros, by its mean over the
        other N - 1 prompts, or by its value in the next prompt -> ln_final [T, D], of which the
        last row times W_U is the logits [V]; one pass for each head, way and prompt.
    Units: bits: log2 of the answer's probability as it is over that with the head replaced.
    Limits: heads are replaced one by one, so a head that another can replace seems idle; what they
        do before the last token is not tested; the answer is the model's own likeliest token.
    Source: mean ablation: Wang et al. 2022 (arXiv:2211.00593); outputs of another prompt: Zhang &
        Nanda 2023 (arXiv:2309.16042).
    """

    requires = frozenset({"plain outputs"})

    prompt: PromptTemplate = Field(description="The sentence, with `{}` where the subject goes.")
    subjects: tuple[str, ...] = Field(min_length=2, description="The subjects.")
    layer: Layer = Field(description="The layer of the head in question.")
    head: Head = Field(description="The head in question.")
    layers: Layers = Field(default="all", description="Layers whose heads are tried.")
    heads: HeadNumbers = Field(default="all", description="The query heads of each layer.")
    from_layer: Layer = Field(default=0, description="Leave out the layers below this one.")

    def runs(self) -> dict[str, Request]:
        """Request each prompt as it is, and with each head's output replaced in three ways."""
        keep = frozenset({LN_FINAL})
        texts = [self.prompt.replace("{}", subject) for subject in self.subjects]
        plain = [Forward(Prompt(text=text), keep) for text in texts]
        requests: dict[str, Request] = {"weights": Weights(frozenset({W_U}))}
        for n, run in enumerate(plain):
            requests[f"plain {n}"] = run
            others = (*plain[:n], *plain[n + 1 :])
            for layer, head in product(self.tried_layers(), resolved(self.heads)):
                requests[f"zero {n} {layer}.{head}"] = replace_head(run, layer, head, None)
                requests[f"mean {n} {layer}.{head}"] = replace_head(run, layer, head, others)
            following = plain[(n + 1) % len(plain)]
            for head in resolved(self.heads):
                requests[f"swap {n} {head}"] = replace_head(run, self.layer, head, following)
        return requests

    def tried_layers(self) -> tuple[int, ...]:
        """Return the layers from `from_layer` on, and that of the head in question."""
        tried = [layer for layer in resolved(self.layers) if layer >= self.from_layer]
        return tuple(sorted({*tried, self.layer}))

    def measure(self, captures: ActivationCaches) -> FactKnockoutResult:
        """Compare the answer's probability with that of each pass with a head replaced."""
        W = captures["weights"][W_U]  # [D, V]
        N, heads = len(self.subjects), resolved(self.heads)
        index = heads.index(self.head)

        plain = [captures[f"plain {n}"] for n in range(N)]
        answers = [likeliest(run, next_logits([run], W)[0]) for run in plain]

        prompts, becomes_other = [], []
        for n, answer in enumerate(answers):
            following = (n + 1) % N
            other = answers[following]  # the answer of the next prompt
            before = softmax(next_logits([plain[n]], W)[0])  # [V]
            swapped = [captures[f"swap {n} {head}"] for head in heads]
            logits = next_logits(swapped, W)  # [H, V]
            after = softmax(logits)
            becomes_other.append(after.argmax(axis=-1) == other.id)  # [H]
            prompts.append(
                SwappedPrompt(
                    subject=self.subjects[n],
                    answer=answer,
                    other=self.subjects[following],
                    swapped=likeliest(swapped[index], logits[index]),
                    answer_after=float(after[index, answer.id]),
                    other_before=float(before[other.id]),
                    other_after=float(after[index, other.id]),
                )
            )

        return FactKnockoutResult(
            prompt=self.prompt,
            prompts=tuple(prompts),
            layer=self.layer,
            head=self.head,
            layers=self.tried_layers(),
            heads=heads,
            with_zeros=self.measure_costs("zero", captures, answers),
            with_mean=self.measure_costs("mean", captures, answers),
            answers_swapped=tuple(np.sum(becomes_other, axis=0).tolist()),
        )

    def measure_costs(
        self, way: str, captures: ActivationCaches, answers: Sequence[Ranked]
    ) -> ReplacementCosts:
        """Measure how many bits the answers lose with each head replaced in one way."""
        W = captures["weights"][W_U]  # [D, V]
        layers, heads = self.tried_layers(), resolved(self.heads)
        lost = []
        for n, answer in enumerate(answers):
            runs = [[captures[f"{way} {n} {layer}.{head}"] for head in heads] for layer in layers]
            # One layer at a time, since a distribution over the vocabulary is large.
            probs = (softmax(next_logits(layer_runs, W))[:, answer.id] for layer_runs in runs)
            lost.append([np.log2(answer.prob / prob) for prob in probs])  # [L][H]
        return ReplacementCosts(
            cost=np.stack(lost, axis=-1),  # [L, H, N]
            head_index=(layers.index(self.layer), heads.index(self.head)),
        )

    def figures(self, result: FactKnockoutResult) -> dict[str, Figure]:
        """`grid`: average costs; `facts`: by prompt; `ways`: zeros against means; `swaps`."""
        return {
            "grid": cost_grids(result),
            "facts": fact_strip(result),
            "ways": ways_scatter(result),
            "swaps": swap_table(result),
        }


def replace_head(
    run: Forward, layer: int, head: int, source: Forward | tuple[Forward, ...] | None
) -> Forward:
    """Return the pass with one head's output replaced at the last token."""
    return Forward(run.prompt, run.keep, (Patch(Site("z", layer), source, (-1,), (head,)),))


def next_logits(runs: Sequence[ActivationCache], W: Array) -> Array:
    """Return the logits of the next token after each pass: [runs, V]."""
    return np.stack([run[LN_FINAL][-1] for run in runs]) @ W


def cost_grids(result: FactKnockoutResult) -> Panels:
    """Draw two maps of heads by layers under one scale: zeros, and the mean output."""
    averages = {"zeros": result.with_zeros.average, "its average": result.with_mean.average}
    every = np.stack(list(averages.values()))
    panels = tuple(
        Heatmap(
            average.T,
            *head_axes(result.layers, result.heads),
            value="average cost",
            unit="bits",
            alt=f"with {name}, head {result.name(int(average.argmax()))} costs most, "
            f"{average.max():.2f} bits; the median is {np.median(average):.2f}",
            title=f"Replaced by {name}",
            scale=(float(every.min()), float(every.max())),
            diverging=True,
        )
        for name, average in averages.items()
    )
    alts = "; ".join(panel.alt for panel in panels)
    return Panels(
        panels,
        f"Average cost over {len(result.prompts)} prompts: " + alts + ".",
        "What the answer loses without each head",
        columns=1,
    )


def fact_strip(result: FactKnockoutResult) -> Heatmap:
    """Draw the cost by prompt: the head in question, the costliest other, and the median."""
    own = f"{result.layer}.{result.head}"
    costs = result.with_mean.cost.reshape(-1, len(result.prompts))  # [L * H, N]
    others = result.with_mean.other_costs
    columns = {
        f"{own}, zeros": result.with_zeros.head_costs,
        f"{own}, average": result.with_mean.head_costs,
        "costliest other": (others if len(others) else costs).max(axis=0),
        "typical head": np.median(costs, axis=0),
    }
    values = np.stack(list(columns.values()), axis=1)  # [N, 4]
    order = descending(values[:, 1])
    limit = float(np.abs(values).max())
    return Heatmap(
        values[order],
        rows=Axis("subject", labels=tuple(result.prompts[n].subject for n in order)),
        columns=Axis("head", labels=tuple(columns)),
        value="cost",
        unit="bits",
        alt=f"With its average output, head {own} costs {values[:, 1].min():.2f} to "
        f"{values[:, 1].max():.2f} bits, the costliest other head {values[:, 2].min():.2f} to "
        f"{values[:, 2].max():.2f}.",
        title="The cost for each subject",
        scale=(-limit, limit),
        diverging=True,
        annotate=True,
    )


def ways_scatter(result: FactKnockoutResult) -> Scatter:
    """Draw each head: its average cost with zeros, and with its mean output."""
    zero, mean = result.with_zeros.average.ravel(), result.with_mean.average.ravel()
    labeled = dict.fromkeys([*descending(zero)[:LABELED], *descending(mean)[:LABELED]])
    points = tuple(
        Point(result.name(i), float(zero[i]), float(mean[i]), show_label=i in labeled)
        for i in range(len(zero))
    )
    largest = ", ".join(f"{result.name(i)} ({zero[i]:.2f}, {mean[i]:.2f})" for i in labeled)
    return Scatter(
        points,
        Axis("cost with zeros", "bits"),
        Axis("cost with its average", "bits"),
        alt="Largest costs, with zeros and with the average: " + largest + ".",
        title="Two ways of switching a head off",
    )


def swap_table(result: FactKnockoutResult) -> Table:
    """Draw the answers when the head speaks about the next subject."""
    rows = tuple(
        (p.subject, p.other, p.answer.token, p.swapped.token, Share(p.other_after))
        for p in result.prompts
    )
    first, N = result.prompts[0], len(rows)
    return Table(
        ("prompt about", "head about", "answer before", "after", "other answer, after"),
        rows,
        alt=f"With the head about {first.other}, the prompt about {first.subject} is continued "
        f"with {visible(first.swapped.token)}. The answer follows in "
        f"{result.swapped_by_head} of {N} prompts.",
        title="The head speaks about another subject",
    )
