"""A small book on the tiny random Llama: two chapters, four experiments, written into a folder of the test's own."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from click.testing import CliRunner

BOOK = """\
title: A small book
subtitle: For the tests
authors: [Nobody in particular]
language: en
model: {model}
chapters: [next, words]
"""
NEXT = """\
chapter: next
title: What comes next
summary: One prompt, its next token.
experiments:
  - id: sum
    title: A sum
    analysis: next-token
    prompts: ["2 + 2 = ", "The cat"]
    top_k: 5
    captions:
      prompt: The likeliest tokens after {{ result.prompts[at.prompt].prompt | visible }}.
      logits: Their scores.
    claims:
      - says: The most likely token has more than nothing
        check: result.prompts[0].top[0].prob > 0
      - says: The most likely token is `xyzzy`
        check: result.prompts[0].top[0].text == "xyzzy"
  - id: pattern
    title: Who looks at whom
    analysis: attention-pattern
    prompts: ["The cat sat"]
    layers: [0, -1]
    heads: mean
    captions:
      prompt: A row looks, a column is looked at, in layer {{ at.layer }}.
"""
WORDS = """\
chapter: words
title: Words
experiments:
  - id: cut
    title: Cut into tokens
    analysis: tokenize
    evidence: definition
    prompts: ["The cat sat", "2 + 2"]
    captions:
      tokens: Each chip is a token.
  - id: cat
    title: A cat, continued
    analysis: generate
    prompts: ["The cat"]
    max_new_tokens: 8
    temperature: 0.8
    seed: 3
    captions:
      text: What it wrote.
"""
NEXT_PROSE = """\
The likeliest token is {{ tok(r("sum").prompts[0].top[0]) }} with {{ r("sum").prompts[0].top[0].prob | percent }}.

{{ figure("sum", "prompt-0") }}

{{ claim("sum", 0) }}

{{ claim("sum", 1) }}

{{ figure("pattern", "prompt-0-layer-1-mean") }}

{{ source("sum") }}
"""
WORDS_PROSE = """\
## Tokens

{{ figure("cut", "tokens") }}

{{ figure("cat", "text-0") }}
"""


def write_small_book(folder: Path, model: Path) -> Path:
    """The sources of the book; `model` is the tiny Llama's directory."""
    files = {
        "experiments/book.yaml": BOOK.format(model=model),
        "experiments/next.yaml": NEXT,
        "experiments/words.yaml": WORDS,
        "templates/chapters/next.md": NEXT_PROSE,
        "templates/chapters/words.md": WORDS_PROSE,
    }
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def layerbook(*arguments: str | Path, cwd: Path) -> Done:
    """The command, run in this process: torch is imported once for all tests. What escapes it is raised here."""
    from generator.cli import main

    with chdir(cwd):
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Done(result.exit_code, result.stdout, result.stderr)


def process(
    *arguments: str | Path, cwd: Path, stdout: IO[str] | int = subprocess.PIPE, **environment: str
) -> subprocess.Popen[str]:
    """The command in a process of its own, for what concerns processes."""
    command = [sys.executable, "-u", "-m", "generator", *map(str, arguments)]
    return subprocess.Popen(
        command,
        cwd=cwd,
        env=os.environ | environment,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
    )


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, by its path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
