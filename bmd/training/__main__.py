"""``python -m bmd.training NAME [key=value ...]``; ``python -m bmd train`` does the same."""

from __future__ import annotations

import logging
import os
import sys

from bmd.errors import BmdError
from bmd.models._registry import names

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # before torch: spinning threads starve everything else


log = logging.getLogger(__name__)


def main(words: list[str]) -> int:
    """Train the network named first with the ``key=value`` words after it; returns the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    if not words or words[0] in ("-h", "--help"):
        log.info("usage: python -m bmd.training NAME [key=value ...]\nnetworks: %s", ", ".join(names()))
        return 0 if words else 2
    from bmd.training import train

    try:
        train(words[0], words[1:])
    except BmdError as error:
        log.error("%s", error)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
