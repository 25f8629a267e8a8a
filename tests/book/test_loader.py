"""Chapters and books are loaded, and all mistakes are reported at their places at once."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import pytest
from fixtures.specs import CHAPTER_HEAD, LIMITS, problems
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layerbook.book.claims.check import CheckError
from layerbook.book.loader import load_book, load_chapter, read_book_spec
from layerbook.core import registry
from layerbook.core.analysis import Analysis, Result, resolve_numbers
from layerbook.core.errors import ModelError, SpecError
from layerbook.core.limits import Limits
from layerbook.core.parameters import Head, Heads, Layer, Layers, Seed, TopK
from layerbook.core.prompts import Prompts, as_prompt
from layerbook.core.requests import LOGITS, Encode, Forward, Generate, Patch, Prompt, Site
from pydantic import BaseModel, ConfigDict, Field

ROOT = Path(__file__).parents[2]
HEAVY_MODULES = ("torch", "transformers", "matplotlib", "seaborn", "jinja2", "tokenizers")


class Place(BaseModel):
    """A layer and a head within it."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    layer: Layer
    head: Head = 0


class Probe(Analysis[Result]):
    """An analysis with one parameter of every type."""

    result_type: ClassVar[type[Result]] = Result
    prompts: Prompts = ("a",)
    layers: Layers = (0,)
    heads: Heads = "mean"
    either: Layers | None = None
    layer: Layer = -1
    places: tuple[Place, ...] = ()
    top_k: TopK = 5
    optional_top_k: TopK | None = None
    seed: Seed = 0
    share: Annotated[float, Field(gt=0, le=1)] = 0.5
    C: float | tuple[float, ...] = 1.0
    mode: Literal["each", "first"] = "each"
    flag: bool = False
    new: Annotated[int, Field(ge=1)] = 1
    code: Annotated[str, Field(pattern="^[A-Z]+$")] = "A"

    def runs(self):
        """Generate from each prompt, then run over what was generated."""
        out = {}
        for i, spec in enumerate(self.prompts):
            generation = Generate(as_prompt(spec), self.new)
            out[f"generate-{i}"] = generation
            out[f"forward-{i}"] = Forward(Prompt(generated=generation), frozenset({LOGITS}))
        return out


@pytest.fixture
def probe(monkeypatch):
    """Register an analysis called `probe`."""
    find, names = registry.find, registry.names()
    monkeypatch.setattr(
        registry, "find", lambda name, own: Probe if name == "probe" else find(name, own)
    )
    monkeypatch.setattr(registry, "names", lambda own=(): (*names, "probe"))
    return Probe


def spec_of(specs, keys, limits=LIMITS):
    """Return the canonical parameters of a probe with these keys."""
    return specs.experiment(f"analysis: probe\n{keys}", limits).experiments[0].spec()


def test_loads_all_keys_of_a_chapter(specs):
    """The lines where captions and claims start are recorded."""
    chapter = specs.chapter(
        "chapter: linear\ntitle: The linear layer\nsummary: Scores.\npart: linear\nexperiments:\n"
        "  - id: raw\n    title: A sum\n    analysis: next-token\n    prompts: [' 2 + 2 = ']\n"
        "    evidence: correlation\n    original: true\n"
        "    captions:\n      prompt: >-\n        What comes\n        next.\n      prompt-1: Two.\n"
        '    claims:\n      - check: result.prompts[0].top[0].text == "4"\n        says: It is 4\n'
        "      - {says: 0 is less than 1, check: 0 < 1, evidence: definition}\n"
    )
    (raw,) = chapter.experiments

    assert (chapter.name, chapter.title, chapter.summary, chapter.part) == (
        "linear",
        "The linear layer",
        "Scores.",
        "linear",
    )
    assert (raw.chapter, raw.id, raw.title, raw.analysis_name) == (
        "linear",
        "raw",
        "A sum",
        "next-token",
    )
    assert (raw.evidence, raw.original, raw.file, raw.line) == ("correlation", True, "c.yaml", 6)
    assert (raw.captions["prompt"].text, raw.captions["prompt"].line) == ("What comes next.", 14)
    assert (raw.claims[0].says, raw.claims[0].line) == ("It is 4", 19)
    assert raw.claims[0].check.text == 'result.prompts[0].top[0].text == "4"'
    assert [claim.evidence for claim in raw.claims] == ["", "definition"]
    assert raw.analysis.prompts == (" 2 + 2 = ",)


