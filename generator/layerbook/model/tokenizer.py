"""The model's tokenizer, without torch: `tokenizer.json` and the chat template."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tokenizers import AddedToken, Encoding, Tokenizer

from layerbook.core.errors import ModelError
from layerbook.core.requests import Prompt
from layerbook.core.tokens import Token
from layerbook.model.chat_template import ChatTemplate
from layerbook.model.json_files import read_object
from layerbook.model.token_spelling import Spelling
from layerbook.model.tokenizer_bounds import (
    MAX_BYTES,
    MAX_IDS,
    TimeLimit,
    check_steps,
    library_errors_as_model_errors,
)


class EncodedPrompt(NamedTuple):
    """The token ids of a prompt, and the text that was encoded."""

    ids: tuple[int, ...]
    text: str


@dataclass(frozen=True, eq=False)
class ModelTokenizer:
    """Encodes and decodes for one model; implements `layerbook.core.tokens.Vocabulary`.

    role_ids: the ids of special tokens by role, such as `bos_token`.
    embedding_rows: the rows of the model's embedding matrix, which may be more than the ids that
        the tokenizer has; 0 if they are not known.
    limit: the time that a call of the library may take.
    """

    backend: Tokenizer
    chat: ChatTemplate
    role_ids: Mapping[str, int]
    embedding_rows: int = 0
    limit: TimeLimit = field(default_factory=TimeLimit)

    @classmethod
    def load(cls, directory: Path) -> ModelTokenizer:
        """Read `tokenizer.json` and those of its companions that exist.

        The companions are `tokenizer_config.json`, `special_tokens_map.json`, `config.json` and
        `chat_template.jinja`. As in transformers, truncation and padding in `tokenizer.json` are
        ignored, and so is BPE's dropout, which is for training.
        """
        chat = ChatTemplate.load(directory)
        path = directory / "tokenizer.json"
        with library_errors_as_model_errors(f"{directory}: cannot read the tokenizer"):
            if path.stat().st_size > MAX_BYTES:
                raise ValueError(f"tokenizer.json is larger than {MAX_BYTES:,} bytes")
            backend = Tokenizer.from_file(str(path))
            check_steps(backend)
            config = read_object(directory / "tokenizer_config.json")
            _add_declared_tokens(backend, config, chat.special_tokens)
            role_ids = dict(_role_ids(directory, backend, chat.special_tokens))
        backend.no_truncation()
        backend.no_padding()
        if getattr(backend.model, "dropout", None) is not None:
            backend.model.dropout = None
        return cls(backend, chat, role_ids)

    @property
    def chat_template(self) -> str:
        """The source of the chat template, "" if there is none."""
        return self.chat.source

    @cached_property
    def size(self) -> int:
        """The number of ids up to the highest, special tokens included.

        Raises ModelError if it is far beyond those of any model.
        """
        ids = self.backend.get_vocab(with_added_tokens=True).values()
        size = max(ids, default=-1) + 1
        if size > MAX_IDS:
            raise ModelError(f"the tokenizer has the id {size - 1:,}, beyond {MAX_IDS:,}")
        return size

    @cached_property
    def special_ids(self) -> frozenset[int]:
        """The ids of the special tokens."""
        return frozenset(id for id, token in self._added_tokens.items() if token.special)

    @cached_property
    def spelling(self) -> Spelling:
        """The rule by which entries of the vocabulary spell bytes."""
        return Spelling.of(self.backend)

    @cached_property
    def _added_tokens(self) -> Mapping[int, AddedToken]:
        """The tokens that are cut out of a text before the rest is encoded, by id."""
        return self.backend.get_added_tokens_decoder()

    def token(self, id: int) -> Token:
        """Return the token with this id; IndexError outside the vocabulary and the embedding.

        An id without an entry, up to the last row of the embedding, is `<unused 49200>`.
        """
        piece = self.backend.id_to_token(id) if id >= 0 else None
        if piece is None:
            if 0 <= id < max(self.size, self.embedding_rows):
                return Token(id, f"<unused {id}>", "", special=True)
            raise IndexError(f"no token has id {id}; the vocabulary has {self.size}")
        if id in self.special_ids:
            return Token(id, piece, piece.encode().hex(), special=True)
        if id in self._added_tokens:  # spelled as text, unlike the others
            data = self.spelling.replaced(piece).encode()
        else:
            data = self.spelling.to_bytes(piece)
        return Token(id, data.decode("utf-8", errors="replace"), data.hex())

    def find(self, piece: str) -> Token | None:
        """Return the single token that is exactly this text, special or not, if there is one."""
        id = self.backend.token_to_id(piece)
        if id is not None and id in self._added_tokens:
            return self.token(id)
        for entry in self.spelling.entries_for(piece):
            id = self.backend.token_to_id(entry)
            if id is not None and self.token(id).text == piece:
                return self.token(id)
        return None

    def tokenizer_json(self) -> dict[str, Any]:
        """Return the whole tokenizer in the form of `tokenizer.json`."""
        return json.loads(self.backend.to_str())

    def tokens(self, ids: Sequence[int]) -> tuple[Token, ...]:
        """Return the tokens with these ids."""
        return tuple(self.token(int(id)) for id in ids)

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of ids, special tokens written out."""
        with library_errors_as_model_errors("the tokenizer cannot decode this"):
            texts = self.limit.call(
                lambda: self.backend.decode_batch([list(ids)], skip_special_tokens=False)
            )
        return str(texts[0])

    def encode(self, prompt: Prompt) -> EncodedPrompt:
        """Encode a prompt; ValueError for one that is still to be generated.

        Raw text gets the special tokens that the tokenizer itself adds (none, for SmolLM). Shuffled
        ids keep those in their places.
        """
        if prompt.generated is not None:
            raise ValueError("the ids of a generated text are known only after the generation")
        if prompt.ids or prompt.special:
            ids = tuple(prompt.ids) or (self.special_id(prompt.special),)
            text = self.decode(ids)
        else:
            text = prompt.text or ""
            if prompt.messages:
                text = self.chat.render(prompt)
            ids = self.encode_text(text, prompt)
        if prompt.shuffle_seed is not None:
            ids = self._shuffled(ids, prompt)
            text = self.decode(ids)
        return EncodedPrompt(ids, text)

    def encode_text(self, text: str, prompt: Prompt) -> tuple[int, ...]:
        """Encode the text of a prompt, or more of it.

        Special tokens are added to raw text only: a chat and decoded ids have theirs written out.
        """
        return tuple(self._encode(text, add_special_tokens=prompt.text is not None).ids)

    def _encode(self, text: str, *, add_special_tokens: bool) -> Encoding:
        """Encode a text as a batch of one, for which the library releases Python's lock."""
        with library_errors_as_model_errors("the tokenizer cannot encode this"):
            batch: list[Encoding] = self.limit.call(
                lambda: self.backend.encode_batch([text], add_special_tokens=add_special_tokens)
            )
        return batch[0]

    def _shuffled(self, ids: tuple[int, ...], prompt: Prompt) -> tuple[int, ...]:
        """Permute the ids of a prompt, except the special tokens that the tokenizer adds to it."""
        first, last = 0, len(ids)
        if prompt.text is not None:
            added = self._encode(prompt.text, add_special_tokens=True).special_tokens_mask
            first = next((i for i, mask in enumerate(added) if not mask), last)
            last -= next((i for i, mask in enumerate(reversed(added)) if not mask), 0)
        middle = np.random.default_rng(prompt.shuffle_seed).permutation(ids[first:last])
        return (*ids[:first], *(int(id) for id in middle), *ids[last:])

    def special_id(self, role: str) -> int:
        """Return the id of a special token; without a padding token, the end token pads."""
        if role == "pad_token" and role not in self.role_ids:
            role = "eos_token"
        if role not in self.role_ids:
            available = ", ".join(self.role_ids) or "none at all"
            raise ModelError(f"this model's tokenizer has no {role}; it has {available}")
        return self.role_ids[role]


