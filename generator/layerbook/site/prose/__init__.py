"""Chapters: Jinja, then Markdown."""
