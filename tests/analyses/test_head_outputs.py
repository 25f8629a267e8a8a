"""The output of a head, against a model without the other heads of the layer."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from fixtures.execution import execute
from fixtures.run_analysis import run
from layerbook.analyses.head_outputs import HeadOutputs, HeadOutputsResult
from layerbook.core.figures import Frames, Heatmap, Panels
from layerbook.core.requests import NEXT_LOGITS, Forward, Patch, Prompt, Site
from layerbook.core.tidy_table import tidy_table
from layerbook.model.loaded_model import LoadedModel

TEXT = "The cat sat on the table"
LAYER, HEAD = 1, 2


@pytest.fixture(scope="module")
def result(tiny: LoadedModel) -> HeadOutputsResult:
    """One head of the tiny Llama, and all of them beside it."""
    analysis = HeadOutputs(prompt=TEXT, layer=LAYER, head=HEAD, layers=(0, 1), top_k=3)
    return run(tiny, analysis)


def attention_output(
    model: LoadedModel, layer: int, heads: tuple[int, ...], token: int | None = None
) -> np.ndarray:
    """Return the output of heads at the last position, from one token's value or from all."""
    length = len(execute_one(model, ())[Site("attn_out", layer)])
    others = tuple(set(range(model.config.num_attention_heads)) - set(heads))
    patches = [Patch(Site("z", layer), heads=others)]
    if token is not None:
        silent = tuple(i for i in range(length) if i != token)
        patches.append(Patch(Site("v", layer), positions=silent))
    return execute_one(model, tuple(patches))[Site("attn_out", layer)][-1]


def execute_one(model: LoadedModel, patches: tuple[Patch, ...]) -> dict:
    """A pass over the text."""
    sites = {Site("attn_out", layer) for layer in (0, 1)}
    request = Forward(Prompt(text=TEXT), frozenset({*sites, NEXT_LOGITS}), patches)
    return dict(execute(model, [request]).capture(request).sites)


def logit_gain(model: LoadedModel, vector: np.ndarray) -> np.ndarray:
    """Return the change of each logit above their mean, with the final norm's scale fixed."""
    ids = torch.tensor([model.tokenizer.encode(Prompt(text=TEXT)).ids])
    with torch.inference_mode():
        states = model.network(ids, output_hidden_states=True)
        norm = model.network.model.norm
        streams: list[torch.Tensor] = []
        handle = norm.register_forward_pre_hook(lambda _, args: streams.append(args[0]))
        model.network(ids)
        handle.remove()
        stream = streams[0][0, -1]
        scale = (stream.pow(2).mean() + norm.variance_epsilon).sqrt()
        assert torch.allclose(norm(stream), norm.weight * stream / scale)
        assert torch.allclose(states.logits[0, -1], model.network.lm_head(norm(stream)))
        gain = model.network.lm_head(norm.weight * torch.tensor(vector.copy()) / scale)
    return (gain - gain.mean()).numpy()


def test_parts_of_the_tokens_sum_to_the_head_output(tiny, result) -> None:
    """Lengths and logits of each part and of their sum agree to 1e-6."""
    for token in range(len(result.tokens)):
        part = attention_output(tiny, LAYER, (HEAD,), token)
        assert result.added_length[token] == pytest.approx(np.linalg.norm(part), abs=1e-6)
        gain = logit_gain(tiny, part)[result.answer.id]
        assert result.logit[token] == pytest.approx(gain, abs=1e-6)
    head_output = attention_output(tiny, LAYER, (HEAD,))
    assert result.output_length == pytest.approx(np.linalg.norm(head_output), abs=1e-6)


def test_all_heads_are_measured_alike(tiny, result) -> None:
    """The shown head's logit is the sum over its tokens, to 1e-6."""
    for layer in (0, 1):
        for head in range(4):
            gain = logit_gain(tiny, attention_output(tiny, layer, (head,)))[result.answer.id]
            assert result.logit_by_head[layer][head] == pytest.approx(gain, abs=1e-6)
    assert result.logit.sum() == pytest.approx(result.logit_by_head[LAYER, HEAD], abs=1e-6)
    layer, head = result.largest
    assert result.logit_by_head[layer, head] == result.logit_by_head.max()
    others = np.delete(result.logit_by_head.ravel(), LAYER * 4 + HEAD)
    assert result.largest_by_others == others.max()


