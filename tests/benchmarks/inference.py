"""Film to outlines, T-scores and heat maps: seconds and peak memory. ``python -m tests.benchmarks.inference``.

Aim of the project: at most 0.5 s warm on two cores and 1.2 GB. Gives medians of ten warm runs on a simulated film, each
figure that has a bar as the pair of both, with the CPU time of this process, which other work on the machine disturbs
less; then the same film stretched to 2, 8, 15 and 39 megapixels, as full-size exports are.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO

import cv2
import numpy as np
from PIL import Image

from bmd.app.viewers.film import pack
from bmd.modality import adopted, analyse, explain, picture
from bmd.readers.picture import read_picture
from bmd.simulator.case import simulate_film
from bmd.types import Study
from tests.benchmarks.stamp import peak_mb, stamp

WARM_S, PEAK_MB = 0.5, 1200
LARGE_S = {2: 1.0, 8: 1.5, 15: 2.0, 39: 4.0}
"""Megapixels, and seconds in which a film of so many is to be analysed once it is read."""
SEED = 7


def film(rows: int = 1024, megapixels: float | None = None) -> Study:
    """A simulated film; stretched, with the fine noise of a detector, where a size in megapixels is asked for."""
    study = simulate_film(SEED, rows).study
    pixels = study.images[0].pixels
    if megapixels is not None:
        factor = (megapixels * 1e6 / pixels.size) ** 0.5
        pixels = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
        pixels = pixels + 0.01 * np.random.default_rng(0).standard_normal(pixels.shape, np.float32)
        pixels = np.clip(pixels, 0, 1).astype(np.float32)
    return replace(study, images=(replace(study.images[0], pixels=pixels, view=None),))


def seconds(run: Callable[[], object], times: int) -> tuple[float, float]:
    """Median seconds on the wall and of this process."""
    wall, own = [], []
    for _ in range(times):
        start, busy = time.perf_counter(), time.process_time()
        run()
        wall.append(time.perf_counter() - start)
        own.append(time.process_time() - busy)
    return statistics.median(wall), statistics.median(own)


def measure(runs: int = 10, rows: int = 1024) -> dict[str, object]:
    """Analyse and explain one film ``runs`` times after one cold run."""
    study = film(rows)

    def whole() -> None:
        explain(study, analyse(study))

    cold, _ = seconds(whole, 1)
    warm, busy = seconds(whole, runs)
    analysing, _ = seconds(lambda: analyse(study), runs)
    report = analyse(study)
    return {
        **stamp(),
        "device": report.device,
        "suitable": report.suitability.suitable,
        "heat_maps": len(explain(study, report)),
        "cold_s": round(cold, 2),
        "analyse_s": round(analysing, 2),
        "warm_cpu_s": round(busy, 2),
        "warm_s": {"measured": round(warm, 2), "bar": WARM_S},
        "peak_mb": {"measured": peak_mb(), "bar": PEAK_MB},
    }


def measure_large(megapixels: float, runs: int = 3) -> dict[str, object]:
    """CPU seconds of each step on a film of many pixels, and seconds on the wall of the analysis."""
    study = film(megapixels=megapixels)
    report = analyse(study)
    png = BytesIO()
    Image.fromarray((study.images[0].pixels * 255).round().astype("u1")).save(png, "PNG", compress_level=1)
    steps = {
        "read": lambda: read_picture(png.getvalue()),
        "route": lambda: adopted(study),
        "analyse": lambda: analyse(study),
        "explain": lambda: explain(study, report),
        "pack": lambda: pack(study.images[0].pixels),
        "png": lambda: picture(study, report),
    }
    timed = {name: seconds(step, runs) for name, step in steps.items()}
    return {
        **stamp(),
        "megapixels": megapixels,
        "suitable": report.suitability.suitable,
        "analyse_s": {"measured": round(timed["analyse"][0], 2), "bar": LARGE_S.get(int(megapixels))},
        **{f"{name}_cpu_s": round(busy, 2) for name, (_, busy) in timed.items()},
        "peak_mb": peak_mb(),
    }


if __name__ == "__main__":
    print(json.dumps(measure()))
    for size in LARGE_S:
        print(json.dumps(measure_large(size)))
