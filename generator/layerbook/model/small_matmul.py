"""Products of whole weights with the vectors of a few tokens, which is nearly all that writing token by token does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from torch import Tensor, nn
from torch.nn import functional

MAX_ROWS = 8


@contextmanager
def fast_small_matmul(network: nn.Module) -> Iterator[None]:
    """For the time of the block, every `nn.Linear` multiplies W x^T instead of x W^T where x has few rows.

    The result is the same up to rounding. MKL's kernel for x W^T copies the weight on the way, which for few rows
    takes longer than the product; the other way round it reads the weight once, two to three times as fast.
    """
    linears = [module for module in network.modules() if type(module) is nn.Linear]
    for module in linears:
        module.forward = partial(_linear_forward, module)  # type: ignore[method-assign]
    try:
        yield
    finally:
        for module in linears:
            del module.forward


def _linear_forward(module: nn.Linear, x: Tensor) -> Tensor:
    rows = x.reshape(-1, module.in_features)
    if len(rows) > MAX_ROWS:
        return functional.linear(x, module.weight, module.bias)
    # A single column would be a product of a matrix with a vector, which is slower than with two.
    wide = rows if len(rows) > 1 else rows.repeat(2, 1)
    product = (module.weight @ wide.T).T[: len(rows)]  # [rows, out]
    if module.bias is not None:
        product = product + module.bias
    return product.reshape(*x.shape[:-1], module.out_features)
