"""Hostile model files, links and texts: errors in words, and no wrong numbers or names."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.chromium import reading
from fixtures.gguf_file import overlap_tensors, write_gguf
from fixtures.live_page import load_file, write_page
from fixtures.try_page import write_try_page
from gguf import GGUFReader
from layerbook.model.sources import GGUFSource
from playwright.sync_api import Browser, expect

pytestmark = pytest.mark.browser
HUGE = 2**60
ARRAY = 9


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a bare page with the model's scripts."""
    return write_page(tmp_path_factory.mktemp("live"))


def text(value: str) -> bytes:
    """Return a text as GGUF stores it."""
    return struct.pack("<Q", len(value)) + value.encode()


def header(*, tensors: int = 0, settings: int = 1, rest: bytes = b"") -> bytes:
    """Return the beginning of a GGUF file."""
    return b"GGUF" + struct.pack("<IQQ", 3, tensors, settings) + rest


HEADERS = {
    "many settings": header(settings=HUGE),
    "many tensors": header(tensors=HUGE, settings=0),
    "long name": header(rest=struct.pack("<Q", HUGE) + bytes(64)),
    "long list": header(rest=text("a") + struct.pack("<IIQ", ARRAY, 0, HUGE) + bytes(64)),
    "list longer than the file": header(
        rest=text("a") + struct.pack("<IIQ", ARRAY, 0, 2**31) + bytes(64)
    ),
    "nested lists": header(rest=text("a") + struct.pack("<IIQ", ARRAY, ARRAY, 1) * 20_000),
    "many dimensions": header(
        tensors=1, settings=0, rest=text("a") + struct.pack("<I", 2**32 - 1) + bytes(64)
    ),
}


@pytest.mark.parametrize("name", HEADERS)
def test_hostile_headers_are_refused_in_words(
    browser: Browser, page_file: Path, tmp_path: Path, name: str
) -> None:
    """Counts and lengths beyond the file."""
    file = tmp_path / "hostile.gguf"
    file.write_bytes(HEADERS[name])
    message = r"the file ends within|the header has|has \d+ dimensions"
    with reading(browser, page_file) as page, pytest.raises(Exception, match=message):
        load_file(page, file)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"changes": {"general.alignment": 0}}, "no valid number for general.alignment: 0"),
        ({"changes": {"general.alignment": "x"}}, "no valid number for general.alignment: x"),
        ({"changes": {"llama.block_count": 2**32 - 1}}, "no valid number for layers: 4294967295"),
        (
            {"changes": {"llama.attention.layer_norm_rms_epsilon": "1"}},
            "no valid number for epsilon: 1",
        ),
        (
            {"changes": {"llama.rope.freq_base": float("inf")}},
            "no valid number for ropeBase: Infinity",
        ),
        (
            {"extra": {"toString.weight": np.ones(4, np.float32)}},
            "the tensor toString.weight is not part of a plain Llama",
        ),
        (
            {"extra": {"__proto__": np.ones(4, np.float32)}},
            "the tensor __proto__ is not part of a plain Llama",
        ),
    ],
)
def test_hostile_models_are_refused(
    browser: Browser,
    page_file: Path,
    tiny_model_dir: Path,
    tmp_path: Path,
    changes: dict[str, Any],
    message: str,
) -> None:
    """They would give wrong numbers, or take all memory."""
    gguf = write_gguf(tiny_model_dir, tmp_path / "other.gguf", **changes)
    with reading(browser, page_file) as page, pytest.raises(Exception, match=message):
        load_file(page, gguf)


def test_overlapping_tensors_are_refused(
    browser: Browser, page_file: Path, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """A small file could have a thousand layers that all lie in the same place."""
    gguf = write_gguf(tiny_model_dir, tmp_path / "tiny.gguf")
    overlap_tensors(gguf)
    message = r"no valid number for \S+\.offset"
    with reading(browser, page_file) as page, pytest.raises(Exception, match=message):
        load_file(page, gguf)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenizer.ggml.pre": "constructor"}, "cut text by the tokenizer's rule constructor"),
        ({"tokenizer.ggml.tokens": "x" * 300}, "the header lacks tokenizer.ggml.tokens"),
        ({"tokenizer.ggml.merges": [1, 2, 3]}, "the header lacks tokenizer.ggml.merges"),
        ({"tokenizer.chat_template": 5}, "the header lacks tokenizer.chat_template"),
    ],
)
def test_hostile_tokenizers_are_refused(
    browser: Browser,
    tiny_model_dir: Path,
    tmp_path: Path,
    changes: dict[str, Any],
    message: str,
) -> None:
    """Values of the wrong type, and names that every object has."""
    gguf = write_gguf(tiny_model_dir, tmp_path / "other.gguf", changes)
    file = write_try_page(tmp_path, GGUFSource("other", str(gguf)))
    with reading(browser, file) as page:
        page.get_by_role("button", name="Load the model").click()
        expect(page.locator(".try-load .try-status")).to_contain_text(message, timeout=20_000)


