"""Requests to the model and the arrays that come back, as plain data.

An analysis requests the sites of some runs, the planner merges equal requests, `layerbook.model`
executes them, and the analysis receives numpy arrays by site.

Site names and shapes follow TransformerLens
(https://transformerlensorg.github.io/TransformerLens/):
T tokens, D d_model, H query heads, K key/value heads, d d_head, M d_mlp, V d_vocab.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date as Day
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from layerbook.core.tokens import Token, Vocabulary, is_whitespace

Precision = Literal["float64", "float32"]
"""The floating-point numbers that a model computes with."""

DEFAULT_PRECISION: Precision = "float64"

SITE_SHAPES: Mapping[str, str] = {
    "embed": "T D",  # rows of the embedding matrix
    "resid_pre": "T D",  # residual stream that enters a layer
    "resid_mid": "T D",  # ... after attention was added
    "resid_post": "T D",  # ... after the MLP was added
    "attn_out": "T D",  # attention's contribution, after the output projection
    "mlp_out": "T D",  # the MLP's contribution
    "q": "H T d",  # queries before RoPE; after their norm, in a model that has one
    "k": "K T d",  # keys, likewise
    "v": "K T d",
    "z": "T H d",  # each head's mix of values, before the output projection
    "scores": "H T T",  # q . k / sqrt(d) after RoPE, keys that a query may not see at -inf
    "pattern": "H T T",  # softmax of the scores over the keys
    "mlp_act": "T M",  # what the MLP projects down: SiLU(gate) * up
    "resid_final": "T D",  # residual stream that enters the final norm
    "ln_final": "T D",  # ... after it
    "logits": "T V",
    "next_logits": "V",  # of the last position alone
    "loss": "T",  # -ln p of each token in nats; NaN for the first, which has no prediction
    "lens": "T V",  # final norm and unembedding applied after a layer
}
WEIGHT_SHAPES: Mapping[str, str] = {  # laid out for a row vector: x @ W
    "W_O": "H d D",  # each head's part of the output projection; its bias is no head's
    "W_down": "M D",  # what each neuron adds to the stream
    "W_U": "D V",  # the unembedding
    "w_final": "D",  # what the final norm multiplies by
}
WHOLE_MODEL_SITES = frozenset({"embed", "resid_final", "ln_final", "logits", "next_logits", "loss"})
WHOLE_MODEL_WEIGHTS = frozenset({"W_U", "w_final"})


@dataclass(frozen=True, order=True)
class Site:
    """A place inside the model; `layer` counts from 0, None for a site of the whole model."""

    name: str
    layer: int | None = None

    def __post_init__(self) -> None:
        if self.name not in SITE_SHAPES and self.name not in WEIGHT_SHAPES:
            names = ", ".join((*SITE_SHAPES, *WEIGHT_SHAPES))
            raise ValueError(f"no site named {self.name!r}; available: {names}")
        if (self.layer is None) != (self.name in (WHOLE_MODEL_SITES | WHOLE_MODEL_WEIGHTS)):
            requirement = "needs a" if self.layer is None else "has no"
            raise ValueError(f"site {self.name!r} {requirement} layer")

    def __str__(self) -> str:
        return self.name if self.layer is None else f"{self.name}[{self.layer}]"


EMBED, LOSS = Site("embed"), Site("loss")
RESID_FINAL, LN_FINAL = Site("resid_final"), Site("ln_final")
LOGITS, NEXT_LOGITS = Site("logits"), Site("next_logits")


class ChatMessage(BaseModel, frozen=True, extra="forbid"):
    """One turn of a chat prompt."""

    role: Literal["system", "user", "assistant"] = Field(description="Who speaks.")
    content: str = Field(min_length=1, description="What is said.")


@dataclass(frozen=True)
class Prompt:
    """The source of a run's token ids: exactly one of text, messages, ids, special and generated.

    text: a raw string, encoded with the special tokens that the tokenizer itself adds, if any.
    messages: a chat, laid out by the model's chat template.
    answer: append the header of the assistant's turn (`add_generation_prompt`) to a chat.
    date: the day that the chat template takes for today; None for a fixed one.
    ids: token ids.
    special: role of a special token in the tokenizer (`pad_token`); `eos_token` replaces a missing
        padding token.
    generated: all ids of a generation, prompt and continuation.
    frame: only the ids that step `frame` of the generation saw, from 0; requires `stop=False`.
    shuffle_seed: permute the token ids after encoding, except special tokens that were added.
    """

    text: str | None = None
    messages: tuple[ChatMessage, ...] = ()
    answer: bool = True
    date: Day | None = None
    ids: tuple[int, ...] = ()
    special: str = ""
    generated: Generate | None = None
    frame: int | None = None
    shuffle_seed: int | None = None

    def __post_init__(self) -> None:
        sources = (self.messages, self.ids, self.special, self.generated)
        if (self.text is not None) + sum(map(bool, sources)) != 1:
            raise ValueError(
                "a prompt has exactly one of text, messages, ids, special and generated"
            )
        steps = self.generated.max_new_tokens if self.generated and not self.generated.stop else 0
        if self.frame is not None and not 0 <= self.frame < steps:
            raise ValueError(
                f"there is no frame {self.frame}: a generation with stop=False has one per token"
            )


@dataclass(frozen=True)
class WhitespacePositions:
    """The positions of the whitespace tokens, or of as many other tokens as a control.

    Position 0 is never included: it attracts much attention whatever its token is (Xiao et al.
    2023, arXiv:2309.17453).

    control_seed: None for the whitespace; a seed to draw as many other tokens without replacement
        (all of them, if there are fewer).
    """

    control_seed: int | None = None

    def positions_in(self, tokens: Sequence[Token]) -> tuple[int, ...]:
        """Return the positions in a text, sorted; possibly none."""
        whitespace = [i for i in range(1, len(tokens)) if is_whitespace(tokens[i])]
        if self.control_seed is None:
            return tuple(whitespace)
        others = [i for i in range(1, len(tokens)) if not is_whitespace(tokens[i])]
        order = np.random.default_rng(self.control_seed).permutation(len(others))
        return tuple(sorted(others[i] for i in order[: len(whitespace)]))


@dataclass(frozen=True)
class Patch:
    """Overwrite a site, at some positions, with its values in another run or with zeros.

    source: the other run; several runs for the mean of their values; None for zeros (ablation).
        `scores` only accept None, which sets them to -inf: later queries no longer see the keys at
        `positions` (attention knockout: Geva et al. 2023, arXiv:2304.14767). A query always sees
        its own key.
    positions: empty for all positions; negative ones count from the end of each text, the patched
        one and the sources; a `WhitespacePositions` that matches none patches none.
    heads: restrict the patch of a per-head site (`z`, `scores`) to some heads.
    neurons: restrict the patch of `mlp_act` to some neurons.
    """

    site: Site
    source: Forward | tuple[Forward, ...] | None = None
    positions: tuple[int, ...] | WhitespacePositions = ()
    heads: tuple[int, ...] = ()
    neurons: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.neurons and self.site.name != "mlp_act":
            raise ValueError(f"site {self.site.name!r} has no neurons; only mlp_act has")
        if self.site.name == "scores" and self.source is not None:
            raise ValueError(
                "scores can be blocked, not taken from another run; patch q or k instead"
            )
        if self.source == ():
            raise ValueError("there is no mean of no runs; use None for zeros")

    @property
    def sources(self) -> tuple[Forward, ...]:
        """The runs that the values are taken from."""
        if self.source is None:
            return ()
        return (self.source,) if isinstance(self.source, Forward) else self.source


@dataclass(frozen=True)
class Forward:
    """One forward pass: its prompt, the sites to keep and the patches to apply."""

    prompt: Prompt
    keep: frozenset[Site]
    patches: tuple[Patch, ...] = ()

    def __post_init__(self) -> None:
        for site in self.keep:
            if site.name in WEIGHT_SHAPES:
                raise ValueError(f"{site} is a weight: request it with Weights, not from a pass")


@dataclass(frozen=True)
class Generate:
    """A continuation of a prompt, token by token, with the KV cache.

    temperature: 0 is greedy.
    seed: the only source of randomness.
    stop: end at an end-of-turn token.
    reencode: append the text of each new token and tokenize the whole text again.
    keep_logits: yield `LOGITS` [N, V], from which the N new tokens were chosen.
    keep_losses: yield `LOSS` [N], -ln p of each new token under the model itself, in nats.
    """

    prompt: Prompt
    max_new_tokens: int
    temperature: float = 0.0
    top_k: int | None = None
    top_p: float | None = None
    seed: int = 0
    stop: bool = True
    reencode: bool = False
    keep_logits: bool = False
    keep_losses: bool = False


@dataclass(frozen=True)
class Encode:
    """The token ids of a prompt; the model does not run."""

    prompt: Prompt


@dataclass(frozen=True)
class EmbeddingRows:
    """The rows of the embedding matrix for a prompt's token ids; the model does not run."""

    prompt: Prompt


