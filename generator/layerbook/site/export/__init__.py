"""A built site as one file: PDF, EPUB, slides, an archive, and its figures as pictures."""
