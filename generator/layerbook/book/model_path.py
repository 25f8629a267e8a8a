"""Find a model's files in the folder of its book, whatever the working directory is."""

from __future__ import annotations

from pathlib import Path


def book_folder(spec: Path) -> Path:
    """Return the folder of a spec's book, or of the spec itself if it is in no book."""
    folder = spec.parent
    return folder.parent if (folder / "book.yaml").is_file() else folder


def locate_model(name: str, folder: Path) -> str:
    """Return the absolute path of a model in the book's folder; any other name unchanged."""
    path = folder / name
    is_model = (path / "config.json").is_file() or (path.suffix == ".gguf" and path.is_file())
    return str(path.absolute()) if is_model else name
