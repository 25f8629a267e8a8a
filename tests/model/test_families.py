"""Compare every family and kind of RoPE with plain transformers. References use eager attention in
float64, to 1e-10, and float32 for probabilities, to 1e-4.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import layerbook as lb
import numpy as np
import pytest
import torch
import transformers
from fixtures.execution import run_requests
from fixtures.tiny_families import ROPE_KINDS, SETTINGS, WINDOW, write_tiny_family
from fixtures.torch_threads import torch_threads
from layerbook.core.analysis import Analysis
from layerbook.core.errors import ModelError, UsageError
from layerbook.core.requests import (
    EMBED,
    LOGITS,
    NEXT_LOGITS,
    RESID_FINAL,
    SITE_SHAPES,
    WHOLE_MODEL_SITES,
    ActivationCache,
    EmbeddingRows,
    Forward,
    Generate,
    Patch,
    Prompt,
    Site,
    Weights,
)
from layerbook.core.vectors import apply_rope, causal_mask
from layerbook.model.families import FAMILIES, SITES
from layerbook.model.hooks import PATCHABLE_SITES
from layerbook.model.loaded_model import LoadedModel
from layerbook.model.model_folder import limits_from_config, read_config
from layerbook.model.precision import arithmetic
from layerbook.model.sources import DirectorySource

PROMPT = Prompt(text="The cat sat on the table and the dog sat under the table")
OTHER = Prompt(text="The dog sat on the table and the cat sat under the table")
STEPS = 6
SHORT = Prompt(text="2 + 2 = 4")
CASES = [
    (family, rope)
    for family in SETTINGS
    for rope in ROPE_KINDS
    # transformers has only the default and longrope for Phi-3.
    if rope == "default" or (FAMILIES[family].positions == "rope" and family != "phi3")
]


@dataclass(frozen=True)
class Case:
    """A tiny model, loaded by this package and by transformers."""

    directory: Path
    family: str

    @cached_property
    def model(self) -> LoadedModel:
        """Return the model as this package loads it."""
        return LoadedModel.load(self.directory, self.family)

    @cached_property
    def run(self) -> ActivationCache:
        """Return one pass that keeps every site."""
        return self.forward(PROMPT)

    @property
    def layers(self) -> range:
        """Return the indices of the layers."""
        return range(self.model.facts.layers)

    def forward(self, prompt: Prompt, *patches: Patch) -> ActivationCache:
        """Run a pass that keeps every site."""
        keep = {Site(name) for name in WHOLE_MODEL_SITES}
        keep |= {Site(n, i) for n in SITE_SHAPES if n not in WHOLE_MODEL_SITES for i in self.layers}
        return run_requests(self.model, Forward(prompt, frozenset(keep), patches))[0]

    def reference(self, dtype: torch.dtype) -> Any:
        """Return the model as transformers loads it, with eager attention."""
        loaded = transformers.AutoModelForCausalLM.from_pretrained(
            self.directory, attn_implementation="eager", dtype=dtype
        )
        return loaded.eval()

    @cached_property
    def exact(self) -> Any:
        """Return the reference in float64."""
        with arithmetic("float64"):
            return self.reference(torch.float64)

    def exact_output(self, ids: Sequence[int]) -> Any:
        """Return the output of the reference in float64."""
        with torch.inference_mode(), arithmetic("float64"):
            return self.exact(torch.tensor([list(ids)]), output_attentions=True)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Use one thread, because threads of small models mostly wait for each other."""
    with torch_threads(1):
        yield


@pytest.fixture(scope="module", params=CASES, ids=["-".join(case) for case in CASES])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    family, rope = request.param
    return Case(write_tiny_family(tmp_path_factory.mktemp("family"), family, rope), family)


def assert_close(actual: Any, expected: Any, tolerance: float = 1e-10) -> None:
    """Compare arrays of the same shape."""
    actual, expected = np.asarray(actual), np.asarray(expected)
    assert actual.shape == expected.shape
    assert np.abs(actual - expected).max() < tolerance


