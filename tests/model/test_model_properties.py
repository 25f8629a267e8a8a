"""Properties of any Llama, checked on a tiny random one in float32."""

import math

import numpy as np
import pytest
import torch
from fixtures.execution import run_requests
from layerbook.core.errors import ModelError
from layerbook.core.requests import (
    EMBED,
    LN_FINAL,
    LOGITS,
    LOSS,
    NEXT_LOGITS,
    RESID_FINAL,
    ChatMessage,
    Describe,
    EmbeddingMatrix,
    EmbeddingRows,
    Forward,
    Generate,
    Patch,
    Prompt,
    Site,
    Weights,
    WhitespacePositions,
)
from layerbook.model.loaded_model import LoadedModel
from layerbook.model.plan import Pass, build_passes

TEXT = Prompt(text="The cat sat on the table. 2 + 2 = 4")


def layers(model: LoadedModel) -> range:
    return range(model.config.num_hidden_layers)


def sites_of_all_layers(model: LoadedModel, *names: str) -> frozenset[Site]:
    return frozenset(Site(name, layer) for name in names for layer in layers(model))


def test_lens_of_the_last_layer_is_the_logits(model):
    """lens(last layer) = logits, to 1e-4; the lens applies the norm only once."""
    last = Site("lens", model.config.num_hidden_layers - 1)
    (run,) = run_requests(model, Forward(TEXT, frozenset({last, LOGITS, LN_FINAL})))

    assert np.abs(run[last] - run[LOGITS]).max() < 1e-4
    twice = model.network.lm_head(
        model.network.model.norm(torch.tensor(run[LN_FINAL].copy()))
    ).numpy()
    assert np.abs(twice - run[LOGITS]).max() > 1e-3


def test_contributions_sum_to_the_residual_stream(model):
    """embed + all attn_out + all mlp_out = the last resid_post, to 1e-5."""
    keep = sites_of_all_layers(
        model, "attn_out", "mlp_out", "resid_pre", "resid_mid", "resid_post"
    ) | {EMBED}
    (run,) = run_requests(model, Forward(TEXT, keep))

    total = run[EMBED] + sum(
        run[Site(name, i)] for i in layers(model) for name in ("attn_out", "mlp_out")
    )
    assert np.abs(total - run[Site("resid_post", max(layers(model)))]).max() < 1e-5
    for i in layers(model):
        mid = run[Site("resid_pre", i)] + run[Site("attn_out", i)]
        assert np.abs(mid - run[Site("resid_mid", i)]).max() < 1e-6


