# equals: [0.14, -0.99, 0.30, 0.96]
# within: 0.01
import torch


def encoding(positions, d, C):
    k = torch.arange(d, dtype=torch.float64) // 2  # the clock of each column
    angles = torch.arange(positions)[:, None] / C ** (2 * k / d)
    even = torch.arange(d) % 2 == 0
    return torch.where(even, angles.sin(), angles.cos())

[round(x, 2) for x in encoding(4, 4, 100)[3].tolist()]  # seat 3
