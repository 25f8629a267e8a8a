"""Predictions work by mouse and keyboard, are remembered, and are judged by the results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from fixtures.chromium import reading
from fixtures.lecture import CHAPTERS
from fixtures.sample_chapter import HOSTILE
from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser
SITE = Path(__file__).resolve().parents[2] / "site"
NO_STORAGE = (
    "Object.defineProperty(window, 'localStorage', { get() { throw new Error('SecurityError'); } })"
)


@pytest.fixture(scope="module")
def book(sample_book: Path) -> Path:
    """The pages of the sample book."""
    return sample_book


def commit(page: Page, choice: int) -> str:
    """Choose an answer, press the button, and return the page's reply."""
    page.locator(".predict label").nth(choice).click()
    page.get_by_role("button", name="Commit").click()
    return page.locator(".predict [role='status']").inner_text()


def test_answer_shows_the_readers_choice(browser: Browser, book: Path) -> None:
    """A choice is required, cannot be changed, and can be cleared."""
    with reading(browser, book / "attention.html") as page:
        button, answer = page.locator(".predict button"), page.locator(".predict details")
        group = page.get_by_role("group", name=f"In which of {HOSTILE[0]}?")
        assert group.get_by_role("radio").count() == 3
        assert button.is_disabled() and answer.get_attribute("open") is None
        assert page.locator(".predict [role='status']").is_hidden()
        reply = commit(page, 0)
        assert page.locator(".predict .answer").inner_text() == HOSTILE[1]
        assert (
            reply
            == f"You said: In the first. A fair guess. On this model the answer is: {HOSTILE[1]}."
        )
        assert (
            answer.get_attribute("open") is not None
            and page.locator(".predict .revealed").is_visible()
        )
        assert [radio.is_disabled() for radio in group.get_by_role("radio").all()] == [True] * 3
        assert group.get_by_role("radio").nth(0).is_checked()
        page.get_by_role("button", name="Ask me again").click()
        assert (
            answer.get_attribute("open") is None
            and button.is_disabled()
            and button.inner_text() == "Commit"
        )
        assert group.get_by_role("radio", checked=True).count() == 0
        assert page.evaluate("document.activeElement.value") == "0"
        assert (
            commit(page, 1) == f"You said: {HOSTILE[1]}. Right. On this model, that is the answer."
        )


def test_prediction_works_by_keyboard(browser: Browser, book: Path) -> None:
    """Tab, arrows, Tab and Enter commit a choice, and the chapter does not change."""
    with reading(browser, book / "attention.html") as page:
        page.locator(".predict input").first.focus()
        for key in ("ArrowDown", "ArrowRight", "Tab", "Enter"):
            page.keyboard.press(key)
        assert (
            page.locator(".predict [role='status']").inner_text()
            == f"You said: 4. A fair guess. On this model the answer is: {HOSTILE[1]}."
        )
        assert page.url.endswith("attention.html")
        assert page.evaluate("document.activeElement.textContent") == "Ask me again"


def test_choice_is_remembered_where_storage_is_allowed(browser: Browser, book: Path) -> None:
    """The next visit shows the choice; clearing it removes it from storage."""
    with reading(browser, book / "attention.html") as page:
        reply = commit(page, 1)
        page.reload()
        assert page.locator(".predict [role='status']").inner_text() == reply
        assert page.locator(".predict details").get_attribute("open") is None
        page.get_by_role("button", name="Ask me again").click()
        page.reload()
        assert page.locator(".predict [role='status']").inner_text() == ""
        assert page.get_by_role("radio", checked=True).count() == 0


def test_choice_lasts_for_the_visit_without_storage(browser: Browser, book: Path) -> None:
    """The page works and reports no error."""
    context = browser.new_context(offline=True)
    context.add_init_script(NO_STORAGE)
    page, errors = context.new_page(), []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((book / "attention.html").as_uri())
    assert commit(page, 0).startswith("You said: In the first.")
    page.reload()
    assert page.locator(".predict [role='status']").inner_text() == "" and not errors
    context.close()


def test_prediction_is_readable_without_scripts_and_in_print(browser: Browser, book: Path) -> None:
    """The answer can be unfolded and is printed, without a button."""
    with reading(browser, book / "attention.html", java_script_enabled=False) as page:
        assert page.locator(".predict button").is_hidden()
        page.locator(".predict summary").click()
        assert page.locator(".predict .revealed").is_visible()
    with reading(browser, book / "attention.html") as page:
        page.emulate_media(media="print")
        assert page.locator(".predict button").is_hidden()
        assert page.locator(".predict .revealed p").first.is_visible()


