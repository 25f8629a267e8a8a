"""Build `tokenizer.json` from the vocabulary in a GGUF's header.

There are two kinds: `gpt2` is byte-level BPE, and `tokenizer.ggml.pre` names its rule for splitting
text; `llama` is SentencePiece, whose merges follow from the scores of its pieces. Settings that a
header leaves out have llama.cpp's defaults.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from layerbook.model.gguf import CONFIG_KEYS, TOKEN_ROLES, TOKENIZER_HINT, GGUFHeader
from layerbook.model.json_files import write_json

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from layerbook.model.tokenizer import ModelTokenizer

NORMAL, UNKNOWN, CONTROL, USER_DEFINED = 1, 2, 3, 4  # values of tokenizer.ggml.token_type
SPECIAL_TYPES = (UNKNOWN, CONTROL)
CONTRACTIONS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)"
LETTERS = r"[^\r\n\p{L}\p{N}]?\p{L}+"
OTHERS = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
LLAMA_3_SPLIT = rf"{CONTRACTIONS}|{LETTERS}|\p{{N}}{{1,3}}|{OTHERS}"
QWEN_2_SPLIT = rf"{CONTRACTIONS}|{LETTERS}|\p{{N}}|{OTHERS}"
DEFAULT_SPLITS = (  # the defaults of llama.cpp, applied in order
    r"[\p{P}\$\+<=>\^~\|]+",
    r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)",
    r"\p{N}+",
    r"[0-9][0-9][0-9]",
)


def write_tokenizer(header: GGUFHeader, out_dir: Path) -> None:
    """Write `tokenizer.json`, `tokenizer_config.json` and the chat template."""
    special = _special_texts(header)
    build_tokenizer(header).save(str(out_dir / "tokenizer.json"))
    settings = {f"{role}_token": text for role, text in special.items()} | {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "clean_up_tokenization_spaces": False,
        "model_max_length": header.positive_int(CONFIG_KEYS["max_position_embeddings"]),
    }
    write_json(out_dir / "tokenizer_config.json", settings)
    if template := header.values.get("tokenizer.chat_template"):
        (out_dir / "chat_template.jinja").write_bytes(template.encode())


def build_tokenizer(header: GGUFHeader) -> Tokenizer:
    """Build the tokenizer that a header describes."""
    from tokenizers import AddedToken, processors

    sentencepiece = header.require("tokenizer.ggml.model") == "llama"
    backend = _sentencepiece(header) if sentencepiece else _byte_level(header)
    special = header.tokens_of_type(*SPECIAL_TYPES).values()
    ordinary = header.tokens_of_type(USER_DEFINED).values()
    backend.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in special])
    backend.add_tokens([AddedToken(t, special=False, normalized=False) for t in ordinary])
    texts = _special_texts(header)
    bos, eos = (texts[role] if is_added(header, role) else "" for role in ("bos", "eos"))
    if bos or eos:
        backend.post_processor = processors.TemplateProcessing(
            single=" ".join(filter(None, (bos, "$A", eos))),
            special_tokens=[(t, header.tokens.index(t)) for t in dict.fromkeys((bos, eos)) if t],
        )
    return backend


def is_added(header: GGUFHeader, role: str) -> bool:
    """Return whether the tokenizer puts the bos token before each text, or the eos token after it.

    If the header does not say, SentencePiece and Llama 3 add bos. Raises ModelError if the header
    adds a token whose id it does not give.
    """
    by_default = role == "bos" and (
        header.values["tokenizer.ggml.model"] == "llama"
        or header.values.get("tokenizer.ggml.pre") == "llama-bpe"
    )
    added = bool(header.values.get(f"tokenizer.ggml.add_{role}_token", by_default))
    if added and header.special_token_id(role) is None:
        raise header.error(
            f"the tokenizer adds the {role} token, and "
            f"tokenizer.ggml.{TOKEN_ROLES[role]}_token_id is missing"
        )
    return added


def _special_texts(header: GGUFHeader) -> dict[str, str]:
    """Return the text of each role's token."""
    ids = {role: header.special_token_id(role) for role in TOKEN_ROLES}
    return {role: header.tokens[id] for role, id in ids.items() if id is not None}


def _byte_level(header: GGUFHeader) -> Tokenizer:
    """Build byte-level BPE with the merges of the header."""
    from tokenizers import Tokenizer, decoders, models

    rule = split_rule(header)
    merges = [tuple(merge.split(" ", 1)) for merge in header.require("tokenizer.ggml.merges")]
    vocabulary = {text: id for id, text in enumerate(header.tokens)}
    try:
        model = models.BPE(vocab=vocabulary, merges=merges, ignore_merges=rule.ignore_merges)
    except Exception as error:  # the library raises bare Exception
        raise header.error(f"the tokenizer's merges do not fit its vocabulary: {error}") from error
    backend = Tokenizer(model)
    if rule.normalizer is not None:
        backend.normalizer = rule.normalizer
    backend.pre_tokenizer = rule.pre_tokenizer
    backend.decoder = decoders.ByteLevel()
    return backend


@dataclass(frozen=True)
class SplitRule:
    """The preparation of text before BPE.

    ignore_merges: a piece that is an entry as a whole is taken as it is.
    """

    pre_tokenizer: Any
    normalizer: Any = None
    ignore_merges: bool = False


