"""Rules that every analysis and every experiment of the book keeps."""

from __future__ import annotations

import ast
import hashlib
import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import chain, islice
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from fixtures.run_analysis import capture_requests
from fixtures.save_result import save_result
from fixtures.tiny_llama import write_tiny_model
from layerbook.book.contents import Experiment
from layerbook.book.loader import load_chapter
from layerbook.core import registry
from layerbook.core.analysis import Analysis, Result
from layerbook.core.figures import (
    Bars,
    Figure,
    Frames,
    Heatmap,
    Lines,
    Panels,
    Passage,
    Scatter,
    TokenStrip,
)
from layerbook.core.limits import Limits
from layerbook.core.requests import ActivationCache, ActivationCaches, Request
from layerbook.store import results
from layerbook.store.keys import Key
from layerbook.store.project import sweep_cells
from pydantic import BaseModel

pytestmark = pytest.mark.long

ROOT = Path(__file__).resolve().parents[2]
LAYERS, HEADS, CONTEXT = 4, 8, 4096
ALLOWED = {"numpy", "sklearn", "pydantic", "__future__"} | sys.stdlib_module_names
MODULES = (
    "analysis charts direct_path distributions figures limits parameters prompts requests "
    "rope rounding text tokens vectors"
).split()
OWN = {f"layerbook.core.{name}" for name in MODULES}
MAX_FUNCTION_LINES = 45
LABELS = ["Shapes", "Units", "Limits", "Source"]


@cache
def experiments() -> tuple[Experiment, ...]:
    """All experiments of the book, resolved for the tiny model."""
    limits = Limits(layers=LAYERS, heads=HEADS, d_vocab=320, context=CONTEXT, d_mlp=64)
    files = sorted(path for path in (ROOT / "experiments").glob("*.yaml") if path.stem != "book")
    return tuple(
        experiment for path in files for experiment in load_chapter(path, limits).experiments
    )


@cache
def measured() -> tuple[Experiment, ...]:
    """Return the experiments that are measured: in place of each sweep, its first two cells."""
    experiments_to_measure = (
        [cell for _, cell in islice(sweep_cells(e), 2)] if is_sweep(e) else [e]
        for e in experiments()
    )
    return tuple(chain.from_iterable(experiments_to_measure))


def is_sweep(experiment: Experiment) -> bool:
    """Return whether an experiment is a sweep."""
    return experiment.sweep is not None


def every_experiment() -> Any:
    """Parametrize a test over the measured experiments."""
    return pytest.mark.parametrize("experiment", measured(), ids=lambda e: f"{e.chapter}/{e.id}")


every_analysis = pytest.mark.parametrize("name", registry.names())


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A tiny random Llama; where a spec names a higher layer or head, its last one is used."""
    from layerbook.model.loaded_model import LoadedModel

    changes = {
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "max_position_embeddings": CONTEXT,
    }
    loaded = LoadedModel.load(write_tiny_model(tmp_path_factory.mktemp("tiny"), **changes), "tiny")
    assert loaded.config.num_attention_heads == HEADS
    return loaded


@pytest.fixture(scope="module")
def answers(model: Any) -> Mapping[str, ActivationCaches]:
    """Return what the requests of each experiment yield, by chapter and id."""
    return {f"{e.chapter}/{e.id}": capture_requests(model, e.analysis) for e in measured()}


@pytest.fixture(scope="module")
def all_results(answers: Mapping[str, ActivationCaches]) -> Mapping[str, Result]:
    """Return the result of each experiment, by chapter and id."""
    return {
        f"{e.chapter}/{e.id}": e.analysis.measure(answers[f"{e.chapter}/{e.id}"])
        for e in measured()
    }


@pytest.fixture
def captures(experiment: Experiment, answers: Mapping[str, ActivationCaches]) -> ActivationCaches:
    """Return what the requests of the test's experiment yield."""
    return answers[f"{experiment.chapter}/{experiment.id}"]


@pytest.fixture
def result(experiment: Experiment, all_results: Mapping[str, Result]) -> Result:
    """Return the result of the test's experiment."""
    return all_results[f"{experiment.chapter}/{experiment.id}"]


