"""The tokenizer as a result: the library rebuilds the same vocabulary and tokens from it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from fixtures.other_tokenizers import BPE_WRITERS, TOKENIZER_WRITERS
from fixtures.run_analysis import json_round_trip
from layerbook.analyses.tokenizer_file import TokenizerFile, TokenizerFileResult, apply_merges
from layerbook.core.figures import TokenStrip
from layerbook.core.requests import ActivationCache, Encode, Prompt
from layerbook.model.tokenizer import ModelTokenizer
from tokenizers import Tokenizer

TEXT = "The owls 🦉 sat on 42 tables.\n"
EXAMPLES = ("owl", "42")


def measured(folder: Path, text: str = TEXT) -> tuple[TokenizerFile, TokenizerFileResult]:
    """Return the analysis on the tokenizer of a folder."""
    tokenizer = ModelTokenizer.load(folder)
    analysis = TokenizerFile(text=text, examples=EXAMPLES)
    texts = {name: tokenizer.encode(request.prompt) for name, request in analysis.runs().items()}
    result = analysis.measure(
        {
            name: ActivationCache(tokenizer.tokens(ids), text, tokenizer)
            for name, (ids, text) in texts.items()
        }
    )
    return analysis, json_round_trip(analysis, result)


def rebuilt(result: TokenizerFileResult) -> Tokenizer:
    """Return the tokenizer that the result describes, built by the library."""
    vocabulary = apply_merges(result.base_vocabulary, result.merges)
    pieces = {id: piece for piece, id in vocabulary.items()}
    merges = [[pieces[left], pieces[right]] for left, right in result.merges.tolist()]
    model = result.settings["model"] | {"vocab": vocabulary, "merges": merges}
    return Tokenizer.from_str(json.dumps(result.settings | {"model": model}))


def assert_same(folder: Path, result: TokenizerFileResult) -> None:
    """Assert that the rebuilt tokenizer equals the one in the folder, with all settings."""
    theirs = Tokenizer.from_file(str(folder / "tokenizer.json"))
    assert json.loads(rebuilt(result).to_str()) == json.loads(theirs.to_str())
    assert result.size == theirs.get_vocab_size()
    assert [token.id for token in result.tokens] == theirs.encode(TEXT).ids


def test_vocabulary_follows_from_the_merges(tiny_model_dir: Path) -> None:
    """Only special tokens and bytes are stored; everything else is merged."""
    _, result = measured(tiny_model_dir)

    assert_same(tiny_model_dir, result)
    assert len(result.base_vocabulary) == 256 + 3
    assert len(result.base_vocabulary) + len(result.merges) == result.size


@pytest.mark.parametrize("kind", BPE_WRITERS)
def test_every_kind_of_tokenizer_round_trips(tmp_path: Path, kind: str) -> None:
    """Ids need not follow the merges, and some entries have no merge."""
    _, result = measured(BPE_WRITERS[kind](tmp_path))

    assert_same(tmp_path, result)


@pytest.mark.model
def test_default_model_is_stored_in_few_pieces(real_model_dir: Path) -> None:
    """252 of its 49,152 entries are stored; two bytes hold an id."""
    _, result = measured(real_model_dir)

    assert_same(real_model_dir, result)
    assert (len(result.base_vocabulary), result.merges.shape, result.size) == (
        252,
        (48900, 2),
        49152,
    )


def test_new_pieces_take_the_lowest_free_id() -> None:
    """An existing piece keeps its id, and a merge without parts ends the list."""
    pieces = {"a": 0, "b": 3, "ab": 2}

    assert apply_merges(pieces, np.array([[0, 3], [3, 0], [1, 2]])) == pieces | {"ba": 1, "baab": 4}
    assert apply_merges(pieces, np.array([[0, 0], [9, 0], [3, 3]])) == pieces | {"aa": 1}


def test_tokenizer_without_merges_has_a_figure_of_its_text(tmp_path: Path) -> None:
    """Unigram stores every piece, and its figure is static."""
    tokenizer = ModelTokenizer.load(TOKENIZER_WRITERS["unigram"](tmp_path))
    analysis, result = measured(tmp_path)

    assert len(result.merges) == 0 and len(result.base_vocabulary) == result.size == tokenizer.size
    assert all(
        tokenizer.backend.token_to_id(piece) == id for piece, id in result.base_vocabulary.items()
    )
    figure = analysis.figures(result)["tokens"]
    assert isinstance(figure, TokenStrip) and figure.tokenizer_json == ""
    assert figure.rows[0] == (TEXT, result.tokens)
    assert [text for text, _ in figure.rows[1:]] == list(EXAMPLES)


def test_figure_contains_the_whole_tokenizer(tiny_model_dir: Path) -> None:
    """The text is shown as chips, and the data for the script are plain ASCII."""
    analysis, result = measured(tiny_model_dir)
    figure = analysis.figures(result)["tokens"]

    assert isinstance(figure, TokenStrip)
    assert figure.rows[0] == (TEXT, result.tokens)
    assert [text for text, _ in figure.rows[1:]] == list(EXAMPLES)
    assert figure.tokenizer_json.isascii()
    assert json.loads(figure.tokenizer_json) == {
        "texts": [TEXT, *EXAMPLES],
        "base": [list(pair) for pair in result.base_vocabulary.items()],
        "merges": [id for pair in result.merges.tolist() for id in pair],
        "settings": result.settings,
    }


def test_alt_text_counts_the_tokens(tiny_model_dir: Path) -> None:
    analysis, result = measured(tiny_model_dir, text="a")
    count = len(result.examples[0].tokens)
    assert count > 1
    alt = f"Cut into tokens: “a” is 1 token, “owl” is {count} tokens and "
    assert analysis.figures(result)["tokens"].alt.startswith(alt)


def test_no_forward_pass_is_requested() -> None:
    assert list(TokenizerFile(text="a").runs().values()) == [Encode(Prompt(text="a"))]
