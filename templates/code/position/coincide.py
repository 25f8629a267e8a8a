# equals: [r("sinusoids").encodings[0].closest[1], r("sinusoids").encodings[0].closest_distance]
PE = encoding(128, 576, C=1)
distances = (PE[1:] - PE[0]).norm(dim=1)  # of positions 1, 2, 3, ... from position 0
closest = distances.argmin().item()
[closest + 1, round(distances[closest].item(), 4)]
