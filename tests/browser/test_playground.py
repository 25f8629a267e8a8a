"""The knobs of sampling as a reader turns them, from disk: the page against the book's Python and
transformers' own.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from fixtures.chromium import chromium, reading
from fixtures.run_analysis import capture_requests
from fixtures.sample_chapter import BOOK, SampleViews, context, figure_view
from fixtures.small_book import layerbook, write_small_book
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.all_logits import AllLogits, AllLogitsResult, Setting
from layerbook.book.loader import load_chapter
from layerbook.core.analysis import Limits
from layerbook.core.figures import Panels
from layerbook.core.requests import NEXT_LOGITS
from layerbook.core.sampling import sampling_distribution
from layerbook.site.assets import assets, render_page
from layerbook.site.interactive import sampling as playground
from layerbook.site.pages import ChapterPage, FigureScript, Link
from layerbook.site.prose.render import render_chapter
from numpy.typing import NDArray
from playwright.sync_api import Browser, Locator, Page

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
SIZE, SHOWN = 49152, 20
# Largest difference of a shown probability; a mass this close to top-p may fall to either side.
NEAR = 1e-9
DATA = "data/words/knobs.js"
SETTINGS = (
    Setting(name="own"),
    Setting(name="greedy", temperature=0),
    Setting(name="lecture", temperature=0.2, top_p=0.9),
)
PROMPTS = ("<b>like a model</b>", "eight equals", "a long tail")
GRID = list(product((0, 0.01, 0.2, 1, 3), (1, 2, 50, SIZE), (0, 0.5, 0.9, 0.999, 1)))


def made_up() -> NDArray[np.float32]:
    """Scores [3, V]: like a model's with many equals among them; eight equal ones and nothing else;
    hardly a peak.
    """
    rng = np.random.default_rng(7)
    like = (rng.standard_normal(SIZE) * 3.5).round(3)
    like[[11, 40000, 300, 301]] = [19.5, 18.25, 18.25, 18.25]
    equals = np.full(SIZE, -1e4)
    equals[[5, 9, 700, 701, 702, 9000, 30000, 49151]] = 2.5
    return np.stack([like, equals, rng.standard_normal(SIZE) / 4]).astype(np.float32)


@dataclass(frozen=True)
class Shown:
    """What the page says: probabilities in full, that of all others, how many tokens are left, the
    sentence.
    """

    tokens: list[str]
    probs: list[float]
    rest: float
    others: int
    left: int
    told: str


class Playground:
    """The figure, opened, with its knobs at hand."""

    def __init__(self, page: Page) -> None:
        self.page, self.box = page, page.locator(".play")
        page.get_by_role("button", name="Turn the knobs yourself").click()
        self.box.wait_for()

    def turn(self, temperature: float, top_k: int, top_p: float) -> Shown:
        """What it shows once the exact numbers are typed where they are not there yet."""
        there = self.box.get_by_role("spinbutton").evaluate_all(
            "all => all.map(one => Number(one.value))"
        )
        wanted = (("Temperature", temperature), ("Top-k", top_k), ("Top-p", top_p))
        for (name, value), old in zip(wanted, there, strict=True):
            if value != old:
                self.box.get_by_role("spinbutton", name=f"{name}, exactly").fill(repr(value))
        return self.shown()

    def slider(self, name: str) -> Locator:
        """One of the three."""
        return self.box.get_by_role("slider", name=name)

    def shown(self) -> Shown:
        """What it shows now."""
        read = """box => [
            [...box.querySelectorAll("li .tok")].map(e => e.title + " " + e.textContent),
            [...box.querySelectorAll(".explorer-value")].map(e => e.title),
            box.querySelector(".play-rest span:nth-child(2)").textContent,
            box.querySelector(".play-told").textContent]"""
        tokens, values, others, told = self.box.evaluate(read)
        left, *_ = re.findall(r"[\d,]+", told)
        probs = [float(value) for value in values]
        count = [int(n.replace(",", "")) for n in (others.split(" ")[0], left)]
        return Shown(tokens, probs[:-1], probs[-1], *count, told)


def agrees(shown: Shown, prob: NDArray[np.float64], scores: NDArray[np.float32]) -> None:
    """Candidates exactly; every probability, and what lies outside the list, to NEAR."""
    order = np.argsort(-scores, kind="stable")
    assert shown.left == int((prob > 0).sum())
    assert shown.others == int((prob[order[SHOWN:]] > 0).sum())
    assert np.abs(np.array(shown.probs) - prob[order[:SHOWN]]).max() < NEAR
    assert abs(shown.rest - math.fsum(prob[order[SHOWN:]])) < NEAR
    assert abs(math.fsum(shown.probs) + shown.rest - 1) < 1e-12
    assert [token.split(",")[0] for token in shown.tokens] == [
        f"token {id}" for id in order[:SHOWN]
    ]


def transformers_own(
    scores: NDArray[np.float32], temperature: float, top_k: int, top_p: float
) -> NDArray[np.float64]:
    """What Hugging Face's processors leave of the scores in float64; greedy is its argmax."""
    import torch
    from transformers.generation.logits_process import (
        TemperatureLogitsWarper,
        TopKLogitsWarper,
        TopPLogitsWarper,
    )

    left = torch.tensor(scores).double()[None]
    if temperature == 0:
        return torch.nn.functional.one_hot(left[0].argmax(), len(scores)).double().numpy()
    for step in (
        TemperatureLogitsWarper(float(temperature)),
        TopKLogitsWarper(top_k),
        TopPLogitsWarper(float(top_p)),
    ):
        left = step(None, left)
    prob: NDArray[np.float64] = torch.softmax(left[0], -1).numpy()
    return prob


