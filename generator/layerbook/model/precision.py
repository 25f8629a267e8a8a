"""The floating-point types of a network, and float64 where transformers asks for float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from layerbook.core.requests import Precision

DTYPES: Mapping[Precision, torch.dtype] = {"float64": torch.float64, "float32": torch.float32}


class KeepFloat64(TorchFunctionMode):
    """Within the block, torch reads every request for float32 as one for float64.

    Converting the weights to float64 is not enough: transformers computes norms, the softmax and
    RoPE's angles in float32 regardless.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call the function with float64 in place of float32."""
        if func is torch.Tensor.float:
            func = torch.Tensor.double
        widened = (torch.float64 if arg is torch.float32 else arg for arg in args)
        options = dict(kwargs or {})
        if options.get("dtype") is torch.float32:
            options["dtype"] = torch.float64
        return func(*widened, **options)


def arithmetic(precision: Precision) -> AbstractContextManager[object]:
    """Return the context in which a network computes in this precision throughout."""
    return KeepFloat64() if precision == "float64" else nullcontext()
