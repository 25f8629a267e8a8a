"""The vocabulary, against the tokenizers library and hand-made pieces."""

from fixtures.run_analysis import facts, json_round_trip, run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.vocabulary import Vocabulary
from layerbook.core.figures import label_text
from layerbook.core.requests import Describe, Encode
from tokenizers import Tokenizer


def by_hand(pieces, find, cuts, roles=(), first=2):
    """Return the analysis on a hand-made vocabulary; `cuts` are the ids of each piece."""
    analysis = Vocabulary(first=first, find=find)
    captures = {"model": pieces.capture([], model_facts=facts(special_tokens=tuple(roles)))}
    captures |= {f"find-{i}": pieces.capture(ids) for i, ids in enumerate(cuts)}
    return analysis, json_round_trip(analysis, analysis.measure(captures))


def test_counts_agree_with_the_tokenizers_library(tiny, tiny_model_dir):
    """Size, first entries, and ids of pieces agree."""
    backend = Tokenizer.from_file(str(tiny_model_dir / "tokenizer.json"))
    find = ("H", " the", "Hell", "<|im_start|>", "xyz")
    result = run(tiny, Vocabulary(first=40, find=find))

    assert result.size == backend.get_vocab_size()
    assert [token.id for token in result.first] == list(range(40))
    assert [token.id for token in result.last] == list(range(result.size - 40, result.size))
    names = [piece.replace(" ", "Ġ") for piece in find]
    assert [f.id for f in result.lookups] == [backend.token_to_id(name) for name in names]
    assert [[t.id for t in f.tokens] for f in result.lookups] == [
        backend.encode(piece).ids for piece in find
    ]
    assert result.bytes == 256 and result.missing_bytes == ()
    assert [s.token.id for s in result.special] == sorted(
        id for id, token in backend.get_added_tokens_decoder().items() if token.special
    )


def test_special_tokens_carry_their_roles(tiny):
    """A token can have several roles."""
    result = run(tiny, Vocabulary(first=1, find=("a",)))

    assert {s.token.text: set(s.roles) for s in result.special} == {
        "<|endoftext|>": {"unk"},
        "<|im_start|>": {"bos"},
        "<|im_end|>": {"eos", "pad"},
    }
    assert result.roles["eos"] == result.roles["pad"]
    assert result.roles["bos"].text == "<|im_start|>"


def test_joined_pieces_fragments_and_spaces_are_counted():
    """Special tokens are not counted."""
    pieces = ByteVocabulary(
        "a", b"\xf0", b"\xf0\x9f", " a", "ab", "�", "    longer ", " <s>", special=1
    )
    _, result = by_hand(pieces, ("a",), [[0]], first=3)

    assert (
        result.bytes == 2
        and len(result.missing_bytes) == 254
        and not {"61", "f0"} & set(result.missing_bytes)
    )
    assert [token.id for token in result.multi_byte] == [2, 3, 4]
    assert result.starting_with_space == 2 and result.with_inner_whitespace == 0
    assert [token.text for token in result.longest[:2]] == ["    longer ", "ab"]
    assert [token.text for token in result.longest_words] == ["    longer ", "ab", "a", " a"]
    assert [s.token.text for s in result.special] == [" <s>"]


def test_piece_outside_the_vocabulary_has_no_id():
    """It is null in the result and `none` in the table."""
    pieces = ByteVocabulary("H", "ell")
    analysis, result = by_hand(pieces, ("Hell", "H"), [[0, 1], [0]])

    assert [f.id for f in result.lookups] == [None, 0]
    table = analysis.figures(result)["find"]
    shown = [(label_text(text), id, label_text(parts)) for text, id, parts in table.rows]
    assert shown == [("Hell", "none", "H + ell"), ("H", 0, "H")]
    assert table.alt == "Not a token by itself: Hell."


def test_no_forward_pass_is_requested():
    requests = Vocabulary(find=("a", "b")).runs().values()

    assert [type(request) for request in requests] == [Describe, Encode, Encode]