def split_rule(header: GGUFHeader) -> SplitRule:
    """Return the rule by which text is split before BPE, named by `tokenizer.ggml.pre`.

    smollm: every digit by itself, then the rule of GPT-2, so that whitespace before a digit stays
    together (`"  10"` is `ĠĠ 1 0`; with the rule of GPT-2 alone it is `Ġ Ġ 1 0`).
    qwen2: text is normalised first (NFC), as in the model's own tokenizer; the header omits this.
    """
    from tokenizers import normalizers
    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence

    add_prefix_space = bool(header.values.get("tokenizer.ggml.add_space_prefix", False))
    gpt2 = ByteLevel(add_prefix_space=add_prefix_space)
    rules = {
        "smollm": SplitRule(Sequence([Digits(individual_digits=True), gpt2])),
        "gpt-2": SplitRule(gpt2),
        "llama-bpe": SplitRule(_splits(LLAMA_3_SPLIT), ignore_merges=True),
        "qwen2": SplitRule(_splits(QWEN_2_SPLIT), normalizers.NFC()),
        "default": SplitRule(_splits(*DEFAULT_SPLITS)),
    }
    name = header.require("tokenizer.ggml.pre")
    if name not in rules:
        raise header.error(
            f"the tokenizer's rule {name!r} (tokenizer.ggml.pre) is not "
            f"supported, only {', '.join(rules)}{TOKENIZER_HINT}"
        )
    return rules[name]


def _splits(*patterns: str) -> Any:
    """Split text by one pattern after the other, then write its bytes as characters."""
    from tokenizers import Regex
    from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split

    splits = [Split(Regex(pattern), "isolated") for pattern in patterns]
    return Sequence([*splits, ByteLevel(add_prefix_space=False, use_regex=False)])


def _sentencepiece(header: GGUFHeader) -> Tokenizer:
    """Build SentencePiece's BPE: spaces are `▁`, bytes stand in for unknown characters."""
    from tokenizers import Tokenizer, decoders, models, normalizers

    tokens, scores = header.tokens, header.require("tokenizer.ggml.scores")
    if len(scores) != len(tokens):
        raise header.error(f"{len(tokens)} tokens have {len(scores)} scores")
    pieces = {text: scores[id] for id, text in header.tokens_of_type(NORMAL).items()}
    vocabulary = {text: id for id, text in enumerate(tokens)}
    model = models.BPE(
        vocab=vocabulary,
        merges=list(_merges_of(pieces, vocabulary)),
        unk_token=_special_texts(header).get("unk"),
        fuse_unk=True,
        byte_fallback=True,
    )
    backend = Tokenizer(model)
    space, strip = normalizers.Replace(" ", "▁"), []
    if header.values.get("tokenizer.ggml.add_space_prefix", True):
        backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), space])
        strip = [decoders.Strip(" ", 1, 0)]
    else:
        backend.normalizer = space
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), *strip]
    )
    return backend


def _merges_of(
    pieces: Mapping[str, float], vocabulary: Mapping[str, int]
) -> Iterator[tuple[str, str]]:
    """Yield the pairs that make each piece; SentencePiece joins the best-scoring piece first."""
    for piece in sorted(pieces, key=lambda piece: (-pieces[piece], vocabulary[piece])):
        pairs = [(piece[:i], piece[i:]) for i in range(1, len(piece))]
        mergeable = [(a, b) for a, b in pairs if a in pieces and b in pieces]
        yield from sorted(mergeable, key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))


def compare_tokenizer(
    header: GGUFHeader, tokenizer: ModelTokenizer
) -> dict[str, tuple[object, object]]:
    """Return each setting of a tokenizer by name: as the header has it, and as it was loaded."""
    backend, ids = tokenizer.backend, tokenizer.role_ids
    roles = {role: header.special_token_id(role) for role in TOKEN_ROLES}
    added = [roles[role] for role in ("bos", "eos") if is_added(header, role)]
    loaded_tokens = [backend.id_to_token(id) for id in range(tokenizer.size)]
    special = set(header.tokens_of_type(*SPECIAL_TYPES))
    template = header.values.get("tokenizer.chat_template", "")
    pairs: dict[str, tuple[object, object]] = {
        "tokenizer.ggml.tokens": (header.tokens, loaded_tokens),
        "tokenizer.ggml.token_type": (special, set(tokenizer.special_ids)),
        "tokenizer.chat_template": (template, tokenizer.chat_template),
        "special tokens": (roles, {role: ids.get(f"{role}_token") for role in TOKEN_ROLES}),
        "added tokens": (added, backend.encode("").ids),
    }
    if header.values["tokenizer.ggml.model"] == "gpt2":
        merges = [" ".join(pair) for pair in tokenizer.tokenizer_json()["model"]["merges"]]
        rule, loaded_rule = split_rule(header).pre_tokenizer, backend.pre_tokenizer
        pairs["tokenizer.ggml.merges"] = (header.values["tokenizer.ggml.merges"], merges)
        pairs["tokenizer.ggml.pre"] = (rule.__getstate__(), loaded_rule.__getstate__())
    return pairs
