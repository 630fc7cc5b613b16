"""``python -m melody``: the command line."""

import sys

from melody.cli import main

if __name__ == "__main__":  # worker processes of ``prepare`` import this file under another name
    sys.exit(main())