@pytest.mark.parametrize(
    ("value", "originals"),
    [
        ("true", ["prompt-0", "lone"]),
        ("false", []),
        ("[prompt]", ["prompt-0"]),
        ("[lone, prompt-1]", ["lone"]),
    ],
)
def test_original_is_true_or_a_list_of_figures(specs, value, originals):
    """Names match as in captions; the default is no original figure."""
    (experiment,) = specs.experiment(
        f"analysis: next-token\nprompts: [a]\noriginal: {value}"
    ).experiments
    (plain,) = specs.experiment("analysis: next-token\nprompts: [a]").experiments

    assert [
        figure for figure in ("prompt-0", "lone", "prompts") if experiment.is_original(figure)
    ] == (originals if value != "true" else [*originals, "prompts"])
    assert not plain.is_original("prompt-0")


def test_captions_match_prefixes_of_figure_names(specs):
    """The exact name wins, then the longest prefix that ends before a hyphen."""
    keys = (
        "analysis: next-token\nprompts: [a]\ncaptions: {prompt: P, prompt-1: Q,"
        " prompt-1-layer-0: R, lone: L}"
    )
    (experiment,) = specs.experiment(keys).experiments

    def text(figure):
        caption = experiment.caption(figure)
        return caption.text if caption else None

    assert [
        text(f"prompt{rest}")
        for rest in ("", "-0", "-1", "-10", "-1-layer-0", "-1-layer-0-mean", "-1-layer-1")
    ] == [
        *("P", "P", "Q", "P", "R", "R", "Q"),
    ]
    assert (text("prompts"), text("lone"), text("other-lone"), text("")) == (None, "L", None, None)


def test_canonical_spec_has_absolute_numbers_and_all_defaults(specs, probe):
    """`all`, negative numbers and aliases are expanded; equal specs give equal parameters."""
    spec = spec_of(
        specs, "layers: [0, -1]\nheads: all\neither: all\nplaces: [{layer: -1, head: 8}]\nC: 1e4\n"
    )

    assert spec["analysis"] == "probe"
    assert spec["layers"] == [0, 29]
    assert spec["heads"] == list(range(9))
    assert spec["either"] == list(range(30))
    assert spec["layer"] == 29
    assert spec["places"] == [{"layer": 29, "head": 8}]
    assert spec["C"] == 10000.0
    assert (spec["top_k"], spec["optional_top_k"], spec["share"], spec["mode"]) == (
        5,
        None,
        0.5,
        "each",
    )
    assert spec == spec_of(
        specs,
        "layers: [-30, 29]\nheads: [0, 1, 2, 3, 4, 5, 6, 7, 8]\neither: all\n"
        "places: [{head: -1, layer: 29}]\nC: 10000\n",
    )


