"""A notebook run from its start to its end by nbclient, and as the only page of a Jupyter Book.

Both programs are in an environment of their own, whose Python `make bench` is told; the notebook
is the lecture's, or any other.
"""

from __future__ import annotations

import shutil
from pathlib import Path

CONFIG = "title: A notebook\nexecute:\n  execute_notebooks: force\n  timeout: -1\n"
CONTENTS = "format: jb-book\nroot: notebook\n"


def by_nbclient(python: str, notebook: Path) -> list[str]:
    """Return the command that runs a notebook and writes it with its outputs nowhere."""
    code = (
        "import sys, nbformat; from nbclient import NotebookClient; "
        "NotebookClient(nbformat.read(sys.argv[1], as_version=4), timeout=None).execute()"
    )
    return [python, "-c", code, str(notebook)]


def by_jupyter_book(python: str, notebook: Path, folder: Path) -> list[str]:
    """Write a book with the notebook as its page, and return the command that builds it anew."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "_config.yml").write_text(CONFIG, encoding="utf-8")
    (folder / "_toc.yml").write_text(CONTENTS, encoding="utf-8")
    shutil.copy(notebook, folder / "notebook.ipynb")
    return [str(Path(python).with_name("jupyter-book")), "build", "--quiet", str(folder)]
