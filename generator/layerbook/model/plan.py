"""Plan the work of the model: each distinct pass once, in batches.

A plan is data: it can be printed and counted before anything runs. Four rules keep it small:

1. Forward passes with equal prompt and patches are one pass that keeps the union of their sites.
2. In a causal decoder the activations of a prefix are the leading rows of the whole sequence's, so
   an unpatched prompt whose ids begin another's needs no pass of its own.
3. Passes are batched with padding on the right, which causal attention never sees.
4. A patched pass starts where it first differs from the plain pass, if several share that pass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple

from layerbook.core.requests import (
    LN_FINAL,
    LOGITS,
    LOSS,
    NEXT_LOGITS,
    Forward,
    Generate,
    Patch,
    Prompt,
    Request,
    Site,
    WhitespacePositions,
)

TokenIds = tuple[int, ...]

EncodeIds = Callable[[Prompt], TokenIds]

BytesFor = Callable[[frozenset[Site], int, int], int]
"""Count the bytes of the sites of a pass, given its tokens and its logit positions."""

MAX_BATCH_TOKENS = 4096
"""Padded positions in one batch; more would be no faster, and each layer would need more memory."""

MAX_BATCH_BYTES = 192 * 2**20
"""Bytes that the kept sites of one batch may take: about all logits of a thousand positions."""

FINAL_SITES = frozenset({LN_FINAL, LOGITS, LOSS, NEXT_LOGITS})
"""The sites that a pass can keep if it runs only from its `Start`."""


class Start(NamedTuple):
    """The place where a pass first differs from the pass without patches."""

    layer: int = 0
    position: int = 0


@dataclass(frozen=True)
class Pass:
    """One distinct forward pass over token ids.

    requests: those that it answers, each with its number of leading positions.
    """

    ids: TokenIds
    keep: frozenset[Site]
    patches: tuple[Patch, ...] = ()
    requests: Mapping[Forward, int] = field(default_factory=dict)

    @cached_property
    def logit_positions(self) -> tuple[int, ...]:
        """Positions whose `NEXT_LOGITS` are requested, in order."""
        ends = {end for request, end in self.requests.items() if NEXT_LOGITS in request.keep}
        return tuple(sorted(end - 1 for end in ends))

    @cached_property
    def start(self) -> Start:
        """The first layer and position at which the patches can change anything."""
        starts = [_start_of(patch, len(self.ids)) for patch in self.patches]
        if not starts or not self.keep <= FINAL_SITES:
            return Start()
        return Start(min(start.layer for start in starts), min(start.position for start in starts))

    def absorb(self, other: Pass) -> Pass:
        """Return this pass with the sites and requests of another, whose ids begin its own."""
        requests = {**self.requests, **other.requests}
        return replace(self, keep=self.keep | other.keep, requests=requests)


@dataclass(frozen=True)
class Plan:
    """Distinct requests, in order; generations run before passes, which may read their text."""

    requests: tuple[Request, ...]
    requested: int

    @cached_property
    def generations(self) -> tuple[Generate, ...]:
        """The texts to generate."""
        return tuple(request for request in self.requests if isinstance(request, Generate))

    @cached_property
    def forwards(self) -> tuple[Forward, ...]:
        """The forward passes."""
        return tuple(request for request in self.requests if isinstance(request, Forward))

    @cached_property
    def stages(self) -> tuple[tuple[Forward, ...], ...]:
        """The forward passes in stages, each of which patches only from stages before it."""
        depths = [_patch_depth(forward) for forward in self.forwards]
        return tuple(
            tuple(forward for forward, d in zip(self.forwards, depths, strict=True) if d == depth)
            for depth in sorted(set(depths))
        )


def _patch_depth(forward: Forward) -> int:
    sources = [source for patch in forward.patches for source in patch.sources]
    return max((1 + _patch_depth(source) for source in sources), default=0)


def make_plan(requests: Iterable[Request]) -> Plan:
    """Merge equal requests, and add the runs that patches and prompts refer to.

    The order follows first need, so that equal specs give equal plans.
    """
    merged: dict[object, Request] = {}
    count = 0
    for request in requests:
        count += 1
        for needed in (*_prerequisites(request), request):
            key = merge_key(needed)
            existing = merged.get(key)
            if isinstance(existing, Forward) and isinstance(needed, Forward):
                needed = replace(existing, keep=existing.keep | needed.keep)
            merged[key] = needed
    return Plan(tuple(merged.values()), count)


def merge_key(request: Request) -> object:
    """Return the part that equal requests share: of a pass, all but the sites that it keeps."""
    return (request.prompt, request.patches) if isinstance(request, Forward) else request


def _prerequisites(request: Request) -> Iterator[Request]:
    """Yield the requests that must be answered before this one, deepest first."""
    prompt = getattr(request, "prompt", None)
    if prompt is not None and prompt.generated is not None:
        yield from _prerequisites(prompt.generated)
        yield prompt.generated
    for patch in request.patches if isinstance(request, Forward) else ():
        for source in patch.sources:
            yield from _prerequisites(source)
            yield replace(source, keep=source.keep | {patch.site})


def build_passes(forwards: Iterable[Forward], encode: EncodeIds) -> tuple[Pass, ...]:
    """Return the distinct passes for these requests; a prefix shares the pass of the longer ids."""
    passes: dict[object, Pass] = {}
    for forward in forwards:
        ids = encode(forward.prompt)
        new = Pass(ids, forward.keep, forward.patches, {forward: len(ids)})
        key = (ids, forward.patches)
        passes[key] = passes[key].absorb(new) if key in passes else new
    plain = [item for item in passes.values() if not item.patches]
    return (*_merge_prefixes(plain), *(item for item in passes.values() if item.patches))


def _start_of(patch: Patch, length: int) -> Start:
    """Return where a patch begins to have an effect; the very beginning if that is not known."""
    layer, positions = patch.site.layer, patch.positions
    if layer is None or patch.site.name == "scores" or isinstance(positions, WhitespacePositions):
        return Start()
    return Start(layer, min((p % length for p in positions), default=0))


def _merge_prefixes(passes: Sequence[Pass]) -> Sequence[Pass]:
    """Merge each pass into its longest extension, which sorting by ids puts right after it."""
    merged: list[Pass] = []
    for current in sorted(passes, key=lambda item: item.ids, reverse=True):
        if merged and merged[-1].ids[: len(current.ids)] == current.ids:
            merged[-1] = merged[-1].absorb(current)
        else:
            merged.append(current)
    return merged[::-1]


def build_batches(
    passes: Iterable[Pass],
    *,
    max_batch_tokens: int = MAX_BATCH_TOKENS,
    max_batch_bytes: int = MAX_BATCH_BYTES,
    bytes_for: BytesFor | None = None,
) -> tuple[tuple[Pass, ...], ...]:
    """Group passes of like length into batches within the limits; a single pass may exceed them.

    Among passes of equal length, those that start at the same place come together. Without
    `bytes_for`, memory is not limited.
    """
    batches: list[list[Pass]] = [[]]
    keep: frozenset[Site] = frozenset()
    max_logits = 0
    for item in sorted(passes, key=lambda item: (len(item.ids), item.start, item.ids)):
        batch, length = batches[-1], len(item.ids)
        rows = len(batch) + 1
        keep, max_logits = keep | item.keep, max(max_logits, len(item.logit_positions))
        size = bytes_for(keep, length, max_logits) * rows if bytes_for else 0
        is_too_large = length * rows > max_batch_tokens or size > max_batch_bytes
        if batch and (is_too_large or length > 2 * len(batch[0].ids)):  # the rest would be padding
            batches.append([])
            keep, max_logits = item.keep, len(item.logit_positions)
        batches[-1].append(item)
    return tuple(map(tuple, filter(None, batches)))


@dataclass(frozen=True)
class PlanCost:
    """The size of a plan: requests, and the passes and tokens that go through the model."""

    requested: int
    unique_requests: int
    generations: int
    new_tokens: int
    passes: int
    batches: int
    tokens: int


def plan_cost(
    plan: Plan, encode: EncodeIds | None, *, bytes_for: BytesFor | None = None
) -> PlanCost:
    """Count a plan; without `encode`, every distinct pass counts as a batch of its own.

    The frames of a generation count as one pass, as is the case if the generation only appends.
    """
    stages = [
        [forward for forward in stage if forward.prompt.generated is None] for stage in plan.stages
    ]
    generated = {
        (replace(forward.prompt, frame=None), forward.patches)
        for forward in plan.forwards
        if forward.prompt.generated is not None
    }
    pass_count = batch_count = sum(map(len, stages))
    tokens = 0
    if encode:
        passes = [build_passes(stage, encode) for stage in stages]
        pass_count = sum(map(len, passes))
        batch_count = sum(len(build_batches(stage, bytes_for=bytes_for)) for stage in passes)
        tokens = sum(len(item.ids) for stage in passes for item in stage)
    return PlanCost(
        requested=plan.requested,
        unique_requests=len(plan.requests),
        generations=len(plan.generations),
        new_tokens=sum(generation.max_new_tokens for generation in plan.generations),
        passes=pass_count + len(generated),
        batches=batch_count + len(generated),
        tokens=tokens,
    )
