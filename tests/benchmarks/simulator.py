"""Films and people per second and core, and peak memory, of the simulator: ``python -m tests.benchmarks.simulator``.

Counts the CPU time of this process, so that other work on the machine disturbs it less. Aim of the project: at least 6
films of 288 x 288 and 500 people per second and core, under 400 MB.
"""

from __future__ import annotations

import json
import time

import cv2
import numpy as np

from bmd.simulator.case import simulate_film
from bmd.simulator.person.sample import sample_person
from tests.benchmarks.stamp import peak_mb, stamp


def measure(size: int, count: int = 40) -> dict[str, object]:
    """Simulate ``count`` films of ``size`` after one to compile, and say how it went."""
    cv2.setNumThreads(1)
    simulate_film(0, size)
    start = time.process_time()
    for seed in range(1, count + 1):
        simulate_film(seed, size)
    seconds = (time.process_time() - start) / count
    return {
        **stamp(),
        "size": size,
        "films_per_cpu_second": round(1 / seconds, 2),
        "peak_mb": peak_mb(),
    }


def people_per_cpu_second(count: int = 300) -> float:
    """How many people are drawn in a second of this process."""
    rng = np.random.default_rng(9)
    sample_person(rng)
    start = time.process_time()
    for _ in range(count):
        sample_person(rng)
    return round(count / (time.process_time() - start), 1)


if __name__ == "__main__":
    for size in (288, 384):
        print(json.dumps(measure(size)))
    print(json.dumps({**stamp(), "people_per_cpu_second": people_per_cpu_second()}))