@every_analysis
def test_docstring_states_shapes_units_limits_and_source(name: str) -> None:
    """A sentence, an empty line, and four labeled entries in this order; the source has a year."""
    summary, _, labeled = inspect.cleandoc(registry.find(name).__doc__ or "").partition("\n\n")
    entries = re.split(r"^([A-Z][a-z]+): ", labeled, flags=re.MULTILINE)
    texts = [text.strip() for text in entries[2::2]]

    assert summary.endswith("."), summary
    assert entries[0] == ""
    assert entries[1::2] == LABELS
    assert all(len(text) > 15 for text in texts), texts
    assert re.search(r"\b(18|19|20)\d\d\b", texts[-1]), texts[-1]


@every_analysis
def test_functions_are_short(name: str) -> None:
    """Readers see them in the book, so they have at most 45 lines."""
    functions = [f for f in ast.walk(ast.parse(source_of(name))) if isinstance(f, ast.FunctionDef)]

    assert not [f.name for f in functions if (f.end_lineno or 0) - f.lineno >= MAX_FUNCTION_LINES]


@every_analysis
def test_analysis_files_import_only_core(name: str) -> None:
    """They import arrays and plain data, no other analysis and nothing with side effects."""
    modules = set(imports(ast.parse(source_of(name))))

    assert not {m for m in modules if m not in OWN and m.split(".")[0] not in ALLOWED}


@every_analysis
def test_every_parameter_and_every_number_is_described(name: str) -> None:
    """Editors show the descriptions of parameters, the guide those of results."""
    kind = registry.find(name)
    bare = [
        f"{owner.__name__}.{field}"
        for owner in (kind, *parts(kind.result_type))
        for field in undescribed(owner)
    ]

    assert not bare
    assert not set(results.HEADER_FIELDS) & kind.result_type.model_fields.keys()


@every_analysis
def test_book_uses_every_analysis(name: str) -> None:
    """An analysis that no experiment uses is dead code."""
    assert name in {experiment.analysis_name for experiment in experiments()}


@every_analysis
def test_measuring_does_not_draw(name: str) -> None:
    """`measure` reaches no figure code, which is not part of a result's key."""
    tree = ast.parse(source_of(name))
    figures = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if from_figure(node)
        for alias in node.names
    }
    reached = {node for part in reachable(tree, "measure") for node in ast.walk(part)}
    used = {n.id for n in reached if isinstance(n, ast.Name)} | {
        n.attr for n in reached if isinstance(n, ast.Attribute)
    }

    assert not used & (figures | {"figures"})


@every_experiment()
def test_runs_are_requests_and_always_the_same(experiment: Experiment) -> None:
    """Two calls, and an equal analysis, make the same requests."""
    analysis = experiment.analysis
    runs = analysis.runs()

    assert runs
    assert all(isinstance(request, get_args(Request)) for request in runs.values())
    assert list(runs.items()) == list(analysis.runs().items())
    anew = type(analysis).model_validate_json(analysis.model_dump_json())
    assert anew == analysis
    assert list(anew.runs().items()) == list(runs.items())


@every_experiment()
def test_measuring_is_pure(
    experiment: Experiment, captures: ActivationCaches, result: Result
) -> None:
    """The same captures give the same numbers, without NaN, and are not modified."""
    before = fingerprint(captures)
    second_result = experiment.analysis.measure(captures)

    assert type(result) is experiment.analysis.result_type
    assert result.model_dump_json() == second_result.model_dump_json()
    assert fingerprint(captures) == before
    assert "NaN" not in result.model_dump_json()


@every_experiment()
def test_result_survives_json_and_the_store(
    experiment: Experiment, result: Result, tmp_path: Path
) -> None:
    """No digit is lost in pydantic's JSON or in the files of the store."""
    kind = experiment.analysis.result_type
    back = kind.model_validate_json(result.model_dump_json())
    assert back.model_dump_json() == result.model_dump_json()

    key = Key(*("0" * 64,) * 4, "float64", {})
    envelope = results.StoredResult(
        id=experiment.id,
        chapter=experiment.chapter,
        analysis=experiment.analysis_name,
        model="tiny",
        spec=experiment.spec(),
        key=key,
        result=result,
    )
    json_round_trip = results.load(save_result(tmp_path, envelope), kind)
    assert json_round_trip.result.model_dump_json() == result.model_dump_json()
    assert json_round_trip.spec == experiment.spec()