def test_pattern_is_the_softmax_of_rotated_queries_and_keys(model):
    """Recomputed from q and k with RoPE written out in float64, to 1e-5."""
    (run,) = run_requests(
        model, Forward(TEXT, sites_of_all_layers(model, "q", "k", "pattern", "scores"))
    )
    config = model.config
    theta, group = (
        config.rope_parameters["rope_theta"],
        config.num_attention_heads // config.num_key_value_heads,
    )

    for i in layers(model):
        q, k = (rotated(run[Site(name, i)].astype(np.float64), theta) for name in ("q", "k"))
        for head in range(config.num_attention_heads):
            scores = q[head] @ k[head // group].T / math.sqrt(q.shape[-1])
            scores[np.triu_indices_from(scores, 1)] = -np.inf
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            weights /= weights.sum(-1, keepdims=True)

            assert np.abs(weights - run[Site("pattern", i)][head]).max() < 1e-5
            below = np.tril_indices_from(scores)
            assert np.abs(scores[below] - run[Site("scores", i)][head][below]).max() < 1e-4


def rotated(x, theta):
    """Apply RoPE: rotate dimensions (i, i + d/2) by position * theta^(-2i/d)."""
    out, (_, length, d) = x.copy(), x.shape
    for position in range(length):
        for i in range(d // 2):
            angle = position * theta ** (-2 * i / d)
            a, b = x[:, position, i], x[:, position, i + d // 2]
            out[:, position, i] = a * math.cos(angle) - b * math.sin(angle)
            out[:, position, i + d // 2] = a * math.sin(angle) + b * math.cos(angle)
    return out


def test_heads_sum_to_the_attention_output(model):
    """sum over heads of z[head] W_O[head] = attn_out, to 1e-5; patterns sum to one, no future."""
    (run,) = run_requests(
        model, Forward(TEXT, sites_of_all_layers(model, "z", "attn_out", "pattern", "v"))
    )

    for i in layers(model):
        attention = model.network.model.layers[i].self_attn
        d = attention.head_dim
        w_o = attention.o_proj.weight.numpy()  # [d_model, heads * d_head]
        z = run[Site("z", i)]  # [T, heads, d_head]
        total = sum(z[:, h] @ w_o[:, h * d : (h + 1) * d].T for h in range(z.shape[1]))
        assert np.abs(total - run[Site("attn_out", i)]).max() < 1e-5

        pattern, v = run[Site("pattern", i)], run[Site("v", i)]
        assert np.abs(pattern.sum(-1) - 1).max() < 1e-5
        assert (np.triu(pattern, 1) == 0).all()
        mixed = np.einsum("hqk,hkd->qhd", pattern, np.repeat(v, z.shape[1] // v.shape[0], axis=0))
        assert np.abs(mixed - z).max() < 1e-5


def test_mlp_out_is_the_neurons_times_the_down_projection(model):
    """mlp_act W_down = mlp_out, and mlp_act = SiLU(gate x) * (up x), to 1e-5."""
    (run,) = run_requests(
        model, Forward(TEXT, sites_of_all_layers(model, "mlp_act", "mlp_out", "resid_mid"))
    )

    for i in layers(model):
        layer = model.network.model.layers[i]
        x = layer.post_attention_layernorm(torch.tensor(run[Site("resid_mid", i)].copy())).numpy()
        gate, up = (x @ w.weight.numpy().T for w in (layer.mlp.gate_proj, layer.mlp.up_proj))
        assert np.abs(gate / (1 + np.exp(-gate)) * up - run[Site("mlp_act", i)]).max() < 1e-5
        down = run[Site("mlp_act", i)] @ layer.mlp.down_proj.weight.numpy().T
        assert np.abs(down - run[Site("mlp_out", i)]).max() < 1e-5


def test_batching_changes_nothing(model):
    """Padding on the right has no effect: every site, together and alone, to 1e-5."""
    prompts = [
        Prompt(text=t)
        for t in ("a", "The cat sat.", "2 + 2 = noise noise noise", "x y z 1234567890 and on")
    ]
    keep = sites_of_all_layers(model, "resid_post", "pattern", "q", "z", "mlp_act") | {LOGITS}
    together = run_requests(model, *(Forward(p, keep) for p in prompts))
    alone = [run_requests(model, Forward(p, keep), max_batch_tokens=1)[0] for p in prompts]

    for single, batched in zip(alone, together, strict=True):
        for site in keep:
            assert single[site].shape == batched[site].shape
            assert np.abs(single[site] - batched[site]).max() < 1e-5, site


def test_cached_generation_is_the_uncached_argmax(model):
    """Greedy generation picks the argmax of a fresh pass, and so does Hugging Face's."""
    request = Generate(TEXT, max_new_tokens=12, stop=False)
    (run,) = run_requests(model, request)
    start = len(model.tokenizer.encode(TEXT).ids)
    ids = [t.id for t in run.tokens]

    for length in range(start, len(ids)):
        logits = model.network(torch.tensor([ids[:length]]), use_cache=False).logits[0, -1]
        assert int(logits.argmax()) == ids[length]
    reference = model.network.generate(
        torch.tensor([ids[:start]]),
        max_new_tokens=12,
        min_new_tokens=12,
        do_sample=False,
        eos_token_id=None,
        pad_token_id=0,
    )
    assert reference[0].tolist() == ids
    assert run.prompt_length == start


def test_passes_are_causal(model):
    """The activations of a prefix are the leading rows of the whole sequence's, to 1e-5."""
    ids = model.tokenizer.encode(TEXT).ids
    keep = sites_of_all_layers(model, "resid_post", "pattern", "k") | {LOGITS}
    whole, other = (Pass(ids[:6] + tail, keep) for tail in (ids[6:], tuple(reversed(ids[6:]))))
    first, second = (model.run([p])[0] for p in (whole, other))

    for site in keep:
        a, b = first[site], second[site]
        cut = (slice(None), slice(6), slice(6)) if site.name == "pattern" else (slice(6),)
        cut = (slice(None), slice(6)) if site.name == "k" else cut
        assert np.abs(a[cut] - b[cut]).max() < 1e-5
        assert np.abs(a - b).max() > 1e-3


def test_prefixes_share_the_longer_pass(model):
    """A prefix's capture equals a pass of its own, to 1e-5."""
    ids = model.tokenizer.encode(TEXT).ids
    keep = sites_of_all_layers(model, "pattern", "attn_out", "q") | {LOGITS}
    short, long = Forward(Prompt(ids=ids[:5]), keep), Forward(Prompt(ids=ids), keep)

    assert len(build_passes([short, long], lambda p: p.ids)) == 1
    cut, _ = run_requests(model, short, long)
    (alone,) = run_requests(model, short)
    for site in keep:
        assert cut[site].shape == alone[site].shape
        assert np.abs(cut[site] - alone[site]).max() < 1e-5


def test_rope_is_relative(model):
    """A shift of all positions by 1000 gives the same pattern, to 1e-4."""
    ids = torch.tensor([model.tokenizer.encode(TEXT).ids])
    patterns = []
    handle = model.network.model.layers[1].self_attn.register_forward_hook(
        lambda m, a, o: patterns.append(o[1])
    )
    for shift in (0, 1000):
        model.network.model(ids, position_ids=torch.arange(ids.shape[1])[None] + shift)
    handle.remove()

    assert (patterns[0] - patterns[1]).abs().max() < 1e-4


def test_patching_a_run_with_itself_changes_nothing(model):
    """Putting back a run's own value gives the same logits, for every patchable site."""
    clean = Forward(TEXT, frozenset({LOGITS}))
    sites = [
        EMBED,
        *(
            Site(n, 1)
            for n in ("resid_pre", "resid_post", "attn_out", "mlp_out", "z", "q", "k", "v")
        ),
    ]
    patched = [Forward(TEXT, frozenset({LOGITS}), (Patch(site, source=clean),)) for site in sites]
    reference, *runs = run_requests(model, clean, *patched)

    for site, run in zip(sites, runs, strict=True):
        assert np.abs(run[LOGITS] - reference[LOGITS]).max() < 1e-5, site


def test_patching_all_of_the_first_layer_gives_the_source_run(model):
    """All positions of resid_pre[0] from another run give that run's logits."""
    ids = model.tokenizer.encode(TEXT).ids
    other = Forward(Prompt(ids=tuple(reversed(ids))), frozenset({LOGITS}))
    patched = Forward(
        Prompt(ids=ids), frozenset({LOGITS}), (Patch(Site("resid_pre", 0), source=other),)
    )
    source, run, clean = run_requests(
        model, other, patched, Forward(Prompt(ids=ids), frozenset({LOGITS}))
    )

    assert np.abs(run[LOGITS] - source[LOGITS]).max() < 1e-5
    assert np.abs(run[LOGITS] - clean[LOGITS]).max() > 1e-3


def test_ablating_a_head_removes_its_output(model):
    """Zeroing head 1 of z removes z[1] W_O[1] from attn_out, at that position only."""
    keep = frozenset({Site("attn_out", 0), Site("z", 0)})
    clean, ablated = run_requests(
        model,
        Forward(TEXT, keep),
        Forward(
            TEXT,
            frozenset({Site("attn_out", 0)}),
            (Patch(Site("z", 0), heads=(1,), positions=(3,)),),
        ),
    )
    attention = model.network.model.layers[0].self_attn
    d = attention.head_dim
    share = clean[Site("z", 0)][3, 1] @ attention.o_proj.weight.numpy()[:, d : 2 * d].T

    removed = clean[Site("attn_out", 0)] - ablated[Site("attn_out", 0)]
    assert np.abs(removed[3] - share).max() < 1e-5
    assert np.abs(np.delete(removed, 3, axis=0)).max() < 1e-6


def test_patches_in_one_batch_are_independent(model):
    """Two differently patched runs in one batch equal the same runs alone."""
    runs = [
        Forward(TEXT, frozenset({LOGITS}), (Patch(Site("mlp_out", layer)),)) for layer in (0, 1)
    ]
    together = run_requests(model, *runs)
    alone = [run_requests(model, run)[0] for run in runs]

    for single, batched in zip(alone, together, strict=True):
        assert np.abs(single[LOGITS] - batched[LOGITS]).max() < 1e-5
    assert np.abs(alone[0][LOGITS] - alone[1][LOGITS]).max() > 1e-3


def knockout(model, where, keep, prompt=TEXT, **more):
    """Return a pass in which no later query sees these keys, in all layers."""
    return Forward(
        prompt,
        keep,
        tuple(Patch(Site("scores", i), positions=where, **more) for i in layers(model)),
    )


def test_knockout_is_the_softmax_without_those_keys(model):
    """Recomputed from q and k without the blocked keys, to 1e-5; scores are -inf there."""
    keys, heads = (2, 3, 9), (1, 2)
    keep = sites_of_all_layers(model, "q", "k", "v", "z", "pattern", "scores")
    (run,) = run_requests(model, knockout(model, keys, keep, heads=heads))
    theta, group = model.config.rope_parameters["rope_theta"], 2

    for i in layers(model):
        q, k = (rotated(run[Site(name, i)].astype(np.float64), theta) for name in ("q", "k"))
        for head in range(model.config.num_attention_heads):
            scores = q[head] @ k[head // group].T / math.sqrt(q.shape[-1])
            for query in range(len(scores)):
                blocked = keys if head in heads else ()
                visible = [key for key in range(query + 1) if key == query or key not in blocked]
                weights = np.exp(scores[query, visible])
                expected = np.zeros(len(scores))
                expected[visible] = weights / weights.sum()
                assert np.abs(expected - run[Site("pattern", i)][head, query]).max() < 1e-5
                assert (
                    np.isfinite(run[Site("scores", i)][head, query]).nonzero()[0].tolist()
                    == visible
                )
        mixed = np.einsum(
            "hqk,hkd->qhd", run[Site("pattern", i)], np.repeat(run[Site("v", i)], group, axis=0)
        )
        assert np.abs(mixed - run[Site("z", i)]).max() < 1e-5


def test_knockout_of_nothing_changes_nothing(model):
    """Text without whitespace has no whitespace to block; empty positions block all."""
    prompt, keep = Prompt(text="noise,noise"), frozenset({LOGITS})
    clean, same, all_gone = run_requests(
        model,
        Forward(prompt, keep),
        knockout(model, WhitespacePositions(), keep, prompt),
        knockout(model, (), keep, prompt),
    )

    assert not any(token.text.isspace() for token in clean.tokens)
    assert (clean[LOGITS] == same[LOGITS]).all()
    assert np.abs(clean[LOGITS] - all_gone[LOGITS])[1:].max() > 1e-3


def test_knockout_of_all_earlier_keys_leaves_self_attention(model):
    """The pattern is the identity, and each token is read as if alone, to 1e-4."""
    ids = model.tokenizer.encode(TEXT).ids
    (run,) = run_requests(
        model,
        knockout(model, tuple(range(len(ids))), sites_of_all_layers(model, "pattern") | {LOGITS}),
    )

    for i in layers(model):
        assert (run[Site("pattern", i)] == np.eye(len(ids))).all()
    for position, id in enumerate(ids):
        (alone,) = run_requests(model, Forward(Prompt(ids=(id,)), frozenset({LOGITS})))
        assert np.abs(run[LOGITS][position] - alone[LOGITS][0]).max() < 1e-4


def test_knockouts_in_one_batch_are_independent(model):
    """Texts of different lengths together and one by one, to 1e-5; no NaN from padding."""
    keep, other = (
        sites_of_all_layers(model, "pattern") | {LOGITS},
        Prompt(text="The cat\n\nsat on\nthe 2 tables, and on"),
    )
    runs = [
        knockout(model, (1, 4), keep), knockout(model, WhitespacePositions(), keep, other),
        knockout(model, WhitespacePositions(control_seed=3), keep, other), Forward(TEXT, keep),
    ]  # fmt: skip
    together = run_requests(model, *runs)
    alone = [run_requests(model, run, max_batch_tokens=1)[0] for run in runs]

    for single, batched in zip(alone, together, strict=True):
        for site in keep:
            assert np.abs(single[site] - batched[site]).max() < 1e-5
    assert np.abs(together[1][LOGITS] - together[2][LOGITS]).max() > 1e-3


def test_next_logits_are_those_of_the_last_position(model):
    """The text runs alone, as a prefix, patched, and beside longer texts."""
    ids = model.tokenizer.encode(TEXT).ids
    prompts = [Prompt(ids=ids[:n]) for n in (1, 4, len(ids))] + [Prompt(ids=ids[3:7])]
    patch = (Patch(Site("mlp_out", 0)),)
    requests = [
        Forward(prompt, frozenset({NEXT_LOGITS}), patches)
        for prompt in prompts
        for patches in ((), patch)
    ]
    whole = [Forward(request.prompt, frozenset({LOGITS}), request.patches) for request in requests]

    captures, reference = (
        run_requests(model, *requests),
        [run_requests(model, single)[0] for single in whole],
    )
    for single, whole_capture in zip(captures, reference, strict=True):
        assert single[NEXT_LOGITS].shape == (model.config.vocab_size,)
        assert np.abs(single[NEXT_LOGITS] - whole_capture[LOGITS][-1]).max() < 1e-5
        assert not single[NEXT_LOGITS].flags.writeable
    assert np.abs(captures[0][NEXT_LOGITS] - captures[2][NEXT_LOGITS]).max() > 1e-3
    assert np.abs(captures[0][NEXT_LOGITS] - captures[1][NEXT_LOGITS]).max() > 1e-3


def test_knockout_is_causal(model):
    """Neither later tokens nor blocking them change earlier positions."""
    ids = model.tokenizer.encode(TEXT).ids
    keep = frozenset({LOGITS})
    short, long, late = run_requests(
        model,
        knockout(model, (2, 3), keep, Prompt(ids=ids[:8])),
        knockout(model, (2, 3), keep, Prompt(ids=ids)),
        knockout(model, (2, 3, 9), keep, Prompt(ids=ids)),
    )

    assert np.abs(short[LOGITS] - long[LOGITS][:8]).max() < 1e-5
    assert np.abs(late[LOGITS] - long[LOGITS])[:10].max() < 1e-5
    assert np.abs(late[LOGITS] - long[LOGITS])[10:].max() > 1e-3


def test_patches_by_token_write_at_whitespace_only(model):
    """They write at no other position, and never at the first."""
    prompt, site = Prompt(text="\nThe cat\nsat on\nthe"), Site("attn_out", 0)
    clean, run = run_requests(
        model,
        Forward(prompt, frozenset({site})),
        Forward(prompt, frozenset({site}), (Patch(site, positions=WhitespacePositions()),)),
    )
    blank = [i for i, token in enumerate(run.tokens) if token.text.isspace()]

    assert blank[0] == 0
    assert (run[site][blank[1:]] == 0).all()
    assert len(blank) == 3
    others = [i for i in range(len(run.tokens)) if i not in blank[1:]]
    assert np.allclose(run[site][others], clean[site][others], rtol=0, atol=1e-12)


def test_control_positions_match_whitespace_in_number(model):
    """They are drawn by seed, without the first token; if there are too few, all are used."""
    tokens = model.tokenizer.tokens(
        model.tokenizer.encode(Prompt(text="The cat\n\nsat on the 2 tables\n")).ids
    )
    blank = WhitespacePositions().positions_in(tokens)
    draws = [WhitespacePositions(control_seed=seed).positions_in(tokens) for seed in range(5)]

    assert [i for i, token in enumerate(tokens) if token.text.isspace()] == list(blank)
    for draw in draws:
        assert len(draw) == len(blank) == len(set(draw))
        assert not set(draw) & {0, *blank}
    assert len(set(draws)) > 1
    assert draws[2] == WhitespacePositions(control_seed=2).positions_in(tokens)
    lines = model.tokenizer.tokens(model.tokenizer.encode(Prompt(text="a\n\n\nb")).ids)
    assert WhitespacePositions(control_seed=0).positions_in(lines) == (len(lines) - 1,)


def test_loss_is_minus_the_log_of_the_probability(model):
    """It agrees with the logits in float64 to 1e-5, also for prefixes; the first is NaN."""
    ids = model.tokenizer.encode(TEXT).ids
    long, short = run_requests(
        model,
        *(Forward(Prompt(ids=prefix), frozenset({LOSS, LOGITS})) for prefix in (ids, ids[:5])),
    )
    alone = run_requests(model, Forward(Prompt(ids=ids[:5]), frozenset({LOSS})))[0]

    for run in (long, short):
        logits = run[LOGITS].astype(np.float64)
        for position in range(1, len(run.tokens)):
            row = logits[position - 1]
            p = np.exp(row[run.tokens[position].id] - row.max()) / np.exp(row - row.max()).sum()
            assert run[LOSS][position] == pytest.approx(-math.log(p), abs=1e-5)
        assert math.isnan(run[LOSS][0])
    assert np.abs(alone[LOSS] - short[LOSS])[1:].max() < 1e-5


def test_scores_cannot_come_from_another_run():
    """The message names what to patch instead."""
    with pytest.raises(ValueError, match="patch q or k"):
        Patch(Site("scores", 0), source=Forward(TEXT, frozenset({LOGITS})))


def test_hooks_do_not_change_the_logits(model):
    """With every site kept the logits are those of a bare call; captures are read-only."""
    names = [
        n
        for n in ("q", "k", "v", "z", "scores", "pattern", "attn_out", "mlp_out", "mlp_act", "lens")
    ]
    (run,) = run_requests(
        model, Forward(TEXT, sites_of_all_layers(model, *names) | {LOGITS, EMBED, LN_FINAL})
    )
    bare = (
        model.network(torch.tensor([model.tokenizer.encode(TEXT).ids]), use_cache=False)
        .logits[0]
        .numpy()
    )

    assert np.abs(bare - run[LOGITS]).max() < 1e-5
    with pytest.raises(ValueError, match="read-only"):
        run[EMBED][0] = 0


def test_sampling_depends_on_its_seed_alone(model):
    """It does not depend on the global random state."""
    first, again, other = run_requests(
        model,
        *(Generate(TEXT, 20, temperature=1.0, top_p=0.9, seed=s, stop=False) for s in (1, 1, 2)),
    )
    torch.manual_seed(99)
    (later,) = run_requests(
        model, Generate(TEXT, 20, temperature=1.0, top_p=0.9, seed=1, stop=False)
    )

    assert first.tokens == again.tokens == later.tokens
    assert first.tokens != other.tokens


def test_reencoding_keeps_what_each_step_saw(model):
    """Each frame is the text so far, encoded anew."""
    (run,) = run_requests(model, Generate(TEXT, 4, reencode=True, stop=False))

    assert len(run.frames) == 4
    for before, after in zip(run.frames, run.frames[1:], strict=False):
        assert len("".join(t.text for t in after)) >= len("".join(t.text for t in before))


def test_batched_generation_equals_single_generation(model):
    """The prompts have different lengths, temperatures and ends."""
    requests = [
        Generate(TEXT, 9, stop=False),
        Generate(Prompt(text="The"), 14, temperature=1.0, top_k=20, seed=3, stop=False),
        Generate(Prompt(text="2 + 2 = 4, and noise noise noise"), 5),
        Generate(Prompt(text="The dog"), 11, temperature=0.7, top_p=0.8, seed=4),
    ]
    together = run_requests(model, *requests)
    alone = [run_requests(model, request)[0] for request in requests]

    assert [run.tokens for run in together] == [run.tokens for run in alone]
    assert [run.stopped for run in together] == [run.stopped for run in alone]
    assert len({len(run.tokens) for run in together}) > 2


def test_kept_logits_are_those_of_a_pass_over_the_text(model):
    """Row n is what a whole pass has at the position before token n, to 1e-4."""
    for request in (
        Generate(TEXT, 7, stop=False, keep_logits=True),
        Generate(TEXT, 7, temperature=1.0, seed=5, stop=False, keep_logits=True),
    ):
        run, read = run_requests(
            model, request, Forward(Prompt(generated=request), frozenset({LOGITS}))
        )
        assert run[LOGITS].shape == (7, model.config.vocab_size)
        assert np.abs(run[LOGITS] - read[LOGITS][run.prompt_length - 1 : -1]).max() < 1e-4


def test_reencoding_with_the_cache_equals_fresh_passes(model):
    """Each next token is the argmax of a fresh pass over the re-encoded text."""
    single = tuple(model.tokenizer.backend.token_to_id(char) for char in "TheĠcatĠsat")
    (run,) = run_requests(model, Generate(Prompt(ids=single), 12, reencode=True, stop=False))
    text = "The cat sat"

    assert [t.id for t in run.frames[0]] == list(single)
    assert run.frames[1][: len(single)] != run.frames[0]  # encoded anew, the letters join
    for frame in run.frames:
        ids = list(single) if frame is run.frames[0] else model.tokenizer.backend.encode(text).ids
        assert [t.id for t in frame] == ids
        logits = model.network(torch.tensor([ids]), use_cache=False).logits[0, -1]
        text += model.tokenizer.decode([int(logits.argmax())])


def test_facts_count_each_weight_once(model):
    """The modules' parameters sum to the model's own count; tied weights count once."""
    (run,) = run_requests(model, Describe())

    assert run.facts.parameters == sum(p.numel() for p in model.network.parameters())
    assert run.facts.layers == model.config.num_hidden_layers


def test_embedding_rows_equal_the_embed_site(model):
    rows, run, whole = run_requests(
        model, EmbeddingRows(TEXT), Forward(TEXT, frozenset({EMBED})), EmbeddingMatrix()
    )

    assert (rows[EMBED] == run[EMBED]).all()
    assert (rows[EMBED] == whole[EMBED][[token.id for token in rows.tokens]]).all()


def test_head_weights_map_inputs_to_logits(model):
    """z @ W_O summed over the heads is attention's output, the final norm times W_U the logits."""
    layer, w_u, w_final = 1, Site("W_U"), Site("w_final")
    run, weights = run_requests(
        model,
        Forward(
            TEXT,
            frozenset({Site("z", layer), Site("attn_out", layer), RESID_FINAL, LN_FINAL, LOGITS}),
        ),
        Weights(frozenset({Site("W_O", layer), w_u, w_final})),
    )
    heads = np.einsum("thd,hdm->tm", run[Site("z", layer)], weights[Site("W_O", layer)])
    assert np.allclose(heads, run[Site("attn_out", layer)], atol=1e-5)
    assert np.allclose(run[LN_FINAL] @ weights[w_u], run[LOGITS], atol=1e-4)
    scale = np.sqrt((run[RESID_FINAL] ** 2).mean(-1, keepdims=True) + model.config.rms_norm_eps)
    assert np.allclose(run[RESID_FINAL] / scale * weights[w_final], run[LN_FINAL], atol=1e-5)


def test_neurons_times_their_weights_are_the_mlps_output(model):
    """mlp_act @ W_down = mlp_out; without neuron 3 at position 2, its row is gone there alone."""
    out, act = Site("mlp_out", 1), Site("mlp_act", 1)
    run, without, weights = run_requests(
        model,
        Forward(TEXT, frozenset({out, act})),
        Forward(TEXT, frozenset({out}), (Patch(act, positions=(2,), neurons=(3,)),)),
        Weights(frozenset({Site("W_down", 1)})),
    )
    down = weights[Site("W_down", 1)]
    assert np.allclose(run[act] @ down, run[out], atol=1e-5)
    removed = run[out] - without[out]
    assert np.abs(removed[2] - run[act][2, 3] * down[3]).max() < 1e-5
    assert np.abs(removed[2]).max() > 1e-6
    assert np.abs(np.delete(removed, 2, axis=0)).max() < 1e-6


def test_only_neurons_are_patched_by_neuron():
    with pytest.raises(ValueError, match="only mlp_act has"):
        Patch(Site("z", 0), neurons=(1,))


def test_weights_and_sites_are_distinguished(model):
    """A pass keeps no weights, `Weights` names no sites of a pass, and layers must exist."""
    with pytest.raises(ValueError, match="request it with Weights"):
        Forward(TEXT, frozenset({Site("W_O", 0)}))
    with pytest.raises(ValueError, match="is not a weight"):
        Weights(frozenset({Site("z", 0)}))
    with pytest.raises(ModelError, match="layers 0 to"):
        run_requests(model, Weights(frozenset({Site("W_O", 99)})))


def test_chat_and_shuffled_prompts(model):
    """A chat goes through the template; a shuffled prompt has the same ids in another order."""
    chat, plain, shuffled = run_requests(
        model,
        Forward(Prompt(messages=(ChatMessage(role="user", content="Hello"),)), frozenset({LOGITS})),
        Forward(TEXT, frozenset({LOGITS})),
        Forward(Prompt(text=TEXT.text, shuffle_seed=0), frozenset({LOGITS})),
    )

    assert "Hello" in chat.text and "<|im_start|>" in chat.text
    assert sorted(t.id for t in plain.tokens) == sorted(t.id for t in shuffled.tokens)
    assert plain.tokens != shuffled.tokens


def test_reports_layers_that_do_not_exist(model):
    with pytest.raises(ModelError, match="layers 0 to"):
        run_requests(model, Forward(TEXT, frozenset({Site("resid_post", 99)})))


def test_reports_prompts_longer_than_the_context(model):
    with pytest.raises(ModelError, match="context of"):
        run_requests(
            model,
            Forward(
                Prompt(ids=(1,) * (model.config.max_position_embeddings + 1)), frozenset({LOGITS})
            ),
        )


def test_equal_prompts_share_a_row_until_they_differ(model):
    """Many seeds of one prompt: the same ids, logits and losses as one by one, to 1e-5."""
    requests = [
        Generate(TEXT, 12, temperature=0.5, top_k=3, seed=s, keep_logits=True, keep_losses=True)
        for s in range(8)
    ]
    together = run_requests(model, *requests)
    alone = [run_requests(model, request)[0] for request in requests]

    assert [run.tokens for run in together] == [run.tokens for run in alone]
    assert 1 < len({run.tokens for run in together})
    for run, single in zip(together, alone, strict=True):
        assert np.abs(run[LOGITS] - single[LOGITS]).max() < 1e-5
        assert np.abs(run[LOSS] - single[LOSS]).max() < 1e-5


def test_losses_of_a_generation_are_those_of_a_pass(model):
    """-ln p of each new token, to 1e-5."""
    written = Generate(TEXT, 9, temperature=1.0, seed=5, stop=False, keep_losses=True)
    generated, read = run_requests(
        model, written, Forward(Prompt(generated=written), frozenset({LOSS}))
    )

    assert len(generated[LOSS]) == 9
    assert np.abs(generated[LOSS] - read[LOSS][-9:]).max() < 1e-5
