"""Figures drawn: one drawer per kind, SVG in one style. Only here is matplotlib imported."""
