"""The tokenizer gives the ids of transformers, and bytes of tokens join to the text."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from fixtures.other_tokenizers import TOKENIZER_WRITERS
from hypothesis import given, settings
from hypothesis import strategies as st
from layerbook.core.errors import ModelError
from layerbook.core.requests import ChatMessage, Prompt
from layerbook.core.tokens import Token, is_whitespace, spells, visible, without_added
from layerbook.model.chat_template import ChatTemplate
from layerbook.model.tokenizer import ModelTokenizer
from transformers import PreTrainedTokenizerFast

TRICKY = [
    "",
    " ",
    "Hello, World!",
    "  two  spaces ",
    "a\n\n\tb\r\nc",
    "naïve café ünïcödé",
    "日本語 🙂‍↕️ 👩‍👩‍👧",
    "1234567 3.14",
    "▁ already ▁▁ there",
    "<0x0A> <0x20> and <0xZZ>",
    "Ġ is a letter, é too",
    "a <s> b </s><unk>",
    "\N{REPLACEMENT CHARACTER}\N{NO-BREAK SPACE}x",
]
TEXTS = st.one_of(
    st.sampled_from(TRICKY),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12),
    st.text(" \n\té▁Ġ<0xA>s/🙂the1", max_size=16),
)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Write a folder for each kind of tokenizer."""
    folders = {}
    for name, write in TOKENIZER_WRITERS.items():
        folders[name] = write(tmp_path_factory.mktemp(name))
    return folders


@pytest.fixture(scope="module", params=TOKENIZER_WRITERS)
def pair(request, folders):
    """Return our tokenizer and transformers' of the same files, and the kind."""
    folder = folders[request.param]
    return (
        ModelTokenizer.load(folder),
        PreTrainedTokenizerFast.from_pretrained(folder),
        request.param,
    )


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_ids_are_those_of_transformers(pair, text):
    ours, reference, _ = pair
    assert list(ours.encode(Prompt(text=text)).ids) == reference(text)["input_ids"]
    chat = reference(text, add_special_tokens=False)["input_ids"]
    assert list(ours.encode_text(text, Prompt(ids=(0,)))) == chat


@settings(max_examples=150, deadline=None)
@given(text=TEXTS)
def test_bytes_of_the_tokens_join_to_the_text(pair, text):
    """SentencePiece adds a space before the text and after special tokens, and reads `▁` as a
    space; its Unigram in `tokenizers` reads `<0x0A>` in a text as the byte.
    """
    ours, reference, kind = pair
    ids = reference(text, add_special_tokens=False)["input_ids"]
    joined = b"".join(bytes.fromhex(ours.token(id).hex) for id in ids).decode(errors="replace")
    if kind == "llama-3":
        assert joined == text
        return
    assert joined.lstrip(" ") == reference.decode(ids).lstrip(" ")
    marks = ["<s>", "</s>", "<unk>", "▁"] + ["<0x"] * (kind == "unigram")
    if not any(mark in text for mark in marks):
        assert joined in (text, f" {text}")


def test_every_id_is_a_token(pair):
    """Each token can be found by its text, if that is unique."""
    ours, reference, _ = pair
    assert ours.size == len(reference)
    tokens = ours.tokens(range(ours.size))
    texts = [token.text for token in tokens]
    for token in tokens:
        if texts.count(token.text) == 1 and "\N{REPLACEMENT CHARACTER}" not in token.text:
            assert ours.find(token.text) == token
        visible(token)


def test_single_letters_are_not_byte_tokens(folders):
    """`é` is the letter in SentencePiece, and the byte E9 in byte-level BPE."""
    pieces, level = (ModelTokenizer.load(folders[name]) for name in ("llama-2", "llama-3"))
    letter = pieces.token(pieces.backend.token_to_id("é"))
    assert (letter.text, letter.hex) == ("é", "c3a9")
    assert level.token(level.backend.token_to_id("é")).hex == "e9"


