"""Run the command line with ``python -m quietmr``."""

import sys

from quietmr.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
