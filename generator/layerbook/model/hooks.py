"""Reading and overwriting activations on their way through a Llama: every site of `layerbook.core.requests` in one place.

Hugging Face's `hidden_states[-1]` is already normed and its attention patterns come only from the eager
implementation, so everything is taken by hooks on the modules themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from transformers.models.llama.modeling_llama import (
    LlamaForCausalLM,
    apply_rotary_pos_emb,
    repeat_kv,
)

from layerbook.core.requests import Site

PATCHABLE_SITES = frozenset(
    {
        "embed",
        "resid_pre",
        "resid_post",
        "attn_out",
        "mlp_out",
        "z",
        "q",
        "k",
        "v",
        "scores",
        "mlp_act",
        "ln_final",
    }
)


@dataclass(frozen=True)
class Edit:
    """One overwrite in one row of a batch: `value` has the site's shape, or is None for zeros (scores: -inf)."""

    row: int
    positions: tuple[int, ...]  # empty: all
    heads: tuple[int, ...]  # empty: all
    value: Tensor | None


class ActivationHooks:
    """The hooks of one batch: they apply the edits and keep what was asked for, in `activations[site]` [batch, ...]."""

    def __init__(
        self, model: LlamaForCausalLM, keep: frozenset[Site], edits: Mapping[Site, Sequence[Edit]]
    ) -> None:
        self.model, self.keep, self.edits = model, keep, edits
        self.activations: dict[Site, Tensor] = {}
        self._hooked_sites = keep | frozenset(edits) | _intermediate_sites(keep)

    @contextmanager
    def registered(self) -> Iterator[None]:
        """Hooks on for the time of the block, and off again whatever happens."""
        handles = [
            handle
            for site in sorted(self._hooked_sites, key=str)
            for handle in self._register(site)
        ]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()

    def edit_and_record(self, site: Site, value: Tensor) -> Tensor:
        """Apply the edits of a site to its value and keep it."""
        value = self._edited(site, value)
        if site in self._hooked_sites:
            self.activations[site] = value
        return value

    def _edited(self, site: Site, value: Tensor) -> Tensor:
        """Positions are axis -2, axis 1 for `z`; for `scores`, of which a query keeps its own, the keys' axis -1."""
        edits = self.edits.get(site, ())
        value = value.clone() if edits else value
        for edit in edits:
            row: Tensor = value[edit.row]
            scores = site.name == "scores"
            at, head = (0, 1) if site.name == "z" else (row.dim() - (1 if scores else 2), 0)
            mask = _edit_mask(row, at, edit, head)
            if edit.value is not None:
                row.copy_(torch.where(mask, _pad_to(edit.value, row, at), row))
            elif scores:
                row.masked_fill_(mask & ~torch.eye(row.shape[-1], dtype=torch.bool), -torch.inf)
            else:
                row.masked_fill_(mask, 0.0)
        return value

    def _register(self, site: Site) -> list[Any]:
        inner = self.model.model
        if site.layer is None:
            whole: dict[str, Callable[[], list[Any]]] = {
                "embed": lambda: [
                    inner.embed_tokens.register_forward_hook(self._output_hook(site))
                ],
                "ln_final": lambda: [inner.norm.register_forward_hook(self._output_hook(site))],
                "logits": lambda: [],
                "next_logits": lambda: [],
                "loss": lambda: [],
            }
            return whole[site.name]()
        layer = inner.layers[site.layer]
        attention, mlp = layer.self_attn, layer.mlp
        d_head = attention.head_dim
        places: dict[str, Callable[[], list[Any]]] = {
            "resid_pre": lambda: [layer.register_forward_pre_hook(self._input_hook(site))],
            "resid_mid": lambda: [
                layer.post_attention_layernorm.register_forward_pre_hook(self._input_hook(site))
            ],
            "resid_post": lambda: [layer.register_forward_hook(self._output_hook(site))],
            "attn_out": lambda: [attention.register_forward_hook(self._attention_hook(site))],
            "pattern": lambda: [attention.register_forward_hook(self._pattern_hook(site))],
            "scores": lambda: [
                *(
                    [attention.register_forward_hook(self._scores_hook(site), with_kwargs=True)]
                    if site in self.keep
                    else []
                ),
                *(
                    [
                        attention.register_forward_pre_hook(
                            self._block_scores_hook(site), with_kwargs=True
                        )
                    ]
                    if site in self.edits
                    else []
                ),
            ],
            "z": lambda: [
                attention.o_proj.register_forward_pre_hook(self._heads_input_hook(site, d_head))
            ],
            "q": lambda: [
                attention.q_proj.register_forward_hook(self._heads_output_hook(site, d_head))
            ],
            "k": lambda: [
                attention.k_proj.register_forward_hook(self._heads_output_hook(site, d_head))
            ],
            "v": lambda: [
                attention.v_proj.register_forward_hook(self._heads_output_hook(site, d_head))
            ],
            "mlp_act": lambda: [mlp.down_proj.register_forward_pre_hook(self._input_hook(site))],
            "mlp_out": lambda: [mlp.register_forward_hook(self._output_hook(site))],
            "lens": lambda: [],  # read from resid_post once the pass is over
        }
        return places[site.name]()

    def _output_hook(self, site: Site) -> Callable[..., Tensor]:
        return lambda module, args, output: self.edit_and_record(site, output)

    def _input_hook(self, site: Site) -> Callable[..., tuple[Tensor, ...]]:
        return lambda module, args: (self.edit_and_record(site, args[0]), *args[1:])

    def _attention_hook(self, site: Site) -> Callable[..., tuple[Tensor, Tensor]]:
        return lambda module, args, output: (self.edit_and_record(site, output[0]), output[1])

    def _pattern_hook(self, site: Site) -> Callable[..., None]:
        def keep(module: nn.Module, args: object, output: tuple[Tensor, Tensor]) -> None:
            self.edit_and_record(site, output[1])

        return keep

    def _heads_output_hook(self, site: Site, d_head: int) -> Callable[..., Tensor]:
        def hook(module: nn.Module, args: object, output: Tensor) -> Tensor:
            heads = output.view(*output.shape[:-1], -1, d_head).transpose(
                1, 2
            )  # [batch, heads, T, d_head]
            return self.edit_and_record(site, heads).transpose(1, 2).flatten(-2)

        return hook

    def _heads_input_hook(self, site: Site, d_head: int) -> Callable[..., tuple[Tensor]]:
        return lambda module, args: (
            self.edit_and_record(site, args[0].unflatten(-1, (-1, d_head))).flatten(-2),
        )

    def _scores_hook(self, site: Site) -> Callable[..., None]:
        def keep(module: Any, args: object, kwargs: Mapping[str, Any], output: object) -> None:
            q, k = self.activations[Site("q", site.layer)], self.activations[Site("k", site.layer)]
            q, k = apply_rotary_pos_emb(q, k, *kwargs["position_embeddings"])
            scores = (
                q @ repeat_kv(k, module.num_key_value_groups).transpose(-1, -2) * module.scaling
            )
            future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
            self.edit_and_record(site, scores.masked_fill(future, -torch.inf))

        return keep

    def _block_scores_hook(self, site: Site) -> Callable[..., tuple[object, dict[str, Any]]]:
        """The eager implementation adds its mask [batch, 1, T, T] to the scores: block there what edits block."""

        def hook(
            module: Any, args: object, kwargs: dict[str, Any]
        ) -> tuple[object, dict[str, Any]]:
            mask = kwargs["attention_mask"].expand(
                len(kwargs["hidden_states"]), self.model.config.num_attention_heads, -1, -1
            )
            return args, {**kwargs, "attention_mask": self._edited(site, mask)}

        return hook

    def compute_logit_sites(self, final: Tensor, ids: Tensor) -> None:
        """After the pass, hooks off: what the unembedding makes of the final norm, and of earlier layers."""
        for site in self.keep:
            if site.name == "logits":
                self.activations[site] = self.model.lm_head(final)
            elif site.name == "loss":
                self.activations[site] = torch.stack(
                    [self._loss(*row) for row in zip(final, ids, strict=True)]
                )
            elif site.name == "lens":
                self.activations[site] = self.model.lm_head(
                    self.model.model.norm(self.activations[Site("resid_post", site.layer)])
                )

    def _loss(self, final: Tensor, ids: Tensor) -> Tensor:
        """One text [T, D] at a time, for logits are wide: -ln p of each token given those before it [T]."""
        losses = torch.nn.functional.cross_entropy(
            self.model.lm_head(final[:-1]), ids[1:], reduction="none"
        )
        return torch.cat([torch.full((1,), torch.nan), losses])


