"""The families of models that can be run, as data: where their sites are, and what they lack.

Module names are those of transformers; names inside a layer are relative to the layer. Nothing here
needs torch, so that specs can be checked against `config.json` alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from layerbook.core.errors import ModelError, did_you_mean, one_line
from layerbook.core.limits import Feature
from layerbook.core.requests import ModuleRole

PLAIN_OUTPUTS = frozenset({"llama", "mistral", "qwen2", "qwen3", "smollm3", "phi3"})
"""Models that add head outputs unscaled, and compute logits after an RMSNorm."""

MAX_LAYERS = 1000
MAX_LABELS = 10_000  # of a classifier; transformers makes a name for each, used or not
MAX_SIZE = 1_000_000_000  # of a vocabulary, a context, a vector
ROPE_KINDS = ("default", "linear", "dynamic", "llama3", "yarn")

Heads = Literal["joined", "T H d", "H T d"]
Sites = Mapping[str, "SitePoint"]


class SitePoint(NamedTuple):
    """The module whose input or output is a site.

    heads: the order of the module's axes at a per-head site; `joined` is one axis for all heads.
    item: the index in the output, if that is a tuple.
    third: the third of the output, if one module gives queries, keys and values.
    scale: the setting of config.json by which the model multiplies the output before adding it.
    """

    module: str
    side: Literal["input", "output"] = "output"
    heads: Heads = "joined"
    item: int | None = None
    third: Literal[0, 1, 2] | None = None
    scale: str = ""


@dataclass(frozen=True)
class Family:
    """The places of sites and modules in the models of one family.

    layers: the list of layers.
    attention: the attention of a layer.
    sites, layer_sites: the points of the sites that a module has.
    roles: the purpose of each module with weights.
    positions: `rope`, or `learned` for a matrix of position vectors.
    activation: the setting that names the MLP's activation function, and its default.
    renamed: the names of settings that differ from those in Llama's config.json.
    scaled_embedding: the embedding module multiplies the rows by sqrt(d_model).
    """

    name: str
    sites: Sites
    layer_sites: Sites
    roles: Mapping[str, ModuleRole]
    layers: str = "model.layers"
    attention: str = "self_attn"
    positions: Literal["rope", "learned"] = "rope"
    gated: bool = True
    activation: tuple[str, str] = ("hidden_act", "silu")
    renamed: Mapping[str, str] = field(default_factory=dict)
    scaled_embedding: bool = False

    def setting(self, config: Mapping[str, Any], name: str) -> Any:
        """Return a setting of config.json by its name in Llama's; None if it is missing."""
        return config.get(self.renamed.get(name, name))


def _sites(embedding: str, final_norm: str) -> Sites:
    """Return the points of the sites before and after the layers."""
    return {
        "embed": SitePoint(embedding),
        "resid_final": SitePoint(final_norm, "input"),
        "ln_final": SitePoint(final_norm),
    }


def _layer_sites(attention: str, attention_output: str, mlp_norm: str, mlp_output: str) -> Sites:
    """Return the points of a layer's sites, except queries, keys and values."""
    return {
        "resid_pre": SitePoint("", "input"),
        "scores": SitePoint(f"{attention}.scores", heads="H T d"),
        "pattern": SitePoint(f"{attention}.pattern", heads="H T d"),
        "z": SitePoint(attention_output, "input"),
        "attn_out": SitePoint(attention, item=0),
        "resid_mid": SitePoint(mlp_norm, "input"),
        "mlp_act": SitePoint(mlp_output, "input"),
        "mlp_out": SitePoint("mlp"),
        "resid_post": SitePoint(""),
    }


def _fused_sites(module: str) -> Sites:
    """Return the points of queries, keys and values that one module gives together."""
    return {
        "q": SitePoint(module, third=0),
        "k": SitePoint(module, third=1),
        "v": SitePoint(module, third=2),
    }


def _qk_norm_sites(heads: Heads) -> Sites:
    """Return the points of queries and keys that a norm comes after."""
    return {
        "q": SitePoint("self_attn.q_norm", heads=heads),
        "k": SitePoint("self_attn.k_norm", heads=heads),
    }


