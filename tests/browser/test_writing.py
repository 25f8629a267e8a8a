"""The text that readers write token by token goes where the result says, by keyboard."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from fixtures.chromium import assert_accessible, reading
from fixtures.small_book import build_site
from layerbook.core.distributions import sampling_distribution
from playwright.sync_api import Browser, Locator, Page
from safetensors.numpy import load_file

pytestmark = pytest.mark.browser
BOOK = """\
title: Play
authors: [Nobody]
language: en
model: {model}
chapters: [play]
"""
SPEC = """\
chapter: play
title: Play
summary: A text to write.
experiments:
  - id: text
    title: A text
    analysis: continuation-tree
    prompt: The cat sat
    draws: 40
    max_new_tokens: 4
    top_k: 6
    captions: {writing: Write.}
"""


@pytest.fixture(scope="module")
def site(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build a book with the figure on the tiny Llama."""
    files = {
        "experiments/book.yaml": BOOK.format(model=tiny_model_dir),
        "experiments/play.yaml": SPEC,
        "templates/chapters/play.md": '{{ figure("text", "writing") }}\n',
    }
    return build_site(tmp_path_factory.mktemp("write"), files)


class Tree:
    """The committed result, read without the code of the page."""

    def __init__(self, site: Path) -> None:
        self.result: Any = json.loads((site / "data/play/text.json").read_bytes())
        (arrays,) = (site / "data/play").glob("text.*.safetensors")
        self.arrays = load_file(arrays)
        self.rows = {tuple(text["ids"]): i for i, text in enumerate(self.result["texts"])}

    def probs(self, ids: tuple[int, ...]) -> list[float]:
        """Return the listed probabilities after a text, best first."""
        return [float(p) for p in self.arrays["next_probs"][self.rows[ids]]]

    def tokens(self, ids: tuple[int, ...]) -> list[Any]:
        """Return the listed tokens after a text, best first."""
        numbers = self.arrays["next_tokens"][self.rows[ids]]
        return [self.result["candidates"][int(number)] for number in numbers]


def shown_tokens(box: Locator) -> list[str]:
    """Return the tokens in the list."""
    return box.locator("li .tok").all_inner_texts()


def shown_shares(box: Locator) -> list[float]:
    """Return the widths of the bars as shares, to three digits at least."""
    widths: list[str] = box.locator("li i").evaluate_all("bars => bars.map(b => b.style.width)")
    return [float(width.removesuffix("%")) / 100 for width in widths]


def in_tree(tree: Tree, length: int) -> tuple[list[int], tuple[int, ...]]:
    """Return the ranks and the ids of a text of the tree whose tokens are not all the likeliest."""
    for ids in tree.rows:
        ranks = [
            [token["id"] for token in tree.tokens(ids[:n])].index(id) for n, id in enumerate(ids)
        ]
        if len(ids) == length and any(ranks):
            return ranks, ids
    raise AssertionError("every text of the tree is the likeliest")


def choose(page: Page, box: Locator, rank: int) -> None:
    """Choose a token of the list by arrow keys and Enter."""
    box.locator("li button[tabindex='0']").focus()
    page.keyboard.press("Home")
    for _ in range(rank):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")


def test_a_text_is_written_and_read_again_by_keyboard(browser: Browser, site: Path) -> None:
    """Each wheel is the result's; going back shows the wheel that a token came from."""
    tree = Tree(site)
    ranks, ids = in_tree(tree, 3)
    with reading(browser, site / "play.html") as page:
        box = page.locator(".writing")
        for n, rank in enumerate(ranks):
            prob = np.array(tree.probs(ids[:n]))
            assert shown_shares(box) == pytest.approx(prob / prob.sum(), abs=1e-3)
            choose(page, box, rank)
        assert box.locator(".writing-step").count() == 4
        prob = [tree.probs(ids[:n])[rank] for n, rank in enumerate(ranks)]
        assert f"{100 * np.prod(prob):.2f}" in box.locator(".writing-lead").inner_text()

        box.locator(".writing-step[tabindex='0']").focus()
        page.keyboard.press("Home")
        page.keyboard.press("Enter")
        assert box.locator("li.marked").count() == 1
        assert box.locator("li").nth(ranks[0]).get_attribute("class") == "marked"
        prob = np.array(tree.probs(()))
        assert shown_shares(box) == pytest.approx(prob / prob.sum(), abs=1e-3)
        assert page.evaluate("document.activeElement.className") == "writing-step"


