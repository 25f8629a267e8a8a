"""Properties planted in columns and directions are recovered, and scikit-learn agrees."""

import numpy as np
import pytest
from fixtures.run_analysis import capture_requests, json_round_trip, run
from fixtures.word_tokenizer import ByteVocabulary
from layerbook.analyses.attribute_direction import AttributeDirection, best_column, share_correct
from layerbook.core.figures import Bars, Panels, Scatter
from layerbook.core.requests import EMBED
from sklearn.metrics import roc_auc_score
from sklearn.neighbors import NearestCentroid

WIDTH, WORDS = 30, 12


def planted(direction, strength=8.0, seed=0):
    """Return the analysis on noise, with `direction` [D] added to the members, and its rows [V,
    D].
    """
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(2 * WORDS + 5, WIDTH)).astype(np.float32)
    rows[:WORDS] += (strength * direction).astype(np.float32)
    vocabulary = ByteVocabulary(*[f"w{i}" for i in range(len(rows))])
    analysis = AttributeDirection(
        name="odd",
        members=tuple(f"w{i}" for i in range(WORDS)),
        others=tuple(f"w{i}" for i in range(WORDS, 2 * WORDS)),
        top_k=6,
    )
    captures = {f"member-{i}": vocabulary.capture((i,)) for i in range(WORDS)}
    captures |= {f"other-{i}": vocabulary.capture((WORDS + i,)) for i in range(WORDS)}
    captures["matrix"] = vocabulary.capture((), {EMBED: rows})
    return analysis, rows.astype(np.float64), json_round_trip(analysis, analysis.measure(captures))


def test_property_stored_in_one_column_gives_that_column():
    """The sign is recovered too, and the direction is nearly the column."""
    for sign in (1, -1):
        _, _, result = planted(sign * np.eye(WIDTH)[7])
        assert (result.column, result.sign) == (7, sign)
        assert result.column_correct == result.direction_correct == 1
        assert result.columns_for_half == 1


def test_property_spread_over_columns_gives_a_direction():
    """The direction classifies every new word, the best column does not."""
    spread = np.full(WIDTH, 1 / np.sqrt(WIDTH))
    _, rows, result = planted(spread, strength=6)
    assert result.direction_correct == 1 and result.column_correct < 1
    assert result.columns_for_half > 5
    assert result.direction @ spread > 0.8
    assert all(entry.is_member for entry in result.direction_top)
    means = rows[:WORDS:2].mean(axis=0) - rows[WORDS : 2 * WORDS : 2].mean(axis=0)
    np.testing.assert_allclose(result.direction, means / np.linalg.norm(means), atol=1e-6)


def test_noise_is_not_recognized():
    """Without a planted property the accuracy is near one half, over twenty draws."""
    correct = [planted(np.zeros(WIDTH), seed=seed)[2].direction_correct for seed in range(20)]
    assert abs(np.mean(correct) - 1 / 2) < 0.1


def test_best_column_has_the_largest_roc_area():
    """Areas agree with scikit-learn for every column."""
    rng = np.random.default_rng(3)
    yes, no = rng.normal(size=(9, 20)), rng.normal(size=(7, 20))
    labels = np.repeat([1, 0], [9, 7])
    areas = [roc_auc_score(labels, np.concatenate([yes[:, j], no[:, j]])) for j in range(20)]
    column, sign = best_column(yes, no)
    assert column == int(np.argmax(np.abs(np.array(areas) - 0.5)))
    assert sign == (1 if areas[column] >= 0.5 else -1)


def test_share_is_the_accuracy_of_the_nearest_centroid():
    """It agrees with scikit-learn's classifier on equally many words of each kind."""
    rng = np.random.default_rng(4)
    yes, no = rng.normal(1, 1, size=(20, 1)), rng.normal(0, 1, size=(20, 1))
    train = NearestCentroid().fit(np.concatenate([yes[::2], no[::2]]), [1] * 10 + [0] * 10)
    score = train.score(np.concatenate([yes[1::2], no[1::2]]), [1] * 10 + [0] * 10)
    assert share_correct(yes, no) == pytest.approx([score])


def test_only_held_out_words_are_shown():
    """Every second word of either kind is shown, with its number and coordinate."""
    analysis, rows, result = planted(np.eye(WIDTH)[7])
    assert [word.text for word in result.words[:3]] == ["w1", "w3", "w5"]
    assert [word.member for word in result.words] == [True] * 6 + [False] * 6
    assert result.words[0].column_value == pytest.approx(rows[1, 7], abs=1e-6)
    assert result.words[0].direction_value == pytest.approx(rows[1] @ result.direction, abs=1e-5)
    assert result.fitted == WORDS
    charts = analysis.figures(result)
    assert isinstance(charts["words"], Scatter) and len(charts["words"].points) == WORDS
    top = charts["top"]
    assert isinstance(top, Panels) and len(top.panels) == 2
    bars = top.panels[1]
    assert isinstance(bars, Bars) and bars.values == tuple(e.cosine for e in result.direction_top)


def test_words_of_several_tokens_count_as_their_mean(tiny):
    analysis = AttributeDirection(name="x", members=("The cat", "sat"), others=("on the", "mat"))
    captures = capture_requests(tiny, analysis)
    result = run(tiny, analysis)
    E = captures["matrix"][EMBED].astype(np.float64)
    yes, no = (
        np.mean([E[token.id] for token in captures[name].tokens], axis=0)
        for name in ("member-0", "other-0")
    )
    direction = (yes - no) / np.linalg.norm(yes - no)
    np.testing.assert_allclose(result.direction, direction, atol=1e-6)


@pytest.mark.model
def test_country_direction_ranks_unnamed_countries_first(real):
    """Countries that were not in the training words are at the far end of the direction."""
    analysis = AttributeDirection(
        name="a country",
        members=(" France", " Spain", " Italy", " Sweden", " China", " Egypt", " Chile", " Iran"),
        others=(" Paris", " cat", " John", " green", " Monday", " water", " March", " music"),
        top_k=40,
    )
    result = run(real, analysis)
    assert {" Poland", " Germany"} <= {entry.token.text for entry in result.direction_top}
