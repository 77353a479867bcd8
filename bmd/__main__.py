"""``python -m bmd``: the command line."""

import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: spinning threads starve everything else

from bmd.cli import main

if __name__ == "__main__":
    sys.exit(main())
