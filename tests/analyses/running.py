"""Analyses run in tests: on captures made by hand, and on a loaded model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from generator.analysis import Analysis, Result
from generator.capture import EMBED, Capture, Captures, Describe, EmbeddingRows, Forward, ModelFacts, Prompt, Site
from generator.tokens import Token

PAD = Token(0, "<pad>", "3c7061643e", special=True)


class Words:
    """A tokenizer of whole words, a space before a word being part of it; ids in the order of first use."""

    def __init__(self) -> None:
        self.pieces = [PAD.text]

    @property
    def size(self) -> int:
        return len(self.pieces)

    def token(self, id: int) -> Token:
        return PAD if id == 0 else Token(id, self.pieces[id], self.pieces[id].encode().hex())

    def find(self, piece: str) -> Token | None:
        return self.token(self.pieces.index(piece)) if piece in self.pieces else None

    def encode(self, prompt: Prompt) -> tuple[int, ...]:
        if prompt.special:
            return (0,)
        pieces = re.findall(r" ?\w+|[^\w\s]", prompt.text or "")
        self.pieces.extend(dict.fromkeys(p for p in pieces if p not in self.pieces))
        ids = [self.pieces.index(piece) for piece in pieces]
        if prompt.shuffle_seed is not None:
            ids = [int(i) for i in np.random.default_rng(prompt.shuffle_seed).permutation(ids)]
        return tuple(ids)


class HandMade:
    """A stand-in for the model: random embedding rows, and for every other site whatever `sites` makes of them."""

    def __init__(
        self, width: int = 12, sites: Mapping[Site, Callable[..., Any]] | None = None, facts: ModelFacts | None = None
    ) -> None:
        self.words, self.sites, self.facts = Words(), dict(sites or {}), facts
        self.matrix = np.random.default_rng(5).normal(size=(100, width)).astype(np.float32)

    def captures(self, analysis: Analysis[Any]) -> dict[str, Capture]:
        """What the requests of an analysis yield."""
        return {name: self._capture(request) for name, request in analysis.runs().items()}

    def _capture(self, request: Any) -> Capture:
        if isinstance(request, Describe):
            return Capture((), "", self.words, facts=self.facts)
        ids = self.words.encode(request.prompt)
        rows = self.matrix[list(ids)]
        keep = request.keep if isinstance(request, Forward) else {EMBED}
        assert isinstance(request, Forward | EmbeddingRows)
        sites = {site: rows if site == EMBED else self.sites[site](rows) for site in keep}
        text = "".join(self.words.pieces[id] for id in ids)
        return Capture(tuple(map(self.words.token, ids)), text, self.words, sites, len(ids))


def facts(**changes: Any) -> ModelFacts:
    """The facts of a small model."""
    known: dict[str, Any] = {
        "name": "small", "layers": 2, "d_model": 12, "heads": 4, "kv_heads": 2, "d_head": 8, "d_mlp": 16,
        "d_vocab": 100, "context": 64, "rope_theta": 10000.0, "norm_epsilon": 1e-5, "activation": "silu",
        "tied": True, "parameters": 1, "modules": (), "special_tokens": (), "chat_template": "",
    }  # fmt: skip
    return ModelFacts(**(known | changes))


def run(model: Any, analysis: Analysis[Any]) -> Any:
    """The analysis on a loaded model, through planner and adapter; its result came back from JSON unchanged."""
    return stored(analysis, analysis.measure(captured(model, analysis)))


def captured(model: Any, analysis: Analysis[Any]) -> Captures:
    """What the requests of an analysis yield on a loaded model."""
    from generator.model.execute import Execution
    from generator.plan import plan

    requests = analysis.runs()
    execution = Execution(model, plan(requests.values()))
    for _ in execution.steps():
        pass
    return {name: execution.capture(request) for name, request in requests.items()}


def stored(analysis: Analysis[Any], result: Result) -> Any:
    """The result after a trip through JSON, which must not change it."""
    text = result.model_dump_json()
    back = analysis.result_type.model_validate_json(text)
    assert back.model_dump_json() == text
    return back