def write_page(folder: Path, analysis: AllLogits, result: AllLogitsResult) -> Path:
    """A page with the figure of a result, and its data beside it."""
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
    turns = {"previous": Link("Before", "before.html"), "next": Link("After", "after.html")}
    page = ChapterPage("attention", "Attention", 1, body, **turns)
    for name, content in (
        assets(ctx.math.css_rules)
        | {"attention.html": render_page(page, BOOK, ctx.jinja_env).encode(), DATA: data}
    ).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder / "attention.html"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One Chromium for all of these."""
    with chromium() as running:
        yield running


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A page with the made-up scores; the two best tokens of the first look alike, and one is
    markup.
    """
    pieces = [f" w{i}" for i in range(SIZE)]
    pieces[11] = pieces[300] = " alike"
    pieces[301] = "<img src=x onerror=alert(1)>"
    vocabulary, scores = ByteVocabulary(*pieces), made_up()
    analysis = AllLogits(prompts=PROMPTS, settings=SETTINGS, shown=SHOWN)
    captures = {
        f"prompt-{i}": vocabulary.capture([0], {NEXT_LOGITS: row}) for i, row in enumerate(scores)
    }
    return write_page(tmp_path_factory.mktemp("page"), analysis, analysis.measure(captures))


@pytest.mark.parametrize("prompt", range(3))
def test_the_whole_grid_is_what_python_computes(browser: Browser, file: Path, prompt: int) -> None:
    """100 settings, edges among them: as generator/sampling.py and, where no score equals the k-th,
    as transformers.

    Where scores equal the k-th, transformers keeps them all, and the book those with the lowest
    ids.
    """
    scores = made_up()[prompt]
    order = np.argsort(-scores, kind="stable")
    best, compared = scores[order], 0
    with reading(browser, file) as page:
        play = Playground(page)
        play.box.get_by_role("combobox").select_option(index=prompt)
        for temperature, top_k, top_p in GRID:
            shown = play.turn(temperature, top_k, top_p)
            agrees(shown, sampling_distribution(scores, temperature, top_k, top_p), scores)
            if temperature and top_k < SIZE and best[top_k - 1] == best[top_k]:
                continue
            theirs = transformers_own(scores, temperature, top_k, top_p)
            assert shown.left == (theirs > 0).sum(), (temperature, top_k, top_p)
            compared += 1
            if (
                len(set(best[: SHOWN + 1])) == SHOWN + 1
            ):  # which of equals it keeps is its own affair
                assert np.abs(np.array(shown.probs) - theirs[order[:SHOWN]]).max() < NEAR
            assert np.abs(np.sort(shown.probs)[::-1] - np.sort(theirs)[::-1][:SHOWN]).max() < NEAR
    assert compared >= (40 if prompt == 1 else 75)


