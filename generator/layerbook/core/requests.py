"""What an analysis asks of the model, and what it gets back: requests and captures, both plain data.

Nothing here touches the model. A request says which sites of which run to keep; the planner merges equal
requests, the adapter in `layerbook.model` fulfils them, and the analysis receives numpy arrays by site.

Site names and shapes follow TransformerLens (https://transformerlensorg.github.io/TransformerLens/):
T tokens, D d_model, H query heads, K key/value heads, d d_head, M d_mlp, V d_vocab.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from layerbook.core.tokens import Token, Vocabulary, is_whitespace

SITE_SHAPES: Mapping[str, str] = {
    "embed": "T D",  # rows of the embedding matrix
    "resid_pre": "T D",  # residual stream that enters a layer
    "resid_mid": "T D",  # ... after attention was added
    "resid_post": "T D",  # ... after the MLP was added
    "attn_out": "T D",  # what attention adds, after the output projection
    "mlp_out": "T D",  # what the MLP adds
    "q": "H T d",  # queries before RoPE
    "k": "K T d",  # keys before RoPE
    "v": "K T d",
    "z": "T H d",  # each head's mix of values, before the output projection
    "scores": "H T T",  # q . k / sqrt(d) after RoPE, the future masked with -inf
    "pattern": "H T T",  # softmax of the scores over the keys
    "mlp_act": "T M",  # SiLU(gate) * up
    "ln_final": "T D",  # after the final RMSNorm
    "logits": "T V",
    "next_logits": "V",  # those of the last position alone: the scores of what comes next
    "loss": "T",  # -ln of the probability that each token had, in nats; NaN at the first, which nothing predicts
    "lens": "T V",  # final norm and unembedding applied after a layer
}
WHOLE_MODEL_SITES = frozenset({"embed", "ln_final", "logits", "next_logits", "loss"})


@dataclass(frozen=True, order=True)
class Site:
    """A place inside the model; `layer` counts from 0 and is None for the sites of the whole model."""

    name: str
    layer: int | None = None

    def __post_init__(self) -> None:
        if self.name not in SITE_SHAPES:
            raise ValueError(f"no site is called {self.name!r}; there are {', '.join(SITE_SHAPES)}")
        if (self.layer is None) != (self.name in WHOLE_MODEL_SITES):
            raise ValueError(
                f"site {self.name!r} {'needs a' if self.layer is None else 'has no'} layer"
            )

    def __str__(self) -> str:
        return self.name if self.layer is None else f"{self.name}[{self.layer}]"


EMBED, LN_FINAL, LOSS = Site("embed"), Site("ln_final"), Site("loss")
LOGITS, NEXT_LOGITS = Site("logits"), Site("next_logits")


class ChatMessage(BaseModel, frozen=True, extra="forbid"):
    """One turn of a chat prompt."""

    role: Literal["system", "user", "assistant"] = Field(description="Who speaks.")
    content: str = Field(min_length=1, description="What is said.")


@dataclass(frozen=True)
class Prompt:
    """Where the token ids of a run come from: exactly one of its five sources.

    text: a raw string, encoded with no special tokens added.
    messages: a chat, laid out by the model's chat template; `answer` appends the header of the
        assistant's turn (`add_generation_prompt`).
    ids: token ids as they are.
    special: the one special token with this role in the tokenizer (`pad_token`); `eos_token` stands in for a padding
        token where there is none.
    generated: all ids (prompt and continuation) that a `Generate` request yields; with `frame`, those that its step of
        this number saw, counted from 0 (of a generation that runs through, so that the step is there).
    shuffle_seed: permute the token ids with this seed, after encoding.
    """

    text: str | None = None
    messages: tuple[ChatMessage, ...] = ()
    answer: bool = True
    ids: tuple[int, ...] = ()
    special: str = ""
    generated: Generate | None = None
    frame: int | None = None
    shuffle_seed: int | None = None

    def __post_init__(self) -> None:
        given = [self.text is not None, bool(self.messages), bool(self.ids), bool(self.special)]
        given.append(self.generated is not None)
        if sum(given) != 1:
            raise ValueError(
                "a prompt has exactly one of text, messages, ids, special and generated"
            )
        steps = self.generated.max_new_tokens if self.generated and not self.generated.stop else 0
        if self.frame is not None and not 0 <= self.frame < steps:
            raise ValueError(
                f"there is no frame {self.frame}: a generation with stop=False has one per new token"
            )


@dataclass(frozen=True)
class WhitespacePositions:
    """Positions chosen by their tokens, once a run's ids are known: the whitespace, or as many others in its place.

    The first position is never among them: much attention rests there whatever its token is, so it is a case of its
    own (Xiao et al. 2023, arXiv:2309.17453). others: None for the whitespace tokens; a seed for as many of the other
    tokens, drawn without replacement (all of them, where there are fewer). So a control is data as well.
    """

    control_seed: int | None = None

    def positions_in(self, tokens: Sequence[Token]) -> tuple[int, ...]:
        """The positions in this text, in order; there may be none."""
        blank = [i for i in range(1, len(tokens)) if is_whitespace(tokens[i])]
        if self.control_seed is None:
            return tuple(blank)
        rest = [i for i in range(1, len(tokens)) if not is_whitespace(tokens[i])]
        drawn = np.random.default_rng(self.control_seed).permutation(len(rest))[: len(blank)]
        return tuple(sorted(rest[i] for i in drawn))


@dataclass(frozen=True)
class Patch:
    """Overwrite a site, at some positions, with what another run had there, or with nothing.

    source None means nothing: zeros (ablation), and for `scores` -inf, which softmax turns into no attention. There
    `positions` are keys that later queries can no longer see (attention knockout: Geva et al. 2023, arXiv:2304.14767);
    a query keeps its own position, so that none is left with nothing to look at. `positions` empty means all of them,
    a `WhitespacePositions` that finds none means none. `heads` restricts the patch of a per-head site (`z`, `scores`) to some heads.
    """

    site: Site
    source: Forward | None = None
    positions: tuple[int, ...] | WhitespacePositions = ()
    heads: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.site.name == "scores" and self.source is not None:
            raise ValueError(
                "scores can be blocked, not taken from another run; patch q or k instead"
            )


@dataclass(frozen=True)
class Forward:
    """One forward pass: its prompt, the sites to keep, the patches to make on the way."""

    prompt: Prompt
    keep: frozenset[Site]
    patches: tuple[Patch, ...] = ()


@dataclass(frozen=True)
class Generate:
    """A continuation of a prompt, token by token, with the KV cache.

    temperature 0 is greedy. `stop` ends at an end-of-turn token; the lecture's animation runs through it.
    Sampling draws from `seed` alone. `reencode` is the lecture's way: decode each new token, append the text,
    encode everything again (no cache, and not the model's own path). keep_logits: yield `LOGITS` [N, V], what each of
    the N written tokens was picked from.
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


@dataclass(frozen=True)
class Encode:
    """Only the token ids of a prompt; the model does not run."""

    prompt: Prompt


@dataclass(frozen=True)
class EmbeddingRows:
    """Rows of the embedding matrix for the token ids of a prompt; the model does not run."""

    prompt: Prompt


@dataclass(frozen=True)
class EmbeddingMatrix:
    """The whole embedding matrix, a row for each id: `EMBED` [V, D]; no tokens, and the model does not run."""


@dataclass(frozen=True)
class Describe:
    """The model's own facts: configuration, modules, parameter counts, special tokens, chat template."""


Request = Forward | Generate | Encode | EmbeddingRows | EmbeddingMatrix | Describe


@dataclass(frozen=True)
class ModuleInfo:
    """One module of the loaded model: dotted path, class, the shape of its weight, its parameters."""

    path: str
    kind: str
    shape: tuple[int, ...]
    parameters: int


@dataclass(frozen=True)
class ModelFacts:
    """What the loaded model says of itself."""

    name: str
    layers: int
    d_model: int
    heads: int
    kv_heads: int
    d_head: int
    d_mlp: int
    d_vocab: int
    context: int
    rope_theta: float
    norm_epsilon: float
    activation: str
    tied: bool
    parameters: int
    modules: tuple[ModuleInfo, ...]
    special_tokens: tuple[tuple[str, Token], ...]  # (role, token): ("bos_token", ...)
    chat_template: str


@dataclass(frozen=True)
class ActivationCache:
    """What one request yielded.

    tokens: the tokens of the run, prompt first, continuation after it.
    text: the encoded string, as the tokenizer saw it (chat template filled in); decoded ids otherwise.
    sites: read-only arrays by site (of a `Forward`; the logits of a `Generate` that keeps them).
    prompt_length: how many of the tokens are the prompt (of a `Generate`; all of them otherwise).
    frames: the ids that each step of a re-encoding generation saw; empty otherwise.
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
