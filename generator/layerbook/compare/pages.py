"""A book laid out in memory from results that are not its own, to see what its pages would say; nothing is kept.

Pictures are not drawn: every number in them stands in the table below them too.
"""

from __future__ import annotations

import html
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import SequenceMatcher
from pathlib import Path

from layerbook.book.loader import Experiment
from layerbook.core.figures import Frames
from layerbook.core.progress import SilentReporter
from layerbook.plotting.pool import DrawingJob, DrawingPool, PendingDrawing
from layerbook.site.render import render_in_memory
from layerbook.store.cache import WorkingCache
from layerbook.store.project import ExperimentStatus, Project

COLOPHON = "colophon.html"
_UNSHARED_KINDS = frozenset({"figures", "leaves"})
_FILE_FACTS = re.compile(r'<span class="size">.*?</span>|<dl class="facts">.*?</dl>', re.DOTALL)
"""What a page says of files and digests rather than of the model."""
_LABEL = re.compile(r'\saria-label="([^"]*)"')
_CELL_BREAK, _LINE_END = (
    re.compile(r"</t[hd]>\s*<t[hd]"),
    re.compile(r"</(?:p|li|tr|h\d|dt|dd|summary|figcaption)>"),
)
_ID, _TAG = re.compile(r'\sid="([^"]+)"'), re.compile(r"<[^<>]*>")
ID_MARK = "\0"  # which no page has: controls are shown as pictures
_MARKED_ID = re.compile(f"{ID_MARK}([^{ID_MARK}]*){ID_MARK}")


@dataclass(frozen=True)
class PageChange:
    """A place of a page that would read differently: `old` and `new` are the whole line, or the row of a table."""

    page: str
    anchor: str
    old: str
    new: str

    @property
    def place(self) -> str:
        """The page, and the id that last came before."""
        return f"{self.page}#{self.anchor}" if self.anchor else self.page


@dataclass(frozen=True)
class MemoryCache(WorkingCache):
    """Reads what the book's cache knows of formulas, writes nowhere."""

    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict, compare=False)

    def get_blob(self, kind: str, key: str) -> bytes | None:
        """From memory, else from the book's cache."""
        found = self.blobs.get((kind, key))
        return found if found is not None or kind in _UNSHARED_KINDS else super().get_blob(kind, key)

    def put_blob(self, kind: str, key: str, data: bytes) -> None:
        """Into memory."""
        self.blobs[kind, key] = data


@dataclass(frozen=True)
class _ProjectWithResults(Project):
    """A project some of whose results are taken from another folder."""

    results_dir: Path | None = None
    memory_cache: WorkingCache = field(default_factory=lambda: MemoryCache(Path()))

    @property
    def cache(self) -> WorkingCache:
        """In memory."""
        return self.memory_cache

    def result_path(self, experiment: Experiment) -> Path:
        """The other file, where there is one."""
        own = super().result_path(experiment)
        other = self.results_dir / own.relative_to(self.results_root) if self.results_dir else own
        return other if other.exists() else own


class _BlankDrawing(PendingDrawing):
    def result(self) -> tuple[str, ...]:
        return ("",) * (len(self.job.figure.frames) if isinstance(self.job.figure, Frames) else 1)


class NullDrawingPool(DrawingPool):
    """Hands out nothing in place of pictures."""

    def submit(self, job: DrawingJob) -> PendingDrawing:
        """A job that is done at once."""
        return _BlankDrawing(job)


def render_pages(project: Project, work: Sequence[ExperimentStatus], results_dir: Path | None = None) -> dict[str, str]:
    """Every page of the book by its path, with the results in a folder, where it has them, instead of the book's own.

    Not the colophon: it tells which results there are, and nothing of what is in them. Raises SpecError where
    the prose does not fit them.
    """
    own = {
        field.name: getattr(project, field.name) for field in fields(project)
    }
    elsewhere = _ProjectWithResults(**own, results_dir=results_dir, memory_cache=MemoryCache(project.root))
    tree = render_in_memory(elsewhere, work, SilentReporter(), NullDrawingPool(1), inputs_digest="", ignore_cache=True)
    return {
        path: data.decode()
        for path, data in tree.files.items()
        if path.endswith(".html") and path != COLOPHON
    }


def page_changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[PageChange, ...]:
    """The places where two layings out of the book read differently, page by page."""
    found: list[PageChange] = []
    for page in old.keys() | new.keys():
        mine, theirs = text_lines(old.get(page, "")), text_lines(new.get(page, ""))
        texts = [[text for _, text in side] for side in (mine, theirs)]
        if len(mine) == len(theirs):
            pairs = [(i, i + 1, i, i + 1) for i in range(len(mine)) if texts[0][i] != texts[1][i]]
        else:
            codes = SequenceMatcher(None, texts[0], texts[1], autojunk=False).get_opcodes()
            pairs = [(a, b, c, d) for tag, a, b, c, d in codes if tag != "equal"]
        for a, b, c, d in pairs:
            anchor = mine[a][0] if a < len(mine) else theirs[c][0]
            found.append(PageChange(page, anchor, " / ".join(texts[0][a:b]), " / ".join(texts[1][c:d])))
    return tuple(sorted(found, key=lambda one: one.page))


def text_lines(page: str) -> list[tuple[str, str]]:
    """What a page says, line by line, rows of tables as lines; each with the id that last came before."""
    body = _FILE_FACTS.sub("", page[page.find("<main") :])
    body = _TAG.sub(_tag_text, _LINE_END.sub("\n", _CELL_BREAK.sub(" | <td", body)))
    found, anchor = [], ""
    for line in body.split("\n"):
        ids = _MARKED_ID.findall(line)
        anchor = ids[0] if ids else anchor
        text = " ".join(html.unescape(_MARKED_ID.sub(" ", line)).split())
        if text:
            found.append((anchor, text))
        anchor = ids[-1] if ids else anchor
    return found


def _tag_text(tag: re.Match[str]) -> str:
    """What stands for a tag, which may run over lines: its name for those who do not see it, and a mark of its id."""
    id, label = _ID.search(tag[0]), _LABEL.search(tag[0])
    found = f" {ID_MARK}{id[1]}{ID_MARK} " if id else " "
    return f"{found}{' '.join(label[1].split())} " if label else found
