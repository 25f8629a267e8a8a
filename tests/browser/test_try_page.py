"""The page that runs the model shows the numbers of `layerbook run` and can be used by hand."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fixtures.chromium import assert_accessible, reading
from fixtures.gguf_file import write_gguf
from fixtures.small_book import layerbook
from fixtures.try_page import write_try_page
from layerbook.book import languages
from layerbook.core import language
from layerbook.core.requests import ChatMessage, Prompt
from layerbook.core.tokens import visible
from layerbook.model.sources import DEFAULT_MODEL, BundleSource, GGUFSource, resolve
from layerbook.model.tokenizer import ModelTokenizer
from playwright.sync_api import Browser, Page, expect

pytestmark = pytest.mark.browser
TEXT = "The cat sat on 2 + 2 = "
SPEC = """\
chapter: live
title: Live
experiments:
  - id: next
    analysis: next-token
    prompts: ["The cat sat on 2 + 2 = "]
    top_k: 12
  - id: attention
    analysis: attention-pattern
    prompts: ["The cat sat on 2 + 2 = "]
    layers: [0, 1]
    heads: all
  - id: written
    analysis: generate
    prompts: ["The cat sat on 2 + 2 = "]
    max_new_tokens: 8
    temperature: 0
"""
PROBABILITY = 4e-6
DROP = """(data) => {
  const bytes = Uint8Array.from(atob(data), (char) => char.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], "tiny.gguf"));
  document.querySelector(".try-load").dispatchEvent(new DragEvent("drop", { dataTransfer }));
}"""
TEXTS = (
    "",
    "It's 1234 owls 🦉\n",
    "  10",
    "a\u00a0b\t½ ٣",
    "<|im_start|>user\nhi<|im_end|>",
    "naïve",
)


@pytest.fixture(scope="module")
def source(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> GGUFSource:
    """The tiny model as a GGUF file."""
    path = tmp_path_factory.mktemp("gguf") / "tiny.gguf"
    return GGUFSource("tiny", str(write_gguf(tiny_model_dir, path, quantized=True)))


@pytest.fixture(scope="module")
def page_file(source: GGUFSource, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write the page with the model beside it."""
    return write_try_page(tmp_path_factory.mktemp("try"), source)


def wait_for_status(page: Page, text: str) -> None:
    """Wait until the status line contains this text."""
    expect(page.locator(".try-text .try-status")).to_contain_text(text, timeout=60_000)


@contextmanager
def trying(browser: Browser, file: Path, fragment: str = "", **options: object) -> Iterator[Page]:
    """Open the page, load its model, and read a text."""
    with reading(browser, file, **options) as page:
        if fragment:
            page.evaluate("fragment => location.replace(fragment)", fragment)
        page.get_by_role("button", name="Load the model").click()
        wait_for_status(page, "tokens read")
        yield page


def read(page: Page, text: str) -> None:
    """Read a text that the reader typed."""
    page.get_by_role("textbox", name="Your text").fill(text)
    page.get_by_role("button", name="Read it").click()
    wait_for_status(page, "tokens read")
    expect(page.locator(".try-output")).to_have_text(text)


def test_page_shows_the_numbers_of_layerbook_run(
    browser: Browser, page_file: Path, source: GGUFSource, tmp_path: Path
) -> None:
    """For the same sentence on the tiny model."""
    compare_with_run(browser, page_file, source.location, tmp_path)


@pytest.mark.model
def test_page_shows_the_numbers_of_layerbook_run_on_the_real_model(
    browser: Browser, tmp_path: Path
) -> None:
    source = resolve(DEFAULT_MODEL)
    assert isinstance(source, BundleSource)
    if source.local_dir() is None or not source.gguf_path().is_file():
        pytest.skip("the model is not on this machine")
    file = write_try_page(tmp_path, source)
    compare_with_run(browser, file, source.name, tmp_path)