def _add_declared_tokens(
    backend: Tokenizer, config: Mapping[str, Any], roles: Mapping[str, str]
) -> None:
    """Add tokens that `tokenizer_config.json` has and `tokenizer.json` lacks, as transformers does.

    Raises ValueError for one that does not get the id which is declared for it.
    """
    present = {token.content for token in backend.get_added_tokens_decoder().values()}
    declared = config.get("added_tokens_decoder", {})
    new: dict[str, tuple[int, AddedToken]] = {}
    for id in sorted(declared, key=int):
        token = AddedToken(**declared[id])
        if token.content not in present:
            new.setdefault(token.content, (int(id), token))
    # All at once, because the library compiles all of its tokens for each call.
    backend.add_tokens([token for _, token in new.values()])
    for content, (id, _) in new.items():
        if backend.token_to_id(content) != id:
            raise ValueError(
                f"tokenizer_config.json declares {content!r} with id {id}, and "
                f"tokenizer.json gives it {backend.token_to_id(content)}"
            )
    present |= new.keys()
    missing = [text for text in dict.fromkeys(roles.values()) if text and text not in present]
    backend.add_special_tokens([AddedToken(text, special=True) for text in missing])


def _role_ids(
    directory: Path, backend: Tokenizer, roles: Mapping[str, str]
) -> Iterator[tuple[str, int]]:
    """Yield the id of each role; those that no tokenizer file names, from `config.json`."""
    config = read_object(directory / "config.json")
    declared = {f"{name}_token": config.get(f"{name}_token_id") for name in ("bos", "eos", "pad")}
    for role in sorted(roles.keys() | declared.keys()):
        id = backend.token_to_id(roles[role]) if role in roles else declared[role]
        if isinstance(id, list):
            id = next(iter(id), None)
        if isinstance(id, int) and id >= 0 and backend.id_to_token(id) is not None:
            yield role, id
