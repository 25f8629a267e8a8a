"""Results round-trip, damage is noticed, and a killed save leaves complete entries."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fixtures.edit_result import signed
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
    """Numbers of one prompt."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", arbitrary_types_allowed=True, ser_json_inf_nan="constants"
    )
    prompt: str
    top: tuple[Ranked, ...] = ()
    weights: Array


class SampleResult(Result):
    """A result with every kind of field."""

    rows: tuple[Row, ...]
    counts: dict[str, int]
    maps: BigArray
    layers: dict[str, Array] = Field(default_factory=dict)
    spare: BigArray = np.zeros(0)
    entropy: float = Field(allow_inf_nan=True)


class ScalarResult(Result):
    """A result of another analysis."""

    value: float


class ClashingResult(Result):
    """A result with a field that the header has."""

    model: str


def stored_result(result: Result, **changes: object) -> results.StoredResult[Result]:
    """Return a stored result with a header."""
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


def sample_result(seed: int = 0) -> SampleResult:
    """Return a result with rows, numbers, unusual text and big arrays, drawn from the seed."""
    rng = np.random.default_rng(seed)
    top = tuple(
        Ranked(id=i, text=t, hex="c4", logit=rng.normal(), prob=rng.random())
        for i, t in enumerate("4Ċé\n")
    )
    rows = tuple(
        Row(prompt=p, top=top, weights=np.round(rng.random((2, 3)), 7))
        for p in (" 2 + 2 = ", 'quote " \\ </script> <<<<<<< HEAD', "🙂 \u2028 =======\n>>>>>>> x")
    )
    big = rng.random((3, 2))
    return SampleResult(
        rows=rows,
        entropy=rng.random(),
        counts={"b": 1, "a": 2},
        maps=rng.random((4, 5)).astype("f4"),
        layers={"0": big},
        spare=big + 1,
    )


def test_result_round_trips(tmp_path: Path) -> None:
    """The header, text, numbers, and arrays of every kind of field are loaded as saved."""
    stored = stored_result(sample_result())
    path = save_result(tmp_path, stored)
    assert path == tmp_path / "tiny" / "attention" / "noise.json"
    loaded = results.load(path, SampleResult)
    assert (loaded.id, loaded.chapter, loaded.analysis, loaded.model) == (
        "noise",
        "attention",
        "measured",
        "tiny",
    )
    assert (loaded.spec, loaded.key) == (stored.spec, stored.key)
    assert not compare_results(stored.result, loaded.result)
    original, loaded_result = sample_result(), loaded.result
    assert loaded_result.maps.dtype == original.maps.dtype
    assert np.array_equal(loaded_result.maps, original.maps)
    assert np.array_equal(loaded_result.spare, original.spare)
    assert np.array_equal(loaded_result.layers["0"], original.layers["0"])
    assert np.array_equal(loaded_result.rows[0].weights, original.rows[0].weights)


def test_loaded_arrays_are_read_only(tmp_path: Path) -> None:
    """A figure cannot change the numbers of another figure."""
    loaded = results.load(
        save_result(tmp_path, stored_result(sample_result())), SampleResult
    ).result
    for array in (loaded.rows[0].weights, loaded.maps, loaded.layers["0"], loaded.spare):
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
    st.lists(st.tuples(st.text(max_size=12), small_arrays), max_size=3),
    small_arrays,
    floats,
    st.dictionaries(st.text(max_size=5), st.integers()),
)
def test_any_result_round_trips_to_the_same_bytes(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[str, np.ndarray]],
    maps: np.ndarray,
    entropy: float,
    counts: dict[str, int],
) -> None:
    """Any text, float and array is loaded exactly, and saved again with the same bytes."""
    sample_rows = tuple(Row(prompt=p, weights=a) for p, a in rows)
    result = SampleResult(rows=sample_rows, maps=maps, entropy=entropy, counts=counts)
    folder = tmp_path_factory.mktemp("any")
    path = save_result(folder, stored_result(result))
    content = path.read_bytes()
    loaded = results.load(path, SampleResult)
    for old, new in zip(result.rows, loaded.result.rows, strict=True):
        assert old.prompt == new.prompt
        np.testing.assert_array_equal(new.weights.astype(old.weights.dtype), old.weights)
    assert loaded.result.maps.dtype == maps.dtype
    np.testing.assert_array_equal(loaded.result.maps, maps)
    assert np.array_equal(loaded.result.entropy, entropy, equal_nan=True)
    assert list(loaded.result.counts.items()) == list(counts.items())
    save_result(folder, loaded)
    assert path.read_bytes() == content


def test_file_has_the_documented_format(tmp_path: Path) -> None:
    """The fields of the header and the result are side by side; a row of numbers is a line."""
    path = save_result(tmp_path, stored_result(sample_result()))
    data = json.loads(path.read_bytes())
    assert tuple(data) == (*results.HEADER_FIELDS, *SampleResult.model_fields)
    assert np.array_equal(np.array(data["rows"][0]["weights"]), sample_result().rows[0].weights)
    text = path.read_text(encoding="utf-8")
    assert text.endswith("}\n")
    assert "🙂" in text
    row = json.dumps([float(str(v)) for v in sample_result().rows[0].weights[0]])
    assert f"\n    {row},\n" in text
    assert data["maps"]["shape"] == [4, 5]
    for reference in (data["maps"], data["spare"]):
        assert path.with_name(reference["file"]).is_file()


