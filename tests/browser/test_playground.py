"""The sampling playground agrees with Python and with transformers."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from fixtures.chromium import assert_accessible, reading
from fixtures.run_analysis import capture_requests
from fixtures.sample_chapter import BOOK, SampleViews, context, figure_view
from fixtures.small_book import layerbook, write_small_book
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.all_logits import AllLogits, AllLogitsResult, Setting
from layerbook.book.loader import load_chapter
from layerbook.core.distributions import sampling_distribution
from layerbook.core.figures import Panels
from layerbook.core.limits import Limits
from layerbook.core.requests import NEXT_LOGITS
from layerbook.core.rounding import round_result
from layerbook.site.assets import assets
from layerbook.site.blocks import FigureScript, Link
from layerbook.site.interactive import sampling as playground
from layerbook.site.page_templates import render_page
from layerbook.site.pages import ChapterPage
from layerbook.site.prose.render import render_chapter
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.browser, pytest.mark.long]
ROOT = Path(__file__).resolve().parents[2]
VOCABULARY_SIZE, SHOWN = 49152, 20
# Largest difference of a shown probability; a mass this close to top-p may fall to either side.
TOLERANCE = 1e-9
DATA = "data/words/knobs.js"
SETTINGS = (
    Setting(name="own"),
    Setting(name="greedy", temperature=0),
    Setting(name="lecture", temperature=0.2, top_p=0.9),
)
PROMPTS = ("<b>like a model</b>", "eight equals", "a long tail")
GRID = [
    (0, VOCABULARY_SIZE, 1),
    (1, 1, 1),
    *product((0.01, 0.2, 1, 3), (2, 50, VOCABULARY_SIZE), (0, 0.5, 0.9, 0.999, 1)),
]
REAL_MODEL_GRID = [
    (0, VOCABULARY_SIZE, 1),
    *product((0.2, 0.9, 2.5), (50, VOCABULARY_SIZE), (0.9, 1)),
]


def sample_scores() -> NDArray[np.float32]:
    """Return scores [3, V]: some equal as in a model, eight equal peaks, and almost flat."""
    rng = np.random.default_rng(7)
    model_like = (rng.standard_normal(VOCABULARY_SIZE) * 3.5).round(3)
    model_like[[11, 40000, 300, 301]] = [19.5, 18.25, 18.25, 18.25]
    equal_scores = np.full(VOCABULARY_SIZE, -1e4)
    equal_scores[[5, 9, 700, 701, 702, 9000, 30000, 49151]] = 2.5
    return np.stack([model_like, equal_scores, rng.standard_normal(VOCABULARY_SIZE) / 4]).astype(
        np.float32
    )


@dataclass(frozen=True)
class ShownState:
    """The probabilities on the page, those of all other tokens, counts, and the summary."""

    tokens: list[str]
    probs: list[float]
    rest_prob: float
    rest_candidates: int
    candidates: int
    summary: str


class Playground:
    """The open figure and its controls."""

    def __init__(self, page: Page) -> None:
        self.page, self.box = page, page.locator(".play")
        page.get_by_role("button", name="Turn the knobs yourself").click()
        self.box.wait_for()

    def turn(self, temperature: float, top_k: int, top_p: float) -> ShownState:
        """Type the changed settings and return the shown state."""
        old_values = self.box.get_by_role("spinbutton").evaluate_all(
            "all => all.map(one => Number(one.value))"
        )
        settings = (("Temperature", temperature), ("Top-k", top_k), ("Top-p", top_p))
        for (name, value), old_value in zip(settings, old_values, strict=True):
            if value != old_value:
                self.box.get_by_role("spinbutton", name=f"{name}, exactly").fill(repr(value))
        return self.shown()

    def slider(self, name: str) -> Locator:
        """Return the slider of this name."""
        return self.box.get_by_role("slider", name=name)

    def shown(self) -> ShownState:
        """Return the shown state."""
        script = """box => [
            [...box.querySelectorAll("li .tok")].map(e => e.title + " " + e.textContent),
            [...box.querySelectorAll(".explorer-value")].map(e => e.title),
            box.querySelector(".play-rest span:nth-child(2)").textContent,
            box.querySelector(".play-summary").textContent]"""
        tokens, values, rest_text, summary = self.box.evaluate(script)
        candidates, *_ = re.findall(r"[\d,]+", summary)
        probs = [float(value) for value in values]
        counts = [int(n.replace(",", "")) for n in (rest_text.split(" ")[0], candidates)]
        return ShownState(tokens, probs[:-1], probs[-1], *counts, summary)


def assert_agrees(
    shown: ShownState, prob: NDArray[np.float64], scores: NDArray[np.float32]
) -> None:
    """Assert equal candidates, and probabilities equal to TOLERANCE."""
    order = np.argsort(-scores, kind="stable")
    assert shown.candidates == int((prob > 0).sum())
    assert shown.rest_candidates == int((prob[order[SHOWN:]] > 0).sum())
    assert np.abs(np.array(shown.probs) - prob[order[:SHOWN]]).max() < TOLERANCE
    assert abs(shown.rest_prob - math.fsum(prob[order[SHOWN:]])) < TOLERANCE
    assert abs(math.fsum(shown.probs) + shown.rest_prob - 1) < 1e-12
    assert [token.split(",")[0] for token in shown.tokens] == [
        f"token {id}" for id in order[:SHOWN]
    ]


def transformers_distribution(
    scores: NDArray[np.float32], temperature: float, top_k: int, top_p: float
) -> NDArray[np.float64]:
    """Return the distribution after Hugging Face's processors in float64; greedy is the argmax."""
    import torch
    from transformers.generation.logits_process import (
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    scores_left = torch.tensor(scores).double()[None]
    if temperature == 0:
        return torch.nn.functional.one_hot(scores_left[0].argmax(), len(scores)).double().numpy()
    for processor in (
        TemperatureLogitsWarper(float(temperature)),
        TopKLogitsWarper(top_k),
        TopPLogitsWarper(float(top_p)),
    ):
        scores_left = processor(None, scores_left)
    prob: NDArray[np.float64] = torch.softmax(scores_left[0], -1).numpy()
    return prob


def write_page(folder: Path, analysis: AllLogits, result: AllLogitsResult) -> Path:
    """Write a page with the figure of a result, and its data."""
    figure = analysis.figures(result)["knobs"]
    assert isinstance(figure, Panels) and figure.interactive is not None
    data = playground.data_script(DATA, figure.interactive)
    view = figure_view("noise", "bars")
    view = replace(
        view,
        kind="panels",
        script=FigureScript(DATA, "scores", playground.description(len(data))),
        scores=figure.interactive,
        title="Knobs",
    )
    ctx = context(SampleViews(shown=view))
    body = render_chapter('{{ figure("knobs") }}', "knobs.md", ctx)
    neighbors = {"previous": Link("Before", "before.html"), "next": Link("After", "after.html")}
    page = ChapterPage("attention", "Attention", "Chapter 1", body, **neighbors)
    for name, content in (
        assets(ctx.math.css_rules)
        | {"attention.html": render_page(page, BOOK, ctx.jinja_env).encode(), DATA: data}
    ).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / "attention.html"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a page with the sample scores.

    The two best tokens of the first prompt look alike, and another one is markup.
    """
    pieces = [f" w{i}" for i in range(VOCABULARY_SIZE)]
    pieces[11] = pieces[300] = " alike"
    pieces[301] = "<img src=x onerror=alert(1)>"
    vocabulary, scores = ByteVocabulary(*pieces), sample_scores()
    analysis = AllLogits(prompts=PROMPTS, settings=SETTINGS, show_top=SHOWN)
    captures = {
        f"prompt-{i}": vocabulary.capture([0], {NEXT_LOGITS: row}) for i, row in enumerate(scores)
    }
    return write_page(tmp_path_factory.mktemp("page"), analysis, analysis.measure(captures))


@pytest.mark.parametrize("prompt", range(3))
def test_playground_agrees_with_python_on_a_grid_of_settings(
    browser: Browser, file: Path, prompt: int
) -> None:
    """`core.distributions` agrees everywhere, transformers where no score ties with the k-th.
    At ties, transformers keeps all of them, and the book those with the lowest ids.
    """
    scores = sample_scores()[prompt]
    order = np.argsort(-scores, kind="stable")
    sorted_scores, comparisons = scores[order], 0
    with reading(browser, file) as page:
        play = Playground(page)
        play.box.get_by_role("combobox").select_option(index=prompt)
        for temperature, top_k, top_p in GRID:
            shown = play.turn(temperature, top_k, top_p)
            assert_agrees(shown, sampling_distribution(scores, temperature, top_k, top_p), scores)
            if (
                temperature
                and top_k < VOCABULARY_SIZE
                and sorted_scores[top_k - 1] == sorted_scores[top_k]
            ):
                continue
            reference = transformers_distribution(scores, temperature, top_k, top_p)
            assert shown.candidates == (reference > 0).sum(), (temperature, top_k, top_p)
            comparisons += 1
            # Of equal scores, transformers may list others.
            if len(set(sorted_scores[: SHOWN + 1])) == SHOWN + 1:
                assert np.abs(np.array(shown.probs) - reference[order[:SHOWN]]).max() < TOLERANCE
            assert (
                np.abs(np.sort(shown.probs)[::-1] - np.sort(reference)[::-1][:SHOWN]).max()
                < TOLERANCE
            )
    share = 1 / 3 if prompt == 1 else 2 / 3
    assert comparisons >= share * len(GRID)


def test_top_p_agrees_with_python_at_the_boundaries(browser: Browser, file: Path) -> None:
    """Exactly at a cumulative probability rounding may decide, but not a billionth beside it."""
    scores = sample_scores()[0]
    with reading(browser, file) as page:
        play = Playground(page)
        for temperature, rank in product((0.8, 1, 2), (1, 3, 40, 2500)):
            prob = np.sort(sampling_distribution(scores, temperature))[::-1]
            boundary = float(prob[:rank].sum())
            candidates = play.turn(temperature, VOCABULARY_SIZE, boundary).candidates
            assert rank <= candidates <= rank + 1 and abs(math.fsum(prob[:rank]) - boundary) < 1e-12
            for top_p in (boundary - TOLERANCE, boundary + TOLERANCE):
                assert_agrees(
                    play.turn(temperature, VOCABULARY_SIZE, top_p),
                    sampling_distribution(scores, temperature, None, top_p),
                    scores,
                )
        play.box.get_by_role("combobox").select_option(index=1)
        # Eighths are exact: at the boundary no further token is kept, just above it one is.
        for rank in range(1, 9):
            assert play.turn(1, VOCABULARY_SIZE, rank / 8).candidates == rank
            assert play.turn(1, VOCABULARY_SIZE, rank / 8 - 2**-40).candidates == rank
            if rank < 8:
                assert play.turn(1, VOCABULARY_SIZE, rank / 8 + 2**-40).candidates == rank + 1


def test_smallest_temperatures_keep_the_best_tokens(browser: Browser, file: Path) -> None:
    """Down to the smallest float nothing overflows, and ties share the probability."""
    with reading(browser, file) as page:
        play = Playground(page)
        for prompt, temperature in product((0, 1), (1e-3, 1e-40, 5e-324)):
            play.box.get_by_role("combobox").select_option(index=prompt)
            shown = play.turn(temperature, VOCABULARY_SIZE, 1)
            assert_agrees(
                shown,
                sampling_distribution(sample_scores()[prompt], temperature),
                sample_scores()[prompt],
            )
            assert "rounding removed" in shown.summary


def test_sliders_and_fields_stay_in_step(browser: Browser, file: Path) -> None:
    """An invalid number changes nothing."""
    scores = sample_scores()[0]
    with reading(browser, file) as page:
        play = Playground(page)
        for place in ("0", "0.25", "0.5", "1"):
            play.slider("Top-k").fill(place)
            play.slider("Temperature").fill("0.7")
            play.slider("Top-p").fill("0.93")
            values = play.box.get_by_role("spinbutton").evaluate_all(
                "all => all.map(one => Number(one.value))"
            )
            assert values == [0.7, round(VOCABULARY_SIZE ** float(place)), 0.93]
            assert_agrees(play.shown(), sampling_distribution(scores, *values), scores)
        play.slider("Temperature").focus()
        page.keyboard.press("ArrowRight")
        assert play.slider("Temperature").get_attribute("aria-valuetext") == "0.71"
        assert_agrees(play.shown(), sampling_distribution(scores, 0.71, None, 0.93), scores)
        state = play.shown()
        for name, text in (
            ("Temperature", "-1"),
            ("Top-k", "0"),
            ("Top-k", "2.5"),
            ("Top-p", "1.5"),
            ("Top-p", ""),
        ):
            field = play.box.get_by_role("spinbutton", name=f"{name}, exactly")
            field.fill(text)
            assert play.shown() == state
            field.blur()
            # The last valid number is restored.
            assert field.input_value() in ("0.71", str(VOCABULARY_SIZE), "0.93")


def test_buttons_stay_pressed_until_a_setting_changes(browser: Browser, file: Path) -> None:
    """The summary states the share that each step removed."""
    scores = sample_scores()[0]
    distribution = sampling_distribution(scores, 1.0)
    with reading(browser, file) as page:
        play = Playground(page)
        assert "removed" not in play.shown().summary
        for setting in SETTINGS[::-1]:
            play.box.get_by_role("button", name=setting.name).click()
            assert_agrees(
                play.shown(),
                sampling_distribution(scores, setting.temperature, None, setting.top_p),
                scores,
            )
            assert play.box.locator("[aria-pressed=true]").all_inner_texts() == [setting.name]
        shown = play.turn(1, 50, 0.5)
        assert play.box.locator("[aria-pressed=true]").count() == 0
        top_probs = np.sort(distribution)[::-1][:50]
        top_k_percent = 100 * (1 - top_probs.sum())
        top_p_percent = 100 * top_probs[shown.candidates :].sum() / top_probs.sum()
        outside_list = f"top-k removed {VOCABULARY_SIZE - 50:,} with {top_k_percent:.2f}\u202f%"
        assert f"{outside_list} of the probability" in shown.summary
        outside_nucleus = f"top-p removed {50 - shown.candidates} with {top_p_percent:.2f}\u202f%"
        assert f"{outside_nucleus} of what was left" in shown.summary
        choices = 2 ** -sum(
            p * math.log2(p) for p in sampling_distribution(scores, 1, 50, 0.5) if p
        )
        assert f"a fair draw from {choices:.2f};" in shown.summary
        marks = play.box.locator(".explorer-value").all_inner_texts()
        expected = ["✗ top-p" if rank >= shown.candidates else None for rank in range(SHOWN)]
        assert all(
            mark == expected_mark or expected_mark is None
            for mark, expected_mark in zip(marks, expected, strict=False)
        )
        assert play.box.locator("li.absent").count() == SHOWN - min(SHOWN, shown.candidates)


def test_equal_tokens_are_distinguished_and_markup_is_text(browser: Browser, file: Path) -> None:
    """Equal tokens show their ids."""
    with reading(browser, file) as page:
        play = Playground(page)
        texts = [token.split(" ", 4)[4] for token in play.shown().tokens[:4]]
        assert texts == [
            "·alike\u00a0#11",
            "·alike\u00a0#300",
            "<img·src=x·onerror=alert(1)>",
            "·w40000",
        ]
        assert play.box.locator("img, select b").count() == 0
        assert play.box.locator("option").first.inner_text() == "“<b>like a model</b>”"


def test_draws_follow_the_distribution_and_the_seed(browser: Browser, file: Path) -> None:
    """Draws follow the cumulative probability; rare tokens have their text."""
    scores = sample_scores()
    with reading(browser, file) as page:
        play = Playground(page)
        play.turn(1, 4, 1)
        chances = np.sort(sampling_distribution(scores[0], 1, 4))[::-1][:4]
        cumulative = np.cumsum(chances)
        for number, rank in (
            (0, 0),
            (cumulative[0] - 1e-6, 0),
            (cumulative[0] + 1e-6, 1),
            (cumulative[2] + 1e-6, 3),
            (1 - 2**-53, 3),
        ):
            page.evaluate("number => { Math.random = () => number }", number)
            play.box.get_by_role("button", name="Draw a token").click()
            title = play.box.locator(".play-drawn .tok").first.get_attribute("title")
            assert title and title.endswith(f", rank {rank + 1}")
        assert play.box.locator(".play-drawn .tok").count() == 5
        play.box.get_by_role("combobox").select_option(index=2)
        # Draws of another prompt are removed.
        assert play.box.locator(".play-drawn .tok").count() == 0
        order = np.argsort(-scores[2], kind="stable")
        rank = 20_000
        play.box.get_by_role("button", name="own").click()
        cumulative = np.cumsum(sampling_distribution(scores[2], 1)[order])
        page.evaluate(
            "number => { Math.random = () => number }",
            float(cumulative[rank - 1] + cumulative[rank]) / 2,
        )
        for _ in range(40):
            play.box.get_by_role("button", name="Draw a token").click()
        assert play.box.locator(".play-drawn .tok").all_inner_texts() == [f"·w{order[rank]}"] * 30


@pytest.mark.parametrize("reduced_motion", ["reduce", "no-preference"])
def test_thousand_draws_are_counted(browser: Browser, file: Path, reduced_motion: str) -> None:
    """Counts agree with evenly spread draws; changing a setting clears them."""
    scores = sample_scores()
    with reading(browser, file, reduced_motion=reduced_motion) as page:
        play = Playground(page)
        play.turn(1, 4, 1)
        page.evaluate("() => { let i = 0; Math.random = () => (i++ % 1000 + 0.5) / 1000; }")
        many = play.box.get_by_role("button", name="Draw a thousand")
        chances = np.sort(sampling_distribution(scores[0], 1, 4))[::-1][:4]
        edges = np.concatenate([[0], np.cumsum(chances)])
        draws = (np.arange(1000) + 0.5) / 1000
        expected = np.histogram(draws, bins=edges)[0]
        counts = play.box.locator(".play-count")
        for times in (1, 2):
            many.click()
            page.get_by_text(f"{times},000 draws").wait_for()
            texts = counts.all_inner_texts()
            assert texts[:4] == [f"{times * count:,}×" for count in expected]
            assert texts[-1] == "0×"
        play.turn(1, 3, 1)
        assert not any(counts.all_inner_texts())


def test_data_are_loaded_on_demand(browser: Browser, file: Path) -> None:
    """The size is stated; if the file is missing, the button says so."""
    with reading(browser, file) as page:
        size = (file.parent / DATA).stat().st_size
        button = page.get_by_role("button", name="Turn the knobs yourself")
        assert button.is_visible()
        text = page.locator(".viewer-note").text_content() or ""
        assert f"{size / 1e6:.1f}\u202fMB: every score as the model gave it, none rounded" in text
        assert size < 1_250_000
        assert page.evaluate("typeof layerbookData") == "undefined"
        assert page.locator(".play").count() == 0
    content = (file.parent / DATA).read_bytes()
    (file.parent / DATA).write_text("", encoding="utf-8")
    try:
        with reading(browser, file) as page:
            page.get_by_role("button", name="Turn the knobs yourself").click()
            page.get_by_role("button", name="Its data is missing").wait_for()
            assert page.locator(".picture .drawing").is_visible()
    finally:
        (file.parent / DATA).write_bytes(content)


def test_figure_is_static_without_scripts_and_in_print(browser: Browser, file: Path) -> None:
    """The picture is printed, even if the playground is open."""
    with reading(browser, file, java_script_enabled=False) as page:
        assert page.locator(".picture .drawing").is_visible()
        assert page.locator("main button, main input, main select").count() == 0
    with reading(browser, file) as page:
        play = Playground(page)
        assert not page.locator(".picture").is_visible()
        page.emulate_media(media="print")
        assert page.locator(".picture .drawing").is_visible() and not play.box.is_visible()
        page.emulate_media(media="screen")
        page.get_by_role("button", name="Back to the picture").click()
        assert page.locator(".picture .drawing").is_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_layout_fits_and_passes_axe(browser: Browser, file: Path, width: int, scheme: str) -> None:
    """With tokens removed and drawn."""
    with reading(browser, file, width=width, color_scheme=scheme, bypass_csp=True) as page:
        play = Playground(page)
        play.turn(1, 9, 0.9)
        play.box.get_by_role("button", name="Draw a token").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert_accessible(page)


EXPERIMENT = """
  - id: knobs
    title: Knobs
    analysis: all-logits
    prompts: ["The cat", "2 + 2 = "]
    captions:
      knobs: What may come.
"""


def test_built_book_agrees_with_its_result(
    browser: Browser, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """The playground loads only its own data."""
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    for name, addition in (
        ("experiments/words.yaml", EXPERIMENT),
        ("templates/chapters/words.md", '\n{{ figure("knobs") }}\n'),
    ):
        (book / name).write_text(
            (book / name).read_text(encoding="utf-8") + addition, encoding="utf-8"
        )
    layerbook("build", cwd=book, check=True)
    with reading(browser, book / "site/words.html") as page:
        play = Playground(page)
        scores = page.evaluate(
            "layerbookModules['scripts/viewer.js']"
            ".decodeFloats(layerbookData['data/words/knobs-knobs.js'].logits[0])"
        )
        logits = np.array(scores, dtype=np.float32)
        assert_agrees(
            play.turn(1.5, 100, 0.8), sampling_distribution(logits, 1.5, 100, 0.8), logits
        )


@pytest.mark.model
def test_default_model_agrees_with_python(
    browser: Browser, real_model_dir: Path, tmp_path: Path
) -> None:
    """For all prompts and settings of the book, with the counts of the result."""
    from layerbook.model.loaded_model import LoadedModel

    model = LoadedModel.load(real_model_dir, "default")
    limits = Limits(layers=30, heads=9, d_vocab=VOCABULARY_SIZE, context=8192)
    chapter = load_chapter(ROOT / "experiments/sampling.yaml", limits)
    analysis = next(e.analysis for e in chapter.experiments if isinstance(e.analysis, AllLogits))
    result = round_result(analysis.measure(capture_requests(model, analysis)))
    file = write_page(tmp_path, analysis, result)
    assert (tmp_path / DATA).stat().st_size < 1_250_000
    with reading(browser, file) as page:
        play = Playground(page)
        for i, (scores, prompt) in enumerate(zip(result.logits, result.prompts, strict=True)):
            play.box.get_by_role("combobox").select_option(index=i)
            for setting, kept in zip(result.settings, prompt.effects, strict=True):
                play.box.get_by_role("button", name=setting.name, exact=True).click()
                assert play.shown().candidates == kept.candidates
            for temperature, top_k, top_p in REAL_MODEL_GRID:
                shown = play.turn(temperature, top_k, top_p)
                assert_agrees(
                    shown, sampling_distribution(scores, temperature, top_k, top_p), scores
                )
                reference = transformers_distribution(scores, temperature, top_k, top_p)
                assert shown.candidates == (reference > 0).sum()
                order = np.argsort(-scores, kind="stable")[:SHOWN]
                assert np.abs(np.array(shown.probs) - reference[order]).max() < TOLERANCE
