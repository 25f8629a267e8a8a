"""Fact knockout: what one head does for many facts, shown by replacing it in three ways."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
from layerbook.core.direct_path import W_U
from layerbook.core.distributions import Ranked, likeliest
from layerbook.core.figures import (
    Axis,
    Figure,
    Heatmap,
    Panels,
    Point,
    Scatter,
    Share,
    Table,
    label_text,
)
from layerbook.core.limits import Feature
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

FINAL = frozenset({LN_FINAL})
LABELED = 3  # points with their names in the scatter plot, along each axis

Floats = NDArray[np.floating]


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
    head_index: tuple[int, int] = Field(
        description="Indices of the head in question: layer and head."
    )

    @property
    def average(self) -> Floats:
        """The cost of each head, mean of the prompts: [L, H]."""
        return self.cost.mean(axis=-1)

    @property
    def head_costs(self) -> Floats:
        """The cost of the head in question, by prompt: [N]."""
        return self.cost[self.head_index]

    @property
    def head_cost(self) -> float:
        """The mean of `head_costs`."""
        return float(self.head_costs.mean())

    @property
    def largest_other_cost(self) -> float:
        """The largest average cost of any other head; 0 if there is none."""
        others = np.delete(self.average, np.ravel_multi_index(self.head_index, self.average.shape))
        return float(others.max()) if len(others) else 0.0

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
    with_zeros: ReplacementCosts = Field(
        description="The costs if a head's output is replaced by zeros."
    )
    with_mean: ReplacementCosts = Field(
        description="The costs if a head's output is replaced by its mean over the other prompts."
    )
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

    result_type = FactKnockoutResult
    requires = frozenset[Feature]({"plain outputs"})

    prompt: PromptTemplate = Field(description="The sentence, with `{}` where the subject goes.")
    subjects: tuple[str, ...] = Field(min_length=2, description="The subjects.")
    layer: Layer = Field(description="The layer of the head in question.")
    head: Head = Field(description="The head in question.")
    layers: Layers = Field(default="all", description="Layers whose heads are tried.")
    heads: HeadNumbers = Field(default="all", description="The query heads of each layer.")
    from_layer: Layer = Field(default=0, description="Leave out the layers below this one.")

    def runs(self) -> dict[str, Request]:
        """Request each prompt as it is, and with each head's output replaced in three ways."""
        texts = [self.prompt.replace("{}", subject) for subject in self.subjects]
        plain = tuple(Forward(Prompt(text=text), FINAL) for text in texts)
        requests: dict[str, Request] = {"W_U": Weights(frozenset({W_U}))}
        for n, run in enumerate(plain):
            requests[f"{n}"] = run
            others = (*plain[:n], *plain[n + 1 :])
            for layer in self.tried_layers():
                for head in resolved(self.heads):
                    requests[f"{n} zero {layer}.{head}"] = self.replace_head(run, layer, head, None)
                    requests[f"{n} mean {layer}.{head}"] = self.replace_head(
                        run, layer, head, others
                    )
            following = plain[(n + 1) % len(plain)]
            for head in resolved(self.heads):
                requests[f"{n} swap {head}"] = self.replace_head(run, self.layer, head, following)
        return requests

    def tried_layers(self) -> tuple[int, ...]:
        """Return the layers from `from_layer` on; that of the head in question is among them."""
        layers = {*resolved(self.layers), self.layer}
        return tuple(sorted(n for n in layers if n >= self.from_layer or n == self.layer))

    def replace_head(
        self, run: Forward, layer: int, head: int, source: Forward | tuple[Forward, ...] | None
    ) -> Forward:
        """Return the pass with one head's output replaced at the last token."""
        patch = Patch(Site("z", layer), source, (-1,), (head,))
        return Forward(run.prompt, run.keep, (patch,))

    def measure(self, captures: ActivationCaches) -> FactKnockoutResult:
        """Compare the answer's log-probability with that of each pass with a head replaced."""
        W = captures["W_U"][W_U]  # [D, V]
        N, layers, heads = len(self.subjects), self.tried_layers(), resolved(self.heads)
        plain = [captures[f"{n}"] for n in range(N)]
        clean = [log_probs([run], W)[0] for run in plain]  # N times [V], in bits
        answers = [likeliest_next(run, W) for run in plain]
        following = [answers[(n + 1) % N] for n in range(N)]

        def costs(method: str) -> ReplacementCosts:
            cost = np.empty((len(layers), len(heads), N))
            for n, answer in enumerate(answers):
                runs = [captures[f"{n} {method} {i}.{j}"] for i in layers for j in heads]
                lost_bits = clean[n][answer.id] - log_probs(runs, W)[:, answer.id]  # [L * H]
                cost[:, :, n] = lost_bits.reshape(len(layers), len(heads))
            return ReplacementCosts(
                cost=cost, head_index=(layers.index(self.layer), heads.index(self.head))
            )

        swapped = [
            log_probs([captures[f"{n} swap {head}"] for head in heads], W) for n in range(N)
        ]  # N times [H, V]
        with_swap = [log_prob[heads.index(self.head)] for log_prob in swapped]  # N times [V]
        return FactKnockoutResult(
            prompt=self.prompt,
            prompts=tuple(
                SwappedPrompt(
                    subject=self.subjects[n],
                    answer=answers[n],
                    other=self.subjects[(n + 1) % N],
                    swapped=likeliest_next(captures[f"{n} swap {self.head}"], W),
                    answer_after=float(2 ** with_swap[n][answers[n].id]),
                    other_before=float(2 ** clean[n][following[n].id]),
                    other_after=float(2 ** with_swap[n][following[n].id]),
                )
                for n in range(N)
            ),
            layer=self.layer,
            head=self.head,
            layers=layers,
            heads=heads,
            with_zeros=costs("zero"),
            with_mean=costs("mean"),
            answers_swapped=tuple(count_swapped(swapped, i, following) for i in range(len(heads))),
        )

    def figures(self, result: FactKnockoutResult) -> dict[str, Figure]:
        """`grid`: average costs; `facts`: by prompt; `ways`: zeros against means; `swaps`."""
        return {
            "grid": cost_grids(result),
            "facts": fact_strip(result),
            "ways": ways_scatter(result),
            "swaps": swap_table(result),
        }