def test_logits_and_patterns_are_those_of_transformers(case: Case) -> None:
    ids = [token.id for token in case.run.tokens]
    output = case.exact_output(ids)
    assert_close(case.run[LOGITS], output.logits[0])
    assert_close(case.run[NEXT_LOGITS], output.logits[0, -1])
    assert_close(case.run.stack("pattern", case.layers), torch.cat(output.attentions))
    losses = torch.nn.functional.cross_entropy(
        output.logits[0, :-1], torch.tensor(ids[1:]), reduction="none"
    )
    assert_close(case.run[Site("loss")][1:], losses)


def test_probabilities_are_those_of_transformers_in_float32(case: Case) -> None:
    ids = torch.tensor([[token.id for token in case.run.tokens]])
    with torch.inference_mode():
        expected = case.reference(torch.float32)(ids).logits[0, -1].softmax(-1)
    actual = torch.from_numpy(case.run[NEXT_LOGITS].copy()).softmax(-1)
    assert_close(actual, expected, 1e-4)


def test_greedy_text_is_that_of_transformers(case: Case) -> None:
    """This holds with the cache, for several prompts in a batch, and with re-encoding."""
    prompts = (PROMPT, SHORT)
    texts = run_requests(case.model, *(Generate(p, STEPS, stop=False) for p in prompts))
    for prompt, text in zip(prompts, texts, strict=True):
        ids = list(case.model.tokenizer.encode(prompt).ids)
        for _ in range(STEPS):
            ids.append(int(case.exact_output(ids).logits[0, -1].argmax()))
        assert [token.id for token in text.tokens] == ids


def test_parts_add_up_to_the_residual_stream(case: Case) -> None:
    run = case.run
    for layer in case.layers:
        site = {name: run[Site(name, layer)] for name in ("resid_pre", "resid_mid", "resid_post")}
        attention, mlp = run[Site("attn_out", layer)], run[Site("mlp_out", layer)]
        assert_close(site["resid_pre"] + attention, site["resid_mid"], 1e-12)
        assert_close(site["resid_mid"] + mlp, site["resid_post"], 1e-12)
        if layer:
            assert (site["resid_pre"] == run[Site("resid_post", layer - 1)]).all()
    assert (run[RESID_FINAL] == run[Site("resid_post", case.layers[-1])]).all()
    assert_close(run[Site("lens", case.layers[-1])], run[LOGITS], 1e-12)


def test_scores_follow_from_queries_keys_and_facts(case: Case) -> None:
    """They are rotated, scaled, capped, masked by windows and normalised by the softmax."""
    run, facts = case.run, case.model.facts
    sharing, at = facts.heads // facts.kv_heads, np.arange(len(run.tokens))
    cap = getattr(case.model.config, "attn_logit_softcapping", None)
    for layer in case.layers:
        q, k = run[Site("q", layer)], run[Site("k", layer)]
        if rope := facts.rope[layer]:
            q, k = (apply_rope(x, at, rope.speeds, rope.scale) for x in (q, k))
        scores = q @ k.repeat(sharing, axis=0).swapaxes(-1, -2)
        scores = scores * case.model.parts.attentions[layer].scaling
        scores = cap * np.tanh(scores / cap) if cap else scores
        visible = causal_mask(len(at), facts.windows[layer])
        recorded = run[Site("scores", layer)]
        assert (np.isfinite(recorded) == visible).all()
        assert_close(np.where(visible, recorded, 0), np.where(visible, scores, 0))
        pattern = np.exp(recorded) / np.exp(recorded).sum(axis=-1, keepdims=True)
        assert_close(run[Site("pattern", layer)], pattern, 1e-12)
        mixed = pattern @ run[Site("v", layer)].repeat(sharing, axis=0)
        assert_close(run[Site("z", layer)].swapaxes(0, 1), mixed, 1e-12)


def test_batches_equal_single_texts(case: Case) -> None:
    sites = [Site("resid_post", case.layers[-1]), Site("pattern", case.layers[0]), LOGITS]
    requests = [Forward(prompt, frozenset(sites)) for prompt in (PROMPT, OTHER, SHORT)]
    together = run_requests(case.model, *requests)
    for request, batched in zip(requests, together, strict=True):
        alone = run_requests(case.model, request)[0]
        for site in sites:
            assert_close(batched[site], alone[site], 1e-11)


