"""`python -m edgedistill`: the command line, where no script of it is on the path."""

from edgedistill.cli import main

main()
