"""Read specs as YAML 1.2, within limits. Each value becomes a `Node` that knows its position."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from yaml import BaseLoader, MarkedYAMLError, YAMLError
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

from layerbook.book.node import (
    FILE_START,
    FileProblem,
    Node,
    Position,
    ProblemList,
    display_path,
)

try:
    from yaml import CBaseLoader as FastLoader
except ImportError:  # PyYAML was built without libyaml
    from yaml import BaseLoader as FastLoader

MAX_BYTES = 1_000_000
MAX_LINE = 100_000  # characters; some tokens of YAML take quadratic time to scan
MAX_DEPTH = 20
TOO_DEEP = f"nested more than {MAX_DEPTH} deep"
MAX_NODES = 20_000  # keys and values; a chapter has some hundreds
MAX_SIZE = 4_000_000  # characters with aliases expanded, each value counted as 16 more

# The core schema, YAML 1.2.2 section 10.3.2. PyYAML would accept `no`, dates and 1_000.
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
TAG_DIRECTIVE = re.compile(r"(?<![^\r\n])%TAG")  # libyaml takes quadratic time for many of them
_FRONT_MATTER = re.compile(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)
SURROGATE = re.compile("[\ud800-\udfff]")
# Both parsers stumble over some broken escapes.
PARSER_ERRORS = (YAMLError, ValueError, LookupError, OverflowError)


def read_mapping(path: Path, problems: ProblemList) -> Node | None:
    """Return the mapping in a file; report a problem and return None if there is none."""
    return _read(path, problems, dict, "a spec is a mapping (`key: value`) at the top")


def read_list(path: Path, problems: ProblemList) -> Node | None:
    """Return the list in a file, like `read_mapping`."""
    return _read(path, problems, tuple, "the file is a list (`- item`) at the top")


def read_front_matter(path: Path, problems: ProblemList) -> Node | None:
    """Return the mapping between two lines of `---` at the top of a text, like `read_mapping`."""
    message = "a page without a spec begins with its title: `---`, `title: ...`, `---`"
    return _read(path, problems, dict, message, _front_matter)


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
    select: Callable[[str], str] = str,
) -> Node | None:
    """Return the value in the part of a file that `select` returns, if its type is `top`."""
    file = display_path(path)
    try:
        text = select(_read_text(path))
        node = _TreeBuilder(text, file, problems).build_document()
    except FileProblem as problem:
        problems.add(file, problem.position, problem.message)
        return None
    if node is not None and isinstance(node.value, top):
        return node
    problems.add(file, node.position if node else FILE_START, message)
    return None


def _read_text(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise FileProblem(FILE_START, f"cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise FileProblem(FILE_START, f"the file is larger than {MAX_BYTES:,} bytes")
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        valid = data[: error.start].decode("utf-8").removeprefix("\ufeff")
        raise FileProblem(_end_position(valid), "the file is not UTF-8") from error
    if match := UNPRINTABLE.search(text):
        code = f"{ord(match[0]):04x}"
        message = f"the character U+{code.upper()} must be written \\u{code}, in double quotes"
        raise FileProblem(_end_position(text[: match.start()]), message)
    for number, line in enumerate(text.split("\n"), start=1):
        if len(line) > MAX_LINE:
            message = f"the line is longer than {MAX_LINE:,} characters"
            raise FileProblem(Position(number, MAX_LINE + 1), message)
    return text


def _end_position(text: str) -> Position:
    lines = LINE_BREAK.split(text)
    return Position(len(lines), len(lines[-1]) + 1)


def _position(mark: Any) -> Position:
    return Position(mark.line + 1, mark.column + 1)


def _parse(text: str) -> list[Any]:
    """Return the events of the only document; empty if there is no document.

    If libyaml finds a mistake, PyYAML's own parser reads the text again. It is slow, but describes
    mistakes better, and accepts escaped surrogate pairs, which JSON encoders write. It reads every
    text if there is no libyaml.
    """
    if match := TAG_DIRECTIVE.search(text):
        position = _end_position(text[: match.start()])
        raise FileProblem(position, "tags are not used in specs (%TAG)")
    try:
        return list(_events(FastLoader(text)))
    except PARSER_ERRORS as error:
        first_error = error
    try:
        return list(_events(BaseLoader(text)))
    except YAMLError as error:
        raise _syntax_problem(error) from error
    except PARSER_ERRORS:
        raise _syntax_problem(first_error) from first_error


def _events(loader: Any) -> Iterator[Any]:
    """Yield the beginnings and ends of all values, within limits."""
    nodes = depth = 0
    while loader.check_event():
        event = loader.get_event()
        position = _position(event.start_mark)
        if isinstance(event, DocumentStartEvent):
            if nodes:
                raise FileProblem(position, "a spec is one document; remove this line of `---`")
            if event.version and tuple(event.version) != (1, 2):
                raise FileProblem(position, "specs are YAML 1.2")
        elif isinstance(event, CollectionEndEvent):
            depth -= 1
            yield event
        elif isinstance(event, NodeEvent):
            nodes += 1
            if nodes > MAX_NODES:
                message = f"the file has more than {MAX_NODES:,} keys and values"
                raise FileProblem(position, message)
            if depth == MAX_DEPTH:
                raise FileProblem(position, TOO_DEEP)
            depth += isinstance(event, CollectionStartEvent)
            yield event


def _syntax_problem(error: Exception) -> FileProblem:
    if not isinstance(error, MarkedYAMLError):
        return FileProblem(FILE_START, f"not valid YAML: {error}")
    mark = error.problem_mark or error.context_mark
    problem = str(error.problem)
    if "'\\t'" in problem:
        problem = "a tab cannot indent or separate; use spaces"
    elif error.context:
        problem = f"{error.context}, {problem}"
    return FileProblem(_position(mark) if mark else FILE_START, f"not valid YAML: {problem}")


class _Value(NamedTuple):
    """A node with its aliases expanded: its characters, and the number of its levels."""

    node: Node
    size: int
    depth: int


class _TreeBuilder:
    """Build the tree of a file, and expand aliases."""

    def __init__(self, text: str, file: str, problems: ProblemList) -> None:
        self.text, self.file, self.problems = text, file, problems
        self.anchors: dict[str, _Value | None] = {}  # None while its collection is open

    def build_document(self) -> Node | None:
        """Return the value of the document; None if there is no document."""
        self.events = iter(_parse(self.text))
        event = next(self.events, None)
        return self._build(event).node if event else None

    def _build(self, event: Any) -> _Value:
        position = _position(event.start_mark)
        if isinstance(event, AliasEvent):
            return self._expand(event.anchor, position)
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")[:40]
            raise FileProblem(position, f"tags are not used in specs ({tag})")
        if event.anchor:
            self.anchors[event.anchor] = None
        build = self._build_scalar if isinstance(event, ScalarEvent) else self._build_collection
        value = build(event, position)
        if event.anchor:
            self.anchors[event.anchor] = value
        return value

    def _expand(self, anchor: str, position: Position) -> _Value:
        if anchor not in self.anchors:
            raise FileProblem(position, f"not valid YAML: found undefined alias {anchor!r}")
        value = self.anchors[anchor]
        if value is None:
            raise FileProblem(position, f"the alias *{anchor} contains itself")
        return value._replace(node=replace(value.node, position=position, last_line=position.line))

    def _build_scalar(self, event: Any, position: Position) -> _Value:
        source = self.text[event.start_mark.index : event.end_mark.index]
        value, reported = None, False
        try:
            value = _quoted_value(event.value) if event.style else _plain_value(event.value)
        except ValueError as error:
            self.problems.add(self.file, position, str(error))
            reported = True
        node = Node(
            value,
            position,
            self.file,
            self.problems,
            last_line=position.line + source.rstrip().count("\n"),
            source=source,
            source_position=position,
            reported=reported,
        )
        return _Value(node, 16 + len(source), 1)

    def _build_collection(self, start: Any, position: Position) -> _Value:
        values = []
        while not isinstance(event := next(self.events), CollectionEndEvent):
            values.append(self._build(event))
        size = 16 + sum(value.size for value in values)
        if size > MAX_SIZE:
            message = f"the file with its aliases expanded exceeds {MAX_SIZE:,} characters"
            raise FileProblem(position, message)
        depth = 1 + max((value.depth for value in values), default=0)
        if depth > MAX_DEPTH:  # of nested aliases; `_events` checks the text
            raise FileProblem(position, TOO_DEEP)
        value: Any = tuple(value.node for value in values)
        key_positions: dict[str, Position] = {}
        if isinstance(start, MappingStartEvent):
            value, key_positions = _make_mapping(value[::2], value[1::2])
        children = value.values() if isinstance(value, dict) else value
        last_line = max([position.line, *(child.last_line for child in children)])
        if start.flow_style:
            last_line = event.end_mark.line + 1
        node = Node(value, position, self.file, self.problems, last_line, key_positions)
        return _Value(node, size, depth)


def _make_mapping(
    keys: Iterable[Node], values: Iterable[Node]
) -> tuple[dict[str, Node], dict[str, Position]]:
    """Return the values of a mapping and the positions of its keys; report keys of other kinds."""
    mapping: dict[str, Node] = {}
    positions: dict[str, Position] = {}
    for key, value in zip(keys, values, strict=True):
        if key.reported:
            continue
        if message := _key_problem(key, positions):
            key.add_problem(message)
            continue
        if value.value is None and not value.source:
            # An empty value would have the position of the next token.
            value = replace(key, value=None, source="")
        mapping[key.value], positions[key.value] = value, key.position
    return mapping, positions


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


def _quoted_value(text: str) -> str:
    """Return the value of a text in quotes or a block. Raises ValueError for a lone surrogate."""
    if not SURROGATE.search(text):
        return text
    # JSON encoders write characters beyond U+FFFF as two escapes.
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "surrogatepass")
    if SURROGATE.search(text):
        raise ValueError("an escape is a lone surrogate, half of a character")
    return text


def _plain_value(text: str) -> Any:
    """Return the value of a plain scalar. Raises ValueError for a number that is not finite."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INTEGER.fullmatch(text) and len(text) <= 40:
        return int(text, 0) if text[:2] in ("0o", "0x") else int(text)
    is_float = FLOAT.fullmatch(text)
    if NOT_FINITE.fullmatch(text) or (is_float and not math.isfinite(float(text))):
        raise ValueError(f"{text if len(text) < 40 else 'this'} is not a finite number")
    return float(text) if is_float else text
