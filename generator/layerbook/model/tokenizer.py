"""The model's tokenizer without torch: `tokenizer.json` read by the `tokenizers` library, and the chat template."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from layerbook.core.errors import ModelError
from layerbook.core.requests import Prompt
from layerbook.core.tokens import Token


def _bytes_by_character() -> dict[str, int]:
    """Character -> byte of byte-level BPE: printable Latin-1 stands for itself, the rest moves past 255."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    moved = [byte for byte in range(256) if byte not in printable]
    return {chr(b): b for b in printable} | {chr(256 + i): b for i, b in enumerate(moved)}


@dataclass(frozen=True)
class ModelTokenizer:
    """Text to ids and back, for one model directory; answers `layerbook.core.tokens.Vocabulary`."""

    backend: Tokenizer
    chat_template: str
    role_ids: tuple[tuple[str, int], ...]  # ("bos_token", 1), ...

    @classmethod
    def load(cls, directory: Path) -> ModelTokenizer:
        """Read `tokenizer.json`, `tokenizer_config.json` and `chat_template.jinja` of a model directory."""
        try:
            backend = Tokenizer.from_file(str(directory / "tokenizer.json"))
            config = json.loads((directory / "tokenizer_config.json").read_text(encoding="utf-8"))
        except Exception as error:  # the library raises bare Exception for a malformed file
            raise ModelError(f"{directory}: cannot read the tokenizer: {error}") from error
        beside = directory / "chat_template.jinja"
        template = (
            beside.read_text(encoding="utf-8")
            if beside.is_file()
            else config.get("chat_template") or ""
        )
        roles = [
            (name, _token_text(config[name]))
            for name in sorted(config)
            if name.endswith("_token") and config[name]
        ]
        found = [(name, backend.token_to_id(text)) for name, text in roles if isinstance(text, str)]
        return cls(backend, template, tuple((name, id) for name, id in found if id is not None))

    @property
    def size(self) -> int:
        """Number of ids, special ones included."""
        return int(self.backend.get_vocab_size(with_added_tokens=True))

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """Ids of the special tokens."""
        return frozenset(
            id for id, token in self.backend.get_added_tokens_decoder().items() if token.special
        )

    @cached_property
    def _alphabet(self) -> dict[str, int]:
        return _bytes_by_character()

    def token(self, id: int) -> Token:
        """The token with this id; IndexError outside the vocabulary."""
        piece = self.backend.id_to_token(id)
        if piece is None:
            raise IndexError(f"no token has id {id}; the vocabulary has {self.size}")
        if id in self.special_ids:
            return Token(id, piece, piece.encode().hex(), special=True)
        data = self._bytes(piece)
        return Token(id, data.decode("utf-8", errors="replace"), data.hex())

    def _bytes(self, piece: str) -> bytes:
        if all(char in self._alphabet for char in piece):
            return bytes(self._alphabet[char] for char in piece)
        if (
            piece.startswith("<0x") and piece.endswith(">") and len(piece) == 6
        ):  # SentencePiece byte fallback
            return bytes([int(piece[3:5], 16)])
        return piece.replace("▁", " ").encode()

    def find(self, piece: str) -> Token | None:
        """The single token that is exactly this text, special or not, if there is one."""
        id = self.backend.token_to_id(piece)
        if id is None or id not in self.special_ids:
            by_byte = {byte: char for char, byte in self._alphabet.items()}
            id = self.backend.token_to_id("".join(by_byte[byte] for byte in piece.encode()))
        if id is None:
            id = self.backend.token_to_id(piece.replace(" ", "▁"))
        return self.token(id) if id is not None and self.token(id).text == piece else None

    def tokenizer_json(self) -> dict[str, Any]:
        """All that makes up the tokenizer, in the form of `tokenizer.json`, whichever form it was read from."""
        written: dict[str, Any] = json.loads(self.backend.to_str())
        return written

    def tokens(self, ids: Sequence[int]) -> tuple[Token, ...]:
        """The tokens with these ids."""
        return tuple(self.token(int(id)) for id in ids)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of ids, special tokens written out."""
        return str(self.backend.decode(list(ids), skip_special_tokens=False))

    def encode(self, prompt: Prompt) -> tuple[tuple[int, ...], str]:
        """Ids and the text that was encoded; a prompt over a generation has neither yet (ValueError).

        Raw text gets what the tokenizer itself adds (nothing, for SmolLM); chats are laid out by the template.
        """
        if prompt.generated is not None:
            raise ValueError("the ids of a generated text are known only after the generation")
        if prompt.ids:
            ids, text = tuple(prompt.ids), self.decode(prompt.ids)
        elif prompt.special:
            ids = (self.special_id(prompt.special),)
            text = self.decode(ids)
        elif prompt.messages:
            text = self.render_chat(prompt)
            ids = tuple(self.backend.encode(text, add_special_tokens=False).ids)
        else:
            text = prompt.text or ""
            ids = tuple(self.backend.encode(text).ids)
        if prompt.shuffle_seed is not None:
            ids = tuple(
                int(id) for id in np.random.default_rng(prompt.shuffle_seed).permutation(ids)
            )
            text = self.decode(ids)
        return ids, text

    def special_id(self, role: str) -> int:
        """The id of the special token with this role; a tokenizer without padding pads with its end token."""
        known = dict(self.role_ids)
        if role == "pad_token" and role not in known:
            role = "eos_token"
        if role not in known:
            raise ModelError(
                f"this model's tokenizer has no {role}; it has {', '.join(known) or 'none at all'}"
            )
        return known[role]

    def render_chat(self, prompt: Prompt) -> str:
        """The chat template filled in with the prompt's messages."""
        if not self.chat_template:
            raise ModelError(
                "this model has no chat template, so a spec cannot use `chat:` prompts with it"
            )
        from jinja2.exceptions import TemplateError
        from jinja2.sandbox import ImmutableSandboxedEnvironment

        def refuse(message: str) -> None:
            raise TemplateError(message)

        # The same settings as transformers, whose templates rely on them.
        env = ImmutableSandboxedEnvironment(
            trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
        )
        env.globals["raise_exception"] = refuse
        names = {name: self.backend.id_to_token(id) for name, id in self.role_ids}
        messages = [{"role": m.role, "content": m.content} for m in prompt.messages]
        try:
            return env.from_string(self.chat_template).render(
                messages=messages, add_generation_prompt=prompt.answer, **names
            )
        except TemplateError as error:
            raise ModelError(f"the model's chat template refuses this chat: {error}") from error


def _token_text(value: Any) -> Any:
    """Special tokens stand in the config as strings or as {"content": ...}."""
    return value.get("content") if isinstance(value, dict) else value
