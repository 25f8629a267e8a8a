"""Live preview: rebuild a book when one of its files changes, and notify the open pages."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from watchfiles import watch

from layerbook.book.media import MEDIA_FOLDERS
from layerbook.core import language
from layerbook.core.errors import LayerbookError, OutsideError, Problem, SpecError, StoreError
from layerbook.core.language import gettext
from layerbook.core.paths import read_file, resolve_within
from layerbook.core.progress import Reporter
from layerbook.site.build import BuildOptions, build
from layerbook.store.project import SITE_FOLDER, TEMPLATES_FOLDER, Project, open_project
from layerbook.store.publish import MARKER_NAME, MAX_MARKER_BYTES

WATCHED_FOLDERS = ("experiments", "templates", "analyses", *MEDIA_FOLDERS)
LOOK_FOR_FOLDERS_MS = 2000
MAX_SHOWN_PROBLEMS = 20
MAX_SHOWN_BYTES = 20_000_000
"""Pages show no lines of larger files."""


@dataclass(frozen=True)
class ShownProblem:
    """A problem as pages show it; `source` is its line of the file, or ""."""

    place: str
    message: str
    source: str = ""
    column: int = 1


def _words(stale: int) -> dict[str, str]:
    """Return the texts of the panel in the current language.

    stale: the number of experiments that are out of date.
    """
    return {
        "problems": gettext("The last change is not in this page"),
        "stale": gettext("1 experiment is out of date")
        if stale == 1
        else gettext("{count} experiments are out of date", count=stale),
        "advice": gettext(
            "layerbook run measures them; layerbook serve --run does so after every change."
        ),
    }


@dataclass(frozen=True)
class PreviewState:
    """The current state of the site.

    version: a digest of the published files. problems: why the last change is not in them.
    stale: addresses of experiments whose results are missing or out of date.
    """

    version: str = ""
    problems: tuple[ShownProblem, ...] = ()
    stale: tuple[str, ...] = ()


class Preview:
    """Keeps the site of one book up to date.

    state: what open pages show, after the last build.
    """

    def __init__(self, root: Path, model: str | None, *, drafts: bool, run: bool) -> None:
        self._root, self._model, self._drafts, self._run = root, model, drafts, run
        self.state = PreviewState()
        self._project: Project | None = None
        self._language = language.ENGLISH
        self._changed = threading.Condition()

    def state_json(self) -> str:
        """Return the state on one line, with the texts of the panel, for the pages' script."""
        state = self.state
        with language.use(self._language):
            return json.dumps({**asdict(state), "words": _words(len(state.stale))})

    def wait_for_change(self, known: PreviewState, seconds: float) -> PreviewState:
        """Return the state as soon as it differs from `known`, or after some seconds."""
        with self._changed:
            self._changed.wait_for(lambda: self.state != known, timeout=seconds)
            return self.state

    def rebuild(self, reporter: Reporter, changed: Collection[Path] | None = None) -> None:
        """Bring the site up to date; a mistake in the book becomes part of the state.

        changed: the only files that can have changed; None if that is not known.
        """
        state = replace(self.state, problems=())
        try:
            project = self._open(reporter, changed)
            self._language = project.book.own_words
            result = build(project, project.site_dir, reporter, BuildOptions(run_stale=self._run))
            state = replace(state, stale=result.stale)
        except SpecError as error:
            problems = [
                self._with_source_line(problem) for problem in error.problems[:MAX_SHOWN_PROBLEMS]
            ]
            state = replace(state, problems=tuple(problems))
        except (LayerbookError, OSError) as error:
            state = replace(state, problems=(ShownProblem("layerbook", str(error)),))
        with self._changed:
            self.state = replace(state, version=self._published_version())
            self._changed.notify_all()

    def _open(self, reporter: Reporter, changed: Collection[Path] | None) -> Project:
        """Open the book; after an edit of prose alone, reuse its specs."""
        chapters = self._root / TEMPLATES_FOLDER / "chapters"
        project, self._project = self._project, None
        if project is None or not changed or not all(_is_prose(p, chapters) for p in changed):
            download = reporter if self._run else None
            project = open_project(self._root, self._model, download, drafts=self._drafts)
        self._project = project
        return project

    def follow(self, reporter: Reporter, on_rebuilt: Callable[[PreviewState], None]) -> None:
        """Rebuild after every change, until interrupted."""
        for changed in _changes(self._root):
            before = self.state
            self.rebuild(reporter, changed)
            if self.state != before:
                on_rebuilt(self.state)

    def _published_version(self) -> str:
        try:
            marker = read_file(self._root / SITE_FOLDER / MARKER_NAME, MAX_MARKER_BYTES)
        except (OSError, StoreError):
            return ""
        return hashlib.sha256(marker).hexdigest()[:16]

    def _with_source_line(self, problem: Problem) -> ShownProblem:
        location = f"{problem.file}:{problem.line}:{problem.column}"
        try:
            path = resolve_within(self._root, Path(problem.file))
            text = read_file(path, MAX_SHOWN_BYTES).decode("utf-8-sig")
            source = text.splitlines()[problem.line - 1]
        except (StoreError, OutsideError, OSError, UnicodeDecodeError, IndexError):
            source = ""
        return ShownProblem(location, problem.message, source, problem.column)


def _changes(root: Path) -> Iterator[tuple[Path, ...] | None]:
    """Yield the files that changed in the folders of a book, including new folders.

    Yields None if other files may have changed too: at the start, and after a new folder.
    """
    is_new = True
    while True:
        folders = _folders(root)
        for changes in watch(
            *folders, step=30, rust_timeout=LOOK_FOR_FOLDERS_MS, yield_on_timeout=True
        ):
            if changes or is_new:
                yield None if is_new else tuple(Path(path) for _, path in changes)
            is_new = _folders(root) != folders
            if is_new:
                break


def _is_prose(path: Path, chapters: Path) -> bool:
    """Return whether a file is the prose of a chapter with a spec, so without front matter."""
    spec = chapters.parent.parent / "experiments" / f"{path.stem}.yaml"
    is_text = path.suffix == ".md" and path.parent.absolute() == chapters.absolute()
    return is_text and spec.is_file()


def _folders(root: Path) -> list[Path]:
    return [path for name in WATCHED_FOLDERS if (path := root / name).is_dir()]