def test_merges_numbers_of_the_same_layer(specs, probe):
    """[0, -1] is the first and last layer, also in a model with a single one."""
    assert spec_of(specs, "layers: [0, -1]", Limits(1, 9, 100, 5000))["layers"] == [0]


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        ("layers: [0, 30]", "7:17: there is no layer 30: the model has layers 0 to 29"),
        (
            "layers: [-31]",
            "7:14: there is no layer -31: the model has layers 0 to 29, and -1 to -30 count from"
            " the end",
        ),
        ("layers: []", "7:13: should not be empty"),
        ("layers: [3, 3]", "7:17: 3 is listed twice"),
        ("layers: 3", '7:13: should be a list or "all", not 3'),
        ("layers: al", '7:13: should be a list or "all", not "al" (did you mean \'all\'?)'),
        ('layers: [0, "1"]', '7:17: should be a whole number, not "1"'),
        ("layers: [0, 1.5]", "7:17: should be a whole number, not 1.5"),
        ("layers:\n  - 0\n  - true", "9:9: should be a whole number, not true"),
        ("layers:", '7:5: should be a list or "all", not empty'),
        ("either: [30]", "7:14: there is no layer 30: the model has layers 0 to 29"),
        ("heads: [0, 9]", "7:16: there is no head 9: the model has heads 0 to 8"),
        (
            "heads: maen",
            '7:12: should be a list, "mean" or "all", not "maen" (did you mean \'mean\'?)',
        ),
        ("layer: 30", "7:12: there is no layer 30: the model has layers 0 to 29"),
        ("layer: all", '7:12: should be a whole number, not "all"'),
        (
            "places: [{layer: 0}, {layer: 1, head: 9}]",
            "7:43: there is no head 9: the model has heads 0 to 8",
        ),
        ("places: [{layer: 0, haed: 1}]", "7:25: unknown key 'haed' (did you mean 'head'?)"),
        ("places: [{head: 1}]", "7:14: the key 'layer' is missing"),
        ("places: [1]", "7:14: should be a mapping, not 1"),
        ("top_k: 0", "7:12: should be a whole number of at least 1, not 0"),
        (
            "top_k: 60000",
            "7:12: should be from 1 to 49152: the model's vocabulary has 49152, not 60000",
        ),
        (
            "optional_top_k: 49153",
            "7:21: should be from 1 to 49152: the model's vocabulary has 49152, not 49153",
        ),
        ("optional_top_k: 0", "7:21: should be a whole number of at least 1, not 0"),
        ("optional_top_k: many", '7:21: should be a whole number, not "many"'),
        ("seed: 4294967296", "7:11: should be a whole number below 4294967296, not 4294967296"),
        ("seed: -1", "7:11: should be a whole number of at least 0, not -1"),
        ("share: 0", "7:12: should be a number above 0, not 0"),
        ("share: 1.5", "7:12: should be a number of at most 1, not 1.5"),
        ("C: 1e4x", '7:8: should be a number or a list, not "1e4x"'),
        ("C: [1, x]", '7:12: should be a number, not "x"'),
        ("mode: frist", '7:11: should be "each" or "first", not "frist" (did you mean \'first\'?)'),
        ("flag: yes", '7:11: should be true or false, not "yes"'),
        ("flag: 1", "7:11: should be true or false, not 1"),
        ("prompts: []", "7:14: should not be empty"),
        ("prompts: [a, '']", "7:18: should not be empty"),
        ("prompts: a", '7:14: should be a list, not "a"'),
        ("prompts: [a, 2]", "7:18: should be text or a mapping, not 2"),
        (
            "prompts: [a, {chat: x, anser: true}]",
            "7:28: unknown key 'anser' (did you mean 'answer'?)",
        ),
        ("prompts: [{answer: true}]", "7:15: the key 'chat' is missing"),
        ("prompts: [{chat: ''}]", "7:22: should not be empty"),
        ("prompts: [{chat: []}]", "7:22: should not be empty"),
        ("prompts: [{chat: 5}]", "7:22: should be text or a list, not 5"),
        (
            "prompts: [{chat: [{role: usr, content: x}]}]",
            '7:30: should be "system", "user" or "assistant", not "usr" (did you mean \'user\'?)',
        ),
        ("prompts: [{chat: [{role: user, contnt: x}]}]", "7:23: the key 'content' is missing"),
        ("promts: [a]", "7:5: unknown key 'promts' (did you mean 'prompts'?)"),
        ("id: two", "7:5: the key 'id' is defined twice, first on line 4"),
    ],
)
def test_reports_wrong_parameters(specs, probe, keys, problem):
    """One message for each mistake, also for union types and nested values."""
    problems_found = specs.experiment_problems(f"analysis: probe\n{keys}")

    assert problem in problems_found
    assert len(problems_found) == (2 if "contnt" in keys else 1)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (
            "analysis: next-tokn",
            "6:15: no analysis named 'next-tokn' (did you mean 'next-token'?)",
        ),
        ("analysis: 3", "6:15: should be text, not 3; quote it to make it text"),
        ("prompts: [a]", "4:5: the key 'analysis' is missing"),
        ("analysis: next-token", "4:5: the key 'prompts' is missing"),
        (
            "analysis: next-token\nprompts: [a]\nsweeps: {top_k: [1, 2]}",
            "8:5: unknown key 'sweeps' (did you mean 'sweep'?)",
        ),
        (
            "analysis: next-token\nprompts: [a]\nevidence: proof",
            '8:15: should be "definition", "calculation", "observation", "correlation" or '
            '"intervention", not "proof"',
        ),
        (
            "analysis: next-token\nprompts: [a]\nclaims:\n"
            "  - {says: A, check: 1 > 0, evidence: proof}",
            '9:43: should be "definition", "calculation", "observation", "correlation" or '
            '"intervention", not "proof"',
        ),
        (
            "analysis: next-token\nprompts: [a]\ncaptions: {a: 1}",
            "8:19: should be text, not 1; quote it to make it text",
        ),
        ("analysis: next-token\nprompts: [a]\ncaptions: {a: ''}", "8:19: should not be empty"),
        (
            "analysis: next-token\nprompts: [a]\ncaptions: [a]",
            "8:15: should be a mapping, not a list",
        ),
        ("analysis: next-token\nprompts: [a]\ncaptions: {'': a}", "8:16: should not be empty"),
        (
            "analysis: next-token\nprompts: [a]\nclaims: {says: a}",
            "8:13: should be a list, not a mapping",
        ),
        (
            "analysis: next-token\nprompts: [a]\nclaims: [{says: a}]",
            "8:14: the key 'check' is missing",
        ),
        (
            "analysis: next-token\nprompts: [a]\nclaims: [{says: a, chek: b}]",
            "8:24: unknown key 'chek' (did you mean 'check'?)",
        ),
        (
            "analysis: next-token\nprompts: [a]\nclaims:\n  - {says: a, check: resutl.x}",
            "9:26: unknown name 'resutl' (did you mean 'result'?); checks start with result or"
            ' r("id")',
        ),
        (
            "analysis: next-token\nprompts: [a]\nclaims:\n  - says: a\n"
            "    check: 'result.x == ''a'' and result.y ** 2'",
            "10:39: there are no powers; write a product",
        ),
        (
            "analysis: next-token\nprompts: [a]\nclaims:\n  - says: a\n"
            "    check: >-\n      result.x and\n      result.y == foo",
            "12:23: unknown name 'foo'; checks start with result or r(\"id\")",
        ),
        (
            "analysis: next-token\nprompts: [a]\nclaims:\n  - {says: a, check: 'r(\"on\").x == 1'}",
            "9:29: no experiment named 'on' (did you mean 'one'?)",
        ),
        (
            "analysis: next-token\nprompts: [a]\nclaims:\n"
            "  - {says: a, check: 'r(\"test/two\").x == 1'}",
            "9:29: no experiment named 'test/two' (did you mean 'test/one'?)",
        ),
    ],
)
def test_reports_wrong_common_keys_of_experiments(specs, keys, problem):
    """Positions inside a check are right for any quoting."""
    problems_found = specs.experiment_problems(keys)

    assert any(line.startswith(problem) for line in problems_found), problems_found