def test_top_p_at_the_boundaries(browser: Browser, file: Path) -> None:
    """Exactly at a cumulative mass rounding may decide between two neighbours; a billionth beside
    it nothing may.
    """
    scores = made_up()[0]
    with reading(browser, file) as page:
        play = Playground(page)
        for temperature, rank in product((0.8, 1, 2), (1, 3, 40, 2500)):
            prob = np.sort(sampling_distribution(scores, temperature))[::-1]
            edge = float(prob[:rank].sum())
            found = play.turn(temperature, SIZE, edge).left
            assert rank <= found <= rank + 1 and abs(math.fsum(prob[:rank]) - edge) < 1e-12
            for beside in (edge - NEAR, edge + NEAR):
                agrees(
                    play.turn(temperature, SIZE, beside),
                    sampling_distribution(scores, temperature, None, beside),
                    scores,
                )
        play.box.get_by_role("combobox").select_option(index=1)
        for rank in range(
            1, 9
        ):  # eighths have no rounding: at the boundary no more is kept, and a hair above it is
            assert play.turn(1, SIZE, rank / 8).left == rank
            assert play.turn(1, SIZE, rank / 8 - 2**-40).left == rank
            if rank < 8:
                assert play.turn(1, SIZE, rank / 8 + 2**-40).left == rank + 1


def test_the_smallest_temperatures(browser: Browser, file: Path) -> None:
    """Down to the smallest number there is: nothing overflows, and equals share what there is."""
    with reading(browser, file) as page:
        play = Playground(page)
        for prompt, temperature in product((0, 1), (1e-3, 1e-40, 5e-324)):
            play.box.get_by_role("combobox").select_option(index=prompt)
            shown = play.turn(temperature, SIZE, 1)
            agrees(shown, sampling_distribution(made_up()[prompt], temperature), made_up()[prompt])
            assert "rounding removed" in shown.told


def test_sliders_do_what_fields_do(browser: Browser, file: Path) -> None:
    """Each slider writes its field and moves by keys; the picture follows; a wrong number changes
    nothing.
    """
    scores = made_up()[0]
    with reading(browser, file) as page:
        play = Playground(page)
        for place in ("0", "0.25", "0.5", "1"):
            play.slider("Top-k").fill(place)
            play.slider("Temperature").fill("0.7")
            play.slider("Top-p").fill("0.93")
            values = play.box.get_by_role("spinbutton").evaluate_all(
                "all => all.map(one => Number(one.value))"
            )
            assert values == [0.7, round(SIZE ** float(place)), 0.93]
            agrees(play.shown(), sampling_distribution(scores, *values), scores)
        play.slider("Temperature").focus()
        page.keyboard.press("ArrowRight")
        assert play.slider("Temperature").get_attribute("aria-valuetext") == "0.71"
        agrees(play.shown(), sampling_distribution(scores, 0.71, None, 0.93), scores)
        before = play.shown()
        for name, wrong in (
            ("Temperature", "-1"),
            ("Top-k", "0"),
            ("Top-k", "2.5"),
            ("Top-p", "1.5"),
            ("Top-p", ""),
        ):
            field = play.box.get_by_role("spinbutton", name=f"{name}, exactly")
            field.fill(wrong)
            assert play.shown() == before
            field.blur()
            assert field.input_value() in (
                "0.71",
                str(SIZE),
                "0.93",
            )  # what counts is written again


def test_settings_are_buttons_and_the_sentence_accounts_for_what_is_removed(
    browser: Browser, file: Path
) -> None:
    """Each button sets the knobs and stays pressed until they move; removed shares are those of the
    steps.
    """
    scores = made_up()[0]
    own = sampling_distribution(scores, 1.0)
    with reading(browser, file) as page:
        play = Playground(page)
        assert "removed" not in play.shown().told
        for setting in SETTINGS[::-1]:
            play.box.get_by_role("button", name=setting.name).click()
            agrees(
                play.shown(),
                sampling_distribution(scores, setting.temperature, None, setting.top_p),
                scores,
            )
            assert play.box.locator("[aria-pressed=true]").all_inner_texts() == [setting.name]
        shown = play.turn(1, 50, 0.5)
        assert play.box.locator("[aria-pressed=true]").count() == 0
        listed = np.sort(own)[::-1][:50]
        outside = 100 * (1 - listed.sum())
        nucleus = 100 * listed[shown.left :].sum() / listed.sum()
        assert (
            f"top-k removed {SIZE - 50:,} with {outside:.2f}\u202f% of the probability"
            in shown.told
        )
        assert (
            f"top-p removed {50 - shown.left} with {nucleus:.2f}\u202f% of what was left"
            in shown.told
        )
        choices = 2 ** -sum(
            p * math.log2(p) for p in sampling_distribution(scores, 1, 50, 0.5) if p
        )
        assert f"a fair choice among {choices:.2f};" in shown.told
        marks = play.box.locator(".explorer-value").all_inner_texts()
        wanted = ["✗ top-p" if rank >= shown.left else None for rank in range(SHOWN)]
        assert all(mark == want or want is None for mark, want in zip(marks, wanted, strict=False))
        assert play.box.locator("li.absent").count() == SHOWN - min(SHOWN, shown.left)


