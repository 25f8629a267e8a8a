"""Write the lecture's part of the book as a book of its own, to compare with the naive script.

The specs are those of the real book; the prose shows every figure that has a caption, without text.
"""

from __future__ import annotations

from pathlib import Path

from layerbook.book.claims import check as claims
from layerbook.site.experiment_view import ExperimentView, StoredViews
from layerbook.store.freshness import check_status
from layerbook.store.project import open_project
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parent.parent

ROWS: dict[str, tuple[str, ...]] = {
    "model": ("architecture", "capital"),
    "tokenization": ("vocabulary", "hello-world", "chat-one-turn", "chat-two-turns"),
    "embeddings": ("hello-world", "words"),
    "position": ("sinusoids", "tokens"),
    "rope": ("rope",),
    "case-gram": ("noise", "noise-heads", "noise-gram"),
    "case-multiplied": ("padded", "sentences", "multiplied", "shuffled"),
    "mlp": ("shapes",),
    "case-whitespace": ("gram", "frames"),
    "linear": ("who",),
    "case-sums": ("raw", "chat"),
    "sampling": ("sampled",),
}
"""The experiments of the lecture by chapter: the originals and their corrected versions."""


def write(folder: Path) -> None:
    """Write the sources of the book, without results."""
    project = open_project(ROOT)
    experiment_views = StoredViews(project, check_status(project))
    yaml = YAML()
    yaml.width = 10_000
    (folder / "experiments").mkdir(parents=True)
    (folder / "templates" / "chapters").mkdir(parents=True)
    book = yaml.load((ROOT / "experiments" / "book.yaml").read_text(encoding="utf-8"))
    book["chapters"] = list(ROWS)
    with (folder / "experiments" / "book.yaml").open("w", encoding="utf-8") as file:
        yaml.dump(book, file)
    for chapter, ids in ROWS.items():
        spec = yaml.load((ROOT / "experiments" / f"{chapter}.yaml").read_text(encoding="utf-8"))
        spec["experiments"] = [
            _without_references(experiment)
            for experiment in spec["experiments"]
            if experiment["id"] in ids
        ]
        spec["needs"] = [name for name in spec.get("needs", []) if name in ROWS]
        if missing := set(ids) - {experiment["id"] for experiment in spec["experiments"]}:
            raise LookupError(f"{chapter} has no {', '.join(sorted(missing))}")
        with (folder / "experiments" / f"{chapter}.yaml").open("w", encoding="utf-8") as file:
            yaml.dump(spec, file)
        lines = [line for id in ids for line in _figures(experiment_views[f"{chapter}/{id}"])]
        (folder / "templates" / "chapters" / f"{chapter}.md").write_text(
            "\n\n".join(lines) + "\n", encoding="utf-8"
        )


def _without_references(
    experiment: dict[str, list[dict[str, str]]],
) -> dict[str, list[dict[str, str]]]:
    """Remove the claims that read the results of other experiments."""
    if "claims" in experiment:
        experiment["claims"] = [
            claim for claim in experiment["claims"] if not claims.parse(claim["check"]).references
        ]
    return experiment


def _figures(experiment_view: ExperimentView) -> list[str]:
    experiment = experiment_view.experiment
    shown = [name for name in experiment_view.figures if experiment.caption(name)]
    if not shown:
        raise LookupError(f"{experiment.address} has no result to draw; run `layerbook run`")
    checked = range(sum(not claim.check.references for claim in experiment.claims))
    figures = [f'{{{{ figure("{experiment.id}", "{name}") }}}}' for name in shown]
    return figures + [f'{{{{ claim("{experiment.id}", {i}) }}}}' for i in checked]
