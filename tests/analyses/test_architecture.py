"""The decoder diagram against the parameters that torch counts, for several kinds of Llama."""

import pytest
from fixtures.run_analysis import run
from fixtures.tiny_llama import write_tiny_model
from layerbook.analyses.architecture import Architecture
from layerbook.model.loaded_model import LoadedModel
from layerbook.plotting import render

KINDS = {
    "tied": {},
    "untied": {"tie_word_embeddings": False},
    "with biases": {"attention_bias": True, "mlp_bias": True},
    "four layers, every head its own keys": {"num_hidden_layers": 4, "num_key_value_heads": 4},
}


@pytest.fixture(scope="module", params=list(KINDS))
def model(request, tmp_path_factory):
    """A tiny Llama of each kind."""
    return LoadedModel.load(
        write_tiny_model(tmp_path_factory.mktemp("llama"), **KINDS[request.param]), "tiny"
    )


def test_boxes_count_every_parameter_once(model):
    """The sum equals torch's count, overall and by kind; a tied matrix counts once."""
    result = run(model, Architecture())

    total = sum(weight.numel() for weight in model.network.parameters())
    assert result.parameters == total
    assert sum(part.total for part in result.parts) == total
    for part in result.parts:
        assert part.total == part.parameters * (result.layers if part.inside else 1)
    named = dict(model.network.named_parameters())
    mlp = sum(weight.numel() for name, weight in named.items() if ".mlp." in name)
    norms = sum(weight.numel() for name, weight in named.items() if "norm" in name)
    assert result.shares["mlp"] == pytest.approx(mlp / total)
    assert result.shares["norms"] == pytest.approx(norms / total)
    assert sum(result.shares.values()) == pytest.approx(1)


def test_every_module_with_weights_is_in_one_box(model):
    """The boxes name all modules of a layer and outside it, with the shapes of their weights."""
    result = run(model, Architecture())

    listed = [path for part in result.parts for path in part.weights]
    assert len(listed) == len(set(listed))
    for part in result.parts:
        for path, shape in part.weights.items():
            prefix = "model.layers.0." if part.inside else "" if path == "lm_head" else "model."
            assert shape == tuple(model.network.get_submodule(prefix + path).weight.shape)
    modules = [
        name
        for name, module in model.network.named_modules()
        if list(module.parameters(recurse=False))
    ]
    count = sum(len(part.weights) * (result.layers if part.inside else 1) for part in result.parts)
    assert count == len(modules)


def test_diagram_follows_the_computation(model):
    """The input comes first; attention and MLP each end a branch of the residual stream."""
    result = run(model, Architecture())
    diagram = Architecture().figures(result)["decoder"]

    assert [block.part for block in diagram.blocks][:2] == ["tokens", "embeddings"]
    assert [block.name for block in diagram.blocks][-2:] == ["Unembedding", "Sampling"]
    inside = [i for i, block in enumerate(diagram.blocks) if block.inside]
    assert inside == list(range(inside[0], inside[-1] + 1))
    assert [block.name for block in diagram.blocks if block.adds] == ["Attention", "MLP"]
    assert diagram.blocks[inside[-1]].adds
    assert (diagram.repeat, diagram.d_model) == (
        model.config.num_hidden_layers,
        model.config.hidden_size,
    )
    assert sum(row[2] for row in diagram.table().rows) == result.parameters
    drawn = render.render_figure(diagram, "decoder")
    assert all(block.name in drawn for block in diagram.blocks)


def test_tied_matrix_is_counted_at_the_embedding(model):
    """A tied unembedding counts no parameters; an untied one counts as many as the embedding."""
    result = run(model, Architecture())
    by_name = {part.name: part for part in result.parts}

    assert result.tied == model.config.tie_word_embeddings
    assert by_name["Unembedding"].total == (0 if result.tied else by_name["Embedding"].total)
    assert ("the embedding again" in by_name["Unembedding"].shape) == result.tied
    assert len(Architecture().figures(result)["parameters"].values) == (4 if result.tied else 5)


def test_alt_text_of_the_modules_counts_the_layers(model):
    """In a model with one layer nothing exists several times."""
    result = run(model, Architecture())
    several = Architecture().figures(result)["modules"].alt
    assert several.endswith(f"those of the layers exist {result.layers} times.")
    single_layer = result.model_copy(update={"layers": 1})
    assert Architecture().figures(single_layer)["modules"].alt.endswith("and their shapes.")
