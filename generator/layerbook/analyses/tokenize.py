"""How texts are cut into tokens."""

from __future__ import annotations

from pydantic import Field

from layerbook.core.analysis import (
    Analysis,
    Prompts,
    Record,
    Result,
    as_prompt,
    prompt_name,
    shorten_prompt,
)
from layerbook.core.figures import Figure, Passage, TokenStrip
from layerbook.core.requests import ActivationCaches, Encode, Request
from layerbook.core.text import listed
from layerbook.core.tokens import Token


class TokenizedPrompt(Record):
    """One text and its tokens."""

    prompt: str = Field(description="The prompt as the spec has it; of a chat, its last turn.")
    text: str = Field(description="The text that was encoded, the chat template filled in.")
    tokens: tuple[Token, ...] = Field(description="Its tokens [T], in order.")
    lossless: bool = Field(
        description="Whether the tokens' bytes, put together, are the text again."
    )
    continues: bool = Field(
        description="Whether the ids begin with all ids of the prompt before it; false for the first."
    )


class TokenizeResult(Result):
    """The tokens of each prompt."""

    prompts: tuple[TokenizedPrompt, ...] = Field(description="One entry per prompt, in the spec's order.")


class Tokenize(Analysis[TokenizeResult]):
    """Texts as the tokenizer cuts them: each piece is an entry of the vocabulary, and its id is all the model sees.

    Shapes: a text becomes T ids; T depends on the text and the tokenizer alone.
    Units: ids are row numbers of the embedding matrix; neither their size nor their order means anything to the model.
    Limits: shows the cut, not the order of merges that led to it; another model's tokenizer cuts otherwise.
    Source: Sennrich et al. 2016 (arXiv:1508.07909), section 3.2; on bytes: Radford et al. 2019 (GPT-2), section 2.2.
    """

    result_type = TokenizeResult

    prompts: Prompts = Field(description="The texts; a string, or `chat:` for the chat template.")

    def runs(self) -> dict[str, Request]:
        """The ids of each prompt; the model does not run."""
        return {f"prompt-{i}": Encode(as_prompt(prompt)) for i, prompt in enumerate(self.prompts)}

    def measure(self, captures: ActivationCaches) -> TokenizeResult:
        """Count and compare the tokens, and put them together again."""
        told, before = [], None
        for i, prompt in enumerate(self.prompts):
            run = captures[f"prompt-{i}"]
            ids = [token.id for token in run.tokens]  # [T]
            joined = b"".join(
                bytes.fromhex(token.hex) for token in run.tokens
            )  # the pieces, put together again
            told.append(
                TokenizedPrompt(
                    prompt=prompt_name(prompt),
                    text=run.text,
                    tokens=run.tokens,
                    lossless=joined == run.text.encode(),
                    continues=before is not None and ids[: len(before)] == before,
                )
            )
            before = ids
        return TokenizeResult(prompts=tuple(told))

    def figures(self, result: TokenizeResult) -> dict[str, Figure]:
        """All prompts as rows of tokens, and each text as it was encoded."""
        labels = [spec if isinstance(spec, str) else "" for spec in self.prompts]
        rows = tuple(zip(labels, (one.tokens for one in result.prompts), strict=True))
        names = [
            f"“{shorten_prompt(spec)}”" if isinstance(spec, str) else "the chat" for spec in self.prompts
        ]
        counts = listed(
            [f"{name} is {_token_count(one)}" for name, one in zip(names, result.prompts, strict=True)]
        )
        figures: dict[str, Figure] = {"tokens": TokenStrip(rows, alt=f"Cut into tokens: {counts}.")}
        for i, (name, one) in enumerate(zip(names, result.prompts, strict=True)):
            title = f"{name[0].upper()}{name[1:]} as the tokenizer gets it"
            figures[f"text-{i}"] = Passage(
                one.text, title=title, alt=f"This text becomes {_token_count(one)}."
            )
        return figures


def _token_count(one: TokenizedPrompt) -> str:
    return f"{len(one.tokens)} token{'' if len(one.tokens) == 1 else 's'}"
