"""YAML as specs read it: the core schema of 1.2, places of everything, and nothing too big, deep or odd."""

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layerbook.book.dump import dump_list_item
from layerbook.book.yaml import MAX_BYTES, MAX_DEPTH, MAX_LINE, SpecFile
from ruamel.yaml import YAML


def read(path, text):
    """The tree of a text, which must be free of problems."""
    path.write_bytes(text.encode())
    file = SpecFile(path)
    node = file.read()
    assert file.problems == []
    return node


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(
            ("1e4", 1e4),
            ("1.5", 1.5),
            (".5", 0.5),
            ("-2E-3", -2e-3),
            ("1.", 1.0),
            ("12", 12),
            ("-3", -3),
            ("+4", 4),
        ),
        *(
            ("0x1F", 31),
            ("0o17", 15),
            ("010", 10),
            ("true", True),
            ("False", False),
            ("null", None),
            ("~", None),
        ),
        *(
            ("no", "no"),
            ("yes", "yes"),
            ("on", "on"),
            ("12:30", "12:30"),
            ("2024-01-01", "2024-01-01"),
        ),
        *(("1_000", "1_000"), ("'12'", "12"), ('"true"', "true"), ("tRue", "tRue"), ("1e", "1e")),
    ],
)
def test_scalars_follow_the_core_schema_of_yaml_1_2(tmp_path, written, meant):
    """`1e4` is a number, `no` and `12:30` are text, as section 10.3.2 of YAML 1.2.2 has it."""
    value = read(tmp_path / "a.yaml", f"a: {written}\n").to_python()["a"]

    assert value == meant
    assert type(value) is type(meant)


def test_every_value_and_key_knows_its_place(tmp_path):
    """Lines and columns count from 1, within flow and block, after a byte order mark and characters beyond ASCII."""
    node = read(
        tmp_path / "a.yaml", "\ufeffé: [1, {b: '🙂x', c: d}]\n\nk:\n  - x\n  -   y\ne:\nf: 1\n"
    )
    inner = node.value["é"].value[1]

    assert node.position == (1, 1)
    assert node.value["é"].position == (1, 4)
    assert inner.position == (1, 8)
    assert inner.value["c"].position == (1, 21)
    assert inner.key_positions["c"] == (1, 18)
    assert node.value["k"].value[1].position == (5, 7)
    assert node.value["e"].position == (6, 1)  # an empty value stands where its key does


def test_an_alias_has_its_own_place_and_its_inside_the_anchors(tmp_path):
    """The alias is where the reader would change it; its elements are where they are written."""
    node = read(tmp_path / "a.yaml", "a: &x [1, 2]\nb: *x\n")

    assert node.value["b"].position == (2, 4)
    assert node.value["b"].value[1].position == (1, 11)
    assert node.to_python() == {"a": [1, 2], "b": [1, 2]}


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("a: one two", (1, 8)),
        ("a: 'one two'", (1, 9)),
        ('a: "on\\"e two"', (1, 11)),
        ("a: 'it''s two'", (1, 11)),
        ("a: >-\n  one\n\n  two", (4, 3)),
        ("a: | # note\n    one\n    two", (3, 5)),
        ("a: one\n  two", (2, 3)),
        ("a: &x one two", (1, 11)),
        ('a: "\\u00e9ne two"', (1, 14)),
    ],
)
def test_a_place_inside_a_text_is_found_in_every_style(tmp_path, text, position):
    """The word `two` is found in the file, whatever quoting and folding stand before it."""
    node = read(tmp_path / "a.yaml", text).value["a"]

    assert node.position_in_text(node.value.index("two")) == position


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("a: 1\nb: 2\na: 3\n", "3:1: the key 'a' is here twice; it is first on line 1"),
        ("a: {b: 1, 'b': 2}\n", "1:11: the key 'b' is here twice; it is first on line 1"),
        ("a: *b\n", "1:4: the alias *b has no anchor before it"),
        ("a: &b [*b]\n", "1:8: the alias *b contains itself"),
        (
            "a: !!python/name:os.system 1\n",
            "1:4: tags are not used in specs (!!python/name:os.system)",
        ),
        ("a: !x 1\n", "1:4: tags are not used in specs (!x)"),
        ("1: a\n", "1:1: a key must be text; 1 is not, unless it is quoted"),
        ("[a]: b\n", "1:1: a key must be text; this is not, unless it is quoted"),
        (
            "a: &x {b: 1}\nc:\n  <<: *x\n",
            "3:3: merge keys (<<) are not part of YAML 1.2; write the keys out",
        ),
        ("a: 1\n---\nb: 1\n", "2:1: a second document begins here; a spec is one document"),
        ("%YAML 1.1\n---\na: 1\n", "2:1: specs are YAML 1.2"),
        ("- a\n", "1:1: a spec is a mapping (`key: value`) at the top"),
        ("a\n", "1:1: a spec is a mapping (`key: value`) at the top"),
        ("", "1:1: a spec is a mapping (`key: value`) at the top"),
        ("# only a comment\n", "1:1: a spec is a mapping (`key: value`) at the top"),
        ("a: .inf\n", "1:4: .inf is not a finite number"),
        ("a: [1e999]\n", "1:5: 1e999 is not a finite number"),
        ("a:\n\tb: 1\n", "2:1: not valid YAML: a tab cannot indent or separate; use spaces"),
        (
            "a: [1, 2\nb: 3\n",
            "2:2: not valid YAML: expected ',' or ']', but got ':' (while parsing a flow sequence)",
        ),
        ("a: b: c\n", "1:5: not valid YAML: mapping values are not allowed here"),
        (
            "a: 'x\n",
            "2:1: not valid YAML: found unexpected end of stream (while scanning a quoted scalar)",
        ),
        (
            'a: "\\q"\n',
            "1:6: not valid YAML: found unknown escape character 'q' (while scanning a double-quoted scalar)",
        ),
        ('a: "\\ud800"\n', "1:4: an escape gives half a character (a lone surrogate)"),
        ("a: b\x07c\n", "1:5: the character U+0007 must be written \\u0007, in double quotes"),
        (
            "a: é\nb: x\u2028y\n",
            "2:5: the character U+2028 must be written \\u2028, in double quotes",
        ),
    ],
)
def test_what_a_spec_cannot_be_is_told_at_its_place(tmp_path, text, wanted):
    """Syntax errors and the parts of YAML that specs leave out."""
    path = tmp_path / "a.yaml"
    path.write_bytes(text.encode())
    file = SpecFile(path)
    file.read()

    assert [str(problem).removeprefix(f"{file.name}:") for problem in file.problems] == [wanted]


