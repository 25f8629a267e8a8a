# equals: r("rope").original.pattern[-1]
speeds = 100_000 ** -(torch.arange(32).double() / 32)

def turn(v, position):  # pair i: the numbers i and i + 32
    pairs = torch.complex(v[:, :32], v[:, 32:])
    pairs = pairs * torch.exp(1j * position[:, None] * speeds)
    return torch.cat([pairs.real, pairs.imag], dim=1)

position = torch.arange(5)
scores = turn(q, position) @ turn(k, position).T / 8  # 8 is the square root of 64
[round(share, 4) for share in scores[-1].softmax(dim=0).tolist()]
