"""A book laid out in memory from results that are not its own, to see what its pages would say; nothing is kept.

Pictures are not drawn: every number in them stands in the table below them too.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from layerbook.book.loader import Experiment
from layerbook.core.figures import Frames
from layerbook.core.progress import Silent
from layerbook.plotting.pool import Job, Pending, Workshop
from layerbook.site.render import build_tree
from layerbook.store.cache import Cache
from layerbook.store.project import Project, Work

COLOPHON = "colophon.html"
_NOT_SHARED = frozenset({"figures", "leaves"})
_BESIDE = re.compile(r'<span class="size">.*?</span>|<dl class="facts">.*?</dl>', re.DOTALL)
"""What a page says of files and digests rather than of the model."""
_LABEL = re.compile(r'\saria-label="([^"]*)"')
_CELL, _END = (
    re.compile(r"</t[hd]>\s*<t[hd]"),
    re.compile(r"</(?:p|li|tr|h\d|dt|dd|summary|figcaption)>"),
)
_ID, _TAG = re.compile(r'\sid="([^"]+)"'), re.compile(r"<[^<>]*>")
MARK = "\0"  # which no page has: controls are shown as pictures
_PLACE = re.compile(f"{MARK}([^{MARK}]*){MARK}")


@dataclass(frozen=True)
class Shown:
    """A place of a page that would read differently: `old` and `new` are the whole line, or the row of a table."""

    page: str
    near: str
    old: str
    new: str

    @property
    def place(self) -> str:
        """The page, and the id that last came before."""
        return f"{self.page}#{self.near}" if self.near else self.page


@dataclass(frozen=True)
class Aside(Cache):
    """Reads what the book's cache knows of formulas, writes nowhere."""

    kept: dict[tuple[str, str], bytes] = field(default_factory=dict, compare=False)

    def get_blob(self, kind: str, key: str) -> bytes | None:
        """From memory, else from the book's cache."""
        found = self.kept.get((kind, key))
        return found if found is not None or kind in _NOT_SHARED else super().get_blob(kind, key)

    def put_blob(self, kind: str, key: str, data: bytes) -> None:
        """Into memory."""
        self.kept[kind, key] = data


@dataclass(frozen=True)
class _Elsewhere(Project):
    """A project some of whose results are taken from another folder."""

    instead: Path | None = None
    aside: Cache = field(default_factory=lambda: Aside(Path()))

    @property
    def cache(self) -> Cache:
        """In memory."""
        return self.aside

    def entry(self, experiment: Experiment) -> Path:
        """The other file, where there is one."""
        own = super().entry(experiment)
        other = self.instead / own.relative_to(self.results) if self.instead else own
        return other if other.exists() else own


class _Blank(Pending):
    def result(self) -> tuple[str, ...]:
        return ("",) * (len(self.job.figure.frames) if isinstance(self.job.figure, Frames) else 1)


class Undrawn(Workshop):
    """Hands out nothing in place of pictures."""

    def begin(self, job: Job) -> Pending:
        """A job that is done at once."""
        return _Blank(job)


def pages(project: Project, work: Sequence[Work], instead: Path | None = None) -> dict[str, str]:
    """Every page of the book by its path, with the results in a folder, where it has them, instead of the book's own.

    Not the colophon: it tells which results there are, and nothing of what is in them. Raises SpecError where
    the prose does not fit them.
    """
    own = {
        name: getattr(project, name) for name in ("root", "book", "source", "fingerprint", "specs")
    }
    elsewhere = _Elsewhere(**own, instead=instead, aside=Aside(project.root))
    tree = build_tree(elsewhere, work, Silent(), Undrawn(1), ground="", fresh=True)
    return {
        path: data.decode()
        for path, data in tree.files.items()
        if path.endswith(".html") and path != COLOPHON
    }


def differing(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[Shown, ...]:
    """The places where two layings out of the book read differently, page by page."""
    found: list[Shown] = []
    for page in old.keys() | new.keys():
        mine, theirs = lines_of(old.get(page, "")), lines_of(new.get(page, ""))
        texts = [[text for _, text in side] for side in (mine, theirs)]
        if len(mine) == len(theirs):
            pairs = [(i, i + 1, i, i + 1) for i in range(len(mine)) if texts[0][i] != texts[1][i]]
        else:
            codes = SequenceMatcher(None, texts[0], texts[1], autojunk=False).get_opcodes()
            pairs = [(a, b, c, d) for tag, a, b, c, d in codes if tag != "equal"]
        for a, b, c, d in pairs:
            near = mine[a][0] if a < len(mine) else theirs[c][0]
            found.append(Shown(page, near, " / ".join(texts[0][a:b]), " / ".join(texts[1][c:d])))
    return tuple(sorted(found, key=lambda one: one.page))


def lines_of(page: str) -> list[tuple[str, str]]:
    """What a page says, line by line, rows of tables as lines; each with the id that last came before."""
    body = _BESIDE.sub("", page[page.find("<main") :])
    body = _TAG.sub(_spoken, _END.sub("\n", _CELL.sub(" | <td", body)))
    found, near = [], ""
    for line in body.split("\n"):
        ids = _PLACE.findall(line)
        near = ids[0] if ids else near
        text = " ".join(html.unescape(_PLACE.sub(" ", line)).split())
        if text:
            found.append((near, text))
        near = ids[-1] if ids else near
    return found


def _spoken(tag: re.Match[str]) -> str:
    """What stands for a tag, which may run over lines: its name for those who do not see it, and a mark of its id."""
    id, label = _ID.search(tag[0]), _LABEL.search(tag[0])
    found = f" {MARK}{id[1]}{MARK} " if id else " "
    return f"{found}{' '.join(label[1].split())} " if label else found
