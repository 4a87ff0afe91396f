"""How a Python process of ours starts another one."""

import sys


def python_command(*arguments: str) -> list[str]:
    """The command line of this Python with arguments, `-m` or `-c` and what follows.

    Both put the current folder first on the module path, before the standard library, so that in a folder of downloads
    a stranger's `argparse.py` would run. `-P` leaves it out. `-I` would as well, but hides packages that were installed
    with `pip install --user`, and edgedistill may be one.
    """
    return [sys.executable, "-P", *arguments]
