"""From what the experiments ask to what the model must do: each distinct pass once, batched, no prefix alone.

A plan is data. It can be printed and counted before anything runs; the adapter in `layerbook.model` carries
it out. Three rules make it small:

1. Forward passes that agree in prompt and patches are one pass that keeps the union of their sites.
2. In a causal decoder the activations of a prefix are the leading rows of the whole sequence's, so a prompt
   whose ids begin another's, both unpatched, needs no pass of its own.
3. Passes are batched with padding on the right, which causality keeps from touching what stands left of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from layerbook.core.requests import (
    NEXT_LOGITS,
    Describe,
    EmbeddingMatrix,
    EmbeddingRows,
    Encode,
    Forward,
    Generate,
    Patch,
    Prompt,
    Request,
    Site,
)

TokenIds = tuple[int, ...]

BytesFor = Callable[
    [frozenset[Site], int, int], int
]  # the bytes of these sites of a pass: its tokens, its logit positions

MAX_BATCH_TOKENS = 4096
"""Padded positions in one batch: more would be no faster, and what passes through a layer would no longer be small."""

MAX_BATCH_BYTES = 192 * 2**20
"""Bytes that the sites kept of one batch may take: all logits of a thousand positions, which are as fast as more."""


@dataclass(frozen=True)
class Pass:
    """One distinct forward pass over token ids: the sites to keep, the patches, and the requests that it answers.

    requests: those whose captures are cut from this pass, each with its own length (a prefix is shorter).
    """

    ids: TokenIds
    keep: frozenset[Site]
    patches: tuple[Patch, ...] = ()
    requests: tuple[tuple[Forward, int], ...] = ()

    @cached_property
    def logit_positions(self) -> tuple[int, ...]:
        """The lengths after which someone asks what comes next, in order: a position of logits each."""
        return tuple(
            sorted({length for request, length in self.requests if NEXT_LOGITS in request.keep})
        )


@dataclass(frozen=True)
class Plan:
    """What is to be done, in order: `generations` first, since passes may read what they wrote."""

    requests: tuple[Request, ...]
    generations: tuple[Generate, ...]
    forwards: tuple[Forward, ...]
    requested: int

    @property
    def light(self) -> tuple[Request, ...]:
        """Requests that need the tokenizer or the embedding matrix but no pass."""
        return tuple(
            r
            for r in self.requests
            if isinstance(r, Encode | EmbeddingRows | EmbeddingMatrix | Describe)
        )

    @cached_property
    def bymerge_key(self) -> Mapping[object, Request]:
        """The requests by what makes them one."""
        return {merge_key(request): request for request in self.requests}


def plan(requests: Iterable[Request]) -> Plan:
    """Merge equal requests, pull in the runs that patches and prompts refer to.

    Order follows first need, so that the same specs always give the same plan.
    """
    requested = list(requests)
    merged: dict[object, Request] = {}
    for request in requested:
        for needed in (*_prerequisites(request), request):
            key = merge_key(needed)
            known = merged.get(key)
            if isinstance(known, Forward) and isinstance(needed, Forward):
                needed = replace(known, keep=known.keep | needed.keep)
            merged[key] = needed
    unique_requests = tuple(merged.values())
    return Plan(
        requests=unique_requests,
        generations=tuple(r for r in unique_requests if isinstance(r, Generate)),
        forwards=tuple(r for r in unique_requests if isinstance(r, Forward)),
        requested=len(requested),
    )


def merge_key(request: Request) -> object:
    """What makes two requests one: for passes, everything but what they keep."""
    return (request.prompt, request.patches) if isinstance(request, Forward) else request


def _prerequisites(request: Request) -> Iterable[Request]:
    """The requests that must be answered before this one, deepest first."""
    prompt = getattr(request, "prompt", None)
    if prompt is not None and prompt.generated is not None:
        yield from _prerequisites(prompt.generated)
        yield prompt.generated
    for patch in request.patches if isinstance(request, Forward) else ():
        if patch.source is not None:
            yield from _prerequisites(patch.source)
            yield replace(patch.source, keep=patch.source.keep | {patch.site})


def planned_request(plan: Plan, request: Request) -> Request:
    """The request in the plan that answers this one."""
    return plan.bymerge_key[merge_key(request)]


def build_passes(
    forwards: Iterable[Forward], ids_of: Callable[[Prompt], TokenIds]
) -> tuple[Pass, ...]:
    """The distinct passes for these requests once ids are known; a prefix rides on the sequence it begins."""
    plain: dict[TokenIds, Pass] = {}
    patched: dict[tuple[TokenIds, tuple[Patch, ...]], Pass] = {}
    for forward in forwards:
        ids = ids_of(forward.prompt)
        served = ((forward, len(ids)),)
        home: dict = plain if not forward.patches else patched  # type: ignore[type-arg]
        key = ids if not forward.patches else (ids, forward.patches)
        known = home.get(key)
        home[key] = (
            replace(known, keep=known.keep | forward.keep, requests=known.requests + served)
            if known
            else Pass(ids, forward.keep, forward.patches, served)
        )
    return (*_merge_prefixes(plain), *patched.values())


def _merge_prefixes(by_ids: Mapping[TokenIds, Pass]) -> Iterable[Pass]:
    """Sorted, a sequence is followed at once by those it begins: fold each into its longest extension."""
    ordered = [by_ids[ids] for ids in sorted(by_ids)]
    folded: list[Pass] = []
    for current in reversed(ordered):
        longer = folded[-1] if folded else None
        if longer is not None and longer.ids[: len(current.ids)] == current.ids:
            folded[-1] = replace(
                longer, keep=longer.keep | current.keep, requests=longer.requests + current.requests
            )
        else:
            folded.append(current)
    return reversed(folded)


def build_batches(
    todo: Sequence[Pass],
    max_batch_tokens: int,
    bytes_for: BytesFor | None = None,
    max_batch_bytes: int = MAX_BATCH_BYTES,
) -> tuple[tuple[Pass, ...], ...]:
    """Group passes of like length; no batch has more than `max_batch_tokens` padded positions, or is one pass.

    Nor do the sites that it keeps, each kept of all its passes, take more than `max_batch_bytes` bytes where `bytes_for` counts them.
    """
    grouped: list[list[Pass]] = []
    keep: frozenset[Site] = frozenset()
    logit_count = 0
    for item in sorted(todo, key=lambda p: (len(p.ids), p.ids)):
        batch = grouped[-1] if grouped else None
        # Sorted by length, the newcomer is the longest: it sets the padding, and must not stretch it far.
        fits = (
            batch
            and len(item.ids) * (len(batch) + 1) <= max_batch_tokens
            and len(item.ids) <= 2 * len(batch[0].ids)
        )
        most = max(logit_count, len(item.logit_positions))
        if (
            batch
            and fits
            and (
                not bytes_for
                or bytes_for(keep | item.keep, len(item.ids), most) * (len(batch) + 1)
                <= max_batch_bytes
            )
        ):
            batch.append(item)
            keep, logit_count = keep | item.keep, most
        else:
            grouped.append([item])
            keep, logit_count = item.keep, len(item.logit_positions)
    return tuple(tuple(batch) for batch in grouped)


@dataclass(frozen=True)
class PlanCost:
    """A plan in numbers: what was asked, what remains, and the tokens that go through the model."""

    requested: int
    unique_requests: int
    generations: int
    new_tokens: int
    passes: int
    batches: int
    tokens: int


def plan_cost(
    plan: Plan,
    ids_of: Callable[[Prompt], TokenIds] | None,
    max_batch_tokens: int = MAX_BATCH_TOKENS,
    bytes_for: BytesFor | None = None,
) -> PlanCost:
    """Count a plan; without a tokenizer, ids are unknown and every distinct pass counts as its own batch.

    Without `bytes_for`, which the loaded model has, batches count as if memory had no end.

    What a generated text will need is not known yet: its frames count as one pass, which is what they come to where
    the generation only appends.
    """
    known = [f for f in plan.forwards if f.prompt.generated is None]
    pending = {
        (replace(f.prompt, frame=None), f.patches)
        for f in plan.forwards
        if f.prompt.generated is not None
    }
    todo = build_passes(known, ids_of) if ids_of else ()
    count = (len(todo) if ids_of else len(known)) + len(pending)
    return PlanCost(
        requested=plan.requested,
        unique_requests=len(plan.requests),
        generations=len(plan.generations),
        new_tokens=sum(g.max_new_tokens for g in plan.generations),
        passes=count,
        batches=(len(build_batches(todo, max_batch_tokens, bytes_for)) if ids_of else len(known))
        + len(pending),
        tokens=sum(len(p.ids) for p in todo),
    )
