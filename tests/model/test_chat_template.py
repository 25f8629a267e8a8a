"""Chat templates render as in transformers, on a fixed date."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from datetime import date, datetime
from pathlib import Path

import pytest
from fixtures.chat_templates import CHATML, GEMMA, LLAMA_3, MISTRAL, TEMPLATES
from fixtures.small_book import layerbook, write_small_book
from hypothesis import given, settings
from hypothesis import strategies as st
from layerbook.core.errors import ModelError
from layerbook.core.prompts import ChatPrompt, as_prompt
from layerbook.core.requests import ChatMessage, Prompt
from layerbook.model.chat_template import CHAT_DATE, ChatTemplate
from layerbook.model.tokenizer import ModelTokenizer
from transformers import PreTrainedTokenizerFast
from transformers.utils import chat_template_utils

CONTENTS = st.one_of(
    st.sampled_from(
        [
            "Hello",
            " two\n\nlines ",
            "<|im_end|> {{ bos_token }} {% if %}",
            "a <b> & 'c' \"d\"",
            "née 🙂",
            "<think>\nhm\n</think>\n\nyes",
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
)
CHATS = st.lists(
    st.builds(ChatMessage, role=st.sampled_from(["system", "user", "assistant"]), content=CONTENTS),
    min_size=1,
    max_size=5,
)


@pytest.fixture(scope="module")
def reference(tiny_model_dir):
    """Yield transformers' tokenizer of the tiny model, on the fixed day."""

    class FixedDay(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime(CHAT_DATE.year, CHAT_DATE.month, CHAT_DATE.day)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chat_template_utils, "datetime", FixedDay)
        yield PreTrainedTokenizerFast.from_pretrained(tiny_model_dir)


def rendered(render):
    """Return the rendered text, or a text that says that the template refuses."""
    try:
        return render()
    except Exception as error:
        return f"refused: {str(error).rpartition(': ')[2]}"


@settings(max_examples=40, deadline=None)
@given(messages=CHATS, answer=st.booleans())
@pytest.mark.parametrize("name", TEMPLATES)
def test_chats_are_those_of_transformers(reference, name, messages, answer):
    """Both give the same text, or both refuse."""
    template = TEMPLATES[name]
    ours = rendered(
        lambda: ChatTemplate(template, reference.special_tokens_map).render(
            Prompt(messages=tuple(messages), answer=answer)
        )
    )
    theirs = rendered(
        lambda: reference.apply_chat_template(
            [message.model_dump() for message in messages],
            chat_template=template,
            add_generation_prompt=answer,
            tokenize=False,
        )
    )
    assert ours == theirs


def test_format_takes_any_name():
    """A field can have the name of a parameter of our own functions."""
    template = ChatTemplate("{{ '%(text)s!' | format(text=messages[0].content) }}", {})
    assert template.render(as_prompt(ChatPrompt(chat="hi"))) == "hi!"


def test_date_is_fixed_unless_it_is_given():
    """Llama 3's template has the date, so a real clock would change results overnight."""
    template = ChatTemplate(LLAMA_3, {"bos_token": "<s>"})
    plain, dated = ChatPrompt(chat="hi"), ChatPrompt(chat="hi", date=date(2031, 1, 2))
    text = template.render(as_prompt(plain))
    assert "Today Date: 26 Jul 2024" in text
    assert template.render(as_prompt(dated)) == text.replace("26 Jul 2024", "02 Jan 2031")
    assert plain.model_dump(mode="json") == {"chat": "hi", "answer": True}
    assert ChatPrompt.model_validate_json(dated.model_dump_json(), strict=True) == dated


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("", "no chat template, so a spec cannot use `chat:`"),
        (MISTRAL, r"refuses this chat: conversation roles must alternate"),
        ("{% for %}", r"refuses this chat: Expected an expression"),
        ("{{ messages[9].content.x }}", r"refuses this chat: .*has no element 9"),
        ("{{ none + 'a' }}", r"refuses this chat: unsupported operand"),
        ("{{ ''.__class__.__mro__ }}", r"refuses this chat: access to attribute '__class__'"),
    ],
)
def test_refusals_are_model_errors(template, message):
    """The message is that of the template."""
    twice = (ChatMessage(role="user", content="hi"),) * 2
    with pytest.raises(ModelError, match=message):
        ChatTemplate(template).render(Prompt(messages=twice))


@pytest.fixture
def folder(tiny_model_dir, tmp_path) -> Path:
    """Copy the tiny model without its template."""
    folder = Path(shutil.copytree(tiny_model_dir, tmp_path / "copy"))
    (folder / "chat_template.jinja").unlink()
    return folder


def declare(folder: Path, template: object) -> None:
    """Write a template into tokenizer_config.json."""
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"chat_template": template}))


def test_templates_in_the_settings(folder):
    """The setting is a string, or a list of named templates with `default` for plain chats."""
    prompt = Prompt(messages=(ChatMessage(role="user", content="hi"),))
    named = [
        {"name": "tool_use", "template": "with tools"},
        {"name": "default", "template": "plain {{ messages[0].content }}"},
    ]
    for template in (named[1]["template"], named, {"default": named[1]["template"]}):
        declare(folder, template)
        assert ModelTokenizer.load(folder).encode(prompt).text == "plain hi"
        reference = PreTrainedTokenizerFast.from_pretrained(folder)
        assert reference.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False)
    (folder / "chat_template.jinja").write_text("of its own file")
    assert ModelTokenizer.load(folder).encode(prompt).text == "of its own file"


@pytest.mark.parametrize("template", [[{"name": "rag", "template": "x"}], [1], {"a": "b"}])
def test_refuses_templates_without_a_default(folder, template):
    declare(folder, template)
    with pytest.raises(ModelError, match="neither a text nor named templates"):
        ModelTokenizer.load(folder)


def test_rendering_imports_neither_torch_nor_transformers(tiny_model_dir):
    code = f"""
import sys
from pathlib import Path
from layerbook.core.requests import ChatMessage, Prompt
from layerbook.model.tokenizer import ModelTokenizer
tokenizer = ModelTokenizer.load(Path({str(tiny_model_dir)!r}))
tokenizer.encode(Prompt(messages=(ChatMessage(role="user", content="hi"),)))
print(sorted({{"torch", "transformers"}} & set(sys.modules)))
"""
    completed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert completed.stdout.strip() == "[]"


def test_check_reports_what_the_template_refuses(folder, tmp_path):
    """The error is at the prompt's position, in a book and in a single spec."""
    book = write_small_book(tmp_path / "book", folder)
    spec = book / "experiments" / "words.yaml"
    spec.write_text(
        spec.read_text().replace(
            'prompts: ["The cat sat", "2 + 2"]',
            'prompts: ["The cat sat", {chat: hello}, {chat: [{role: system, content: Be brief}]}]',
        )
    )
    position = "experiments/words.yaml:8:"
    missing = layerbook("check", cwd=book)
    assert missing.returncode == 2 and missing.stderr.count("no chat template") == 2
    assert f"{position}37: this model has no chat template" in missing.stderr
    assert layerbook("check", spec, cwd=book).stderr == missing.stderr

    (folder / "chat_template.jinja").write_text(GEMMA)
    refused = layerbook("check", cwd=book)
    assert refused.returncode == 2
    assert refused.stderr == (
        f"{position}77: the model's chat template refuses this chat: System role not supported\n"
        "1 problem\n"
    )
    (folder / "chat_template.jinja").write_text(CHATML)
    layerbook("check", cwd=book, check=True)
