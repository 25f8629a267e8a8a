"""Results on disk: what they depend on, writing them whole, comparing them."""