def compare_with_run(browser: Browser, file: Path, model: str, folder: Path) -> None:
    """Compare tokens, probabilities, attention, and the greedy text."""
    (folder / "live.yaml").write_text(SPEC, encoding="utf-8")
    layerbook(
        "run", "live.yaml", "--out", "out", "--model", model, "--quiet", cwd=folder, check=True
    )
    ids = ("next", "attention", "written")
    theirs = {id: json.loads((folder / "out" / f"{id}.json").read_bytes()) for id in ids}
    top = theirs["next"]["prompts"][0]
    with trying(browser, file) as page:
        read(page, TEXT)
        live = "window.layerbook.live"
        assert page.evaluate(f"{live}.ids") == [token["id"] for token in top["tokens"]]
        order = page.evaluate(f"[...{live}.next.scores.order.slice(0, 12)]")
        probs = page.evaluate(f"[...{live}.next.own.slice(0, 12)]")
        lines = page.locator(".try-next li").all_inner_texts()
        for id, prob, line, token in zip(order, probs, lines, top["top"], strict=True):
            assert id == token["id"]
            assert abs(prob - token["prob"]) < PROBABILITY
            shown = re.search(r"([\d.]+)\s%", line)
            assert shown and abs(float(shown[1]) / 100 - token["prob"]) <= 1e-4  # two digits
        layers = theirs["attention"]["prompts"][0]["weights"]
        for layer, weights in zip((0, 1), layers, strict=True):
            ours = page.evaluate(f"[...{live}.attention.explorer.patterns.shares[{layer}]]")
            differences = [abs(a - b) for a, b in zip(ours, flat(weights), strict=True)]
            assert max(differences) < 1e-5
        page.get_by_role("button", name="Continue", exact=True).click()
        wait_for_status(page, "written")
        written = page.evaluate(f"{live}.ids.slice(-{live}.written)")
    expected = [token["id"] for token in theirs["written"]["prompts"][0]["tokens"]]
    continued = expected[len(top["tokens"]) :]
    assert 0 < len(continued) and written[: len(continued)] == continued


def flat(values: object) -> list[float]:
    """Flatten nested lists."""
    return [x for value in values for x in flat(value)] if isinstance(values, list) else [values]


def test_texts_are_tokenized_as_in_python(
    browser: Browser, page_file: Path, tiny_model_dir: Path
) -> None:
    """Tokenizer and chat template come from the GGUF file."""
    tokenizer = ModelTokenizer.load(tiny_model_dir)
    chat = [ChatMessage(role="user", content="Hello, cat!")]
    with trying(browser, page_file) as page:
        live = "window.layerbook.live"
        for text in TEXTS:
            ours = page.evaluate(
                f"text => {live}.tokenizer.tokenize(text).map((t) => [t.id, t.shown])", text
            )
            ids = tokenizer.encode(Prompt(text=text)).ids
            assert ours == [[id, visible(tokenizer.token(id))] for id in ids], text
        page.get_by_role("button", name="Chat").click()
        page.get_by_role("textbox", name="Your message").fill("Hello, cat!")
        page.get_by_role("button", name="Ask").click()
        wait_for_status(page, "written")
        count = page.evaluate(f"{live}.ids.length - {live}.written")
        ids = page.evaluate(f"{live}.ids")[:count]
        assert ids == list(tokenizer.encode(Prompt(messages=tuple(chat))).ids)
        expect(page.locator(".try-turn.user")).to_have_text("Hello, cat!")


def test_parts_can_be_switched_off_and_on(browser: Browser, page_file: Path) -> None:
    """The prediction changes, and `Undo all` restores it."""
    with trying(browser, page_file) as page:
        read(page, TEXT)
        first = page.locator(".try-next ol")
        before = first.inner_text()
        for button in ("Switch off the MLP of layer 1", "Switch off all heads of this layer"):
            page.get_by_role("button", name=button).click()
            expect(page.get_by_role("button", name=button)).to_have_attribute(
                "aria-pressed", "true"
            )
        page.locator(".try-chips li").nth(1).click()
        page.get_by_role("button", name="Hide this token").click()
        expect(page.locator(".try-chips .blocked")).to_have_count(1)
        wait_for_status(page, "tokens read")
        assert first.inner_text() != before
        assert page.locator(".try-next ol b").count() > 0
        assert page.url.endswith("off=1.0%2C1.1%2C1.2%2C1.3%2C1&hide=1")
        page.get_by_role("button", name="Undo all").click()
        expect(first).to_have_text(re.compile(re.escape(before.split("\n")[0])))
        expect(page.locator(".try-next ol b")).to_have_count(0)
        assert first.inner_text() == before


