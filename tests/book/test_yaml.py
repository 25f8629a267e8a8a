"""Specs as YAML: the core schema of 1.2, positions, and limits of size and depth."""

import json
import math
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from layerbook.book.node import ProblemList
from layerbook.book.yaml import MAX_BYTES, MAX_DEPTH, MAX_LINE, read_mapping
from layerbook.book.yaml_writer import dump_list_item
from ruamel.yaml import YAML


def read_with_problems(path, content):
    """Read a file with this text; return its node and its problems without the file's name."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    problems = ProblemList()
    node = read_mapping(path, problems)
    return node, [f"{p.line}:{p.column}: {p.message}" for p in problems]


def read(path, text):
    """Read a text that has no problems."""
    node, problems = read_with_problems(path, text)
    assert problems == []
    return node


@pytest.mark.parametrize(
    ("source", "value"),
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
def test_scalars_follow_the_core_schema_of_yaml_1_2(tmp_path, source, value):
    """`1e4` is a number, `no` and `12:30` are text, as section 10.3.2 of YAML 1.2.2 has it."""
    parsed = read(tmp_path / "a.yaml", f"a: {source}\n").to_python()["a"]

    assert parsed == value
    assert type(parsed) is type(value)


def test_values_and_keys_have_positions(tmp_path):
    """Flow collections, byte order marks and characters beyond ASCII do not shift them."""
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


def test_alias_has_its_own_position_and_its_elements_those_of_the_anchor(tmp_path):
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
def test_position_in_text_for_every_scalar_style(tmp_path, text, position):
    """Finds the word `two` whatever quoting and folding come before it."""
    node = read(tmp_path / "a.yaml", text).value["a"]

    assert node.position_in_text(node.value.index("two")) == position


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3\n", "3:1: the key 'a' is defined twice, first on line 1"),
        ("a: {b: 1, 'b': 2}\n", "1:11: the key 'b' is defined twice, first on line 1"),
        ("a: *b\n", "1:4: not valid YAML: found undefined alias 'b'"),
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
        ("a: 1\n---\nb: 1\n", "2:1: a spec is one document; remove this line of `---`"),
        ("%YAML 1.1\n---\na: 1\n", "1:1: specs are YAML 1.2"),
        ("- a\n", "1:1: a spec is a mapping (`key: value`) at the top"),
        ("a\n", "1:1: a spec is a mapping (`key: value`) at the top"),
        ("", "1:1: a spec is a mapping (`key: value`) at the top"),
        ("# only a comment\n", "1:1: a spec is a mapping (`key: value`) at the top"),
        ("a: .inf\n", "1:4: .inf is not a finite number"),
        ("a: [1e999]\n", "1:5: 1e999 is not a finite number"),
        ("a:\n\tb: 1\n", "2:1: not valid YAML: a tab cannot indent or separate; use spaces"),
        (
            "a: [1, 2\nb: 3\n",
            "2:2: not valid YAML: while parsing a flow sequence, expected ',' or ']', but got ':'",
        ),
        ("a: b: c\n", "1:5: not valid YAML: mapping values are not allowed here"),
        (
            "a: 'x\n",
            "2:1: not valid YAML: while scanning a quoted scalar, found unexpected end of stream",
        ),
        (
            'a: "\\q"\n',
            "1:6: not valid YAML: while scanning a double-quoted scalar,"
            " found unknown escape character 'q'",
        ),
        ('a: "\\ud800"\n', "1:4: an escape is a lone surrogate, half of a character"),
        ('a: "\\ude00\\ud83d"\n', "1:4: an escape is a lone surrogate, half of a character"),
        ('"\\ud800": 1\n', "1:1: an escape is a lone surrogate, half of a character"),
        (
            'a: 1\nb: ["x", "\\U00110000"]\n',
            "2:13: not valid YAML: while parsing a quoted scalar,"
            " found invalid Unicode character escape code",
        ),
        (
            'a: "\\UFFFFFFFF"\n',
            "1:7: not valid YAML: while parsing a quoted scalar,"
            " found invalid Unicode character escape code",
        ),
        (
            "a: !<%C0%80> b\n",
            "1:6: not valid YAML: while scanning a tag,"
            " 'utf-8' codec can't decode byte 0xc0 in position 0: invalid start byte",
        ),
        ("# x\n%TAG !e! tag:x:\n---\na: 1\n", "2:1: tags are not used in specs (%TAG)"),
        ("a: b\x07c\n", "1:5: the character U+0007 must be written \\u0007, in double quotes"),
        (
            "a: é\nb: x\u2028y\n",
            "2:5: the character U+2028 must be written \\u2028, in double quotes",
        ),
    ],
)
def test_reports_invalid_yaml_at_its_position(tmp_path, text, problem):
    """Syntax errors and the parts of YAML that specs do not use."""
    _, problems = read_with_problems(tmp_path / "a.yaml", text)

    assert problems == [problem]


def test_reports_all_problems_of_a_file_at_once(tmp_path):
    """A value that cannot be read does not hide the next one."""
    _, problems = read_with_problems(tmp_path / "a.yaml", "a: .inf\nb: 1\nb: .nan\n1: x\n")

    assert [problem.partition(": ")[0] for problem in problems] == ["1:4", "3:4", "3:1", "4:1"]


def test_reports_bytes_that_are_not_utf8(tmp_path):
    """Latin-1 is a common mistake."""
    path = tmp_path / "a.yaml"

    assert read_with_problems(path, "a: 1\nb: né".encode("latin-1")) == (
        None,
        ["2:5: the file is not UTF-8"],
    )


def test_reports_a_missing_file_and_a_folder(tmp_path):
    for path in (tmp_path / "missing.yaml", tmp_path):
        problems = ProblemList()
        assert read_mapping(path, problems) is None
        (problem,) = problems
        assert problem.message.startswith("cannot be read: ")


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        (
            "a:\n  - id: x\n    b: 1\n\n  # comment\n  - id: y\n    c: |\n      # no comment\n\n",
            2,
            3,
        ),
        ("a:\n- id: x\n  b: >\n    text\n\n    more\n- id: y\n", 2, 6),
        ("a:\n  - {id: x, b: [1,\n      2]}\n  - id: y\nz: 1\n", 2, 3),
        ("a:\n  - id: x", 2, 2),
        ("b: &b [1]\na:\n  - id: x\n    b: *b\n    c:\n\nz: 1\n", 3, 5),
    ],
)
def test_last_line_of_an_item(tmp_path, text, first, last):
    """Blank lines and comments after an item do not belong to it."""
    item = read(tmp_path / "a.yaml", text).value["a"].value[0]

    assert (item.position.line, item.last_line) == (first, last)


def _bomb() -> str:
    levels = "".join(f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]\n" for i in range(1, 12))
    return "l0: &l0 [x, x, x]\n" + levels


@pytest.mark.parametrize(
    ("text", "word"),
    [
        (_bomb(), "aliases expanded"),
        ("a: &a " + "x" * 90_000 + "\nb: [" + "*a, " * 5000 + "]\n", "aliases expanded"),
        ("a: " + "[" * (MAX_DEPTH + 1), "deep"),
        ("a: " + "[" * 90_000, "deep"),
        ("a:\n" + "".join(f"{' ' * i}- \n" for i in range(1, 60)), "deep"),
        ("a0: &a0 [x]\n" + "".join(f"a{i}: &a{i} [*a{i - 1}]\n" for i in range(1, 3000)), "deep"),
        ("a: " + "{a: " * 20_000, "deep"),
        ("a: 1\n" + "#" * MAX_BYTES, "larger than 1,000,000 bytes"),
        ("a: " + "x" * MAX_LINE, "longer than 100,000 characters"),
        ("a: 1\nb: !" + "!" * MAX_LINE, "longer than 100,000 characters"),
    ],
)
def test_refuses_alias_bombs_without_expanding_them(tmp_path, text, word):
    """Ten levels of nine aliases are 3.5 billion values, more than any memory holds."""
    node, problems = read_with_problems(tmp_path / "a.yaml", text)

    assert node is None
    assert any(word in problem for problem in problems)


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
@settings(deadline=None)
def test_any_text_gives_a_mapping_or_problems(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    node, problems = read_with_problems(path, text)

    assert isinstance(node.value, dict) if node else problems


yaml_pieces = st.lists(
    st.sampled_from(
        [*"abc:-,?[]{}#&*!|>'\"%@` \n\t\\0123.eE~<", "\n  ", ": ", "- ", "&a ", "*a", "!!str "]
    )
)


@given(yaml_pieces.map("".join))
@settings(deadline=None)
def test_any_mix_of_yaml_syntax_gives_a_mapping_or_problems(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    node, problems = read_with_problems(path, text)

    assert isinstance(node.value, dict) if node else problems


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
long_texts = st.lists(st.sampled_from(["word", " ", "  ", "\n", "\\", "🦉", '"'])).map(
    lambda parts: "a few words " * 8 + "".join(parts) * 5
)
plain_data = st.recursive(
    scalars | texts | long_texts, lambda inner: st.lists(inner, max_size=4), max_leaves=8
)


@given(st.dictionaries(st.sampled_from(["a", "b", "top_k", "no"]), plain_data, max_size=3))
@settings(deadline=None)
def test_dumped_specs_read_back_equal(tmp_path_factory, data):
    """The canonical spec can be pasted into a chapter, and another loader agrees."""
    text = dump_list_item({"id": "x"} | data)
    path = tmp_path_factory.getbasetemp() / "round.yaml"
    node, problems = read_with_problems(path, f"e:\n{text}")

    assert node is not None, (text, problems)
    assert node.to_python() == {"e": [{"id": "x"} | data]}
    assert all(math.isfinite(v) for v in data.values() if isinstance(v, float))
    assert YAML(typ="safe", pure=True).load(text) == [{"id": "x"} | data]


def test_joins_a_surrogate_pair(tmp_path):
    """JSON encoders write a character beyond U+FFFF as two escapes."""
    written = json.dumps({"a": "x😀y\ufeff", "😀": ["🦉🦉"]})
    assert "\\ud83d\\ude00" in written
    node, problems = read_with_problems(tmp_path / "a.yaml", written)
    assert problems == []
    assert node.to_python() == json.loads(written)


WITHOUT_LIBYAML = """\
import sys
from pathlib import Path
sys.modules["yaml._yaml"] = None  # as if PyYAML had been built without libyaml
from layerbook.book.node import ProblemList
from layerbook.book.yaml import read_mapping
for name in sys.argv[1:]:
    problems = ProblemList()
    print(read_mapping(Path(name), problems), list(problems))
"""


def test_reads_the_same_without_libyaml(tmp_path: Path) -> None:
    """PyYAML's own parser reads the same values at the same positions, and reports mistakes."""
    broken = tmp_path / "broken.yaml"
    broken.write_text('a: "\\UFFFFFFFF"\n')
    specs = sorted((Path(__file__).parents[2] / "experiments").glob("*.yaml"))
    completed = subprocess.run(
        [sys.executable, "-c", WITHOUT_LIBYAML, *map(str, specs), str(broken)],
        capture_output=True,
        text=True,
        check=True,
    )
    *nodes, last = completed.stdout.splitlines()
    assert nodes == [f"{read_mapping(spec, ProblemList())} []" for spec in specs]
    assert last.startswith("None [Problem(") and "not valid YAML" in last
