"""Does one head matter for many facts? Replace each head in many prompts, in three ways."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Array, Record, Result
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

W_U = Site("W_U")
FINAL = frozenset({LN_FINAL})
LABELLED = 3  # points with their names in the scatter plot, along each axis

Floats = NDArray[np.floating]
Template = Annotated[str, Field(pattern=r"^[^{}]*\{\}[^{}]*$")]


class AskedPrompt(Record):
    """One prompt as it is, and with the head's output taken from the next prompt."""

    subject: str = Field(description="Its subject.")
    answer: Ranked = Field(description="The most likely next token.")
    other: str = Field(description="The subject of the prompt that the output is taken from.")
    swapped: Ranked = Field(description="The most likely next token with that output.")
    answer_after: Relative = Field(description="Probability of `answer` with that output.")
    other_before: Relative = Field(description="Probability of the other answer before.")
    other_after: Relative = Field(description="Probability of the other answer with that output.")


class FactKnockoutResult(Result):
    """The cost of losing each head, by prompt, in bits of the answer's log-probability."""

    prompt: str = Field(description="The sentence, with `{}` for the subject.")
    prompts: tuple[AskedPrompt, ...] = Field(description="The N prompts.")
    layer: int = Field(description="The layer of the head in question, from 0.")
    head: int = Field(description="The head in question, from 0.")
    layers: tuple[int, ...] = Field(description="The L layers that index the arrays.")
    heads: tuple[int, ...] = Field(description="The H query heads that index the arrays.")
    zero: Array = Field(description="Cost in bits with the output zero [L][H][N].")
    mean: Array = Field(description="Cost in bits with the mean output [L][H][N].")
    moved: tuple[int, ...] = Field(
        description="Number of prompts whose likeliest token becomes the next prompt's answer when "
        "a head of `layer` has its output there: [H]."
    )

    @property
    def place(self) -> tuple[int, int]:
        """The head's indices in the arrays."""
        return self.layers.index(self.layer), self.heads.index(self.head)

    @property
    def mean_by_zero(self) -> Floats:
        """Mean over the prompts of the cost of zeros [L, H]."""
        return np.asarray(self.zero.mean(axis=-1))

    @property
    def mean_by_mean(self) -> Floats:
        """Mean over the prompts of the cost of the mean output [L, H]."""
        return np.asarray(self.mean.mean(axis=-1))

    @property
    def own_zero(self) -> float:
        """The head's average cost with zeros."""
        return float(self.mean_by_zero[self.place])

    @property
    def own_mean(self) -> float:
        """The head's average cost with its mean output."""
        return float(self.mean_by_mean[self.place])

    @property
    def worst_zero(self) -> int:
        """Number of prompts for which no head costs more than this one, with zeros."""
        return count_worst(self.zero, self.place)

    @property
    def worst_mean(self) -> int:
        """Number of prompts for which no head costs more than this one, with mean outputs."""
        return count_worst(self.mean, self.place)

    @property
    def next_zero(self) -> float:
        """The largest average cost among all other heads, with zeros."""
        return largest_other(self.mean_by_zero, self.place)

    @property
    def next_mean(self) -> float:
        """The largest average cost among all other heads, with mean outputs."""
        return largest_other(self.mean_by_mean, self.place)

    @property
    def own_moved(self) -> int:
        """Number of prompts whose answer the head moves to the other one."""
        return self.moved[self.place[1]]

    @property
    def others_moved(self) -> int:
        """The largest such number among the other heads of the layer."""
        return max((n for i, n in enumerate(self.moved) if i != self.place[1]), default=0)

    def name(self, index: int) -> str:
        """Name the head at an index of the flattened arrays: `23.4`."""
        i, j = divmod(index, len(self.heads))
        return f"{self.layers[i]}.{self.heads[j]}"