@every_experiment()
def test_figures_have_axis_names_and_alt_text(experiment: Experiment, result: Result) -> None:
    """Each has a known kind, a lower-case name, alt text, named axes and a table.

    A result that was read from JSON gives the same figures.
    """
    figures = experiment.analysis.figures(result)
    back = experiment.analysis.figures(type(result).model_validate_json(result.model_dump_json()))

    assert figures
    assert {name: figure.alt for name, figure in back.items()} == {
        name: f.alt for name, f in figures.items()
    }
    for name, figure in figures.items():
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert figure.table().rows, name
        # Strips and passages stand under their caption alone.
        assert figure.title or isinstance(figure, TokenStrip | Passage), name
        for picture in inside(figure):
            assert isinstance(picture, get_args(Figure)), name
            shortest = 1 if isinstance(picture, Passage) else 20
            assert len(picture.alt) >= shortest, (name, picture.alt)
            assert all(axis.name for axis in axes(picture)), name


@every_experiment()
def test_each_caption_belongs_to_a_figure(experiment: Experiment, result: Result) -> None:
    """The book has no caption for a figure that is never drawn."""
    used = {id(experiment.caption(name)) for name in experiment.analysis.figures(result)}

    assert not [name for name, caption in experiment.captions.items() if id(caption) not in used]


def source_of(name: str) -> str:
    """Return the source of an analysis."""
    return Path(inspect.getfile(registry.find(name))).read_text(encoding="utf-8")


def imports(tree: ast.Module) -> Iterator[str]:
    """Yield the modules that a file imports anywhere; `from layerbook.core import x` counts as
    layerbook.core.x.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            whole = node.module == "layerbook.core"
            yield from (
                [f"layerbook.core.{alias.name}" for alias in node.names]
                if whole
                else [node.module or ""]
            )


def from_figure(node: ast.AST) -> bool:
    """Return whether the node imports names of layerbook.core.figures."""
    return isinstance(node, ast.ImportFrom) and node.module == "layerbook.core.figures"


def reachable(tree: ast.Module, start: str) -> list[ast.AST]:
    """Return the functions of a file that `start` can call, by name or as an attribute."""
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef)
    functions = {node.name: node for node in ast.walk(tree) if isinstance(node, kinds)}
    reached, waiting = {}, [start]
    while waiting:
        name = waiting.pop()
        if name not in functions or name in reached:
            continue
        reached[name] = functions[name]
        for node in ast.walk(functions[name]):
            waiting += [node.id] if isinstance(node, ast.Name) else []
            waiting += [node.attr] if isinstance(node, ast.Attribute) else []
    assert start in reached
    return list(reached.values())


def parts(kind: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """Return a result's class and its nested classes, by the definitions of its JSON Schema."""
    classes: list[type[BaseModel]] = []
    waiting: list[Any] = [kind]
    while waiting:
        annotation = waiting.pop()
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            if annotation not in classes:
                classes.append(annotation)
                waiting += [field.annotation for field in annotation.model_fields.values()]
        else:
            waiting += get_args(annotation)
    yield from classes


def undescribed(kind: type[BaseModel]) -> list[str]:
    """Return fields without a description; shared records (`Ranked`) are described elsewhere."""
    shared = kind.__module__ == Analysis.__module__ and kind is not Result
    return (
        []
        if shared
        else [name for name, field in kind.model_fields.items() if not field.description]
    )


def inside(figure: Figure) -> Iterator[Any]:
    """Yield a figure and the pictures of its frames and panels."""
    yield figure
    for picture in (frame.picture for frame in figure.frames) if isinstance(figure, Frames) else ():
        yield from inside(picture)
    for picture in figure.panels if isinstance(figure, Panels) else ():
        yield from inside(picture)


def axes(figure: Any) -> list[Any]:
    """Return the axes of a chart."""
    if isinstance(figure, Heatmap):
        return [figure.rows, figure.columns]
    if isinstance(figure, Lines | Scatter):
        return [figure.x, figure.y]
    return [figure.label_axis, figure.value_axis] if isinstance(figure, Bars) else []


def fingerprint(captures: ActivationCaches) -> dict[str, Any]:
    """Return digests of all arrays, and the repr of everything else."""
    return {
        name: (digests(capture), repr(capture.tokens), capture.text)
        for name, capture in captures.items()
    }


def digests(capture: ActivationCache) -> dict[str, str]:
    """Return the sha256 of each array's bytes, by site."""
    return {
        str(site): hashlib.sha256(np.ascontiguousarray(a).tobytes()).hexdigest()
        for site, a in capture.sites.items()
    }