def test_embeddings_are_rows_of_the_matrix(case: Case) -> None:
    rows = run_requests(case.model, EmbeddingRows(PROMPT))[0][EMBED]
    weight = case.exact.get_input_embeddings().weight.detach()
    assert_close(rows, weight[[token.id for token in case.run.tokens]], 1e-15)
    assert_close(case.run[EMBED], rows, 1e-14)


def test_heads_and_logits_follow_from_the_weights(case: Case) -> None:
    """Heads sum to the output of attention; families without this property refuse."""
    layer, limits = case.layers[-1], limits_from_config(read_config(case.directory))
    request = Weights(frozenset({Site("W_O", layer), Site("W_U"), Site("w_final")}))
    if "plain outputs" in limits.missing:
        with pytest.raises(ModelError, match="is not read from models of the family"):
            run_requests(case.model, request)
        return
    weights = run_requests(case.model, request)[0]
    keep = frozenset({Site("z", layer), Site("attn_out", layer), RESID_FINAL, LOGITS})
    run = run_requests(case.model, Forward(PROMPT, keep))[0]
    outputs = np.einsum("thd,hdm->tm", run[Site("z", layer)], weights[Site("W_O", layer)])
    bias = case.model.parts.attentions[layer].o_proj.bias  # belongs to no head
    outputs = outputs if bias is None else outputs + bias.numpy()
    assert_close(outputs, run[Site("attn_out", layer)])
    stream = run[RESID_FINAL]
    scale = np.sqrt((stream**2).mean(-1, keepdims=True) + case.model.config.rms_norm_eps)
    assert_close(stream / scale * weights[Site("w_final")] @ weights[Site("W_U")], run[LOGITS])


def test_patches_with_own_values_change_nothing(case: Case) -> None:
    """Each site of the first layer is patched separately."""
    sites = [EMBED, *(Site(name, 0) for name in PATCHABLE_SITES - {*SITES, "scores"})]
    keep = frozenset({LOGITS})
    patched = run_requests(
        case.model,
        *(
            Forward(PROMPT, keep, (Patch(site, Forward(PROMPT, frozenset({site}))),))
            for site in sites
        ),
    )
    for run in patched:
        assert_close(run[LOGITS], case.run[LOGITS])


def test_patches_reach_what_follows(case: Case) -> None:
    """Embeddings of another text give that text's logits; zeros remove a part."""
    other = case.forward(OTHER)
    swapped = case.forward(PROMPT, Patch(EMBED, Forward(OTHER, frozenset({EMBED}))))
    assert_close(swapped[LOGITS], other[LOGITS])
    last = case.layers[-1]
    zeros = {name: case.forward(PROMPT, Patch(Site(name, last))) for name in ("q", "v", "mlp_out")}
    scores = zeros["q"][Site("scores", last)]
    assert (scores[np.isfinite(scores)] == 0).all()
    assert (zeros["v"][Site("z", last)] == 0).all()
    without = zeros["mlp_out"]
    assert (without[Site("resid_post", last)] == without[Site("resid_mid", last)]).all()
    blocked = case.forward(PROMPT, Patch(Site("scores", last), positions=(1,), heads=(2,)))
    assert (blocked[Site("pattern", last)][2, 2:, 1] == 0).all()
    others = [0, 1, 3]
    assert_close(blocked[Site("pattern", last)][others], case.run[Site("pattern", last)][others])


def test_limits_are_those_of_the_loaded_model(case: Case) -> None:
    """`config.json` alone gives the same limits as transformers' complete configuration."""
    facts, limits = case.model.facts, limits_from_config(read_config(case.directory))
    assert (limits.layers, limits.heads, limits.d_vocab, limits.context) == (
        facts.layers,
        facts.heads,
        facts.d_vocab,
        facts.context,
    )
    assert limits == limits_from_config(case.model.config.to_dict())
    assert ("rope" in limits.missing) == (not any(facts.rope))
    assert ("silu" in limits.missing) == (facts.activation != "silu")
    if "rope" not in limits.missing:
        turned = {layer for layer in case.layers if facts.rope[layer]}
        assert limits.layers_without_rope == set(case.layers) - turned
    attention = case.model.parts.attentions
    plain = all(abs(block.scaling * facts.d_head**0.5 - 1) < 1e-6 for block in attention)
    capped = getattr(case.model.config, "attn_logit_softcapping", None) is not None
    assert ("plain scores" in limits.missing) == (capped or not plain)


