"""Results on disk, and whether they are current."""
