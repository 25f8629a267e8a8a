"""Texts cut into tokens."""

from __future__ import annotations

from pydantic import Field

from layerbook.core.analysis import Analysis, Record, Result
from layerbook.core.figures import Figure, Passage, TokenStrip
from layerbook.core.prompts import Prompts, as_prompt, prompt_name, shorten_prompt
from layerbook.core.requests import ActivationCaches, Encode, Request
from layerbook.core.text import listed, pluralize
from layerbook.core.tokens import Token, spells


class TokenizedPrompt(Record):
    """One text and its tokens."""

    prompt: str = Field(description="The prompt of the spec; of a chat, its last turn.")
    text: str = Field(description="The encoded text, after the chat template.")
    tokens: tuple[Token, ...] = Field(description="Its tokens [T], in order.")
    lossless: bool = Field(
        description="True if the joined bytes of the tokens are the text, without the special "
        "tokens and the space that a tokenizer may put around it."
    )
    extends_previous: bool = Field(
        description="True if it begins with all ids of the prompt before."
    )


class TokenizeResult(Result):
    """The tokens of each prompt."""

    prompts: tuple[TokenizedPrompt, ...] = Field(description="One per prompt, in the spec's order.")


class Tokenize(Analysis[TokenizeResult]):
    """Texts as the tokenizer cuts them: each piece has an id, and the id is all the model sees.

    Shapes: a text becomes T ids; T depends on the text and the tokenizer alone.
    Units: ids are row numbers of the embedding matrix; their size and order mean nothing to the
        model.
    Limits: the cut, not the merges that led to it; another model's tokenizer cuts differently.
    Source: Sennrich et al. 2016 (arXiv:1508.07909), section 3.2; on bytes: Radford et al. 2019
        (GPT-2), section 2.2.
    """

    prompts: Prompts = Field(description="The texts; a string, or `chat:` for the chat template.")

    def runs(self) -> dict[str, Request]:
        """Request the ids of each prompt; the model does not run."""
        return {f"prompt-{i}": Encode(as_prompt(prompt)) for i, prompt in enumerate(self.prompts)}

    def measure(self, captures: ActivationCaches) -> TokenizeResult:
        """Count and compare the tokens, and join them again."""
        prompts: list[TokenizedPrompt] = []
        for i, prompt in enumerate(self.prompts):
            run = captures[f"prompt-{i}"]
            previous = prompts[-1].tokens if prompts else ()
            prompts.append(
                TokenizedPrompt(
                    prompt=prompt_name(prompt),
                    text=run.text,
                    tokens=run.tokens,
                    lossless=spells(run.tokens, run.text),
                    extends_previous=i > 0 and run.tokens[: len(previous)] == previous,
                )
            )
        return TokenizeResult(prompts=tuple(prompts))

    def figures(self, result: TokenizeResult) -> dict[str, Figure]:
        """All prompts as rows of tokens, and each text as it was encoded."""
        labels = [spec if isinstance(spec, str) else "" for spec in self.prompts]
        names = [
            f"“{shorten_prompt(spec)}”" if isinstance(spec, str) else "the chat"
            for spec in self.prompts
        ]
        counts = [pluralize(len(prompt.tokens), "token") for prompt in result.prompts]
        rows = zip(labels, (prompt.tokens for prompt in result.prompts), strict=True)
        cuts = listed([f"{name} is {count}" for name, count in zip(names, counts, strict=True)])
        figures: dict[str, Figure] = {
            "tokens": TokenStrip(tuple(rows), alt=f"Cut into tokens: {cuts}.")
        }
        for i, prompt in enumerate(result.prompts):
            figures[f"text-{i}"] = Passage(
                prompt.text,
                title=f"{names[i][0].upper()}{names[i][1:]} as the tokenizer gets it",
                alt=f"This text becomes {counts[i]}.",
            )
        return figures