@dataclass(frozen=True)
class EmbeddingMatrix:
    """The whole embedding matrix, `EMBED` [V, D], without tokens; the model does not run."""


@dataclass(frozen=True)
class Weights:
    """Weights of the model, without tokens, by the names of `WEIGHT_SHAPES`; it does not run."""

    sites: frozenset[Site]

    def __post_init__(self) -> None:
        for site in self.sites:
            if site.name not in WEIGHT_SHAPES:
                raise ValueError(f"{site} is not a weight; available: {', '.join(WEIGHT_SHAPES)}")


@dataclass(frozen=True)
class Describe:
    """The model's facts: sizes, modules, special tokens, chat template."""


Request = Forward | Generate | Encode | EmbeddingRows | EmbeddingMatrix | Weights | Describe


ModuleRole = Literal[
    "embedding",
    "position embedding",
    "attention norm",
    "queries, keys, values",
    "query and key norm",
    "attention output",
    "norm after attention",
    "mlp norm",
    "mlp",
    "norm after mlp",
    "final norm",
    "unembedding",
]


@dataclass(frozen=True)
class ModuleInfo:
    """One module of the model.

    path: its dotted name in transformers.
    kind: its class.
    shape: of its weight, [out, in] for a matrix.
    parameters: their number; a weight that an earlier module has too does not count.
    """

    path: str
    kind: str
    role: ModuleRole
    shape: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class RotaryEmbedding:
    """The rotary position embedding (RoPE) of a layer.

    theta: base of the speeds before the model slows some of them down.
    speeds: radians per position by pair of dimensions, slowed down as the model says; fewer than
        d_head / 2 if the last dimensions of a head do not turn.
    scale: factor of the turned queries and keys; 1 but for YaRN.
    """

    theta: float
    speeds: tuple[float, ...]
    scale: float = 1.0


