"""Results survive the disk, damage is noticed, and a killed build leaves whole entries."""

from __future__ import annotations

import hashlib
import json
import os
import random
import re
import signal
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures.save_result import save_result
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from layerbook.core.analysis import Array, BigArray, Result
from layerbook.core.distributions import Ranked
from layerbook.core.errors import StoreError
from layerbook.store import results
from layerbook.store.comparison import compare_results
from layerbook.store.keys import Key
from pydantic import BaseModel, ConfigDict, Field

Kill = Callable[[Callable[[], object], int], bool]
KEY = Key("5" * 64, "c" * 64, "w" * 64, "t" * 64, "float64", {"torch": "2.13.0", "numpy": "2.4.6"})


class Row(BaseModel):
    """One prompt's numbers."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, ser_json_inf_nan="constants"
    )
    prompt: str
    top: tuple[Ranked, ...] = ()
    weights: Array
    maps: BigArray


class Measured(Result):
    """A result with everything a result may hold."""

    rows: tuple[Row, ...]
    entropy: float = Field(allow_inf_nan=True)
    counts: dict[str, int]
    layers: dict[str, BigArray] = Field(default_factory=dict)
    spare: tuple[BigArray, ...] = ()
    whole: BigArray | None = None


class Other(Result):
    """Another analysis' result."""

    value: float


class Clash(Result):
    """A result with a field that the envelope has."""

    model: str


def envelope(result: Result, **changes: object) -> results.StoredResult[Result]:
    """An entry around a result."""
    spec = {"prompts": [" 2 + 2 = "], "top_k": 20}
    return replace(
        results.StoredResult(
            id="noise",
            chapter="attention",
            analysis="measured",
            model="tiny",
            spec=spec,
            key=KEY,
            result=result,
        ),
        **changes,
    )


def measured(seed: int = 0) -> Measured:
    """A result with rows, numbers, odd text and big arrays, all depending on the seed."""
    draw = np.random.default_rng(seed)
    top = tuple(
        Ranked(id=i, text=t, hex="c4", logit=draw.normal(), prob=draw.random())
        for i, t in enumerate("4Ċé\n")
    )
    rows = tuple(
        Row(
            prompt=p,
            top=top,
            weights=np.round(draw.random((2, 3)), 7),
            maps=draw.random((4, 5)).astype("f4"),
        )
        for p in (" 2 + 2 = ", 'quote " \\ </script> <<<<<<< HEAD', "🙂 \u2028 =======\n>>>>>>> x")
    )
    big = draw.random((3, 2))
    return Measured(
        rows=rows,
        entropy=draw.random(),
        counts={"b": 1, "a": 2},
        layers={"0": big},
        spare=(big, big + 1),
    )


def test_an_entry_comes_back(tmp_path: Path) -> None:
    """What is saved is loaded: envelope, text, numbers, arrays of every kind of field."""
    saved = envelope(measured())
    path = save_result(tmp_path, saved)
    assert path == tmp_path / "tiny" / "attention" / "noise.json"
    loaded = results.load(path, Measured)
    assert (loaded.id, loaded.chapter, loaded.analysis, loaded.model) == (
        "noise",
        "attention",
        "measured",
        "tiny",
    )
    assert (loaded.spec, loaded.key) == (saved.spec, saved.key)
    assert not compare_results(saved.result, loaded.result)
    old, new = measured(), loaded.result
    assert [(r.maps.dtype, r.maps.tolist()) for r in old.rows] == [
        (r.maps.dtype, r.maps.tolist()) for r in new.rows
    ]
    assert np.array_equal(new.spare[1], old.spare[1])
    assert np.array_equal(new.rows[0].weights, old.rows[0].weights)


def test_loaded_arrays_are_read_only(tmp_path: Path) -> None:
    """A figure cannot change the numbers of the next one."""
    loaded = results.load(save_result(tmp_path, envelope(measured())), Measured).result
    for array in (loaded.rows[0].weights, loaded.rows[0].maps, loaded.layers["0"], loaded.spare[0]):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1


