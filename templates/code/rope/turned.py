# equals: r("rope").original.pattern[-1]
speeds = 100_000 ** -(torch.arange(32).double() / 32)

def turn(v, seat):  # pair i: the numbers i and i + 32
    pairs = torch.complex(v[:, :32], v[:, 32:])
    pairs = pairs * torch.exp(1j * seat[:, None] * speeds)
    return torch.cat([pairs.real, pairs.imag], dim=1)

seat = torch.arange(5)
scores = turn(q, seat) @ turn(k, seat).T / 8  # 8 is the square root of 64
[round(share, 4) for share in scores[-1].softmax(dim=0).tolist()]
