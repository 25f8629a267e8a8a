"""Compare two sets of results; verify the committed ones."""