@dataclass(frozen=True)
class ModelFacts:
    """The configuration and the modules of the loaded model.

    stop_ids: the tokens that end a text, of any of the model's files.
    rope: by layer; None for a layer that does not turn queries and keys.
    windows: by layer, how many keys a query sees, itself included; None for all before it.
    """

    name: str
    layers: int
    d_model: int
    heads: int
    kv_heads: int
    d_head: int
    d_mlp: int
    d_vocab: int
    context: int
    rope: tuple[RotaryEmbedding | None, ...]
    windows: tuple[int | None, ...]
    activation: str
    tied: bool
    parameters: int
    modules: tuple[ModuleInfo, ...]
    special_tokens: tuple[tuple[str, Token], ...]  # (role, token): ("bos_token", ...)
    chat_template: str
    stop_ids: frozenset[int] = frozenset()

    @property
    def rope_theta(self) -> float | None:
        """The base of RoPE's speeds, the largest of several; None for a model without RoPE."""
        return max((rope.theta for rope in self.rope if rope), default=None)


@dataclass(frozen=True)
class ActivationCache:
    """The outcome of one request.

    tokens: the tokens of the run: prompt, then continuation.
    text: the encoded string with the chat template filled in, or else the decoded ids.
    sites: read-only arrays by site.
    prompt_length: number of tokens of the prompt.
    stopped: a generation ended at an end-of-turn token.
    frames: the tokens that each step of a re-encoding generation saw.
    model_facts: only of a `Describe` request.
    """

    tokens: tuple[Token, ...]
    text: str
    vocabulary: Vocabulary
    sites: Mapping[Site, NDArray[np.floating]] = field(default_factory=dict)
    prompt_length: int = 0
    stopped: bool = False
    frames: tuple[tuple[Token, ...], ...] = ()
    model_facts: ModelFacts | None = None

    def __getitem__(self, site: Site) -> NDArray[np.floating]:
        return self.sites[site]

    def stack(self, name: str, layers: Sequence[int]) -> NDArray[np.floating]:
        """Stack a site of some layers along a new first axis."""
        return np.stack([self.sites[Site(name, layer)] for layer in layers])

    @property
    def facts(self) -> ModelFacts:
        """The model's facts; ValueError unless the request was `Describe`."""
        if self.model_facts is None:
            raise ValueError("only a Describe request yields the model's facts")
        return self.model_facts


ActivationCaches = Mapping[str, ActivationCache]
