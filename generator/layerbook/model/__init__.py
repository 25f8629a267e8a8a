"""Download, load and run the language model. The only package that imports torch."""
