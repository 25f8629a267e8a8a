"""Commands that run a notebook from start to end: by nbclient, and as a page of a Jupyter Book.

Both programs are in an environment of their own, whose Python is the option `--jupyter`.
"""

from __future__ import annotations

import shutil
from pathlib import Path

CONFIG = "title: A notebook\nexecute:\n  execute_notebooks: force\n  timeout: -1\n"
CONTENTS = "format: jb-book\nroot: notebook\n"


def by_nbclient(python: str, notebook: Path) -> list[str]:
    """Return the command that runs a notebook and discards its outputs."""
    code = (
        "import sys, nbformat; from nbclient import NotebookClient; "
        "NotebookClient(nbformat.read(sys.argv[1], as_version=4), timeout=None).execute()"
    )
    return [python, "-c", code, str(notebook)]


def by_jupyter_book(python: str, notebook: Path, folder: Path) -> list[str]:
    """Write a book with the notebook as its page, and return the command that builds it."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "_config.yml").write_text(CONFIG, encoding="utf-8")
    (folder / "_toc.yml").write_text(CONTENTS, encoding="utf-8")
    shutil.copy(notebook, folder / "notebook.ipynb")
    return [str(Path(python).with_name("jupyter-book")), "build", "--quiet", str(folder)]