def first(*rules: tuple[bool, str]) -> set[str]:
    """Return the text of the first rule that holds."""
    return {next(words for holds, words in rules if holds)}


def without_the_head(outputs: Any, silenced: Any) -> set[str]:
    """Return the right answer about silencing one head, from the results."""
    ratio = silenced["prob"][outputs["layer"]][outputs["head"]] / silenced["answer"]["prob"]
    return first(
        (ratio > 0.9, "Hardly anything: the others make up for it"),
        (ratio >= 1 / 2, "It drops, but at least half of it is left"),
        (ratio >= 1 / 4, "It drops to between a quarter and a half"),
        (True, "Less than a quarter is left"),
    )


def most_heard(stages: Any) -> set[str]:
    """The token that gets most of the last one's attention."""
    shares = stages["heads"][0]["pattern"][-1]
    heard, last = shares.index(max(shares)), len(shares) - 1
    return first(
        (heard == last, "Itself"),
        (heard == last - 1, "The token just before it"),
        (heard == 0, "The first token"),
        (True, "Another token"),
    )


def surest_sum(noise: Any) -> set[str]:
    """The prompts after which the model is surest."""
    sure = [prompt["predicted"]["prob"] for prompt in noise["prompts"]]
    names = ("The bare sum", "The sum with noise in front", "The sum with noise in the middle")
    return {name for name, prob in zip(names, sure, strict=True) if prob == max(sure)}


def where_noise_matters(noise: Any) -> set[str]:
    """The place where the fewest words make another token likelier than 4."""
    columns = noise["columns"]
    rows = zip(columns["place"], columns["words"], columns["said"], strict=True)
    enough: dict[str, int] = {}
    for place, word_count, answer in rows:
        if answer != "4":
            enough[place] = min(word_count, enough.get(place, word_count))
    front, middle = (enough.get(place, float("inf")) for place in ("in front", "in the middle"))
    return first(
        (front < middle, "In front of the sum"),
        (middle < front, "In the middle of the sum"),
        (True, "It takes equally many in both places, or none of them is enough"),
    )


def where_it_looks(rope: Any) -> set[str]:
    """The place where the head looks with its queries one position ahead."""
    ahead = rope["ahead"]
    return first(
        (ahead["itself"] > 1 / 2, "At the token itself"),
        (ahead["previous_token"] > 1 / 2, "Still one step back"),
        (True, "Somewhere else"),
    )


def most_like_the_first(cities: Any) -> set[str]:
    """The words with the largest cosine with the first."""
    cosines = cities["cosines"][0][1:]
    words = [point["text"].strip() for point in cities["points"][1:]]
    return {word for word, cosine in zip(words, cosines, strict=True) if cosine == max(cosines)}


def nearest_after_moving(tokens: Any) -> set[str]:
    """Return the answers that name the vector nearest to most tokens after a change of places."""
    sweep = tokens["encodings"][-1]
    place, itself = sweep["nearest_to_new_position"], sweep["nearest_to_itself"]
    other = sweep["changed_position"] - place - itself
    return first(
        (itself >= max(place, other), "Its own old vector"),
        (place >= other, "The vector of the token that sat there before"),
        (True, "The vector of yet another token"),
    )


def change_of_the_mean(tokens: Any) -> set[str]:
    """The move of a mean when positions are added and tokens change places."""
    change = tokens["pooled_difference_with"] / tokens["embedding_norm"]
    return first(
        (change < 1e-9, "Not at all, except for rounding"),
        (change < 0.1, "A little"),
        (True, "A lot"),
    )


def without_the_neuron(neuron: Any) -> set[str]:
    """The rest of the first prompt's answer without the neuron."""
    ratio = neuron["ablations"][0]["prob_without"] / neuron["ablations"][0]["answer"]["prob"]
    return first(
        (ratio > 0.95, "Nothing you would notice"),
        (ratio >= 0.66, "It drops a little"),
        (True, "It drops by more than a third"),
    )


