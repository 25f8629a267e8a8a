"""The tokenizer in the page gives the tokens of the Python library, and can be used by hand."""

from __future__ import annotations

import json
import random
import re
import sys
import unicodedata
from pathlib import Path

import pytest
from fixtures.chromium import assert_accessible, reading
from fixtures.other_tokenizers import BPE_WRITERS
from fixtures.small_book import layerbook, write_small_book
from fixtures.tiny_llama import write_tiny_tokenizer
from fixtures.tokenizer_page import write_live_page
from layerbook.analyses.merge_steps import MergeSteps
from layerbook.core.requests import ActivationCache, Prompt
from layerbook.core.tokens import visible
from layerbook.model.tokenizer import ModelTokenizer
from playwright.sync_api import Browser, Page
from tokenizers import Tokenizer

pytestmark = pytest.mark.browser
TEXT = "It's 1234 owls 🦉\n"
EXPERIMENT = """
  - id: live
    title: Yours
    analysis: tokenizer-file
    text: "The cat"
    captions:
      tokens: A text and its tokens.
"""
WORDS = (
    *(" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", " " * 30),
    *("\u0085", "\u00a0", "\u180e", "\u200b", "\u2028", "\u202e", "\u3000", "\ufeff"),
    *(
        "1",
        "42",
        "½",
        "²",
        "٣",
        "Ⅷ",
        "一",
        "the",
        " the",
        "The",
        "Paris",
        "'s",
        "'LL",
        "don't",
        "x" * 40,
    ),
    *(
        "def f(x):",
        "    return x**2",
        "{}[]();",
        "!=",
        '"',
        "\\",
        "__proto__",
        "constructor",
        "Ġ",
        "▁",
        "<0x0A>",
    ),
    *("é", "e\u0301", "ß", "İ", "naïve", "Ω", "日本語", "שלום", "مرحبا"),
    *("🦉", "👩\u200d👩\u200d👧", "🏳\ufe0f\u200d🌈", "❤\ufe0f", "👍🏽", "🇫🇷", "\ud83e", "\udd89"),
    *(
        "\x00",
        "\x13",
        "\x1b",
        "\x7f",
        "\ufffd",
        "\uffff",
        "\U00042126",
        "\U00050000",
        "\U000e0100",
        "\U0010ffff",
    ),
    *("<|im_end|>", "<|im_start|>", "<|im_", "|>", "<s>", "<|eot_id|>"),
)


def corpus() -> list[str]:
    """Return about 1500 texts: known pieces, mixtures of them, and characters from all of
    Unicode.
    """
    rng = random.Random(20240917)
    pieces = [
        chr(c)
        for c in range(sys.maxunicode + 1)
        if unicodedata.category(chr(c)) not in ("Cn", "Cs")
    ]
    telling = [
        c
        for c in pieces
        if unicodedata.category(c)[0] in "NZ" or unicodedata.category(c) in ("Cc", "Cf")
    ]
    texts = ["", *WORDS, *(f"a {c}{c} {c}1{c}b" for c in rng.sample(telling, 500))]
    texts += ["".join(rng.choice(WORDS) for _ in range(rng.randint(2, 14))) for _ in range(500)]
    texts += ["".join(rng.choice(pieces) for _ in range(rng.randint(1, 20))) for _ in range(400)]
    return texts


def page_tokens(page: Page, texts: list[str]) -> list[list[tuple[int, str]]]:
    """Return the page's ids of texts and the labels of their tokens; surrogates are sent as
    escapes.
    """
    cut = (
        "texts => JSON.stringify(JSON.parse(texts).map("
        "t => layerbook.tokenize(t).map(k => [k.id, k.shown])))"
    )
    answer = json.loads(page.evaluate(cut, json.dumps(texts)))
    return [[(id, shown) for id, shown in tokens] for tokens in answer]


