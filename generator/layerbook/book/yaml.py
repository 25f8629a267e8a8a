"""Read specs as YAML 1.2, within limits. Each value becomes a `Node` that knows its position."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer, MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.nodes import MappingNode, ScalarNode

from layerbook.book.node import FILE_START, Node, Position, ProblemList, display_path
from layerbook.book.parsed_files import ParsedFiles, node_from_data, node_to_data

MAX_BYTES = 1_000_000
MAX_LINE = 100_000  # characters; some tokens of YAML take quadratic time to scan
MAX_DEPTH = 20
MAX_NODES = 20_000  # keys and values; reading that many takes about a second
MAX_SIZE = 4_000_000  # characters with aliases expanded, each value counted as 16 more

# The core schema, YAML 1.2.2 section 10.3.2. ruamel also accepts dates and 1_000.
INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
# Line breaks of YAML 1.1 that editors do not count, characters that YAML forbids, and surrogates.
UNPRINTABLE = re.compile(
    "[^\\t\\n\\r\\x20-\\x7e\\xa0-\\u2027\\u202a-\\ud7ff\\ue000-\\ufffd\U00010000-\U0010ffff]"
)
LINE_BREAK = re.compile(r"\r\n|\r|\n")
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
SURROGATE = re.compile("[\ud800-\udfff]")


class _FatalProblem(Exception):
    """A problem that makes the rest of a file unreadable."""

    def __init__(self, position: Position, message: str) -> None:
        super().__init__(message)
        self.position, self.message = position, message


def read_mapping(
    path: Path, problems: ProblemList, parsed_files: ParsedFiles | None = None
) -> Node | None:
    """Return the mapping in a file; report a problem and return None if there is none.

    parsed_files: a cache, which has the trees of unchanged files. A file with problems is not kept.
    """
    message = "a spec is a mapping (`key: value`) at the top"
    return _read(path, problems, dict, message, parsed_files)


def read_list(
    path: Path, problems: ProblemList, parsed_files: ParsedFiles | None = None
) -> Node | None:
    """Return the list in a file, like `read_mapping`."""
    message = "the file is a list (`- item`) at the top"
    return _read(path, problems, tuple, message, parsed_files)


def read_front_matter(
    path: Path, problems: ProblemList, parsed_files: ParsedFiles | None = None
) -> Node | None:
    """Return the mapping between two lines of `---` at the top of a text, like `read_mapping`."""
    message = "a page without a spec begins with its title: `---`, `title: ...`, `---`"
    return _read(path, problems, dict, message, parsed_files, _front_matter)


def blank_front_matter(text: str) -> str:
    """Replace the front matter of a text by empty lines, so that all lines keep their numbers."""
    match = _FRONT_MATTER.match(text)
    return "\n" * match[0].count("\n") + text[match.end() :] if match else text


def _front_matter(text: str) -> str:
    match = _FRONT_MATTER.match(text)
    return f"\n{match[1]}" if match else ""


def _read(
    path: Path,
    problems: ProblemList,
    top: type,
    message: str,
    parsed_files: ParsedFiles | None,
    select: Callable[[str], str] = str,
) -> Node | None:
    file = display_path(path)
    try:
        text = select(_read_text(path))
        if parsed_files and (tree := parsed_files.load(str(path), text)):
            return node_from_data(tree, file, problems)
        root = _compose(text)
        node = _TreeBuilder(text, file, problems).build(root) if root is not None else None
    except _FatalProblem as problem:
        problems.add(file, problem.position, problem.message)
        return None
    if node is not None and isinstance(node.value, top):
        if parsed_files and not problems:
            parsed_files.save(str(path), text, node_to_data(node))
        return node
    position = node.position if node else FILE_START
    problems.add(file, position, message)
    return None


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _FatalProblem(FILE_START, f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise _FatalProblem(FILE_START, f"the file is larger than {MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        valid = data[: error.start].decode("utf-8").removeprefix("\ufeff")
        raise _FatalProblem(_end_position(valid), "the file is not UTF-8") from error
    if match := UNPRINTABLE.search(text):
        code = f"{ord(match[0]):04x}"
        message = f"the character U+{code.upper()} must be written \\u{code}, in double quotes"
        raise _FatalProblem(_end_position(text[: match.start()]), message)
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE:
            message = f"the line is longer than {MAX_LINE:,} characters"
            raise _FatalProblem(Position(number, MAX_LINE + 1), message)
    return text


def _end_position(text: str) -> Position:
    lines = LINE_BREAK.split(text)
    return Position(len(lines), len(lines[-1]) + 1)


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _compose(text: str) -> Any:
    """Return ruamel's node of the only document; None if there is no document."""
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _Composer
    yaml.max_depth = MAX_DEPTH
    try:
        return yaml.compose(text)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = FILE_START if mark is None else _position(mark)
        raise _FatalProblem(position, _yaml_message(error)) from error
    except YAMLError as error:
        reason = str(error).partition("\n")[0] or repr(error)
        raise _FatalProblem(FILE_START, f"not valid YAML: {reason}") from error


def _yaml_message(error: MarkedYAMLError) -> str:
    if isinstance(error, MaxDepthExceededError):
        return f"nested more than {MAX_DEPTH} deep"
    problem = str(error.problem)
    if "'\\t'" in problem:
        problem = "a tab cannot indent or separate; use spaces"
    elif error.context:
        problem = f"{error.context}, {problem}"
    return f"not valid YAML: {problem}"