floats = st.floats(allow_nan=True, allow_infinity=True)
small_arrays = st.one_of(
    hnp.arrays(
        "f4",
        hnp.array_shapes(max_dims=4, max_side=4),
        elements=st.floats(allow_nan=False, allow_infinity=False, width=32),
    ),
    hnp.arrays(
        "f8",
        hnp.array_shapes(max_dims=4, max_side=4),
        elements=st.floats(allow_nan=False, allow_infinity=False),
    ),
    hnp.arrays(st.sampled_from(["i8", "i4", "?"]), hnp.array_shapes(max_dims=3, max_side=4)),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.text(max_size=12), small_arrays, small_arrays), max_size=3),
    floats,
    st.dictionaries(st.text(max_size=5), st.integers()),
)
def test_any_result_comes_back_and_is_saved_to_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, np.ndarray, np.ndarray]],
    entropy: float,
    counts: dict[str, int],
) -> None:
    """Any text, float and array is loaded exactly, and saved again with the same bytes."""
    made = tuple(Row(prompt=p, weights=a, maps=b) for p, a, b in rows)
    result = Measured(rows=made, entropy=entropy, counts=counts)
    folder = tmp_path_factory.mktemp("any")
    path = save_result(folder, envelope(result))
    before = path.read_bytes()
    loaded = results.load(path, Measured)
    for old, new in zip(result.rows, loaded.result.rows, strict=True):
        assert old.prompt == new.prompt
        np.testing.assert_array_equal(new.weights.astype(old.weights.dtype), old.weights)
        np.testing.assert_array_equal(new.maps, old.maps)
    assert np.array_equal(loaded.result.entropy, entropy, equal_nan=True)
    assert list(loaded.result.counts.items()) == list(counts.items())
    save_result(folder, loaded)
    assert path.read_bytes() == before


def test_the_file_is_flat_readable_and_stable(tmp_path: Path) -> None:
    """The fields of the header and the result are side by side; rows of numbers are lines."""
    path = save_result(tmp_path, envelope(measured()))
    data = json.loads(path.read_bytes())
    assert tuple(data) == (*results.HEADER_FIELDS, *Measured.model_fields)
    assert np.array_equal(np.array(data["rows"][0]["weights"]), measured().rows[0].weights)
    text = path.read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert "🙂" in text
    row = json.dumps([float(str(v)) for v in measured().rows[0].weights[0]])
    assert f"\n    {row},\n" in text
    assert data["rows"][0]["maps"]["shape"] == [4, 5]
    for reference in (data["rows"][0]["maps"], data["layers"]["0"], data["spare"][1]):
        assert path.with_name(reference["file"]).is_file()


def test_big_arrays_follow_their_entry(tmp_path: Path) -> None:
    """New numbers bring a new file of arrays, and the old one goes; a neighbour's stays."""
    save_result(tmp_path, envelope(measured(1), id="noise-2"))
    path = save_result(tmp_path, envelope(measured(1)))
    save_result(tmp_path, envelope(measured(2)))
    assert len(list(path.parent.glob("noise.*.safetensors"))) == 1
    assert not compare_results(measured(2), results.load(path, Measured).result)
    neighbour = results.load(path.with_name("noise-2.json"), Measured)
    assert not compare_results(measured(1), neighbour.result)
    results.write(path, envelope(Other(value=1.0)))
    assert not list(path.parent.glob("noise.*.safetensors"))


def test_a_head_is_read_without_the_numbers(tmp_path: Path) -> None:
    """`header` knows the envelope and the digest that the file holds."""
    saved = envelope(measured())
    header = results.read_header(save_result(tmp_path, saved))
    assert (header.id, header.spec, header.key) == (saved.id, saved.spec, saved.key)
    assert (
        header.digest == json.loads((tmp_path / "tiny/attention/noise.json").read_bytes())["digest"]
    )


def _side(path: Path) -> Path:
    return next(path.parent.glob("*.safetensors"))


def _edit(old: bytes, new: bytes) -> Callable[[Path], object]:
    def damage(path: Path) -> None:
        assert old in path.read_bytes()
        path.write_bytes(path.read_bytes().replace(old, new, 1))

    return damage


