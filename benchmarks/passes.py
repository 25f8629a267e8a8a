"""What a sweep and what patched passes cost beside the same done by hand, in one process: a part of `make bench-scale`.

The sides take turns, so that a busy machine slows all; seconds on the wall and seconds of the processor are told apart,
since the wall of a shared machine is not only ours. Usage: python -m benchmarks.passes PROMPTS
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from layerbook.book.loader import load_chapter
from layerbook.core.progress import Reporter, SilentReporter
from layerbook.core.requests import LOGITS, Forward, Patch, Prompt, Site
from layerbook.model import sources
from layerbook.model.execution import Execution
from layerbook.model.plan import make_plan
from layerbook.runner.local import Executor, LocalExecutor
from layerbook.runner.run import run_file
from layerbook.runner.sweep import CHUNK_SIZE
from layerbook.store.project import sweep_cells

from benchmarks.many import write_spec
from benchmarks.scale import Row, told, written

WORDS = "the a one two river moon house tree cat dog king bird ship road star stone is was saw had old new red cold".split()
LENGTHS = (
    4,
    8,
    16,
)  # tokens: a pass over few waits for the weights, one over many for the arithmetic
SINGLES = 100  # prompts run one at a time: what a thousand would take is ten times that


@dataclass
class Spent:
    """Seconds on the wall and of the processor for some prompts or passes, added up."""

    count: int = 0
    wall: float = 0.0
    processor: float = 0.0

    @contextmanager
    def on(self, count: int) -> Iterator[None]:
        """Time a block that does so many."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.count += count
        self.wall += time.perf_counter() - wall
        self.processor += time.process_time() - processor

    def against(self, other: Spent) -> str:
        """How many times as long each of mine takes as one of the other's: wall, processor."""
        wall, processor = (
            (getattr(self, name) / self.count) / (getattr(other, name) / other.count)
            for name in ("wall", "processor")
        )
        return f"{wall:.2f} (processor: {processor:.2f})"