def test_rope_variants_differ(tmp_path: Path) -> None:
    """Frequencies and scale are those of transformers' functions."""
    ropes = {}
    for kind in ROPE_KINDS:
        (tmp_path / kind).mkdir()
        model = LoadedModel.load(write_tiny_family(tmp_path / kind, "llama", kind), kind)
        ropes[kind] = model.facts.rope[0]
    plain = 10000.0 ** (-np.arange(0, 8, 2) / 8)
    assert_close(ropes["default"].speeds, plain, 1e-16)
    assert_close(ropes["dynamic"].speeds, plain, 1e-16)  # within the context it scales nothing
    assert_close(ropes["linear"].speeds, plain / 4, 1e-16)
    assert ropes["llama3"].speeds[0] == 1 and ropes["llama3"].speeds[-1] == plain[-1] / 8
    assert ropes["yarn"].scale == pytest.approx(0.1 * np.log(4) + 1, abs=1e-15)


def test_sliding_windows_are_shorter_than_the_prompt(tmp_path: Path) -> None:
    """Otherwise, the tests above would not cover windows."""
    model = LoadedModel.load(write_tiny_family(tmp_path, "mistral"), "mistral")
    assert len(model.tokenizer.encode(PROMPT).ids) > WINDOW
    assert model.facts.windows == (WINDOW, WINDOW)


@pytest.mark.parametrize(
    ("model_type", "changes", "message"),
    [
        ("phi3", {"rope_scaling": {"type": "longrope"}}, "'longrope'.*these can be run: default"),
        ("phi3", {"rope_parameters": {"rope_type": "su"}}, "'su'"),
        ("gemma3_text", {"use_bidirectional_attention": True}, "only causal decoders"),
        ("gpt2", {"add_cross_attention": True}, "only causal decoders"),
        ("llama", {"model_type": "lama"}, r"did you mean 'llama'.*Llama \(llama\), Mistral"),
        ("llama", {"model_type": "bert"}, r"GPT-2 \(gpt2\)"),
    ],
)
def test_models_that_cannot_be_run_are_refused(
    tmp_path: Path, model_type: str, changes: dict[str, Any], message: str
) -> None:
    """They are refused before loading, with a list of supported families."""

    write_tiny_family(tmp_path, model_type)
    path = tmp_path / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(ModelError, match=message):
        DirectorySource("tiny", str(tmp_path)).prepare()


ANALYSES: tuple[Analysis[Any], ...] = (
    lb.Architecture(),
    lb.AttentionAll(prompt="The cat sat"),
    lb.AttentionGram(prompts=("The cat sat",), layers=(0,)),
    lb.AttentionStages(prompt="The cat sat on the table", layer=0, head=1),
    lb.MlpShapes(prompt="The cat sat", layer=0),
    lb.NextToken(prompts=("The cat sat",), top_k=3),
    lb.Rope(prompt="The cat sat on the table", layer=0, head=1),
    lb.Vocabulary(find=("The",)),
)


@pytest.mark.parametrize("family", SETTINGS)
def test_analyses_run_or_are_refused(family: str, tmp_path: Path) -> None:
    """An analysis recomputes the model's own numbers or refuses the family."""
    model = LoadedModel.load(write_tiny_family(tmp_path, family), family)
    limits = limits_from_config(read_config(tmp_path))
    for analysis in ANALYSES:
        if missing := analysis.missing_features(limits):
            with pytest.raises(UsageError, match=f"needs .*{re.escape(missing[0])}"):
                lb.measure(analysis, model)
            continue
        result = lb.measure(analysis, model).result
        if isinstance(analysis, lb.Rope | lb.AttentionStages):
            assert result.pattern_difference < 1e-8
        if isinstance(analysis, lb.Architecture):
            counted = sum(part.total for part in result.parts)
            assert counted == result.parameters == model.network.num_parameters()
