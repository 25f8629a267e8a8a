"""The guide: a book about Layerbook, which `layerbook guide` writes into a folder."""
