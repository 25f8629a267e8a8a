"""The book itself, built on models that differ from its own in most respects."""

from __future__ import annotations

import html
import json
import math
import re
import shutil
from pathlib import Path

import pytest
from fixtures.lecture import CHAPTERS
from fixtures.other_tokenizers import TOKENIZER_WRITERS
from fixtures.small_book import layerbook
from fixtures.tiny_families import write_tiny_family
from fixtures.tiny_llama import write_tiny_model
from tokenizers import Tokenizer

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
CONTEXT = 512  # the longest text of the book, in single letters and bytes
LLAMA_3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
OWN_WORDS = r"SmolLM|smollm|Hugging|49,?152|(?<![.,\d−])576\b|\b30 layers"
# Sentences about the book's own model that hold on none of the models below, whose weights are
# random and whose tokenizers cut the sentence about France into more than five tokens.
OWN_SENTENCES = (
    r"our five tokens|five keys|five separate rows"
    r"|So would the model|no longer the first choice|The answer is on the paper"
    r"|portrait of Paris|climb of Paris|knows that the capital of France is"
    r"|that the model knows, and all heads|lost most of its probability|you will soon see why"
    r"|asks if it does so|Not every head looks for|A quiet token is handy"
    r"|The strong first column is the sink|surest that the answer is 4"
    r"|Where did the text go wrong|After another it has no idea"
    r"|signs for two spaces|The real surprise comes|tested only facts that the model knows"
    r"|Our head’s query points one step behind|Hiding the whitespace cost little in the story"
)
CLAIM = r'<p class="claim-sentence">.*?</p>'
FIGURE = r"<figure\b.*?</figure>"
KINDS = ["Llama with one head", "GPT-2"]


def write_model(folder: Path, kind: str) -> Path:
    """Write a tiny model.

    GPT-2 has other modules, learned positions and a chat template. The Llama has one layer with one
    head, an own unembedding, the positions of Llama 3, byte fallback and no chat template.
    """
    folder.mkdir()
    if kind == "GPT-2":
        return write_tiny_family(folder, "gpt2", n_positions=CONTEXT)
    write_tokenizer = TOKENIZER_WRITERS["llama-2"]
    write_tokenizer(folder)
    size = Tokenizer.from_file(str(folder / "tokenizer.json")).get_vocab_size()
    write_tiny_model(
        folder,
        vocab_size=size,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
        tie_word_embeddings=False,
        rope_parameters=LLAMA_3_ROPE,
        max_position_embeddings=CONTEXT,
    )
    (folder / "chat_template.jinja").unlink()
    write_tokenizer(folder)
    return folder


def page_text(page: Path) -> str:
    """Return the words of a page without its scripts, pictures and code."""
    return visible_text(page.read_text("utf-8"))


def visible_text(source: str) -> str:
    hidden = r"<(script|style|pre|svg)\b.*?</\1>"
    text = re.sub(hidden, " ", source, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def prose_text(page: Path, without: str = CLAIM) -> str:
    """Return the words of a page without its contents and the elements that a pattern matches."""
    main = page.read_text("utf-8").partition("<main")[2]
    return visible_text(re.sub(without, " ", main, flags=re.DOTALL))


def read_sizes(model: Path) -> tuple[int, int]:
    """Return the numbers of layers and of heads of a model."""
    config = json.loads((model / "config.json").read_text("utf-8"))
    layers = config.get("num_hidden_layers") or config["n_layer"]
    return layers, config.get("num_attention_heads") or config["n_head"]


@pytest.fixture(scope="module", params=KINDS)
def other_book(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the book's sources on a tiny model, with its figures for wide windows only."""
    folder = tmp_path_factory.mktemp("other")
    model = write_model(folder / "model", request.param)
    unwanted = shutil.ignore_patterns("results", "__pycache__")
    for name in ("experiments", "templates"):
        shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
    spec = folder / "experiments" / "book.yaml"
    spec.write_text(re.sub(r"(?m)^model: .*", f"model: {model}", spec.read_text("utf-8")))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("layerbook.plotting.svg.PHONE_WIDTH", math.inf)
        built = layerbook("build", "--quiet", "--jobs", "1", cwd=folder)
    assert built.returncode == 0, built.stdout + built.stderr
    assert "not shown" not in built.stdout + built.stderr
    return folder


def test_prose_adapts_to_another_model(other_book: Path) -> None:
    """Every chapter is there, without statements that hold only for the book's own model."""
    pages = {name: page_text(other_book / "site" / f"{name}.html") for name in CHAPTERS}
    matches = {
        name: [text[max(0, m.start() - 50) : m.end() + 50] for m in re.finditer(OWN_WORDS, text)]
        for name, text in pages.items()
    }
    assert not any(matches.values()), {name: words for name, words in matches.items() if words}

    for name, text in pages.items():
        assert not re.search(r"Traceback|\{\{|\{%|Undefined|\bnan\b", text), name

    assert "each is a space" not in pages["tokenization"]  # few of their entries begin with one
    has_template = (other_book / "model" / "chat_template.jinja").exists()
    assert ("This model comes without one" in pages["tokenization"]) != has_template
    assert ("Finally, ask the assistant in a chat" in pages["case-sums"]) == has_template


def test_prose_repeats_no_finding_of_the_own_model(other_book: Path) -> None:
    for name in CHAPTERS:
        text = prose_text(other_book / "site" / f"{name}.html")
        assert not re.findall(OWN_SENTENCES, text), name


def test_prose_names_only_layers_and_heads_that_exist(other_book: Path) -> None:
    layers, heads = read_sizes(other_book / "model")
    for name in CHAPTERS:
        text = prose_text(other_book / "site" / f"{name}.html")
        named = [int(number) for number in re.findall(r"\b[Ll]ayer (\d+)", text)]
        assert all(number < layers for number in named), (name, named)
        pairs = re.findall(r"\b[Hh]ead (\d+)(?:\.(\d+))?", text)
        assert all(int(pair[1] or pair[0]) < heads for pair in pairs), (name, pairs)
        assert all(int(layer) < layers for layer, head in pairs if head), (name, pairs)


def test_prose_counts_in_the_singular(other_book: Path) -> None:
    for name in (*CHAPTERS, "whole-model"):
        text = prose_text(other_book / "site" / f"{name}.html", without=rf"{CLAIM}|{FIGURE}")
        assert not re.findall(r"(?<![\d.,])1 (?:heads|layers|tokens|sets|times)\b", text), name