def test_claims_may_refer_to_other_experiments(specs):
    """A single chapter knows only its own ids."""
    keys = "analysis: next-token\nprompts: [a]\nclaims:\n"
    for name in ("one", "test/one", "elsewhere/x"):
        check = f"  - {{says: a, check: 'r(\"{name}\").top_k == 1'}}"
        (experiment,) = specs.experiment(keys + check).experiments
        assert experiment.claims[0].check.references[0].name == name


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("title: T\n", "1:1: the key 'chapter' is missing"),
        (
            "chapter: Test\ntitle: T\n",
            '1:10: should be lower-case letters, digits and hyphens, not "Test"',
        ),
        ("chapter: index\ntitle: T\n", "1:10: no chapter can be called 'index'"),
        ("chapter: a\ntitle: ''\n", "2:8: should not be empty"),
        ("chapter: a\ntitle: 3\n", "2:8: should be text, not 3; quote it to make it text"),
        (
            "chapter: a\ntitle: T\npart: atention\n",
            '3:7: should be "tokens", "embeddings", "position", "attention", "rope", "mlp", '
            '"linear" or "sampling", '
            "not \"atention\" (did you mean 'attention'?)",
        ),
        (
            "chapter: a\ntitle: T\nexperimnts: []\n",
            "3:1: unknown key 'experimnts' (did you mean 'experiments'?)",
        ),
        ("chapter: a\ntitle: T\nexperiments: {}\n", "3:14: should be a list, not a mapping"),
        (
            "chapter: a\ntitle: T\nexperiments: [x]\n",
            "3:15: an experiment is a mapping: id, title, analysis and its parameters",
        ),
        (
            "chapter: a\ntitle: T\nexperiments: [{id: A b, title: T, analysis: architecture}]\n",
            '3:20: should be lower-case letters, digits and hyphens, not "A b"',
        ),
        (
            "chapter: a\ntitle: T\nexperiments: [{id: -a, title: T, analysis: architecture}]\n",
            '3:20: should be lower-case letters, digits and hyphens, not "-a"',
        ),
        (
            "chapter: a\ntitle: T\nexperiments: [{id: 12, title: T, analysis: architecture}]\n",
            "3:20: should be text, not 12; quote it to make it text",
        ),
        (
            f"chapter: a\ntitle: T\nexperiments: [{{id: {'a' * 61}, title: T, analysis:"
            f" architecture}}]\n",
            "3:20: should have at most 60 characters",
        ),
        (
            "chapter: a\ntitle: T\nexperiments:\n- {id: a, title: T, analysis: architecture}\n"
            "- {id: a, title: T, analysis: architecture}\n",
            "5:8: the id 'a' is defined twice, first on line 4",
        ),
    ],
)
def test_reports_wrong_keys_of_chapters(specs, text, problem):
    assert specs.chapter_problems(text) == [problem]


