"""Prompts over the text at one step of a generation."""

import json
import shutil

import numpy as np
import pytest
import torch
from fixtures.execution import execute, run_requests
from fixtures.other_tokenizers import TOKENIZER_WRITERS
from fixtures.tiny_families import write_tiny_family
from layerbook.core.requests import LOGITS, ChatMessage, Forward, Generate, Prompt, Site
from layerbook.model.execution import Execution
from layerbook.model.loaded_model import LoadedModel
from layerbook.model.plan import build_passes, make_plan, plan_cost
from layerbook.model.precision import arithmetic
from transformers import PreTrainedTokenizerFast

TEXT = Prompt(text="The cat sat on the table. 2 + 2 = 4")
KEEP = frozenset({Site("pattern", 1), Site("q", 0), LOGITS})


def test_frames_equal_the_pattern_of_each_step(model):
    """Frame t has the prompt and t new tokens; with re-encoding, it is the text encoded again."""
    plain, reencoded = Generate(TEXT, 4, stop=False), Generate(TEXT, 4, stop=False, reencode=True)
    frames_seen = [
        Forward(Prompt(generated=generation, frame=t), KEEP)
        for generation in (plain, reencoded)
        for t in range(4)
    ]
    execution = execute(model, [plain, reencoded, *frames_seen])
    whole, frames = execution.capture(plain), execution.capture(reencoded).frames

    for t in range(4):
        first = execution.capture(frames_seen[t])
        assert first.tokens == whole.tokens[: whole.prompt_length + t]
        assert first.prompt_length == whole.prompt_length
        assert execution.capture(frames_seen[4 + t]).tokens == frames[t]


def test_frames_of_a_generation_share_a_pass(model):
    """Each capture equals a pass over its own ids, to 1e-5, and is read-only."""
    generation = Generate(TEXT, 5, stop=False)
    frames_seen = [Forward(Prompt(generated=generation, frame=t), KEEP) for t in range(5)]
    execution = execute(model, frames_seen)

    assert len(build_passes(frames_seen, execution.token_ids)) == 1
    for request in frames_seen:
        capture = execution.capture(request)
        alone = Forward(Prompt(ids=tuple(token.id for token in capture.tokens)), KEEP)
        alone_cache = execute(model, [alone]).capture(alone)
        for site in KEEP:
            assert capture[site].shape == alone_cache[site].shape
            assert np.abs(capture[site] - alone_cache[site]).max() < 1e-5
            with pytest.raises(ValueError, match="read-only"):
                capture[site][...] = 0


def test_frames_share_the_memory_of_their_pass(model):
    """A prefix is a view of the longer pass, so a hundred frames cost no more than one."""
    generation = Generate(TEXT, 5, stop=False)
    frames_seen = [Forward(Prompt(generated=generation, frame=t), KEEP) for t in range(5)]
    execution = execute(model, frames_seen)

    longest = execution.capture(frames_seen[-1])[LOGITS]
    assert all(
        np.shares_memory(execution.capture(request)[LOGITS], longest) for request in frames_seen
    )


def test_plan_cost_counts_frames_as_one_pass():
    """Two generations with five frames each are two passes."""
    generations = [Generate(TEXT, 5, stop=False), Generate(TEXT, 5, stop=False, reencode=True)]
    frames_seen = [
        Forward(Prompt(generated=generation, frame=t), KEEP)
        for generation in generations
        for t in range(5)
    ]
    cost = plan_cost(make_plan(frames_seen), None)

    assert (cost.generations, cost.passes) == (2, 2)


@pytest.mark.parametrize("frame", [-1, 5])
def test_refuses_frames_outside_the_generation(frame):
    """There is one frame per new token."""
    with pytest.raises(ValueError, match="one per token"):
        Prompt(generated=Generate(TEXT, 5, stop=False), frame=frame)


@pytest.mark.parametrize("source", [{"text": "a"}, {"generated": Generate(TEXT, 5)}])
def test_frames_need_a_generation_without_stop(source):
    """A generation that may stop might not have the step, and plain text has no steps."""
    with pytest.raises(ValueError, match="stop=False"):
        Prompt(**source, frame=0)


@pytest.mark.parametrize("kind", TOKENIZER_WRITERS)
@pytest.mark.parametrize(
    "prompt", [Prompt(text="the cat"), Prompt(messages=(ChatMessage(role="user", content="cat"),))]
)
def test_encoding_again_adds_no_second_start_token(tiny_model_dir, tmp_path, kind, prompt):
    """The ids of each step are those of transformers, which keep spaces."""
    folder = shutil.copytree(tiny_model_dir, tmp_path / kind)
    TOKENIZER_WRITERS[kind](folder)
    settings = {"bos_token": "<|begin_of_text|>" if kind == "llama-3" else "<s>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    template = "{{ bos_token }}{% for m in messages %}{{ m.content }}{% endfor %}"
    (folder / "chat_template.jinja").write_text(template)
    model = LoadedModel.load(folder, kind)
    (run,) = run_requests(model, Generate(prompt, 5, stop=False, reencode=True))

    reference = PreTrainedTokenizerFast.from_pretrained(folder)
    text = settings["bos_token"] + "cat" if prompt.messages else "the cat"
    for frame in run.frames:
        ids = reference(text, add_special_tokens=not prompt.messages)["input_ids"]
        assert [token.id for token in frame] == ids
        with torch.inference_mode():
            id = int(model.network(torch.tensor([ids])).logits[0, -1].argmax())
        text += model.tokenizer.token(id).text


@pytest.mark.parametrize("family", ["llama", "mistral"])
def test_texts_with_and_without_encoding_again_share_a_batch(tmp_path, family):
    """All logits are those of fresh passes, also with sliding windows as in Mistral."""
    model = LoadedModel.load(write_tiny_family(tmp_path, family), family)
    letters = tuple(model.tokenizer.backend.token_to_id(char) for char in "TheĠcatĠsat")
    options = {"stop": False, "keep_logits": True}
    generations = [
        Generate(TEXT, 9, **options),
        Generate(Prompt(ids=letters), 7, reencode=True, **options),
        Generate(Prompt(ids=letters), 8, temperature=1.0, seed=1, **options),
        Generate(TEXT, 6, reencode=True, **options),
    ]
    execution = Execution(model, make_plan(generations))
    assert len(list(execution.steps())) == 1
    for generation in generations:
        run = execution.capture(generation)
        steps = run.frames or [
            run.tokens[: run.prompt_length + n] for n in range(generation.max_new_tokens)
        ]
        assert len(steps) == len(run[LOGITS])
        for tokens, logits in zip(steps, run[LOGITS], strict=True):
            with torch.inference_mode(), arithmetic(model.precision):
                output = model.network(torch.tensor([[token.id for token in tokens]]))
            assert np.abs(output.logits[0, -1].numpy() - logits).max() < 1e-10
    frames = execution.capture(generations[1]).frames
    assert frames[1][: len(letters)] != frames[0]  # the letters join
