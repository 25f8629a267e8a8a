"""Data for the figures that readers can play with."""
