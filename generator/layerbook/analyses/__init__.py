"""One file per analysis; the folder is the registry."""
