"""Read and overwrite activations with hooks: every site of `layerbook.core.requests`.

transformers' `hidden_states` would not do: its last entry is already normalized.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from layerbook.core.requests import SITE_SHAPES, Site
from layerbook.model.families import LAYER_SITES, SITES, SitePoint
from layerbook.model.network import NetworkParts

READ_ONLY_SITES = {"resid_mid", "pattern"}
PATCHABLE_SITES = frozenset({*SITES, *LAYER_SITES}) - READ_ONLY_SITES


@dataclass(frozen=True)
class Edit:
    """An overwrite of a site in one row of a batch.

    positions, heads, neurons: the indices to overwrite; an empty tuple means all.
    value: of the site's shape, or None for zeros (for scores, -inf).
    """

    site: Site
    row: int
    positions: tuple[int, ...]
    heads: tuple[int, ...]
    neurons: tuple[int, ...]
    value: Tensor | None


class ActivationHooks:
    """The hooks of one batch: they apply its edits and record `activations[site]` [batch, ...]."""

    def __init__(self, parts: NetworkParts, keep: frozenset[Site], edits: Sequence[Edit]) -> None:
        self.parts, self.keep = parts, keep
        self.edits: dict[Site, list[Edit]] = {}
        for edit in edits:
            self.edits.setdefault(edit.site, []).append(edit)
        self.activations: dict[Site, Tensor] = {}

    @contextmanager
    def registered(self) -> Iterator[None]:
        """Register the hooks for the duration of the block."""
        handles: list[RemovableHandle] = []
        sites = self.keep | self.edits.keys() | _lens_sources(self.keep)
        try:
            for site in sorted(sites, key=str):
                if module_and_point := self.parts.find(site):
                    handles.append(self._hook(site, *module_and_point))
            yield
        finally:
            for handle in handles:
                handle.remove()

    def compute_logit_sites(self, final: Tensor, ids: Tensor) -> None:
        """Compute the sites after the unembedding from the final norm's output [batch, T, D]."""
        for site in self.keep:
            if site.name == "logits":
                self.activations[site] = self.parts.score(final)
            elif site.name == "loss":
                losses = [self._loss(*row) for row in zip(final, ids, strict=True)]
                self.activations[site] = torch.stack(losses)
            elif site.name == "lens":
                residual = self.activations[Site("resid_post", site.layer)]
                self.activations[site] = self.parts.score(self.parts.final_norm(residual))

    def _loss(self, final: Tensor, ids: Tensor) -> Tensor:
        """Return -ln p of each token given those before it [T]; one text at a time saves memory."""
        logits = self.parts.score(final[:-1])
        losses = nn.functional.cross_entropy(logits, ids[1:], reduction="none")
        return torch.cat([torch.full((1,), torch.nan), losses])

    def _hook(self, site: Site, module: nn.Module, point: SitePoint) -> RemovableHandle:
        def visit_input(module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
            return self._visit(site, point, args[0]), *args[1:]

        def visit_output(module: nn.Module, args: object, output: Any) -> Any:
            if point.item is None:
                return self._visit_third(site, point, output)
            parts = list(output)
            parts[point.item] = self._visit(site, point, parts[point.item])
            return tuple(parts)

        if point.side == "input":
            return module.register_forward_pre_hook(visit_input)
        return module.register_forward_hook(visit_output)

    def _visit_third(self, site: Site, point: SitePoint, value: Tensor) -> Tensor:
        """Visit the part of a fused output [batch, T, queries + keys + values] that is the site."""
        if point.third is None:
            return self._visit(site, point, value)
        parts = list(torch.split(value, self.parts.fused_sizes, dim=-1))
        parts[point.third] = self._visit(site, point, parts[point.third])
        return torch.cat(parts, dim=-1) if site in self.edits else value

    def _visit(self, site: Site, point: SitePoint, value: Tensor) -> Tensor:
        """Edit and record a site, whose axes and scale may differ from the module's."""
        shape = SITE_SHAPES[site.name]
        per_head, joined = shape.endswith("d"), point.heads == "joined"
        swapped = per_head and shape != "T H d" and point.heads != "H T d"
        scale = self.parts.scale(point)
        heads = value
        if per_head and joined:
            heads = value.view(*value.shape[:-1], -1, self.parts.head_size)
        heads = heads.transpose(1, 2) if swapped else heads
        edits = self.edits.get(site, ())
        recorded = heads if scale == 1 else heads * scale
        recorded = recorded.clone() if edits else recorded
        for edit in edits:
            _apply(edit, recorded[edit.row])
        self.activations[site] = recorded
        if not edits:
            return value
        heads = recorded if scale == 1 else recorded / scale
        heads = heads.transpose(1, 2) if swapped else heads
        return heads.flatten(-2) if per_head and joined else heads


def _lens_sources(keep: frozenset[Site]) -> frozenset[Site]:
    """Return the sites that a lens is computed from."""
    return frozenset(Site("resid_post", site.layer) for site in keep if site.name == "lens")


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
    if edit.neurons:
        mask = mask & _axis_mask(row, axes.index("M"), edit.neurons)
    if edit.value is not None:
        row.copy_(torch.where(mask, _pad_to(edit.value, row, position_axis), row))
    elif edit.site.name == "scores":  # a query always sees its own position
        self_key = torch.eye(row.shape[-1], dtype=torch.bool)
        row.masked_fill_(mask & ~self_key, -torch.inf)
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