def test_reports_all_problems_of_a_file_at_once(specs, probe):
    """They are in the order of the file."""
    problems_found = specs.chapter_problems(
        "chapter: A\ntitl: x\nexperiments:\n  - id: one\n    title: One\n    analysis: probe\n"
        "    layers: [99, -99]\n"
        "    top_k: 0\n    huh: 1\n    claims: [{says: x, check: '1 +'}]\n  - id: one\n"
        "    analysis: prob\n  - 7\n"
    )

    assert [line.split(": ")[0] for line in problems_found] == [
        *("1:1", "1:10", "2:1", "7:14", "7:18", "8:12", "9:5", "10:35", "11:9", "12:15", "13:5"),
    ]
    problems_found = specs.chapter_problems(
        CHAPTER_HEAD
        + "  - {id: one, title: One, analysis: probe, layers: [99, -99], heads: [9], top_k:"
        " 99999, huh: 1}\n"
    )
    assert len(problems_found) == 5


def test_analysis_built_in_python_resolves_its_layers(probe):
    """Without limits nothing is resolved or refused."""
    analysis = probe(layers="all", heads=(0, -1), places=(Place(layer=-1),))
    resolved = resolve_numbers(analysis, LIMITS)

    assert (analysis.layers, analysis.layer) == ("all", -1)
    assert (resolved.layers, resolved.layer) == (tuple(range(30)), 29)
    assert (resolved.heads, resolved.places) == ((0, 8), (Place(layer=29),))
    with pytest.raises(ValueError, match="there is no layer 30"):
        resolve_numbers(probe(layer=30), LIMITS)


def test_reports_prompts_that_exceed_the_context(specs, probe):
    """Tokens are counted only if the number of bytes does not decide."""
    counted = []

    def count(prompt):
        counted.append(prompt)
        return len((prompt.text or prompt.messages[0].content).split())

    limits = Limits(30, 9, 49152, 2000, count)
    keys = "analysis: probe\nnew: 100\nprompts:\n  - short\n  - {}\n  - chat: {}\n"
    problems_found = specs.experiment_problems(
        keys.format("a " * 1901 + "z", "b " * 1900 + "z"), limits
    )

    assert problems_found == [
        "10:9: the prompt has 1902 tokens and generates 100 more; the model's context holds 2000",
        "11:15: the prompt has 1901 tokens and generates 100 more; the model's context holds 2000",
    ]
    assert all(prompt.text != "short" for prompt in counted)
    assert specs.experiment(keys.format("a " * 1899 + "z", "b " * 1899 + "z"), limits)


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        (
            "analysis: fact-quiz\nprompt: The cat\nfacts: [[France, Paris]]",
            '7:13: "The cat" does not fit the description: '
            "The sentence, with `{}` where the subject goes",
        ),
        (
            "analysis: next-token\nprompts: [a]\nsweep: {top_k: [1, 2]}\n"
            "measures: {Best-one: result.d_vocab}",
            "9:16: should be a lower-case letter, then lower-case letters, digits and underscores, "
            'not "Best-one"',
        ),
    ],
)
def test_patterns_are_explained_in_words(specs, keys, problem):
    """By the description of the parameter, or by the rule for names."""
    assert specs.experiment_problems(keys) == [problem]


def test_pattern_without_a_description_is_shown(specs, probe):
    problems_found = specs.experiment_problems("analysis: probe\ncode: abc")
    assert problems_found == ['7:11: should be like ^[A-Z]+$, not "abc"']


def test_short_prompts_need_no_tokenizer(specs, probe):
    """An ordinary build never loads a tokenizer for the check."""

    def fail(prompt):
        raise AssertionError("counted tokens")

    assert specs.experiment(
        "analysis: probe\nprompts: [' 2 + 2 = ', {chat: x}]", Limits(30, 9, 49152, 8192, fail)
    )
    assert specs.experiment(
        f"analysis: probe\nprompts: [{'a ' * 9000}z]", Limits(30, 9, 49152, 8192, None)
    )


def test_reports_a_chat_that_the_template_refuses(specs, probe):

    def refuse(prompt):
        raise ModelError("this model has no chat template")

    assert specs.experiment_problems(
        "analysis: probe\nprompts: [{chat: x}]", Limits(30, 9, 49152, 128, refuse)
    ) == ["7:22: this model has no chat template"]