def test_tokens_that_look_alike_are_told_apart_and_markup_stays_text(
    browser: Browser, file: Path
) -> None:
    """By their ids; the list, the choice of prompts and the draws hold text only."""
    with reading(browser, file) as page:
        play = Playground(page)
        texts = [token.split(" ", 4)[4] for token in play.shown().tokens[:4]]
        assert texts == ["·alike #11", "·alike #300", "<img·src=x·onerror=alert(1)>", "·w40000"]
        assert play.box.locator("img, select b").count() == 0
        assert play.box.locator("option").first.inner_text() == "“<b>like a model</b>”"


def test_draws_follow_the_chances(browser: Browser, file: Path) -> None:
    """From what is left only; where random numbers fall in the order of the list; tokens without a
    text by their id.
    """
    scores = made_up()
    with reading(browser, file) as page:
        play = Playground(page)
        play.turn(1, 4, 1)
        chances = np.sort(sampling_distribution(scores[0], 1, 4))[::-1][:4]
        edges = np.cumsum(chances)
        for number, rank in (
            (0, 0),
            (edges[0] - 1e-6, 0),
            (edges[0] + 1e-6, 1),
            (edges[2] + 1e-6, 3),
            (1 - 2**-53, 3),
        ):
            page.evaluate("number => { Math.random = () => number }", number)
            play.box.get_by_role("button", name="Draw a token").click()
            title = play.box.locator(".play-drawn .tok").first.get_attribute("title")
            assert title and title.endswith(f", rank {rank + 1}")
        assert play.box.locator(".play-drawn .tok").count() == 5
        play.box.get_by_role("combobox").select_option(index=2)
        assert (
            play.box.locator(".play-drawn .tok").count() == 0
        )  # they were drawn from something else
        named = {int(i) for row in scores for i in np.argsort(-row, kind="stable")[:500]}
        order = np.argsort(-scores[2], kind="stable")
        rank = next(r for r in range(20_000, SIZE) if order[r] not in named)
        play.box.get_by_role("button", name="own").click()
        edges = np.cumsum(sampling_distribution(scores[2], 1)[order])
        page.evaluate(
            "number => { Math.random = () => number }", float(edges[rank - 1] + edges[rank]) / 2
        )
        for _ in range(40):
            play.box.get_by_role("button", name="Draw a token").click()
        assert play.box.locator(".play-drawn .tok").all_inner_texts() == [f"#{order[rank]}"] * 30


def test_nothing_is_loaded_before_it_is_asked_for_and_missing_data_is_said(
    browser: Browser, file: Path
) -> None:
    """The button says how much there is to load; a page copied without it says so and stays as it
    was.
    """
    with reading(browser, file) as page:
        size = (file.parent / DATA).stat().st_size
        button = page.get_by_role("button", name="Turn the knobs yourself")
        assert button.is_visible()
        told = page.locator(".explorer-told").inner_text()
        assert told == f"{size / 1000:.1f}\u202fkB: every score as the model gave it, none rounded"
        assert size < 1_000_000
        assert page.evaluate("typeof layerbookData") == "undefined"
        assert page.locator(".play").count() == 0
    content = (file.parent / DATA).read_bytes()
    (file.parent / DATA).write_text("", encoding="utf-8")
    try:
        with reading(browser, file) as page:
            page.get_by_role("button", name="Turn the knobs yourself").click()
            page.get_by_role("button", name="Its data is missing").wait_for()
            assert page.locator(".picture svg").is_visible()
    finally:
        (file.parent / DATA).write_bytes(content)