class FactKnockout(Analysis[FactKnockoutResult]):
    """The cost of replacing one head's output at the last token, on average over many prompts.

    Shapes: z [T, H, d_head], one head at the last token overwritten by zeros, by its mean over the
        N prompts, or by its value in the next prompt -> ln_final [T, D], of which the last row
        times W_U is the logits [V]; one pass for each head, way and prompt.
    Units: bits: log2 of the answer's probability as it is over that with the head replaced.
    Limits: heads are replaced one by one, so a head that another can replace seems idle; what they
        do before the last token is not tested; the answer is the model's own likeliest token.
    Source: mean ablation: Wang et al. 2022 (arXiv:2211.00593); outputs of another prompt: Zhang &
        Nanda 2023 (arXiv:2309.16042).
    """

    result_type = FactKnockoutResult
    requires = frozenset[Feature]({"plain outputs"})

    prompt: Template = Field(description="The sentence, with `{}` where the subject goes.")
    subjects: tuple[str, ...] = Field(min_length=2, description="The subjects.")
    layer: Layer = Field(description="The layer of the head in question.")
    head: Head = Field(description="The head in question.")
    layers: Layers = Field(default="all", description="Layers whose heads are tried.")
    heads: HeadNumbers = Field(default="all", description="The query heads of each layer.")
    from_layer: Layer = Field(default=0, description="Leave out the layers below this one.")

    def runs(self) -> dict[str, Request]:
        """Each prompt as it is, and with each head replaced by zeros, its mean and the next one."""
        texts = [self.prompt.replace("{}", subject) for subject in self.subjects]
        plain = tuple(Forward(Prompt(text=text), FINAL) for text in texts)
        requests: dict[str, Request] = {"W_U": Weights(frozenset({W_U}))}
        for n, run in enumerate(plain):
            requests[f"{n}"] = run
            for layer in self.tried_layers():
                for head in resolved(self.heads):
                    requests[f"{n} zero {layer}.{head}"] = self.replaced(run, layer, head, None)
                    requests[f"{n} mean {layer}.{head}"] = self.replaced(run, layer, head, plain)
            following = plain[(n + 1) % len(plain)]
            for head in resolved(self.heads):
                requests[f"{n} swap {head}"] = self.replaced(run, self.layer, head, following)
        return requests

    def tried_layers(self) -> tuple[int, ...]:
        """The layers from `from_layer` on; that of the head in question is among them."""
        layers = {*resolved(self.layers), self.layer}
        return tuple(sorted(n for n in layers if n >= self.from_layer or n == self.layer))

    def replaced(
        self, run: Forward, layer: int, head: int, source: Forward | tuple[Forward, ...] | None
    ) -> Forward:
        """The pass with one head's output replaced at the last token."""
        patch = Patch(Site("z", layer), source, (-1,), (head,))
        return Forward(run.prompt, run.keep, (patch,))

    def measure(self, captures: ActivationCaches) -> FactKnockoutResult:
        """Compare the answer's log-probability with that of each pass with a head replaced."""
        W = captures["W_U"][W_U]  # [D, V]
        N, layers, heads = len(self.subjects), self.tried_layers(), resolved(self.heads)
        shape = (len(layers), len(heads))
        places = [f"{layer}.{head}" for layer in layers for head in heads]
        clean = [log_probs([captures[f"{n}"]], W)[0] for n in range(N)]  # N times [V], in bits
        answers = [likeliest_next(captures[f"{n}"], W) for n in range(N)]

        cost: dict[str, list[Floats]] = {"zero": [], "mean": []}
        swapped = []
        for n in range(N):
            answer = answers[n].id
            for way, costs in cost.items():
                runs = [captures[f"{n} {way} {place}"] for place in places]
                costs.append((clean[n][answer] - log_probs(runs, W)[:, answer]).reshape(shape))
            swapped.append(log_probs([captures[f"{n} swap {head}"] for head in heads], W))  # [H, V]

        following = [answers[(n + 1) % N] for n in range(N)]
        own = heads.index(self.head)
        return FactKnockoutResult(
            prompt=self.prompt,
            prompts=tuple(
                AskedPrompt(
                    subject=self.subjects[n],
                    answer=answers[n],
                    other=self.subjects[(n + 1) % N],
                    swapped=likeliest_next(captures[f"{n} swap {self.head}"], W),
                    answer_after=float(2 ** swapped[n][own][answers[n].id]),
                    other_before=float(2 ** clean[n][following[n].id]),
                    other_after=float(2 ** swapped[n][own][following[n].id]),
                )
                for n in range(N)
            ),
            layer=self.layer,
            head=self.head,
            layers=layers,
            heads=heads,
            zero=np.stack(cost["zero"], axis=-1),
            mean=np.stack(cost["mean"], axis=-1),
            moved=tuple(count_moved(swapped, i, following) for i in range(len(heads))),
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
    """log2 of the softmax of the last position's logits [runs, V]."""
    logits = np.stack([run[LN_FINAL][-1] for run in runs]) @ W
    logits -= logits.max(axis=1, keepdims=True)
    return np.asarray((logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))) / np.log(2))


