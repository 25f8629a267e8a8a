# equals: [s.distance[1] for s in r("sinusoids").encodings]
import torch


def encoding(positions, d, C):
    k = torch.arange(d, dtype=torch.float64) // 2  # the clock of each column
    angles = torch.arange(positions)[:, None] / C ** (2 * k / d)
    even = torch.arange(d) % 2 == 0
    return torch.where(even, angles.sin(), angles.cos())

neighbors = [encoding(2, 576, C) for C in (1, 10, 100, 1000, 10000)]
[round((PE[1] - PE[0]).norm().item(), 4) for PE in neighbors]
