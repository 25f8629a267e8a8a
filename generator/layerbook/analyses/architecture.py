"""What the model is made of: its own modules, grouped into the boxes of the decoder's picture."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.figures import Axis, Bars, Block, Diagram, Figure, Table
from layerbook.core.requests import ActivationCaches, Describe, ModelFacts, Request
from layerbook.core.text import listed

PART_LABELS = {
    "embeddings": "embedding",
    "attention": "attention",
    "mlp": "MLP",
    "norms": "RMSNorm",
    "linear": "unembedding",
}


class Part(Record):
    """One box of the decoder."""

    name: str = Field(description="What the box is called.")
    part: str = Field(
        description="The part of the model it belongs to: tokens, embeddings, position, attention, ..."
    )
    shape: str = Field(description="What goes in and what comes out, in lengths per token.")
    weights: dict[str, tuple[int, ...]] = Field(
        description="Its modules, and the shape of the weight of each."
    )
    inside: bool = Field(description="Whether every layer has one.")
    adds: bool = Field(description="Whether its output is added to the residual stream.")
    parameters: int = Field(description="Learned numbers in one such box.")
    total: int = Field(description="Learned numbers in all such boxes.")

    @property
    def kind(self) -> str:
        """The key of `shares` that it counts towards."""
        return "norms" if self.name == "RMSNorm" else self.part


class ArchitectureResult(Result):
    """The model's configuration, and the boxes that its modules make up."""

    name: str = Field(description="The model's name.")
    parameters: int = Field(
        description="Learned numbers in all; a matrix that two modules share counts once."
    )
    layers: int = Field(description="How many layers are stacked.")
    d_model: int = Field(
        description="Length of a token's vector: the width of the residual stream."
    )
    heads: int = Field(description="Query heads of each layer.")
    kv_heads: int = Field(
        description="Key and value heads of each layer; fewer than `heads` where queries share them."
    )
    d_head: int = Field(description="Length of a head's query, key and value.")
    d_mlp: int = Field(description="Length of the vector inside the MLP.")
    d_vocab: int = Field(
        description="Rows of the embedding matrix: tokens that the model can read and write."
    )
    context: int = Field(description="The longest sequence the model is made for, in tokens.")
    rope_theta: float = Field(description="Base of RoPE's frequencies.")
    activation: str = Field(description="The MLP's activation function.")
    tied: bool = Field(description="Whether embedding and unembedding are one matrix.")
    parts: tuple[Part, ...] = Field(
        description="The boxes of the picture, in the order of the computation."
    )
    shares: dict[str, float] = Field(
        description="Share of all learned numbers by kind of part, 0..1; together 1."
    )


class Architecture(Analysis[ArchitectureResult]):
    """The decoder as the loaded model has it: its modules in the order of the computation, with their sizes.

    Shapes: a weight [out, in] takes a vector of length `in` to one of length `out`; a norm has a number per dimension.
    Units: parameters are counts of learned numbers; a matrix that two modules share counts once.
    Limits: sizes say nothing about what a part does, nor about how much computation it takes.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3; Touvron et al. 2023 (arXiv:2302.13971), section 2.2.
    """

    result_type = ArchitectureResult

    def runs(self) -> dict[str, Request]:
        """The model's own facts; it does not run."""
        return {"model": Describe()}

    def measure(self, captures: ActivationCaches) -> ArchitectureResult:
        """Put each module into its box, and count."""
        facts = captures["model"].facts
        # model.layers.7.mlp.up_proj -> mlp.up_proj, so that a box inside the layers collects those of all layers
        modules = [(re.sub(r"^model\.(layers\.\d+\.)?", "", m.path), m) for m in facts.modules]
        parts = []
        for name, part, shape, paths in _diagram_boxes(facts):  # input first
            own = {path: module.shape for path, module in modules if path in paths}
            total = sum(module.parameters for path, module in modules if path in paths)
            inside, adds = part in {"position", "attention", "mlp"}, name in {"Attention", "MLP"}
            box: dict[str, Any] = {
                "name": name,
                "part": part,
                "shape": shape,
                "inside": inside,
                "adds": adds,
            }
            parts.append(
                Part(
                    **box,
                    weights=own,
                    parameters=total // facts.layers if inside else total,
                    total=total,
                )
            )
        shares = {
            k: sum(p.total for p in parts if k == p.kind) / facts.parameters for k in PART_LABELS
        }
        known = {
            name: getattr(facts, name)
            for name in ArchitectureResult.model_fields
            if hasattr(facts, name)
        }
        return ArchitectureResult(**known, parts=tuple(parts), shares=shares)

    def figures(self, result: ArchitectureResult) -> dict[str, Figure]:
        """The decoder, its parameters by part, and the list of its modules."""
        return {
            "decoder": _decoder_diagram(result),
            "parameters": _parameter_bars(result),
            "modules": _module_table(result),
        }


