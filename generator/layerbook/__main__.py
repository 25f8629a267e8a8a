"""Run `python -m layerbook`, and the command `layerbook`.

Ctrl-C is handled before anything else is imported.
"""

import os
import sys


def main() -> None:
    """Run the command line."""
    os.environ["PYTHONSAFEPATH"] = "1"  # no process that we start imports from a book's folder
    # Some installed packages add relative folders, which a book could have.
    sys.path[:] = [folder for folder in sys.path if os.path.isabs(folder)]  # noqa: PTH117, fast
    _open_closed_streams()
    try:
        from layerbook.cli.main import main as command
    except KeyboardInterrupt:
        from layerbook.cli import interrupt

        interrupt.exit_interrupted()
    command()


def _open_closed_streams() -> None:
    """Open the null device in place of each standard stream that the caller closed.

    Python sets such a stream to None, and the next file that is opened would take its number.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode, encoding="utf-8")  # noqa: PTH123, pathlib is slow
            setattr(sys, name, stream)


if __name__ == "__main__":  # skipped in the processes that draw figures
    main()