def log_probs(runs: Sequence[ActivationCache], W: Floats) -> Floats:
    """Return log2 of the softmax of the last position's logits [runs, V]."""
    logits = np.stack([run[LN_FINAL][-1] for run in runs]) @ W
    logits -= logits.max(axis=1, keepdims=True)
    return (logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))) / np.log(2)


def likeliest_next(run: ActivationCache, W: Floats) -> Ranked:
    """Return the most likely token after the last position."""
    return likeliest(run, run[LN_FINAL][-1] @ W)


def count_swapped(swapped: Sequence[Floats], head: int, following: Sequence[Ranked]) -> int:
    """Count the prompts whose likeliest token becomes the next prompt's answer."""
    return sum(
        int(log_prob[head].argmax()) == answer.id
        for log_prob, answer in zip(swapped, following, strict=True)
    )


def cost_grids(result: FactKnockoutResult) -> Panels:
    """Draw two maps of heads by layers under one scale: zeros, and the mean output."""
    averages = {"zeros": result.with_zeros.average, "its average": result.with_mean.average}
    top = max(float(average.max()) for average in averages.values())
    low = min(float(average.min()) for average in averages.values())
    panels = tuple(
        Heatmap(
            average.T,
            rows=Axis("head", labels=tuple(map(str, result.heads))),
            columns=Axis("layer", labels=tuple(map(str, result.layers))),
            value="average cost",
            unit="bits",
            alt=f"with {name}, head {result.name(int(average.argmax()))} costs most, "
            f"{average.max():.2f} bits; the median is {np.median(average):.2f}",
            title=f"Replaced by {name}",
            scale=(low, top),
            diverging=True,
        )
        for name, average in averages.items()
    )
    return Panels(
        panels,
        f"Average cost over {len(result.prompts)} prompts: "
        + "; ".join(panel.alt for panel in panels)
        + ".",
        "What the answer loses without each head",
        columns=1,
    )


def fact_strip(result: FactKnockoutResult) -> Heatmap:
    """Draw the cost by prompt: the head in question, the costliest other, and the median."""
    costs = result.with_mean.cost.reshape(-1, len(result.prompts))  # [L * H, N]
    layer, head = result.with_mean.head_index
    index = layer * len(result.heads) + head
    own = result.name(index)
    others = np.delete(costs, index, axis=0)
    columns = {
        f"{own}, zeros": result.with_zeros.head_costs,
        f"{own}, average": result.with_mean.head_costs,
        "costliest other": (others if len(others) else costs).max(axis=0),
        "typical head": np.median(costs, axis=0),
    }
    values = np.stack(list(columns.values()), axis=1)
    order = descending(values[:, 1])
    limit = float(np.abs(values).max())
    return Heatmap(
        values[order],
        rows=Axis("subject", labels=tuple(result.prompts[int(n)].subject for n in order)),
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
    largest = [descending(cost)[:LABELED] for cost in (zero, mean)]
    labeled = dict.fromkeys(int(i) for indices in largest for i in indices)
    points = tuple(
        Point(result.name(i), float(zero[i]), float(mean[i]), show_label=i in labeled)
        for i in range(len(zero))
    )
    return Scatter(
        points,
        Axis("cost with zeros", "bits"),
        Axis("cost with its average", "bits"),
        alt="Largest costs, with zeros and with the average: "
        + ", ".join(f"{result.name(i)} ({zero[i]:.2f}, {mean[i]:.2f})" for i in labeled)
        + ".",
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
        f"with {label_text(first.swapped.token)}. The answer follows in "
        f"{result.swapped_by_head} of {N} prompts.",
        title="The head speaks about another subject",
    )
