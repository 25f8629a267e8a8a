"""Progress on a terminal and elsewhere."""

from __future__ import annotations

import pytest
from layerbook.core.progress import LineReporter, TerminalReporter


@pytest.mark.parametrize("reporter", [LineReporter(), TerminalReporter()])
def test_titles_and_prompts_are_printed_as_text(
    reporter: LineReporter, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither markup of rich nor escape sequences of a terminal are interpreted."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with reporter.task("[INST] title [/INST] \x1b]0;owned\x07", 2) as task:
        task.set_status("chapter [/b] \x1b[2J")
        task.advance()
    reporter.info("info [/INST] \x1b[2J")
    errors = capsys.readouterr().err
    assert "[INST] title [/INST]" in errors and "info [/INST] \\u001b[2J" in errors
    assert "\x1b]0;" not in errors and "\x1b[2J" not in errors and "\x07" not in errors