def test_byte_entry_is_text_without_byte_fallback(folders):
    """`<0x0A>` is a line break only if the decoder says so."""
    pieces, level = (ModelTokenizer.load(folders[name]) for name in ("llama-2", "llama-3"))
    newline = pieces.find("\n")
    assert newline is not None and newline.hex == "0a" and is_whitespace(newline)
    assert visible(newline) == "⏎"
    space = pieces.token(pieces.backend.token_to_id("<0x20>"))
    assert space.text == " " and is_whitespace(space)
    written = level.token(level.backend.token_to_id("<0x0A>"))
    assert (written.text, is_whitespace(written)) == ("<0x0A>", False)


def test_space_marker_is_whitespace(folders):
    tokenizer = ModelTokenizer.load(folders["llama-2"])
    mark = tokenizer.token(tokenizer.backend.token_to_id("▁"))
    assert (mark.text, mark.hex, is_whitespace(mark), visible(mark)) == (" ", "20", True, "·")


def test_truncation_and_padding_are_disabled(tmp_path, folders):
    """transformers, too, leaves both to the caller."""
    data = json.loads((folders["llama-3"] / "tokenizer.json").read_text(encoding="utf-8"))
    data["truncation"] = {
        "max_length": 4,
        "stride": 0,
        "strategy": "LongestFirst",
        "direction": "Right",
    }
    data["padding"] = {
        "strategy": {"Fixed": 8},
        "direction": "Right",
        "pad_to_multiple_of": None,
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "!",
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(data), encoding="utf-8")
    text = "one two three four five six seven eight nine ten"
    ours = ModelTokenizer.load(tmp_path)
    assert (
        list(ours.encode(Prompt(text=text)).ids)
        == (PreTrainedTokenizerFast.from_pretrained(tmp_path)(text)["input_ids"])
    )
    assert ours.encode(Prompt(text="a")) == ModelTokenizer.load(folders["llama-3"]).encode(
        Prompt(text="a")
    )
    assert ours.tokenizer_json()["truncation"] is ours.tokenizer_json()["padding"] is None


def test_shuffling_keeps_the_added_tokens(folders):
    """The start token stays first, the end token last."""
    for name, ends in (("llama-2", (1, None)), ("unigram", (1, 2))):
        tokenizer = ModelTokenizer.load(folders[name])
        plain = tokenizer.encode(Prompt(text="the cat sat on the table")).ids
        shuffled = tokenizer.encode(Prompt(text="the cat sat on the table", shuffle_seed=1)).ids
        assert sorted(plain) == sorted(shuffled) and plain != shuffled
        assert shuffled[0] == ends[0]
        assert ends[1] in (None, shuffled[-1])


def test_ids_without_an_entry_are_named(folders):
    """They are unused rows of the embedding, and gaps between the tokenizer's ids."""
    tokenizer = ModelTokenizer.load(folders["llama-2"])
    spare = replace(tokenizer, embedding_rows=tokenizer.size + 2)
    token = spare.token(tokenizer.size + 1)
    assert (token.text, token.hex, token.special) == (f"<unused {tokenizer.size + 1}>", "", True)
    assert visible(token) == token.text
    assert spare.tokens([tokenizer.size])[0].text == f"<unused {tokenizer.size}>"
    spare.decode([0, tokenizer.size + 1])
    for id in (-1, tokenizer.size + 2):
        with pytest.raises(IndexError, match=f"no token has id {id}"):
            spare.token(id)


def write_with_config(folder: Path, source: Path, **settings: object) -> Path:
    """Copy a tokenizer's files with other settings in tokenizer_config.json."""
    (folder / "tokenizer.json").write_bytes((source / "tokenizer.json").read_bytes())
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    return folder


