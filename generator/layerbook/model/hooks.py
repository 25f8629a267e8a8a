"""Read and overwrite activations with hooks: every site of `layerbook.core.requests`.

Hooks on the modules themselves, because Hugging Face's `hidden_states[-1]` is already normed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle
from transformers.models.llama.modeling_llama import (
    LlamaForCausalLM,
    apply_rotary_pos_emb,
    repeat_kv,
)

from layerbook.core.requests import SITE_SHAPES, Site


class HookPoint(NamedTuple):
    """The module whose input or output is a site; `item` if the output is a tuple."""

    module: str
    side: Literal["input", "output"]
    item: int | None = None


MODEL_HOOKS = {
    "embed": HookPoint("embed_tokens", "output"),
    "ln_final": HookPoint("norm", "output"),
}
LAYER_HOOKS = {
    "resid_pre": HookPoint("", "input"),
    "resid_mid": HookPoint("post_attention_layernorm", "input"),
    "resid_post": HookPoint("", "output"),
    "attn_out": HookPoint("self_attn", "output", item=0),
    "pattern": HookPoint("self_attn", "output", item=1),
    "q": HookPoint("self_attn.q_proj", "output"),
    "k": HookPoint("self_attn.k_proj", "output"),
    "v": HookPoint("self_attn.v_proj", "output"),
    "z": HookPoint("self_attn.o_proj", "input"),
    "mlp_act": HookPoint("mlp.down_proj", "input"),
    "mlp_out": HookPoint("mlp", "output"),
}
READ_ONLY_SITES = {"resid_mid", "pattern"}
PATCHABLE_SITES = frozenset(MODEL_HOOKS | LAYER_HOOKS) - READ_ONLY_SITES | {"scores"}


@dataclass(frozen=True)
class Edit:
    """An overwrite of a site in one row of a batch; empty positions or heads mean all of them.

    value: of the site's shape, or None for zeros (for scores, -inf).
    """

    site: Site
    row: int
    positions: tuple[int, ...]
    heads: tuple[int, ...]
    value: Tensor | None


class ActivationHooks:
    """The hooks of one batch: they apply its edits and record `activations[site]` [batch, ...]."""

    def __init__(
        self, model: LlamaForCausalLM, keep: frozenset[Site], edits: Sequence[Edit]
    ) -> None:
        self.model, self.keep = model, keep
        self.edits: dict[Site, list[Edit]] = {}
        for edit in edits:
            self.edits.setdefault(edit.site, []).append(edit)
        self.head_size = model.model.layers[0].self_attn.head_dim
        self.activations: dict[Site, Tensor] = {}

    @contextmanager
    def registered(self) -> Iterator[None]:
        """Register the hooks for the duration of the block."""
        handles: list[RemovableHandle] = []
        sites = self.keep | self.edits.keys() | _intermediate_sites(self.keep)
        try:
            for site in sorted(sites, key=str):
                handles += self._register(site)
            yield
        finally:
            for handle in handles:
                handle.remove()

    def compute_logit_sites(self, final: Tensor, ids: Tensor) -> None:
        """Compute the sites behind the unembedding from the final norm's output [batch, T, D]."""
        for site in self.keep:
            if site.name == "logits":
                self.activations[site] = self.model.lm_head(final)
            elif site.name == "loss":
                losses = [self._loss(*row) for row in zip(final, ids, strict=True)]
                self.activations[site] = torch.stack(losses)
            elif site.name == "lens":
                residual = self.activations[Site("resid_post", site.layer)]
                self.activations[site] = self.model.lm_head(self.model.model.norm(residual))

    def _loss(self, final: Tensor, ids: Tensor) -> Tensor:
        """Return -ln p of each token given those before it [T], of one text, as logits are wide."""
        logits = self.model.lm_head(final[:-1])
        losses = nn.functional.cross_entropy(logits, ids[1:], reduction="none")
        return torch.cat([torch.full((1,), torch.nan), losses])

    def _register(self, site: Site) -> Iterator[RemovableHandle]:
        decoder = self.model.model
        if site.layer is None:
            module, point = decoder, MODEL_HOOKS.get(site.name)
        else:
            module, point = decoder.layers[site.layer], LAYER_HOOKS.get(site.name)
        if site.name == "scores":
            yield from self._register_scores(site, module.self_attn)
        elif point is not None:
            yield self._hook(site, module.get_submodule(point.module), point)

    def _hook(self, site: Site, module: nn.Module, point: HookPoint) -> RemovableHandle:
        def visit_input(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
            return self._visit(site, args[0]), *args[1:]

        def visit_output(module: nn.Module, args: object, output: Any) -> Any:
            if point.item is None:
                return self._visit(site, output)
            parts = list(output)
            parts[point.item] = self._visit(site, parts[point.item])
            return tuple(parts)

        if point.side == "input":
            return module.register_forward_pre_hook(visit_input)
        return module.register_forward_hook(visit_output)

    def _visit(self, site: Site, value: Tensor) -> Tensor:
        """Edit and record a site; modules have the heads of q, k, v and z in one axis."""
        shape = SITE_SHAPES[site.name]
        if not shape.endswith("d"):
            return self._edit_and_record(site, value)
        heads = value.view(*value.shape[:-1], -1, self.head_size)  # [batch, T, heads, d]
        if shape == "T H d":
            return self._edit_and_record(site, heads).flatten(-2)
        return self._edit_and_record(site, heads.transpose(1, 2)).transpose(1, 2).flatten(-2)

    def _register_scores(self, site: Site, attention: nn.Module) -> Iterator[RemovableHandle]:
        """Register hooks that compute the scores, and block them through the attention mask."""

        def record(module: Any, args: object, kwargs: Mapping[str, Any], output: object) -> None:
            q, k = self.activations[Site("q", site.layer)], self.activations[Site("k", site.layer)]
            q, k = apply_rotary_pos_emb(q, k, *kwargs["position_embeddings"])
            k = repeat_kv(k, module.num_key_value_groups)
            scores = q @ k.transpose(-1, -2) * module.scaling
            future = torch.ones(scores.shape[-2:], dtype=torch.bool).triu(1)
            self._edit_and_record(site, scores.masked_fill(future, -torch.inf))

        def block(module: Any, args: object, kwargs: dict[str, Any]) -> tuple[object, Any]:
            # The eager implementation adds its mask [batch, 1, T, T] to the scores.
            rows, heads = len(kwargs["hidden_states"]), self.model.config.num_attention_heads
            mask = kwargs["attention_mask"].expand(rows, heads, -1, -1)
            return args, {**kwargs, "attention_mask": self._edited(site, mask)}

        if site in self.keep:
            yield attention.register_forward_hook(record, with_kwargs=True)
        if site in self.edits:
            yield attention.register_forward_pre_hook(block, with_kwargs=True)

    def _edit_and_record(self, site: Site, value: Tensor) -> Tensor:
        self.activations[site] = self._edited(site, value)
        return self.activations[site]

    def _edited(self, site: Site, value: Tensor) -> Tensor:
        edits = self.edits.get(site, ())
        value = value.clone() if edits else value
        for edit in edits:
            _apply(edit, value[edit.row])
        return value


def _intermediate_sites(keep: frozenset[Site]) -> frozenset[Site]:
    """Return the sites that others are computed from: q and k for scores, resid_post for lens."""
    scores = {Site(name, site.layer) for site in keep if site.name == "scores" for name in "qk"}
    return frozenset(scores | {Site("resid_post", s.layer) for s in keep if s.name == "lens"})


def _apply(edit: Edit, row: Tensor) -> None:
    """Apply an edit to its row of a site, in place; the positions of scores are keys."""
    axes = SITE_SHAPES[edit.site.name].split()
    position_axis = max(i for i, axis in enumerate(axes) if axis == "T")
    mask = torch.ones((1,) * row.dim(), dtype=torch.bool)
    if edit.positions:
        mask = mask & _axis_mask(row, position_axis, edit.positions)
    if edit.heads:
        head_axis = next(i for i, axis in enumerate(axes) if axis in "HK")
        mask = mask & _axis_mask(row, head_axis, edit.heads)
    if edit.value is not None:
        row.copy_(torch.where(mask, _pad_to(edit.value, row, position_axis), row))
    elif edit.site.name == "scores":  # a query keeps its own position
        own = torch.eye(row.shape[-1], dtype=torch.bool)
        row.masked_fill_(mask & ~own, -torch.inf)
    else:
        row.masked_fill_(mask, 0.0)


def _axis_mask(row: Tensor, axis: int, indices: Sequence[int]) -> Tensor:
    """Return a mask of these indices along one axis that broadcasts to the row."""
    mask = torch.zeros(row.shape[axis], dtype=torch.bool)
    mask[list(indices)] = True
    return mask.reshape([-1 if i == axis else 1 for i in range(row.dim())])


def _pad_to(value: Tensor, row: Tensor, axis: int) -> Tensor:
    """Pad `value` to the length of the batch; the padding is never read."""
    padded = torch.zeros_like(row)
    length = min(value.shape[axis], row.shape[axis])
    padded.narrow(axis, 0, length).copy_(value.narrow(axis, 0, length))
    return padded
