"""Faster products of whole weights with the vectors of a few tokens, for generation."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional

TRANSPOSED_ROWS = 3
PADDED_ROWS = 16


@contextmanager
def fast_small_matmul(network: nn.Module) -> Iterator[None]:
    """Within the block, let every `nn.Linear` multiply few rows in the way that is fastest.

    The result is the same up to rounding. MKL's kernel for x W^T copies the weight first, which for
    up to three rows takes longer than the product; W x^T reads it once, two to three times as fast.
    For more rows it is x W^T, and in float64 a multiple of four rows takes less than one row less.
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
    count = len(rows)
    if count > PADDED_ROWS or (count == 1 and module.in_features > module.out_features):
        return functional.linear(x, module.weight, module.bias)
    if count > TRANSPOSED_ROWS:
        padded = functional.pad(rows, (0, 0, 0, -count % 4))
        product = functional.linear(padded, module.weight)[:count]  # [rows, out]
    else:
        # With one column it would be a matrix-vector product, which is slower than two columns.
        columns = rows.T if count > 1 else torch.cat([rows, rows]).T
        product = (module.weight @ columns).T[:count]
    if module.bias is not None:
        product = product + module.bias
    return product.reshape(*x.shape[:-1], module.out_features)
