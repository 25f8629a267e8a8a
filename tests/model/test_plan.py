"""The planner: distinct passes once, prefixes never alone, batches within their budget."""

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


def test_equal_prompts_are_one_pass_that_keeps_the_union():
    """Two analyses of one prompt cost one pass with both their sites."""
    first, second = (Forward(A, frozenset({site})) for site in (LOGITS, Site("pattern", 0)))
    made = make_plan([first, second, Forward(B, frozenset({LOGITS})), Encode(A), Encode(A)])

    assert [f.prompt for f in made.forwards] == [A, B]
    assert made.forwards[0].keep == {LOGITS, Site("pattern", 0)}
    assert made.requested == 5
    assert len(made.requests) == 3


def test_sources_of_patches_and_prompts_are_pulled_in_first():
    """A patch's source run and a prompt's generation are planned although no one asked for them."""
    generation = Generate(A, 5)
    written = Forward(Prompt(generated=generation), frozenset({LOGITS}))
    patched = Forward(B, frozenset({LOGITS}), (Patch(Site("resid_pre", 3), source=written),))
    made = make_plan([patched])

    assert made.generations == (generation,)
    assert made.forwards[0].keep == {LOGITS, Site("resid_pre", 3)}
    assert made.forwards[1] == patched


@given(many_ids)
def test_every_request_is_served_once_and_no_pass_begins_another(many):
    """Passes cover all requests with the right lengths, and none is a prefix of another."""
    forwards = [Forward(Prompt(ids=i), frozenset({LOGITS})) for i in many]
    made = build_passes(forwards, lambda p: p.ids)

    assert sorted(part.request.prompt.ids for item in made for part in item.requests) == sorted(
        many
    )
    for item in made:
        for part in item.requests:
            assert item.ids[: part.length] == part.request.prompt.ids
    for one in made:
        assert not any(other is not one and other.ids[: len(one.ids)] == one.ids for other in made)


def test_patched_passes_are_never_merged_with_plain_ones():
    """A patch changes what a prefix sees, so such a pass stands alone."""
    keep = frozenset({LOGITS})
    plain, longer = Forward(Prompt(ids=(1, 2)), keep), Forward(Prompt(ids=(1, 2, 3)), keep)
    patched = Forward(Prompt(ids=(1, 2)), keep, (Patch(Site("mlp_out", 0)),))

    assert len(build_passes([plain, longer, patched], lambda p: p.ids)) == 2


def test_patches_that_choose_by_token_are_merged_when_they_are_equal():
    """The same choice over the same ids is one pass, another seed another one, and the prompt may
    be said two ways.
    """

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
    made = build_passes(make_plan(requested).forwards, lambda p: (1, 2))
    assert [len(item.requests) for item in made] == [2, 1]


@given(many_ids, st.integers(1, 30))
def test_batches_hold_every_pass_once_within_the_budget(many, max_batch_tokens):
    """No pass is lost, and only a lone pass may exceed the budget."""
    todo = [Pass(i, frozenset()) for i in many]
    made = build_batches(todo, max_batch_tokens=max_batch_tokens)

    assert sorted(p.ids for b in made for p in b) == sorted(many)
    for batch in made:
        assert len(batch) == 1 or len(batch) * max(len(p.ids) for p in batch) <= max_batch_tokens


@given(many_ids, st.integers(1, 60))
def test_batches_keep_no_more_than_memory_allows(many, memory):
    """Counted as the model keeps it: every site of every pass, over the padded length; a lone pass
    is let through.
    """
    sites = (LOGITS, Site("resid_pre", 0), Site("mlp_out", 1))
    todo = [Pass(i, frozenset(sites[: 1 + sum(i) % 3])) for i in many]
    made = build_batches(
        todo,
        max_batch_tokens=1000,
        max_batch_bytes=memory,
        bytes_for=lambda keep, length, logits: len(keep) * length,
    )

    assert sorted(p.ids for b in made for p in b) == sorted(many)
    for batch in made:
        kept = len(frozenset.union(*(p.keep for p in batch)))
        assert len(batch) == 1 or kept * max(len(p.ids) for p in batch) * len(batch) <= memory


def test_batches_count_the_rows_of_prefixes():
    """A pass that is asked after many of its prefixes what comes next keeps as many rows of
    logits.
    """
    keep = frozenset({NEXT_LOGITS})
    texts = [tuple(range(first, first + 5)) for first in range(0, 60, 10)]
    asks = [Forward(Prompt(ids=text[:n]), keep) for text in texts for n in (1, 3, 5)]
    made = build_batches(
        build_passes(asks, lambda p: p.ids),
        max_batch_bytes=6,
        bytes_for=lambda keep, length, logits: logits,
    )

    assert [len(batch) for batch in made] == [2, 2, 2]
    assert {p.logit_positions for batch in made for p in batch} == {(0, 2, 4)}


def test_cost_counts_what_remains():
    """The printed numbers: asked, distinct, passes, batches, tokens."""
    keep = frozenset({LOGITS})
    made = make_plan(
        [Forward(Prompt(ids=(1, 2)), keep), Forward(Prompt(ids=(1, 2, 3)), keep), Generate(A, 7)]
    )
    counted = plan_cost(made, lambda p: p.ids, max_batch_tokens=100)

    assert (counted.requested, counted.passes, counted.batches, counted.tokens) == (3, 1, 1, 3)
    assert (counted.generations, counted.new_tokens) == (1, 7)


def test_the_plan_follows_the_order_of_need():
    """Same requests, same plan, whatever the hash seed."""
    requests = [Forward(Prompt(text=str(i)), frozenset({LOGITS})) for i in range(50)]
    assert [f.prompt.text for f in make_plan(requests).forwards] == [str(i) for i in range(50)]
