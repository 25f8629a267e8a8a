"""The spelling of bytes in a vocabulary, according to the tokenizer's decoder.

Byte-level BPE writes each byte as one printable character. SentencePiece writes text as it is, with
`▁` for a space, and a byte that no entry covers as `<0x0A>`. An entry alone does not show its
spelling: `é` is a letter in one vocabulary and the byte E9 in the other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tokenizers import Tokenizer

from layerbook.model.tokenizer_bounds import read_steps


def _byte_alphabet() -> dict[str, int]:
    """Map characters to bytes for byte-level BPE, which moves unprintable ones past 255."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = [byte for byte in range(256) if byte not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(moved)}


BYTE_ALPHABET = _byte_alphabet()
CHARACTERS = {byte: character for character, byte in BYTE_ALPHABET.items()}
BYTE_ENTRIES = {f"<0x{byte:02X}>": bytes([byte]) for byte in range(256)}


@dataclass(frozen=True)
class Spelling:
    """The rules from a vocabulary's entries to bytes.

    byte_level: each character stands for one byte.
    byte_fallback: `<0x0A>` stands for one byte.
    replacements: parts of an entry and the text they stand for, `("▁", " ")`.
    """

    byte_level: bool = False
    byte_fallback: bool = False
    replacements: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(cls, backend: Tokenizer) -> Spelling:
        """Read the rules off a tokenizer; a missing decoder is the inverse of its pre-tokenizer."""
        steps = [*read_steps(backend.decoder)] or [*read_steps(backend.pre_tokenizer)]
        kinds = {step["type"] for step in steps}
        return cls(
            byte_level="ByteLevel" in kinds,
            byte_fallback="ByteFallback" in kinds
            or bool(getattr(backend.model, "byte_fallback", False)),
            replacements=tuple(filter(None, map(_replacement, steps))),
        )

    def to_bytes(self, entry: str) -> bytes:
        """Return the bytes that an entry of the vocabulary stands for."""
        if self.byte_fallback and entry in BYTE_ENTRIES:
            return BYTE_ENTRIES[entry]
        if self.byte_level and all(character in BYTE_ALPHABET for character in entry):
            return bytes(BYTE_ALPHABET[character] for character in entry)
        return self.replaced(entry).encode()

    def replaced(self, entry: str) -> str:
        """Return an entry with `▁` and the like as the text that they stand for."""
        for part, text in self.replacements:
            entry = entry.replace(part, text)
        return entry

    def entries_for(self, text: str) -> Iterator[str]:
        """Yield the entries that could stand for exactly this text."""
        data = text.encode("utf-8", "surrogatepass")
        if self.byte_level:
            yield "".join(CHARACTERS[byte] for byte in data)
        for part, replacement in self.replacements:
            yield text.replace(replacement, part)
        yield text
        if self.byte_fallback and len(data) == 1:
            yield f"<0x{data[0]:02X}>"


def _replacement(step: Mapping[str, Any]) -> tuple[str, str] | None:
    """Return the part that a decoding step replaces, and with what; None if it replaces none."""
    if step["type"] == "Metaspace":
        return step["replacement"], " "
    if step["type"] == "Replace" and (part := step["pattern"].get("String")):
        return part, step["content"]
    if step["type"] == "BPEDecoder":
        return step["suffix"], " "
    return None
