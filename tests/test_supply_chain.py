"""Packages and vendored files: pinned versions, digests and licences."""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENDOR = ROOT / "generator" / "layerbook" / "site" / "vendor"
# SHA-256 of each licence, and the licence as the README names it.
LICENCES = {
    "huggingface-jinja": (
        "d6e7b19451c1b3d1d66353bb4b1274138953b3bfd9ae60c56e77b1f548796982",
        "MIT",
    ),
    "huggingface-tokenizers": (
        "c71d239df91726fc519c6eb72d318ec65820627232b2f796219e87dcf35d0ab4",
        "Apache-2.0",
    ),
    "temml": ("12b4e5592a12baaf50637881f2cb9d66667b26b8d51a73cd8f0d6bcefe176ab6", "MIT"),
}
ROW = re.compile(r"^\| `(\S+\.js)` \| .* \| (\S+) \| `([0-9a-f]{64})` \|$", re.MULTILINE)
PIN = re.compile(r"^([\w.-]+)==(\S+?)(?: \\)?$", re.MULTILINE)


def pins(name: str) -> dict[str, str]:
    """Return the versions in a file of constraints, by normal name."""
    pinned = PIN.findall((ROOT / name).read_text(encoding="utf-8"))
    return {re.sub("[-_.]+", "-", package).lower(): version for package, version in pinned}


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_vendored_files_are_those_that_were_reviewed() -> None:
    """Every file is in the README beside it with its digest, or is a licence."""
    rows = ROW.findall((VENDOR / "README.md").read_text(encoding="utf-8"))
    assert {name: sha256 for name, _, sha256 in rows} == {
        path.name: digest(path) for path in VENDOR.glob("*.js")
    }
    others = {path.name for path in VENDOR.iterdir() if path.suffix not in (".js", ".md")}
    assert others - {"__pycache__"} == {f"{library}-LICENSE.txt" for library in LICENCES}


def test_vendored_files_have_the_licences_that_were_reviewed() -> None:
    """A new version is a look at its licence, too."""
    rows = ROW.findall((VENDOR / "README.md").read_text(encoding="utf-8"))
    assert {
        library: (digest(VENDOR / f"{library}-LICENSE.txt"), licence)
        for library, licence in ((re.split(r"-(?=\d)", name)[0], kind) for name, kind, _ in rows)
    } == LICENCES


FONTS = ROOT / "templates" / "assets" / "fonts"
FONT_ROW = re.compile(r"^\| `(\S+\.woff2)` \| .* \| OFL-1\.1 \| `([0-9a-f]{64})` \|$", re.MULTILINE)
# SHA-256 of the licence of each font.
FONT_LICENCES = {
    "jetbrains-mono-LICENSE.txt": (
        "403581b69dac5cff4079205e01c6b467e56af449ecbd7247693ddb1baafa005b"
    ),
    "layerbook-math-LICENSE.txt": (
        "31f6001a2757547079e98ed8901e92acee9c4ac50795e82594b523f3af3f02a7"
    ),
    "source-serif-4-LICENSE.txt": (
        "e10247b156f9d26f268773f29f25c5a3084e68d5b447809863ef79096e8df27e"
    ),
}


def test_fonts_are_those_that_were_reviewed() -> None:
    """With their licences beside them; together they are smaller than a picture."""
    rows = dict(FONT_ROW.findall((VENDOR / "README.md").read_text(encoding="utf-8")))
    fonts = {path.name: path for path in FONTS.glob("*.woff2")}
    assert rows == {name: digest(path) for name, path in fonts.items()}
    licences = {path.name: digest(path) for path in FONTS.glob("*.txt")}
    assert licences == FONT_LICENCES
    assert sum(path.stat().st_size for path in fonts.values()) < 350_000


def test_every_pin_but_torch_has_a_digest() -> None:
    """torch's builds for processors and graphics cards differ, and bring other packages."""
    text = (ROOT / "constraints-hashed.txt").read_text(encoding="utf-8")
    hashed = {}
    for entry in re.split(r"\n(?=\S)", text):
        if match := PIN.search(entry):
            assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), match[0]
            hashed[match[1]] = match[2]
    expected = pins("constraints.txt")
    del expected["torch"]
    assert pins("constraints-hashed.txt") == expected
    assert len(hashed) == len(expected)


def test_no_file_of_versions_names_a_host() -> None:
    """Packages come from the index that the user has set up."""
    for name in ("constraints.txt", "constraints-hashed.txt", "Makefile"):
        assert "://" not in (ROOT / name).read_text(encoding="utf-8"), name


def run_audit(folder: Path, errors: str) -> subprocess.CompletedProcess[str]:
    """Run `make audit` with a program that reports these errors in place of pip-audit."""
    program = folder / "bin" / "pip-audit"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\ncat >&2 <<'END'\n{errors}\nEND\nexit 1\n")
    program.chmod(0o755)
    (folder / ".installed").touch()
    command = ["make", "--no-print-directory", "audit", f"AUDIT={folder}"]
    # `make test` passes its own level and options on, which change what this make prints.
    environment = {name: value for name, value in os.environ.items() if "MAKE" not in name}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_audit_fails_if_the_index_has_no_answers(tmp_path: Path) -> None:
    """A mirror that knows no vulnerabilities does not mean that there are none."""
    reason = "accelerate: Dependency not found on PyPI and could not be audited: accelerate (1.0)"
    completed = run_audit(
        tmp_path, f"WARNING:pip_audit._cli:--no-deps\nERROR:pip_audit._cli:{reason}"
    )
    assert completed.returncode
    message, *rest = completed.stderr.splitlines()
    assert message == "The index has no answer about accelerate (1.0), so nothing was audited."
    assert all(line.startswith("make: ") for line in rest)


def test_audit_shows_other_failures(tmp_path: Path) -> None:
    completed = run_audit(tmp_path, "WARNING:x:y\nFound 1 known vulnerability in 1 package")
    assert completed.returncode
    assert completed.stderr.startswith("Found 1 known vulnerability in 1 package\n")