def test_checks_prompts_of_patched_and_shuffled_runs(specs, probe, monkeypatch):
    """Prompts that are not in the spec are reported at the key `analysis`."""
    source = Forward(Prompt(ids=tuple(range(60))), frozenset({LOGITS}))
    runs = {
        "patched": Forward(
            Prompt(text="a", shuffle_seed=1), frozenset({LOGITS}), (Patch(Site("z", 0), source),)
        ),
        "encoded": Encode(Prompt(ids=tuple(range(51)))),
    }
    monkeypatch.setattr(Probe, "runs", lambda self: runs)

    assert specs.experiment_problems(
        "analysis: probe", Limits(30, 9, 49152, 50, lambda prompt: 1)
    ) == [
        f"6:15: the prompt has {count} tokens; the model's context holds 50" for count in (51, 60)
    ]


def test_check_errors_become_problems_at_their_place(specs):
    """The place is inside the expression, also for errors of evaluation."""
    keys = (
        "analysis: next-token\nprompts: [a]\nclaims:\n  - says: a\n    check: >-\n"
        "      1 == 1 and\n      result.x == 1"
    )
    (claim,) = specs.experiment(keys).experiments[0].claims
    with pytest.raises(CheckError) as caught:
        claim.check.evaluate(Place(layer=0))

    assert str(claim.problem(caught.value)) == (
        "c.yaml:12:18: there is no field 'x'; available: layer, head"
    )


BOOK = "title: T\nmodel: m\nchapters: [a, b]\n"
CHAPTER = "chapter: {0}\ntitle: T\nexperiments:\n  - {{id: x, title: X, analysis: architecture}}\n"


def test_loads_a_book_with_its_chapters_in_order(specs):
    specs.write("experiments/book.yaml", BOOK + "authors: [A, B]\nsubtitle: S\n")
    for name in "ba":
        specs.write(f"experiments/{name}.yaml", CHAPTER.format(name))
    book = specs.book()

    spec = book.spec
    assert (spec.title, spec.subtitle, spec.authors, spec.language, spec.model) == (
        "T",
        "S",
        ("A", "B"),
        "en",
        "m",
    )
    assert [c.name for c in book.chapters] == ["a", "b"]
    assert book.chapters[0].file == str(Path("experiments/a.yaml"))
    assert read_book_spec(Path()).model == "m"
    assert spec.precision == "float64"


def test_reports_missing_misnamed_and_unlisted_chapters(specs):
    """Unlisted files are checked too."""
    specs.write("experiments/book.yaml", "title: T\nmodel: m\nchapters: [a, atention, a, book]\n")
    specs.write("experiments/a.yaml", CHAPTER.format("b"))
    specs.write("experiments/attention.yaml", CHAPTER.format("attention") + "x: 1\n")
    specs.write("experiments/other.yml", CHAPTER.format("other"))
    specs.write("experiments/.a.yaml.swp", "x")

    assert problems(specs.book) == [
        "experiments/a.yaml:1:10: should be 'a', the name of the file",
        "experiments/attention.yaml:1:1: the chapter 'attention' is not listed in"
        " experiments/book.yaml",
        "experiments/attention.yaml:5:1: unknown key 'x'; available: title, summary,"
        " part, needs, unnumbered, draft, chapter, experiments",
        "experiments/book.yaml:3:15: there is no chapter 'atention': experiments/atention.yaml"
        " is missing"
        " (did you mean 'attention'?)",
        "experiments/book.yaml:3:25: the chapter 'a' is listed twice",
        "experiments/book.yaml:3:28: no chapter can be called 'book'",
        "experiments/other.yml:1:1: a chapter's file ends in .yaml, not .yml",
    ]


def test_reports_problems_of_chapters_despite_a_broken_book(specs):
    specs.write("experiments/book.yaml", "title: T\nchapters: []\nmodle: m\n")
    specs.write("experiments/a.yaml", CHAPTER.format("a") + "x: 1\n")
    specs.write("experiments/b.yaml", "chapter: [")

    problems_found = problems(specs.book)
    assert [line.split(": ")[0] for line in problems_found] == [
        "experiments/a.yaml:5:1",
        "experiments/b.yaml:1:11",
        *(f"experiments/book.yaml:{place}" for place in ("1:1", "2:11", "3:1")),
    ]
    assert problems(lambda: read_book_spec(Path())) == problems_found[-3:]


def test_reports_a_missing_book(specs):
    """The message names the missing file."""
    assert problems(specs.book) == [
        "experiments/book.yaml:1:1: cannot be read: No such file or directory"
    ]
    assert problems(lambda: read_book_spec(Path())) == problems(specs.book)


