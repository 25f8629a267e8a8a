"""The documents are true: examples load, commands exist, and paths lead to files."""

from __future__ import annotations

import re
from pathlib import Path

import layerbook as lb
import pytest
from fixtures.files import write_files
from fixtures.small_book import layerbook
from layerbook.store.trust import revoke, trust

ROOT = Path(__file__).resolve().parent.parent
NOT_A_FILE = re.compile("NAME|my_analysis|capitals|guide/site")  # examples, and built files
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
SECURITY = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")


def test_chapter_in_the_readme_is_a_valid_spec(tiny_model_dir: Path, tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert example
    (tmp_path / "capitals.yaml").write_text(example[1], encoding="utf-8")
    layerbook(
        "run",
        "capitals.yaml",
        "--out",
        "results",
        "--model",
        tiny_model_dir,
        cwd=tmp_path,
        check=True,
    )
    assert (tmp_path / "results" / "france.json").is_file()


def test_error_in_the_readme_is_the_one_reported(tiny_model_dir: Path, tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)
    shown = re.search(r"^experiments/capitals\.yaml:(\d+:\d+: .*)$", README, re.MULTILINE)
    assert example and shown
    (tmp_path / "capitals.yaml").write_text(example[1].replace("top_k", "top_q"), encoding="utf-8")
    completed = layerbook("check", "capitals.yaml", "--model", tiny_model_dir, cwd=tmp_path)
    assert completed.returncode == 2
    assert f"capitals.yaml:{shown[1]}\n" in completed.stderr


def test_every_command_is_in_the_readme_and_every_one_there_exists() -> None:
    offered = re.search(r"Commands:\n(.*)", layerbook("--help", cwd=ROOT).stdout, re.DOTALL)
    assert offered
    commands = set(re.findall(r"^  (\w+)", offered[1], re.MULTILINE))
    assert set(re.findall(r"^\| `layerbook (\w+)", README, re.MULTILINE)) == commands


def test_security_page_says_what_every_command_does() -> None:
    """Its table has every command and no other."""
    offered = re.search(r"Commands:\n(.*)", layerbook("--help", cwd=ROOT).stdout, re.DOTALL)
    assert offered
    commands = set(re.findall(r"^  (\w+)", offered[1], re.MULTILINE))
    table = SECURITY.partition("## What each command does")[2].partition("\n## ")[0]
    first_cells = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    described = {name for cell in first_cells for name in re.findall(r"`(\w+)", cell)}
    assert described == commands


@pytest.mark.parametrize(
    "text",
    [README, ARCHITECTURE, CONTRIBUTING, SECURITY],
    ids=["README", "architecture", "CONTRIBUTING", "security"],
)
def test_every_path_in_the_documents_exists(text: str) -> None:
    """Links and paths lead to a file, from the document, the repository or the package."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
    paths = re.findall(
        r"`((?:generator|docs|tests|templates|experiments|benchmarks)/[\w/.-]+)`", text
    )
    in_package = re.findall(
        r"`((?:analyses|book|cli|compare|core|model|plotting|runner|site|store)/[\w/.-]+\.py)`",
        text,
    )
    for path in {*links, *paths, *(f"generator/layerbook/{path}" for path in in_package)}:
        assert (
            (ROOT / path).exists() or (ROOT / "docs" / path).exists() or NOT_A_FILE.search(path)
        ), path


def test_comparison_links_inside_the_repository() -> None:
    """Its relative links lead to files."""
    text = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    for link in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (ROOT / "docs" / link).is_file(), link


def test_documented_analysis_is_valid(tiny_model_dir: Path, tmp_path: Path) -> None:
    """The page's code, spec and prose build a book with the right numbers."""
    guide = (ROOT / "docs/guide/templates/pages/analysis.md").read_text(encoding="utf-8")

    def block(language: str) -> str:
        example = re.search(rf"```{language}\n(.*?)```", guide, re.DOTALL)
        assert example
        return example[1]

    files = {
        "analyses/head_distance.py": block("python"),
        "experiments/distance.yaml": block("yaml"),
        "experiments/book.yaml": f"title: A book\nmodel: {tiny_model_dir}\nchapters: [distance]\n",
        "templates/chapters/distance.md": block("jinja"),
    }
    write_files(tmp_path, files)
    trust(tmp_path)
    try:
        layerbook("build", "--quiet", "--strict", cwd=tmp_path, check=True)
        model, prompt = lb.load_model(str(tiny_model_dir)), "The capital of France is"
        pattern = lb.AttentionPattern(prompts=[prompt], layers=[-1], heads="all")
        rows = lb.measure(pattern, model).result.prompts[0].weights[0]
        expected = [
            sum(share * (q - k) for q, row in enumerate(head) for k, share in enumerate(row))
            / len(head)
            for head in rows
        ]
        measured = lb.load_results(tmp_path)["distance/back"].result
        assert measured.distance.tolist() == pytest.approx(expected, abs=1e-5)
    finally:
        revoke(tmp_path)
