"""Describe the cost of a run and its requests, without loading the model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from layerbook.book.contents import Experiment
from layerbook.core.requests import Prompt, Request
from layerbook.core.text import pluralize
from layerbook.model import sources
from layerbook.model.plan import PlanCost, TokenIds, make_plan, plan_cost
from layerbook.store.project import sweep_cells

MAX_PROMPT_WIDTH = 40


def describe_plan(source: sources.ModelSource, experiments: Sequence[Experiment]) -> list[str]:
    """List the distinct requests of these experiments, then their cost, without loading the model.

    Lengths are known only if the tokenizer is on this machine.
    """
    run_plan = make_plan(
        request
        for experiment in experiments
        for part in _runnable_parts(experiment)
        for request in part.analysis.runs().values()
    )
    token_ids = None
    if directory := source.local_dir():
        from layerbook.model.tokenizer import ModelTokenizer

        tokenizer = ModelTokenizer.load(directory)

        def token_ids(prompt: Prompt) -> TokenIds:
            return tokenizer.encode(prompt).ids

    return [
        *map(_describe_request, run_plan.requests),
        *_cost_lines(plan_cost(run_plan, token_ids)),
    ]


def _cost_lines(cost: PlanCost) -> list[str]:
    new_tokens = pluralize(cost.new_tokens, "new token")
    passes = f"{cost.passes:,} forward pass{'' if cost.passes == 1 else 'es'}"
    tokens = f" of {pluralize(cost.tokens, 'token')}" if cost.tokens else ""
    batches = f"{cost.batches:,} batch{'' if cost.batches == 1 else 'es'}"
    return [
        f"{pluralize(cost.requested, 'request')}, {cost.unique_requests:,} of them distinct",
        f"{pluralize(cost.generations, 'generation')}, of at most {new_tokens} together",
        f"{passes}{tokens} in {batches}",
    ]


def _runnable_parts(experiment: Experiment) -> Iterator[Experiment]:
    """Yield an experiment, or the cells of a sweep."""
    if experiment.sweep is None:
        yield experiment
    else:
        yield from (cell for _, cell in sweep_cells(experiment))


def _describe_request(request: Request) -> str:
    prompt: Prompt | None = getattr(request, "prompt", None)
    description = type(request).__name__
    if prompt is not None:
        description += f" {_describe_prompt(prompt)}"
    if sites := sorted(str(site) for site in getattr(request, "keep", ())):
        description += f" keeping {', '.join(sites)}"
    return description


def _describe_prompt(prompt: Prompt) -> str:
    if prompt.generated is not None:
        step = "" if prompt.frame is None else f", as step {prompt.frame} sees it"
        return f"[what follows {_describe_prompt(prompt.generated.prompt)}{step}]"
    if prompt.ids:
        return f"[{len(prompt.ids)} ids]"
    if prompt.special:
        return f"[{prompt.special}]"
    text = prompt.text if prompt.text is not None else prompt.messages[-1].content
    if len(text) > MAX_PROMPT_WIDTH:
        text = text[: MAX_PROMPT_WIDTH - 1] + "…"
    shuffled = "" if prompt.shuffle_seed is None else f" (ids shuffled, seed {prompt.shuffle_seed})"
    return repr(text) + shuffled
