"""python -m tests.robustness: see table.py."""

import sys

from tests.robustness.table import main

if __name__ == "__main__":
    sys.exit(main())
