"""The code of the model that runs in the page, function by function."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from textwrap import dedent

from layerbook.core.errors import UsageError
from layerbook.site.experiment_view import unknown_name

_FUNCTION = re.compile(
    r"^(?P<comments>(?:[ \t]*//.*\n)*)"
    r"(?P<indent>\t?)(?:(?:export )?(?:async )?function )?(?:get )?\*?(?P<name>\w+)\(.*\{\n"
    r"(?:.*\n)*?(?P=indent)\}\n",
    re.MULTILINE,
)


@cache
def live_code() -> str:
    """Return the script that is the whole model."""
    code = files("layerbook.templates").joinpath("assets", "live", "model.js")
    return code.read_text(encoding="utf-8")


@cache
def live_length() -> int:
    """Return the number of lines of the model, without comments and empty lines."""
    lines = map(str.strip, live_code().splitlines())
    return sum(bool(line) and not line.startswith("//") for line in lines)


@cache
def live_functions() -> dict[str, str]:
    """Return the functions of the model, with their comments, by name; methods as `Model.name`."""
    return {
        f"Model.{match['name']}" if match["indent"] else match["name"]: (
            dedent(match[0]).expandtabs(2)
        )
        for match in _FUNCTION.finditer(live_code())
    }


def find_functions(names: tuple[object, ...]) -> str:
    """Return the code of some functions. Raises UsageError for a name that is not there."""
    functions = live_functions()
    if not names:
        raise UsageError("live_source() needs the name of a function in model.js")
    for name in names:
        if name not in functions:
            raise unknown_name("function", str(name), functions, owner="model.js")
    return "\n".join(functions[str(name)] for name in names)
