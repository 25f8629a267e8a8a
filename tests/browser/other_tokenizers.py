"""Tokenizers of the Llama family that are made otherwise than SmolLM's, small, with their files written out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import BPE

TEXT = "The cat sat on the table and the dog sat under the table, while 2 + 2 = 4 and naïve owls sat on the café. "
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def _write(folder: Path, backend: Tokenizer) -> Path:
    backend.save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    return folder


def like_llama_2(folder: Path) -> Path:
    """Made from SentencePiece: spaces are ▁, bytes stand in for unknown characters, a start token is put before."""
    letters = list(dict.fromkeys("▁" + TEXT.replace(" ", "▁")))
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *letters]
    merges = [("▁", "t"), ("h", "e"), ("▁t", "he"), ("a", "t"), ("▁", "s"), ("▁s", "at"), ("t", "he"), ("▁", "the")]
    pieces += list(dict.fromkeys(left + right for left, right in merges))
    vocabulary = {piece: id for id, piece in enumerate(pieces)}
    backend = Tokenizer(BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    backend.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    backend.add_special_tokens([AddedToken(name, special=True) for name in ("<unk>", "<s>", "</s>")])
    backend.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return _write(folder, backend)


def like_llama_3(folder: Path) -> Path:
    """Bytes, split by a pattern of its own; an entry that no join makes is taken whole, special tokens come last."""
    backend = Tokenizer(BPE())
    split = pre_tokenizers.Split(Regex(LLAMA_3), "isolated")
    backend.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    backend.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    backend.train_from_iterator(
        [TEXT], trainers.BpeTrainer(vocab_size=300, initial_alphabet=alphabet, show_progress=False)
    )
    written = json.loads(backend.to_str())
    written["model"] |= {"ignore_merges": True}
    written["model"]["vocab"]["Paris"] = len(written["model"]["vocab"])
    backend = Tokenizer.from_str(json.dumps(written))
    backend.add_special_tokens([AddedToken(name, special=True) for name in ("<|begin_of_text|>", "<|eot_id|>")])
    id = backend.token_to_id("<|begin_of_text|>")
    backend.post_processor = processors.TemplateProcessing(
        single="<|begin_of_text|> $A", special_tokens=[("<|begin_of_text|>", id)]
    )
    return _write(folder, backend)


OTHERS: dict[str, Callable[[Path], Path]] = {"llama-2": like_llama_2, "llama-3": like_llama_3}
