"""Compare a sweep and patched passes with the same work by hand: `make bench-scale`.

Both sides run in one process and take turns, so that a busy machine slows both. The output has
wall time and processor time, because the wall clock of a shared machine also counts other work.
Usage: python -m benchmarks.passes PROMPTS
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
from layerbook.core.progress import Reporter
from layerbook.core.requests import LOGITS, Forward, Patch, Prompt, Site
from layerbook.model import sources
from layerbook.model.execution import Execution
from layerbook.model.plan import make_plan
from layerbook.model.precision import arithmetic
from layerbook.runner.local import LocalExecutor
from layerbook.runner.spec_files import load_spec_file, run_file
from layerbook.runner.sweep import CHUNK_SIZE
from layerbook.store.project import sweep_cells

from benchmarks.many import write_spec
from benchmarks.scale import Row, log, table_row

WORDS = (
    "the a one two river moon house tree cat dog king bird ship road star stone "
    "is was saw had old new red cold"
).split()
LENGTHS = (4, 8, 16)  # tokens; short prompts wait for the weights, long ones for the arithmetic
SINGLES = 100  # prompts run one at a time; a thousand would take ten times as long


@dataclass
class Elapsed:
    """Wall and processor seconds of some prompts or passes, added up."""

    count: int = 0
    wall: float = 0.0
    processor: float = 0.0

    @contextmanager
    def timing(self, count: int) -> Iterator[None]:
        """Time a block that runs `count` prompts or passes."""
        wall, processor = time.perf_counter(), time.process_time()
        yield
        self.count += count
        self.wall += time.perf_counter() - wall
        self.processor += time.process_time() - processor

    def ratio_to(self, other: Elapsed) -> str:
        """Return the ratio of seconds per prompt or pass: wall, processor."""
        wall, processor = (
            (getattr(self, name) / self.count) / (getattr(other, name) / other.count)
            for name in ("wall", "processor")
        )
        return f"{wall:.2f} (processor: {processor:.2f})"


def throughput(executor: LocalExecutor, folder: Path, count: int, length: int) -> list[Row]:
    """Compare a sweep, bare passes and one prompt at a time, in turns of one chunk."""
    sweep, passes_only, single, single_passes = Elapsed(), Elapsed(), Elapsed(), Elapsed()
    turns = max(1, count // CHUNK_SIZE)
    for turn in range(turns):
        texts = words(turn * CHUNK_SIZE, CHUNK_SIZE, length)
        check_length(executor, texts, length)
        log(f"{length} tokens, turn {turn + 1} of {turns}")
        with passes_only.timing(CHUNK_SIZE):
            bare_passes(executor, texts)
        with sweep.timing(CHUNK_SIZE):
            run_sweep(executor, folder / str(turn), texts)
        sample = texts[:: CHUNK_SIZE * turns // SINGLES][: SINGLES // turns]
        chapter = load_chapter(write_spec(folder / "singles", sample), executor.source.limits())
        cells = [cell for _, cell in sweep_cells(chapter.experiments[0])]
        with single.timing(len(cells)):
            for cell in cells:
                executor.measure([cell], Reporter())
        with single_passes.timing(len(sample)):
            for text in sample:
                bare_passes(executor, [text])
    prompts_text = f"{passes_only.count:,} prompts of {length} tokens"
    return [
        (
            f"one at a time / a sweep, {prompts_text}, {single.count} of them one at a time",
            single.ratio_to(sweep),
            "5 if short",
        ),
        (
            f"one bare pass of transformers at a time / a sweep, {prompts_text}",
            single_passes.ratio_to(sweep),
            "5 if short",
        ),
        (
            f"a sweep, results written / bare batched passes, {prompts_text}",
            sweep.ratio_to(passes_only),
            "at most 1.3",
        ),
    ]


def words(first: int, count: int, length: int) -> list[str]:
    """Return distinct texts of `length` one-token words; none is a prefix of another."""
    return [
        "".join(
            f" {WORDS[(i // len(WORDS) ** (at % 3) + at) % len(WORDS)]}" for at in range(length)
        )
        for i in range(first, first + count)
    ]


def check_length(executor: LocalExecutor, texts: Sequence[str], length: int) -> None:
    """Exit if a text does not have the stated length."""
    if {len(executor.model.tokenizer.encode(Prompt(text=text)).ids) for text in texts} != {length}:
        sys.exit(f"some of the prompts do not have {length} tokens")


def bare_passes(executor: LocalExecutor, texts: Sequence[str]) -> None:
    """Run only the passes in one padded batch, with the logits of the last position."""
    ids = [executor.model.tokenizer.encode(Prompt(text=text)).ids for text in texts]
    width = max(map(len, ids))
    padded = torch.tensor([(*row, *[0] * (width - len(row))) for row in ids])
    with torch.inference_mode(), arithmetic(executor.model.precision):
        hidden = executor.model.network.model(input_ids=padded, use_cache=False).last_hidden_state
        executor.model.network.lm_head(hidden[range(len(ids)), [len(row) - 1 for row in ids]])


def run_sweep(executor: LocalExecutor, folder: Path, texts: Sequence[str]) -> None:
    """Run a sweep from its spec to the results on disk, with the model already loaded."""
    spec = load_spec_file(write_spec(folder, texts), None, Reporter())
    outcomes = run_file(spec, folder / "out", executor, Reporter())
    if outcomes[0].verdict != "new":
        sys.exit(f"the sweep failed: {outcomes[0].detail}")


def patching(executor: LocalExecutor) -> list[Row]:
    """Patch the residual stream of one prompt into another at every layer and position."""
    model = executor.model
    clean, corrupted = Prompt(text=" 2 + 2 = "), Prompt(text=" 3 + 5 = ")
    source = Forward(corrupted, frozenset({LOGITS}))
    places = [
        (i, at)
        for i in range(model.config.num_hidden_layers)
        for at in range(len(model.tokenizer.encode(clean).ids))
    ]
    requests = {
        (layer, at): Forward(
            clean, frozenset({LOGITS}), (Patch(Site("resid_pre", layer), source, (at,)),)
        )
        for layer, at in places
    }
    planned, single = Elapsed(), Elapsed()
    log(f"{len(places)} patched passes")
    with planned.timing(len(places)):
        execution = Execution(model, make_plan(requests.values()))
        for _ in execution.steps():
            pass
        planned_logits = {
            place: execution.capture(request)[LOGITS] for place, request in requests.items()
        }
    sample = places[:: max(1, len(places) // 40)]
    ids = [torch.tensor([model.tokenizer.encode(prompt).ids]) for prompt in (clean, corrupted)]
    with single.timing(len(sample)), torch.inference_mode():
        hidden = model.network(
            input_ids=ids[1], use_cache=False, output_hidden_states=True
        ).hidden_states
        by_hand = {place: patched_by_hand(model.network, ids[0], hidden, place) for place in sample}
    worst = max(
        float(abs(planned_logits[place] - logits).max()) for place, logits in by_hand.items()
    )
    if worst > 1e-2:
        sys.exit(f"the two ways of patching differ by {worst}")
    name = (
        f"{len(sample)} patched passes by hooks, one by one / {len(places)} planned, "
        "seconds per pass"
    )
    return [
        (f"{name} (largest gap of a logit: {worst:.0e})", single.ratio_to(planned), "at least 5")
    ]


def patched_by_hand(
    network: torch.nn.Module,
    ids: torch.Tensor,
    hidden: Sequence[torch.Tensor],
    place: tuple[int, int],
):
    """Run one patched pass with a hook, as a notebook does."""
    layer, at = place

    def patch(module: torch.nn.Module, args: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        changed = args[0].clone()
        changed[:, at] = hidden[layer][:, at]
        return (changed, *args[1:])

    handle = network.model.layers[layer].register_forward_pre_hook(patch)
    logits = network(input_ids=ids, use_cache=False).logits[0].numpy()
    handle.remove()
    return logits


def main() -> None:
    """Print the table rows."""
    executor = LocalExecutor(sources.resolve(sources.DEFAULT_MODEL), Reporter())
    with tempfile.TemporaryDirectory() as folder:
        first = words(100_000, CHUNK_SIZE, LENGTHS[0])  # warm up both sides
        bare_passes(executor, first)
        run_sweep(executor, Path(folder) / "first", first)
        for length in LENGTHS:
            show(throughput(executor, Path(folder) / str(length), int(sys.argv[1]), length))
        show(patching(executor))


def show(rows: Sequence[Row]) -> None:
    """Print rows as they are measured."""
    for row in rows:
        sys.stdout.write(table_row(row))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
