"""Check the subtitles of videos: WebVTT files."""

from __future__ import annotations

import re

MAX_BYTES = 200_000
_TIME = r"(?:\d{2,}:)?[0-5]\d:[0-5]\d\.\d{3}"
_CUE = re.compile(rf"{_TIME}[ \t]+-->[ \t]+{_TIME}(?:[ \t].*)?")
_LANGUAGE = re.compile(r"\.([A-Za-z]{2,3}(?:-[A-Za-z0-9]{1,8})*)\.vtt$")


def check_webvtt(content: bytes) -> None:
    """Check a file of subtitles. Raises ValueError with the first mistake and its line."""
    if len(content) > MAX_BYTES:
        raise ValueError(f"is larger than {MAX_BYTES // 1000} kB")
    try:
        lines = content.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ValueError("is not UTF-8") from error
    if not lines or not re.fullmatch(r"WEBVTT(?:[ \t].*)?", lines[0]):
        raise ValueError("does not begin with the line WEBVTT")
    timings = [(number, line) for number, line in enumerate(lines, start=1) if "-->" in line]
    if not timings:
        raise ValueError("has no line like 00:01.000 --> 00:04.000")
    for number, line in timings:
        if not _CUE.fullmatch(line.strip()):
            raise ValueError(f"line {number} should look like 00:01.000 --> 00:04.000")


def language_of(path: str, default: str) -> str:
    """Return the language in the name of a file: `de` for `head.de.vtt`."""
    match = _LANGUAGE.search(path)
    return match[1] if match else default
