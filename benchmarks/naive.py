"""Run the lecture's experiments the way a notebook does: the reference of `make bench`.

One model call per figure, one uncached call per animation frame, no batching, a new pyplot figure
per picture.
Usage: python -m benchmarks.naive MODEL_DIRECTORY OUTPUT_DIRECTORY
"""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
import torch
from sklearn.decomposition import PCA
from transformers import AutoModelForCausalLM, AutoTokenizer

mpl.use("svg")
DIRECTORY, OUT = Path(sys.argv[1]), Path(sys.argv[2])
OUT.mkdir(parents=True, exist_ok=True)
TOKENIZER = AutoTokenizer.from_pretrained(DIRECTORY)
MODEL = AutoModelForCausalLM.from_pretrained(
    DIRECTORY, attn_implementation="eager", dtype=torch.float32
).eval()
WORDS = ["Cat", "Dog", "Bird", "Machine", "Car"]
SENTENCES = [
    "The cat sat on the table.",
    "The hamster lay on the mat.",
    "Birds fly high in the sky.",
    "Cats fly high in the sky.",
    "Machine Learning is cool.",
]
NOISE = [" 2 + 2 = ", " noise noise noise 2 + 2 = ", " 2 + 2 noise noise noise = "]


def show(name: str) -> None:
    """Draw and write the picture, as `plt.show()` would."""
    plt.savefig(OUT / f"{name}.svg")
    plt.close()


def encode(text: str) -> torch.Tensor:
    return TOKENIZER(text, return_tensors="pt")["input_ids"]


def chat(text: str) -> str:
    message = [{"role": "user", "content": text}]
    return TOKENIZER.apply_chat_template(message, tokenize=False, add_generation_prompt=True)


def continue_text(text: str, **options: Any) -> str:
    ids = encode(text)
    output = MODEL.generate(ids, attention_mask=torch.ones_like(ids), pad_token_id=2, **options)
    return TOKENIZER.decode(output[0])


def means(texts: list[str]) -> np.ndarray:
    ids = TOKENIZER(texts, return_tensors="pt", padding=True)["input_ids"]
    with torch.no_grad():
        return MODEL.model.embed_tokens(ids).mean(dim=1).numpy()


def scatter(
    name: str, texts: list[str], points: np.ndarray, second_points: np.ndarray | None = None
) -> None:
    pca = PCA(n_components=2)
    projected = pca.fit_transform(points)
    plt.figure(figsize=(8, 6))
    plt.scatter(projected[:, 0], projected[:, 1], s=100)
    for text, (x, y) in zip(texts, projected, strict=True):
        plt.text(x, y, text)
    if second_points is not None:
        projected = pca.fit_transform(second_points)
        plt.scatter(projected[:, 0], projected[:, 1], s=100, c="green")
    show(name)


def sinusoidal_encoding(positions: int, width: int, base: float) -> np.ndarray:
    angles = np.arange(positions)[:, None] / base ** (2 * (np.arange(width)[None] // 2) / width)
    return np.where(np.arange(width) % 2 == 0, np.sin(angles), np.cos(angles))


def heatmap(name: str, values: np.ndarray, ids: torch.Tensor) -> None:
    labels = [TOKENIZER.decode([i]) for i in ids[0]]
    plt.figure(figsize=(10, 8))
    sns.heatmap(values, xticklabels=labels, yticklabels=labels)
    show(name)


def pattern_figure(name: str, text: str, layer: int) -> None:
    ids = encode(text)
    output = MODEL.generate(
        ids, attention_mask=torch.ones_like(ids), pad_token_id=2, max_new_tokens=1, do_sample=False,
        output_attentions=True, return_dict_in_generate=True,
    )  # fmt: skip
    heatmap(name, output["attentions"][0][layer][0].mean(dim=0).numpy(), ids)


def gram_figure(name: str, text: str, layer: int) -> str:
    outputs: list[torch.Tensor] = []
    handle = MODEL.model.layers[layer].self_attn.register_forward_hook(
        lambda m, a, o: outputs.append(o[0])
    )
    ids = encode(text)
    with torch.no_grad():
        logits = MODEL(ids).logits
    handle.remove()
    heatmap(name, (outputs[0][0] @ outputs[0][0].T).numpy(), ids)
    return TOKENIZER.decode([int(logits[0, -1].argmax())])


def bars(name: str, text: str) -> None:
    with torch.no_grad():
        prob = torch.softmax(MODEL(encode(text)).logits[0, -1], -1).numpy()
    best = np.argsort(prob)[-20:]
    plt.figure(figsize=(10, 6))
    plt.bar([TOKENIZER.decode([i]) for i in best], prob[best])
    plt.xticks(rotation=45)
    plt.tight_layout()
    show(name)


def main() -> None:
    """Run every experiment of the lecture, in its order."""
    random.seed(1)
    continue_text(chat("What is the capital of France?"), max_new_tokens=30, do_sample=False)
    scatter("words", WORDS, means(WORDS))
    scatter("sentences", SENTENCES, means(SENTENCES))
    shuffled = [" ".join(random.sample(s.split(), len(s.split()))) for s in SENTENCES]
    scatter("shuffled", shuffled, means(shuffled))
    for base in (1, 10, 100, 1000, 10000):
        plt.figure(figsize=(10, 6))
        sns.heatmap(sinusoidal_encoding(64, 576, base))
        show(f"sinusoids-{base}")
    scatter("without", SENTENCES, means(SENTENCES), means(shuffled))
    encoding = sinusoidal_encoding(5, 576, 1)
    scatter("with", SENTENCES, means(SENTENCES) * encoding, means(shuffled) * encoding)
    for i, text in enumerate(NOISE):
        for layer in (0, -1):
            pattern_figure(f"pattern-{i}-{layer}", text, layer)
            gram_figure(f"gram-{i}-{layer}", text, layer)
    for layer in (0, 29):
        text = " 2 + 2 - 3 = "
        for frame in range(15):
            text += gram_figure(f"frame-{layer}-{frame}", text, layer)
    for name, text in (
        ("raw", " 2 + 2 = "),
        ("chat", chat(" 2 + 2 = ")),
        ("who", chat("Who are you?")),
    ):
        bars(name, text)
    torch.manual_seed(1)
    continue_text(chat(" 2 + 2 = "), max_new_tokens=50, temperature=0.2, top_p=0.9, do_sample=True)


if __name__ == "__main__":
    main()
