"""`python -m generator` is `layerbook`."""

from generator.cli import main

if __name__ == "__main__":  # and not in the processes that draw
    main()
