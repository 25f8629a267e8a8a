"""Merge steps, against merges by hand and the tokenizers library."""

from __future__ import annotations

from pathlib import Path

import pytest
from fixtures.other_tokenizers import BPE_WRITERS, TOKENIZER_WRITERS
from fixtures.run_analysis import json_round_trip
from layerbook.analyses.merge_steps import MergeSteps, MergeStepsResult, merge_all
from layerbook.core.figures import Table
from layerbook.core.requests import ActivationCache, Prompt
from layerbook.model.tokenizer import ModelTokenizer
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import Whitespace
from tokenizers.trainers import BpeTrainer

CORPUS = "the the the the then then hen"


def measured(folder: Path, text: str) -> tuple[MergeSteps, MergeStepsResult]:
    """Return the analysis on the tokenizer of a folder."""
    tokenizer, analysis = ModelTokenizer.load(folder), MergeSteps(text=text)
    ids, encoded = tokenizer.encode(Prompt(text=text))
    run = ActivationCache(tokenizer.tokens(ids), encoded, tokenizer)
    return analysis, json_round_trip(analysis, analysis.measure({"text": run}))


def test_merges_of_the_chapter_are_those_that_tokenizers_learns() -> None:
    """Seven words give the merges he, the, then; hen is two pieces, ten three."""
    library = Tokenizer(BPE())
    library.pre_tokenizer = Whitespace()
    library.train_from_iterator([CORPUS], BpeTrainer(vocab_size=7, show_progress=False))
    ranks = {("h", "e"): 1, ("t", "he"): 2, ("the", "n"): 3}

    assert set(library.get_vocab()) == {*"then", "he", "the", "then"}
    steps = merge_all([list(word) for word in CORPUS.split()], ranks)
    assert [pair for pair, _ in steps] == [*ranks]
    assert [sum(map(len, words)) for _, words in steps] == [16, 10, 8]
    for word in ("hen", "the", "then", "thenthen"):
        assert merge_all([list(word)], ranks)[-1][1] == [library.encode(word).tokens]
    for word in ("ten", "tent"):
        assert merge_all([list(word)], ranks) == [] and library.encode(word).tokens == list(word)


def test_pair_is_merged_from_the_left() -> None:
    """Of three equal pieces, the first two are merged."""
    assert merge_all([list("aaa")], {("a", "a"): 1})[-1][1] == [["aa", "a"]]


@pytest.mark.parametrize("kind", BPE_WRITERS)
@pytest.mark.parametrize("text", [" the", "owl 42", "naïve 🦉"])
def test_last_merge_gives_the_tokens_of_the_library(tmp_path: Path, kind: str, text: str) -> None:
    """Ranks rise, every merge shortens the text, and no character is lost."""
    BPE_WRITERS[kind](tmp_path)
    _, result = measured(tmp_path, text)

    last = result.merges[-1].pieces if result.merges else result.start
    library = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    assert [token.id for token in last] == library.encode(text).ids
    ranks = [merge.rank for merge in result.merges]
    assert ranks == sorted(set(ranks)) and max(ranks, default=0) <= result.pair_count
    lengths = [len(result.start), *(len(merge.pieces) for merge in result.merges)]
    assert lengths == sorted(lengths, reverse=True)
    hexes = {"".join(t.hex for t in merge.pieces) for merge in result.merges}
    assert len(hexes | {"".join(t.hex for t in result.start)}) == 1


def test_without_pairs_there_are_no_merges(tmp_path: Path) -> None:
    """Unigram has scores instead of pairs, and the figure shows the tokens."""
    analysis, result = measured(TOKENIZER_WRITERS["unigram"](tmp_path), " the")

    assert result.merges == () and result.pair_count == 0 and result.start == result.tokens
    figure = analysis.figures(result)["steps"]
    assert isinstance(figure, Table) and len(figure.rows) == 1


def test_special_tokens_are_not_split(tiny_model_dir: Path) -> None:
    """A text with a special token has no merges to show."""
    _, result = measured(tiny_model_dir, "a<|im_end|>")

    assert result.merges == () and result.start == result.tokens