def expected(folder: Path, texts: list[str]) -> list[list[tuple[int, str]]]:
    """Return the ids of the Python library; half a surrogate pair counts as the replacement
    character.
    """
    backend, tokenizer = (
        Tokenizer.from_file(str(folder / "tokenizer.json")),
        ModelTokenizer.load(folder),
    )
    well = [text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") for text in texts]
    return [
        [(id, visible(tokenizer.token(id))) for id in backend.encode(text).ids] for text in well
    ]


def differing(page: Page, folder: Path) -> list[object]:
    """Return the differences as triples of text, Python's tokens and the page's."""
    texts = corpus()
    rows = zip(texts, expected(folder, texts), page_tokens(page, texts), strict=True)
    return [row for row in rows if row[1] != row[2]]


def opened(page: Page) -> None:
    """Load the tokenizer with its button."""
    page.get_by_role("button", name="Type a text of your own").click()
    page.get_by_role("textbox", name="Your text").wait_for()


def expect_status(page: Page, start: str) -> None:
    """Wait until the status line of the figure has this text."""
    page.locator(".live-status").filter(has_text=re.compile(f"^{re.escape(start)}")).wait_for(
        timeout=5000
    )


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a small tokenizer of SmolLM's kind."""
    folder = tmp_path_factory.mktemp("small")
    write_tiny_tokenizer(folder)
    return folder


@pytest.fixture(scope="module")
def file(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a page with the small tokenizer."""
    return write_live_page(tmp_path_factory.mktemp("page"), ModelTokenizer.load(small), TEXT)


@pytest.mark.model
def test_tokens_match_the_models_own_tokenizer(
    browser: Browser, real_model_dir: Path, tmp_path: Path
) -> None:
    """On the whole corpus, with equal labels."""
    file = write_live_page(tmp_path, ModelTokenizer.load(real_model_dir), TEXT)
    with reading(browser, file) as page:
        opened(page)
        assert differing(page, real_model_dir) == []


def test_small_tokenizer_gives_the_same_tokens(browser: Browser, small: Path, file: Path) -> None:
    """It has all 256 bytes and an unknown token."""
    with reading(browser, file) as page:
        opened(page)
        assert differing(page, small) == []


@pytest.mark.parametrize("kind", BPE_WRITERS)
def test_other_llama_tokenizers_give_the_same_tokens(
    browser: Browser, tmp_path: Path, kind: str
) -> None:
    """They have spaces as letters, byte tokens, a start token, and other patterns."""
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    BPE_WRITERS[kind](folder)
    with reading(browser, write_live_page(tmp_path, ModelTokenizer.load(folder), TEXT)) as page:
        opened(page)
        assert differing(page, folder) == []


def test_built_book_includes_the_tokenizer(
    browser: Browser, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """It is built from the result, also where only results exist."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    for name, more in (
        ("experiments/words.yaml", EXPERIMENT),
        ("templates/chapters/words.md", '\n{{ figure("live") }}\n'),
    ):
        (book / name).write_text((book / name).read_text(encoding="utf-8") + more, encoding="utf-8")
    for arguments in (("build",), ("build", "--no-run", "--force")):
        layerbook(*arguments, cwd=book, check=True)
        with reading(browser, book / "site/words.html") as page:
            assert page.locator("#live-tokens .chip .tok").all_inner_texts()[0] == "The"
            opened(page)
            assert differing(page, tiny_model_dir) == []


def test_tokenizer_is_loaded_on_demand(browser: Browser, file: Path) -> None:
    """The button states the size of the download."""
    with reading(browser, file) as page:
        assert page.evaluate("[typeof layerbookTokenizers, typeof layerbookData]") == [
            "undefined",
            "undefined",
        ]
        assert "kB" in page.locator(".live-status").inner_text()
        opened(page)
        assert page.evaluate("typeof layerbookTokenizers.Tokenizer") == "function"


def test_typing_updates_the_tokens(browser: Browser, small: Path, file: Path) -> None:
    """By keyboard alone: open, type, and move over the chips with their bytes and positions."""
    with reading(browser, file) as page:
        page.get_by_role("button", name="Type a text of your own").focus()
        page.keyboard.press("Enter")
        field = page.get_by_role("textbox", name="Your text")
        field.wait_for()
        assert field.input_value() == TEXT
        text = "2 + <|im_end|>\tê"
        page.keyboard.type(text.split("\t")[0])
        page.keyboard.press("Shift+Enter")
        page.keyboard.type("ê")
        text = text.replace("\t", "\n")
        expect_status(page, "16 characters, ")
        chips = page.get_by_role("listbox", name="The tokens").get_by_role("option")
        (tokens,) = expected(small, [text])
        assert chips.locator(".tok").all_inner_texts() == [shown for _, shown in tokens]
        assert chips.locator(".tok-id").all_inner_texts() == [str(id) for id, _ in tokens]
        assert chips.locator(".special").all_inner_texts() == ["<|im_end|>"]
        assert f"{len(tokens)} tokens" in page.get_by_role("status").inner_text()
        page.keyboard.press("Tab")  # the slider
        page.keyboard.press("Tab")  # what lets the merges run
        page.keyboard.press("Tab")
        detail = page.locator(".live-detail")
        assert detail.inner_text() == f"position 0: 2, id {tokens[0][0]}, byte 32"
        page.keyboard.press("End")
        assert detail.inner_text().startswith(f"position {len(tokens) - 1}: ")
        for _ in range(len(tokens)):
            page.keyboard.press("ArrowLeft")
        assert detail.inner_text().startswith("position 0: ")
        chips.locator(".special").hover()
        assert "a special token" in detail.inner_text()
        assert page.url.endswith("attention.html")


EXAMPLES = ("The cat sat on the mat", "owl 42\nowl 43")


@pytest.fixture(scope="module")
def examples(small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a page with two more example texts."""
    folder = tmp_path_factory.mktemp("examples")
    return write_live_page(folder, ModelTokenizer.load(small), TEXT, EXAMPLES)


def test_example_buttons_fill_the_text(browser: Browser, small: Path, examples: Path) -> None:
    """Before loading they show their tokens, afterwards they fill the field."""
    with reading(browser, examples) as page:
        buttons = page.get_by_role("group", name="Examples").get_by_role("button")
        assert buttons.all_inner_texts()[1:] == [EXAMPLES[0], "owl 42⏎owl 43"]
        buttons.nth(1).click()
        assert page.evaluate("typeof layerbookTokenizers") == "undefined"
        tokens = dict(zip(EXAMPLES, expected(small, list(EXAMPLES)), strict=True))
        visible_ids = page.locator(".live .tok-id:visible")
        assert visible_ids.all_inner_texts() == [str(id) for id, _ in tokens[EXAMPLES[0]]]

        opened(page)
        field = page.get_by_role("textbox", name="Your text")
        assert field.input_value() == EXAMPLES[0]
        buttons.nth(2).click()
        assert field.input_value() == EXAMPLES[1]
        assert visible_ids.all_inner_texts() == [str(id) for id, _ in tokens[EXAMPLES[1]]]
        assert [b.get_attribute("aria-pressed") for b in buttons.all()] == [
            "false",
            "false",
            "true",
        ]
        field.fill("owl")
        assert {b.get_attribute("aria-pressed") for b in buttons.all()} == {"false"}


def test_slider_steps_through_the_merges(browser: Browser, small: Path, file: Path) -> None:
    """Pieces and ranks of each step agree with the analysis, in both directions."""
    text = "The cats sat"
    tokenizer = ModelTokenizer.load(small)
    ids, encoded = tokenizer.encode(Prompt(text=text))
    run = ActivationCache(tokenizer.tokens(ids), encoded, tokenizer)
    result = MergeSteps(text=text).measure({"text": run})
    assert len(result.merges) > 2
    stages = [result.start, *(merge.pieces for merge in result.merges)]
    with reading(browser, file) as page:
        opened(page)
        page.get_by_role("textbox", name="Your text").fill(text)
        slider, line = page.get_by_role("slider", name="Merges"), page.locator(".live-merge")
        assert slider.get_attribute("max") == slider.input_value() == str(len(result.merges))
        for i in reversed(range(len(stages))):
            shown = page.locator(".live .chip .tok").all_inner_texts()
            assert shown == [visible(token) for token in stages[i]]
            if i:
                merge = result.merges[i - 1]
                parts = [visible(merge.left), "+", visible(merge.right), "→"]
                assert " ".join(parts) in line.inner_text()
                assert f"no. {merge.rank:,} in the list" in line.inner_text()
                assert slider.get_attribute("aria-valuetext") == line.inner_text()
            else:
                assert line.inner_text() == "before the first merge"
            slider.press("ArrowLeft")
        page.get_by_role("textbox", name="Your text").fill("x" * 301)
        slider.wait_for(state="hidden")


def test_play_button_steps_through_the_merges(browser: Browser, file: Path) -> None:
    """It can be stopped, and is absent with reduced motion."""
    with reading(browser, file) as page:
        opened(page)
        slider = page.get_by_role("slider", name="Merges")
        page.get_by_role("textbox", name="Your text").fill("The cats sat")
        whole = page.locator(".live .chip .tok").all_inner_texts()
        last = slider.get_attribute("max") or ""
        play = page.get_by_role("button", name="Merge step by step")
        page.clock.install()
        play.press("Enter")
        assert int(slider.input_value()) < int(last)
        page.get_by_role("button", name="Stop").wait_for()
        page.clock.run_for(20_000)
        play.wait_for()  # it stops at the end
        assert slider.input_value() == last
        assert page.locator(".live .chip .tok").all_inner_texts() == whole
        play.click()
        slider.press("Home")
        page.clock.run_for(20_000)
        assert slider.input_value() == "0"
    with reading(browser, file, reduced_motion="reduce") as page:
        opened(page)
        assert page.get_by_role("button", name="Merge step by step").count() == 0


@pytest.mark.parametrize("kind", BPE_WRITERS)
def test_last_merge_gives_the_tokens(browser: Browser, tmp_path: Path, kind: str) -> None:
    """For all texts of the corpus that have merges."""
    folder = tmp_path / "tokenizer"
    folder.mkdir()
    BPE_WRITERS[kind](folder)
    find = (
        "texts => texts.map(text => { const tokens = layerbook.tokenize(text);"
        "const stages = layerbook.stages(tokens);"
        "const ids = list => list.map(token => token.id).join();"
        "return [stages.length, !stages.length || ids(stages.at(-1).tokens) === ids(tokens)] })"
    )
    texts = [text for text in corpus() if len(text) <= 100]
    with reading(browser, write_live_page(tmp_path, ModelTokenizer.load(folder), TEXT)) as page:
        opened(page)
        outcomes = page.evaluate(find, [text for text in texts if text.isprintable()])
        assert all(same for _, same in outcomes)
        assert sum(count > 1 for count, _ in outcomes) > 20


def test_long_pasted_text_is_shortened_with_a_note(browser: Browser, file: Path) -> None:
    """Of 100,000 characters the first 20,000 are tokenized within seconds; the field keeps all."""
    with reading(browser, file) as page:
        opened(page)
        field = page.get_by_role("textbox", name="Your text")
        for text in ("x" * 100_000, "🦉" * 100_001, " a\n\t" * 25_001):
            field.evaluate(
                "(field, text) => { field.value = text; field.dispatchEvent(new Event('input')) }",
                text,
            )
            expect_status(page, f"The first 20,000 of {len(text):,} characters: ")
            assert page.locator(".live .chip").count() == 1500
            assert "the first 1,500 are drawn" in page.get_by_role("status").inner_text()
            assert field.input_value() == text
        field.fill("")
        expect_status(page, "0 characters, 0 tokens.")
        assert not page.locator(".live .chips").is_visible()


def test_typed_markup_is_shown_as_text(browser: Browser, file: Path) -> None:
    with reading(browser, file) as page:
        opened(page)
        page.get_by_role("textbox", name="Your text").fill(
            "<img src=x onerror=alert(1)><script>alert(1)</script>"
        )
        expect_status(page, "53 characters, ")
        assert page.locator(".live img, .live script").count() == 0


def test_missing_files_are_reported(browser: Browser, small: Path, tmp_path: Path) -> None:
    """A page copied without its data states what is missing and does not change."""
    file = write_live_page(tmp_path, ModelTokenizer.load(small), TEXT)
    (tmp_path / "data/words/live-tokens.js").write_text("", encoding="utf-8")
    with reading(browser, file) as page:
        page.get_by_role("button", name="Type a text of your own").click()
        page.get_by_text("cannot be loaded").wait_for()
        assert page.locator(".live textarea").count() == 0
        assert page.locator(".live .chip").count() > 5


def test_tokens_are_static_without_scripts_and_in_print(browser: Browser, file: Path) -> None:
    """The example is shown without controls; the reader's own text is printed."""
    with reading(browser, file, java_script_enabled=False) as page:
        assert page.locator(".live .chip:visible").count() > 5
        assert page.locator(".live button, .live textarea").count() == 0
    with reading(browser, file) as page:
        opened(page)
        page.get_by_role("textbox", name="Your text").fill("one two")
        expect_status(page, "7 characters, ")
        page.emulate_media(media="print")
        assert (
            page.locator(".live-bar:visible, .live textarea:visible, .live-detail:visible").count()
            == 0
        )
        assert page.locator(".live .strip-label").inner_text() == "one·two"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_page_passes_axe(browser: Browser, file: Path, width: int, scheme: str) -> None:
    """Before loading, in use, and with an empty field; nothing scrolls sideways."""
    with reading(browser, file, width=width, color_scheme=scheme, bypass_csp=True) as page:
        for step in ("closed", TEXT * 5, ""):
            if step == TEXT * 5:
                opened(page)
            if step != "closed":
                page.get_by_role("textbox", name="Your text").fill(step)
                page.wait_for_timeout(400)
            assert_accessible(page, "best-practice", context=".figure")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