def _intermediate_sites(keep: frozenset[Site]) -> frozenset[Site]:
    """Sites that are read on the way to others: q and k for scores, resid_post for the lens."""
    scores = {Site(name, s.layer) for s in keep if s.name == "scores" for name in ("q", "k")}
    return frozenset(scores | {Site("resid_post", s.layer) for s in keep if s.name == "lens"})


def _pad_to(value: Tensor, like: Tensor, axis: int) -> Tensor:
    """`value` stretched to the padded length of the batch; the padding is never written."""
    out, length = torch.zeros_like(like), min(value.shape[axis], like.shape[axis])
    out.narrow(axis, 0, length).copy_(value.narrow(axis, 0, length))
    return out


def _edit_mask(row: Tensor, axis: int, edit: Edit, head_axis: int) -> Tensor:
    """Where an edit writes, its positions along `axis`, its heads along `head_axis`; broadcasts to the row."""
    mask = torch.ones((1,) * row.dim(), dtype=torch.bool)
    for chosen, along in ((edit.positions, axis), (edit.heads, head_axis)):
        if chosen:
            only = torch.zeros(row.shape[along], dtype=torch.bool)
            only[list(chosen)] = True
            mask = mask & only.reshape([-1 if i == along else 1 for i in range(row.dim())])
    return mask
