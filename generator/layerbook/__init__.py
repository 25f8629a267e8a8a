"""Layerbook: a static lecture-book generator about how a language model works inside."""

__version__ = "0.1.0"
