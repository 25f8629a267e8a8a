"""Execute a plan on a loaded model, and answer its requests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from layerbook.core.errors import ModelError
from layerbook.core.progress import Task
from layerbook.core.requests import (
    EMBED,
    LOGITS,
    LOSS,
    SITE_SHAPES,
    ActivationCache,
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
    Weights,
    WhitespacePositions,
)
from layerbook.core.text import pluralize
from layerbook.model.generation import Generation
from layerbook.model.hooks import Edit
from layerbook.model.loaded_model import Activations, LoadedModel, read_only, slice_for_request
from layerbook.model.plan import (
    MAX_BATCH_TOKENS,
    Pass,
    Plan,
    TokenIds,
    build_batches,
    build_passes,
    make_plan,
    merge_key,
)

NO_PROGRESS = Task()


class Execution:
    """Executes one plan; afterwards `capture` answers every planned request."""

    def __init__(
        self, model: LoadedModel, plan: Plan, *, max_batch_tokens: int = MAX_BATCH_TOKENS
    ) -> None:
        self.model, self.plan = model, plan
        self.max_batch_tokens = max_batch_tokens
        self._outputs: dict[Generate, Generation] = {}
        self._activations: dict[object, Activations] = {}  # by merge key

    def steps(self, progress: Task = NO_PROGRESS) -> Iterator[None]:
        """Execute the plan; yield after each step.

        progress: shows each step, and advances by one for each generated text and each batch.
        """
        for group in self._generation_groups():
            longest = max(request.max_new_tokens for request in group)
            prompts = pluralize(len(group), "prompt")
            progress.set_status(f"generating up to {longest} tokens for {prompts}")
            self._generate(group)
            progress.advance(len(group))
            yield
        for forwards in self.plan.stages:
            batches = build_batches(
                build_passes(forwards, self.token_ids),
                max_batch_tokens=self.max_batch_tokens,
                bytes_for=self.model.bytes_for,
            )
            for batch in batches:
                passes = "1 pass" if len(batch) == 1 else f"{len(batch)} passes"
                progress.set_status(f"{passes} of up to {len(batch[-1].ids)} tokens")
                self._run_batch(batch)
                progress.advance()
                yield

    def token_ids(self, prompt: Prompt) -> TokenIds:
        """Return the token ids of a prompt; a generated one has them once it is generated."""
        if prompt.generated is None:
            return self.model.tokenizer.encode(prompt).ids
        output = self._outputs[prompt.generated]
        if prompt.frame is None:
            return output.ids
        if output.frames:
            return output.frames[prompt.frame]
        return output.ids[: output.prompt_length + prompt.frame]

    def can_answer(self, requests: Iterable[Request]) -> bool:
        """Return whether `capture` can already answer these requests while steps remain."""
        return all(self._is_answered(request) for request in requests)

    def capture(self, request: Request) -> ActivationCache:
        """Return what a request yields; of a pass, only the sites that this request keeps."""
        match request:
            case Describe():
                return self._cache(model_facts=self.model.facts)
            case EmbeddingMatrix():
                ids = range(self.model.tokenizer.size)  # some matrices have more rows than tokens
                return self._cache(sites={EMBED: self.model.embedding_rows(ids)})
            case Weights(sites):
                return self._cache(sites={site: self.model.weight(site) for site in sites})
            case Generate():
                return self._generation_cache(self._outputs[request])
            case Encode(prompt):
                return self._prompt_cache(prompt, {})
            case EmbeddingRows(prompt):
                rows = self.model.embedding_rows(self.token_ids(prompt))
                return self._prompt_cache(prompt, {EMBED: rows})
            case Forward(prompt):
                arrays = self._activations[merge_key(request)]
                return self._prompt_cache(prompt, {site: arrays[site] for site in request.keep})

    def discard_except(self, requests: Iterable[Request]) -> None:
        """Discard activations that neither these requests nor their patches need."""
        needed = {merge_key(forward) for forward in make_plan(requests).forwards}
        self._activations = {
            key: arrays for key, arrays in self._activations.items() if key in needed
        }

    def _is_answered(self, request: Request) -> bool:
        if isinstance(request, Generate):
            return request in self._outputs
        if isinstance(request, Forward):
            return merge_key(request) in self._activations
        prompt = getattr(request, "prompt", None)
        return prompt is None or prompt.generated is None or prompt.generated in self._outputs

    def _prompt_cache(self, prompt: Prompt, sites: Activations) -> ActivationCache:
        if prompt.generated is None:
            encoded = self.model.tokenizer.encode(prompt)
            return self._cache(encoded.ids, encoded.text, sites=sites)
        ids, prompt_length = self.token_ids(prompt), self._outputs[prompt.generated].prompt_length
        text = self.model.tokenizer.decode(ids)
        return self._cache(ids, text, sites=sites, prompt_length=prompt_length)

    def _generation_cache(self, output: Generation) -> ActivationCache:
        tokenizer = self.model.tokenizer
        kept: dict[Site, Sequence[Any]] = {LOGITS: output.logits, LOSS: output.losses}
        return self._cache(
            output.ids,
            tokenizer.decode(output.ids),
            sites={site: read_only(np.array(values)) for site, values in kept.items() if values},
            prompt_length=output.prompt_length,
            stopped=output.stopped,
            frames=tuple(tokenizer.tokens(ids) for ids in output.frames),
        )

    def _cache(self, ids: TokenIds = (), text: str = "", **fields: Any) -> ActivationCache:
        """Return a cache of these tokens; all are the prompt, unless `prompt_length` is given."""
        fields = {"prompt_length": len(ids), **fields}
        tokenizer = self.model.tokenizer
        return ActivationCache(tokenizer.tokens(ids), text, tokenizer, **fields)

    def _generation_groups(self) -> Iterator[list[Generate]]:
        """Group the generations that run together; a continuation comes after its prompt."""
        waiting = list(self.plan.generations)
        while waiting:
            ready = [r for r in waiting if r.prompt.generated in (None, *self._outputs)]
            group = self._fitting(ready)
            yield group
            waiting = [request for request in waiting if request not in group]

    def _fitting(self, ready: Sequence[Generate]) -> list[Generate]:
        """Return the first generations that fit one batch."""
        group: list[Generate] = []
        width = 0
        for request in ready:
            width = max(width, self._final_length(request))
            if group and width * (len(group) + 1) > self.max_batch_tokens:
                break
            group.append(request)
        return group

    def _final_length(self, request: Generate) -> int:
        return len(self.token_ids(request.prompt)) + request.max_new_tokens

    def _generate(self, group: Sequence[Generate]) -> None:
        for request in group:
            self._check_length(self._final_length(request))
        prompts = [self.token_ids(request.prompt) for request in group]
        outputs = self.model.generate(prompts, group)
        self._outputs |= zip(group, outputs, strict=True)

    def _run_batch(self, batch: Sequence[Pass]) -> None:
        self._check_length(len(batch[-1].ids))
        edits = [edit for row, item in enumerate(batch) for edit in self._edits(row, item)]
        for item, arrays in zip(batch, self.model.run(batch, edits), strict=True):
            for request in item.requests:
                self._activations[merge_key(request)] = slice_for_request(arrays, item, request)

    def _edits(self, row: int, item: Pass) -> Iterator[Edit]:
        """Yield the edits of one row; positions chosen by token are looked up in its tokens."""
        choices = {patch.positions for patch in item.patches}
        by_token = {choice for choice in choices if isinstance(choice, WhitespacePositions)}
        text = self.model.tokenizer.tokens(item.ids) if by_token else ()
        positions_by_choice = {choice: choice.positions_in(text) for choice in by_token}
        for patch in item.patches:
            positions, value = patch.positions, None
            if isinstance(positions, WhitespacePositions):
                positions = positions_by_choice[positions]
                if not positions:  # an Edit without positions applies to all of them
                    continue
            length = len(item.ids)
            for position in positions:
                if not -length <= position < length:
                    tokens = pluralize(length, "token")
                    raise ModelError(f"there is no position {position} in a text of {tokens}")
            if patch.source is not None:
                value = torch.from_numpy(self._source_value(patch, length))
            positions = tuple(position % length for position in positions)
            yield Edit(patch.site, row, positions, patch.heads, patch.neurons, value)

    def _source_value(self, patch: Patch, length: int) -> NDArray[np.floating]:
        """Return a copy of a site's value in the source of a patch, or its mean over several."""
        arrays = [self._activations[merge_key(source)][patch.site] for source in patch.sources]
        if isinstance(patch.positions, tuple) and min(patch.positions, default=0) < 0:
            arrays = [_aligned_at_end(array, patch.site, length) for array in arrays]
        if len({array.shape for array in arrays}) > 1:
            raise ModelError(f"the mean of {patch.site} needs texts with the same number of tokens")
        return np.mean(arrays, axis=0)

    def _check_length(self, length: int) -> None:
        context = self.model.config.max_position_embeddings
        if length > context:
            raise ModelError(f"{length} tokens do not fit the model's context of {context}")


def _aligned_at_end(array: NDArray[np.floating], site: Site, length: int) -> NDArray[np.floating]:
    """Return a site's last `length` positions; zeros come before those of a shorter text."""
    axis = SITE_SHAPES[site.name].split().index("T")
    missing = length - array.shape[axis]
    if missing < 0:
        return array.take(range(-missing, array.shape[axis]), axis)
    return np.pad(array, [(missing if i == axis else 0, 0) for i in range(array.ndim)])