DAMAGES: dict[str, tuple[str, Callable[[Path], object]]] = {
    "removed": ("missing", lambda path: path.unlink()),
    "empty": ("truncated", lambda path: path.write_bytes(b"")),
    "half": (
        "truncated",
        lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    ),
    "last bytes": ("truncated", lambda path: path.write_bytes(path.read_bytes()[:-3])),
    "conflict": ("conflict", _edit(b' "rows"', b'<<<<<<< HEAD\n "rows"')),
    "conflict in the head": (
        "conflict",
        _edit(b' "digest"', b'<<<<<<< HEAD\n "digest": "1",\n=======\n>>>>>>> x\n "digest"'),
    ),
    "a number": ("edited", _edit(b'"entropy": 0.', b'"entropy": 1.')),
    "the key": ("edited", _edit(b"w" * 64, b"v" * 64)),
    "the digest": ("edited", _edit(b'"digest": "', b'"digest": "0')),
    "not json": ("truncated", lambda path: path.write_bytes(b"\x89PNG\xff\xfe")),
    "another json": ("foreign", lambda path: path.write_bytes(b'{"a": 1}\n')),
    "a list": ("foreign", lambda path: path.write_bytes(b"[{}]\n]}")),
    "a copy": (
        "foreign",
        lambda path: path.write_bytes(
            save_result(path.parent, envelope(measured(), id="b")).read_bytes()
        ),
    ),
    "no arrays": ("arrays", lambda path: _side(path).unlink()),
    "torn arrays": ("arrays", lambda path: _side(path).write_bytes(_side(path).read_bytes()[:-1])),
    "other arrays": (
        "arrays",
        lambda path: _side(path).write_bytes(_side(path).read_bytes()[:-1] + b"\0"),
    ),
    "other form": ("schema", lambda path: results.write(path, envelope(Other(value=1.0)))),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_damage_is_a_miss_with_a_reason(tmp_path: Path, name: str) -> None:
    """Every kind of bad entry is told apart, names the file, and counts as not there."""
    reason, damage = DAMAGES[name]
    path = save_result(tmp_path, envelope(measured()))
    damage(path)
    with pytest.raises(results.ResultFileError, match=r"noise\.json: ") as caught:
        results.load(path, Measured)
    assert caught.value.reason == reason
    heard: list[str] = []
    assert results.load_or_none(path, Measured, lambda error: heard.append(error.reason)) is None
    assert heard == ([] if reason == "missing" else [reason])
    save_result(tmp_path, envelope(measured()))
    assert results.load_or_none(path, Measured, lambda error: pytest.fail(str(error))) is not None


def test_other_line_ends_are_no_damage(tmp_path: Path) -> None:
    """A checkout that turned the line ends around holds the same result."""
    path = save_result(tmp_path, envelope(measured()))
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert results.load(path, Measured).id == "noise"


def signed(text: bytes) -> bytes:
    """Sign the text as documented: with the digest of all lines but the digest's own."""
    lines = text.splitlines(keepends=True)
    rest = b"".join(line for line in lines if not line.startswith(b' "digest": '))
    digest = hashlib.sha256(rest).hexdigest().encode()
    return re.sub(
        rb'^( "digest": ")[0-9a-f]{64}', rb"\g<1>" + digest, text, count=1, flags=re.MULTILINE
    )


@pytest.mark.parametrize("file", ["../x.safetensors", "/x.safetensors", ["x"], "noise.safetensors"])
def test_a_reference_cannot_leave_its_folder(tmp_path: Path, file: object) -> None:
    """An entry signed by hand that refers to somebody else's file is refused."""
    path = save_result(tmp_path, envelope(Other(value=1.5)))
    reference = {"file": file, "array": "a", "shape": [1], "dtype": "float32", "sha256": ""}
    path.write_bytes(signed(path.read_bytes()))
    assert results.load(path, Other).result.value == 1.5
    path.write_bytes(signed(path.read_bytes().replace(b"1.5", json.dumps(reference).encode())))
    with pytest.raises(results.ResultFileError, match="not a file of arrays"):
        results.load(path, Other)


def test_a_result_may_not_hide_the_envelope(tmp_path: Path) -> None:
    """A field called like one of the envelope's is refused before anything is written."""
    with pytest.raises(StoreError, match=r"Clash: .* model"):
        save_result(tmp_path, envelope(Clash(model="x")))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("part", ["../x", "a/b", "", ".hidden", "a\0"])
def test_names_that_are_no_file_names_are_refused(tmp_path: Path, part: str) -> None:
    """No id, chapter or model leads elsewhere."""
    with pytest.raises(StoreError):
        results.result_path(tmp_path, "tiny", "attention", part)
    with pytest.raises(StoreError):
        results.result_path(tmp_path, part, "attention", "noise")


def test_rekey_keeps_numbers_and_ignores_versions(tmp_path: Path) -> None:
    """Other libraries change nothing; other code changes the lines of the key and the digest."""
    path = save_result(tmp_path, envelope(measured()))
    before = path.read_bytes()
    loaded = results.load(path, Measured)
    results.update_key(path, loaded, replace(KEY, versions={"torch": "9.9"}))
    assert path.read_bytes() == before
    results.update_key(
        path, loaded, replace(KEY, code="d" * 64, versions={"torch": "9.9", "numpy": "2.4.6"})
    )
    changed = [
        a
        for a, b in zip(before.split(b"\n"), path.read_bytes().split(b"\n"), strict=True)
        if a != b
    ]
    assert [line.split(b'"')[1] for line in changed] == [b"code", b"versions", b"digest"]
    assert results.load(path, Measured).key.code == "d" * 64
    with pytest.raises(ValueError, match="another spec"):
        results.update_key(path, loaded, replace(KEY, spec="6" * 64))


def load_whole(path: Path, *allowed: Measured) -> None:
    """The entry is one of these, whole, with its arrays."""
    loaded = results.load(path, Measured).result
    assert any(not compare_results(result, loaded) for result in allowed)


def test_killed_at_any_step_a_save_leaves_a_whole_entry(
    tmp_path: Path, killed_before_step: Kill
) -> None:
    """JSON and arrays fit before each step on the disk, and the next save removes leftovers."""
    number = 0
    while True:
        number += 1
        root = tmp_path / str(number)
        path = save_result(root, envelope(measured(1)))
        if not killed_before_step(
            lambda root=root: save_result(root, envelope(measured(2))), number
        ):
            break
        load_whole(path, measured(1), measured(2))
        save_result(root, envelope(measured(2)))
        load_whole(path, measured(2))
        assert len(list(path.parent.iterdir())) == 2
    assert number > 6


def test_killed_in_the_middle_of_a_file_a_save_leaves_a_whole_entry(
    tmp_path: Path, killed_while_writing: Kill
) -> None:
    """A file cut off at any length is never under its name."""
    for size in range(100, 5000, 700):
        path = save_result(tmp_path, envelope(measured(1)))
        if killed_while_writing(lambda: save_result(tmp_path, envelope(measured(2))), size):
            load_whole(path, measured(1))
    assert size > 4000


def test_killed_at_random_moments_a_save_leaves_a_whole_entry(tmp_path: Path) -> None:
    """Twenty kills at times of their own choosing while an entry goes back and forth."""
    chance = random.Random(11)
    path = save_result(tmp_path, envelope(measured(1)))
    for _ in range(20):
        child = os.fork()
        if child == 0:
            while True:
                save_result(tmp_path, envelope(measured(2)))
                save_result(tmp_path, envelope(measured(1)))
        time.sleep(chance.uniform(0.001, 0.03))
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        load_whole(path, measured(1), measured(2))
    save_result(tmp_path, envelope(measured(3)))
    assert len(list(path.parent.iterdir())) == 2


def test_tidying_takes_what_a_killed_write_left_and_no_more(
    tmp_path: Path, killed_before_step: Kill
) -> None:
    """Partial files and old arrays go; the arrays of a damaged result stay."""
    path = save_result(tmp_path, envelope(measured(1)))
    names = {p.name for p in path.parent.iterdir()}
    old = _side(path)
    number, content = 0, old.read_bytes()
    while killed_before_step(
        lambda: save_result(tmp_path, envelope(measured(2))), number := number + 1
    ):
        results.remove_leftovers(path.parent)
        assert not [p for p in path.parent.iterdir() if p.name.endswith(".layerbook-tmp")]
        load_whole(path, measured(1), measured(2))
        assert len(list(path.parent.iterdir())) == 2
        old.write_bytes(content)
        save_result(tmp_path, envelope(measured(1)))
    assert {p.name for p in path.parent.iterdir()} != names
    path.write_bytes(path.read_bytes()[:-9])
    left = sorted(path.parent.iterdir())
    results.remove_leftovers(path.parent)
    assert sorted(path.parent.iterdir()) == left
