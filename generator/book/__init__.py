"""The book: Markdown, math, pages, and publishing them. Only here is Jinja imported."""
