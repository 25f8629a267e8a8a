"""A tiny random Llama and its tokenizer, made in a second, in the form the real model has."""

from __future__ import annotations

import json
from pathlib import Path

TINY_TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)
TINY_SPECIALS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
TINY_TEXT = (
    "The cat sat on the table and the dog sat under the table. 2 + 2 = 4, and noise noise noise 2 + 2 = 4. "
    "The capital of France is Paris.\n\nThe model reads token after token; the attention of each head is a pattern. "
)


def write_tiny_tokenizer(directory: Path) -> int:
    """A byte-level BPE tokenizer with few merges and all 256 bytes, in the form SmolLM's has; the vocabulary's size."""
    from tokenizers import AddedToken, Tokenizer, decoders, pre_tokenizers, trainers
    from tokenizers.models import BPE

    backend = Tokenizer(BPE(unk_token=TINY_SPECIALS[0]))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=[AddedToken(text, special=True) for text in TINY_SPECIALS],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator([TINY_TEXT], trainer)
    backend.save(str(directory / "tokenizer.json"))
    settings = {
        "bos_token": TINY_SPECIALS[1],
        "eos_token": TINY_SPECIALS[2],
        "pad_token": TINY_SPECIALS[2],
        "unk_token": TINY_SPECIALS[0],
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": 128,
    }
    (directory / "tokenizer_config.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
    (directory / "chat_template.jinja").write_text(TINY_TEMPLATE, encoding="utf-8")
    return backend.get_vocab_size()


def write_tiny_model(directory: Path, **changes: object) -> Path:
    """A random Llama with grouped queries and tied embeddings, saved as the real one is."""
    import torch
    from transformers.models.llama.configuration_llama import LlamaConfig
    from transformers.models.llama.modeling_llama import LlamaForCausalLM
    from transformers.utils import logging

    settings = {
        "vocab_size": write_tiny_tokenizer(directory),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128,
        "rope_parameters": {"rope_type": "default", "rope_theta": 100000.0},
        "tie_word_embeddings": True,
        "initializer_range": 0.3,  # large enough that attention and predictions differ from uniform
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
    } | changes
    state = torch.random.get_rng_state()
    torch.manual_seed(20240917)
    model = LlamaForCausalLM(LlamaConfig(**settings)).eval()
    with torch.no_grad():
        model.model.embed_tokens.weight[2].normal_(std=0.3)  # a pad token starts as zeros, unlike a trained one
        for name, weight in model.named_parameters():
            if "norm" in name:
                weight.uniform_(0.5, 1.5)  # all ones would hide a norm applied twice
    torch.random.set_rng_state(state)
    logging.disable_progress_bar()
    model.save_pretrained(directory)
    return directory
