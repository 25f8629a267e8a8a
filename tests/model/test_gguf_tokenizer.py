"""Tokenizers of GGUF files follow llama.cpp's rules, written out here, and transformers."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise

import pytest
import regex
from fixtures.gguf_file import gguf_settings, write_gguf
from fixtures.other_tokenizers import BYTE_ENTRIES
from hypothesis import given, settings
from hypothesis import strategies as st
from layerbook.core.requests import Prompt
from layerbook.model.convert import convert
from layerbook.model.token_spelling import CHARACTERS
from layerbook.model.tokenizer import ModelTokenizer
from transformers import Qwen2Tokenizer
from transformers.integrations.gguf.gguf_tokenizer_mapping import (
    convert_gguf_tokenizer,
    get_gguf_tokenizer,
)

CONTRACTIONS = "'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD]"
SPLITS = {  # as llama.cpp has them
    "llama-bpe": [
        rf"(?:{CONTRACTIONS})|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ],
    "qwen2": [
        rf"(?:{CONTRACTIONS})|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}"
        r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ],
    "default": [
        r"[\p{P}\$\+<=>\^~\|]+",
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)",
        r"\p{N}+",
        r"[0-9][0-9][0-9]",
    ],
    "smollm": [
        r"\p{N}",
        r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)",
    ],
}
TEXTS = st.one_of(
    st.sampled_from(
        [
            "",
            "  10 cats sat, 2 + 2 = 4444!",
            "The cat's table\n\n  and 'T token",
            "naïve café 🙂 日本",
            "$100<=x^2~|y|",
            "\ttab \r\n end ",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cn", "Co"]), max_size=10),
    st.text("the cat sat on  \n12345'sT,.$+<|>~é", max_size=24),
)


def split(text: str, patterns: Sequence[str]) -> list[str]:
    """Split a text by one pattern after the other, into matches and the parts between them."""
    parts = [text]
    for pattern in patterns:
        cut = []
        for part in parts:
            end = 0
            for match in regex.finditer(pattern, part):
                cut += [part[end : match.start()], match.group()]
                end = match.end()
            cut.append(part[end:])
        parts = [part for part in cut if part]
    return parts


def join_by_rank(part: str, merges: Sequence[str]) -> list[str]:
    """Join the bytes of a part by byte-pair encoding."""
    ranks = {tuple(merge.split(" ")): rank for rank, merge in enumerate(merges)}
    symbols = [CHARACTERS[byte] for byte in part.encode()]
    while True:
        best = min(
            (pair for pair in pairwise(symbols) if pair in ranks), key=ranks.__getitem__, default=()
        )
        if not best:
            return symbols
        joined = []
        while symbols:
            if tuple(symbols[:2]) == best:
                joined.append("".join(best))
                symbols = symbols[2:]
            else:
                joined.append(symbols.pop(0))
        symbols = joined


@pytest.fixture(scope="module", params=SPLITS)
def byte_level(request, tiny_model_dir, tmp_path_factory):
    """Return the rule's name, the header's settings, and the tokenizers converted and of
    transformers.
    """
    folder = tmp_path_factory.mktemp(request.param)
    changes = {"tokenizer.ggml.pre": request.param}
    gguf = write_gguf(tiny_model_dir, folder / "tiny.gguf", changes)
    (folder / "out").mkdir()
    convert(gguf, folder / "out")
    architecture, vocabulary, _ = get_gguf_tokenizer(str(gguf))
    reference, _ = convert_gguf_tokenizer(architecture, vocabulary)
    tokenizer = ModelTokenizer.load(folder / "out")
    return request.param, gguf_settings(tiny_model_dir), tokenizer, reference


@settings(max_examples=120, deadline=None)
@given(text=TEXTS)
def test_byte_level_ids_follow_the_merge_rule(byte_level, text):
    """Llama 3's and Qwen 2's rules also agree with transformers."""
    name, header, tokenizer, reference = byte_level
    if "<|" in text:  # may be a special token
        return
    tokens = header["tokenizer.ggml.tokens"]
    normalised = unicodedata.normalize("NFC", text) if name == "qwen2" else text
    parts = split(normalised, SPLITS[name])
    written = ["".join(CHARACTERS[byte] for byte in part.encode()) for part in parts]
    cut = tokenizer.backend.pre_tokenizer.pre_tokenize_str(normalised)
    assert [part for part, _ in cut] == written
    expected = []
    for part, whole in zip(parts, written, strict=True):
        if name == "llama-bpe" and whole in tokens:
            expected.append(whole)
        else:
            expected += join_by_rank(part, header["tokenizer.ggml.merges"])
    ids = list(tokenizer.encode_text(text, Prompt(ids=(0,))))
    assert ids == [tokens.index(piece) for piece in expected]
    if name in ("llama-bpe", "qwen2"):
        assert ids == reference.encode(normalised, add_special_tokens=False).ids
    joined = b"".join(bytes.fromhex(tokenizer.token(id).hex) for id in ids)
    assert joined.decode() == normalised


def test_qwen_2_is_normalised_as_its_own_tokenizer_does(tiny_model_dir, byte_level):
    name, header, tokenizer, _ = byte_level
    if name != "qwen2":
        return
    tokens = header["tokenizer.ggml.tokens"]
    merges = [tuple(merge.split(" ")) for merge in header["tokenizer.ggml.merges"]]
    reference = Qwen2Tokenizer(vocab={t: i for i, t in enumerate(tokens)}, merges=merges)
    text = "cafe\N{COMBINING ACUTE ACCENT} 12 'The cat"
    assert list(tokenizer.encode(Prompt(text=text)).ids) == (
        reference.encode(text, add_special_tokens=False)
    )


@pytest.mark.parametrize(
    ("changes", "added"),
    [
        ({}, []),
        ({"tokenizer.ggml.add_bos_token": None}, []),
        ({"tokenizer.ggml.pre": "llama-bpe", "tokenizer.ggml.add_bos_token": None}, [1]),
        ({"tokenizer.ggml.pre": "llama-bpe"}, []),
        ({"tokenizer.ggml.add_bos_token": True, "tokenizer.ggml.add_eos_token": True}, [1, 2]),
    ],
)
def test_added_tokens_are_those_of_llama_cpp(tiny_model_dir, tmp_path, changes, added):
    """The header decides; by default Llama 3's rule adds the start token."""
    gguf = write_gguf(tiny_model_dir, tmp_path / "tiny.gguf", changes)
    (tmp_path / "out").mkdir()
    convert(gguf, tmp_path / "out")
    assert list(ModelTokenizer.load(tmp_path / "out").encode(Prompt(text="")).ids) == added


