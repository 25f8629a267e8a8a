"""`python -m generator` is `layerbook`."""

from generator.cli import main

main()
