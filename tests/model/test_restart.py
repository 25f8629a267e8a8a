"""Compare patched passes that share a plain pass with the same passes run from the beginning."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from fixtures.execution import run_requests
from fixtures.tiny_families import SETTINGS, write_tiny_family
from layerbook.core.errors import ModelError
from layerbook.core.requests import LN_FINAL, LOGITS, NEXT_LOGITS, Forward, Patch, Prompt, Site
from layerbook.model.loaded_model import LoadedModel
from layerbook.model.plan import Start, build_batches, build_passes
from layerbook.model.restart import common_start

TEXT = Prompt(text="The cat sat on the table and the dog sat under the table")
OTHER = Prompt(text="The dog sat on the table and the cat sat under the table")  # equally long
KEEP = frozenset({LN_FINAL, LOGITS, NEXT_LOGITS})


def patched_passes(layer: int, positions: tuple[int, ...]) -> list[Forward]:
    """Return passes that are patched in one layer: by zeros, another run and a mean."""
    plain = [Forward(prompt, frozenset()) for prompt in (TEXT, OTHER)]
    patches = [
        Patch(Site("z", layer), None, positions, (0,)),
        Patch(Site("mlp_out", layer), plain[1], positions),
        Patch(Site("z", layer), tuple(plain), positions, (1,)),
        Patch(Site("resid_pre", layer), plain[1], positions),
        Patch(Site("q", layer), plain[1], positions),
    ]
    return [Forward(TEXT, KEEP, (patch,)) for patch in patches]


@pytest.mark.parametrize("family", SETTINGS)
@pytest.mark.parametrize("positions", [(), (5, 9), (-1,)])
def test_shared_start_changes_no_number(
    tmp_path: Path, family: str, positions: tuple[int, ...]
) -> None:
    """Each pass equals itself run alone, from the beginning, to 1e-10 in float64."""
    model = LoadedModel.load(write_tiny_family(tmp_path, family), family)
    runs = patched_passes(1, positions)
    (batch,) = build_batches(build_passes(runs, lambda p: model.tokenizer.encode(p).ids))
    length = len(batch[0].ids)
    assert common_start(batch) == Start(1, min((p % length for p in positions), default=0))
    assert common_start(batch[:1]) == Start()

    for together, run in zip(run_requests(model, *runs), runs, strict=True):
        (alone,) = run_requests(model, run)
        for site in KEEP:
            assert np.abs(together[site] - alone[site]).max() < 1e-10, site
    (plain,) = run_requests(model, Forward(TEXT, KEEP))
    assert np.abs(together[LOGITS] - plain[LOGITS]).max() > 1e-6


@pytest.mark.parametrize(
    "run",
    [
        Forward(TEXT, frozenset({Site("z", 0)}), (Patch(Site("z", 1)),)),
        Forward(TEXT, KEEP, (Patch(Site("scores", 1), positions=(3,)),)),
    ],
    ids=["keeps a site of a layer", "blocks keys"],
)
def test_some_passes_start_at_the_beginning(run: Forward) -> None:
    (item,) = build_passes([run], lambda prompt: tuple(range(10)))
    assert item.start == Start()


def test_negative_positions_count_from_the_end_of_each_text(model: LoadedModel) -> None:
    """The mean of the last tokens of two texts of unequal length replaces the last one's."""
    site, short = Site("z", 1), Prompt(text="2 + 2 = 4")
    sources = tuple(Forward(prompt, frozenset({site})) for prompt in (TEXT, short))
    patched = Forward(short, frozenset({site}), (Patch(site, sources, (-1,)),))
    long, plain, result = (run[site] for run in run_requests(model, *sources, patched))
    assert len(long) != len(plain)
    assert np.abs(result[-1] - (long[-1] + plain[-1]) / 2).max() < 1e-10
    assert np.abs(result[:-1] - plain[:-1]).max() < 1e-10
    with pytest.raises(ModelError, match="there is no position -99 in a text of"):
        run_requests(model, Forward(short, KEEP, (Patch(site, None, (-99,)),)))
    with pytest.raises(ModelError, match="same number of tokens"):
        run_requests(model, Forward(short, KEEP, (Patch(site, sources, (2,)),)))