SITES = _sites("model.embed_tokens", "model.norm")
LAYER_SITES: Sites = {
    **_layer_sites("self_attn", "self_attn.o_proj", "post_attention_layernorm", "mlp.down_proj"),
    "q": SitePoint("self_attn.q_proj"),
    "k": SitePoint("self_attn.k_proj"),
    "v": SitePoint("self_attn.v_proj"),
}
ROLES: Mapping[str, ModuleRole] = {
    "model.embed_tokens": "embedding",
    "input_layernorm": "attention norm",
    "self_attn.q_proj": "queries, keys, values",
    "self_attn.k_proj": "queries, keys, values",
    "self_attn.v_proj": "queries, keys, values",
    "self_attn.o_proj": "attention output",
    "post_attention_layernorm": "mlp norm",
    "mlp.gate_proj": "mlp",
    "mlp.up_proj": "mlp",
    "mlp.down_proj": "mlp",
    "model.norm": "final norm",
    "lm_head": "unembedding",
}
QK_NORM_ROLES: Mapping[str, ModuleRole] = {
    "self_attn.q_norm": "query and key norm",
    "self_attn.k_norm": "query and key norm",
}
# Gemma 2 and 3 have a norm before and after both attention and MLP.
SANDWICH_SITES: Sites = {
    "attn_out": SitePoint("post_attention_layernorm"),
    "resid_mid": SitePoint("pre_feedforward_layernorm", "input"),
    "mlp_out": SitePoint("post_feedforward_layernorm"),
}
SANDWICH_ROLES: Mapping[str, ModuleRole] = {
    "post_attention_layernorm": "norm after attention",
    "pre_feedforward_layernorm": "mlp norm",
    "post_feedforward_layernorm": "norm after mlp",
}


def _like_llama(
    name: str,
    layer_sites: Sites | None = None,
    roles: Mapping[str, ModuleRole] | None = None,
    **settings: Any,
) -> Family:
    """Return a family that differs from Llama in some sites and modules."""
    sites = {**LAYER_SITES, **(layer_sites or {})}
    return Family(name, SITES, sites, {**ROLES, **(roles or {})}, **settings)


GEMMA: Mapping[str, Any] = {
    "activation": ("hidden_activation", "gelu_pytorch_tanh"),
    "scaled_embedding": True,
}

FAMILIES: Mapping[str, Family] = {  # by the model_type of config.json
    "llama": _like_llama("Llama"),
    "mistral": _like_llama("Mistral"),
    "qwen2": _like_llama("Qwen2"),
    "qwen3": _like_llama("Qwen3", _qk_norm_sites("T H d"), QK_NORM_ROLES),
    "smollm3": _like_llama("SmolLM3"),
    "phi3": _like_llama(
        "Phi-3",
        _fused_sites("self_attn.qkv_proj"),
        {"self_attn.qkv_proj": "queries, keys, values", "mlp.gate_up_proj": "mlp"},
    ),
    "gemma": _like_llama(
        "Gemma", activation=("hidden_act", "gelu_pytorch_tanh"), scaled_embedding=True
    ),
    "gemma2": _like_llama("Gemma 2", SANDWICH_SITES, SANDWICH_ROLES, **GEMMA),
    "gemma3_text": _like_llama(
        "Gemma 3",
        {**SANDWICH_SITES, **_qk_norm_sites("H T d")},
        {**SANDWICH_ROLES, **QK_NORM_ROLES},
        **GEMMA,
    ),
    "olmo2": _like_llama(
        "OLMo 2",
        {
            **_qk_norm_sites("joined"),
            "attn_out": SitePoint("post_attention_layernorm"),
            "resid_mid": SitePoint("mlp", "input"),
            "mlp_out": SitePoint("post_feedforward_layernorm"),
        },
        {
            **QK_NORM_ROLES,
            "post_attention_layernorm": "norm after attention",
            "post_feedforward_layernorm": "norm after mlp",
        },
    ),
    "granite": _like_llama(
        "Granite",
        {
            "attn_out": SitePoint("self_attn", item=0, scale="residual_multiplier"),
            "mlp_out": SitePoint("mlp", scale="residual_multiplier"),
        },
    ),
    "gpt2": Family(
        "GPT-2",
        sites=_sites("transformer.wte", "transformer.ln_f"),
        layer_sites={
            **_layer_sites("attn", "attn.c_proj", "ln_2", "mlp.c_proj"),
            **_fused_sites("attn.c_attn"),
        },
        roles={
            "transformer.wte": "embedding",
            "transformer.wpe": "position embedding",
            "ln_1": "attention norm",
            "attn.c_attn": "queries, keys, values",
            "attn.c_proj": "attention output",
            "ln_2": "mlp norm",
            "mlp.c_fc": "mlp",
            "mlp.c_proj": "mlp",
            "transformer.ln_f": "final norm",
            "lm_head": "unembedding",
        },
        layers="transformer.h",
        attention="attn",
        positions="learned",
        gated=False,
        activation=("activation_function", "gelu_new"),
        renamed={
            "num_hidden_layers": "n_layer",
            "num_attention_heads": "n_head",
            "hidden_size": "n_embd",
            "max_position_embeddings": "n_positions",
        },
    ),
}


