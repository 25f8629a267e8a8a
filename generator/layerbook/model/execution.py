"""A plan carried out on a loaded model: encode, generate, run the passes in batches, hand out captures."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

import torch

from layerbook.core.errors import ModelError
from layerbook.core.requests import (
    EMBED,
    LOGITS,
    ActivationCache,
    Describe,
    EmbeddingMatrix,
    EmbeddingRows,
    Forward,
    Generate,
    Prompt,
    Request,
    Site,
    WhitespacePositions,
)
from layerbook.model.generation import GenerationOutput
from layerbook.model.hooks import Edit
from layerbook.model.llama import Activations, LoadedModel, read_only, slice_for_request
from layerbook.model.plan import (
    MAX_BATCH_TOKENS,
    Pass,
    Plan,
    TokenIds,
    build_batches,
    build_passes,
    plan,
    planned_request,
)
from layerbook.model.timer import Timer


class Execution:
    """Carries out one plan; afterwards `capture(request)` answers every request that was planned."""

    def __init__(
        self,
        model: LoadedModel,
        plan: Plan,
        timer: Timer | None = None,
        *,
        max_batch_tokens: int = MAX_BATCH_TOKENS,
    ) -> None:
        self.model, self.plan, self.timer = model, plan, timer or Timer()
        self.max_batch_tokens = max_batch_tokens
        self._outputs: dict[Generate, GenerationOutput] = {}
        self._activations: dict[Forward, Activations] = {}

    def steps(self) -> Iterator[str]:
        """Do the work, yielding a line before each generation and each batch, so that progress can be shown."""
        for group in self._generation_groups():
            most = max(request.max_new_tokens for request in group)
            yield f"generating up to {most} tokens for {len(group)} {'prompt' if len(group) == 1 else 'prompts'}"
            self._generate(group)
        for stage in _stages(self.plan.forwards):
            for batch in build_batches(
                build_passes(stage, self.token_ids), self.max_batch_tokens, self.model.bytes_for
            ):
                yield f"{len(batch)} {'pass' if len(batch) == 1 else 'passes'} of up to {len(batch[-1].ids)} tokens"
                self._run_batch(batch)

    def _generate(self, group: Sequence[Generate]) -> None:
        started = time.perf_counter()
        ids = [self.token_ids(request.prompt) for request in group]
        outputs = self.model.generate(ids, group)
        self._outputs |= zip(group, outputs, strict=True)
        lengths = [max(1, len(output.ids) - output.prompt_length) for output in outputs]
        rows = [[request] for request in group]
        self.timer.add_step("generating", rows, lengths, time.perf_counter() - started)

    def _generation_groups(self) -> Iterator[list[Generate]]:
        """The generations in groups that run side by side; one that continues another's text comes after it."""
        waiting = list(self.plan.generations)
        while waiting:
            ready = [
                r
                for r in waiting
                if r.prompt.generated is None or r.prompt.generated in self._outputs
            ]
            group: list[Generate] = []
            width = 0
            for request in ready:
                length = len(self.token_ids(request.prompt)) + request.max_new_tokens
                self._check_length(length)
                if group and max(width, length) * (len(group) + 1) > self.max_batch_tokens:
                    break
                group, width = [*group, request], max(width, length)
            yield group
            waiting = [request for request in waiting if request not in group]

    def capture(self, request: Request) -> ActivationCache:
        """What a request yielded; a pass shows only the sites that this request asked for."""
        if isinstance(request, Describe):
            return self._token_capture((), "", facts=True)
        if isinstance(request, EmbeddingMatrix):
            every = range(
                self.model.tokenizer.size
            )  # some matrices have more rows than there are tokens
            return replace(
                self._token_capture((), ""), sites={EMBED: self.model.embedding_rows(every)}
            )
        if isinstance(request, Generate):
            return self._generation_capture(request)
        prompt = request.prompt
        ids = self.token_ids(prompt)
        text = (
            self.model.tokenizer.decode(ids)
            if prompt.generated
            else self.model.tokenizer.encode(prompt)[1]
        )
        capture = self._token_capture(ids, text)
        if prompt.generated is not None:
            capture = replace(capture, prompt_length=self._outputs[prompt.generated].prompt_length)
        if isinstance(request, EmbeddingRows):
            return replace(capture, sites={EMBED: self.model.embedding_rows(ids)})
        if isinstance(request, Forward):
            known = self._activations[_without_keep(planned_request(self.plan, request))]
            return replace(capture, sites={site: known[site] for site in request.keep})
        return capture

    def token_ids(self, prompt: Prompt) -> TokenIds:
        """The token ids of a prompt; those of a generated one exist once it was generated."""
        if prompt.generated is not None:
            done, frame = self._outputs[prompt.generated], prompt.frame
            if frame is None:
                return done.ids
            return done.frames[frame] if done.frames else done.ids[: done.prompt_length + frame]
        return self.model.tokenizer.encode(prompt)[0]

    def can_answer(self, requests: Iterable[Request]) -> bool:
        """Whether `capture` can answer these already, while the steps are still being taken."""
        return all(self._is_answered(request) for request in requests)

    def _is_answered(self, request: Request) -> bool:
        if isinstance(request, Generate):
            return request in self._outputs
        if isinstance(request, Forward):
            return _without_keep(request) in self._activations
        prompt = getattr(request, "prompt", None)
        return prompt is None or prompt.generated is None or prompt.generated in self._outputs

    def discard_except(self, requests: Iterable[Request]) -> None:
        """Let go of the arrays of passes that neither these requests nor what they patch from need any more."""
        needed = {_without_keep(forward) for forward in plan(requests).forwards}
        self._activations = {
            forward: arrays for forward, arrays in self._activations.items() if forward in needed
        }

    def _generation_capture(self, request: Generate) -> ActivationCache:
        done = self._outputs[request]
        capture = self._token_capture(done.ids, self.model.tokenizer.decode(done.ids))
        frames = tuple(self.model.tokenizer.tokens(ids) for ids in done.frames)
        sites = {} if done.logits is None else {LOGITS: read_only(done.logits)}
        return replace(
            capture,
            sites=sites,
            prompt_length=done.prompt_length,
            stopped=done.stopped,
            frames=frames,
        )

    def _token_capture(self, ids: TokenIds, text: str, facts: bool = False) -> ActivationCache:
        tokenizer = self.model.tokenizer
        return ActivationCache(
            tokens=tokenizer.tokens(ids),
            text=text,
            vocabulary=tokenizer,
            prompt_length=len(ids),
            model_facts=self.model.facts if facts else None,
        )

    def _run_batch(self, batch: Sequence[Pass]) -> None:
        started = time.perf_counter()
        self._check_length(len(batch[-1].ids))
        edits = [self._edits(row, item) for row, item in enumerate(batch)]
        for item, arrays in zip(batch, self.model.run(batch, edits), strict=True):
            for request, length in item.requests:
                self._activations[_without_keep(request)] = {
                    site: slice_for_request(arrays, item, site, length) for site in request.keep
                }
        rows = [[request for request, _ in item.requests] for item in batch]
        widths = [len(batch[-1].ids)] * len(batch)
        self.timer.add_step("passes", rows, widths, time.perf_counter() - started)

    def _edits(self, row: int, item: Pass) -> Mapping[Site, list[Edit]]:
        edits: dict[Site, list[Edit]] = {}
        chosen = {
            patch.positions
            for patch in item.patches
            if isinstance(patch.positions, WhitespacePositions)
        }
        tokens = self.model.tokenizer.tokens(item.ids) if chosen else ()
        found = {where: where.positions_in(tokens) for where in chosen}
        for patch in item.patches:
            positions, value = patch.positions, None
            if isinstance(positions, WhitespacePositions):
                positions = found[positions]
                if not positions:  # to an Edit, no positions are all positions
                    continue
            if patch.source is not None:
                source = self._activations[_without_keep(planned_request(self.plan, patch.source))]
                value = torch.from_numpy(source[patch.site].copy())
            edits.setdefault(patch.site, []).append(Edit(row, positions, patch.heads, value))
        return edits

    def _check_length(self, length: int) -> None:
        context = self.model.config.max_position_embeddings
        if length > context:
            raise ModelError(f"{length} tokens do not fit the model's context of {context}")


def _without_keep(request: Request) -> Forward:
    """A pass by its identity: prompt and patches, whatever it keeps."""
    assert isinstance(request, Forward)
    return replace(request, keep=frozenset())


def _depth(forward: Forward) -> int:
    """How many runs must come before this one: patches read what other runs had."""
    return max((1 + _depth(p.source) for p in forward.patches if p.source is not None), default=0)


def _stages(forwards: Sequence[Forward]) -> Iterator[list[Forward]]:
    """The passes in rounds, each needing only rounds before it."""
    for depth in sorted({_depth(f) for f in forwards}):
        yield [f for f in forwards if _depth(f) == depth]
