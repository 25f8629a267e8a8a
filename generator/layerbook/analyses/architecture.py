"""Architecture: the model's modules, grouped into the boxes of the decoder's diagram."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.figures import Axis, Bars, Block, Diagram, Figure, Table
from layerbook.core.requests import ActivationCaches, Describe, ModelFacts, Request
from layerbook.core.rounding import Exact
from layerbook.core.text import listed

KIND_LABELS = {
    "embeddings": "embedding",
    "attention": "attention",
    "mlp": "MLP",
    "norms": "RMSNorm",
    "linear": "unembedding",
}
CONFIGURATION = (
    "name parameters layers d_model heads kv_heads d_head d_mlp d_vocab context rope_theta "
    "activation tied"
).split()


@dataclass(frozen=True)
class Box:
    """One box of the diagram: its part of the model, its lengths in and out, its modules."""

    name: str
    part: str
    shape: str
    modules: tuple[str, ...] = ()


class Part(Record):
    """One box of the decoder."""

    name: str = Field(description="Name of the box.")
    part: str = Field(description="Its part of the model: embeddings, attention, mlp, ...")
    shape: str = Field(description="Its input and output, in lengths per token.")
    weights: dict[str, tuple[int, ...]] = Field(description="Its modules' weights.")
    inside: bool = Field(description="True if every layer has one.")
    adds: bool = Field(description="True if its output is added to the residual stream.")
    parameters: int = Field(description="Learned numbers in one such box.")
    total: int = Field(description="Learned numbers in all such boxes.")

    @property
    def kind(self) -> str:
        """The key of `shares` that it counts towards."""
        return "norms" if self.name == "RMSNorm" else self.part


class ArchitectureResult(Result):
    """The model's configuration and the boxes of its modules."""

    name: str = Field(description="The model's name.")
    parameters: int = Field(description="Learned numbers in all; a shared matrix counts once.")
    layers: int = Field(description="Number of layers.")
    d_model: int = Field(description="Length of a token's vector in the residual stream.")
    heads: int = Field(description="Query heads of each layer.")
    kv_heads: int = Field(description="Key and value heads of each layer, shared by the queries.")
    d_head: int = Field(description="Length of a head's query, key and value.")
    d_mlp: int = Field(description="Length of the vector inside the MLP.")
    d_vocab: int = Field(description="Tokens of the vocabulary: rows of the embedding matrix.")
    context: int = Field(description="The longest sequence the model supports, in tokens.")
    rope_theta: Exact = Field(description="Base of RoPE's frequencies.")
    activation: str = Field(description="The MLP's activation function.")
    tied: bool = Field(description="True if embedding and unembedding are one matrix.")
    parts: tuple[Part, ...] = Field(description="The boxes, in the order of the computation.")
    shares: dict[str, float] = Field(description="Share of all learned numbers by kind of part.")


class Architecture(Analysis[ArchitectureResult]):
    """The modules of the decoder in the order of the computation, with their sizes.

    Shapes: a weight [out, in] maps a vector of length `in` to one of length `out`; a norm has one
        number per dimension.
    Units: parameters are counts of learned numbers; a matrix that two modules share counts once.
    Limits: sizes say nothing about what a part does, nor about how much computation it takes.
    Source: Vaswani et al. 2017 (arXiv:1706.03762), section 3; Touvron et al. 2023
        (arXiv:2302.13971), section 2.2.
    """

    result_type = ArchitectureResult

    def runs(self) -> dict[str, Request]:
        """The model's own facts; it does not run."""
        return {"model": Describe()}

    def measure(self, captures: ActivationCaches) -> ArchitectureResult:
        """Put each module into its box, and count the parameters."""
        facts = captures["model"].facts
        parts = tuple(measure_part(box, facts) for box in decoder_boxes(facts))
        shares = {
            kind: sum(part.total for part in parts if part.kind == kind) / facts.parameters
            for kind in KIND_LABELS
        }
        configuration = {name: getattr(facts, name) for name in CONFIGURATION}
        return ArchitectureResult(**configuration, parts=parts, shares=shares)

    def figures(self, result: ArchitectureResult) -> dict[str, Figure]:
        """`decoder`, `parameters` by part, and the list of `modules`."""
        return {
            "decoder": decoder_diagram(result),
            "parameters": parameter_bars(result),
            "modules": module_table(result),
        }


