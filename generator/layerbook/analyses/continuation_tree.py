"""A tree of continuations: texts drawn from one prompt, and the choices at each of their steps."""

from __future__ import annotations

import json

import numpy as np
from pydantic import Field

from layerbook.core.analysis import Analysis, BigArray, Record, Result
from layerbook.core.charts import probability_axis
from layerbook.core.distributions import Ranked, ranked
from layerbook.core.figures import Axis, Bars, Figure, Panels, Widget
from layerbook.core.parameters import TopK
from layerbook.core.prompts import PromptText, shorten_prompt
from layerbook.core.requests import (
    NEXT_LOGITS,
    ActivationCache,
    ActivationCaches,
    Describe,
    Forward,
    Generate,
    Prompt,
    Request,
)
from layerbook.core.rounding import Relative
from layerbook.core.text import listed, pluralize
from layerbook.core.tokens import Token, visible

MAX_PANELS = 3  # steps of the likeliest text
MAX_BARS = 8

Ids = tuple[int, ...]
"""The ids of the tokens that follow the prompt."""


class TreeText(Record):
    """The beginning of one or more of the drawn texts."""

    ids: Ids = Field(description="Ids of its tokens after the prompt.")
    ended: bool = Field(description="True if its last token ends the text.")
    draw_prob: Relative = Field(description="Probability 0..1 that another draw begins with it.")
    rest: float = Field(description="Probability 0..1 of all next tokens that are not listed.")


class ContinuationTreeResult(Result):
    """The beginnings of the drawn texts, each with the likeliest next tokens."""

    prompt: str = Field(description="The prompt.")
    tokens: tuple[Token, ...] = Field(description="Its tokens [T].")
    draws: int = Field(description="Number of drawn texts, with the seeds 0, 1, 2, ...")
    max_new_tokens: int = Field(description="Number of tokens of each drawn text: N.")
    d_vocab: int = Field(description="Number of tokens to choose from at each step.")
    texts: tuple[TreeText, ...] = Field(description="The S different beginnings, shortest first.")
    candidates: tuple[Token, ...] = Field(description="All tokens that are listed after some text.")
    next_tokens: BigArray = Field(description="Likeliest next, as places in `candidates`: [S, K].")
    next_probs: BigArray = Field(description="Their probabilities 0..1 in the model: [S, K].")
    coverage: tuple[Relative, ...] = Field(
        description="Probability 0..1 that the first n tokens of another draw are in the tree [N], "
        "from n = 0."
    )


class ContinuationTree(Analysis[ContinuationTreeResult]):
    """Texts drawn from one prompt as a tree: where they part, and what else each could have said.

    Shapes: each of S beginnings gives logits [V]; the K best tokens are kept: [S, K].
    Units: probabilities are shares of 1.
    Limits: a beginning that no draw has is not in the tree, and none has N tokens or more.
    Source: Fan et al. 2018 (arXiv:1805.04833), for drawing from the K likeliest tokens.
    """

    prompt: PromptText = Field(description="The prompt.")
    draws: int = Field(default=100, ge=1, le=200, description="Number of texts to draw.")
    max_new_tokens: int = Field(default=8, ge=1, le=12, description="Tokens of each text: N.")
    top_k: TopK = Field(default=15, description="Likeliest next tokens to draw from: K.")

    def runs(self) -> dict[str, Request]:
        """Request a pass over each beginning of each text, keeping the scores of the next token."""
        keep = frozenset({NEXT_LOGITS})
        passes = {
            f"text-{seed}-{n}": Forward(Prompt(generated=self.text(seed), frame=n), keep)
            for n in range(self.max_new_tokens)
            for seed in (None, *range(self.draws))
        }
        return {"model": Describe(), **passes}

    def text(self, seed: int | None) -> Generate:
        """Request the text drawn with a seed at temperature 1; without a seed, the greedy one."""
        return Generate(
            Prompt(text=self.prompt),
            self.max_new_tokens,
            temperature=0.0 if seed is None else 1.0,
            top_k=self.top_k,
            seed=seed or 0,
            stop=False,
        )

    def measure(self, captures: ActivationCaches) -> ContinuationTreeResult:
        """Keep the likeliest next tokens of each beginning, and the chance of drawing it."""
        stop_ids = captures["model"].facts.stop_ids
        passes = self.beginnings(captures, stop_ids)
        prompt = passes[()]
        best = {ids: ranked(run, run[NEXT_LOGITS], self.top_k) for ids, run in passes.items()}
        candidates = list(dict.fromkeys(token.token for row in best.values() for token in row))
        numbers = {token: number for number, token in enumerate(candidates)}

        chances: dict[Ids, float] = {(): 1.0}
        for ids in list(passes)[1:]:  # a beginning comes after those that are shorter
            chances[ids] = chances[ids[:-1]] * share(best[ids[:-1]], ids[-1])
        return ContinuationTreeResult(
            prompt=self.prompt,
            tokens=prompt.tokens,
            draws=self.draws,
            max_new_tokens=self.max_new_tokens,
            d_vocab=len(prompt[NEXT_LOGITS]),
            texts=tuple(
                TreeText(
                    ids=ids,
                    ended=not stop_ids.isdisjoint(ids),
                    draw_prob=chances[ids],
                    rest=max(0.0, 1 - sum(token.prob for token in best[ids])),
                )
                for ids in passes
            ),
            candidates=tuple(candidates),
            next_tokens=np.array([[numbers[t.token] for t in row] for row in best.values()], float),
            next_probs=np.array([[t.prob for t in row] for row in best.values()]),
            coverage=tuple(
                sum(chance for ids, chance in chances.items() if len(ids) == n)
                for n in range(self.max_new_tokens)
            ),
        )

    def beginnings(
        self, captures: ActivationCaches, stop_ids: frozenset[int]
    ) -> dict[Ids, ActivationCache]:
        """Return the pass over each different beginning, the shortest first.

        A text that the model has ended is not continued.
        """
        prompt_length = len(captures["text-0-0"].tokens)
        passes: dict[Ids, ActivationCache] = {}
        for n in range(self.max_new_tokens):
            for seed in (None, *range(self.draws)):
                run = captures[f"text-{seed}-{n}"]
                ids = tuple(token.id for token in run.tokens[prompt_length:])
                if stop_ids.isdisjoint(ids[:-1]):
                    passes.setdefault(ids, run)
        return passes

    def figures(self, result: ContinuationTreeResult) -> dict[str, Figure]:
        """`writing`: the first steps of the likeliest text; on screens, the tree to walk."""
        panels = tuple(step_bars(result, row) for row in likeliest_rows(result)[:MAX_PANELS])
        alt = " ".join(panel.alt for panel in panels)
        tree = Widget("writing", json.dumps(tree_data(result), separators=(",", ":")))
        return {"writing": Panels(panels, alt, "One token after another", interactive=tree)}


