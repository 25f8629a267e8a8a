"""Neuron readout: the tokens on which one neuron fires, what it adds, and answers without it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.charts import probability_axis
from layerbook.core.direct_path import (
    DIRECT_PATH_SITES,
    DIRECT_PATH_WEIGHTS,
    DirectPath,
    PromotedToken,
    promoted_tokens,
)
from layerbook.core.distributions import Ranked, likeliest, next_token_prob
from layerbook.core.figures import Axis, Bars, Figure, Label, label_text
from layerbook.core.parameters import Layer, Layers, Neuron, resolved
from layerbook.core.prompts import Prompts, Texts, as_prompt, prompt_name
from layerbook.core.requests import (
    NEXT_LOGITS,
    ActivationCache,
    ActivationCaches,
    Forward,
    Patch,
    Prompt,
    Request,
    Site,
    Weights,
)
from layerbook.core.rounding import descending
from layerbook.core.text import listed
from layerbook.core.tokens import Token

CONTEXT_TOKENS = 4  # kept before a token on which the neuron fires
LABEL_WIDTH = 17  # characters of a token and of those shown before it

Floats = NDArray[np.floating]


class FiringToken(Record):
    """A token at which the neuron fires."""

    text: int = Field(description="The index of its text.")
    position: int = Field(description="Its position in it, from 0.")
    context: tuple[Token, ...] = Field(description="The tokens just before it.")
    token: Token = Field(description="The token.")
    activation: float = Field(description="The neuron's activation there.")


class ActiveNeuron(Record):
    """A neuron and what it adds to the answer's logit."""

    layer: int = Field(description="Its layer, from 0.")
    neuron: int = Field(description="Its number in the layer, from 0.")
    logit: float = Field(description="What it adds to the answer's logit, above the mean.")


class WithoutNeuron(Record):
    """The answer of a prompt with and without the neuron."""

    prompt: str = Field(description="The prompt.")
    activation: float = Field(description="The neuron's activation at the last token.")
    answer: Ranked = Field(description="The most likely next token with all neurons.")
    prob_without: float = Field(description="Its probability with this neuron silenced, 0 to 1.")
    predicted: Ranked = Field(description="The most likely next token with it silenced.")
    added_logit: float = Field(
        description="What the neuron adds to the logit of this answer at the end of the first "
        "prompt, above the mean token."
    )


class NeuronResult(Result):
    """One neuron at the end of the first prompt, and over some texts."""

    layer: int = Field(description="The neuron's layer, from 0.")
    neuron: int = Field(description="Its number in the layer, from 0.")
    count: int = Field(description="Number of neurons that are compared in `top_neurons`.")
    activation: float = Field(description="Its activation at the last token of the first prompt.")
    promoted: tuple[PromotedToken, ...] = Field(
        description="The tokens whose logits it raises most there, best first."
    )
    top_neurons: tuple[ActiveNeuron, ...] = Field(
        description="The neurons of all layers that add most to the first prompt's answer."
    )
    top_activations: tuple[FiringToken, ...] = Field(
        description="The tokens of the texts with the largest activation, of either sign."
    )
    tokens: int = Field(description="Number of tokens of all texts.")
    strong_count: int = Field(
        description="Number of them with at least a quarter of the largest activation."
    )
    ablations: tuple[WithoutNeuron, ...] = Field(description="Each prompt without the neuron.")