def test_link_restores_the_state(browser: Browser, page_file: Path) -> None:
    """Text, settings and switched-off parts; invalid values are ignored."""
    fragment = "#text=The+dog&temperature=0.8&top-k=40&top-p=0.95&off=0.1,9,x&hide=1"
    with trying(browser, page_file, fragment) as page:
        expect(page.get_by_role("textbox", name="Your text")).to_have_value("The dog")
        expect(page.get_by_role("button", name="Be bold")).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_role("button", name="Undo: layer 0, head 1")).to_be_visible()
        expect(page.locator(".try-chips .blocked")).to_have_count(1)


def test_candidate_token_can_be_appended(browser: Browser, page_file: Path) -> None:
    """A click adds it to the text."""
    with trying(browser, page_file) as page:
        read(page, TEXT)
        count = page.locator(".try-chips li").count()
        button = page.locator(".try-next li button").nth(2)
        label = button.inner_text()
        button.click()
        expect(page.locator(".try-chips li")).to_have_count(count + 1)
        expect(page.locator(".try-chips li").last).to_have_text(label)
        assert page.evaluate("document.querySelectorAll('.try-chips .written').length") == 1


def test_keyboard_reaches_every_token(browser: Browser, page_file: Path) -> None:
    """Enter reads the text; arrows move among tokens, and the lens follows."""
    with trying(browser, page_file) as page:
        field = page.get_by_role("textbox", name="Your text")
        field.fill("The dog sat")
        field.press("Enter")
        expect(page.locator(".try-output")).to_have_text("The dog sat")
        wait_for_status(page, "tokens read")
        chips = page.get_by_role("listbox", name="The tokens")
        chips.press("Home")
        selected = page.locator(".try-chips [aria-selected='true']")
        expect(selected).to_have_text("The")
        expect(page.locator(".try-at")).to_have_text("The")
        chips.press("ArrowRight")
        expect(page.locator(".try-at")).to_have_text(selected.inner_text())


def test_long_and_empty_texts_are_reported(browser: Browser, page_file: Path) -> None:
    """The message has the number of tokens that fit."""
    with trying(browser, page_file) as page:
        field = page.get_by_role("textbox", name="Your text")
        field.fill("")
        page.get_by_role("button", name="Read it").click()
        wait_for_status(page, "Write something first.")
        field.fill("cat 1 " * 400)
        page.get_by_role("button", name="Read it").click()
        wait_for_status(page, "this page reads up to 128")


def test_generation_can_be_stopped(browser: Browser, page_file: Path) -> None:
    """It stops before 60 tokens, and the model has read exactly the shown text."""
    live = "window.layerbook.live"
    with trying(browser, page_file) as page:
        read(page, TEXT)
        page.evaluate("""() => {
          const { write, stop } = window.layerbook.live.buttons;
          write.click();
          setTimeout(() => stop.click(), 30);
        }""")
        wait_for_status(page, "written")
        assert page.evaluate(f"{live}.written") < 60
        shown = page.evaluate(f"[...{live}.next.own.slice(0, 5)]")
        again = page.evaluate(
            f"(async () => {{ await {live}.read(); return [...{live}.next.own.slice(0, 5)] }})()"
        )
        assert max(abs(a - b) for a, b in zip(shown, again, strict=True)) < PROBABILITY


def test_edit_cancels_the_run_in_progress(browser: Browser, page_file: Path) -> None:
    """After `Stop`, the page asks to read the text first."""
    with trying(browser, page_file) as page:
        page.get_by_role("textbox", name="Your text").fill("cat 1 " * 30)
        page.evaluate("""async () => {
          const { live } = window.layerbook;
          live.buttons.read.click();
          while (!live.busy) await null;
          live.buttons.stop.click();
        }""")
        wait_for_status(page, "Stopped.")
        page.get_by_role("button", name="Continue", exact=True).click()
        wait_for_status(page, "Let the model read your text first.")


