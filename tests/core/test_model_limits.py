"""Parameters that depend on the model: `at most N`, and chats without a template."""

from __future__ import annotations

import pytest
from layerbook.analyses.attention_stages import AttentionStages
from layerbook.analyses.next_token import NextToken
from layerbook.core.limits import Limits
from layerbook.core.prompts import ChatPrompt

PLAIN_CHAT = {"chat": "Who?", "without_template": "plain"}


@pytest.mark.parametrize(("layers", "layer"), [(2, 1), (24, 23), (30, 23)])
def test_at_most_is_limited_by_the_model(layers: int, layer: int) -> None:
    limits = Limits(layers=layers, heads=4, d_vocab=100, context=64)
    spec = {"prompt": "The cat", "layer": "at most 23", "head": "at most 9"}
    analysis = AttentionStages.model_validate(spec, context={"limits": limits})
    assert (analysis.layer, analysis.head) == (layer, 3)


def test_chat_without_a_template_is_refused() -> None:
    limits = Limits(layers=2, heads=4, d_vocab=100, context=64, chat_template=False)
    analysis = NextToken.model_validate({"prompts": [PLAIN_CHAT]}, context={"limits": limits})
    assert analysis.prompts == ("Who?",)


def test_chat_with_a_template_is_accepted() -> None:
    limits = Limits(layers=2, heads=4, d_vocab=100, context=64)
    analysis = NextToken.model_validate({"prompts": [PLAIN_CHAT]}, context={"limits": limits})
    assert analysis.prompts == (ChatPrompt(chat="Who?"),)
