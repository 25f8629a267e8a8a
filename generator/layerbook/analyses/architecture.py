"""Architecture: the model's modules, grouped into the boxes of the decoder's diagram."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.figures import Axis, Bars, Block, Diagram, Figure, Table
from layerbook.core.requests import ActivationCaches, Describe, ModelFacts, ModuleRole, Request
from layerbook.core.rounding import ExactOrNone
from layerbook.core.text import listed, pluralize

KIND_LABELS = {
    "embeddings": "embedding",
    "attention": "attention",
    "mlp": "MLP",
    "norms": "norms",
    "linear": "unembedding",
}


@dataclass(frozen=True)
class Box:
    """One box of the diagram: its part of the model, its lengths in and out, its modules' role."""

    name: str
    part: str
    shape: str
    role: ModuleRole | None = None

    @property
    def inside(self) -> bool:
        """Return whether each layer has one."""
        return self.part in {"attention", "mlp"} or self.name == "RoPE"


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
        if "Norm" in self.name:
            return "norms"
        return "embeddings" if self.part == "position" else self.part


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
    rope_theta: ExactOrNone = Field(description="Base of RoPE's frequencies; null if none.")
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

    def runs(self) -> dict[str, Request]:
        """Request the model's facts; the model does not run."""
        return {"model": Describe()}

    def measure(self, captures: ActivationCaches) -> ArchitectureResult:
        """Put each module into its box, and count the parameters."""
        facts = captures["model"].facts
        parts = tuple(measure_part(box, facts) for box in find_boxes(facts))
        shares = {
            kind: sum(part.total for part in parts if part.kind == kind) / facts.parameters
            for kind in KIND_LABELS
        }
        names = ArchitectureResult.model_fields.keys() - {"parts", "shares"}
        configuration = {name: getattr(facts, name) for name in names}
        return ArchitectureResult(**configuration, parts=parts, shares=shares)

    def figures(self, result: ArchitectureResult) -> dict[str, Figure]:
        """`decoder`, `parameters` by part, and the list of `modules`."""
        return {
            "decoder": decoder_diagram(result),
            "parameters": parameter_bars(result),
            "modules": module_table(result),
        }


def find_boxes(facts: ModelFacts) -> list[Box]:
    """Return the boxes that the model has."""
    roles = {None, *(module.role for module in facts.modules)}
    return [box for box in decoder_boxes(facts) if box.role in roles]


def decoder_boxes(facts: ModelFacts) -> Iterator[Box]:
    """Yield the boxes of any decoder in the order of the computation, input first."""
    d, heads = facts.d_model, facts.heads
    query, key = heads * facts.d_head, facts.kv_heads * facts.d_head
    tied = ", the embedding again" if facts.tied else ""
    norm = next(m.kind for m in facts.modules if m.role == "final norm")
    norm = "RMSNorm" if "RMSNorm" in norm else norm
    same = f"{d} → {d}"

    yield Box("Tokens", "tokens", "text → ids")
    yield Box("Embedding", "embeddings", f"id → {d}", "embedding")
    yield Box("Positions", "position", f"position → {d}", "position embedding")
    yield Box(norm, "attention", same, "attention norm")
    qkv = f"{d} → {query} + {key} + {key}"
    yield Box("Queries, keys, values", "attention", qkv, "queries, keys, values")
    yield Box(f"{norm} of queries, keys", "attention", f"{query}, {key}", "query and key norm")
    if any(facts.rope):
        yield Box("RoPE", "rope", "turns queries and keys")
    count = "1 head" if heads == 1 else f"{heads} heads"
    yield Box("Attention", "attention", f"{count} of {facts.d_head} → {d}", "attention output")
    yield Box(f"{norm} after attention", "attention", same, "norm after attention")
    yield Box(norm, "mlp", same, "mlp norm")
    yield Box("MLP", "mlp", f"{d} → {facts.d_mlp} → {d}", "mlp")
    yield Box(f"{norm} after the MLP", "mlp", same, "norm after mlp")
    yield Box(norm, "linear", same, "final norm")
    yield Box("Unembedding", "linear", f"{d} → {facts.d_vocab}{tied}", "unembedding")
    yield Box("Sampling", "sampling", f"{facts.d_vocab} → 1")


def measure_part(box: Box, facts: ModelFacts) -> Part:
    """Collect a box's modules, of all layers if it is inside them, and count its parameters."""
    modules = [module for module in facts.modules if module.role == box.role]
    # model.layers.7.mlp.up_proj -> mlp.up_proj, the same in all layers
    outer = re.compile(r"^(model|transformer)\.(\w+\.\d+\.)?")
    weights = {outer.sub("", module.path): module.shape for module in modules}
    total = sum(module.parameters for module in modules)
    return Part(
        name=box.name,
        part=box.part,
        shape=box.shape,
        weights=weights,
        inside=box.inside,
        adds=box.role in last_roles(facts),
        parameters=total // facts.layers if box.inside else total,
        total=total,
    )


def last_roles(facts: ModelFacts) -> set[ModuleRole | None]:
    """Return the roles whose output is added to the stream: in some models, that of a norm."""
    roles = {module.role for module in facts.modules}
    normed = "norm after attention" in roles
    return {"norm after attention", "norm after mlp"} if normed else {"attention output", "mlp"}


def decoder_diagram(result: ArchitectureResult) -> Diagram:
    """Draw the decoder, input at the bottom."""
    inside = [part.name for part in result.parts if part.inside]
    names = ", ".join(part.name for part in result.parts)
    blocks = (Block(p.name, p.part, p.shape, p.parameters, p.inside, p.adds) for p in result.parts)
    layers = pluralize(result.layers, "layer")
    return Diagram(
        tuple(blocks),
        repeat=result.layers,
        d_model=result.d_model,
        title=f"The parts of {result.name}",
        alt=f"From the bottom up: {names}. The {len(inside)} boxes from the first {inside[0]} to "
        f"{inside[-1]} make one layer; the model has {layers}. Attention and MLP add to a "
        f"residual stream of {result.d_model:,} numbers per token.",
    )


def parameter_bars(result: ArchitectureResult) -> Bars:
    """Draw the parameters by kind of part, in millions."""
    labels = dict(KIND_LABELS)
    labels["norms"] = next((part.name for part in result.parts if part.kind == "norms"), "norms")
    if result.tied:
        labels["embeddings"] = "embedding (tied)"
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
    """Draw the modules with weights; those of all layers are one row."""
    numbers = "0" if result.layers == 1 else f"0–{result.layers - 1}"
    rows = []
    for part in result.parts:
        for path, shape in part.weights.items():
            full_path = f"layers.{numbers}.{path}" if part.inside else path
            rows.append((full_path, part.name, " × ".join(f"{n:,}" for n in shape)))
    alt = "Every module with weights, and their shapes"
    if result.layers > 1:
        alt += f"; those of the layers exist {result.layers} times"
    return Table(
        ("module", "box", "weight"),
        tuple(rows),
        title=f"The PyTorch modules of {result.name}",
        alt=f"{alt}.",
    )
