"""Compare the speed of the model in the page with PyTorch: `make bench-live`.

Both sides take turns on the same texts, with one thread and float32. The benchmark compares
processor times, because the wall clock of a shared machine also counts other work. It needs Linux
for the time of the worker's thread in Chromium.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import torch
from layerbook.core.progress import Reporter
from layerbook.model import sources
from layerbook.site.assets import static_files
from layerbook.site.bundling import bundle
from layerbook.site.live_edition import find_gguf, write_live_edition
from playwright.sync_api import Page, sync_playwright
from transformers.models.llama.modeling_llama import LlamaForCausalLM

from benchmarks.__main__ import spread

ENTRY = b'import { LiveModel } from "./live/client.js";\nwindow.LiveModel = LiveModel;\n'
HTML = (
    "<!DOCTYPE html><title>Live</title>"
    '<script src="live.js"></script><script src="live/manifest.js"></script>'
)
LENGTHS = (16, 64, 500)
STEPS = 20  # tokens written one by one


@contextmanager
def loaded_page(folder: Path) -> Iterator[tuple[Page, float]]:
    """Yield a page with the model loaded from disk, and the seconds that it took to load."""
    (folder / "live.js").write_bytes(bundle({**static_files(), "live.js": ENTRY})["live.js"])
    (folder / "live.html").write_text(HTML, encoding="utf-8")
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto((folder / "live.html").as_uri())
        start = time.perf_counter()
        page.evaluate("""async () => {
          window.live = await LiveModel.start();
          await live.loadFolder("live", layerbookManifest);
        }""")
        yield page, time.perf_counter() - start
        browser.close()


def worker_seconds() -> float:
    """Return the processor time so far of the browser's busiest worker thread."""
    times = [0.0]
    for thread in Path("/proc").glob("[0-9]*/task/*"):
        try:
            if (thread / "comm").read_text().startswith("DedicatedWorker"):
                times.append(int((thread / "schedstat").read_text().split()[0]) / 1e9)
        except OSError:
            continue  # it has ended
    return max(times)


def used(clock: Callable[[], float], work: Callable[[], object]) -> float:
    """Return the time that passes on a clock during some work."""
    start = clock()
    work()
    return clock() - start


def run_in_page(page: Page, ids: list[int]) -> Callable[[], object]:
    return lambda: page.evaluate("async (ids) => (await live.run(ids)).length", ids)


def write_in_page(page: Page) -> None:
    page.evaluate(
        "async (n) => { for (let i = 0; i < n; i++) await live.extend([500 + i]); }", STEPS
    )


def run_in_torch(model: LlamaForCausalLM, ids: list[int]) -> Callable[[], object]:
    return lambda: model(torch.tensor([ids]), use_cache=True).past_key_values


def write_in_torch(model: LlamaForCausalLM, cache: object) -> None:
    for i in range(STEPS):
        model(torch.tensor([[500 + i]]), past_key_values=cache, use_cache=True)


@torch.inference_mode()
def measure(page: Page, model: LlamaForCausalLM) -> dict[str, tuple[float, float]]:
    """Return the seconds of the page and of PyTorch by task."""
    texts = {n: [(7 * i) % 40000 + 3 for i in range(n)] for n in LENGTHS}
    seconds = {}
    for n, ids in texts.items():
        seconds[f"reading {n} tokens"] = (
            used(worker_seconds, run_in_page(page, ids)),
            used(time.process_time, run_in_torch(model, ids)),
        )
    run_in_page(page, texts[16])()
    cache = run_in_torch(model, texts[16])()
    ours = used(worker_seconds, lambda: write_in_page(page))
    theirs = used(time.process_time, lambda: write_in_torch(model, cache))
    return seconds | {"writing a token": (ours / STEPS, theirs / STEPS)}


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    source = sources.resolve(sources.DEFAULT_MODEL)
    if not isinstance(source, sources.GGUFSource):
        sys.exit("the default model is not a GGUF file")
    model = LlamaForCausalLM.from_pretrained(source.prepare(), dtype=torch.float32).eval()
    find_gguf(source, Reporter())
    with tempfile.TemporaryDirectory() as name:
        write_live_edition(source, Path(name), Reporter())
        with loaded_page(Path(name)) as (page, load_seconds):
            measure(page, model)  # compiles, and warms the caches
            rounds = [measure(page, model) for _ in range(options.rounds)]
    lines = ["| processor time, page / PyTorch | median | lowest to highest | limit |\n"]
    lines.append("|---|---|---|---|\n")
    for task in rounds[0]:
        ratios = [seconds[task][0] / seconds[task][1] for seconds in rounds]
        bound = "1.5" if task == "writing a token" else ""
        lines.append(f"| {task} | {spread(ratios)} | {bound} |\n")
    for task in rounds[0]:
        ours = median(seconds[task][0] for seconds in rounds)
        lines.append(f"{task}: {ours:.3f} s\n")
    sys.stdout.write("".join(lines) + f"loading: {load_seconds:.2f} s by the wall clock\n")


if __name__ == "__main__":
    main()