def share(best: tuple[Ranked, ...], id: int) -> float:
    """Return the probability of a token in a draw from the likeliest tokens alone."""
    return next(t.prob for t in best if t.id == id) / sum(t.prob for t in best)


def likeliest_rows(result: ContinuationTreeResult) -> list[int]:
    """Return the rows of the texts with the likeliest token at every step, shortest first."""
    rows = {text.ids: row for row, text in enumerate(result.texts)}
    path = [rows[()]]
    while True:
        best = result.candidates[int(result.next_tokens[path[-1], 0])]
        longer = (*result.texts[path[-1]].ids, best.id)
        if longer not in rows:
            return path
        path.append(rows[longer])


def step_bars(result: ContinuationTreeResult, row: int) -> Bars:
    """Draw the likeliest next tokens after one text."""
    tokens = [result.candidates[int(number)] for number in result.next_tokens[row, :MAX_BARS]]
    probs = result.next_probs[row, :MAX_BARS].tolist()
    by_id = {token.id: token for token in result.candidates}
    written = "".join(by_id[id].text for id in result.texts[row].ids)
    title = f"“{shorten_prompt(result.prompt + written, keep='end')}”"
    best = listed([f"{visible(t)} {p:.1%}" for t, p in zip(tokens[:3], probs[:3], strict=True)])
    return Bars(
        labels=tuple(tokens),
        values=tuple(probs),
        label_axis=Axis("next token"),
        value_axis=probability_axis(),
        title=title,
        alt=f"After {title}: {best}.",
        rest=max(0.0, 1 - sum(probs)),
        rest_label=pluralize(result.d_vocab - len(tokens), "other"),
    )


def tree_data(result: ContinuationTreeResult) -> dict[str, object]:
    """Return the tree for the page: for each text the next tokens, and the texts they lead to."""
    rows = {text.ids: row for row, text in enumerate(result.texts)}
    texts = []
    for row, text in enumerate(result.texts):
        numbers = result.next_tokens[row].astype(int).tolist()
        next_texts = [rows.get((*text.ids, result.candidates[number].id), -1) for number in numbers]
        logs = np.log(result.next_probs[row]).round(4).tolist()
        texts.append({"tokens": numbers, "logs": logs, "leads": next_texts, "ended": text.ended})
    return {
        "prompt": result.prompt,
        "tokens": [visible(token) for token in result.tokens],
        "listed": [[token.text, visible(token)] for token in result.candidates],
        "count": result.d_vocab,
        "texts": texts,
    }
