"""Film to outlines, T-scores and heat maps: seconds and peak memory. ``python -m tests.benchmarks.inference``.

Aim of the project: at most 1 s warm on two cores and 1.5 GB. Gives medians of ten warm runs on a simulated film.
"""

from __future__ import annotations

import json
import statistics
import time

from bmd.modality import analyse, explain
from bmd.simulator.case import simulate_film
from tests.benchmarks.stamp import peak_mb, stamp


def measure(runs: int = 10, rows: int = 1024) -> dict[str, object]:
    """Analyse and explain one film ``runs`` times after one cold run."""
    study = simulate_film(7, rows).study
    start = time.perf_counter()
    explain(study, analyse(study))
    cold = time.perf_counter() - start
    analysed, explained = [], []
    for _ in range(runs):
        start = time.perf_counter()
        report = analyse(study)
        middle = time.perf_counter()
        maps = explain(study, report)
        analysed.append(middle - start)
        explained.append(time.perf_counter() - middle)
    return {
        **stamp(),
        "device": report.device,
        "cold_s": round(cold, 2),
        "analyse_s": round(statistics.median(analysed), 2),
        "explain_s": round(statistics.median(explained), 2),
        "heat_maps": len(maps),
        "peak_mb": peak_mb(),
    }


if __name__ == "__main__":
    print(json.dumps(measure()))
