"""`python -m generator`, and where the command `layerbook` begins: Ctrl-C is understood before anything is loaded."""


def main() -> None:
    """The command line."""
    try:
        from generator.cli import main as command
    except KeyboardInterrupt:
        from generator import interrupted

        interrupted.end()
    command()


if __name__ == "__main__":  # and not in the processes that draw
    main()