def cost_for_languages(languages: Any) -> set[str]:
    """The cost of the head for the right language, with its mean output."""
    layer, head = languages["layers"].index(languages["layer"]), languages["head"]
    costs = languages["with_mean"]["cost"][layer][head]
    cost = sum(costs) / len(costs)
    return first(
        (cost < 0.1, "Next to nothing"),
        (cost < 0.5, "Something, but less than half a bit"),
        (True, "Half a bit or more"),
    )


def cost_of_hiding(knockout: Any) -> set[str]:
    """The cost of hiding the whitespace, beside that of hiding other tokens."""
    blocked = knockout["blocked"]
    cost = blocked["whitespace"]["cost"]
    return first(
        (cost <= knockout["clean"] / 10, "Next to nothing"),
        (
            cost < sum(draw["cost"] for draw in blocked["draws"]) / len(blocked["draws"]) / 2,
            "Something, but less than half of what hiding other tokens costs",
        ),
        (True, "More than half of what hiding other tokens costs"),
    )


JUDGES = {
    "embeddings": ("cities", most_like_the_first),
    "position": ("tokens", nearest_after_moving),
    "attention": ("stages", most_heard),
    "rope": ("rope", where_it_looks),
    "mlp": ("neuron", without_the_neuron),
    "case-facts": ("languages", cost_for_languages),
    "case-sums": ("noise", where_noise_matters),
    "case-gram": ("noise", surest_sum),
    "case-whitespace": ("blocked", cost_of_hiding),
    "case-multiplied": ("position/tokens", change_of_the_mean),
}
"""By chapter the experiment that its prediction is about, and the right answers by its result."""


def came_true(chapter: str) -> set[str]:
    """Return the right choices of a chapter, computed here from the downloads."""

    def result(id: str) -> dict[str, Any]:
        address = id if "/" in id else f"{chapter}/{id}"
        data: dict[str, Any] = json.loads((SITE / "data" / f"{address}.json").read_bytes())
        return data

    if chapter == "model":
        shares = result("architecture")["shares"]
        parts = {
            "In the vocabulary: a vector for each token": shares["embeddings"] + shares["linear"],
            "In attention": shares["attention"],
            "In the MLPs": shares["mlp"],
            "In the norms, which keep vectors in a moderate range": shares["norms"],
        }
        return {max(parts, key=parts.__getitem__)}
    if chapter == "tokenization":
        texts = result("same-length")["prompts"]
        return {max(texts, key=lambda text: len(text["tokens"]))["text"]}
    if chapter == "heads":
        return without_the_head(result("attention/outputs"), result("silenced"))
    if chapter in JUDGES:
        id, judge = JUDGES[chapter]
        return judge(result(id))
    if chapter == "linear":
        lens = result("lens")
        answer, layers = lens["answer"], lens["layers"]
        failing_layers = [layer["layer"] for layer in layers if layer["best"]["id"] != answer["id"]]
        settled = max(failing_layers, default=-1) + 1
        return first(
            (settled >= len(layers) - 1, "Only after the very last layer"),
            (settled < len(layers) / 2, "From a layer in the first half"),
            (True, "From a layer in the second half, but before the last"),
        )
    many = result("many")
    bits = [
        bits
        for bits, length in zip(many["bits"], many["lengths"], strict=True)
        if length == many["greedy"]["length"]
    ]
    likelier = sum(count < many["greedy"]["bits"] for count in bits)
    return first(
        (likelier == 0, "None: nothing can beat the likeliest tokens"),
        (likelier <= len(bits) / 2, "Some, but no more than half"),
        (True, "More than half"),
    )


@pytest.mark.parametrize("chapter", CHAPTERS)
def test_chapters_open_with_a_prediction_judged_by_results(browser: Browser, chapter: str) -> None:
    """Only the choices that the results confirm are judged right."""
    true = came_true(chapter)
    with reading(browser, SITE / f"{chapter}.html") as page:
        assert page.locator(".predict").count() == 1
        words = [label.strip() for label in page.locator(".predict label").all_inner_texts()]
        assert len(words) >= 2 and true <= set(words)
        for choice, text in enumerate(words):
            reply = commit(page, choice)
            answers = " or ".join(word for word in words if word in true)
            wrong = f"A fair guess. On this model the answer is: {answers}."
            verdict = "Right. On this model, that is the answer." if text in true else wrong
            assert reply == f"You said: {text}. {verdict}"
            page.get_by_role("button", name="Ask me again").click()
