"""Predict the next token of many prompts as a notebook does: one after another.

Usage: python -m benchmarks.naive_many MODEL_DIRECTORY PROMPTS_FILE OUTPUT_DIRECTORY
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def main() -> None:
    """Write the twenty likeliest next tokens after each line of a file, one file per line."""
    directory, lines, out = Path(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    tokenizer = AutoTokenizer.from_pretrained(directory)
    model = AutoModelForCausalLM.from_pretrained(directory, dtype=torch.float32).eval()
    for number, text in enumerate(lines.read_text(encoding="utf-8").splitlines()):
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            logits = model(ids).logits[0, -1]
        best = torch.softmax(logits, 0).topk(20)
        candidates = [
            (tokenizer.decode(i), p)
            for i, p in zip(best.indices.tolist(), best.values.tolist(), strict=True)
        ]
        (out / f"{number}.json").write_text(
            json.dumps({"prompt": text, "top": candidates}, indent=1), encoding="utf-8"
        )


if __name__ == "__main__":
    main()
