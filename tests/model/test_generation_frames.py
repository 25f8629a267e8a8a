"""What a generation saw at one of its steps, as a prompt of its own."""

import numpy as np
import pytest
from layerbook.core.requests import LOGITS, Forward, Generate, Prompt, Site
from layerbook.model.execution import Execution
from layerbook.model.llama import LoadedModel
from layerbook.model.plan import build_passes, make_plan, plan_cost

TEXT = Prompt(text="The cat sat on the table. 2 + 2 = 4")
KEEP = frozenset({Site("pattern", 1), Site("q", 0), LOGITS})


@pytest.fixture(scope="module")
def model(tiny_model_dir):
    """The tiny Llama, loaded the way the real one is."""
    return LoadedModel.load(tiny_model_dir, "tiny")


def execute(model, requests):
    """The plan carried out; its execution answers the requests."""
    execution = Execution(model, make_plan(requests))
    for _ in execution.steps():
        pass
    return execution


def test_a_step_of_a_generation_saw_the_prompt_and_what_it_had_written(model):
    """Frame t of a cached generation is the prompt and t tokens; of a re-encoding one, what came of
    encoding anew.
    """
    plain, anew = Generate(TEXT, 4, stop=False), Generate(TEXT, 4, stop=False, reencode=True)
    seen = [
        Forward(Prompt(generated=made, frame=t), KEEP) for made in (plain, anew) for t in range(4)
    ]
    execution = execute(model, [plain, anew, *seen])
    whole, frames = execution.capture(plain), execution.capture(anew).frames

    for t in range(4):
        first = execution.capture(seen[t])
        assert first.tokens == whole.tokens[: whole.prompt_length + t]
        assert first.prompt_length == whole.prompt_length
        assert execution.capture(seen[4 + t]).tokens == frames[t]


def test_frames_of_one_path_are_one_pass_and_equal_their_own(model):
    """The planner folds them; each capture equals a pass over these ids alone, to 1e-5, and cannot
    be written into.
    """
    made = Generate(TEXT, 5, stop=False)
    seen = [Forward(Prompt(generated=made, frame=t), KEEP) for t in range(5)]
    execution = execute(model, seen)

    assert len(build_passes(seen, execution.token_ids)) == 1
    for request in seen:
        capture = execution.capture(request)
        alone = Forward(Prompt(ids=tuple(token.id for token in capture.tokens)), KEEP)
        own = execute(model, [alone]).capture(alone)
        for site in KEEP:
            assert capture[site].shape == own[site].shape
            assert np.abs(capture[site] - own[site]).max() < 1e-5
            with pytest.raises(ValueError, match="read-only"):
                capture[site][...] = 0


def test_many_frames_share_the_memory_of_their_pass(model):
    """A prefix is a view of the longer pass, so that a hundred frames cost no more than one."""
    made = Generate(TEXT, 5, stop=False)
    seen = [Forward(Prompt(generated=made, frame=t), KEEP) for t in range(5)]
    execution = execute(model, seen)

    longest = execution.capture(seen[-1])[LOGITS]
    assert all(np.shares_memory(execution.capture(request)[LOGITS], longest) for request in seen)


def test_a_plan_counts_the_frames_of_a_generation_as_one_pass():
    """Two generations with five frames each: two passes are announced, whatever they keep."""
    generations = [Generate(TEXT, 5, stop=False), Generate(TEXT, 5, stop=False, reencode=True)]
    seen = [
        Forward(Prompt(generated=made, frame=t), KEEP) for made in generations for t in range(5)
    ]
    counted = plan_cost(make_plan(seen), None, max_batch_tokens=100)

    assert (counted.generations, counted.passes) == (2, 2)


@pytest.mark.parametrize("frame", [-1, 5])
def test_a_frame_outside_the_generation_is_refused(frame):
    """There is one frame per new token."""
    with pytest.raises(ValueError, match="one per new token"):
        Prompt(generated=Generate(TEXT, 5, stop=False), frame=frame)


@pytest.mark.parametrize("source", [{"text": "a"}, {"generated": Generate(TEXT, 5)}])
def test_only_a_generation_that_runs_through_has_frames(source):
    """One that may stop need not have the step, and a plain text has none."""
    with pytest.raises(ValueError, match="stop=False"):
        Prompt(**source, frame=0)