def decoder_boxes(facts: ModelFacts) -> Iterator[Box]:
    """The boxes in the order of the computation, input first."""
    d, heads = facts.d_model, facts.heads
    query, key = heads * facts.d_head, facts.kv_heads * facts.d_head
    projections = ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj")
    matrices = ("mlp.gate_proj", "mlp.up_proj", "mlp.down_proj")
    tied = ", the embedding again" if facts.tied else ""

    yield Box("Tokens", "tokens", "text → ids")
    yield Box("Embedding", "embeddings", f"id → {d}", ("embed_tokens",))
    yield Box("RMSNorm", "attention", f"{d} → {d}", ("input_layernorm",))
    yield Box("Queries, keys, values", "attention", f"{d} → {query} + {key} + {key}", projections)
    yield Box("RoPE", "position", "turns queries and keys")
    attention = f"{heads} heads of {facts.d_head} → {d}"
    yield Box("Attention", "attention", attention, ("self_attn.o_proj",))
    yield Box("RMSNorm", "mlp", f"{d} → {d}", ("post_attention_layernorm",))
    yield Box("MLP", "mlp", f"{d} → {facts.d_mlp} → {d}", matrices)
    yield Box("RMSNorm", "linear", f"{d} → {d}", ("norm",))
    yield Box("Unembedding", "linear", f"{d} → {facts.d_vocab}{tied}", ("lm_head",))
    yield Box("Sampling", "sampling", f"{facts.d_vocab} → 1")


def measure_part(box: Box, facts: ModelFacts) -> Part:
    """Collect a box's modules, of all layers if it is inside them, and count its parameters."""
    weights: dict[str, tuple[int, ...]] = {}
    total = 0
    for module in facts.modules:
        # model.layers.7.mlp.up_proj -> mlp.up_proj, the same in all layers
        path = re.sub(r"^model\.(layers\.\d+\.)?", "", module.path)
        if path in box.modules:
            weights[path] = module.shape
            total += module.parameters
    inside = box.part in {"position", "attention", "mlp"}
    return Part(
        name=box.name,
        part=box.part,
        shape=box.shape,
        weights=weights,
        inside=inside,
        adds=box.name in {"Attention", "MLP"},
        parameters=total // facts.layers if inside else total,
        total=total,
    )


def decoder_diagram(result: ArchitectureResult) -> Diagram:
    """The decoder, input at the bottom."""
    inside = [part.name for part in result.parts if part.inside]
    names = ", ".join(part.name for part in result.parts)
    blocks = (Block(p.name, p.part, p.shape, p.parameters, p.inside, p.adds) for p in result.parts)
    return Diagram(
        tuple(blocks),
        repeat=result.layers,
        d_model=result.d_model,
        title=f"The decoder of {result.name}",
        alt=f"From the bottom up: {names}. The {len(inside)} boxes from the first {inside[0]} to "
        f"{inside[-1]} make one layer; there are {result.layers}. Attention and MLP add to a "
        f"residual stream of {result.d_model} numbers per token.",
    )


def parameter_bars(result: ArchitectureResult) -> Bars:
    """The parameters by kind of part, in millions."""
    labels = dict(KIND_LABELS)
    if result.tied:
        labels["embeddings"] = "embedding, also unembedding"
    shares = {labels[kind]: share for kind, share in result.shares.items() if share}
    percentages = listed([f"{name} {share:.2%}" for name, share in shares.items()])
    return Bars(
        labels=tuple(shares),
        values=tuple(share * result.parameters / 1e6 for share in shares.values()),
        label_axis=Axis("part"),
        value_axis=Axis("parameters", "millions"),
        title=f"The {result.parameters:,} parameters of {result.name}, by part",
        alt=f"Shares of all parameters: {percentages}.",
    )


def module_table(result: ArchitectureResult) -> Table:
    """The modules with weights; those of all layers are one row."""
    rows = []
    for part in result.parts:
        for path, shape in part.weights.items():
            full_path = f"layers.0–{result.layers - 1}.{path}" if part.inside else path
            rows.append((full_path, part.name, " × ".join(map(str, shape))))
    return Table(
        ("module", "box", "weight"),
        tuple(rows),
        title=f"The modules of {result.name}",
        alt="Every module with weights, and their shapes; those of the layers exist "
        f"{result.layers} times.",
    )
