"""A loaded model that notes how long each thing it is asked for takes; what it answers is the same."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from layerbook.core.requests import Generate, Site
from layerbook.model.generation import GenerationOutput
from layerbook.model.hooks import Edit
from layerbook.model.llama import Activations, LoadedModel
from layerbook.model.plan import Pass, TokenIds
from layerbook.model.stopwatch import Stopwatch, TimedStep


@dataclass(frozen=True)
class TimedModel(LoadedModel):
    """The model of which it is made, and the `stopwatch` that it tells."""

    stopwatch: Stopwatch = field(default_factory=Stopwatch)

    @classmethod
    def wrap(cls, model: LoadedModel, stopwatch: Stopwatch) -> TimedModel:
        """The same network and tokenizer, timed."""
        return cls(
            **{one.name: getattr(model, one.name) for one in fields(LoadedModel)},
            stopwatch=stopwatch,
        )

    def run(
        self, batch: Sequence[Pass], edits: Sequence[Mapping[Site, Sequence[Edit]]] = ()
    ) -> list[Activations]:
        """As the model does; every row is padded to one width, so each is an equal part of the work."""
        started = time.perf_counter()
        found = super().run(batch, edits)
        seconds = time.perf_counter() - started
        rows = tuple(tuple(request for request, _ in item.requests) for item in batch)
        tokens = len(batch) * max(len(item.ids) for item in batch)
        self.stopwatch.steps.append(TimedStep("passes", rows, (1.0,) * len(batch), tokens, seconds))
        return found

    def generate(
        self, prompts: Sequence[TokenIds], requests: Sequence[Generate]
    ) -> list[GenerationOutput]:
        """As the model does; the texts that it writes side by side are one step, one encoded anew is its own."""
        together = [i for i, request in enumerate(requests) if not request.reencode]
        groups = [together] if together else []
        groups += [[i] for i, request in enumerate(requests) if request.reencode]
        found: dict[int, GenerationOutput] = {}
        for group in groups:
            found |= self._generated(
                group, [prompts[i] for i in group], [requests[i] for i in group]
            )
        return [found[i] for i in range(len(requests))]

    def _generated(
        self, places: list[int], prompts: list[TokenIds], requests: list[Generate]
    ) -> dict[int, Any]:
        started = time.perf_counter()
        found = super().generate(prompts, requests)
        seconds = time.perf_counter() - started
        written = [max(1, len(done.ids) - done.prompt_length) for done in found]
        rows = tuple((request,) for request in requests)
        self.stopwatch.steps.append(
            TimedStep("generating", rows, tuple(map(float, written)), sum(written), seconds)
        )
        return dict(zip(places, found, strict=True))
