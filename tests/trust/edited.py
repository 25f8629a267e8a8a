"""Results as if committed by somebody else: edited, and signed again."""

from __future__ import annotations

from dataclasses import replace as changed
from pathlib import Path
from typing import Any

from generator.analyses.next_token import NextToken
from generator.store import results as store


def edit_result(book: Path, **fields: Any) -> Any:
    """Put other values into the first prompt of next/sum, as if committed elsewhere; what was there."""
    path = next((book / "experiments" / "results").glob("*/next/sum.json"))
    entry = store.load(path, NextToken.result_type)
    first = entry.result.prompts[0]
    result = entry.result.model_copy(update={"prompts": (first.model_copy(update=fields), *entry.result.prompts[1:])})
    store.write(path, changed(entry, result=result))
    return first