class _Alias(NamedTuple):
    target: Any
    start_mark: Any


class _Composer(Composer):
    """Compose nodes, mark aliases, and reject features of YAML that specs do not use."""

    def __init__(self, loader: Any = None) -> None:
        super().__init__(loader)
        self.warn_double_anchors = False
        self.node_count = 0

    def get_single_node(self) -> Any:
        try:
            return super().get_single_node()
        except (ValueError, LookupError) as error:
            # The scanner raises plain exceptions for some broken escapes and tags.
            reader = self.loader.reader
            reason = "there is no such character" if "chr()" in str(error) else str(error)
            position = Position(reader.line + 1, reader.column + 1)
            raise _FatalProblem(position, f"not valid YAML: {reason}") from error

    def compose_document(self) -> Any:
        event = self.parser.peek_event()
        if event.version and tuple(event.version) != (1, 2):
            raise _FatalProblem(_position(event.start_mark), "specs are YAML 1.2")
        return super().compose_document()

    def compose_node(self, parent: Any, index: Any) -> Any:
        event = self.parser.peek_event()
        self.node_count += 1
        if self.node_count > MAX_NODES:
            message = f"the file has more than {MAX_NODES:,} keys and values"
            raise _FatalProblem(_position(event.start_mark), message)
        is_alias = isinstance(event, AliasEvent)
        if not is_alias and event.tag is not None:
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")[:40]
            message = f"tags are not used in specs ({tag})"
            raise _FatalProblem(_position(event.start_mark), message)
        node = super().compose_node(parent, index)
        if is_alias and node.end_mark is None:  # the anchored collection is still open
            message = f"the alias *{event.anchor} contains itself"
            raise _FatalProblem(_position(event.start_mark), message)
        return _Alias(node, event.start_mark) if is_alias else node


class _TreeBuilder:
    """Build the tree of a file from ruamel's nodes, and expand aliases."""

    def __init__(self, text: str, file: str, problems: ProblemList) -> None:
        self.text, self.file, self.problems = text, file, problems
        self.size = 0

    def build(self, yaml_node: Any) -> Node:
        position = _position(yaml_node.start_mark)
        if isinstance(yaml_node, _Alias):
            target = self.build(yaml_node.target)
            return replace(target, position=position, last_line=position.line)
        node = Node(None, position, self.file, self.problems, source_position=position)
        if isinstance(yaml_node, ScalarNode):
            self._count_size(node, len(yaml_node.value))
            return self._build_scalar(yaml_node, node)
        self._count_size(node, 0)
        if isinstance(yaml_node, MappingNode):
            node = self._build_mapping(yaml_node, node)
        else:
            node = replace(node, value=tuple(self.build(item) for item in yaml_node.value))
        last_line = max([position.line, *(child.last_line for child in node.children)])
        if yaml_node.flow_style:
            last_line = yaml_node.end_mark.line + 1
        return replace(node, last_line=last_line)

    def _count_size(self, node: Node, characters: int) -> None:
        self.size += 16 + characters
        if self.size > MAX_SIZE:
            message = f"the file with its aliases expanded exceeds {MAX_SIZE:,} characters"
            raise _FatalProblem(node.position, message)

    def _build_scalar(self, scalar: ScalarNode, node: Node) -> Node:
        source = self.text[scalar.start_mark.index : scalar.end_mark.index]
        last_line = node.position.line + source.rstrip().count("\n")
        value, reported = scalar.value, False
        if SURROGATE.search(value):
            # JSON encoders write characters beyond U+FFFF as two escapes.
            value = value.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
        if SURROGATE.search(value):
            node.add_problem("an escape is a lone surrogate, half of a character")
            value, reported = "", True
        elif not scalar.style:
            try:
                value = _resolve_plain(value)
            except ValueError as error:
                node.add_problem(str(error))
                value, reported = 0, True
        return replace(node, value=value, source=source, last_line=last_line, reported=reported)

    def _build_mapping(self, mapping: MappingNode, node: Node) -> Node:
        values: dict[str, Node] = {}
        positions: dict[str, Position] = {}
        for yaml_key, yaml_value in mapping.value:
            key, value = self.build(yaml_key), self.build(yaml_value)
            if key.reported:
                continue
            if message := _key_problem(key, positions):
                key.add_problem(message)
                continue
            if value.value is None and not value.source:
                # An empty value would have the position of the next token.
                value = replace(key, value=None, source="")
            values[key.value] = value
            positions[key.value] = key.position
        return replace(node, value=values, key_positions=positions)


def _key_problem(key: Node, positions: Mapping[str, Position]) -> str:
    if not isinstance(key.value, str):
        written = key.source if key.source.strip() else "this"
        return f"a key must be text; {written} is not, unless it is quoted"
    if key.source == "<<":
        return "merge keys (<<) are not part of YAML 1.2; write the keys out"
    if key.value in positions:
        first = positions[key.value].line
        return f"the key {key.value!r} is defined twice, first on line {first}"
    return ""


def _resolve_plain(text: str) -> Any:
    """Return the value of a plain scalar. Raises ValueError for a number that is not finite."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INTEGER.fullmatch(text) and len(text) <= 40:
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    is_float = FLOAT.fullmatch(text)
    if NOT_FINITE.fullmatch(text) or (is_float and not math.isfinite(float(text))):
        raise ValueError(f"{text if len(text) < 40 else 'this'} is not a finite number")
    return float(text) if is_float else text