def throughput(bench: LocalExecutor, folder: Path, count: int, length: int) -> list[Row]:
    """A sweep, bare passes and one prompt at a time, in turns of as many prompts as a sweep takes at once."""
    sweep, bare, single, alone = Spent(), Spent(), Spent(), Spent()
    turns = max(1, count // CHUNK_SIZE)
    for turn in range(turns):
        texts = words(turn * CHUNK_SIZE, CHUNK_SIZE, length)
        check_length(bench, texts, length)
        told(f"{length} tokens, turn {turn + 1} of {turns}")
        with bare.on(CHUNK_SIZE):
            bare_passes(bench, texts)
        with sweep.on(CHUNK_SIZE):
            run_sweep(bench, folder / str(turn), texts)
        some = texts[:: CHUNK_SIZE * turns // SINGLES][: SINGLES // turns]
        chapter = load_chapter(write_spec(folder / "singles", some), bench.source.limits())
        cells = [one for _, one in sweep_cells(chapter.experiments[0])]
        with single.on(len(cells)):
            for cell in cells:
                bench.measure([cell], SilentReporter())
        with alone.on(len(some)):
            for text in some:
                bare_passes(bench, [text])
    each = f"{bare.count:,} prompts of {length} tokens"
    return [
        (
            f"one at a time / a sweep, {each}, {single.count} of them one at a time",
            single.against(sweep),
            "5 if short",
        ),
        (
            f"one bare pass of transformers at a time / a sweep, {each}",
            alone.against(sweep),
            "5 if short",
        ),
        (
            f"a sweep, results written / bare batched passes, {each}",
            sweep.against(bare),
            "at most 1.3",
        ),
    ]


def words(first: int, count: int, length: int) -> list[str]:
    """Distinct texts of so many words, each of which is one token; all as long, so that none begins another."""
    return [
        "".join(
            f" {WORDS[(i // len(WORDS) ** (at % 3) + at) % len(WORDS)]}" for at in range(length)
        )
        for i in range(first, first + count)
    ]


def check_length(bench: LocalExecutor, texts: Sequence[str], length: int) -> None:
    """Stop where the texts are not what the table says."""
    if {len(bench.model.tokenizer.encode(Prompt(text=text)).ids) for text in texts} != {length}:
        sys.exit(f"some of the prompts do not have {length} tokens")


def bare_passes(bench: LocalExecutor, texts: Sequence[str]) -> None:
    """What transformers takes for the passes alone, the ids known and all side by side, logits of the last position."""
    ids = [bench.model.tokenizer.encode(Prompt(text=text)).ids for text in texts]
    width = max(map(len, ids))
    padded = torch.tensor([(*row, *[0] * (width - len(row))) for row in ids])
    with torch.inference_mode():
        hidden = bench.model.network.model(input_ids=padded, use_cache=False).last_hidden_state
        bench.model.network.lm_head(hidden[range(len(ids)), [len(row) - 1 for row in ids]])


def run_sweep(bench: LocalExecutor, folder: Path, texts: Sequence[str]) -> None:
    """All that a sweep does, from its spec to the results on disk, but for loading the model."""

    @contextmanager
    def executor_factory(
        source: sources.ModelSource, report: Reporter
    ) -> Iterator[Executor]:
        yield bench

    outcomes = run_file(
        write_spec(folder, texts),
        folder / "out",
        None,
        SilentReporter(),
        executor_factory=executor_factory,
    )
    if outcomes[0].verdict != "new":
        sys.exit(f"the sweep failed: {outcomes[0].detail}")


def patching(bench: LocalExecutor) -> list[Row]:
    """The residual stream of one prompt put into another, at every layer and position: planned, and one by one."""
    model = bench.model
    clean, other = Prompt(text=" 2 + 2 = "), Prompt(text=" 3 + 5 = ")
    source = Forward(other, frozenset({LOGITS}))
    places = [
        (i, at)
        for i in range(model.config.num_hidden_layers)
        for at in range(len(model.tokenizer.encode(clean).ids))
    ]
    asked = {
        (layer, at): Forward(
            clean, frozenset({LOGITS}), (Patch(Site("resid_pre", layer), source, (at,)),)
        )
        for layer, at in places
    }
    planned, single = Spent(), Spent()
    told(f"{len(places)} patched passes")
    with planned.on(len(places)):
        execution = Execution(model, make_plan(asked.values()))
        for _ in execution.steps():
            pass
        found = {place: execution.capture(request)[LOGITS] for place, request in asked.items()}
    some = places[:: max(1, len(places) // 40)]
    ids = [torch.tensor([model.tokenizer.encode(prompt).ids]) for prompt in (clean, other)]
    with single.on(len(some)), torch.inference_mode():
        hidden = model.network(
            input_ids=ids[1], use_cache=False, output_hidden_states=True
        ).hidden_states
        by_hand = {place: patched_by_hand(model.network, ids[0], hidden, place) for place in some}
    worst = max(float(abs(found[place] - logits).max()) for place, logits in by_hand.items())
    if worst > 1e-2:
        sys.exit(f"the two ways of patching differ by {worst}")
    name = (
        f"{len(some)} patched passes by hooks, one by one / {len(places)} planned, seconds per pass"
    )
    return [
        (f"{name} (largest gap of a logit: {worst:.0e})", single.against(planned), "at least 5")
    ]


def patched_by_hand(
    network: torch.nn.Module,
    ids: torch.Tensor,
    hidden: Sequence[torch.Tensor],
    place: tuple[int, int],
):
    """The way a notebook does it."""
    layer, at = place

    def put(module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        changed = args[0].clone()
        changed[:, at] = hidden[layer][:, at]
        return (changed, *args[1:])

    handle = network.model.layers[layer].register_forward_pre_hook(put)
    logits = network(input_ids=ids, use_cache=False).logits[0].numpy()
    handle.remove()
    return logits


def main() -> None:
    """Print the rows."""
    bench = LocalExecutor(sources.resolve(sources.DEFAULT_MODEL), SilentReporter())
    with tempfile.TemporaryDirectory() as folder:
        first = words(
            100_000, CHUNK_SIZE, LENGTHS[0]
        )  # so that no side pays for what the other finds warm
        bare_passes(bench, first)
        run_sweep(bench, Path(folder) / "first", first)
        for length in LENGTHS:
            show(throughput(bench, Path(folder) / str(length), int(sys.argv[1]), length))
        show(patching(bench))


def show(rows: Sequence[Row]) -> None:
    """Print them as they come."""
    for row in rows:
        sys.stdout.write(written(row))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
