"""Plans: distinct passes, merged prefixes, batches within their limits."""

from hypothesis import given
from hypothesis import strategies as st
from layerbook.core.requests import (
    LOGITS,
    NEXT_LOGITS,
    Encode,
    Forward,
    Generate,
    Patch,
    Prompt,
    Site,
    WhitespacePositions,
)
from layerbook.model.plan import Pass, build_batches, build_passes, make_plan, plan_cost

ids = st.lists(st.integers(0, 2), min_size=1, max_size=6).map(tuple)
many_ids = st.lists(ids, min_size=1, max_size=20)
A, B = Prompt(text="a"), Prompt(text="b")


def test_equal_prompts_share_a_pass():
    """The pass keeps the union of their sites."""
    first, second = (Forward(A, frozenset({site})) for site in (LOGITS, Site("pattern", 0)))
    plan = make_plan([first, second, Forward(B, frozenset({LOGITS})), Encode(A), Encode(A)])

    assert [f.prompt for f in plan.forwards] == [A, B]
    assert plan.forwards[0].keep == {LOGITS, Site("pattern", 0)}
    assert plan.requested == 5
    assert len(plan.requests) == 3


def test_plans_the_sources_of_patches_and_prompts():
    """They come first, although they were not requested."""
    generation = Generate(A, 5)
    generated = Forward(Prompt(generated=generation), frozenset({LOGITS}))
    patched = Forward(B, frozenset({LOGITS}), (Patch(Site("resid_pre", 3), source=generated),))
    plan = make_plan([patched])

    assert plan.generations == (generation,)
    assert plan.forwards[0].keep == {LOGITS, Site("resid_pre", 3)}
    assert plan.forwards[1] == patched


@given(many_ids)
def test_every_request_has_one_pass(prompts):
    """No pass is a prefix of another."""
    forwards = [Forward(Prompt(ids=i), frozenset({LOGITS})) for i in prompts]
    passes = build_passes(forwards, lambda p: p.ids)

    answered = [request for item in passes for request in item.requests]
    assert sorted(request.prompt.ids for request in answered) == sorted(set(prompts))
    for item in passes:
        for request, length in item.requests.items():
            assert item.ids[:length] == request.prompt.ids
    for item in passes:
        assert not any(
            other is not item and other.ids[: len(item.ids)] == item.ids for other in passes
        )


def test_patched_passes_are_never_merged_with_plain_ones():
    """A patch changes what a prefix sees, so such a pass stays separate."""
    keep = frozenset({LOGITS})
    plain, longer = Forward(Prompt(ids=(1, 2)), keep), Forward(Prompt(ids=(1, 2, 3)), keep)
    patched = Forward(Prompt(ids=(1, 2)), keep, (Patch(Site("mlp_out", 0)),))

    assert len(build_passes([plain, longer, patched], lambda p: p.ids)) == 2


def test_equal_patches_by_token_share_a_pass():
    """Another seed gives another pass."""

    def run(prompt, where):
        return Forward(prompt, frozenset({LOGITS}), (Patch(Site("scores", 0), positions=where),))

    ids, text = Prompt(ids=(1, 2)), Prompt(text="a b")
    requested = [
        run(ids, WhitespacePositions()),
        run(ids, WhitespacePositions()),
        run(text, WhitespacePositions()),
        run(ids, WhitespacePositions(control_seed=1)),
    ]

    assert len(make_plan(requested).forwards) == 3
    passes = build_passes(make_plan(requested).forwards, lambda p: (1, 2))
    assert [len(item.requests) for item in passes] == [2, 1]


@given(many_ids, st.integers(1, 30))
def test_batches_stay_within_the_token_limit(prompts, max_batch_tokens):
    """No pass is lost, and only a single pass may exceed the limit."""
    passes = [Pass(i, frozenset()) for i in prompts]
    batches = build_batches(passes, max_batch_tokens=max_batch_tokens)

    assert sorted(p.ids for b in batches for p in b) == sorted(prompts)
    for batch in batches:
        assert len(batch) == 1 or len(batch) * max(len(p.ids) for p in batch) <= max_batch_tokens


@given(many_ids, st.integers(1, 60))
def test_batches_stay_within_the_memory_limit(prompts, memory):
    """Every site of every pass counts, over the padded length."""
    sites = (LOGITS, Site("resid_pre", 0), Site("mlp_out", 1))
    passes = [Pass(i, frozenset(sites[: 1 + sum(i) % 3])) for i in prompts]
    batches = build_batches(
        passes,
        max_batch_tokens=1000,
        max_batch_bytes=memory,
        bytes_for=lambda keep, length, logits: len(keep) * length,
    )

    assert sorted(p.ids for b in batches for p in b) == sorted(prompts)
    for batch in batches:
        sites_kept = len(frozenset.union(*(p.keep for p in batch)))
        assert len(batch) == 1 or sites_kept * max(len(p.ids) for p in batch) * len(batch) <= memory


def test_batches_count_next_logits_of_prefixes():
    """A pass has a row of next logits for each prefix that requests them."""
    keep = frozenset({NEXT_LOGITS})
    texts = [tuple(range(first, first + 5)) for first in range(0, 60, 10)]
    requests = [Forward(Prompt(ids=text[:n]), keep) for text in texts for n in (1, 3, 5)]
    batches = build_batches(
        build_passes(requests, lambda p: p.ids),
        max_batch_bytes=6,
        bytes_for=lambda keep, length, logits: logits,
    )

    assert [len(batch) for batch in batches] == [2, 2, 2]
    assert {p.logit_positions for batch in batches for p in batch} == {(0, 2, 4)}


def test_plan_cost_counts_distinct_work():
    keep = frozenset({LOGITS})
    plan = make_plan(
        [Forward(Prompt(ids=(1, 2)), keep), Forward(Prompt(ids=(1, 2, 3)), keep), Generate(A, 7)]
    )
    cost = plan_cost(plan, lambda p: p.ids)

    assert (cost.requested, cost.passes, cost.batches, cost.tokens) == (3, 1, 1, 3)
    assert (cost.generations, cost.new_tokens) == (1, 7)


def test_plan_order_is_stable():
    """Equal requests give equal plans, whatever the hash seed."""
    requests = [Forward(Prompt(text=str(i)), frozenset({LOGITS})) for i in range(50)]
    assert [f.prompt.text for f in make_plan(requests).forwards] == [str(i) for i in range(50)]