def _diagram_boxes(facts: ModelFacts) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Name, part, lengths in and out, and modules of each box, input first."""
    d, query, key = facts.d_model, facts.heads * facts.d_head, facts.kv_heads * facts.d_head
    yield "Tokens", "tokens", "text → ids", ()
    yield "Embedding", "embeddings", f"id → {d}", ("embed_tokens",)
    yield "RMSNorm", "attention", f"{d} → {d}", ("input_layernorm",)
    projections = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
    yield "Queries, keys, values", "attention", f"{d} → {query} + {key} + {key}", projections
    yield "RoPE", "position", "turns queries and keys", ()
    yield (
        "Attention",
        "attention",
        f"{facts.heads} heads of {facts.d_head} → {d}",
        ("self_attn.o_proj",),
    )
    yield "RMSNorm", "mlp", f"{d} → {d}", ("post_attention_layernorm",)
    yield (
        "MLP",
        "mlp",
        f"{d} → {facts.d_mlp} → {d}",
        ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"),
    )
    yield "RMSNorm", "linear", f"{d} → {d}", ("norm",)
    again = ", the embedding again" if facts.tied else ""
    yield "Unembedding", "linear", f"{d} → {facts.d_vocab}{again}", ("lm_head",)
    yield "Sampling", "sampling", f"{facts.d_vocab} → 1", ()


def _decoder_diagram(result: ArchitectureResult) -> Diagram:
    inside = [p.name for p in result.parts if p.inside]
    return Diagram(
        tuple(Block(p.name, p.part, p.shape, p.parameters, p.inside, p.adds) for p in result.parts),
        repeat=result.layers,
        d_model=result.d_model,
        title=f"The decoder of {result.name}",
        alt=f"From the bottom up: {', '.join(p.name for p in result.parts)}. The {len(inside)} boxes from the first "
        f"{inside[0]} to {inside[-1]} make one layer; there are {result.layers}. Attention and MLP add to a residual "
        f"stream of {result.d_model} numbers per token.",
    )


def _parameter_bars(result: ArchitectureResult) -> Bars:
    kinds = PART_LABELS | ({"embeddings": "embedding, also unembedding"} if result.tied else {})
    shown = {kinds[kind]: share for kind, share in result.shares.items() if share}
    return Bars(
        labels=tuple(shown),
        values=tuple(share * result.parameters / 1e6 for share in shown.values()),
        label_axis=Axis("part"),
        value_axis=Axis("parameters", "millions"),
        title=f"The {result.parameters:,} parameters of {result.name}, by part",
        alt=f"Shares of all parameters: {listed([f'{name} {share:.2%}' for name, share in shown.items()])}.",
    )


def _module_table(result: ArchitectureResult) -> Table:
    rows = (
        (
            f"layers.0–{result.layers - 1}.{path}" if p.inside else path,
            p.name,
            " × ".join(map(str, shape)),
        )
        for p in result.parts
        for path, shape in p.weights.items()
    )
    return Table(
        ("module", "box", "weight"),
        tuple(rows),
        title=f"The modules of {result.name}",
        alt=f"Every module with weights, and their shapes; those of the layers exist {result.layers} times.",
    )