# --- SentencePiece

WORDS = "▁t he ▁the at ▁c ▁cat ▁s ▁sat ▁sa on ▁on ▁▁ ▁▁▁▁ an and ▁and in ing er the é".split()


def sentencepiece_settings(**changes: object) -> dict[str, object]:
    """Return a header's vocabulary of 320 pieces: special tokens, bytes, words and letters."""
    letters = list(dict.fromkeys("▁etaoinshrdlucmfwygpbvkxqjz.,!ETAC+=0123456789é"))
    words = [word for word in WORDS if word not in letters]
    pieces = ["<unk>", "<s>", "</s>", *BYTE_ENTRIES, *words, *letters]
    pieces = (pieces + [f"<extra_{i}>" for i in range(320)])[:320]
    types = [2, 3, 3] + [6] * 256 + [1] * (len(words) + len(letters))
    types = (types + [4] * 320)[:320]
    return {
        "tokenizer.ggml.model": "llama",
        "tokenizer.ggml.pre": None,
        "tokenizer.ggml.merges": None,
        "tokenizer.ggml.tokens": pieces,
        "tokenizer.ggml.token_type": types,
        "tokenizer.ggml.scores": [0.0] * 259 + [-float(i) for i in range(61)],
        "tokenizer.ggml.padding_token_id": None,
        "tokenizer.ggml.add_bos_token": None,
        "tokenizer.ggml.add_space_prefix": None,
    } | changes


