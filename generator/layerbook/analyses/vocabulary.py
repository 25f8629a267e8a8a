"""The vocabulary: its first entries, its special tokens, and pieces looked up in it."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.figures import Figure, Table, TokenStrip
from layerbook.core.parameters import TopK
from layerbook.core.prompts import Texts, shorten_prompt
from layerbook.core.requests import ActivationCaches, Describe, Encode, Prompt, Request
from layerbook.core.text import listed, pluralize
from layerbook.core.tokens import Token, visible, without_added
from layerbook.core.tokens import Vocabulary as TokenVocabulary

LONGEST = 6  # tokens that are listed


class PieceLookup(Record):
    """One piece of text and its tokens."""

    piece: str = Field(description="The text looked up.")
    id: int | None = Field(description="Its id; null if no single token is exactly this text.")
    tokens: tuple[Token, ...] = Field(
        description="Its tokens: itself alone, or several; without those that a tokenizer adds."
    )


class SpecialToken(Record):
    """A special token: it marks turns, files and the like, and never comes from text."""

    token: Token = Field(description="The token.")
    roles: tuple[str, ...] = Field(description="Its roles in the settings: bos, eos, pad, unk.")


class VocabularyResult(Result):
    """The vocabulary in numbers and examples."""

    size: int = Field(description="Number of entries, special ones included.")
    first: tuple[Token, ...] = Field(description="The entries with the lowest ids, from 0.")
    multi_byte: tuple[Token, ...] = Field(
        description="The first ordinary entries of more than one byte, by id."
    )
    last: tuple[Token, ...] = Field(description="The entries with the highest ids.")
    lookups: tuple[PieceLookup, ...] = Field(description="The looked-up pieces, in order.")
    special: tuple[SpecialToken, ...] = Field(description="All special tokens, by id.")
    roles: dict[str, Token] = Field(
        description="The special tokens by their role in the settings: eos, pad, ..."
    )
    bytes: int = Field(description="Number of the 256 single bytes that have an entry.")
    missing_bytes: tuple[str, ...] = Field(
        description="The bytes without an entry, in hexadecimal."
    )
    starting_with_space: int = Field(description="Number of ordinary entries with a space first.")
    with_inner_whitespace: int = Field(
        description="Number of ordinary entries with whitespace between other characters."
    )
    longest: tuple[Token, ...] = Field(
        description="The longest ordinary entries in characters, without whitespace around them; "
        "longest first."
    )
    longest_words: tuple[Token, ...] = Field(
        description="The longest of them that are made of letters alone."
    )


class Vocabulary(Analysis[VocabularyResult]):
    """The vocabulary: the fixed, numbered list of pieces that every text is cut into.

    Shapes: V entries, ids 0 to V - 1.
    Units: ids are row numbers; lengths are counted in characters.
    Limits: the list says what can be a piece, not which of two possible cuts the tokenizer takes.
    Source: Sennrich et al. 2016 (arXiv:1508.07909), section 3.2; on bytes: Radford et al. 2019
        (GPT-2), section 2.2.
    """

    first: TopK = Field(default=24, description="Number of entries to show.")
    find: Texts = Field(description="Pieces of text to look up.")

    def runs(self) -> dict[str, Request]:
        """Request the facts of the model, and the tokens of each piece."""
        encoded: dict[str, Request] = {
            f"find-{i}": Encode(Prompt(text=piece)) for i, piece in enumerate(self.find)
        }
        return {"model": Describe()} | encoded

    def measure(self, captures: ActivationCaches) -> VocabularyResult:
        """Count the entries, look the pieces up, list the special tokens."""
        facts, vocabulary = captures["model"].facts, captures["model"].vocabulary
        entries = [vocabulary.token(id) for id in range(vocabulary.size)]  # V tokens, by id
        special = [token for token in entries if token.special]
        ordinary = [token for token in entries if not token.special]
        joined = [token for token in ordinary if len(bytes.fromhex(token.hex)) > 1]
        missing = {f"{byte:02x}" for byte in range(256)} - {token.hex for token in ordinary}
        return VocabularyResult(
            size=vocabulary.size,
            first=tuple(entries[: self.first]),
            multi_byte=tuple(joined[: self.first]),
            last=tuple(entries[-self.first :]),
            lookups=tuple(
                look_up(vocabulary, piece, captures[f"find-{i}"].tokens)
                for i, piece in enumerate(self.find)
            ),
            special=tuple(
                SpecialToken(token=token, roles=_roles(token, facts.special_tokens))
                for token in special
            ),
            roles={role.removesuffix("_token"): token for role, token in facts.special_tokens},
            bytes=256 - len(missing),
            missing_bytes=tuple(sorted(missing)),
            starting_with_space=sum(token.text.startswith(" ") for token in ordinary),
            with_inner_whitespace=sum(len(token.text.split()) > 1 for token in ordinary),
            longest=longest(ordinary),
            longest_words=longest([token for token in ordinary if token.text.strip().isalpha()]),
        )

    def figures(self, result: VocabularyResult) -> dict[str, Figure]:
        """The first and last entries, the longest, the pieces looked up, the special tokens."""
        return {
            "first": _entry_strip(result),
            "longest": _longest_strip(result),
            "find": _lookup_table(result),
            "special": _special_table(result),
        }


def longest(tokens: Sequence[Token]) -> tuple[Token, ...]:
    """Return the longest tokens, without the whitespace around them, longest first."""
    by_length = sorted(tokens, key=lambda token: (-len(token.text.strip()), token.id))
    return tuple(by_length[:LONGEST])


def look_up(vocabulary: TokenVocabulary, piece: str, tokens: tuple[Token, ...]) -> PieceLookup:
    """Find the entry that is exactly this text, if any, and the tokens that it is cut into."""
    entry = vocabulary.find(piece)
    piece_tokens = without_added(tokens, piece)
    return PieceLookup(piece=piece, id=entry.id if entry else None, tokens=piece_tokens)


def _roles(token: Token, special_tokens: tuple[tuple[str, Token], ...]) -> tuple[str, ...]:
    return tuple(
        role.removesuffix("_token") for role, other in special_tokens if other.id == token.id
    )


def _entry_strip(result: VocabularyResult) -> TokenStrip:
    rows = {"first": result.first, "merged": result.multi_byte, "last": result.last}
    ends = [f"the {name} from {visible(r[0])} to {visible(r[-1])}" for name, r in rows.items() if r]
    return TokenStrip(
        tuple(rows.items()),
        title=f"From the {result.size:,} entries of the vocabulary",
        alt=f"{len(result.first)} entries a row: {listed(ends)}.",
        text=False,
    )


def _longest_strip(result: VocabularyResult) -> TokenStrip:
    rows = {"longest": result.longest, "letters": result.longest_words}
    ends = [f"{visible(r[0])} with {len(r[0].text.strip())}" for r in rows.values() if r]
    return TokenStrip(
        tuple((name, row) for name, row in rows.items() if row),
        title="The longest entries",
        alt=f"The longest entries, in characters: {listed(ends)}.",
        text=False,
    )


def _lookup_table(result: VocabularyResult) -> Table:
    rows = (
        (
            (Token(-1, f.piece, f.piece.encode().hex()),),
            "none" if f.id is None else f.id,
            tuple(part for token in f.tokens for part in (" + ", token))[1:],
        )
        for f in result.lookups
    )
    missing = [shorten_prompt(f.piece) for f in result.lookups if f.id is None]
    return Table(
        ("text", "id", "written with"),
        tuple(rows),
        title="Looked up in the vocabulary",
        alt=f"Not a token by itself: {listed(missing)}." if missing else "Each is a single token.",
    )


def _special_table(result: VocabularyResult) -> Table:
    used = [f"{visible(s.token)} is {listed(s.roles)}" for s in result.special if s.roles]
    return Table(
        ("id", "token", "role"),
        tuple((s.token.id, s.token, ", ".join(s.roles)) for s in result.special),
        title=pluralize(len(result.special), "special token"),
        alt=f"With a role: {listed(used)}." if used else "None of them has a role.",
    )
