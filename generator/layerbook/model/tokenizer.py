"""The model's tokenizer, without torch: `tokenizer.json` and the chat template."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tokenizers import Tokenizer

from layerbook.core.errors import ModelError
from layerbook.core.requests import Prompt
from layerbook.core.tokens import Token


class EncodedPrompt(NamedTuple):
    """The token ids of a prompt, and the text that was encoded."""

    ids: tuple[int, ...]
    text: str


def _byte_alphabet() -> dict[str, int]:
    """Map characters to bytes for byte-level BPE, which moves unprintable ones past 255."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = [byte for byte in range(256) if byte not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(moved)}


BYTE_ALPHABET = _byte_alphabet()
CHARACTERS = {byte: character for character, byte in BYTE_ALPHABET.items()}


@dataclass(frozen=True)
class ModelTokenizer:
    """Encodes and decodes for one model; implements `layerbook.core.tokens.Vocabulary`."""

    backend: Tokenizer
    chat_template: str
    role_ids: tuple[tuple[str, int], ...]  # ("bos_token", 1), ...

    @classmethod
    def load(cls, directory: Path) -> ModelTokenizer:
        """Read `tokenizer.json`, `tokenizer_config.json` and `chat_template.jinja`."""
        try:
            backend = Tokenizer.from_file(str(directory / "tokenizer.json"))
            config = json.loads((directory / "tokenizer_config.json").read_text(encoding="utf-8"))
        except Exception as error:  # the library raises bare Exception for a malformed file
            raise ModelError(f"{directory}: cannot read the tokenizer: {error}") from error
        template_file = directory / "chat_template.jinja"
        if template_file.is_file():
            template = template_file.read_text(encoding="utf-8")
        else:
            template = config.get("chat_template") or ""
        role_ids = []
        for role in sorted(name for name in config if name.endswith("_token")):
            entry = config[role]
            text = entry.get("content") if isinstance(entry, dict) else entry
            id = backend.token_to_id(text) if isinstance(text, str) else None
            if id is not None:
                role_ids.append((role, id))
        return cls(backend, template, tuple(role_ids))

    @property
    def size(self) -> int:
        """The number of ids, special tokens included."""
        return int(self.backend.get_vocab_size(with_added_tokens=True))

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """The ids of the special tokens."""
        added = self.backend.get_added_tokens_decoder()
        return frozenset(id for id, token in added.items() if token.special)

    def token(self, id: int) -> Token:
        """Return the token with this id; IndexError outside the vocabulary."""
        piece = self.backend.id_to_token(id)
        if piece is None:
            raise IndexError(f"no token has id {id}; the vocabulary has {self.size}")
        if id in self.special_ids:
            return Token(id, piece, piece.encode().hex(), special=True)
        data = _piece_bytes(piece)
        return Token(id, data.decode("utf-8", errors="replace"), data.hex())

    def find(self, piece: str) -> Token | None:
        """Return the single token that is exactly this text, special or not, if there is one."""
        id = self.backend.token_to_id(piece)
        if id is None or id not in self.special_ids:
            characters = "".join(CHARACTERS[byte] for byte in piece.encode())
            id = self.backend.token_to_id(characters)
        if id is None:
            id = self.backend.token_to_id(piece.replace(" ", "▁"))
        return self.token(id) if id is not None and self.token(id).text == piece else None

    def tokenizer_json(self) -> dict[str, Any]:
        """Return the whole tokenizer in the form of `tokenizer.json`."""
        data: dict[str, Any] = json.loads(self.backend.to_str())
        return data

    def tokens(self, ids: Sequence[int]) -> tuple[Token, ...]:
        """Return the tokens with these ids."""
        return tuple(self.token(int(id)) for id in ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids, special tokens written out."""
        return str(self.backend.decode(list(ids), skip_special_tokens=False))

    def encode(self, prompt: Prompt) -> EncodedPrompt:
        """Encode a prompt; ValueError for one that is still to be generated.

        Raw text gets what the tokenizer itself adds (nothing, for SmolLM).
        """
        if prompt.generated is not None:
            raise ValueError("the ids of a generated text are known only after the generation")
        if prompt.ids or prompt.special:
            ids = tuple(prompt.ids) or (self.special_id(prompt.special),)
            text = self.decode(ids)
        elif prompt.messages:
            text = self.render_chat(prompt)
            ids = tuple(self.backend.encode(text, add_special_tokens=False).ids)
        else:
            text = prompt.text or ""
            ids = tuple(self.backend.encode(text).ids)
        if prompt.shuffle_seed is not None:
            shuffled = np.random.default_rng(prompt.shuffle_seed).permutation(ids)
            ids = tuple(int(id) for id in shuffled)
            text = self.decode(ids)
        return EncodedPrompt(ids, text)

    def special_id(self, role: str) -> int:
        """Return the id of a special token; without a padding token, the end token pads."""
        ids = dict(self.role_ids)
        if role == "pad_token" and role not in ids:
            role = "eos_token"
        if role not in ids:
            raise ModelError(
                f"this model's tokenizer has no {role}; it has {', '.join(ids) or 'none at all'}"
            )
        return ids[role]

    def render_chat(self, prompt: Prompt) -> str:
        """Fill in the chat template with the prompt's messages."""
        if not self.chat_template:
            raise ModelError(
                "this model has no chat template, so a spec cannot use `chat:` prompts with it"
            )
        from jinja2.exceptions import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        def raise_exception(message: str) -> None:
            raise TemplateError(message)

        # The settings of transformers, which templates rely on.
        environment = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        environment.globals["raise_exception"] = raise_exception
        special = {role: self.backend.id_to_token(id) for role, id in self.role_ids}
        messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
        try:
            return environment.from_string(self.chat_template).render(
                messages=messages, add_generation_prompt=prompt.answer, **special
            )
        except TemplateError as error:
            raise ModelError(f"the model's chat template refuses this chat: {error}") from error


def _piece_bytes(piece: str) -> bytes:
    """Return the bytes of a vocabulary entry, of byte-level BPE or of SentencePiece."""
    if all(character in BYTE_ALPHABET for character in piece):
        return bytes(BYTE_ALPHABET[character] for character in piece)
    if piece.startswith("<0x") and piece.endswith(">") and len(piece) == 6:  # byte fallback
        return bytes([int(piece[3:5], 16)])
    return piece.replace("▁", " ").encode()
