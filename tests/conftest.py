"""Models and small books that tests of several packages share."""

from __future__ import annotations

import os
import shutil
import signal
from multiprocessing.context import ForkServerContext
from pathlib import Path

import pytest
from fixtures.build_states import BookState, clean_states
from fixtures.killing import forkserver_context, skip_sync
from fixtures.small_book import layerbook, write_small_book
from fixtures.sweep_book import write_sweep_book
from fixtures.tiny_llama import write_tiny_model
from hypothesis import HealthCheck, settings

# On a busy machine a single example can take seconds.
settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("any machine")

# A shell starts background jobs with SIGINT ignored. Commands that the tests interrupt would
# inherit this and never end.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No test survives a power failure, so none needs to wait for the disk.
os.fsync = skip_sync


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start long files first, so that the last process is not left alone with one of them."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def tiny_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a tiny random Llama: 2 layers, d_model 32, 4 heads in 2 groups, 320
    tokens.
    """
    return write_tiny_model(tmp_path_factory.mktemp("tiny-llama"))


@pytest.fixture(scope="session")
def real_model_dir() -> Path:
    """The default model, converted, in the user's cache; downloaded where it is not there yet."""
    from layerbook.model import sources

    return sources.resolve(sources.DEFAULT_MODEL).prepare()


# Books for all tests of a session. A test that changes one takes a copy.


@pytest.fixture(scope="session")
def book_with_results(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book with its results, not rendered."""
    folder = write_small_book(tmp_path_factory.mktemp("small-book"), tiny_model_dir)
    layerbook("run", "--quiet", cwd=folder, check=True)
    return folder


@pytest.fixture(scope="session")
def built_book(book_with_results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book with its results and its site."""
    folder = shutil.copytree(book_with_results, tmp_path_factory.mktemp("built") / "book")
    layerbook("build", "--quiet", cwd=folder, check=True)
    return folder


@pytest.fixture(scope="session")
def built_sweep_book(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small book with a sweep, its results and its site."""
    folder = write_sweep_book(write_small_book(tmp_path_factory.mktemp("sweep"), tiny_model_dir))
    layerbook("build", "--quiet", cwd=folder, check=True)
    return folder


# Books that a test may change.


@pytest.fixture
def small_book(tiny_model_dir: Path, tmp_path: Path) -> Path:
    """The sources of the small book."""
    return write_small_book(tmp_path / "book", tiny_model_dir)


@pytest.fixture
def book(book_with_results: Path, tmp_path: Path) -> Path:
    """A copy of the book with results, its working cache included."""
    return shutil.copytree(book_with_results, tmp_path / "book")


@pytest.fixture(scope="session")
def forkserver() -> ForkServerContext:
    """Return the context of child processes that build a book."""
    return forkserver_context()


@pytest.fixture(scope="session")
def states(
    forkserver: ForkServerContext, tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[BookState, BookState]:
    """Build a book in two states of its sources, each from nothing."""
    return clean_states(forkserver, tiny_model_dir, tmp_path_factory.mktemp("states"))
