"""The model in the page computes the numbers of PyTorch, from disk and without a network.
Tolerances are for float32: the two add numbers in different orders.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from operator import le
from pathlib import Path
from typing import Any

import layerbook.templates
import numpy as np
import pytest
import torch
from fixtures.chromium import reading
from fixtures.gguf_file import write_gguf
from fixtures.live_numbers import (
    ATTENTION,
    LOGIT,
    Reference,
    compare,
    largest_difference,
    load_torch,
    run_torch,
    softmax,
)
from fixtures.live_page import call, floats, load_file, write_page
from fixtures.tiny_llama import write_tiny_model
from layerbook.core.requests import Prompt
from layerbook.model.convert import convert
from layerbook.model.sources import DEFAULT_MODEL, BundleSource, resolve
from layerbook.model.tokenizer import ModelTokenizer
from playwright.sync_api import Browser, Error, Page
from ruamel.yaml import YAML

pytestmark = [pytest.mark.browser, pytest.mark.long]
IDS = [int(id) for id in np.random.default_rng(20240917).integers(3, 300, size=75)]
ROOT = Path(__file__).resolve().parents[2]
TEXTS = ROOT / "tests" / "fixtures" / "live_texts.yaml"
MOST_MAPPED = 100
"""In longer texts, the attention of every tenth layer is compared."""
MOST_TOKENS = 14
"""Longer texts are compared only on demand."""
CLANG = shutil.which("clang-14") and (shutil.which("wasm-ld-14") or shutil.which("wasm-ld"))
FORMATS = ("F32", "F16", "Q8_0", "Q4_0", "Q4_1")


@dataclass(frozen=True)
class Distance:
    """The largest differences of logits, probabilities, shares of attention, and of the lens."""

    logit: float = 0
    probability: float = 0
    attention: float = 0
    lens: float = 0

    def larger(self, other: Distance) -> Distance:
        return Distance(*map(max, astuple(self), astuple(other)))

    def within(self, limits: Distance) -> bool:
        return all(map(le, astuple(self), astuple(limits)))


REAL_LIMITS = Distance(logit=1e-4, probability=1e-5, attention=2e-5, lens=2e-5)
"""From float64, for the page and for PyTorch's float32 alike."""


def distance(ours: Reference, exact: Reference) -> Distance:
    """Return the differences from exact numbers; logits and the lens at the last position."""
    return Distance(
        largest_difference(ours.logits[-1], exact.logits[-1]),
        largest_difference(softmax(ours.logits[-1]), softmax(exact.logits[-1])),
        largest_difference(ours.patterns, exact.patterns),
        largest_difference(softmax(ours.lens), softmax(exact.lens)),
    )


def page_distance(page: Page, exact: Reference, ids: Sequence[int]) -> Distance:
    """Return the differences of the page's numbers; for the lens, those of the five best tokens."""
    logits = floats(page, "await live.run(values[0])", ids)
    attention = max(
        largest_difference(
            floats(page, "await live.pattern(values[0])", layer).reshape(theirs.shape), theirs
        )
        for layer, theirs in enumerate(exact.patterns)
        if len(ids) <= MOST_MAPPED or layer % 10 == 0
    )
    rows = call(page, "await live.lens(values[0], 5)", len(ids) - 1)
    lens = softmax(exact.lens)
    assert len(rows) == len(lens)
    return Distance(
        largest_difference(logits, exact.logits[-1]),
        largest_difference(softmax(logits), softmax(exact.logits[-1])),
        attention,
        max(
            float(abs(token["prob"] - probabilities[token["id"]]))
            for row, probabilities in zip(rows, lens, strict=True)
            for token in row
        ),
    )


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a bare page with the model's scripts."""
    return write_page(tmp_path_factory.mktemp("live"))