def likeliest_next(run: ActivationCache, W: Floats) -> Ranked:
    """The most likely token after the last position."""
    return likeliest(run, run[LN_FINAL][-1] @ W)


def count_worst(cost: Floats, place: tuple[int, int]) -> int:
    """Number of prompts for which no head costs more than the one at `place`; cost [L, H, N]."""
    return int((cost[place] >= cost.max(axis=(0, 1))).sum())


def largest_other(average: Floats, place: tuple[int, int]) -> float:
    """The largest average cost [L, H] at any other place; 0 without one."""
    others = np.delete(average, np.ravel_multi_index(place, average.shape))
    return float(others.max()) if len(others) else 0.0


def count_moved(swapped: Sequence[Floats], head: int, following: Sequence[Ranked]) -> int:
    """Number of prompts whose likeliest token becomes the next prompt's answer."""
    return sum(
        int(log_prob[head].argmax()) == answer.id
        for log_prob, answer in zip(swapped, following, strict=True)
    )


def cost_grids(result: FactKnockoutResult) -> Panels:
    """Two maps of heads by layers under one scale: zeros, and the mean output."""
    averages = {"zeros": result.mean_by_zero, "its average": result.mean_by_mean}
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
    """The cost by prompt: the head in question, the worst of the others, and the median."""
    flat = int(np.ravel_multi_index(result.place, result.mean_by_mean.shape))
    own = result.name(flat)
    everyone = result.mean.reshape(-1, len(result.prompts))  # [L * H, N]
    others = np.delete(everyone, flat, axis=0)
    columns = {
        f"{own}, zeros": result.zero[result.place],
        f"{own}, average": everyone[flat],
        "worst other": (others if len(others) else everyone).max(axis=0),
        "median head": np.median(everyone, axis=0),
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
        f"{values[:, 1].max():.2f} bits, the worst of the other heads {values[:, 2].min():.2f} to "
        f"{values[:, 2].max():.2f}.",
        title="The cost for each subject",
        scale=(-limit, limit),
        diverging=True,
        annotate=True,
    )


def ways_scatter(result: FactKnockoutResult) -> Scatter:
    """Each head: its average cost with zeros, and with its mean output."""
    zero, mean = result.mean_by_zero.ravel(), result.mean_by_mean.ravel()
    orders = [descending(cost) for cost in (zero, mean)]
    far = dict.fromkeys(int(i) for order in orders for i in order[:LABELLED])
    points = tuple(
        Point(result.name(i), float(zero[i]), float(mean[i]), show_label=i in far)
        for i in range(len(zero))
    )
    return Scatter(
        points,
        Axis("cost with zeros", "bits"),
        Axis("cost with its average", "bits"),
        alt="Largest costs, with zeros and with the average: "
        + ", ".join(f"{result.name(i)} ({zero[i]:.2f}, {mean[i]:.2f})" for i in far)
        + ".",
        title="Two ways of switching a head off",
    )


def swap_table(result: FactKnockoutResult) -> Table:
    """The answers when the head speaks about the next subject."""
    rows = tuple(
        (p.subject, p.other, p.answer.token, p.swapped.token, Share(p.other_after))
        for p in result.prompts
    )
    first = result.prompts[0]
    return Table(
        ("prompt about", "head about", "answer before", "after", "other answer, after"),
        rows,
        alt=f"With the head about {first.other}, the prompt about {first.subject} is continued "
        f"with {label_text(first.swapped.token)}. The answer moves in {result.own_moved} of "
        f"{len(rows)} prompts.",
        title="The head speaks about another subject",
    )