@pytest.mark.parametrize("width", [1280, 390])
def test_layers_and_their_switches_need_no_scrolling(
    browser: Browser, page_file: Path, width: int
) -> None:
    """Narrow tables leave out the third and the second token."""
    with trying(browser, page_file) as page:
        page.set_viewport_size({"width": width, "height": 900})
        read(page, TEXT)
        table = page.locator(".try-layers .scroll")
        assert table.evaluate("box => box.scrollWidth <= box.clientWidth")
        row = table.get_by_role("row").nth(2)
        switch, token = (row.locator(part).first.bounding_box() for part in ("button", ".tok"))
        assert switch and token and switch["x"] < token["x"]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_page_passes_axe_and_fits_the_window(
    browser: Browser, page_file: Path, width: int, scheme: str
) -> None:
    """Before and after the model is loaded."""
    with reading(browser, page_file, width=width, color_scheme=scheme, bypass_csp=True) as page:
        for step in ("closed", "open"):
            if step == "open":
                page.get_by_role("button", name="Load the model").click()
                wait_for_status(page, "tokens read")
                page.get_by_role("button", name="Switch off the MLP of layer 1").click()
                expect(page.get_by_role("button", name="Undo all")).to_be_visible()
                wait_for_status(page, "tokens read")
            assert_accessible(page, "best-practice")
            assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("way", ["choose", "drop"])
def test_page_asks_for_the_model_file_without_the_live_edition(
    browser: Browser, source: GGUFSource, tmp_path: Path, way: str
) -> None:
    """It says where to get the model, and runs the file that is chosen or dropped."""
    file = write_try_page(tmp_path, source, live=False)
    page = browser.new_page()
    page.goto(file.as_uri())
    page.get_by_role("button", name="Load the model").click()
    expect(page.locator(".try-file")).to_contain_text("layerbook build --live")
    if way == "choose":
        page.get_by_label("The model's file").set_input_files(source.location)
    else:
        data = base64.b64encode(Path(source.location).read_bytes()).decode()
        page.evaluate(DROP, data)
    wait_for_status(page, "tokens read")
    page.close()


@pytest.mark.parametrize("worker", [True, False])
def test_reasons_are_in_the_language_of_the_book(
    browser: Browser, source: GGUFSource, tmp_path: Path, worker: bool
) -> None:
    """Those of the worker, and of the page where no worker starts."""
    with language.use(languages.load("de")):
        file = write_try_page(tmp_path / "page", source, live=False)
    text, half = tmp_path / "text.gguf", tmp_path / "half.gguf"
    text.write_text("no model " * 9, encoding="utf-8")
    half.write_bytes(Path(source.location).read_bytes()[:-5000])
    page = browser.new_page()
    if not worker:
        page.add_init_script("delete window.Worker")
    page.goto(file.as_uri())
    page.get_by_role("button", name="Modell laden").click()
    status = page.locator(".try-load .try-status")
    for model, reason in ((text, "Das ist keine GGUF-Datei."), (half, "sie ist unvollständig.")):
        page.get_by_label("Die Datei des Modells").set_input_files(model)
        expect(status).to_contain_text(reason)
        expect(status).to_contain_text("Das Modell lässt sich nicht laden: ")
    page.close()


def test_damaged_part_is_refused(browser: Browser, source: GGUFSource, tmp_path: Path) -> None:
    """One letter of the base64 is changed."""
    file = write_try_page(tmp_path, source)
    part = tmp_path / "live" / "weights-00.js"
    text = bytearray(part.read_bytes())
    text[-2000] = ord("B") if text[-2000] == ord("A") else ord("A")
    part.write_bytes(text)
    with reading(browser, file) as page:
        page.get_by_role("button", name="Load the model").click()
        expect(page.locator(".try-load .try-status")).to_contain_text("the file is damaged")
        expect(page.locator(".try-app")).to_be_hidden()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tokenizer.ggml.pre": "llama-bpe"}, "cut text by the tokenizer's rule llama-bpe"),
        ({"tokenizer.ggml.merges": None}, "the header lacks tokenizer.ggml.merges"),
        ({"tokenizer.ggml.add_bos_token": True}, "a tokenizer that adds something to each text"),
    ],
)
def test_other_tokenizers_are_refused_by_name(
    browser: Browser,
    tiny_model_dir: Path,
    tmp_path: Path,
    changes: dict[str, object],
    message: str,
) -> None:
    """The model would get wrong tokens."""
    gguf = write_gguf(tiny_model_dir, tmp_path / "other.gguf", changes)
    file = write_try_page(tmp_path, GGUFSource("other", str(gguf)))
    with reading(browser, file) as page:
        page.get_by_role("button", name="Load the model").click()
        expect(page.locator(".try-load .try-status")).to_contain_text(message, timeout=60_000)