@pytest.fixture(scope="module")
def tiny_gguf(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the tiny model with 4 bits per weight (Q4_1)."""
    folder = tmp_path_factory.mktemp("gguf")
    return write_gguf(tiny_model_dir, folder / "tiny.gguf", quantized="Q4_1")


@pytest.fixture(scope="module")
def reference(tiny_gguf: Path, tmp_path_factory: pytest.TempPathFactory) -> Reference:
    """Return PyTorch's numbers for that model."""
    folder = tmp_path_factory.mktemp("converted")
    convert(tiny_gguf, folder)
    return run_torch(load_torch(folder), IDS)


@pytest.mark.parametrize("format", FORMATS)
def test_numbers_equal_those_of_pytorch(
    browser: Browser, page_file: Path, tiny_model_dir: Path, tmp_path: Path, format: str
) -> None:
    """For every format that the page reads, in WebAssembly and in JavaScript."""
    quantized = False if format == "F32" else format
    gguf = write_gguf(tiny_model_dir, tmp_path / "tiny.gguf", quantized=quantized)
    (tmp_path / "converted").mkdir()
    convert(gguf, tmp_path / "converted")
    expected = run_torch(load_torch(tmp_path / "converted"), IDS)
    assert expected.logits.std() > 0.1
    with reading(browser, page_file) as page:
        for plain in (False, True):
            load_file(page, gguf, plain=plain)
            compare(page, expected, IDS)


def test_untied_unembedding_is_used(browser: Browser, page_file: Path, tmp_path: Path) -> None:
    (tmp_path / "untied").mkdir()
    source = write_tiny_model(tmp_path / "untied", tie_word_embeddings=False)
    gguf = write_gguf(source, tmp_path / "untied.gguf")
    with reading(browser, page_file) as page:
        load_file(page, gguf)
        compare(page, run_torch(load_torch(source), IDS), IDS)


def test_model_runs_in_the_page_without_a_worker(
    browser: Browser, page_file: Path, tiny_gguf: Path, reference: Reference
) -> None:
    with reading(browser, page_file) as page:
        load_file(page, tiny_gguf, worker=False)
        compare(page, reference, IDS)


def test_model_runs_under_a_stricter_content_policy(
    browser: Browser, page_file: Path, tiny_gguf: Path, reference: Reference, tmp_path: Path
) -> None:
    """The page falls back to JavaScript if workers and WebAssembly are forbidden."""
    strict = page_file.with_name("strict.html")
    html = page_file.read_text(encoding="utf-8")
    html = html.replace("'wasm-unsafe-eval'", "").replace("worker-src blob:", "")
    strict.write_text(html, encoding="utf-8")
    page = browser.new_page()
    page.goto(strict.as_uri())
    load_file(page, tiny_gguf)
    compare(page, reference, IDS)
    names = "[live.calls.constructor.name, live.calls.engine.matrices.constructor.name]"
    assert page.evaluate(names) == ["PageCalls", "PlainMatrices"]
    page.close()


def test_single_tokens_give_the_same_numbers_as_a_batch(
    browser: Browser, page_file: Path, tiny_gguf: Path, reference: Reference
) -> None:
    """The cache of keys and values changes no number."""
    with reading(browser, page_file) as page:
        load_file(page, tiny_gguf)
        call(page, "(await live.run(values[0])).length", IDS[:1])
        for id, logits in zip(IDS[1:], reference.logits[1:], strict=True):
            step = floats(page, "await live.extend([values[0]])", id)
            assert largest_difference(step, logits) < LOGIT
        pattern = floats(page, "await live.pattern(1)").reshape(reference.patterns[1].shape)
        assert largest_difference(pattern, reference.patterns[1]) < ATTENTION


def test_switched_off_parts_agree_with_pytorch(
    browser: Browser, page_file: Path, tiny_gguf: Path, tmp_path: Path
) -> None:
    """A zeroed head, a zeroed MLP, and a hidden token."""
    convert(tiny_gguf, tmp_path)
    model = load_torch(tmp_path)
    size, head, hidden = model.config.head_dim, 2, 5

    def silence_head(_: object, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        (z,) = inputs
        z = z.clone()
        z[..., head * size : (head + 1) * size] = 0
        return (z,)

    mask = torch.full((len(IDS), len(IDS)), float("-inf")).triu(1)
    mask[hidden + 1 :, hidden] = float("-inf")
    layers = model.model.layers
    hooks = [
        layers[0].self_attn.o_proj.register_forward_pre_hook(silence_head),
        layers[1].mlp.register_forward_hook(lambda _, inputs, output: torch.zeros_like(output)),
    ]
    with torch.inference_mode():
        output = model(torch.tensor([IDS]), attention_mask=mask[None, None], output_attentions=True)
    for hook in hooks:
        hook.remove()
    changes = {"heads": [f"0.{head}"], "mlps": [1], "blocked": [hidden]}
    with reading(browser, page_file) as page:
        load_file(page, tiny_gguf)
        unchanged = floats(page, "await live.run(values[0])", IDS)
        logits = floats(page, "await live.run(...values)", IDS, changes)
        pattern = floats(page, "await live.pattern(1)").reshape(output.attentions[1].shape[1:])
    expected = output.logits[0, -1].numpy()
    assert largest_difference(unchanged, expected) > 0.1
    assert largest_difference(logits, expected) < LOGIT
    assert largest_difference(pattern, output.attentions[1][0].numpy()) < ATTENTION
    assert not pattern[:, hidden + 1 :, hidden].any()


def test_flipped_bit_is_detected(
    browser: Browser, page_file: Path, tiny_gguf: Path, tmp_path: Path
) -> None:
    """The digest is checked before anything runs; without an expected digest it is only stated."""
    data = bytearray(tiny_gguf.read_bytes())
    sha256 = hashlib.sha256(data).hexdigest()
    data[-1000] ^= 1
    damaged = tmp_path / "damaged.gguf"
    damaged.write_bytes(data)
    with reading(browser, page_file) as page:
        assert load_file(page, tiny_gguf, sha256)["digest"] == sha256
        with pytest.raises(Exception, match="the file is damaged"):
            load_file(page, damaged, sha256)
        assert load_file(page, damaged)["digest"] == hashlib.sha256(data).hexdigest()


def test_run_can_be_stopped(browser: Browser, page_file: Path, tiny_gguf: Path) -> None:
    """A stopped or replaced run returns null, and the next one is right."""
    with reading(browser, page_file) as page:
        load_file(page, tiny_gguf)
        stopped = """(async () => {
          const first = live.run(values[0]);
          const second = live.run(values[0]);
          live.stop();
          return [await first, await second];
        })()"""
        assert call(page, f"await {stopped}", IDS) == [None, None]
        assert call(page, "(await live.run(values[0])).length", IDS) > 0


@pytest.mark.parametrize("worker", [True, False])
def test_long_text_reports_progress_and_can_be_stopped_midway(
    browser: Browser, page_file: Path, tmp_path: Path, worker: bool
) -> None:
    """The page goes on while 500 tokens run, also where the page itself computes."""
    (tmp_path / "wide").mkdir()
    sizes = {"hidden_size": 256, "intermediate_size": 1024, "num_hidden_layers": 16}
    source = write_tiny_model(tmp_path / "wide", **sizes, max_position_embeddings=640)
    gguf = write_gguf(source, tmp_path / "wide.gguf", quantized="Q4_1")
    with reading(browser, page_file) as page:
        page.set_input_files("input", gguf)
        page.evaluate(
            """async (worker) => {
              window.shares = [];
              const report = (share) => shares.push(share);
              window.live = await LiveModel.start({ worker, report });
              await live.loadFile(document.querySelector("input").files[0]);
              shares.length = 0;
            }""",
            worker,
        )
        logits, share = page.evaluate(
            """async (ids) => {
              let running = true;
              const run = live.run(ids).finally(() => (running = false));
              while (running && !shares.length) await new Promise((done) => setTimeout(done));
              live.stop();
              return [await run, shares.at(-1)];
            }""",
            [3 + i % 300 for i in range(500)],
        )
        assert logits is None and 0 < share < 1
        with pytest.raises(Error, match="stopped midway"):
            page.evaluate("async () => live.extend([5])")
        assert call(page, "(await live.run(values[0])).length", IDS) > 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"architecture": "mamba"}, "the architecture is mamba; this page runs only llama"),
        ({"changes": {"llama.rope.scaling.type": "yarn"}}, "llama.rope.scaling.type is yarn"),
        ({"changes": {"llama.new": 1}}, "the setting llama.new is not understood"),
        ({"without": "blk.1.ffn_up.weight"}, "the tensor blk.1.ffn_up.weight is missing"),
        (
            {"extra": {"rope_freqs.weight": np.ones(4, np.float32)}},
            "the tensor rope_freqs.weight is not part of a plain Llama",
        ),
        ({"quantized": "Q5_0"}, "is of type Q5_0; this page reads F32, F16, Q4_0, Q4_1, Q8_0"),
    ],
)
def test_other_models_are_refused_by_name(
    browser: Browser,
    page_file: Path,
    tiny_model_dir: Path,
    tmp_path: Path,
    changes: dict[str, Any],
    message: str,
) -> None:
    """They would give wrong numbers."""
    gguf = write_gguf(tiny_model_dir, tmp_path / "other.gguf", **changes)
    with reading(browser, page_file) as page, pytest.raises(Exception, match=message):
        load_file(page, gguf)


