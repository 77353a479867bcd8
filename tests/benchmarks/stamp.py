"""Where and when a benchmark ran, and what it needed: the same words in every record."""

from __future__ import annotations

import platform
import resource
import subprocess
from datetime import date


def stamp() -> dict[str, object]:
    """Date, commit and hardware."""
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return {
        "date": date.today().isoformat(),
        "commit": commit.stdout.strip(),
        "hardware": platform.processor() or platform.machine(),
    }


def peak_mb() -> int:
    """Largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