class NeuronReadout(Analysis[NeuronResult]):
    """One neuron: the tokens on which it fires, its part of the logits, and the answers without it.

    Shapes: activation SiLU(gate) * up of the neuron, a number a token; times its row of W_down
        [d_model] it is added to the stream, times W_U it is a logit for every token [V].
    Units: activations have no unit; logits are counted from their mean over the vocabulary;
        probabilities, 0 to 1.
    Limits: the texts are few, so other words may fire it too; the logits are the direct path alone,
        with the scale of the final norm held fixed; silencing includes what later layers do.
    Source: Geva et al. 2021 (arXiv:2012.14913) and 2022 (arXiv:2203.14680), on neurons that fire on
        a pattern and promote words.
    """

    requires = frozenset({"plain outputs", "gated mlp"})

    prompts: Prompts = Field(
        description="The prompts whose answers are compared with and without the neuron; the first "
        "is the one whose logits are read."
    )
    texts: Texts = Field(description="The texts that are searched for tokens on which it fires.")
    layer: Layer = Field(description="The neuron's layer; negative numbers count from the last.")
    neuron: Neuron = Field(description="Its number in the layer, from 0.")
    layers: Layers = Field(
        default="all", description="The layers whose neurons are compared in `top_neurons`."
    )
    top_k: int = Field(default=10, ge=1, description="Number of tokens and neurons to list.")

    def runs(self) -> dict[str, Request]:
        """Request each prompt with and without the neuron, each text, and the weights behind it."""
        act, layers = Site("mlp_act", self.layer), resolved(self.layers)
        all_neurons = DIRECT_PATH_SITES | {Site("mlp_act", layer) for layer in layers}
        silence = Patch(act, neurons=(self.neuron,))

        requests: dict[str, Request] = {}
        for i, spec in enumerate(self.prompts):
            prompt, logits = as_prompt(spec), frozenset({NEXT_LOGITS})
            keep = logits | {act} | (all_neurons if i == 0 else set())
            requests[f"prompt {i}"] = Forward(prompt, keep)
            requests[f"without {i}"] = Forward(prompt, logits, (silence,))
        for i, text in enumerate(self.texts):
            requests[f"text {i}"] = Forward(Prompt(text=text), frozenset({act}))
        down = {Site("W_down", layer) for layer in (*layers, self.layer)}
        return requests | {"weights": Weights(DIRECT_PATH_WEIGHTS | down)}

    def measure(self, captures: ActivationCaches) -> NeuronResult:
        """Read the neuron's activation, what it adds to the logits, and the answers without it."""
        run, weights = captures["prompt 0"], captures["weights"]
        act = Site("mlp_act", self.layer)
        path = DirectPath.at_last_position(run, weights)
        answer = likeliest(run, run[NEXT_LOGITS])

        activation = float(run[act][-1, self.neuron])
        added = activation * weights[Site("W_down", self.layer)][self.neuron]  # [d_model]
        logits = path.logits(added)  # [V]
        to_answer = path.direction(answer.id)  # [d_model]
        by_layer = {  # what each neuron adds to the answer's logit [d_mlp]
            layer: run[Site("mlp_act", layer)][-1] * (weights[Site("W_down", layer)] @ to_answer)
            for layer in resolved(self.layers)
        }
        texts = [captures[f"text {i}"] for i in range(len(self.texts))]
        firing = strongest_firing(texts, act, self.neuron)  # all tokens of the texts
        quarter = abs(firing[0].activation) / 4
        return NeuronResult(
            layer=self.layer,
            neuron=self.neuron,
            count=sum(map(len, by_layer.values())),
            activation=activation,
            promoted=promoted_tokens(run, logits, self.top_k),
            top_neurons=most_active(by_layer, self.top_k),
            top_activations=tuple(firing[: self.top_k]),
            tokens=len(firing),
            strong_count=sum(abs(entry.activation) >= quarter for entry in firing),
            ablations=self.compare(captures, logits),
        )

    def compare(self, captures: ActivationCaches, logits: Floats) -> tuple[WithoutNeuron, ...]:
        """Return each prompt's answer with and without the neuron, which adds these logits [V]."""
        compared = []
        for i, spec in enumerate(self.prompts):
            run, silenced = captures[f"prompt {i}"], captures[f"without {i}"]
            answer = likeliest(run, run[NEXT_LOGITS])
            compared.append(
                WithoutNeuron(
                    prompt=prompt_name(spec),
                    activation=float(run[Site("mlp_act", self.layer)][-1, self.neuron]),
                    answer=answer,
                    prob_without=next_token_prob(silenced, answer.id),
                    predicted=likeliest(silenced, silenced[NEXT_LOGITS]),
                    added_logit=float(logits[answer.id]),
                )
            )
        return tuple(compared)

    def figures(self, result: NeuronResult) -> dict[str, Figure]:
        """`fires`: its largest activations; `writes`: what it adds; `without`: answers without."""
        return {
            "fires": firing_bars(result),
            "writes": written_bars(result),
            "without": answer_bars(result),
        }