def test_incomplete_gguf_is_refused(
    browser: Browser, page_file: Path, tiny_gguf: Path, tmp_path: Path
) -> None:
    """A text file and a truncated file."""
    text, half = tmp_path / "text.gguf", tmp_path / "half.gguf"
    text.write_text("no model " * 9, encoding="utf-8")
    half.write_bytes(tiny_gguf.read_bytes()[:-5000])
    with reading(browser, page_file) as page:
        with pytest.raises(Exception, match="this is not a GGUF file"):
            load_file(page, text)
        with pytest.raises(Exception, match=r"the file ends within .*; it is incomplete"):
            load_file(page, half)


def real_texts(tokenizer: ModelTokenizer) -> list[list[int]]:
    """Return the ids of the texts up to MOST_TOKENS, or all with LAYERBOOK_ALL_TEXTS."""
    texts = []
    for entry in YAML(typ="safe").load(TEXTS.read_text(encoding="utf-8")):
        text = entry.get("text") or (ROOT / entry["file"]).read_text(encoding="utf-8")
        ids = tokenizer.encode_text(text, Prompt(text=text))
        texts.append(list(ids[: entry.get("tokens")]))
    if os.environ.get("LAYERBOOK_ALL_TEXTS"):
        return texts
    return [ids for ids in texts if len(ids) <= MOST_TOKENS]