def test_reports_references_to_unknown_experiments(specs):
    """References to chapters that cannot be read are not reported."""
    claims = "    claims:\n" + "".join(
        f"      - {{says: s, check: 'r(\"{name}\").x == 1'}}\n"
        for name in ("b/x", "b/y", "c/x", "x", "y")
    )
    specs.write("experiments/book.yaml", BOOK)
    specs.write(
        "experiments/a.yaml",
        "chapter: a\ntitle: T\nexperiments:\n  - id: x\n    title: X\n"
        "    analysis: architecture\n" + claims,
    )
    specs.write("experiments/b.yaml", CHAPTER.format("b"))
    assert problems(specs.book) == [
        "experiments/a.yaml:9:29: no experiment named 'b/y' (did you mean 'b/x'?)",
        "experiments/a.yaml:10:29: no experiment named 'c/x' (did you mean 'b/x'?)",
        "experiments/a.yaml:12:29: no experiment named 'y'",
    ]
    specs.write("experiments/b.yaml", "[")
    assert not any("b/y" in line for line in problems(specs.book))


def test_reports_a_mistake_in_an_anchored_value_once(specs, probe):
    """Two experiments share the list."""
    problems_found = specs.chapter_problems(
        CHAPTER_HEAD + "  - {id: a, title: A, analysis: probe, prompts: &p [x, 1]}\n"
        "  - {id: b, title: B, analysis: probe, prompts: *p}\n"
    )
    assert problems_found == ["4:56: should be text or a mapping, not 1"]


def test_committed_book_loads():
    """Every spec in the repository is valid for the default model."""
    book = load_book(ROOT, LIMITS)

    assert [chapter.name for chapter in book.chapters] == [
        *(
            "model",
            "tokenization",
            "embeddings",
            "position",
            "attention",
            "heads",
            "rope",
            "mlp",
            "linear",
            "sampling",
            "whole-model",
            "case-facts",
            "case-sums",
            "case-gram",
            "case-whitespace",
            "case-multiplied",
        ),
    ]
    assert {e.analysis_name for c in book.chapters for e in c.experiments} <= set(registry.names())


def test_canonical_specs_load_as_themselves(specs):
    """The YAML on a page can be pasted into a chapter and gives the same parameters."""
    shutil.copytree(ROOT / "experiments" / "data", specs.root / "data")
    chapters = [c for c in load_book(ROOT, LIMITS).chapters if c.experiments]
    assert chapters
    for chapter in chapters:
        items = [
            e.to_yaml().replace(f"- id: {e.id}\n", f"- id: {e.id}\n  title: T\n")
            for e in chapter.experiments
        ]
        again = specs.chapter(CHAPTER_HEAD + "".join(items))
        assert [e.spec() for e in again.experiments] == [e.spec() for e in chapter.experiments]


def test_loading_specs_imports_no_heavy_modules():
    """`check` and `status` start without the libraries that run models or draw."""
    code = (
        "import sys; from pathlib import Path\n"
        "from layerbook.book import loader; from layerbook.core import analysis\n"
        f"loader.load_book(Path({str(ROOT)!r}), analysis.Limits(30, 9, 49152, 8192))\n"
        f"print([m for m in {HEAVY_MODULES} if m in sys.modules])"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert process.stdout.strip() == "[]"


keys = st.sampled_from(
    [
        "id",
        "title",
        "analysis",
        "prompts",
        "layers",
        "claims",
        "captions",
        "check",
        "says",
        "top_k",
        "x",
    ]
)
leaves = st.sampled_from(
    [
        "next-token",
        "attention-pattern",
        "rope",
        "",
        "all",
        "result.x == 1",
        "r('",
        -1,
        0,
        30,
        1.5,
        True,
    ]
)
trees = st.recursive(
    st.none() | leaves | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=12,
)
experiments = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "b", 1]), "analysis": st.sampled_from(registry.names())},
    optional={"title": st.just("t")},
).flatmap(lambda head: st.dictionaries(keys, trees, max_size=5).map(lambda rest: rest | head))


@given(st.lists(experiments | trees, max_size=3) | trees)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_tree_of_values_is_a_chapter_or_a_spec_error(specs, tree):
    """The tree is written as JSON, which is a subset of YAML."""
    _assert_loads_or_reports(specs, json.dumps({"chapter": "c", "title": "t", "experiments": tree}))


