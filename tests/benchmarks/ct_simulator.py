"""Seconds per CT volume and per training row, and peak memory: ``python -m tests.benchmarks.ct_simulator``.

Counts the CPU time of this process. Aims of the project: at most 1 s per volume of 2 mm voxels and 0.3 s per person's
training views, on one core; under 1 GB.
"""

from __future__ import annotations

import json
import time

import cv2

from bmd.simulator.case import simulate_ct
from bmd.simulator.shards.ct import training_views
from tests.benchmarks.stamp import peak_mb, stamp


def measure(count: int = 5) -> dict[str, object]:
    """Simulate ``count`` volumes (abdomen and pelvis, 2 mm) and rows after one of each to compile."""
    cv2.setNumThreads(1)
    simulate_ct(0, spacing=(10, 4, 4))
    training_views(0)
    start = time.process_time()
    shapes = [
        simulate_ct(seed, spacing=(2, 2, 2), field="abdomen_pelvis").study.volume.voxels.shape
        for seed in range(1, count + 1)
    ]
    middle = time.process_time()
    for seed in range(1, count + 1):
        training_views(seed)
    end = time.process_time()
    return {
        **stamp(),
        "volume": shapes[-1],
        "volume_cpu_s": round((middle - start) / count, 2),
        "person_cpu_s": round((end - middle) / count, 2),
        "peak_mb": peak_mb(),
    }


if __name__ == "__main__":
    print(json.dumps(measure()))