def test_without_scripts_and_on_paper_the_picture_stands_alone(
    browser: Browser, file: Path
) -> None:
    """No dead control; on paper the picture, also where the knobs are open, and back again."""
    with reading(browser, file, java_script_enabled=False) as page:
        assert page.locator(".picture svg").is_visible()
        assert page.locator("main button, main input, main select").count() == 0
    with reading(browser, file) as page:
        play = Playground(page)
        assert not page.locator(".picture").is_visible()
        page.emulate_media(media="print")
        assert page.locator(".picture svg").is_visible() and not play.box.is_visible()
        page.emulate_media(media="screen")
        page.get_by_role("button", name="Back to the picture").click()
        assert page.locator(".picture svg").is_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_it_fits_and_has_no_known_barrier(
    browser: Browser, file: Path, width: int, scheme: str
) -> None:
    """Nothing wider than the window; axe finds nothing, with some tokens removed and some drawn."""
    from axe_playwright_python.sync_playwright import Axe

    with reading(browser, file, width=width, color_scheme=scheme, bypass_csp=True) as page:
        play = Playground(page)
        play.turn(1, 9, 0.9)
        play.box.get_by_role("button", name="Draw a token").click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        rules = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
        found = Axe().run(page, options={"runOnly": rules, "preload": False})
        assert not found.response["violations"], found.generate_report()


EXPERIMENT = """
  - id: knobs
    title: Knobs
    analysis: all-logits
    prompts: ["The cat", "2 + 2 = "]
    captions:
      knobs: What may come.
"""


def test_a_book_that_is_built_has_it(
    browser: Browser, tiny_model_dir: Path, tmp_path: Path
) -> None:
    """Through result, store and page, beside the explorer of attention, which opens its own data
    only.
    """
    book = write_small_book(tmp_path / "book", tiny_model_dir)
    for name, more in (
        ("experiments/words.yaml", EXPERIMENT),
        ("templates/chapters/words.md", '\n{{ figure("knobs") }}\n'),
    ):
        (book / name).write_text((book / name).read_text(encoding="utf-8") + more, encoding="utf-8")
    done = layerbook("build", cwd=book)
    assert done.returncode == 0, done.stderr
    with reading(browser, book / "site/words.html") as page:
        play = Playground(page)
        scores = page.evaluate(
            "layerbook.numbers(layerbookData['data/words/knobs-knobs.js'].logits[0])"
        )
        found = np.array(scores, dtype=np.float32)
        agrees(play.turn(1.5, 100, 0.8), sampling_distribution(found, 1.5, 100, 0.8), found)


@pytest.mark.model
def test_the_book_s_own_prompts_on_the_default_model(
    browser: Browser, real_model_dir: Path, tmp_path: Path
) -> None:
    """All its settings and a grid around them, for each prompt; and the counts that the
    result has.
    """
    from layerbook.model.llama import LoadedModel

    model = LoadedModel.load(real_model_dir, "default")
    limits = Limits(layers=30, heads=9, d_vocab=SIZE, context=8192)
    chapter = load_chapter(ROOT / "experiments/sampling.yaml", limits)
    analysis = next(e.analysis for e in chapter.experiments if isinstance(e.analysis, AllLogits))
    result = analysis.measure(capture_requests(model, analysis))
    file = write_page(tmp_path, analysis, result)
    assert (tmp_path / DATA).stat().st_size < 1_000_000
    with reading(browser, file) as page:
        play = Playground(page)
        for i, (scores, one) in enumerate(zip(result.logits, result.prompts, strict=True)):
            play.box.get_by_role("combobox").select_option(index=i)
            for setting, left in zip(result.settings, one.left, strict=True):
                play.box.get_by_role("button", name=setting.name, exact=True).click()
                assert play.shown().left == left.candidates
            for temperature, top_k, top_p in product(
                (0, 0.2, 0.9, 2.5), (3, 50, SIZE), (0.3, 0.9, 0.99, 1)
            ):
                shown = play.turn(temperature, top_k, top_p)
                agrees(shown, sampling_distribution(scores, temperature, top_k, top_p), scores)
                theirs = transformers_own(scores, temperature, top_k, top_p)
                assert shown.left == (theirs > 0).sum()
                order = np.argsort(-scores, kind="stable")[:SHOWN]
                assert np.abs(np.array(shown.probs) - theirs[order]).max() < NEAR