def test_the_knobs_turn_the_wheel(browser: Browser, site: Path) -> None:
    """As `sampling_distribution` does, on the listed tokens."""
    prob = Tree(site).probs(())
    with reading(browser, site / "play.html") as page:
        box = page.locator(".writing")
        for name, value in (("Temperature", "0.5"), ("Top-k", "4"), ("Top-p", "0.6")):
            box.get_by_role("slider", name=name).fill(value)
        expected = sampling_distribution(np.log(prob), 0.5, 4, 0.6)
        assert shown_shares(box) == pytest.approx(expected, abs=1e-3)
        assert box.locator("li.absent").count() == int((expected == 0).sum())


def test_a_draw_takes_the_sector_where_the_wheel_stops(browser: Browser, site: Path) -> None:
    """Almost at the end of the wheel it is the least likely token; at the start, the likeliest."""
    with reading(browser, site / "play.html") as page:
        box = page.locator(".writing")
        tokens = shown_tokens(box)
        spin = box.get_by_role("button", name="Spin the wheel")
        for random, token in ((0.99999, tokens[-1]), (0, tokens[0])):
            page.evaluate(f"Math.random = () => {random}")
            spin.press("Enter")
            assert box.locator(".writing-step .tok").first.inner_text() == token
            box.get_by_role("button", name="Start again").press("Enter")
            assert box.locator(".writing-step").count() == 1


def test_beyond_the_tree_the_reader_is_sent_to_the_model(browser: Browser, site: Path) -> None:
    """The text and the knobs are in the address; without that page there is no link."""
    tree = Tree(site)
    ranks, ids = in_tree(tree, 3)
    with reading(browser, site / "play.html") as page:
        box = page.locator(".writing")
        for rank in ranks:
            choose(page, box, rank)
        choose(page, box, 0)
        lead = box.locator(".writing-lead")
        assert "has not computed" in lead.inner_text() and not lead.locator("a").count()
        assert box.locator("li.marked").count() == 1  # the last wheel stays, to choose again

        page.evaluate("document.querySelector('nav, header').innerHTML += '<a href=try.html></a>'")
        choose(page, box, 1)
        address = urlsplit(lead.get_by_role("link").get_attribute("href") or "")
        fields = parse_qs(address.fragment)
        written = [
            next(t["text"] for t in tree.result["candidates"] if t["id"] == id) for id in ids
        ]
        last = tree.tokens(ids)[1]["text"]
        assert address.path == "try.html"
        assert fields["text"] == ["The cat sat" + "".join(written) + last]
        assert (fields["temperature"], fields["top-p"]) == (["1"], ["1"])


def test_without_scripts_and_on_paper_there_is_a_picture(browser: Browser, site: Path) -> None:
    """The first wheels of the likeliest text."""
    with reading(browser, site / "play.html", java_script_enabled=False) as page:
        assert page.locator("#text-writing .picture svg").first.is_visible()
    with reading(browser, site / "play.html") as page:
        page.emulate_media(media="print")
        assert page.locator("#text-writing .picture svg").first.is_visible()
        assert not page.locator(".writing").is_visible()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (360, "dark")])
def test_layout_and_accessibility(browser: Browser, site: Path, width: int, scheme: str) -> None:
    """Nothing is wider than the window, and axe finds nothing, with a text half written."""
    with reading(
        browser, site / "play.html", width=width, color_scheme=scheme, bypass_csp=True
    ) as page:
        box = page.locator(".writing")
        choose(page, box, 0)
        choose(page, box, 0)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert_accessible(page)
