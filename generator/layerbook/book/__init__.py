"""YAML into a checked `Book`."""