def strongest_firing(texts: list[ActivationCache], act: Site, neuron: int) -> list[FiringToken]:
    """Return all tokens of the texts, the largest activation of either sign first."""
    firing = [
        FiringToken(
            text=i,
            position=position,
            context=text.tokens[max(0, position - CONTEXT_TOKENS) : position],
            token=text.tokens[position],
            activation=float(activation),
        )
        for i, text in enumerate(texts)
        for position, activation in enumerate(text[act][:, neuron])
    ]
    strength = np.abs([entry.activation for entry in firing])
    return [firing[int(i)] for i in descending(strength)]


def most_active(by_layer: dict[int, Floats], count: int) -> tuple[ActiveNeuron, ...]:
    """Return the neurons that add most to the answer, from what each adds by layer [d_mlp]."""
    neurons = [
        ActiveNeuron(layer=layer, neuron=int(i), logit=float(added[i]))
        for layer, added in by_layer.items()
        for i in descending(added)[:count]
    ]
    return tuple(sorted(neurons, key=lambda neuron: -neuron.logit)[:count])


def neuron_name(result: NeuronResult) -> str:
    """Name the neuron: `neuron 7 of layer 2`."""
    return f"neuron {result.neuron} of layer {result.layer}"


def short_context(firing: FiringToken) -> tuple[Token, ...]:
    """Return the last tokens before it that fit a label together with it."""
    max_width, count = LABEL_WIDTH - len(firing.token.text), len(firing.context)
    while count and sum(len(token.text) for token in firing.context[-count:]) > max_width:
        count -= 1
    return firing.context[len(firing.context) - count :]


def firing_bars(result: NeuronResult) -> Bars:
    """Draw the tokens with the largest activations, each after the tokens before it."""
    labels: tuple[Label, ...] = tuple(
        (*short_context(firing), " → ", firing.token) for firing in result.top_activations
    )
    return Bars(
        labels,
        tuple(firing.activation for firing in result.top_activations),
        Axis("token, after what comes before it"),
        Axis("activation"),
        f"Its activation is largest at {listed([label_text(label) for label in labels[:4]])}.",
        f"Where {neuron_name(result)} fires",
    )


def written_bars(result: NeuronResult) -> Bars:
    """Draw the tokens whose logits it raises most."""
    tokens = tuple(entry.token for entry in result.promoted)
    return Bars(
        tokens,
        tuple(entry.logit for entry in result.promoted),
        Axis("token"),
        Axis("added to its logit", "above the mean"),
        f"It raises the logits of {listed([label_text(token) for token in tokens])} most.",
        f"What {neuron_name(result)} writes",
    )


def answer_bars(result: NeuronResult) -> Bars:
    """Draw each prompt's answer, with the neuron and without it."""
    labels: list[Label] = []
    values: list[float] = []
    for entry in result.ablations:
        end = "… " + " ".join(entry.prompt.split()[-3:]) + " → "  # a whole prompt would not fit
        labels += [(end, entry.answer.token), ("without the neuron",)]
        values += [entry.answer.prob, entry.prob_without]
    pairs = [
        f"{entry.prompt}{entry.answer.text} {entry.answer.prob:.0%}, then {entry.prob_without:.0%}"
        for entry in result.ablations
    ]
    return Bars(
        tuple(labels),
        tuple(values),
        Axis("prompt and answer"),
        probability_axis(),
        f"Without it: {listed(pairs)}.",
        f"Answers with and without {neuron_name(result)}",
        highlight=tuple(range(1, len(values), 2)),
    )