def test_tokens_of_the_settings_are_added(tmp_path, folders):
    """Tokens only in tokenizer_config.json get the ids of transformers."""
    size = ModelTokenizer.load(folders["llama-3"]).size
    added = {
        str(size): {
            "content": "<tool-é>",
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "single_word": False,
            "special": False,
        }
    }
    folder = write_with_config(
        tmp_path, folders["llama-3"], added_tokens_decoder=added, pad_token="[PAD]"
    )
    ours, reference = ModelTokenizer.load(folder), PreTrainedTokenizerFast.from_pretrained(folder)
    text = "a<tool-é>b[PAD]"
    assert list(ours.encode(Prompt(text=text)).ids) == reference(text)["input_ids"]
    assert dict(ours.role_ids)["pad_token"] == reference.pad_token_id == size + 1
    assert ours.token(size).text == "<tool-é>" and not ours.token(size).special
    assert ours.find("<tool-é>") == ours.token(size)

    added[str(size + 5)] = added.pop(str(size))
    write_with_config(tmp_path, folders["llama-3"], added_tokens_decoder=added)
    with pytest.raises(ModelError, match=rf"'<tool-é>' with id {size + 5}.* gives it {size}"):
        ModelTokenizer.load(folder)


def test_roles_come_from_any_file(tmp_path, folders):
    """They come from tokenizer_config.json, special_tokens_map.json, or the ids in config.json."""
    folder = write_with_config(tmp_path, folders["llama-2"])
    assert dict(ModelTokenizer.load(folder).role_ids) == {}
    (folder / "config.json").write_text('{"eos_token_id": [2, 7], "pad_token_id": -1}')
    assert dict(ModelTokenizer.load(folder).role_ids) == {"eos_token": 2}
    (folder / "special_tokens_map.json").write_text('{"bos_token": {"content": "<s>"}}')
    assert dict(ModelTokenizer.load(folder).role_ids) == {"bos_token": 1, "eos_token": 2}


def test_chats_and_raw_text_of_a_tokenizer_that_adds_a_start_token(folders):
    """A chat already has its special tokens, so none is added."""
    template = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"
    tokenizer = replace(
        ModelTokenizer.load(folders["llama-2"]),
        chat=ChatTemplate(template, {"bos_token": "<s>"}),
    )
    chat = Prompt(messages=(ChatMessage(role="user", content="the cat"),))
    assert tokenizer.encode(chat) == (
        tokenizer.encode(Prompt(text="the cat")).ids,
        "<s>the cat",
    )


def test_added_tokens_do_not_make_a_text_lossy(folders):
    """Only a changed character makes it lossy."""
    for name, folder in folders.items():
        tokenizer = ModelTokenizer.load(folder)
        for text in ("the cat", " the cat", "é 🙂\n", ""):
            assert spells(tokenizer.tokens(tokenizer.encode(Prompt(text=text)).ids), text), name
        tokens = tokenizer.tokens(tokenizer.encode(Prompt(text="the cat")).ids)
        assert not spells(tokens, "the cats") and not spells(tokens[3:], "the cat")


def test_special_token_replacing_a_character_counts_as_loss():
    """The unknown token replaces characters outside the vocabulary."""
    unknown, letter = Token(0, "<unk>", b"<unk>".hex(), special=True), Token(1, "b", "62")
    start = Token(2, "<s>", b"<s>".hex(), special=True)
    assert without_added([start, letter], "b") == (letter,)
    assert without_added([start], "<s>") == (start,)
    assert without_added([start, unknown, letter], "ab") == (start, unknown, letter)
    assert not spells([unknown, letter], "ab") and not spells([unknown], "a")


def test_dropout_is_disabled(tmp_path, folders):
    """It would make BPE random."""
    data = json.loads((folders["llama-3"] / "tokenizer.json").read_text(encoding="utf-8"))
    data["model"]["dropout"] = 0.5
    (tmp_path / "tokenizer.json").write_text(json.dumps(data), encoding="utf-8")
    prompt = Prompt(text="the cat sat on the table")
    expected = ModelTokenizer.load(folders["llama-3"]).encode(prompt)
    assert {ModelTokenizer.load(tmp_path).encode(prompt) for _ in range(5)} == {expected}


@pytest.mark.parametrize(
    "name", ["tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "config.json"]
)
@pytest.mark.parametrize("content", ["[1]", "not JSON"])
def test_reports_files_that_cannot_be_read(tmp_path, folders, name, content):
    write_with_config(tmp_path, folders["llama-3"])
    (tmp_path / name).write_text(content)
    with pytest.raises(ModelError, match=r"cannot read the tokenizer: "):
        ModelTokenizer.load(tmp_path)