def write_sentencepiece(model, folder, **changes):
    """Convert a GGUF with this vocabulary; return its settings, its path and the tokenizer."""
    header = sentencepiece_settings(**changes)
    gguf = write_gguf(model, folder / "tiny.gguf", header)
    (folder / "out").mkdir()
    convert(gguf, folder / "out")
    return header, gguf, ModelTokenizer.load(folder / "out")


@pytest.fixture(scope="module")
def sentencepiece(tiny_model_dir, tmp_path_factory):
    return write_sentencepiece(tiny_model_dir, tmp_path_factory.mktemp("sentencepiece"))


def join_by_score(text: str, header: dict[str, object]) -> list[int]:
    """Merge the best scored neighbors, leftmost first, as llama.cpp does."""
    tokens = header["tokenizer.ggml.tokens"]
    scores = dict(zip(tokens[259:], header["tokenizer.ggml.scores"][259:], strict=True))
    symbols = list(text.replace(" ", "▁"))
    while True:
        pairs = enumerate(pairwise(symbols))
        joins = [(-scores[a + b], i) for i, (a, b) in pairs if a + b in scores]
        if not joins:
            break
        _, i = min(joins)
        symbols[i : i + 2] = [symbols[i] + symbols[i + 1]]
    ids = []
    for symbol in symbols:
        is_token = symbol in tokens
        ids += [tokens.index(symbol)] if is_token else [3 + byte for byte in symbol.encode()]
    return ids


SENTENCES = st.one_of(
    st.sampled_from(["the cat sat on the mat", "  two", "é 🙂\n", " ", "    ", "anding", "a  b"]),
    st.text("theca sonid  \né", max_size=20),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
)


@settings(max_examples=200, deadline=None)
@given(text=SENTENCES)
def test_sentencepiece_ids_follow_the_scores(sentencepiece, text):
    """With a leading space and the start token, llama.cpp's defaults."""
    header, _, tokenizer = sentencepiece
    if any(mark in text for mark in ("<", "▁")):
        return
    expected = [1, *(join_by_score(f" {text}", header) if text else [])]
    ids = list(tokenizer.encode(Prompt(text=text)).ids)
    assert ids == expected
    joined = b"".join(bytes.fromhex(tokenizer.token(id).hex) for id in ids[1:])
    assert joined.decode() == (f" {text}" if text else "")
    assert tokenizer.decode(ids[1:]) == text


@settings(max_examples=50, deadline=None)
@given(text=st.text("theca sonid\né", min_size=1, max_size=20))
def test_sentencepiece_agrees_with_transformers(sentencepiece, text):
    """For texts that do not start with a space, where its rule differs."""
    _, gguf, tokenizer = sentencepiece
    architecture, vocabulary, _ = get_gguf_tokenizer(str(gguf))
    reference, _ = convert_gguf_tokenizer(architecture, vocabulary)
    text = text.lstrip(" ")
    if text:
        assert list(tokenizer.encode_text(text, Prompt(ids=(0,)))) == reference.encode(text).ids


def test_sentencepiece_can_omit_the_leading_space(tiny_model_dir, tmp_path):
    changes = {
        "tokenizer.ggml.add_space_prefix": False,
        "tokenizer.ggml.add_bos_token": False,
        "tokenizer.ggml.add_eos_token": True,
    }
    header, _, tokenizer = write_sentencepiece(tiny_model_dir, tmp_path, **changes)
    ids = list(tokenizer.encode(Prompt(text="the cat")).ids)
    assert ids == [*join_by_score("the cat", header), 2]
    assert tokenizer.decode(ids[:-1]) == "the cat"


def test_sentencepiece_token_types_are_kept(sentencepiece):
    """Special tokens, bytes and user-defined pieces."""
    _, _, tokenizer = sentencepiece
    assert tokenizer.special_ids == {0, 1, 2}
    newline = tokenizer.find("\n")
    assert newline is not None and newline.id == 3 + 10
    own = tokenizer.size - 1
    text = f"a{tokenizer.token(own).text}b"
    assert own in tokenizer.encode(Prompt(text=text)).ids and own not in tokenizer.special_ids