def test_output_lists_the_tokens_it_raises_most(tiny, result) -> None:
    """The best three agree to 1e-6."""
    gain = logit_gain(tiny, attention_output(tiny, LAYER, (HEAD,)))
    best = np.argsort(-gain)[:3]
    assert [entry.token.id for entry in result.promoted] == best.tolist()
    assert [entry.logit for entry in result.promoted] == pytest.approx(gain[best], abs=1e-6)


def test_figures_name_the_token_with_the_largest_part(result) -> None:
    figures = HeadOutputs(prompt=TEXT, layer=LAYER, head=HEAD).figures(result)
    panels = figures["tokens"]
    assert isinstance(panels, Panels)
    assert panels.panels[0].values == pytest.approx(result.pattern[-1])
    assert panels.panels[3].highlight == (int(result.logit.argmax()),)
    assert set(figures) == {"steps", "tokens", "spelled", "heads"}


def vectors_of_the_network(model: LoadedModel) -> dict[str, np.ndarray]:
    """Return the vectors of the head in PyTorch's own modules, at the last position."""
    layer = model.network.model.layers[LAYER]
    seen: dict[str, torch.Tensor] = {}
    handles = [
        layer.self_attn.v_proj.register_forward_hook(
            lambda _, args, out: seen.update(values=out[0])
        ),
        layer.self_attn.o_proj.register_forward_pre_hook(
            lambda _, args: seen.update(z=args[0][0, -1])
        ),
        layer.input_layernorm.register_forward_pre_hook(
            lambda _, args: seen.update(before=args[0][0, -1])
        ),
        layer.post_attention_layernorm.register_forward_pre_hook(
            lambda _, args: seen.update(after=args[0][0, -1])
        ),
    ]
    with torch.inference_mode():
        model.network(torch.tensor([model.tokenizer.encode(Prompt(text=TEXT)).ids]))
    for handle in handles:
        handle.remove()
    config = model.config
    d_head = layer.self_attn.head_dim
    kv_head = HEAD // (config.num_attention_heads // config.num_key_value_heads)
    output = seen["z"][HEAD * d_head : (HEAD + 1) * d_head]
    columns = layer.self_attn.o_proj.weight[:, HEAD * d_head : (HEAD + 1) * d_head]
    vectors = {
        "values": seen["values"][:, kv_head * d_head : (kv_head + 1) * d_head],
        "output": output,
        "added": columns @ output,
        "before": seen["before"],
        "after": seen["after"],
    }
    return {name: vector.detach().numpy() for name, vector in vectors.items()}


def test_first_numbers_are_those_of_the_network(tiny, result) -> None:
    """Values, output, what W_O makes of it and the streams agree to 1e-6."""
    expected = vectors_of_the_network(tiny)
    n = len(result.first_numbers.output)
    assert n == 7
    for name, vector in expected.items():
        assert getattr(result.first_numbers, name) == pytest.approx(vector[..., :n], abs=1e-6), name


def test_steps_add_up_to_the_new_stream(tiny, result) -> None:
    """Each frame fills more of one picture; its rows add up to 1e-6."""
    steps = HeadOutputs(prompt=TEXT, layer=LAYER, head=HEAD).figures(result)["steps"]
    assert isinstance(steps, Frames)
    pictures = [frame.picture for frame in steps.frames]
    assert all(isinstance(picture, Heatmap) for picture in pictures)
    T = len(result.tokens)
    filled = [int((~np.isnan(picture.values)).all(axis=1).sum()) for picture in pictures]
    assert filled == [T, T, T + 1, T + 2, T + 5]
    assert len({(picture.values.shape, picture.scale) for picture in pictures}) == 1

    rows, (output, added, before, others, after) = np.split(pictures[-1].values, [T])
    assert rows == pytest.approx(pictures[0].values[:T] * result.pattern[-1][:, None])
    assert rows.sum(axis=0) == pytest.approx(output, abs=1e-6)
    assert added + before + others == pytest.approx(after, abs=1e-6)
    other_heads = tuple(head for head in range(4) if head != HEAD)
    expected = attention_output(tiny, LAYER, other_heads)[: len(others)]
    assert others == pytest.approx(expected, abs=1e-6)


def test_tables_of_the_steps_leave_out_empty_rows(result) -> None:
    steps = HeadOutputs(prompt=TEXT, layer=LAYER, head=HEAD).figures(result)["steps"]
    T, n = len(result.tokens), len(result.first_numbers.output)
    rows = T + T + (T + 1) + (T + 2) + (T + 5)
    assert len(steps.table().rows) == rows
    assert len(tidy_table(steps).rows) == rows * n