def test_replaces_and_removes_array_files(tmp_path: Path) -> None:
    """New numbers replace the file of arrays; the arrays of other results stay."""
    save_result(tmp_path, stored_result(sample_result(1), id="noise-2"))
    path = save_result(tmp_path, stored_result(sample_result(1)))
    save_result(tmp_path, stored_result(sample_result(2)))
    assert len(list(path.parent.glob("noise.*.safetensors"))) == 1
    assert not compare_results(sample_result(2), results.load(path, SampleResult).result)
    neighbor = results.load(path.with_name("noise-2.json"), SampleResult)
    assert not compare_results(sample_result(1), neighbor.result)
    results.write(path, stored_result(ScalarResult(value=1.0)))
    assert not list(path.parent.glob("noise.*.safetensors"))


@pytest.mark.parametrize("place", ["array", "file", "field"])
def test_messages_about_forged_results_are_short(tmp_path: Path, place: str) -> None:
    """They quote the names in a file only in part."""
    path = save_result(tmp_path, stored_result(sample_result()))
    numbers = json.loads(path.read_bytes())
    header = {name: numbers.pop(name) for name in results.HEADER_FIELDS}
    changed = numbers if place == "field" else numbers["maps"]
    changed["x" * 10_000 if place == "field" else place] = "x" * 10_000
    path.write_bytes(signed(header, numbers))
    with pytest.raises(StoreError) as caught:
        results.load(path, SampleResult)
    assert len(str(caught.value)) < 700


def test_header_is_read_without_the_result(tmp_path: Path) -> None:
    """`read_header` returns the header and the digest of the file."""
    stored = stored_result(sample_result())
    header = results.read_header(save_result(tmp_path, stored))
    assert (header.id, header.spec, header.key) == (stored.id, stored.spec, stored.key)
    assert (
        header.digest == json.loads((tmp_path / "tiny/attention/noise.json").read_bytes())["digest"]
    )


def array_file(path: Path) -> Path:
    return next(path.parent.glob("*.safetensors"))


