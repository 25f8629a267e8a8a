"""The sandbox in which all templates of a book run: its reach and its cost are limited."""
