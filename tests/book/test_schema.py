"""The JSON Schemas agree with the loader and with their committed copies."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fixtures.specs import CHAPTER_HEAD, EXPERIMENT_HEAD, indented
from jsonschema import Draft202012Validator
from layerbook.book.json_schema import book_schema, chapter_schema
from layerbook.book.node import ProblemList
from layerbook.book.schema import ExperimentSpec
from layerbook.book.yaml import read_mapping
from layerbook.core import registry
from layerbook.core.errors import SpecError

ROOT = Path(__file__).parents[2]
SCHEMA = chapter_schema()


def plain(path):
    """Read a YAML file as plain data."""
    node = read_mapping(path, ProblemList())
    assert node is not None
    return node.to_python()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "experiments").glob("*.yaml")), ids=lambda p: p.name
)
def test_schema_accepts_committed_specs(path):
    """Editors show no errors in them."""
    schema = book_schema() if path.stem == "book" else SCHEMA
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(plain(path))


@pytest.mark.parametrize(
    "keys",
    [
        "analysis: next-tokn\nprompts: [a]",
        "prompts: [a]",
        "analysis: next-token",
        "analysis: next-token\nprompts: []",
        "analysis: next-token\nprompts: ['']",
        "analysis: next-token\nprompts: [{chat: x, anser: true}]",
        "analysis: next-token\nprompts: [{chat: [{role: usr, content: x}]}]",
        "analysis: next-token\nprompts: [a]\ntop_k: 0",
        "analysis: next-token\nprompts: [a]\ntop_k: many",
        "analysis: next-token\nprompts: [a]\nlayers: [0]",
        "analysis: next-token\nprompts: [a]\nevidence: proof",
        "analysis: next-token\nprompts: [a]\noriginal: 1",
        "analysis: next-token\nprompts: [a]\noriginal: ['']",
        "analysis: next-token\nprompts: [a]\ncaptions: {'': a}",
        "analysis: next-token\nprompts: [a]\nclaims: [{says: a}]",
        "analysis: next-token\nprompts: [a]\nclaims: [{says: a, check: b, why: c}]",
        "analysis: attention-pattern\nprompts: [a]\nlayers: al\nheads: mean",
        "analysis: attention-pattern\nprompts: [a]\nlayers: [0]\nheads: [x]",
        "analysis: attention-pattern\nprompts: [a]\nlayers: [0.5]\nheads: mean",
    ],
)
def test_schema_refuses_what_the_loader_refuses(specs, keys):
    """Names, types, bounds and keys that do not depend on the model."""
    text = CHAPTER_HEAD + EXPERIMENT_HEAD + indented(keys)
    with pytest.raises(SpecError):
        specs.chapter(text)
    assert not Draft202012Validator(SCHEMA).is_valid(plain(specs.root / "c.yaml"))


@pytest.mark.parametrize("name", registry.names())
def test_each_analysis_has_a_closed_object_with_descriptions(name):
    """No parameter hides a common key of experiments."""
    parameters = registry.find(name).model_fields
    closed = SCHEMA["$defs"][name]

    assert not parameters.keys() & ExperimentSpec.model_fields.keys()
    assert closed["properties"].keys() == parameters.keys() | ExperimentSpec.model_fields.keys()
    assert closed["additionalProperties"] is False
    assert all(closed["properties"][key].get("description") for key in parameters)
    assert all(
        SCHEMA["$defs"]["experiment"]["properties"][key]["description"]
        for key in ExperimentSpec.model_fields
    )


@pytest.mark.parametrize(
    ("file", "schema"),
    [("spec.schema.json", chapter_schema), ("book.schema.json", book_schema)],
    ids=["spec", "book"],
)
def test_committed_schema_is_current(file, schema):
    """Run `layerbook schema > docs/spec.schema.json` after changing a parameter."""
    text = json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"

    assert (ROOT / "docs" / file).read_bytes() == text.encode(), (
        f"generate it: layerbook schema > docs/{file}"
    )