@pytest.mark.model
def test_real_model_agrees_with_pytorch(browser: Browser, page_file: Path) -> None:
    """Both the page and PyTorch's float32 are compared with PyTorch's float64, on real texts,
    if the model is on this machine.
    """
    source = resolve(DEFAULT_MODEL)
    assert isinstance(source, BundleSource)
    gguf, folder = source.gguf_path(), source.local_dir()
    if folder is None or not gguf.is_file():
        pytest.skip("the model is not on this machine")
    texts = real_texts(ModelTokenizer.load(folder))
    single, double = load_torch(folder), load_torch(folder).double()
    worst = {"page": Distance(), "PyTorch": Distance()}
    with reading(browser, page_file) as page:
        assert load_file(page, gguf, source.sha256)["digest"] == source.sha256
        for ids in texts:
            exact = run_torch(double, ids)
            differences = {
                "page": page_distance(page, exact, ids),
                "PyTorch": distance(run_torch(single, ids), exact),
            }
            worst = {name: most.larger(differences[name]) for name, most in worst.items()}
    assert worst["page"].within(REAL_LIMITS), worst
    assert worst["PyTorch"].within(REAL_LIMITS), worst


@pytest.mark.skipif(not CLANG, reason="the compiler that wasm.js comes from is not here")
def test_compiled_code_matches_its_source(tmp_path: Path) -> None:
    """The same compiler gives the same bytes."""
    folder = Path(layerbook.templates.__file__).parent / "assets" / "live"
    subprocess.run([folder / "build.sh", tmp_path / "wasm.js"], check=True)
    assert (tmp_path / "wasm.js").read_bytes() == (folder / "wasm.js").read_bytes()
