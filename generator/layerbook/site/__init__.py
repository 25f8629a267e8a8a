"""Render a book to static HTML."""
