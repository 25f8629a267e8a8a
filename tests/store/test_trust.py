"""A book's own code runs only if the user trusts it as it is."""

from __future__ import annotations

import inspect
import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner
from layerbook.cli.main import main
from layerbook.core.code_messages import translatable_copy
from layerbook.core.errors import OutsideError
from layerbook.store.trust import load_own_code, revoke, trust, trusted_folders


@pytest.fixture
def book(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a book with one file of code, and a user who trusts nothing."""
    monkeypatch.setenv("LAYERBOOK_CACHE", str(tmp_path / "cache"))
    root = tmp_path / "book"
    (root / "analyses").mkdir(parents=True)
    (root / "analyses" / "own.py").write_text("x = 1\n")
    return root


def test_code_needs_trust(book: Path) -> None:
    """The refusal names the files and the command; trust gives their content."""
    assert re.search(rf"analyses/own\.py; .*`layerbook trust {book}`", load_own_code(book).refusal)
    assert trust(book) == ("analyses/own.py",)
    trusted = load_own_code(book)
    assert (trusted.refusal, trusted.files) == ("", {"own.py": b"x = 1\n"})


@pytest.mark.parametrize("name", ["own.py", "other.py", "more/data.so"])
def test_trust_ends_when_the_code_changes(book: Path, name: str) -> None:
    """After a file of any kind is changed or added, it is no longer the code that the user read."""
    trust(book)
    path = book / "analyses" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("x = 2\n")
    assert "trust" in load_own_code(book).refusal


def test_translated_code_is_the_trusted_code(book: Path) -> None:
    """A pull could change a file between its import and its translation."""
    trust(book)
    module = load_own_code(book).load("own")
    (book / "analyses" / "own.py").write_text("raise SystemExit\n")
    assert vars(translatable_copy(module))["x"] == 1
    assert inspect.getsource(module) == "x = 1\n"


def test_renamed_or_copied_book_needs_new_trust(book: Path) -> None:
    """Neither the folder nor the names of files can change."""
    trust(book)
    moved = book.rename(book.with_name("moved"))
    assert load_own_code(moved).refusal
    trust(moved)
    (moved / "analyses" / "own.py").rename(moved / "analyses" / "b.py")
    assert load_own_code(moved).refusal


def test_book_without_code_needs_no_trust(tmp_path: Path) -> None:
    assert load_own_code(tmp_path).refusal == ""
    assert load_own_code(tmp_path).files == {}
    assert trust(tmp_path) == ()


def test_code_outside_the_book_is_refused(book: Path) -> None:
    (book / "analyses" / "link.py").symlink_to(__file__)
    with pytest.raises(OutsideError):
        trust(book)


def test_only_the_user_reads_the_list(book: Path, tmp_path: Path) -> None:
    """With a damaged list, nothing is trusted."""
    trust(book)
    file = tmp_path / "cache" / "trust.json"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    file.write_text("[" * 100_000)
    assert load_own_code(book).refusal


def test_trust_is_revoked(book: Path) -> None:
    trust(book)
    assert trusted_folders() == (str(book.resolve()),)
    assert revoke(book)
    assert not revoke(book)
    assert load_own_code(book).refusal


def test_trust_command_lists_and_revokes(book: Path) -> None:
    """`trust` names the files, `--list` the books, `--revoke` ends it."""

    def output(*arguments: str) -> str:
        result = CliRunner().invoke(main, ["trust", *arguments])
        assert result.exit_code == 0
        return result.output

    assert output("--list") == ""
    assert output(str(book)).startswith("analyses/own.py\n")
    assert output("--list").strip() == str(book.resolve())
    assert "not trusted any longer" in output("--revoke", str(book))
    assert output("--list") == ""
    assert "nothing to trust" in output(str(book.parent))