def test_bytes_that_are_not_utf8_are_told_at_their_place(tmp_path):
    """Latin-1 is a common slip."""
    path = tmp_path / "a.yaml"
    path.write_bytes("a: 1\nb: né".encode("latin-1"))
    file = SpecFile(path)

    assert file.read() is None
    assert [(p.line, p.column, p.message) for p in file.problems] == [
        (2, 5, "the file is not UTF-8")
    ]


def test_a_file_that_is_not_there_is_a_problem_like_any_other(tmp_path):
    """No traceback for a wrong path, nor for a folder."""
    for path in (tmp_path / "missing.yaml", tmp_path):
        file = SpecFile(path)
        assert file.read() is None
        assert file.problems[0].message.startswith("cannot be read: ")


def _bomb() -> str:
    levels = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 12))
    return "l0: &l0 [x, x, x]\n" + levels


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (_bomb(), "aliases written out"),
        ("a: &a " + "x" * 90_000 + "\nb: [" + "*a, " * 5000 + "]\n", "aliases written out"),
        ("a: " + "[" * (MAX_DEPTH + 1), "deep"),
        ("a: " + "[" * 90_000, "deep"),
        ("a:\n" + "".join(f"{' ' * i}- \n" for i in range(1, 60)), "deep"),
        ("a: " + "{a: " * 20_000, "deep"),
        ("a: 1\n" + "#" * MAX_BYTES, "larger than 1,000,000 bytes"),
        ("a: " + "x" * MAX_LINE, "longer than 100,000 characters"),
        ("a: 1\nb: !" + "!" * MAX_LINE, "longer than 100,000 characters"),
    ],
)
def test_bombs_are_refused_before_they_grow(tmp_path, text, word):
    """Ten levels of nine aliases are 3.5 billion values; none of them is made."""
    path = tmp_path / "a.yaml"
    path.write_text(text, encoding="utf-8")
    file = SpecFile(path)
    started = time.process_time()

    assert file.read() is None
    assert any(word in problem.message for problem in file.problems)
    assert time.process_time() - started < 5


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
@settings(deadline=None)
def test_any_text_gives_a_mapping_or_problems(tmp_path_factory, text):
    """Whatever is in the file, reading it ends in one of the two."""
    file = _fuzzed(tmp_path_factory, text)
    node = file.read()

    assert isinstance(node.value, dict) if node else file.problems


yaml_pieces = st.lists(
    st.sampled_from(
        [*"abc:-,?[]{}#&*!|>'\"%@` \n\t\\0123.eE~<", "\n  ", ": ", "- ", "&a ", "*a", "!!str "]
    )
)


@given(yaml_pieces.map("".join))
@settings(deadline=None)
def test_any_mix_of_yamls_own_signs_gives_a_mapping_or_problems(tmp_path_factory, text):
    """The same for text that comes near to being YAML."""
    file = _fuzzed(tmp_path_factory, text)
    node = file.read()

    assert isinstance(node.value, dict) if node else file.problems


def _fuzzed(factory, text):
    path = factory.getbasetemp() / "fuzz.yaml"
    path.write_bytes(text.encode())
    return SpecFile(path)


scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**15), 10**15)
    | st.floats(allow_nan=False, allow_infinity=False)
)
printable = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), max_size=30)
texts = printable | st.sampled_from(
    ["no", "1e4", "12", "", " ", "null", "- a", "a: b", "# c", "line\nline", "\tx\n", "0o7"]
)
plain_data = st.recursive(scalars | texts, lambda inner: st.lists(inner, max_size=4), max_leaves=8)


@given(st.dictionaries(st.sampled_from(["a", "b", "top_k", "no"]), plain_data, max_size=3))
@settings(deadline=None)
def test_what_is_written_for_the_page_reads_back_as_it_was(tmp_path_factory, data):
    """The canonical spec can be pasted into a chapter; ruamel's own reader gives the same."""
    text = dump_list_item({"id": "x"} | data)
    path = tmp_path_factory.getbasetemp() / "round.yaml"
    file = SpecFile(path)
    path.write_bytes(f"e:\n{text}".encode())
    node = file.read()

    assert node is not None, (text, file.problems)
    assert node.to_python() == {"e": [{"id": "x"} | data]}
    assert all(math.isfinite(v) for v in data.values() if isinstance(v, float))
    assert YAML(typ="safe", pure=True).load(text) == [{"id": "x"} | data]