def open_try_page(
    browser: Browser, folder: Path, gguf: Path, fragment: str, then: Callable[[Any], None]
) -> None:
    """Open the page at a fragment and load its model."""
    file = write_try_page(folder, GGUFSource("tiny", str(gguf)))
    with reading(browser, file) as page:
        page.evaluate("fragment => location.replace(fragment)", fragment)
        page.get_by_role("button", name="Load the model").click()
        then(page)


def test_error_of_a_chat_template_is_shown(
    browser: Browser, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """The template is the model's; the reader sees why there is no answer."""
    changes = {"tokenizer.chat_template": "{{ raise_exception('no chat today') }}"}
    gguf = write_gguf(tiny_model_dir, tmp_path / "tiny.gguf", changes, quantized=True)

    def check(page: Any) -> None:
        status = page.locator(".try-text .try-status")
        expect(status).to_contain_text("no chat today", timeout=20_000)

    open_try_page(browser, tmp_path, gguf, "#mode=chat&text=hi", check)


def test_a_link_switches_off_what_the_page_says(
    browser: Browser, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """Each part once, in one spelling: other names would have a chip but no effect."""
    gguf = write_gguf(tiny_model_dir, tmp_path / "tiny.gguf", quantized=True)
    repeated = ",".join(["0.0"] * 64)

    def check(page: Any) -> None:
        expect(page.locator(".try-text .try-status")).to_contain_text("tokens read", timeout=20_000)
        names = page.locator(".try-changes button[aria-label]").evaluate_all(
            "buttons => buttons.map((button) => button.ariaLabel)"
        )
        assert names == ["Undo: layer 0, head 0", "Undo: MLP of layer 1"]

    open_try_page(
        browser, tmp_path, gguf, f"#text=The+dog&off={repeated},00.1,01,1,1&hide=01", check
    )


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e38])
def test_numbers_that_are_not_finite_are_an_error(
    browser: Browser, tiny_model_dir: Path, tmp_path: Path, value: float
) -> None:
    """The page would show shares of NaN %, and its sentences would be false."""
    gguf = write_gguf(tiny_model_dir, tmp_path / "tiny.gguf", quantized=True)
    reader = GGUFReader(gguf, "r+")
    norm = next(t for t in reader.tensors if t.name == "output_norm.weight")
    norm.data[:] = value
    reader.data.flush()

    def check(page: Any) -> None:
        status = page.locator(".try-text .try-status")
        message = "the model computes values that are not finite numbers"
        expect(status).to_contain_text(message, timeout=20_000)
        assert "NaN" not in page.locator("article").inner_text()

    open_try_page(browser, tmp_path, gguf, "#text=The+dog", check)


def test_a_search_with_many_matches_ends(
    browser: Browser, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """The time grows with the number of matches, not with its square."""
    gguf = write_gguf(tiny_model_dir, tmp_path / "tiny.gguf", quantized=True)
    file = write_try_page(tmp_path, GGUFSource("tiny", str(gguf)), live=False)
    with reading(browser, file) as page:
        page.evaluate(
            """() => {
              const row = ["try.html", "Chapter", "<img src=x onerror=alert(1)>", "a ".repeat(2e5)];
              window.layerbookIndex = Array(20).fill(row);
            }"""
        )
        page.get_by_role("button", name="Search").click()
        page.get_by_role("textbox", name="Search for").fill("a")
        expect(page.locator("dialog.search li")).to_have_count(20, timeout=10_000)
        assert page.locator("dialog.search img").count() == 0


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ("// nothing", "The model is not beside this page."),
        ("{size: 1e15, parts: []}", "there is not enough memory for it"),
        ("{size: 100, sha256: 'x', parts: ['manifest.js']}", "the file is damaged"),
        ("{size: 100, parts: ['none.js']}", "The model cannot be loaded: live/none.js."),
    ],
)
def test_hostile_manifests_are_refused(
    browser: Browser, tiny_model_dir: Path, tmp_path: Path, manifest: str, message: str
) -> None:
    """A missing list, a huge size, code in place of data, and a missing part."""
    gguf = write_gguf(tiny_model_dir, tmp_path / "tiny.gguf", quantized=True)
    file = write_try_page(tmp_path, GGUFSource("tiny", str(gguf)))
    text = manifest if manifest.startswith("//") else f"window.layerbookManifest = {manifest};"
    (file.parent / "live" / "manifest.js").write_text(text, encoding="utf-8")
    context = browser.new_context(offline=True)
    page = context.new_page()
    page.goto(file.as_uri())
    page.get_by_role("button", name="Load the model").click()
    expect(page.locator(".try-load .try-status")).to_contain_text(message, timeout=20_000)
    context.close()