def replace_bytes(old: bytes, new: bytes) -> Callable[[Path], object]:
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
    "conflict": ("conflict", replace_bytes(b' "rows"', b'<<<<<<< HEAD\n "rows"')),
    "conflict in the head": (
        "conflict",
        replace_bytes(
            b' "digest"', b'<<<<<<< HEAD\n "digest": "1",\n=======\n>>>>>>> x\n "digest"'
        ),
    ),
    "a number": ("edited", replace_bytes(b'"entropy": 0.', b'"entropy": 1.')),
    "the key": ("edited", replace_bytes(b"w" * 64, b"v" * 64)),
    "the digest": ("edited", replace_bytes(b'"digest": "', b'"digest": "0')),
    "not json": ("truncated", lambda path: path.write_bytes(b"\x89PNG\xff\xfe")),
    "another json": ("foreign", lambda path: path.write_bytes(b'{"a": 1}\n')),
    "a list": ("foreign", lambda path: path.write_bytes(b"[{}]\n]}")),
    "a copy": (
        "foreign",
        lambda path: path.write_bytes(
            save_result(path.parent, stored_result(sample_result(), id="b")).read_bytes()
        ),
    ),
    "no arrays": ("arrays", lambda path: array_file(path).unlink()),
    "torn arrays": (
        "arrays",
        lambda path: array_file(path).write_bytes(array_file(path).read_bytes()[:-1]),
    ),
    "other arrays": (
        "arrays",
        lambda path: array_file(path).write_bytes(array_file(path).read_bytes()[:-1] + b"\0"),
    ),
    "other form": (
        "schema",
        lambda path: results.write(path, stored_result(ScalarResult(value=1.0))),
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_reports_damage_with_a_reason(tmp_path: Path, name: str) -> None:
    """Each kind of damage has a reason, and the error names the file."""
    reason, damage = DAMAGES[name]
    path = save_result(tmp_path, stored_result(sample_result()))
    damage(path)
    with pytest.raises(results.ResultFileError, match=r"noise\.json: ") as caught:
        results.load(path, SampleResult)
    assert caught.value.reason == reason


def test_accepts_other_line_ends(tmp_path: Path) -> None:
    """A checkout with CRLF line ends is the same result."""
    path = save_result(tmp_path, stored_result(sample_result()))
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert results.load(path, SampleResult).id == "noise"


def with_digest(text: bytes) -> bytes:
    """Update the digest in the text of a result, as documented: of all lines but its own."""
    lines = text.splitlines(keepends=True)
    signed_lines = b"".join(line for line in lines if not line.startswith(b' "digest": '))
    digest = hashlib.sha256(signed_lines).hexdigest().encode()
    return re.sub(
        rb'^( "digest": ")[0-9a-f]{64}', rb"\g<1>" + digest, text, count=1, flags=re.MULTILINE
    )


@pytest.mark.parametrize("file", ["../x.safetensors", "/x.safetensors", ["x"], "noise.safetensors"])
def test_references_stay_in_their_folder(tmp_path: Path, file: object) -> None:
    """A reference to a file elsewhere is refused, even if the digest is right."""
    path = save_result(tmp_path, stored_result(ScalarResult(value=1.5)))
    reference = {"file": file, "array": "a", "shape": [1], "dtype": "float32", "sha256": ""}
    path.write_bytes(with_digest(path.read_bytes()))
    assert results.load(path, ScalarResult).result.value == 1.5
    path.write_bytes(with_digest(path.read_bytes().replace(b"1.5", json.dumps(reference).encode())))
    with pytest.raises(results.ResultFileError, match="not a file of arrays"):
        results.load(path, ScalarResult)


def test_refuses_fields_of_the_header(tmp_path: Path) -> None:
    """A result with a field of the header is refused before anything is written."""
    with pytest.raises(StoreError, match=r"ClashingResult: .* model"):
        save_result(tmp_path, stored_result(ClashingResult(model="x")))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("part", ["../x", "a/b", "", ".hidden", "a\0"])
def test_refuses_unsafe_file_names(tmp_path: Path, part: str) -> None:
    """No id, chapter or model leads to another folder."""
    with pytest.raises(StoreError):
        results.result_path(tmp_path, "tiny", "attention", part)
    with pytest.raises(StoreError):
        results.result_path(tmp_path, part, "attention", "noise")


def test_key_can_be_updated(tmp_path: Path) -> None:
    """Other versions change no byte; other code changes lines of the key and the digest."""
    path = save_result(tmp_path, stored_result(sample_result()))
    content = path.read_bytes()
    loaded = results.load(path, SampleResult)
    results.update_key(path, loaded, replace(KEY, versions={"torch": "9.9"}))
    assert path.read_bytes() == content
    results.update_key(
        path, loaded, replace(KEY, code="d" * 64, versions={"torch": "9.9", "numpy": "2.4.6"})
    )
    changed = [
        a
        for a, b in zip(content.split(b"\n"), path.read_bytes().split(b"\n"), strict=True)
        if a != b
    ]
    assert [line.split(b'"')[1] for line in changed] == [b"code", b"versions", b"digest"]
    assert results.load(path, SampleResult).key.code == "d" * 64


def assert_entry_is_one_of(path: Path, *allowed: SampleResult) -> None:
    """Assert that an entry and its arrays equal one of the results."""
    loaded = results.load(path, SampleResult).result
    assert any(not compare_results(result, loaded) for result in allowed)


def test_save_killed_at_any_step_keeps_a_whole_result(
    tmp_path: Path, killed_before_step: Kill
) -> None:
    """JSON and arrays agree after each kill, and the next save removes leftovers."""
    number = 0
    while True:
        number += 1
        root = tmp_path / str(number)
        path = save_result(root, stored_result(sample_result(1)))
        if not killed_before_step(
            lambda root=root: save_result(root, stored_result(sample_result(2))), number
        ):
            break
        assert_entry_is_one_of(path, sample_result(1), sample_result(2))
        save_result(root, stored_result(sample_result(2)))
        assert_entry_is_one_of(path, sample_result(2))
        assert len(list(path.parent.iterdir())) == 2
    assert number > 6


def test_save_killed_while_writing_keeps_a_whole_result(
    tmp_path: Path, killed_while_writing: Kill
) -> None:
    """A truncated file never has its final name."""
    for size in range(100, 5000, 700):
        path = save_result(tmp_path, stored_result(sample_result(1)))
        if killed_while_writing(
            lambda: save_result(tmp_path, stored_result(sample_result(2))), size
        ):
            assert_entry_is_one_of(path, sample_result(1))
    assert size > 4000


def test_leftovers_are_removed(tmp_path: Path, killed_before_step: Kill) -> None:
    """Partial files and old arrays are removed; the arrays of a damaged result stay."""
    path = save_result(tmp_path, stored_result(sample_result(1)))
    names = {p.name for p in path.parent.iterdir()}
    arrays = array_file(path)
    number, content = 0, arrays.read_bytes()
    while killed_before_step(
        lambda: save_result(tmp_path, stored_result(sample_result(2))), number := number + 1
    ):
        results.remove_leftovers(tmp_path)
        assert not [p for p in path.parent.iterdir() if p.name.endswith(".layerbook-tmp")]
        assert_entry_is_one_of(path, sample_result(1), sample_result(2))
        assert len(list(path.parent.iterdir())) == 2
        arrays.write_bytes(content)
        save_result(tmp_path, stored_result(sample_result(1)))
    assert {p.name for p in path.parent.iterdir()} != names
    path.write_bytes(path.read_bytes()[:-9])
    paths = sorted(path.parent.iterdir())
    results.remove_leftovers(tmp_path)
    assert sorted(path.parent.iterdir()) == paths