pieces = [
    "chapter: a\n",
    "title: b\n",
    "experiments:\n",
    "  - id: x\n",
    "    analysis: rope\n",
    "    layers: ",
    "&a ",
    "*a",
]
pieces += [
    *"[]{},:-'\"|>#%!\n \t",
    "all",
    "0",
    "\u2028",
    "é",
    "    claims:\n",
    "      - says: x\n",
    "        check: ",
    "==\n",
]


@given(st.lists(st.sampled_from(pieces), max_size=25).map("".join) | st.text(max_size=80))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_text_is_a_chapter_or_a_spec_error(specs, text):
    _assert_loads_or_reports(specs, text)


def _assert_loads_or_reports(specs, text):
    path = specs.write("fuzz.yaml", text.encode("utf-8", "surrogatepass"))
    lines = text.encode("utf-8", "replace").decode().count("\n") + text.count("\r") + 2
    try:
        assert load_chapter(path, LIMITS).title
    except SpecError as error:
        assert error.problems
        assert all(1 <= p.line <= lines and p.column >= 1 and p.message for p in error.problems)


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ("analysis: generate\nprompts: [a]\nmax_new_tokens: .inf", "8:17: .inf is not"),
        ("analysis: sinusoidal-encoding\nC: [-.inf]", "7:5: -.inf is not"),
        ("analysis: sinusoidal-encoding\nsweep: {C: [.inf, .nan]}", "7:13: .inf is not"),
        ('analysis: tokenize\nprompts: ["\\ud83d"]', "7:11: an escape is a lone"),
        ('analysis: tokenize\n"\\ud83d": 1\nprompts: [a]', "7:1: an escape is a lone"),
    ],
)
def test_reports_a_value_that_cannot_be_read_once(specs, keys, expected):
    """Its placeholder is not checked against the bounds as well."""
    problems = specs.experiment_problems(keys)
    line, column = map(int, expected.split(":")[:2])
    expected = f"{line}:{column + 4}:" + expected.split(":", 2)[2]
    assert problems[0].startswith(expected)
    assert len({problem.split(": ")[0] for problem in problems}) == len(problems)


def test_reports_an_impossible_date(specs):
    """The 30th of February has the form of a date."""
    head = "title: T\nmodel: m\nchapters: [c]\npublished: "
    specs.write("experiments/c.yaml", "chapter: c\ntitle: T\n")
    specs.write("experiments/book.yaml", head + "2024-02-29\n")
    assert specs.book().spec.published == "2024-02-29"
    specs.write("experiments/book.yaml", head + "2026-02-30\n")
    assert problems(specs.book) == [
        "experiments/book.yaml:4:12: 2026-02-30 is not a date: day is out of range for month"
    ]


def test_suggests_keys_inside_a_mapping_of_names(specs):
    """The names in `views` are free, the keys below them are not."""
    keys = "analysis: next-token\nsweep: {prompts: [a, b]}\nmeasures: {n: result.d_vocab}\n"
    (problem,) = specs.experiment_problems(
        keys + "views: {bars: {measure: n, across: prompts, acros: prompts}}"
    )
    assert problem.endswith("unknown key 'acros' (did you mean 'across'?)")


def test_notes_what_the_model_does_not_support(specs):
    """Notes are by experiment, from the limits alone; impossible layers are an error."""
    text = "chapter: a\ntitle: A\nexperiments:\n"
    for id, analysis, rest in (
        ("turns", "rope", "    layer: 1\n    head: 0\n"),
        ("shapes", "mlp-shapes", "    layer: 1\n"),
        ("next", "next-token", ""),
    ):
        prompt = "prompts: [x]" if id == "next" else "prompt: x"
        text += f"  - id: {id}\n    analysis: {analysis}\n    {prompt}\n{rest}"
    specs.write("experiments/a.yaml", text)
    gpt2 = replace(LIMITS, family="GPT-2", missing=frozenset({"rope", "gated mlp", "silu"}))
    chapter = load_chapter(Path("experiments/a.yaml"), gpt2)
    assert [experiment.inapplicable for experiment in chapter.experiments] == [
        "it needs queries and keys that are turned by their positions (RoPE), which GPT-2 lacks",
        "it needs an MLP with a gate and an MLP with SiLU as its activation function, "
        "which GPT-2 lacks",
        "",
    ]
    smollm3 = replace(LIMITS, layers_without_rope=frozenset({1}))
    messages = problems(lambda: load_chapter(Path("experiments/a.yaml"), smollm3))
    assert (
        "experiments/a.yaml:7:12: layer 1 of this model does not turn queries and keys (no RoPE)"
        in messages
    )
