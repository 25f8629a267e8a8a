"""`python -m layerbook`, and where the command `layerbook` begins: Ctrl-C is understood before
anything is loaded.
"""


def main() -> None:
    """The command line."""
    try:
        from layerbook.cli.main import main as command
    except KeyboardInterrupt:
        from layerbook.cli import interrupt

        interrupt.exit_interrupted()
    command()


if __name__ == "__main__":  # and not in the processes that draw
    main()
