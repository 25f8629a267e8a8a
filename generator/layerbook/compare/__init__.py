"""Compare two sets of results, and verify the committed results."""