def find_family(config: Mapping[str, Any]) -> Family:
    """Return the family of a `config.json`. Raises ModelError with the accepted ones."""
    model_type = config.get("model_type")
    family = FAMILIES.get(str(model_type))
    if family is None:
        accepted = ", ".join(f"{family.name} ({name})" for name, family in FAMILIES.items())
        raise ModelError(
            f"the architecture is {model_type!r:.80}{did_you_mean(str(model_type), FAMILIES)}; "
            f"these can be run: {accepted}"
        )
    return family


@contextmanager
def wrong_types_as_model_errors() -> Iterator[None]:
    """Turn errors caused by settings of a wrong type into ModelError."""
    try:
        yield
    except (TypeError, ValueError, AttributeError, LookupError, ArithmeticError) as error:
        reason = one_line(f"{type(error).__name__}: {error}")
        raise ModelError(f"config.json: a setting has the wrong type ({reason})") from error


@wrong_types_as_model_errors()
def check_config(config: Mapping[str, Any]) -> None:
    """Raise ModelError for a `config.json` of a model that cannot be run."""
    _check_sizes(config)
    for name in ("configuration_files", "transformers_weights"):
        if name in config:
            raise ModelError(
                f"config.json: {name} names files that would be loaded instead of "
                "those in the keys of results; remove it"
            )
    for parameters in _rope_parameters(config):
        kind = parameters.get("rope_type", parameters.get("type", "default"))
        if kind not in ROPE_KINDS:
            raise ModelError(
                f"config.json: the RoPE type is {kind!r:.80}, which depends on the "
                f"length of the text or is unknown; these can be run: {', '.join(ROPE_KINDS)}"
            )
    for name in ("use_bidirectional_attention", "add_cross_attention"):
        if config.get(name):
            raise ModelError(f"config.json: {name} is set; only causal decoders can be run")


def _check_sizes(config: Mapping[str, Any]) -> None:
    """Raise ModelError for numbers so large that loading the model would not end."""
    family = find_family(config)
    layers = family.setting(config, "num_hidden_layers")
    if isinstance(layers, int) and layers > MAX_LAYERS:
        raise ModelError(
            f"config.json: {layers:,} layers, more than the {MAX_LAYERS:,} that can be run"
        )
    labels = config.get("num_labels")
    if isinstance(labels, int) and labels > MAX_LABELS:
        raise ModelError(f"config.json: num_labels is {labels:,}, beyond {MAX_LABELS:,}")
    for name, size in config.items():
        if isinstance(size, int) and abs(size) > MAX_SIZE:
            raise ModelError(f"config.json: {name} is {size:,}, beyond {MAX_SIZE:,}")


def missing_features(config: Mapping[str, Any]) -> frozenset[Feature]:
    """Return what analyses may require and the model of a `config.json` does not have."""
    family = find_family(config)
    setting, default = family.activation
    features: dict[Feature, bool] = {
        "rope": family.positions == "rope",
        "gated mlp": family.gated,
        "silu": (config.get(setting) or default) in ("silu", "swish"),
        "plain scores": _has_plain_scores(config),
        "plain outputs": config["model_type"] in PLAIN_OUTPUTS,
    }
    return frozenset(name for name, present in features.items() if not present)


def layers_without_rope(config: Mapping[str, Any]) -> frozenset[int]:
    """Return the layers without RoPE of a model whose other layers have it."""
    if config.get("model_type") != "smollm3":
        return frozenset()
    interval = config.get("no_rope_layer_interval", 4)
    by_interval = [(i + 1) % interval for i in range(config["num_hidden_layers"])]
    uses_rope = config.get("no_rope_layers") or by_interval  # despite its name, 0 is without RoPE
    return frozenset(i for i, uses in enumerate(uses_rope) if not uses)


def _rope_parameters(config: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield RoPE's parameters; some models have several, by kind of layer."""
    for name in ("rope_parameters", "rope_scaling"):
        parameters = config.get(name) or {}
        if not isinstance(parameters, Mapping):
            raise ModelError(f"config.json: {name} is not an object")
        groups = [value for value in parameters.values() if isinstance(value, Mapping)]
        yield from groups or [parameters]


def _has_plain_scores(config: Mapping[str, Any]) -> bool:
    """Return whether scores are q·k / sqrt(d_head) and nothing else."""
    match config["model_type"]:
        case "gemma2":
            plain_scale = config.get("query_pre_attn_scalar", 256) == config.get("head_dim", 256)
            return plain_scale and config.get("attn_logit_softcapping", 50.0) is None
        case "gemma3_text":
            return bool(config.get("query_pre_attn_scalar", 256) == config.get("head_dim", 256))
        case "granite":
            d_head = config["hidden_size"] // config["num_attention_heads"]
            return bool(abs(config.get("attention_multiplier", 1.0) * d_head**0.5 - 1) < 1e-6)
        case "gpt2":
            plain = config.get("scale_attn_weights", True)
            return bool(plain and not config.get("scale_attn_by_inverse_layer_idx"))
    return True
